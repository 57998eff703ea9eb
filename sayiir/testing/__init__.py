"""What users and authors of stores test with: a clock to move, a contract to pass."""
