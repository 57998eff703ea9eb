"""The lines of the table: which workload is held against which floor, and the goals."""
