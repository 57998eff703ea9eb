"""A request that waits for a person in another terminal."""
