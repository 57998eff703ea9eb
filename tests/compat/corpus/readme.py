"""The programs of the published package's README, with the helpers that it leaves out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tests.compat.corpus.program import Corpus

corpus = Corpus()
program = corpus.program


class OrderInput(BaseModel):
    order_id: int
    amount: float


class OrderResult(BaseModel):
    status: str
    message: str


@program(gives="Sent welcome to Alice")
def welcome(s: Any) -> Any:
    @s.task
    def fetch_user(user_id: int) -> dict:
        return {"id": user_id, "name": "Alice"}

    @s.task
    def send_email(user: dict) -> str:
        return f"Sent welcome to {user['name']}"

    workflow = s.Flow("welcome").then(fetch_user).then(send_email).build()
    return s.run_workflow(workflow, 42)


@program(gives="11")
def inline_lambdas(s: Any) -> Any:
    flow = s.Flow("pipeline").then(lambda x: x * 2).then(lambda x: x + 1)
    flow = flow.then(lambda x: str(x))  # noqa: PLW0108  as the README has it
    return s.run_workflow(flow.build(), 5)


@program(gives=20)
def sequential(s: Any) -> Any:
    @s.task
    def double(x: int) -> int:
        return x * 2

    @s.task
    def add_ten(x: int) -> int:
        return x + 10

    return s.run_workflow(s.Flow("math").then(double).then(add_ten).build(), 5)


@program(gives=("Confirmed order 42", True, "completed"))
def durable(s: Any) -> Any:
    @s.task(timeout="30s")
    def process_order(order_id: int) -> dict:
        return {"order_id": order_id, "status": "processed"}

    @s.task
    def send_confirmation(order: dict) -> str:
        return f"Confirmed order {order['order_id']}"

    workflow = s.Flow("order").then(process_order).then(send_confirmation).build()
    status = s.run_durable_workflow(workflow, "order-123", 42)
    return status.output, status.is_completed(), status.status


@program(gives=("got it", 3))
def retry_policy(s: Any) -> Any:
    calls = []

    @s.task(retries=s.RetryPolicy(max_retries=3, initial_delay_secs=0.01, backoff_multiplier=2.0))
    def flaky_call(url: str) -> str:
        calls.append(url)
        if len(calls) < 3:
            raise ConnectionError("not yet")
        return "got it"

    output = s.run_workflow(s.Flow("flaky").then(flaky_call).build(), "http://example.org")
    return output, len(calls)


@program(
    gives=(
        "Order complete: {'validate_payment': {'payment': 'valid'}, "
        "'check_inventory': {'stock': 'available'}}"
    )
)
def checkout(s: Any) -> Any:
    @s.task
    def validate_payment(order: dict) -> dict:
        return {"payment": "valid"}

    @s.task
    def check_inventory(order: dict) -> dict:
        return {"stock": "available"}

    @s.task
    def finalize(results: dict) -> str:
        return f"Order complete: {results}"

    fork = s.Flow("checkout").fork().branch(validate_payment).branch(check_inventory)
    return s.run_workflow(fork.join(finalize).build(), {"order_id": 1})


@program(gives=[("fetch_data", 42), ("fetch_metadata", "meta")])
def multi_step_branches(s: Any) -> Any:
    def fetch_data(n: int) -> int:
        return n

    def transform(n: int) -> int:
        return n * 2

    def validate(n: int) -> int:
        return n + 2

    def fetch_metadata(n: int) -> str:
        return "meta"

    seen: list[Any] = []

    def merge_results(results: dict) -> None:
        seen.extend(results.items())

    fork = s.Flow("pipeline").fork().branch(fetch_data, transform, validate).branch(fetch_metadata)
    s.run_workflow(fork.join(merge_results).build(), 20)
    return seen


@program(gives="published: a draft!!!")
def refine_loop(s: Any) -> Any:
    @s.task
    def initial_draft(text: str) -> str:
        return text

    @s.task
    def refine(draft: str) -> dict:
        improved = f"{draft}!"
        if improved.endswith("!!!"):
            return s.LoopResult.done(improved).to_dict()
        return s.LoopResult.again(improved).to_dict()

    @s.task
    def publish(draft: str) -> str:
        return f"published: {draft}"

    flow = s.Flow("iterative").then(initial_draft).loop(refine, max_iterations=5).then(publish)
    return s.run_workflow(flow.build(), "a draft")


@program(gives=("fetch_data", "crawl", "crawl-1", 30.0, ["io"], {"owner": "ada"}, None))
def task_context(s: Any) -> Any:
    @s.task(timeout="30s", tags=["io"])
    def fetch_data(url: str) -> list:
        ctx = s.get_task_context()
        return [
            ctx.task_id,
            ctx.workflow_id,
            ctx.instance_id,
            ctx.metadata.timeout_secs,
            ctx.metadata.tags,
            ctx.workflow_metadata,
        ]

    workflow = s.Flow("crawl", metadata={"owner": "ada"}).then(fetch_data).build()
    status = s.run_durable_workflow(workflow, "crawl-1", "http://example.org")
    return (*status.output, s.get_task_context())


@program(gives={"status": "ok", "message": "Processed $99.99"})
def pydantic_integration(s: Any) -> Any:
    @s.task
    def process(order: OrderInput) -> OrderResult:
        return OrderResult(status="ok", message=f"Processed ${order.amount}")

    workflow = s.Flow("typed").then(process).build()
    return s.run_workflow(workflow, {"order_id": 1, "amount": 99.99})


def support_router(s: Any) -> Any:
    @s.task
    def classify(ticket: dict) -> str:
        return {"invoice": "billing", "crash": "tech"}.get(ticket["type"], "other")

    @s.task
    def handle_billing(ticket: dict) -> str:
        return f"Billing handled: {ticket['id']}"

    @s.task
    def handle_tech(ticket: dict) -> str:
        return f"Tech resolved: {ticket['id']}"

    @s.task
    def fallback(ticket: dict) -> str:
        return f"Routed to general: {ticket['id']}"

    route = s.Flow("support-router").route(classify, keys=["billing", "tech"])
    route.branch("billing", handle_billing).branch("tech", handle_tech).default_branch(fallback)
    return route.done().build()


@program(gives=[("branch", "billing"), ("result", "Billing handled: 1")])
def conditional_branching(s: Any) -> Any:
    return list(s.run_workflow(support_router(s), {"id": 1, "type": "invoice"}).items())


@program(gives=[("branch", "other"), ("result", "Routed to general: 2")])
def default_branch(s: Any) -> Any:
    status = s.run_durable_workflow(support_router(s), "ticket-2", {"id": 2, "type": "praise"})
    return list(status.output.items())


@program(gives=("Process Payment", 60.0, 3, 1.0, 2.0, ["payments", "critical"], "Charges the card"))
def task_metadata(s: Any) -> Any:
    @s.task(
        "Process Payment",
        timeout="60s",
        retries=3,
        tags=["payments", "critical"],
        description="Charges the card",
    )
    def process_payment(order: dict) -> dict:
        return order

    found = process_payment._metadata
    return (
        process_payment._task_id,
        found.timeout_secs,
        found.retries.max_retries,
        found.retries.initial_delay_secs,
        found.retries.backoff_multiplier,
        found.tags,
        found.description,
    )
