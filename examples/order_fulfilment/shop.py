"""The shop: works on orders, and puts right what a cancelled one has left behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from examples.order_fulfilment import services
from examples.order_fulfilment.models import Order, Receipt
from examples.order_fulfilment.workflow import charge_card
from sayiir import AsyncCheckpointingRunner, AsyncWorkflowClient, Waiting, Workflow, WorkflowStatus

__all__ = ["Shop"]


@dataclass(frozen=True, slots=True)
class Shop:
    """The runner that works on orders, and the workflow that they all are."""

    runner: AsyncCheckpointingRunner
    workflow: Workflow[Order, Receipt]

    @property
    def client(self) -> AsyncWorkflowClient:
        """The desk where customers ask, send and cancel."""
        return self.runner.client

    async def work_on(self, order: Order) -> WorkflowStatus[Receipt]:
        """Start the order or continue it, until it ends or waits for its customer.

        ``ensure`` returns when nothing is due. Where the order only waits for a time to pass,
        this sleeps until then and goes on.
        """
        while True:
            status = await self.runner.ensure(self.workflow, order.order_id, order)
            if not isinstance(status, Waiting):
                return status
            left = status.wake_at - datetime.now(UTC)
            await asyncio.sleep(max(left.total_seconds(), 0))

    async def close_the_day(self, order: Order) -> WorkflowStatus[Receipt]:
        """Work on the order until it ends, whoever comes or doesn't."""
        return await self.runner.ensure(self.workflow, order.order_id, order, wait=True)

    async def settle_cancelled(self, order: Order) -> None:
        """Give back what was paid for an order that was cancelled; safe to do twice.

        The answer is typed by the task that is asked for: ``Payment | None``.
        """
        payment = await self.client.get_task_result_of(order.order_id, charge_card)
        if payment is not None:
            services.refund(payment.reference)
