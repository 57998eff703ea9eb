"""``module:workflow`` on a command line: imported as the user's own program would import it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sayiir.cli.exits import Problem, UserCodeProblem
from sayiir.cli.texts import clean, nearest
from sayiir.workflow import Workflow

if TYPE_CHECKING:
    from types import ModuleType, TracebackType

__all__ = ["import_workflow", "split_target"]


def import_workflow(target: str) -> Workflow[Any, Any]:
    """The workflow that ``module:name`` names, with the current directory on ``sys.path``.

    Raises:
        Problem: the text isn't ``module:name``, there is no such module or no such workflow.
        UserCodeProblem: the module itself raised; its traceback is told.
    """
    module_name, name = split_target(target)
    module = _import(module_name)
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if isinstance(value, Workflow):
        return value  # pyright: ignore[reportUnknownVariableType]
    known = _workflows_of(module)
    listed = ", ".join(f"{module_name}:{one}" for one in known) or "none"
    if value is not None:
        raise Problem(
            f"{target} is no workflow but {_kind_of(value)}; "
            f"the workflows of {module_name}: {listed}",
            hint=("a task or flow becomes one by workflow('name', flow)",) if not known else (),
        )
    raise Problem(
        f"module {module_name} has no {clean(name)!r}; its workflows: {listed}",
        hint=nearest(target, [f"{module_name}:{one}" for one in known]),
    )


def _kind_of(value: object) -> str:
    """What a value is, in the words of the documents where they have one."""
    from sayiir import Flow, Task

    if isinstance(value, Task):
        return "a task"
    return "a flow" if isinstance(value, Flow) else f"of type {type(value).__name__}"


def split_target(target: str) -> tuple[str, str]:
    """The module's and the workflow's name.

    Raises:
        Problem: the text isn't ``module:name``.

    >>> split_target("orders:fulfil_order")
    ('orders', 'fulfil_order')
    """
    module_name, colon, name = target.partition(":")
    # A file's name is what a shell completes.
    written_as_file = module_name.endswith(".py") or "/" in module_name
    if written_as_file:
        dotted = module_name.removeprefix("./").removesuffix(".py").replace("/", ".")
        raise Problem(
            f"{clean(target)} names a file; write the module, as {clean(dotted)}:{name or 'NAME'}"
        )
    parts = [*module_name.split("."), *name.split(".")]
    if colon and all(part.isidentifier() for part in parts):
        return module_name, name
    if not colon and all(part.isidentifier() for part in module_name.split(".")):
        known = _names_if_importable(module_name)
        listed = f": {', '.join(f'{module_name}:{one}' for one in known)}" if known else ""
        raise Problem(
            f"{module_name} names a module; name its workflow too, as module:name{listed}"
        )
    raise Problem(f"{clean(target)!r} is no module:workflow; write it as orders:fulfil_order")


def _names_if_importable(module_name: str) -> list[str]:
    try:
        return _workflows_of(_import(module_name))
    except Problem:
        return []


def _workflows_of(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, Workflow)]


def _import(module_name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise _no_module(module_name, missing) from None
        raise _own_error(module_name, error) from None
    except Exception as error:
        raise _own_error(module_name, error) from None


def _no_module(module_name: str, missing: str) -> Problem:
    parent, _, last = missing.rpartition(".")
    folders = [Path.cwd()]
    if parent:
        spec = importlib.util.find_spec(parent)
        folders = [Path(one) for one in (spec.submodule_search_locations or ())] if spec else []
    known = {
        entry.stem
        for folder in folders
        for entry in sorted(folder.iterdir())
        if entry.suffix == ".py" or (entry / "__init__.py").exists()
    }
    where = f"package {parent} has no" if parent else f"neither {Path.cwd()} nor this Python has a"
    return Problem(
        f"can't import {clean(module_name)}: {where} module {clean(last)!r}",
        hint=nearest(last, known),
    )


def _own_error(module_name: str, error: Exception) -> UserCodeProblem:
    text = "".join(traceback.format_exception(error.with_traceback(_own_frames(error))))
    return UserCodeProblem(f"module {module_name} can't be imported: it raised this", text)


def _own_frames(error: Exception) -> TracebackType | None:
    """The traceback without the frames of this file and of Python's import machinery."""
    frames = error.__traceback__
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if file != __file__ and "importlib" not in file:
            return frames
        frames = frames.tb_next
    return None
