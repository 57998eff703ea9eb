"""The race: the same work in several systems, each in an environment of its own, in turns."""
