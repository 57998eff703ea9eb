"""Workflows by name: ``shop.orders:fulfil_order``."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sayiir.errors import DefinitionError
from sayiir.workflow import Workflow

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["import_path", "imported_workflow"]


def import_path(workflow: Workflow[Any, Any]) -> str:
    """The name under which another process can import the workflow, as ``module:name``.

    Raises:
        DefinitionError: no imported module has it under a name, or only the program itself,
            which another process must not run.
    """
    in_program = False
    for name, module in sorted(sys.modules.items()):
        if name == "__main__":
            attribute = _name_in(module, workflow)
            in_program = attribute is not None
            real_name = _real_name(module)
            if attribute is not None and real_name is not None:
                return f"{real_name}:{attribute}"
        elif (attribute := _name_in(module, workflow)) is not None:
            return f"{name}:{attribute}"
    where = "only the program itself has it" if in_program else "no module has it under a name"
    raise DefinitionError(
        f"several processes import their workflows by name, and {where}: define it at the top of "
        "a module (a file beside the program will do) and import it from there, or run the "
        "worker with processes=1",
        workflow=workflow.name,
    )


def imported_workflow(path: str, definition_hash: str | None = None) -> Workflow[Any, Any]:
    """The workflow that ``module:name`` names.

    Raises:
        DefinitionError: it names none, or one with another definition hash.
        ImportError: its module can't be imported.
    """
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        raise DefinitionError(f"a workflow is named as module:name, not {path!r}")
    found: Any = import_module(module_name)
    for name in attribute.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Workflow):
        raise DefinitionError(f"{path} is no workflow but {found!r}")
    named: Workflow[Any, Any] = found  # pyright: ignore[reportUnknownVariableType]
    if definition_hash not in (None, named.definition_hash):
        raise DefinitionError(
            f"{path} has the definition hash {named.definition_hash} when it is imported anew, and "
            f"{definition_hash} in the process that started this one; a definition must not "
            "depend on where or when it is built",
            workflow=named.name,
        )
    return named


def _name_in(module: ModuleType, workflow: Workflow[Any, Any]) -> str | None:
    # Not getattr: a lazy module would import what it hasn't yet.
    names = getattr(module, "__dict__", None)
    if not isinstance(names, dict):
        return None
    known: dict[str, Any] = names  # pyright: ignore[reportUnknownVariableType]
    for name, value in list(known.items()):
        if value is workflow:
            return name
    return None


def _real_name(main: ModuleType) -> str | None:
    """What ``python -m`` was given; None for a script, a notebook or a prompt."""
    spec = getattr(main, "__spec__", None)
    name = getattr(spec, "name", None)
    return name if isinstance(name, str) else None
