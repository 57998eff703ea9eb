"""One adapter for each system.

An adapter runs in its system's own environment, so it imports nothing but that system and
``benchmarks.race.adapter``. It measures on a warm process, on a store that was set up before.
"""
