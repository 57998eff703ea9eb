"""A language model for the example's sake: it follows one recipe, and bills like a real one.

It decides by nothing but the messages, so the same conversation gets the same answer. Every call
is a line in a file, as on a provider's bill: that shows what a crash costs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from examples.agent_loop.chat import ModelBusy, Reply, Tool
from examples.agent_loop.messages import Message, ToolCall

__all__ = ["StubChat", "billed"]


class StubChat:
    """Knows how to tell a customer what they owe.

    Args:
        bill: the file that each call is written to.
        busy: how many of the first calls find the model overloaded; nobody bills those.
    """

    def __init__(self, bill: Path, busy: int = 0) -> None:
        self._bill = bill
        self._busy = busy

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool], key: str) -> Reply:
        """The next message; billed whether or not anybody lives to read it."""
        del tools
        if self._busy > 0:
            self._busy -= 1
            raise ModelBusy("too many requests")
        message = _next(messages)
        tokens = sum(len(each.model_dump_json()) for each in (*messages, message)) // 4
        with self._bill.open("a", encoding="utf-8") as bill:
            bill.write(f"{key} {tokens}\n")
        return Reply(message, tokens)


def billed(bill: Path) -> list[str]:
    """The key of every call that is on the bill."""
    if not bill.exists():
        return []
    return [line.split()[0] for line in bill.read_text(encoding="utf-8").splitlines()]


def _next(messages: Sequence[Message]) -> Message:
    wanted = re.search(r"\btell (\w+) what", messages[0].text, re.IGNORECASE)
    if wanted is None:
        return _says('I know one thing only; say "Tell Ada what she owes".')
    who = wanted[1].capitalize()
    answers = [message.text for message in messages if message.role == "tool"]
    match answers:
        case []:
            return _wants(1, ("look_up", {"about": f"orders of {who}"}), _PRICES)
        case [order, prices]:
            terms = _terms(order, prices)
            if not terms:
                return _says(f"I found no orders of {who}.")
            return _wants(2, ("calculate", {"expression": " + ".join(terms)}))
        case [_, _, total]:
            text = f"Dear {who}, you owe {total}."
            return _wants(3, ("send_mail", {"to": f"{who.lower()}@example.org", "text": text}))
        case [_, _, total, sent, *_]:
            return _says(f"{who} owes {total}. The mail: {sent}.")
        case _:
            return _says("I have lost the thread.")


_PRICES = ("look_up", {"about": "prices"})


def _terms(order: str, prices: str) -> list[str]:
    """``2 lamp, 1 chair`` and ``lamp 29.50, chair 85.00`` make ``2 * 29.50`` and ``1 * 85.00``."""
    price_of = dict(re.findall(r"(\w+) ([\d.]+)", prices))
    return [
        f"{pieces} * {price_of[item]}"
        for pieces, item in re.findall(r"(\d+) (\w+)", order)
        if item in price_of
    ]


def _says(text: str) -> Message:
    return Message(role="assistant", text=text)


def _wants(turn: int, *calls: tuple[str, dict[str, str]]) -> Message:
    wanted = tuple(
        ToolCall(call_id=f"call-{turn}-{number}", tool=tool, arguments=json.dumps(arguments))
        for number, (tool, arguments) in enumerate(calls, start=1)
    )
    return Message(role="assistant", text="", calls=wanted)
