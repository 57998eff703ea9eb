"""What the tests of several processes run in each: ``python -m tests.stores.sqlite_child``.

A child prints a line for each thing that was acknowledged to it, and ends when it is killed or
has nothing left to do.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from dataclasses import replace

from sayiir.errors import StoreError, StoreUnavailable
from sayiir.stores.records import (
    Checkpoint,
    ClaimRequest,
    End,
    InstanceQuery,
    Move,
    NewInstance,
    Result,
)
from sayiir.stores.sqlite import SqliteStore

MINUTE_US = 60_000_000


def new_instance(name: str) -> NewInstance:
    return NewInstance(
        instance_id=name,
        run_id=f"run-of-{name}",
        workflow_name="w",
        workflow_version="1",
        definition_hash="hash",
        definition=b"definition",
        input=b"input",
        root_path="a",
        root_input="",
    )


def result(path: str) -> Result:
    return Result(path=path, node_path=path, ordinal=b"", output=path.encode())


def say(*words: object) -> None:
    print(*words, flush=True)


async def write(path: str, name: str) -> None:
    """Create instances and write results, for ever; each is told once it is acknowledged."""
    store = await SqliteStore.open(path)
    say("open")
    await asyncio.gather(*(_write_one(store, f"{name}-{each}") for each in range(8)))


async def _write_one(store: SqliteStore, name: str) -> None:
    claim = ClaimRequest(holder=name, lease_us=MINUTE_US)
    answer = await store.create(new_instance(name), claim=claim)
    assert answer.claimed is not None
    fence = answer.claimed.fence
    for step in range(1_000_000):
        path = f"s{step}"
        checkpoint = Checkpoint(fence=fence, effect=Move(path, ""), result=result(path))
        [answer] = await store.commit([checkpoint])
        assert answer.accepted
        say("done", name, path)


async def churn(path: str, name: str) -> None:
    """Create instances with large inputs for ever, so that checkpoints follow each other."""
    store = await SqliteStore.open(path)
    say("open")
    for number in range(1_000_000):
        body = os.urandom(200_000)
        await store.create(replace(new_instance(f"{name}-{number}"), input=body))


async def fill(path: str, name: str) -> None:
    """Create instances with large inputs until the disk, of so many bytes a file, is full."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (int(name), int(name)))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        store = await SqliteStore.open(path)
    except StoreUnavailable as error:
        say("refused", type(error.__cause__).__name__, error)
        return
    for number in range(100_000):
        try:
            await store.create(replace(new_instance(f"{number}"), input=b"x" * 60_000))
        except StoreUnavailable:
            break
        say("done", number)
    os.kill(os.getpid(), signal.SIGKILL)


async def hold(path: str, name: str) -> None:
    """Create an instance, claim it and do nothing."""
    store = await SqliteStore.open(path)
    claim = ClaimRequest(holder=name, lease_us=60 * MINUTE_US)
    await store.create(new_instance(name), claim=claim)
    say("held")
    await asyncio.sleep(600)


async def work(path: str, name: str) -> None:
    """Claim and end items until there are none."""
    store = await SqliteStore.open(path)
    say("open")
    sys.stdin.readline()  # all begin at the same moment
    while True:
        request = ClaimRequest(holder=name, lease_us=MINUTE_US, limit=3)
        answer = await store.claim(request)
        if not answer.items:
            break
        ends = [Checkpoint(fence=each.fence, effect=End(output="x")) for each in answer.items]
        answers = await store.commit(ends)
        for each, written in zip(answer.items, answers, strict=True):
            say("ended" if written.accepted else "refused", each.instance_id)
    await store.close()
    say("empty")


async def strain(path: str, name: str) -> None:
    """Do a bit of everything for so many seconds, and tell of whatever fails."""
    own, _, seconds = name.partition(":")
    store = await SqliteStore.open(path)
    say("open")
    sys.stdin.readline()  # all begin at the same moment
    until, verbs = time.monotonic() + float(seconds), 0
    while time.monotonic() < until:
        try:
            await _strain_once(store, f"{own}-{verbs}", own)
        except StoreError as error:
            say("failed", repr(error))
        verbs += 1
    await store.close()
    say("verbs", verbs)


async def _strain_once(store: SqliteStore, instance_id: str, holder: str) -> None:
    claim = ClaimRequest(holder=holder, lease_us=MINUTE_US)
    answer = await store.create(new_instance(instance_id), claim=claim)
    assert answer.claimed is not None
    fence = answer.claimed.fence
    step = Checkpoint(fence=fence, effect=Move("b", ""), result=result("a"))
    await asyncio.gather(
        store.commit([step]), store.page(InstanceQuery(limit=5)), store.describe(instance_id)
    )
    await store.commit([Checkpoint(fence=fence, effect=End(output="x"))])


async def squeeze(path: str, name: str) -> None:
    """Write on a disk that is full now and then, as ``name`` times; each row that was acknowledged
    is told, and each time that it went on.
    """
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = await SqliteStore.open(path)
    dice, number = random.Random(1), 0
    for _ in range(int(name)):
        # Beyond it neither the database nor its WAL can be written.
        bound = dice.randrange(5_000_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bound, resource.RLIM_INFINITY))
        refused = False
        for _ in range(60):
            number += 1
            body = os.urandom(dice.choice((100, 60_000)))
            try:
                await store.create(replace(new_instance(f"{number}"), input=body))
            except StoreUnavailable:
                refused = True
                break
            say("done", number)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        number += 1
        await store.create(new_instance(f"{number}"))
        say("done", number)
        say("went on" if refused else "had room")
    os.kill(os.getpid(), signal.SIGKILL)


async def touch(path: str, name: str) -> None:
    """Create an instance each time a line comes in."""
    store = await SqliteStore.open(path)
    say("open")
    number = 0
    while await asyncio.to_thread(sys.stdin.readline):
        number += 1
        await store.create(new_instance(f"{name}-{number}"))
    await store.close()


async def only_open(path: str, name: str) -> None:
    """Open and close: several at once migrate the same file."""
    store = await SqliteStore.open(path)
    await store.create(new_instance(name))
    await store.close()
    say("opened")


if __name__ == "__main__":
    verb, where, who = sys.argv[1:]
    asyncio.run(
        {
            f.__name__: f
            for f in (write, churn, fill, hold, work, strain, squeeze, touch, only_open)
        }[verb](where, who)
    )
