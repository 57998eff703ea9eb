"""Two runs node by node, on every store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from sayiir import InstanceNotFound, fork, task, workflow

if TYPE_CHECKING:
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


class Score(BaseModel):
    points: int


@task
def upto(count: int) -> list[int]:
    return list(range(count))


@task
def double(number: int) -> int:
    return number * 2


@task
def score(numbers: list[int]) -> Score:
    return Score(points=sum(numbers))


@task(name="score")
def score_otherwise(numbers: list[int]) -> Score:
    return Score(points=max(numbers))


@task(name="score")
def score_badly(numbers: list[int]) -> Score:
    raise ValueError(f"{len(numbers)} numbers")


@task
def end(given: Score) -> str:
    return "even" if given.points % 2 == 0 else "odd"


def verdicts(compared: Any) -> dict[str, str]:
    return {node.path: node.verdict for node in compared}


async def test_equal_different_and_in_one_only(bench: Bench) -> None:
    first = workflow("w", upto >> double.map() >> score >> end)
    second = workflow("w", upto >> double.map() >> score_otherwise >> end)
    await bench.run(first, 3, "a")
    await bench.runner.rerun(second, "a", "b", start="score")
    await bench.run(second, 2, "c")
    compared = await bench.client.compare("a", "b", second)
    assert verdicts(compared) == {
        "upto": "equal",
        "map[0]/double": "equal",
        "map[1]/double": "equal",
        "map[2]/double": "equal",
        "score": "different",
        "end": "equal",
    }
    assert list(verdicts(compared)) == [
        "upto",
        *(f"map[{index}]/double" for index in range(3)),
        "score",
        "end",
    ], "in the order of definition, whatever ended first"
    (different,) = compared.different
    assert (different.first.output, different.second.output) == (Score(points=6), Score(points=4))
    assert [node.second.kept for node in compared if node.second] == [True] * 4 + [False] * 2
    assert not compared.same
    assert (await bench.client.compare("a", "a")).same
    assert verdicts(await bench.client.compare("b", "c"))["map[2]/double"] == "only in first"
    assert verdicts(await bench.client.compare("c", "b"))["map[2]/double"] == "only in second"


async def test_failures_and_other_graphs(bench: Bench) -> None:
    good = workflow("w", upto >> score >> end)
    bad = workflow("w", upto >> score_badly >> end)
    wide = workflow("v", upto >> fork(score, len) >> str)
    await bench.run(good, 3, "good")
    for name, count in (("bad", 3), ("same", 3), ("other", 2)):
        await bench.run(bad, count, name)
    await bench.run(wide, 3, "wide")
    compared = await bench.client.compare("good", "bad")
    assert verdicts(compared) == {"upto": "equal", "score": "different", "end": "only in first"}
    assert compared.nodes[1].second is not None
    assert compared.nodes[1].second.error is not None
    assert (await bench.client.compare("bad", "same")).same
    assert verdicts(await bench.client.compare("bad", "other"))["score"] == "different"
    assert verdicts(await bench.client.compare("good", "wide")) == {
        "upto": "equal",
        "fork[0]/score": "only in second",
        "fork[1]/len": "only in second",
        "str": "only in second",
        "score": "only in first",
        "end": "only in first",
    }
    text = str(compared)
    assert "ValueError: 3 numbers" in text
    assert text.splitlines()[0] == "good and bad: 1 different, 1 equal, 1 only in first"


async def test_equal_in_another_order_is_equal(bench: Bench) -> None:
    @task
    def one(n: int) -> dict[str, int]:
        return {"a": n, "b": 2}

    @task(name="one")
    def turned(n: int) -> dict[str, int]:
        return {"b": 2, "a": n}

    await bench.run(workflow("w", one >> len), 1, "a")
    await bench.run(workflow("w", turned >> len), 1, "b")
    assert (await bench.client.compare("a", "b")).same
    with pytest.raises(InstanceNotFound):
        await bench.client.compare("a", "nobody")
