r"""The derivative of a term in a variable, by the rules of calculus.

The rules are few and trusted: sums, products, quotients, the chain rule, and the
derivatives of the elementary functions. Where a term chooses, the derivative is that
of the branch that is chosen, which holds away from the border.

>>> from torchlean_proofs.evidence.term import real
>>> x = real("x")
>>> print(derivative(x * x, x))
(1 * x) + (x * 1)
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.term import (
    Sort,
    Term,
    in_order,
    less,
    less_equal,
    number,
    where,
)
from torchlean_spec.errors import Reason, TorchLeanError

ZERO, ONE, TWO = number(0), number(1), number(2)

TWO_OVER_ROOT_PI = SYMBOLS.constant(
    Decimal("1.1283791670955125738961589031215451716881012586580")
)
"""The error function's derivative at 0, to fifty digits."""

Slopes = tuple[Term, ...]
"""The derivatives of a node's arguments."""


def derivative(root: Term, variable: Term) -> Term:
    """The derivative of a term in one of its variables.

    Raises:
        TorchLeanError: `UNSUPPORTED` for an operator without a rule.
    """
    slopes: dict[int, Term] = {}
    for each in in_order([root]):
        if each is variable:
            slopes[each.place] = ONE
        elif each.sort is not Sort.REAL or not each.arguments:
            slopes[each.place] = ZERO
        elif each.operator not in RULES:
            raise TorchLeanError(
                Reason.UNSUPPORTED,
                f"expected an operator with a derivative, got {each.operator}",
            )
        else:
            inner = tuple(slopes[one.place] for one in each.arguments)
            still = all(one is ZERO for one in inner)
            slopes[each.place] = ZERO if still else RULES[each.operator](each, inner)
    return slopes[root.place]


def _quotient(node: Term, slopes: Slopes) -> Term:
    x, y = node.arguments
    return (slopes[0] * y - x * slopes[1]) / (y * y)


def _product(node: Term, slopes: Slopes) -> Term:
    x, y = node.arguments
    return slopes[0] * y + x * slopes[1]


def _erf(node: Term, slopes: Slopes) -> Term:
    (x,) = node.arguments
    return TWO_OVER_ROOT_PI * SYMBOLS.exp(-(x * x)) * slopes[0]


def _absolute(node: Term, slopes: Slopes) -> Term:
    return where(less_equal(ZERO, node.arguments[0]), slopes[0], -slopes[0])


def _maximum(node: Term, slopes: Slopes) -> Term:
    return where(less(*node.arguments), slopes[1], slopes[0])


def _minimum(node: Term, slopes: Slopes) -> Term:
    return where(less(*node.arguments), slopes[0], slopes[1])


RULES: dict[str, Callable[[Term, Slopes], Term]] = {
    "add": lambda node, slopes: slopes[0] + slopes[1],
    "subtract": lambda node, slopes: slopes[0] - slopes[1],
    "multiply": _product,
    "divide": _quotient,
    "negate": lambda node, slopes: -slopes[0],
    "absolute": _absolute,
    "maximum": _maximum,
    "minimum": _minimum,
    "where": lambda node, slopes: where(node.arguments[0], slopes[1], slopes[2]),
    "sqrt": lambda node, slopes: slopes[0] / (TWO * node),
    "exp": lambda node, slopes: node * slopes[0],
    "expm1": lambda node, slopes: SYMBOLS.exp(node.arguments[0]) * slopes[0],
    "log": lambda node, slopes: slopes[0] / node.arguments[0],
    "log1p": lambda node, slopes: slopes[0] / (ONE + node.arguments[0]),
    "tanh": lambda node, slopes: (ONE - node * node) * slopes[0],
    "erf": _erf,
}
"""The rule of each operator: from the node and its arguments' derivatives."""
