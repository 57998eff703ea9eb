"""What may be handed over, how it is entered once, and how everything is left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NewType, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayiir import DefinitionError, SayiirError, TaskContext, get_task_context, resource
from sayiir.dsl.class_call import class_call
from sayiir.engine.resources import ResourcePool, Resources
from tests.engine.things import (
    AsyncThing,
    Log,
    Other,
    SyncThing,
    Thing,
    async_generator,
    sync_generator,
)

pytestmark = pytest.mark.anyio

Address = NewType("Address", str)


class Sends(Protocol):
    name: str

    def send(self) -> str: ...


class Sender:
    name = "sender"

    def send(self) -> str:
        return "sent"


async def later(thing: Any) -> Any:
    return thing


def forms(log: Log) -> dict[str, tuple[Any, bool]]:
    """Every way to hand over a Thing, and whether something is to be left."""
    return {
        "object": (Thing(), False),
        "object of a subclass": (Other(), False),
        "object that could be entered": (SyncThing(log), False),
        "class": (Thing, False),
        "subclass": (Other, False),
        "function": (lambda: Thing("made"), False),
        "partial": (partial(Thing, "thing"), False),
        "async function": (partial(later, Thing()), False),
        "generator manager": (sync_generator(log)(), True),
        "async generator manager": (async_generator(log)(), True),
        "factory of a generator manager": (sync_generator(log), True),
        "factory of an async generator manager": (async_generator(log), True),
        "factory of an object that is entered": (partial(SyncThing, log), True),
        "factory of an object that is entered in the loop": (partial(AsyncThing, log), True),
        "lambda that gives an async manager": (lambda: AsyncThing(log), True),
        "async function that gives a manager": (partial(later, SyncThing(log)), True),
        "async function that gives an async manager": (partial(later, AsyncThing(log)), True),
        "lambda that gives an awaitable": (lambda: later(AsyncThing(log)), True),
    }


@pytest.mark.parametrize("form", forms(Log()))
async def test_every_form_gives_one_object_and_is_left_once(form: str) -> None:
    log, others_tasks = Log(), asyncio.all_tasks()
    value, managed = forms(log)[form]
    pool = ResourcePool(Resources({Thing: value}))
    first, *others = await asyncio.gather(*(pool.get(Thing) for _ in range(5)))
    assert isinstance(first, Thing)
    assert all(other is first for other in others)
    assert await pool.get(Thing) is first
    assert log.entered == (["thing"] if managed else [])
    assert log.left == []
    await pool.close()
    await pool.close()
    assert log.left == log.entered
    assert asyncio.all_tasks() == others_tasks


async def test_sync_code_runs_on_threads_and_async_code_in_the_loop() -> None:
    log = Log()
    here = threading.current_thread().name
    built: list[str] = []

    class Heavy:
        def __init__(self) -> None:
            built.append(threading.current_thread().name)

        def __call__(self) -> int:
            return 1

    class Light(Heavy):
        async def __aenter__(self) -> None: ...
        async def __aexit__(self, *_: object) -> None: ...

    given = {Thing: partial(SyncThing, log, "sync"), Other: async_generator(log, "async")}
    async with ResourcePool(Resources({**given, Other: make_other})) as pool:
        await pool.get(Thing)
        await pool.get(Other)
        await pool.instance(class_call(Heavy))
        await pool.instance(class_call(Light))
    assert log.threads["sync"] != here
    assert [name == here for name in built] == [False, True]


async def make_other() -> Other:
    return Other(threading.current_thread().name)


async def test_the_exact_type_counts() -> None:
    pool = ResourcePool(Resources({Other: Other(), Address: "here", dict[str, int]: {}}))
    with pytest.raises(
        DefinitionError, match=r"Thing; Given are: Other, Address, dict\[str, int\]"
    ):
        await pool.get(Thing)
    with pytest.raises(DefinitionError, match="exact type"):
        await pool.get(str)
    assert await pool.get(Address) == "here"
    assert await pool.get(dict[str, int]) == {}
    await pool.close()


async def test_protocols_are_compared_by_their_members() -> None:
    """Also those that isinstance() refuses; a class that has them is a factory still."""
    sender = Sender()
    assert await ResourcePool(Resources({Sends: sender})).get(Sends) is sender
    async with ResourcePool(Resources({Sends: Sender})) as pool:
        assert isinstance(await pool.get(Sends), Sender)
    async with ResourcePool(Resources({Sends: Thing})) as pool:
        with pytest.raises(TypeError, match="gave a Thing, not a Sends"):
            await pool.get(Sends)


def needs_arguments(name: str) -> Thing:
    return Thing(name)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([Thing], "mapping of types"),
        ({"Thing": Thing()}, "'Thing' is no type"),
        ({3: Thing()}, "3 is no type"),
        ({int | str: 3}, "is no type"),
        ({Thing: 3}, "given a int, which is neither a Thing"),
        ({Thing: None}, "given a NoneType"),
        ({Address: 3}, "given a int, which is neither a Address"),
        ({Thing: needs_arguments}, "needs name; wrap it"),
        ({Thing: SyncThing}, "needs log; wrap it"),
        ({Other: Thing}, "given the class Thing, whose objects are no Other"),
        ({Other: Thing()}, "given a Thing, which is neither a Other"),
    ],
)
def test_bad_registrations_are_refused_when_they_are_made(wrong: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Resources(wrong)


async def test_what_a_factory_gives_is_looked_at_and_left_again() -> None:
    log = Log()
    async with ResourcePool(Resources({Other: sync_generator(log)})) as pool:
        with pytest.raises(TypeError, match="the resource Other gave a Thing, not a Other"):
            await pool.get(Other)
        assert log.left == log.entered == ["thing"]


async def test_what_failed_is_made_anew_by_the_next_who_asks() -> None:
    attempts: list[int] = []

    def make() -> Thing:
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionError("not yet")
        return Thing()

    async with ResourcePool(Resources({Thing: make})) as pool:
        outcomes = await asyncio.gather(
            *(pool.get(Thing) for _ in range(3)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 3
        assert len(attempts) == 1
        assert isinstance(await pool.get(Thing), Thing)
        assert len(attempts) == 2


async def test_a_class_task_is_built_once_and_left_before_its_resources() -> None:
    log = Log()

    class Work:
        def __init__(self, thing: Thing = resource(Thing), extra: int = 7) -> None:
            assert isinstance(thing, AsyncThing)
            self.extra = extra
            log.note("built")
            log.left.append("built")

        def __enter__(self) -> str:
            log.note("work")
            return "what __enter__ gives is not called"

        def __exit__(self, *_: object) -> None:
            log.left.append("work")

        def __call__(self) -> int:
            return self.extra

    call, same_class = class_call(Work), class_call(Work)
    pool = ResourcePool(Resources({Thing: partial(AsyncThing, log)}))
    first, second = await asyncio.gather(pool.instance(call), pool.instance(call))
    assert first is second
    assert first() == 7
    assert log.entered == ["thing", "built", "work"]
    assert await pool.instance(same_class) is not first
    await pool.close()
    assert log.left == ["built", "built", "work", "work", "thing"]


async def test_every_one_is_left_though_others_fail_on_leaving() -> None:
    log = Log()

    class Bad(AsyncThing):
        async def __aexit__(self, *_: object) -> None:
            await super().__aexit__()
            raise RuntimeError(self.name)

    class A(Thing): ...

    class B(Thing): ...

    class C(Thing): ...

    def bad(key: type, name: str) -> Callable[[], Any]:
        return lambda: type("Bad", (Bad, key), {})(log, name)

    given = {A: bad(A, "a"), B: lambda: type("Fine", (SyncThing, B), {})(log, "b"), C: bad(C, "c")}
    pool = ResourcePool(Resources(given))
    for key in given:
        await pool.get(key)
    with pytest.raises(ExceptionGroup) as raised:
        await pool.close()
    assert [str(error) for error in raised.value.exceptions] == ["c", "a"]
    assert log.left == ["c", "b", "a"]
    await pool.close()


async def test_an_error_on_its_way_is_not_hidden_by_one_of_leaving(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Bad(Thing):
        def __enter__(self) -> Bad:
            return self

        def __exit__(self, *_: object) -> None:
            raise RuntimeError("leaving")

    pool = ResourcePool(Resources({Thing: Bad}))

    async def fails() -> None:
        async with pool:
            await pool.get(Thing)
            raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        await fails()
    assert "leaving a resource failed" in caplog.text


async def test_a_closed_pool_says_so() -> None:
    pool = ResourcePool(Resources({Thing: Thing}))
    before = await pool.get(Thing)
    assert before is not None
    await pool.close()
    for asked in (pool.get(Thing), pool.instance(class_call(Sender_))):
        with pytest.raises(SayiirError, match="closed"):
            await asked


class Sender_:
    def __call__(self) -> int:
        return 1


async def test_closing_while_something_is_made_undoes_it() -> None:
    log = Log()
    for turns in range(8):
        pool = ResourcePool(Resources({Thing: partial(AsyncThing, log)}))
        asked = asyncio.ensure_future(pool.get(Thing))
        for _ in range(turns):
            await asyncio.sleep(0)
        await pool.close()
        (outcome,) = await asyncio.gather(asked, return_exceptions=True)
        assert isinstance(outcome, (SayiirError, AsyncThing))
        assert log.open == []
    assert log.entered


async def test_closing_waits_for_a_thread_that_enters() -> None:
    log, entering, go_on = Log(), threading.Event(), threading.Event()

    class Slow(SyncThing):
        def __enter__(self) -> SyncThing:
            entering.set()
            go_on.wait(10)
            return super().__enter__()

    pool = ResourcePool(Resources({Thing: partial(Slow, log)}))
    asked = asyncio.ensure_future(pool.get(Thing))
    await asyncio.to_thread(entering.wait)
    closing = asyncio.ensure_future(pool.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    go_on.set()
    await closing
    assert log.left == log.entered == ["thing"]
    with pytest.raises(SayiirError, match="closed"):
        await asked


async def test_a_thread_that_hangs_leaves_what_it_enters_by_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sayiir.engine.resources.pool.RESOURCE_GRACE_SECONDS", 0.02)
    log, go_on, left = Log(), threading.Event(), threading.Event()

    class Slow(SyncThing):
        def __enter__(self) -> SyncThing:
            go_on.wait(10)
            return super().__enter__()

        def __exit__(self, *_: object) -> None:
            super().__exit__()
            left.set()

    pool = ResourcePool(Resources({Thing: partial(Slow, log)}))
    asked = asyncio.ensure_future(pool.get(Thing))
    await asyncio.sleep(0.01)
    await pool.close()
    assert "left to its thread" in caplog.text
    go_on.set()
    assert await asyncio.to_thread(left.wait, 10)
    assert log.left == log.entered == ["thing"]
    with pytest.raises(SayiirError, match="closed"):
        await asked


async def test_one_who_is_cancelled_takes_nothing_from_the_others() -> None:
    log = Log()
    pool = ResourcePool(Resources({Thing: partial(AsyncThing, log)}))
    first, second = (asyncio.ensure_future(pool.get(Thing)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert isinstance(await second, Thing)
    assert first.cancelled()
    assert log.entered == ["thing"]
    await pool.close()
    assert log.open == []


async def test_closing_is_finished_though_its_caller_is_cancelled() -> None:
    for turns in range(1, 8):
        log = Log()
        pool = ResourcePool(Resources({Thing: partial(AsyncThing, log)}))
        await pool.get(Thing)
        closing = asyncio.ensure_future(pool.close())
        for _ in range(turns):
            await asyncio.sleep(0)
        was_done = closing.done()
        closing.cancel()
        await asyncio.wait({closing})
        assert closing.cancelled() is not was_done
        assert log.open == []


def test_a_loop_that_ends_leaves_what_nobody_closed() -> None:
    log = Log()

    async def forget() -> None:
        given = {Thing: partial(AsyncThing, log), Other: partial(other, log)}
        pool = ResourcePool(Resources(given))
        await pool.get(Thing)
        await pool.get(Other)

    asyncio.run(forget())
    assert log.entered
    assert log.open == []


def other(log: Log) -> Any:
    return type("OtherThing", (AsyncThing, Other), {})(log, "other")


async def test_what_is_made_sees_no_task_context() -> None:
    from sayiir.dsl.context import CURRENT_ATTEMPT

    class Attempt:
        context = TaskContext(path="first")

    def make() -> Thing:
        with pytest.raises(Exception, match="task"):
            get_task_context()
        return Thing()

    async with ResourcePool(Resources({Thing: make})) as pool:
        token = CURRENT_ATTEMPT.set(Attempt())  # type: ignore[arg-type]
        await pool.get(Thing)
        CURRENT_ATTEMPT.reset(token)


def test_a_process_gets_the_factories_alone() -> None:
    given = Resources({Thing: Thing, Other: Other(), Sends: Sender})
    assert given.factories([Thing, Sends]) == {Thing: Thing, Sends: Sender}
    with pytest.raises(DefinitionError, match="Other is needed in another process"):
        given.factories([Other])
    with pytest.raises(DefinitionError, match="nobody gave"):
        given.factories([Address])


KINDS = [SyncThing, AsyncThing]


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=6),
    asked=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    bad_enter=st.sets(st.integers(0, 5), max_size=2),
    bad_leave=st.sets(st.integers(0, 5), max_size=2),
)
def test_whatever_is_asked_is_entered_once_and_left_in_reverse(
    kinds: list[type], asked: list[int], bad_enter: set[int], bad_leave: set[int]
) -> None:
    """In any mix of forms, askers and failures."""

    async def scenario() -> None:
        log = Log()
        keys = [made(kind, index, log, bad_enter, bad_leave) for index, kind in enumerate(kinds)]
        given = {key: partial(key, log, str(index)) for index, key in enumerate(keys)}
        pool = ResourcePool(Resources(given), right_here)  # threads would have no order
        wanted = [keys[number % len(keys)] for number in asked]
        outcomes = await asyncio.gather(*map(pool.get, wanted), return_exceptions=True)
        for number, outcome in zip(asked, outcomes, strict=True):
            failed = number % len(keys) in bad_enter
            assert isinstance(outcome, OSError if failed else keys[number % len(keys)])
        assert len(set(log.entered)) == len(log.entered)
        fail = [name for name in log.entered if int(name) in bad_leave]
        told: list[str] = []
        try:
            await pool.close()
        except* OSError as group:
            told += [str(error) for error in flat(group)]
        assert told == fail[::-1]
        assert log.left == log.entered[::-1]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


async def right_here(call: Callable[[], Any]) -> Any:
    return call()


def flat(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    return [
        e
        for one in group.exceptions
        for e in (flat(one) if isinstance(one, ExceptionGroup) else [one])
    ]


def made(kind: type, index: int, log: Log, bad_enter: set[int], bad_leave: set[int]) -> type:
    """A class of its own, whose objects fail where they are told to."""

    def enter(self: Any) -> Any:
        if index in bad_enter:
            raise OSError(str(index))
        return kind.__enter__(self)  # type: ignore[attr-defined]

    def leave(self: Any, *_: object) -> None:
        kind.__exit__(self)  # type: ignore[attr-defined]
        if index in bad_leave:
            raise OSError(str(index))

    async def aenter(self: Any) -> Any:
        if index in bad_enter:
            raise OSError(str(index))
        return await kind.__aenter__(self)  # type: ignore[attr-defined]

    async def aleave(self: Any, *_: object) -> None:
        await kind.__aexit__(self)  # type: ignore[attr-defined]
        if index in bad_leave:
            raise OSError(str(index))

    sync = {"__enter__": enter, "__exit__": leave}
    later = {"__aenter__": aenter, "__aexit__": aleave}
    return type(f"Made{index}", (kind,), sync if kind is SyncThing else later)
