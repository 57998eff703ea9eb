"""``import sayiir``: what it offers, and what it must not cost."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

import sayiir
from sayiir import errors


def test_the_public_names_are_sorted_and_there() -> None:
    assert sayiir.__all__ == sorted(sayiir.__all__)
    for name in sayiir.__all__:
        assert getattr(sayiir, name) is not None
    assert set(sayiir.__all__) <= set(dir(sayiir))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sayiir.nothing  # type: ignore[attr-defined]


def test_importing_loads_nothing_heavy() -> None:
    heavy = (
        *("pydantic", "sqlite3", "cloudpickle", "anyio", "xxhash", "importlib.metadata"),
        *("asyncio", "sayiir.dsl.annotations", "sayiir.run_options"),
    )
    code = f"import sys, sayiir; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_durable_program_imports_what_it_uses() -> None:
    """The first line of one: no driver, nothing that only a listener or a question needs."""
    asked_for = (
        *("pydantic", "sqlite3", "asyncpg", "cloudpickle", "anyio", "pathlib", "uuid"),
        *("sayiir.events", "sayiir.description", "sayiir.stores.inspection"),
        *("sayiir.engine.telling", "sayiir.access.rerunning", "sayiir.access.describing"),
    )
    code = (
        "import sys\nfrom sayiir import CheckpointingRunner, task, workflow\n"
        f"print([m for m in {asked_for!r} if m in sys.modules])"
    )
    command = [sys.executable, "-I", "-S", "-c"]
    known = f"import sys; sys.path[:] = {sys.path!r}\n"
    done = subprocess.run([*command, known + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_error_is_called_as_it_is_imported() -> None:
    """Its module is what a traceback prints, a pickle holds, and the record of a failure keeps."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert (kind.__module__, kind.__qualname__) == ("sayiir.errors", name)
        assert pickle.loads(pickle.dumps(kind)) is kind
