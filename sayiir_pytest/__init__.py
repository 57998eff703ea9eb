"""The pytest plugin: the marker and the fixture ``durable``, which stop a workflow everywhere.

It stands beside the package and not in it, because pytest imports it in every run: it imports
nothing of sayiir before a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sayiir.testing.crashes.fixture import Durable

__all__ = ["durable"]

_MARKER = (
    'durable(crash="every-write", **options): how the fixture `durable` explores crashes; the '
    "options are those of sayiir.testing.explore_crashes"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that a failure prints, to repeat what failed."""
    group = parser.getgroup("sayiir", "durable workflows")
    group.addoption(
        "--durable-schedule",
        metavar="WORKFLOW@SCHEDULE",
        help="run the fixture `durable` on this workflow with this schedule only, as it was told "
        "by a failure: paying@before:2",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, for --strict-markers."""
    config.addinivalue_line("markers", _MARKER)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that does nothing."""
    if item.get_closest_marker("durable") is None:
        return
    if "durable" not in getattr(item, "fixturenames", ()):
        pytest.fail(
            "the test is marked durable but doesn't take the fixture: def test_it(durable): "
            "durable(workflow, input)",
            pytrace=False,
        )


@pytest.fixture
def durable(request: pytest.FixtureRequest) -> Durable:
    """``durable(workflow, input, ...)``: ``explore_crashes`` with the options of the marker."""
    from sayiir.testing.crashes.fixture import Durable

    marker = request.node.get_closest_marker("durable")
    if marker is not None and marker.args:
        raise pytest.UsageError('the marker durable takes options by name: crash="every-write"')
    return Durable(
        {} if marker is None else marker.kwargs,
        test=request.node.nodeid,
        only=request.config.getoption("--durable-schedule"),
    )
