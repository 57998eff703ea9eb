"""What is installed here, and in which version."""

from __future__ import annotations

__all__ = ["sayiir_version"]


def sayiir_version() -> str:
    """The version of sayiir, or a word where it runs from a folder that nobody installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sayiir-py")
    except PackageNotFoundError:
        return "(not installed)"
