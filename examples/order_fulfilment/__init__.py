"""A small shop whose orders are durable workflows."""
