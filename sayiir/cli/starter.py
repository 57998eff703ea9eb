"""The files of a starter project, as ``sayiir new`` writes them; the tests run them."""

from __future__ import annotations

from importlib import resources
from string import Template

__all__ = ["starter_files"]

_NAMES = {
    "pyproject.toml.txt": "pyproject.toml",
    "workflow.py.txt": "{module}.py",
    "test_workflow.py.txt": "test_{module}.py",
    "README.md.txt": "README.md",
    "gitignore.txt": ".gitignore",
}


def starter_files(project: str, module: str) -> dict[str, str]:
    """File name -> text.

    Args:
        project: the project's name.
        module: the name of its module.
    """
    folder = resources.files("sayiir.cli") / "template"
    return {
        name.format(module=module): Template(
            (folder / source).read_text(encoding="utf-8")
        ).substitute(project=project, module=module)
        for source, name in _NAMES.items()
    }
