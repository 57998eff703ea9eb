"""Where instances live: the protocols, their records, and one package per store."""
