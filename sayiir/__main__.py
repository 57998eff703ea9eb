"""``python -m sayiir``: the command line, as the script ``sayiir``."""

from __future__ import annotations

from sayiir.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
