"""A resource comes to be in a process as it does in the engine, whatever its factory gives."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import pytest

from sayiir import TaskFailed, resource, task, workflow
from sayiir.executors import ProcessPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.anyio


class Db:
    """What tasks ask for."""

    def __init__(self, how: str = "plain") -> None:
        self.how = how


class Other:
    """Is no Db."""


class HasHow(Protocol):
    how: str


class Awaitable:
    """Gives a Db when it is awaited."""

    def __await__(self) -> Any:
        async def made() -> Db:
            return Db("awaited")

        return made().__await__()


class Both(Awaitable):
    """Awaitable and an async context manager, as connection pools are."""

    async def __aenter__(self) -> Db:
        return Db("entered")

    async def __aexit__(self, *_: object) -> None:
        """Nothing to leave."""


class SyncBoth(Awaitable):
    def __enter__(self) -> Db:
        return Db("entered here")

    def __exit__(self, *_: object) -> None:
        """Nothing to leave."""


class HalfAsync(Db):
    """Can be entered and not left, so it is no context manager."""

    async def __aenter__(self) -> Db:
        return Db("never")


class Half(Db):
    def __enter__(self) -> Db:
        return Db("never")


class LooksForALoop:
    """An async context manager that can be made only where a loop runs."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Db:
        assert asyncio.get_running_loop() is self.loop
        return Db("in its loop")

    async def __aexit__(self, *_: object) -> None:
        assert asyncio.get_running_loop() is self.loop


def runs_a_loop() -> Db:
    """A sync factory may, since none runs around it."""
    return asyncio.run(coroutine())


async def coroutine() -> Db:
    await asyncio.sleep(0)
    return Db("async")


async def gives_a_manager() -> Both:
    return Both()


def plain_coroutine() -> Any:
    return coroutine()


def gives_another() -> Any:
    return Other()


@task(run_in="process")
def there(n: int, db: Db = resource(Db)) -> str:
    return db.how


@task
def here(n: int, db: Db = resource(Db)) -> str:
    return db.how


@task(run_in="process")
def any_there(n: int, db: HasHow = resource(HasHow)) -> str:  # type: ignore[type-abstract]
    return db.how


FACTORIES: dict[Callable[[], Any], str] = {
    Db: "plain",
    Half: "plain",
    HalfAsync: "plain",
    Both: "entered",
    SyncBoth: "entered here",
    LooksForALoop: "in its loop",
    Awaitable: "awaited",
    runs_a_loop: "async",
    coroutine: "async",
    plain_coroutine: "async",
    gives_a_manager: "entered",
}


def wrapped(factory: Callable[[], Any]) -> Callable[[], Any]:
    """The same by a function, of which less can be told before it is called."""
    if factory is LooksForALoop:  # told by its class alone
        return factory

    def make() -> Any:
        return factory()

    return make


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda each: each.__name__)
async def test_a_factory_gives_the_same_on_either_side(factory: Callable[[], Any]) -> None:
    async with ProcessPool(max_workers=1) as pool:
        for given in (wrapped(factory), factory):
            if given is Awaitable:
                continue  # a class whose objects are no Db is refused where it is handed over
            for flow in (workflow("here", here), workflow("there", there)):
                how = await flow.arun(1, resources={Db: given}, executors={"process": pool})
                assert how == FACTORIES[factory], flow


@pytest.mark.parametrize("flow", [workflow("here", here), workflow("there", there)], ids=str)
async def test_what_is_of_another_type_is_refused_on_either_side(flow: Any) -> None:
    with pytest.raises(TaskFailed, match="the resource Db gave a Other, not a Db"):
        await flow.arun(1, resources={Db: gives_another})


async def test_what_is_refused_is_left(tmp_path: Path) -> None:
    file = str(tmp_path / "left")

    class Entered:
        async def __aenter__(self) -> Other:
            return Other()

        async def __aexit__(self, *_: object) -> None:
            Path(file).touch()

    async with ProcessPool(max_workers=1) as pool:
        with pytest.raises(TaskFailed, match="not a Db"):
            await workflow("w", there).arun(1, resources={Db: Entered}, executors={"process": pool})
        assert Path(file).exists()


async def test_what_holds_a_task_group_is_left_where_it_was_entered(tmp_path: Path) -> None:
    file = tmp_path / "left"

    @asynccontextmanager
    async def held() -> AsyncIterator[Db]:
        before = asyncio.current_task()
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            yield Db("held")
            group.cancel_scope.cancel()
        file.write_text(str(asyncio.current_task() is before), encoding="utf-8")

    async with ProcessPool(max_workers=1) as pool:
        for n in range(2):
            flow = workflow("w", there)
            how = await flow.arun(n, resources={Db: held}, executors={"process": pool})
            assert how == "held"
        assert not file.exists()
    assert file.read_text(encoding="utf-8") == "True"


async def test_what_fails_while_it_is_entered_fails_its_task_alone() -> None:
    class Refuses:
        async def __aenter__(self) -> Db:
            raise ConnectionError("nobody there")

        async def __aexit__(self, *_: object) -> None:
            """Never reached."""

    async with ProcessPool(max_workers=1) as pool:
        for given, message in ((Refuses, "nobody there"), (gives_another, "not a Db")):
            with pytest.raises(TaskFailed, match=message):
                await workflow("w", there).arun(
                    1, resources={Db: given}, executors={"process": pool}
                )
        assert len(pool._idle) == 1


async def test_types_that_go_whole_and_protocols_are_recognised_over_there() -> None:
    class Local(Db):
        """A class of this function alone."""

    @task(run_in="process")
    def local(n: int, db: Local = resource(Local)) -> str:
        return db.how

    assert await workflow("w", local).arun(1, resources={Local: Local}) == "plain"
    assert await workflow("w", any_there).arun(1, resources={HasHow: Db}) == "plain"
