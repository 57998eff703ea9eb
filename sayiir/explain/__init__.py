"""What a definition tells before anything has run: bounds, needs, and what looks wrong."""
