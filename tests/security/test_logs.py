"""What others have named or written reaches no log but escaped: one line stays one line."""

from __future__ import annotations

import ast
import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from sayiir import AsyncPooledWorker, AsyncWorkflowClient, StoreError, open_store, task, workflow
from sayiir.outages import OutageLog
from sayiir.printable import printable
from tests.security.test_hostile_names import HOSTILE
from tests.security.test_static import calls, modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_one_visible_line(text: str) -> None:
    told = printable(text)
    assert told.isprintable()
    assert told == text or not text.isprintable()
    told.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_outages_are_told_in_one_line(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Their errors quote rows, paths and servers' answers."""
    log = OutageLog(logging.getLogger("sayiir.example"), f"{text[:80]}: a transaction")
    log.note(StoreError(text))
    [record] = caplog.records
    assert record.getMessage().isprintable()


def test_every_line_that_we_log_escapes_its_texts() -> None:
    """In all our modules: %s takes ``printable(...)``, or there is %r of a str, %d, %g."""
    bare: list[str] = []
    for path, module in modules().items():
        for name, call in calls(module):
            logs = isinstance(call.func, ast.Attribute) and name in _METHODS
            if not logs or "logger" not in ast.unparse(call.func).lower():
                continue
            bare += [f"{path}: {argument}" for argument in unescaped(call)]
    assert bare == ["sayiir/engine/telling.py: words"]  # one of its own constants


def unescaped(call: ast.Call) -> Iterator[str]:
    """The arguments that come to a %s as they are; a line that is no constant."""
    line = call.args[0]
    if not isinstance(line, ast.Constant) or not isinstance(line.value, str):
        yield ast.unparse(line)
        return
    marks = [part[0] for part in line.value.replace("%%", "").split("%")[1:]]
    for mark, argument in zip(marks, call.args[1:], strict=True):
        written = ast.unparse(argument)
        told = isinstance(argument, ast.Name) and argument.id == "told"
        if mark == "s" and not told and not written.startswith("printable("):
            yield written


def test_a_worker_among_hostile_instances_logs_visible_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Driving that fails is told with what the store says, whatever that quotes."""

    @task
    async def same(text: str) -> str:
        return text

    flow = workflow("w", same)

    async def main() -> None:
        store = await open_store("memory://")
        commit = store.commit

        async def quoting(checkpoints: Sequence[Any]) -> Any:
            if any(each.result is not None for each in checkpoints):
                raise StoreError("the row says\nERROR forged \x1b[2J\u202e")
            return await commit(checkpoints)

        store.commit = quoting  # type: ignore[method-assign]
        client = AsyncWorkflowClient(store)
        async with AsyncPooledWorker(store, workflows=[flow], poll_interval=0.01, grace=0.1):
            await client.submit(flow, "i", "x")
            async with asyncio.timeout(10):
                while not caplog.records:
                    await asyncio.sleep(0.01)

    with caplog.at_level(logging.INFO, "sayiir"):
        asyncio.run(main())
    assert caplog.records
    for record in caplog.records:
        assert record.getMessage().isprintable()
