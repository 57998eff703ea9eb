"""The shop keeps what its README says: every order its fate, no card charged twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from examples.order_fulfilment import services
from examples.order_fulfilment.models import Delivery, Order, Parcel, Payment, PickUp
from examples.order_fulfilment.workflow import charge_card, fulfil_order, hand_over
from sayiir import Completed, TaskFailed, WorkflowClient
from sayiir.status import TaskResult

REPOSITORY: Final = Path(__file__).parents[2]
WORKFLOW: Final = fulfil_order(timedelta(seconds=1))
FATES: Final = {
    "order-1": "Completed. 1 x lamp: delivered as",
    "order-2": "Completed. 4 x chair: picked up by Ben",
    "order-3": "Completed. 2 x vase: delivered as",
    "order-4": "Completed. 1 x chair: delivered as",
    "order-5": "Cancelled by Eve: changed her mind",
    "order-6": "Completed. 1 x vase: nobody came; taken back, and the money returned",
}
KEPT: Final = {"Ada": "29.50", "Ben": "340.00", "Cleo": "24.00", "Dan": "85.00"}
GIVEN_BACK: Final = {"Eve": "88.50", "Finn": "12.00"}

# Kills its own process when the outside world is asked for the n-th time: before the answer, or
# after it, when the effect is there and the checkpoint isn't. A real SIGKILL.
KILLED: Final = """
import os, runpy, signal, sys
from examples.order_fulfilment import services
when, kill_at = sys.argv[1], int(sys.argv[2])
asked = 0

def watched(service):
    def ask(*arguments):
        global asked
        asked += 1
        if when == "before" and asked == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = service(*arguments)
        if when == "after" and asked >= kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return ask

for name in ("charge", "reserve", "book_carrier", "is_delivered", "refund", "change_card"):
    setattr(services, name, watched(getattr(services, name)))
sys.argv = ["order_fulfilment", *sys.argv[3:]]
runpy.run_module("examples.order_fulfilment", run_name="__main__")
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def play(out: Path) -> str:
    done = python("-m", "examples.order_fulfilment", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_all_fates(account: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for order_id, fate in FATES.items():
        assert re.search(rf"^{order_id}  .*: {re.escape(fate)}", account, re.M), account
    monkeypatch.setenv(services.SERVICES_FILE, str(out / "services.db"))
    for booked, refunded in ((KEPT, False), (GIVEN_BACK, True)):
        for customer, amount in booked.items():
            assert services.payments_of(customer) == [(Decimal(amount), refunded)]


def histories(out: Path) -> dict[str, TaskResult]:
    with WorkflowClient(f"sqlite:///{out / 'orders.db'}") as client:
        return {
            f"{info.instance_id}/{step.path}": step
            for info in client.list()
            for step in client.task_results(info.instance_id, WORKFLOW)
        }


def is_final(step: TaskResult) -> bool:
    """Neither a failed attempt, nor a round of a loop, which keeps its last alone."""
    return step.error is None and "/loop[" not in step.path


def test_every_customer_meets_the_fate_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = play(tmp_path)
    assert_all_fates(account, tmp_path, monkeypatch)
    assert "order-4: Dan hears that card 4000 has no funds" in account
    assert re.search(r"now  fork\[0\]/charge_card +3 attempts", account)
    assert "kept" not in re.sub(r"\d kept", "", account)

    with WorkflowClient(f"sqlite:///{tmp_path / 'orders.db'}") as client:
        payment = client.get_task_result_of("order-2", charge_card)
        assert payment is not None
        assert payment.amount == Decimal("340.00")
        status = client.status("order-2", WORKFLOW)
        assert isinstance(status, Completed)
        assert status.output.paid == Decimal("340.00")
        assert [info.instance_id for info in client.list(status="Cancelled")] == ["order-5"]

    again = play(tmp_path)
    assert_all_fates(again, tmp_path, monkeypatch)
    assert "  now  " not in again
    assert "Dan hears" not in again


@pytest.mark.crash
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_day_that_is_killed_again_and_again_ends_as_an_unbroken_one(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = dict[str, TaskResult]()
    for kill_at in (1, 2, 5, 5, 5):
        # An hour long enough that nobody's parcel is taken back while no process runs.
        died = python("-c", KILLED, when, str(kill_at), "--out", str(tmp_path), "--hour", "0.1")
        assert died.returncode == -signal.SIGKILL, died.stderr
        found = histories(tmp_path)
        assert {key: found.get(key) for key in committed} == committed
        committed = {key: step for key, step in found.items() if is_final(step)}
    assert committed
    assert_all_fates(play(tmp_path), tmp_path, monkeypatch)
    found = histories(tmp_path)
    assert {key: found.get(key) for key in committed} == committed


def test_an_order_runs_in_memory_with_its_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one would test a workflow of one's own."""
    monkeypatch.setenv(services.SERVICES_FILE, str(tmp_path / "services.db"))
    services.open_account("Ada", services.GOOD_CARD)
    quick = fulfil_order(timedelta(milliseconds=1))
    order = Order(order_id="o", customer="Ada", item="lamp", pieces=2, delivery=Delivery.PICK_UP)
    receipt = quick.run(order, events={"picked_up": [PickUp(by="Ada's brother")]})
    assert receipt.text == "2 x lamp: picked up by Ada's brother"
    services.change_card("Ada", services.NO_FUNDS)
    with pytest.raises(TaskFailed, match="has no funds") as failed:
        quick.run(order)
    assert failed.value.info.attempt == 1
    assert isinstance(failed.value.__cause__, services.CardDeclined)


def test_a_task_is_tested_by_calling_it() -> None:
    parcel = Parcel(label="a lamp", delivery=Delivery.PICK_UP)
    payment = Payment(reference="pay-1", amount=Decimal(1))
    assert hand_over(parcel, PickUp(by="Ada"), payment=payment).sold
