"""Values between tasks, in inputs and in outputs."""

from __future__ import annotations

import datetime
from typing import Any, Optional

from pydantic import BaseModel

from tests.compat.corpus.program import Corpus, raised

corpus = Corpus()
program = corpus.program

_LOSSLESS = "values come back equal and of the same type, or the step fails; nothing is changed"


class Line(BaseModel):
    item: str
    pieces: int = 1


class Basket(BaseModel):
    lines: list[Line]
    made: datetime.date


def through(s: Any, value: Any) -> Any:
    """What a second task sees of a value that a first one gave."""
    return s.run_workflow(s.Flow("w").then(lambda _: value).then(repr).build(), None)


@program(gives="(1, 'a')", published="[1, 'a']", why=_LOSSLESS)
def tuples(s: Any) -> Any:
    return through(s, (1, "a"))


@program(gives="{1: 'a'}", published="{'1': 'a'}", why=_LOSSLESS)
def integer_keys(s: Any) -> Any:
    return through(s, {1: "a"})


@program(gives="[['a', [49, 50]]]", published="{'a': 12}", why=_LOSSLESS)
def list_of_a_pair_with_bytes(s: Any) -> Any:
    return through(s, [["a", [49, 50]]])


@program(gives="{1, 2}", published="TaskError", why=_LOSSLESS)
def sets(s: Any) -> Any:
    try:
        return through(s, {1, 2})
    except s.TaskError:
        return "TaskError"


@program(gives="datetime.date(2026, 1, 2)", published="TaskError", why=_LOSSLESS)
def dates(s: Any) -> Any:
    try:
        return through(s, datetime.date(2026, 1, 2))
    except s.TaskError:
        return "TaskError"


@program(gives="[nan, inf, 1e+300]")
def odd_floats(s: Any) -> Any:
    return through(s, [float("nan"), float("inf"), 1e300])


@program(gives="[1267650600228229401496703205376, -9223372036854775808]")
def big_integers(s: Any) -> Any:
    return through(s, [2**100, -(2**63)])


@program(gives="None")
def nothing(s: Any) -> Any:
    return through(s, None)


@program(gives=["a", "ä€😀", "\x00"])
def texts(s: Any) -> Any:
    return s.run_workflow(s.Flow("w").then(lambda x: x).build(), ["a", "ä€😀", "\x00"])


@program(
    gives="{'branch': 'a', 'result': [inf, 1180591620717411303424]}",
    published="{'branch': 'a', 'result': None}",
    why=_LOSSLESS,
)
def odd_numbers_in_a_route(s: Any) -> Any:
    route = (
        s.Flow("w").route(lambda _: "a", keys=["a"]).branch("a", lambda _: [float("inf"), 2**70])
    )
    return s.run_workflow(route.done().then(repr).build(), None)


@program(gives="1180591620717411303424", published="1.1805916207174113e+21", why=_LOSSLESS)
def big_integer_in_a_loop(s: Any) -> Any:
    flow = s.Flow("w").loop(s.LoopResult.done).then(repr)
    return s.run_workflow(flow.build(), 2**70)


@program(gives="TaskError")
def unserialisable(s: Any) -> Any:
    return raised(lambda: s.run_workflow(s.Flow("w").then(lambda _: object()).build(), None))


@program(gives="failed")
def unserialisable_durably(s: Any) -> Any:
    return s.run_durable_workflow(s.Flow("w").then(lambda _: object()).build(), "a", None).status


@program(gives=["lamp", 1])
def model_into_model(s: Any) -> Any:
    @s.task
    def make(name: str) -> Line:
        return Line(item=name)

    @s.task
    def read(line: Line) -> list:
        return [line.item, line.pieces]

    return s.run_workflow(s.Flow("w").then(make).then(read).build(), "lamp")


@program(gives="TaskError")
def input_that_does_not_fit_a_model(s: Any) -> Any:
    @s.task
    def read(line: Line) -> str:
        return line.item

    return raised(lambda: s.run_workflow(s.Flow("w").then(read).build(), {"pieces": 2}))


@program(
    gives=["lamp", 3],
    published="TypeError",
    why="a model is as good an input or payload as its data",
)
def models_from_outside(s: Any) -> Any:
    @s.task
    def read(line: Line) -> list:
        return [line.item, line.pieces]

    try:
        return s.run_workflow(s.Flow("w").then(read).build(), Line(item="lamp", pieces=3))
    except TypeError as error:
        return type(error).__name__


@program(
    gives={"item": "lamp", "pieces": 2},
    published="TaskError",
    why="validation is documented without an exception for async tasks",
)
def models_in_async_tasks(s: Any) -> Any:
    @s.task
    async def read(line: Line) -> Line:
        return Line(item=line.item, pieces=line.pieces + 1)

    try:
        return s.run_workflow(s.Flow("w").then(read).build(), {"item": "lamp"})
    except s.TaskError:
        return "TaskError"


@program(
    gives=["lamp", "desk"],
    published="TaskError",
    why="a list of models is validated as a model is",
)
def lists_of_models(s: Any) -> Any:
    @s.task
    def read(lines: list[Line]) -> list:
        return [line.item for line in lines]

    try:
        return s.run_workflow(s.Flow("w").then(read).build(), [{"item": "lamp"}, {"item": "desk"}])
    except s.TaskError:
        return "TaskError"


@program(
    gives=["lamp", None],
    published="TaskError",
    why="an optional model is validated as a model is",
)
def optional_models(s: Any) -> Any:
    @s.task
    def read(line: Optional[Line]) -> Any:  # noqa: UP045  the spelling that programs have
        return None if line is None else line.item

    workflow = s.Flow("w").then(read).build()
    try:
        return [s.run_workflow(workflow, {"item": "lamp"}), s.run_workflow(workflow, None)]
    except s.TaskError:
        return "TaskError"


@program(
    gives=[[{"item": "lamp", "pieces": 1}], datetime.date],
    published="TaskError",
    why="what a model's dump holds is a value like any other, dates included",
)
def nested_models(s: Any) -> Any:
    @s.task
    def make(name: str) -> Basket:
        return Basket(lines=[Line(item=name)], made=datetime.date(2026, 1, 2))

    try:
        output = s.run_workflow(s.Flow("w").then(make).build(), "lamp")
    except s.TaskError:
        return "TaskError"
    return [output["lines"], type(output["made"])]
