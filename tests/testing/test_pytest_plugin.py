"""The plugin: a marker and a fixture, for every style of test, at no cost for those without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str]]

ROOT = Path(__file__).parents[2]

FLOWS = """
    import pytest
    from sayiir import delay, task, workflow
    from sayiir.testing import NotDurable

    @task(idempotent=True)
    def double(n: int) -> int:
        return 2 * n

    @task
    def charge(n: int) -> str:
        return f"paid {n}"

    safe = workflow("safe", double >> delay("1h") >> double)
    paying = workflow("paying", double >> charge)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs tests in a pytest of their own, with the plugin as its entry point would load it."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
    }

    def started(tests: str, *arguments: str) -> tuple[int, str]:
        lines = [line.removeprefix("    ") for line in (FLOWS + tests).splitlines()]
        (tmp_path / "test_it.py").write_text("\n".join(lines))
        plugins = ("-p", "sayiir_pytest", "-p", "anyio")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugins, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return started


def test_a_marked_test_explores_and_gives_the_report(run: Run) -> None:
    code, told = run("""
    @pytest.mark.durable(crash="every-write")
    def test_safe(durable):
        report = durable(safe, 1)
        assert report.output == 4
        assert report.runs > 2 * report.writes

    def test_without_marker(durable):
        assert durable(safe, 1, crash=0, pairs=0, orders=0).runs < 10

    @pytest.mark.durable(reruns="any", crash=3)
    class TestMany:
        def test_paying(self, durable):
            assert durable(paying, 1).output == "paid 2"

        def test_a_call_goes_before_the_marker(self, durable):
            with pytest.raises(NotDurable):
                durable(paying, 1, reruns="declared", crash="every-write")
    """)
    assert code == 0, told
    assert "4 passed" in told


def test_a_failure_is_told_with_the_line_that_repeats_it(run: Run) -> None:
    tests = """
    @pytest.mark.durable(crash="every-write")
    def test_paying(durable):
        durable(paying, 1)

    def test_other(durable):
        durable(safe, 1)
    """
    code, told = run(tests)
    assert code == 1
    line = "pytest 'test_it.py::test_paying' --durable-schedule='paying@before:2'"
    assert f"repeat it: {line}" in told
    assert "charge ran more than once, at charge" in told
    assert "explorer.py" not in told, "the explorer's own frames tell nothing"
    code, told = run(tests, "test_it.py::test_paying", "--durable-schedule=paying@before:2")
    assert code == 1
    assert "in 4 runs" in told
    assert line in told
    # Another schedule of the same test is no failure, and other workflows are explored whole.
    assert run(tests, "--durable-schedule=paying@before:1")[0] == 0


def test_async_tests_of_every_style_use_it(run: Run) -> None:
    """It has a loop of its own, on a thread of its own."""
    code, told = run("""
    import asyncio
    from sayiir.testing import AsyncWorkflowEnvironment, WorkflowEnvironment

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.mark.anyio
    @pytest.mark.durable(crash="every-write")
    async def test_anyio(durable):
        assert durable(safe, 1).output == 4

    @pytest.mark.anyio
    async def test_environments():
        async with AsyncWorkflowEnvironment(safe) as environment:
            await environment.run(safe, "a", 1)
            assert await environment.result("a", safe) == 4
        with WorkflowEnvironment(safe) as environment:
            environment.run(safe, "a", 1)
            assert environment.result("a", safe) == 4

    @pytest.mark.durable
    def test_by_hand(durable):
        async def main():
            return durable(safe, 1).output
        assert asyncio.run(main()) == 4
    """)
    assert code == 0, told
    assert "3 passed" in told


def test_a_marker_that_does_nothing_is_an_error(run: Run) -> None:
    code, told = run("""
    @pytest.mark.durable
    def test_forgotten():
        pass

    @pytest.mark.durable("every-write")
    def test_by_position(durable):
        pass
    """)
    assert code == 1
    assert "doesn't take the fixture: def test_it(durable)" in told
    assert 'takes options by name: crash="every-write"' in told


def test_it_is_known_to_pytest(run: Run) -> None:
    assert "@pytest.mark.durable(crash=" in run("", "--markers")[1]
    assert "--durable-schedule=WORKFLOW@SCHEDULE" in run("", "--help")[1]
    assert "durable(workflow, input, ...)" in run("", "--fixtures")[1].replace("``", "")


def test_the_plugin_imports_nothing_of_ours() -> None:
    """Pytest loads it in every run of whoever has sayiir installed."""
    code = (
        "import sys, pytest; before = set(sys.modules); import sayiir_pytest; "
        "print(sorted(m for m in set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "['sayiir_pytest']"


def test_the_entry_point_is_named_as_its_module() -> None:
    """So that ``-p sayiir_pytest`` beside the entry point registers it once."""
    text = (ROOT / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nsayiir_pytest = "sayiir_pytest"\n' in text
