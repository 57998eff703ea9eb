"""Chains that both checkers must reject: an ignore that isn't needed is an error of its own."""

from __future__ import annotations

from sayiir import (
    Again,
    Done,
    Flow,
    Task,
    Workflow,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    resource,
    result_of,
    task,
    workflow,
    workflow_input,
)
from sayiir.testing import WorkflowEnvironment, explore_crashes, fake
from tests.typing.shop import (
    Order,
    Parcel,
    Payment,
    PickUp,
    Stock,
    charge,
    count,
    either,
    from_int,
    kind,
    make_order,
    maybe,
    on_big,
    on_payment,
    order_and_pick_up,
    orders,
    pack,
    plain,
    plain_async,
    reserve,
    three,
    to_int,
    validate,
)

MYPY = False

# -- tasks


def tasks() -> None:
    pack(Payment())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    validate(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    charge(Order(), nope=1)  # type: ignore[call-arg, unused-coroutine]  # pyright: ignore[reportCallIssue]
    wrong_output: Task[Order, Stock] = charge  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportUnusedVariable]
    wrong_input: Task[int, Payment] = charge  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportUnusedVariable]
    # mypy rejects it too, but under a code that depends on what it has cached.
    if not MYPY:
        task(3)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @task(retires=3)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
    def misspelt(number: int) -> int:
        return 1

    @task(run_in=3)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
    def nowhere(number: int) -> int:
        return 1

    @task
    def wrong_result(payment: Payment, order: Order = result_of(charge)) -> int:  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        return 1

    @task
    def wrong_workflow_input(payment: Payment, order: Order = workflow_input(int)) -> int:  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        return 1


# -- chains


def chains() -> None:
    validate >> on_payment  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> charge >> to_int  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    maybe >> on_payment  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    either >> on_payment  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> on_big  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> plain  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> plain_async  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> 3  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> pack  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> charge | reserve  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    plain >> validate  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> (on_payment, reserve)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> str.upper  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    charge.then(lambda payment: payment.nope)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownLambdaType, reportUnknownMemberType]
    validate.then(on_payment)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    wrong_output: Flow[Order, Stock] = validate >> charge  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportUnusedVariable]
    wrong_input: Flow[int, Payment] = validate >> charge  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportUnusedVariable]


# -- fork


def forks() -> None:
    validate >> fork(on_payment, reserve)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnusedExpression]
    validate >> fork(charge, on_payment)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnusedExpression]
    validate >> fork(charge, reserve) >> on_payment  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> fork(reserve, charge) >> pack  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    fork(charge, reserve) >> three  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    fork(charge, count) >> pack  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> fork(x=on_payment, y=reserve)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportOperatorIssue, reportUnusedExpression]
    validate >> fork(charge, plain)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnusedExpression]
    fork(charge, reserve, join="first")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


# -- branch


def branches() -> None:
    validate >> branch(kind, {"a": on_payment})  # type: ignore[arg-type, dict-item]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnusedExpression]
    branch(count, {"a": charge})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    validate >> branch(kind, ("a", charge), ("b", reserve)).merge() >> on_payment  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> branch(kind, ("a", charge), ("b", on_payment))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportUnusedExpression]
    branch(kind, {"a": charge, "b": on_payment})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]


# -- loop


@task
def poll_wrong(number: int) -> Again[str] | Done[str]:
    return Done("x")


@task
def poll(number: int) -> Again[int] | Done[str]:
    return Done("x")


def loops() -> None:
    loop(poll_wrong)  # type: ignore[misc]  # pyright: ignore[reportArgumentType, reportCallIssue]
    loop(charge)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    loop(to_int >> poll)  # type: ignore[misc]  # pyright: ignore[reportArgumentType, reportCallIssue]
    loop(poll, on_max="stop")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    from_int >> loop(poll)  # type: ignore[arg-type]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]


# -- map, delay, signals


def others() -> None:
    orders >> on_payment.map()  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> charge.map()  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    charge.map(on_error="ignore")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    validate >> delay(1) >> on_payment  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    delay("1h") >> delay("1h") >> charge >> validate  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    charge >> await_signal("x", PickUp, keep_input=True) >> order_and_pick_up  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    validate >> await_signal("x", PickUp) >> charge  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    await_signal("x", PickUp, default=None)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


# -- workflows


@workflow
def wrong_declaration() -> Flow[Order, Stock]:
    return validate >> fork(charge, reserve) >> pack  # type: ignore[no-any-return, operator]  # pyright: ignore[reportReturnType]


made = workflow("made", validate >> charge)
no_input = workflow("no_input", make_order >> charge)


def workflows() -> None:
    made(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    made()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    made.run(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    on_payment >> made  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    wrong_output: Workflow[Order, Parcel] = made  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportUnusedVariable]
    workflow("made", charge, retries=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


async def async_workflows() -> None:
    await made.arun(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await made.arun()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def class_tasks() -> None:
    class Ship:
        def __call__(self, parcel: Parcel) -> str:
            return ""

    class Misfit:
        def __init__(self, order: Order = resource(int)) -> None: ...  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        def __call__(self, parcel: Parcel) -> str:
            return ""

    ship = task(Ship)
    ship(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wrong_output: Task[Parcel, int] = ship  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportUnusedVariable]
    wrong_input: Task[int, str] = ship  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportUnusedVariable]
    charge >> ship  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    task(Misfit)


def testing(environment: WorkflowEnvironment) -> None:
    def stocks(order: Order) -> Stock:
        return Stock()

    fake(charge).gives(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake(charge).gives(Payment()).gives(Stock())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake(charge).calls(stocks)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fake(charge).raises(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    environment.run(made, "a", 3)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    explore_crashes(made, 3)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    explore_crashes(made, Order(), crash="sometimes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
