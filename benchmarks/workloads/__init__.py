"""What is measured. A workload takes a store's URL, so that each runs on every store."""
