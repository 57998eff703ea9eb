"""Instances that are created at the same time: few statements, and each answer its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from sayiir.errors import StoreError
from sayiir.stores.postgres.creations import MAX_BATCH
from sayiir.stores.postgres.notices import ALONG_SECONDS
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import ClaimRequest, NewInstance, Wanted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


Test: TypeAlias = "Callable[[PostgresStore], Awaitable[None]]"


def on_a_store(test: Test) -> Callable[[str], None]:
    """Run the test with a store that has created something already."""

    async def run(url: str) -> None:
        store = await PostgresStore.open(f"{url}&pool=1")
        try:
            await store.create(new("first"))
            await test(store)
        finally:
            await store.close()

    def run_in_loop(postgres_url: str) -> None:
        asyncio.run(run(postgres_url))

    run_in_loop.__doc__ = test.__doc__
    return run_in_loop


def new(name: str, run_id: str = "run", version: str = "1", **more: Any) -> NewInstance:
    """An instance whose input is its name."""
    return NewInstance(
        instance_id=name,
        run_id=run_id,
        workflow_name="flow",
        workflow_version=version,
        definition_hash="hash",
        definition=b"definition",
        input=name.encode(),
        root_path="a",
        root_input="i",
        **more,
    )


def count_statements(store: PostgresStore) -> list[str]:
    """The statements from now on that create instances."""
    texts: list[str] = []

    def note(record: Any) -> None:
        if ".instance (" in record.query:
            texts.append(record.query)

    for connection in store._database.pool()._all:
        driver: Any = connection
        driver.add_query_logger(note)
    return texts


@on_a_store
async def test_they_are_one_statement_a_hundred(store: PostgresStore) -> None:
    texts = count_statements(store)
    count = 2 * MAX_BATCH + 1
    answers = await asyncio.gather(*(store.create(new(f"i{n}")) for n in range(count)))
    assert all(answer.existing is None for answer in answers)
    assert len(texts) == 3, texts  # the first one alone


@on_a_store
async def test_each_has_its_own(store: PostgresStore) -> None:
    """Labels, input, priority, deadline and the place of its root, whatever it came with."""
    asked = [
        new(
            f"i{n}",
            labels=tuple((f"name{label}", f"{n}") for label in range(n % 3)),
            priority=1 + n % 5,
            timeout_us=None if n % 2 else 60_000_000 + n,
            traceparent=None if n % 4 else f"trace-{n}",
            root_tags=() if n % 7 else ("gpu",),
        )
        for n in range(50)
    ]
    await asyncio.gather(*(store.create(each) for each in asked))
    request = ClaimRequest(holder="w", lease_us=30_000_000, limit=100)
    claimed = {each.instance_id: each for each in (await store.claim(request)).items}
    for each in asked:
        record = await store.describe(each.instance_id)
        assert record is not None
        assert (record.labels, record.priority) == (each.labels, each.priority)
        assert record.traceparent == each.traceparent
        timeout = None
        if record.deadline_at_us is not None:
            timeout = record.deadline_at_us - record.created_at_us
        assert timeout is None if each.timeout_us is None else timeout is not None
        assert claimed[each.instance_id].path == "a"
        [loaded] = await store.load([Wanted(run=record.run, input=True)])
        assert loaded.input == each.instance_id.encode()
    with_gpu = ClaimRequest(holder="w", lease_us=1, limit=1, tags=frozenset())
    assert not (await store.claim(with_gpu)).items


@on_a_store
async def test_one_name_asked_for_many_times_is_created_once(store: PostgresStore) -> None:
    asked = [store.create(new("one", run_id=f"run-{n}")) for n in range(20)]
    asked += [store.create(new(f"other-{n}")) for n in range(20)]
    answers = await asyncio.gather(*asked)
    created = [answer for answer in answers[:20] if answer.existing is None]
    assert len(created) == 1
    assert len({each.existing.run_id for each in answers[:20] if each.existing}) == 1
    assert all(answer.existing is None for answer in answers[20:])


@on_a_store
async def test_two_that_create_the_same_names_meet_without_a_deadlock(
    store: PostgresStore,
) -> None:
    other = PostgresStore(store._database.url, store._database.clock)
    try:
        names = [f"i{n}" for n in range(300)]
        answers = await asyncio.gather(
            *(store.create(new(name)) for name in names),
            *(other.create(new(name)) for name in reversed(names)),
        )
    finally:
        await other.close()
    assert sum(answer.existing is None for answer in answers) == len(names)


@on_a_store
async def test_one_that_makes_no_sense_fails_alone(store: PostgresStore) -> None:
    asked = [store.create(new(f"i{n}", version="\0" if n == 7 else "1")) for n in range(20)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers[7], StoreError)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, BaseException)] == [7]


@on_a_store
async def test_who_is_cancelled_keeps_nobody(store: PostgresStore) -> None:
    """Neither the one that is on its way, nor one that waits; and those after them are created."""
    tasks = [asyncio.create_task(store.create(new(f"i{n}"))) for n in range(20)]
    for _ in range(3):
        await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[5].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [n for n, each in enumerate(answers) if isinstance(each, BaseException)] == [0, 5]
    assert (await store.create(new("last"))).existing is None


@on_a_store
async def test_a_large_input_goes_by_itself(store: PostgresStore) -> None:
    texts = count_statements(store)
    large = NewInstance(**{**_fields(new("large")), "input": b"x" * 1_000_000})
    answers = await asyncio.gather(store.create(large), *(store.create(new(f"i{n}")) for n in "ab"))
    assert all(answer.existing is None for answer in answers)
    assert len(texts) == 3, texts  # the first small one goes alone, too
    record = await store.describe("large")
    assert record is not None
    [loaded] = await store.load([Wanted(run=record.run, input=True)])
    assert loaded.input == large.input


def _fields(instance: NewInstance) -> dict[str, Any]:
    return {name: getattr(instance, name) for name in NewInstance.__slots__}


def test_an_idle_worker_hears_of_a_lone_creation_in_its_own_transaction(postgres_url: str) -> None:
    """Without a further round trip where it was quiet; the ones right after it are told apart."""

    async def main() -> None:
        store, other = [await PostgresStore.open(f"{postgres_url}&pool=1") for _ in range(2)]
        await store.create(new("first"))
        watch = other.watch()
        async with asyncio.timeout(30):
            while other._database.listener.process_id is None:
                await asyncio.sleep(0.01)
        await asyncio.sleep(ALONG_SECONDS)
        while await watch.changed(0.1):
            pass
        texts: list[str] = []
        driver: Any = next(iter(store._database.pool()._all))
        beat = store._database.channel.heartbeat

        def note(record: Any) -> None:
            if beat not in record.args:
                texts.append(record.query)

        async def noted() -> list[bool]:
            """Which of the statements that wrote something told of it."""
            await store._database.pool().notifier.flush()  # heard before it was answered, maybe
            await store.describe("nobody")  # the driver tells of statements a turn later
            wrote = [text for text in texts if "insert" in text or "pg_notify" in text]
            return ["pg_notify" in text for text in wrote]

        driver.add_query_logger(note)
        own = store.watch()
        await store.create(new("lone"))
        assert await own.changed(0), "who watches here knows of it at once"
        assert await watch.changed(10)
        assert await noted() == [True], texts
        await store.create(new("next"))
        assert await watch.changed(10)
        assert await noted() == [True, False, True], texts
        assert (await store.create(new("next"))).existing is not None
        for each in (watch, own):
            each.close()
        await store.close()
        await other.close()

    asyncio.run(main())


def test_the_first_ones_ask_once_for_what_they_share(postgres_url: str) -> None:
    """A hundred first submissions at once need one definition and one queue."""

    async def run() -> list[str]:
        store = await PostgresStore.open(f"{postgres_url}&pool=1")
        try:
            await store.describe("nobody")  # there is a connection now
            texts: list[str] = []
            for connection in store._database.pool()._all:
                opened: Any = connection
                opened.add_query_logger(lambda record: texts.append(record.query))
            await asyncio.gather(*(store.create(new(f"i{number}")) for number in range(100)))
            return texts
        finally:
            await store.close()

    texts = asyncio.run(run())
    shared = [text for text in texts if '".definition' in text or '".queue' in text]
    assert len(shared) <= 7, shared
