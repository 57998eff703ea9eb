"""What the published package's README shows, one program for each of its sections.

The programs are our own: the same features in the same combinations, told with a library's books.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tests.compat.corpus.program import Corpus

corpus = Corpus()
program = corpus.program


class Loan(BaseModel):
    book: str
    days: int


class Slip(BaseModel):
    title: str
    due_in: int


@program(gives="Momo is by Michael Ende")
def two_tasks(s: Any) -> Any:
    @s.task
    def look_up(number: int) -> dict:
        return {"number": number, "title": "Momo", "author": "Michael Ende"}

    @s.task
    def describe(book: dict) -> str:
        return f"{book['title']} is by {book['author']}"

    return s.run_workflow(s.Flow("lookup").then(look_up).then(describe).build(), 7)


@program(gives="<9>")
def inline_lambdas(s: Any) -> Any:
    flow = s.Flow("signs").then(lambda n: n - 1).then(lambda n: n * 3).then(lambda n: f"<{n}>")
    return s.run_workflow(flow.build(), 4)


@program(gives=14)
def sequential(s: Any) -> Any:
    @s.task
    def halve(n: int) -> int:
        return n // 2

    @s.task
    def minus_one(n: int) -> int:
        return n - 1

    return s.run_workflow(s.Flow("numbers").then(halve).then(minus_one).build(), 30)


@program(gives=("Momo goes to shelf 3", True, "completed", None))
def durable(s: Any) -> Any:
    @s.task(timeout="20s")
    def find_shelf(title: str) -> dict:
        return {"title": title, "shelf": 3}

    @s.task
    def label(place: dict) -> str:
        return f"{place['title']} goes to shelf {place['shelf']}"

    workflow = s.Flow("shelving").then(find_shelf).then(label).build()
    status = s.run_durable_workflow(workflow, "copy-17", "Momo")
    return status.output, status.is_completed(), status.status, status.error


@program(gives=("read", 3))
def retry_policy(s: Any) -> Any:
    calls = []

    @s.task(retries=s.RetryPolicy(max_retries=4, initial_delay_secs=0.01, backoff_multiplier=1.5))
    def scan(barcode: str) -> str:
        calls.append(barcode)
        if len(calls) < 3:
            raise OSError("blurred")
        return "read"

    return s.run_workflow(s.Flow("scanning").then(scan).build(), "978"), len(calls)


@program(gives="{'card': 'valid', 'copy': ['shelf', 3]}")
def fork_and_join(s: Any) -> Any:
    @s.task("card")
    def check_card(loan: dict) -> str:
        return "valid"

    @s.task("copy")
    def find_copy(loan: dict) -> list:
        return ["shelf", loan["shelf"]]

    @s.task
    def lend(results: dict) -> str:
        return str(results)

    fork = s.Flow("lending").fork().branch(check_card).branch(find_copy)
    return s.run_workflow(fork.join(lend).build(), {"shelf": 3})


@program(gives=[("read", "MOMO!"), ("count", 4)])
def multi_step_branches(s: Any) -> Any:
    def read(title: str) -> str:
        return title

    def shout(title: str) -> str:
        return title.upper()

    def mark(title: str) -> str:
        return f"{title}!"

    def count(title: str) -> int:
        return len(title)

    seen: list[Any] = []

    def merge(results: dict) -> None:
        seen.extend(results.items())

    fork = s.Flow("titles").fork().branch(read, shout, mark).branch(count)
    s.run_workflow(fork.join(merge).build(), "Momo")
    return seen


@program(gives="filed: 1/3")
def loop(s: Any) -> Any:
    @s.task
    def start(fraction: str) -> list:
        return [int(part) for part in fraction.split("/")]

    @s.task
    def shorten(parts: list) -> dict:
        for divisor in (2, 3, 5, 7):
            if not any(part % divisor for part in parts):
                return s.LoopResult.again([part // divisor for part in parts]).to_dict()
        return s.LoopResult.done(parts).to_dict()

    @s.task
    def file(parts: list) -> str:
        return f"filed: {parts[0]}/{parts[1]}"

    flow = s.Flow("fractions").then(start).loop(shorten, max_iterations=8).then(file)
    return s.run_workflow(flow.build(), "70/210")


@program(gives=("ask", "catalogue", "query-9", 4.0, ["net"], {"branch": "east"}, None))
def task_context(s: Any) -> Any:
    @s.task(timeout="4s", tags=["net"])
    def ask(title: str) -> list:
        ctx = s.get_task_context()
        facts = [ctx.task_id, ctx.workflow_id, ctx.instance_id]
        return [*facts, ctx.metadata.timeout_secs, ctx.metadata.tags, ctx.workflow_metadata]

    workflow = s.Flow("catalogue", metadata={"branch": "east"}).then(ask).build()
    status = s.run_durable_workflow(workflow, "query-9", "Momo")
    return (*status.output, s.get_task_context())


@program(gives={"title": "Momo", "due_in": 28})
def models(s: Any) -> Any:
    @s.task
    def lend(loan: Loan) -> Slip:
        return Slip(title=loan.book, due_in=loan.days)

    return s.run_workflow(s.Flow("loans").then(lend).build(), {"book": "Momo", "days": "28"})


def desk(s: Any) -> Any:
    @s.task
    def kind(question: dict) -> str:
        return {"fee": "cash", "book": "shelf"}.get(question["about"], "unclear")

    @s.task
    def cash(question: dict) -> str:
        return f"the till answers {question['by']}"

    @s.task
    def shelf(question: dict) -> str:
        return f"the shelf answers {question['by']}"

    @s.task
    def anybody(question: dict) -> str:
        return f"somebody answers {question['by']}"

    route = s.Flow("desk").route(kind, keys=["cash", "shelf"])
    return route.branch("cash", cash).branch("shelf", shelf).default_branch(anybody).done().build()


@program(gives=[("branch", "cash"), ("result", "the till answers Ada")])
def route(s: Any) -> Any:
    return list(s.run_workflow(desk(s), {"about": "fee", "by": "Ada"}).items())


@program(gives=[("branch", "unclear"), ("result", "somebody answers Ada")])
def default_branch(s: Any) -> Any:
    status = s.run_durable_workflow(desk(s), "question-2", {"about": "life", "by": "Ada"})
    return list(status.output.items())


@program(gives=("Send Reminder", 45.0, 2, 1.0, 2.0, ["post", "weekly"], "Tells who is late"))
def task_metadata(s: Any) -> Any:
    @s.task(
        "Send Reminder",
        timeout="45s",
        retries=2,
        tags=["post", "weekly"],
        description="Tells who is late",
    )
    def remind(loan: dict) -> dict:
        return loan

    found = remind._metadata
    policy = (found.retries.max_retries, found.retries.initial_delay_secs)
    return (
        remind._task_id,
        found.timeout_secs,
        *policy,
        found.retries.backoff_multiplier,
        found.tags,
        found.description,
    )
