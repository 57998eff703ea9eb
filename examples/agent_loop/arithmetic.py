"""A calculator that can do no harm: numbers, ``+ - * /`` and parentheses, exactly."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Final

__all__ = ["NotComputable", "computed"]

LONGEST: Final = 200

OPERATORS: Final[dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
}


class NotComputable(ValueError):
    """This is no expression that the calculator knows, or it has no value."""


def computed(expression: str) -> Decimal:
    """The value of an expression, which comes from a model and is trusted in nothing.

    Raises:
        NotComputable: with what is wrong.

    >>> computed("2 * (29.50 + 1)")
    Decimal('61.00')
    """
    if len(expression) > LONGEST:
        raise NotComputable(f"an expression has at most {LONGEST} characters")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body, expression.strip())
    except (SyntaxError, RecursionError) as error:
        raise NotComputable(f"{expression!r} is no expression") from error
    except DecimalException as error:
        raise NotComputable(f"{expression!r} has no value") from error


def _value(node: ast.expr, text: str) -> Decimal:
    match node:
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(left, text), _value(right, text))
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, text)
        case ast.Constant(int() | float()) if not isinstance(node.value, bool):
            # As it is written: 29.50 has two decimals, and the nearest float has none of them.
            return Decimal((ast.get_source_segment(text, node) or "").replace("_", ""))
        case _:
            raise NotComputable("only numbers, + - * / and parentheses can be computed")
