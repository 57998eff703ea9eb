"""The commands, one file for each family; ``sayiir.cli.app`` gathers them."""

from __future__ import annotations

__all__: list[str] = []
