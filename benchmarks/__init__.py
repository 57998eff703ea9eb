"""Benchmarks: every figure is a ratio against a floor that is measured in the same run."""
