"""The interpreter: a pure half that says what follows, a driving half that does it."""
