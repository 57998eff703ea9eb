"""Bills by the thousand, worked on by a fleet of processes, one of which is killed."""
