"""How client, runner and worker reach instances: the store, what goes in, what comes out."""
