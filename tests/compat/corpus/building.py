"""What the builder makes, says and refuses; and the hash of what it makes."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from random import Random
from typing import Any

from tests.compat.corpus.program import Corpus, hash_of, raised

corpus = Corpus()
program = corpus.program


def f(x: Any) -> Any:
    return x


def g(x: Any) -> Any:
    return x


def h(x: Any) -> Any:
    return x


def everything(s: Any) -> Any:
    """Every kind of step, in one flow."""

    @s.task("charge", timeout="1.5s", retries=s.RetryPolicy(4, 0.25, 1.5), priority=2)
    def charge(x: Any) -> Any:
        return x

    child = s.Flow("child").then(f).loop(g).build()
    flow = s.Flow("everything").then(charge).delay("nap", timedelta(milliseconds=1500))
    flow = flow.wait_for_signal("go", name="wait", timeout="2m").then(lambda x: x)
    flow = flow.fork().branch(f, charge).branch(g).join(h)
    route = flow.route(f, keys=["b", "a"]).branch("b", f, g).branch("a", charge).default_branch(h)
    flow = route.done().loop(charge, max_iterations=7, on_max="exit_with_last").then_flow(child)
    return flow.then(lambda x: x, name="last")


@program(
    gives=[
        ("charge", "task", None, 1.5, 2),
        ("nap", "delay", "charge", 1.5, None),
        ("wait", "await_signal", "nap", 120.0, None),
        ("lambda_0", "task", "wait", None, None),
        ("f||g", "fork", "lambda_0", None, None),
        ("f", "task", "f||g", None, None),
        ("charge", "task", "f", 1.5, 2),
        ("g", "task", "f||g", None, None),
        ("h", "task", "f||g", None, None),
        ("branch_0", "branch", "h", None, None),
        ("charge", "task", "branch_0", 1.5, 2),
        ("f", "task", "branch_0", None, None),
        ("g", "task", "f", None, None),
        ("h", "task", "branch_0", None, None),
        ("loop_0", "loop", "branch_0", None, None),
        ("charge", "task", "loop_0", 1.5, 2),
        ("child_0", "child_workflow", "loop_0", None, None),
        ("f", "task", "child_0", None, None),
        ("loop_0", "loop", "f", None, None),
        ("g", "task", "loop_0", None, None),
        ("last", "task", "child_0", None, None),
    ]
)
def nodes(s: Any) -> Any:
    found = everything(s).build().iter_nodes()
    return [(n.id, n.kind, n.predecessor_id, n.timeout_secs, n.priority) for n in found]


@program(gives=("NodeInfo(id='charge', kind='task')", 4, 0.25, 1.5))
def node_info(s: Any) -> Any:
    node = everything(s).build().iter_nodes()[0]
    policy = node.retry_policy
    return (
        repr(node),
        policy.max_retries,
        policy.initial_delay_secs,
        policy.backoff_multiplier,
    )


@program(gives=["charge", "lambda_0", "last", "branch_0::key_fn"])
def registry(s: Any) -> Any:
    found = everything(s).build()._task_registry
    return [name for name in ("charge", "lambda_0", "last", "branch_0::key_fn") if name in found]


@program(gives=["ValueError"] * 9)
def refused_flows(s: Any) -> Any:
    def route() -> Any:
        return s.Flow("w").route(f, keys=["a", "b"])

    return [
        raised(lambda: s.Flow("w").build()),
        raised(lambda: s.Flow("w").fork().branch()),
        raised(lambda: s.Flow("w").fork().join(f)),
        raised(lambda: route().branch("c", f)),
        raised(lambda: route().branch("a", f).done()),
        raised(lambda: route().default_branch()),
        raised(lambda: s.Flow("w").loop(f, max_iterations=0)),
        raised(lambda: s.Flow("w").loop(f, on_max="stop")),
        raised(lambda: s.Flow("w").delay("d", -1)),
    ]


@program(gives=["ValueError"] * 6)
def refused_tasks(s: Any) -> Any:
    return [
        raised(lambda: s.task(priority=6)),
        raised(lambda: s.task(tags=["x"] * 21)),
        raised(lambda: s.task(tags=[""])),
        raised(lambda: s.task(tags=["x" * 65])),
        raised(lambda: s.task(timeout="3 days")),
        raised(lambda: s.parse_duration("soon")),
    ]


@program(
    gives="TypeError",
    published="nothing: 1",
    why="what can't be called is refused where it is written, not when an instance comes to it",
)
def a_task_that_is_no_function(s: Any) -> Any:
    return raised(lambda: len(s.Flow("w").then(3).build().iter_nodes()))


@program(gives=[0.1, 30.0, 300.0, 3600.0, 1.5, 2.0, 1.5])
def durations(s: Any) -> Any:
    return [s.parse_duration(each) for each in ("100ms", "30s", "5m", "1H", 1.5, 2, " 1.5 s ")]


@program(gives=(True, False, 3, {"_loop": "again", "value": 4}, "LoopResult.done(3)"))
def loop_results(s: Any) -> Any:
    done = s.LoopResult.done(3)
    return done.is_done, done.is_again, done.value, s.LoopResult.again(4).to_dict(), repr(done)


@program(gives=("fail", "exit_with_last", 2, 1.0, 2.0))
def small_types(s: Any) -> Any:
    policy = s.RetryPolicy()
    retries = (policy.max_retries, policy.initial_delay_secs, policy.backoff_multiplier)
    return (str(s.OnMax.FAIL), str(s.OnMax.EXIT_WITH_LAST), *retries)


@program(gives=[True, True, True, True])
def exceptions(s: Any) -> Any:
    return [
        issubclass(s.WorkflowError, RuntimeError),
        issubclass(s.TaskError, s.WorkflowError),
        issubclass(s.BackendError, s.WorkflowError),
        issubclass(s.InstanceAlreadyExistsError, s.WorkflowError),
    ]


@program(gives=(True, 5, "f", int))
def the_decorated_function_stays_itself(s: Any) -> Any:
    def f(n: int) -> int:
        return n + 1

    decorated = s.task(f)
    return decorated is f, decorated(4), decorated._task_id, decorated._input_type


@program(gives="d9a6956791165ffbd6b4f0446e87826453957b7d449d9f9c9ace55d0f5315a83")
def hash_of_one_task(s: Any) -> Any:
    return hash_of(s.Flow("any name").then(f))


@program(gives="02e2330aed2e39a72b8cb7d88af7332ab8bb4c571f71fe8b1e2cd6c689130833")
def hash_of_every_kind_of_step(s: Any) -> Any:
    return hash_of(everything(s))


_ODD_NUMBERS = """
27f0dfa456f2 4226c20f3e23 b02263f14593 d4accf22502a b5bfabc4b9b6 bd7b5c405879 bd7b5c405879
bd7b5c405879 25d6f38a62e4 e126050dd533 5e8846a125c0 5cc63eb9344b 5cc63eb9344b 223436d7accf
db2bbbbf4f29 95a10b9e280c
"""


@program(gives=_ODD_NUMBERS.split())
def hashes_of_odd_numbers(s: Any) -> Any:
    def retried(*policy: Any) -> Any:
        return s.Flow("w").then(s.task(name="f", retries=s.RetryPolicy(*policy))(lambda x: x))

    def limited(timeout: Any) -> Any:
        return s.Flow("w").then(s.task(name="f", timeout=timeout)(lambda x: x))

    policies = [(0, 0, 1), (3, 0.1, 1.1), (3, 0.0019999, 3), (1, 2, 1.0 + 2**-52), (9, 1e3, 1e3)]
    flows = [retried(*policy) for policy in policies]
    flows += [limited(timeout) for timeout in (0.0015, "1.5ms", 0.0019999, 0.29, 1e-9 + 1, 86_400)]
    flows += [s.Flow("w").delay("d", seconds) for seconds in (0, 1e-9, 0.0009999999, 4.35, 1e7)]
    return [hash_of(flow)[:12] for flow in flows]


_ODD_NAMES = """
6b90caee119d 9debe6fefbda d644aec3e3a4 1eff3701479f 97ee1c90e058 1fe515cca78e 30ca1d1c4f38
60e6c89dae71 e3c0de6fe736 a61d99447113 a92ae7dcde60
"""


@program(gives=_ODD_NAMES.split())
def hashes_of_odd_names(s: Any) -> Any:
    names = ["a;b:c", "é😀", "loop_0", "T:f;", "with space"]
    flows = [s.Flow("w").then(f, name=name) for name in names]
    flows += [s.Flow("w").wait_for_signal("go", name=name) for name in names]
    route = s.Flow("w").route(f, keys=["é", "z", "Z", "a=>b"])
    for key in ("é", "z", "Z", "a=>b"):
        route.branch(key, f)
    return [hash_of(flow)[:12] for flow in [*flows, route.done()]]


@program(gives=["5fb89707cb69"])
def hashes_of_nested_children(s: Any) -> Any:
    inner = s.Flow("inner").then(f).loop(g).build()
    middle = s.Flow("middle").then_flow(inner).then(lambda x: x).then_flow(inner).build()
    outer = s.Flow("outer").then(lambda x: x).then_flow(middle).loop(h)
    return [hash_of(outer)[:12]]


@program(gives="c845414f101789ce06c99c8af4132b4bf49f7ed2b4bef62a47366a132d59124a")
def hashes_of_many_policies(s: Any) -> Any:
    random = Random(7)
    found = sha256()
    for _ in range(300):
        delay, timeout = (round(random.uniform(0, 3), random.choice((1, 3, 15))) for _ in "ab")
        policy = s.RetryPolicy(random.randint(0, 9), delay, random.uniform(1, 10) ** 2)
        task = s.task(name="f", timeout=timeout + 0.01, retries=policy)(lambda x: x)
        found.update(hash_of(s.Flow("w").then(task)).encode())
    return found.hexdigest()


@program(
    gives=32,
    published=64,
    why="instances are bound to the native hash, which leaves timeouts and retries out",
)
def length_of_the_hash(s: Any) -> Any:
    return len(s.Flow("w").then(f).build().definition_hash)
