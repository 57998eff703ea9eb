"""A durable survey of a tree of Python sources: see the README in this folder."""
