"""The value of a term in any number system.

So a graph that was traced once is replayed in exact rationals, in IEEE numbers, in
floats: a counterexample of a solver is tried there, and compiled code is held to it.

>>> from torchlean_proofs.evidence.term import real
>>> from torchlean_spec.numbers import RATIONAL
>>> x = real("x")
>>> str(values([x * x - x], RATIONAL, {"x": Fraction(1, 2)})[0])
'-1/4'
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import cast

from torchlean_proofs.evidence.term import Sort, Term, in_order
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, Condition, NumberSystem
from torchlean_spec.numbers.ternary import Ternary


def values(
    roots: Sequence[Term], system: NumberSystem[A], given: Mapping[str, A | int]
) -> list[A]:
    """What some terms come to.

    Args:
        roots: Real terms.
        system: The number system.
        given: The value of each variable.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for a variable without a value.
    """
    known: dict[int, object] = {}
    functions = _functions(system)
    for each in in_order(roots):
        if each.operator == "variable":
            if each.number not in given:
                raise TorchLeanError(
                    Reason.UNKNOWN_NAME, f"expected a value of {each}, got none"
                )
            known[each.place] = given[str(each.number)]
        elif each.operator == "constant":
            known[each.place] = _constant(system, each)
        else:
            arguments = [known[one.place] for one in each.arguments]
            whole = each.arguments[0].sort is Sort.INTEGER
            known[each.place] = (WHOLE if whole else functions)[each.operator](
                *arguments
            )
    return [cast(A, known[root.place]) for root in roots]


def _constant(system: NumberSystem[A], each: Term) -> object:
    held = cast(Fraction, each.number)
    if each.sort is Sort.REAL:
        return system.constant(held)
    return int(held) if each.sort is Sort.INTEGER else bool(held)


WHOLE: dict[str, Callable[..., object]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": operator.floordiv,
    "modulo": operator.mod,
    "negate": operator.neg,
    "absolute": abs,
    "less": operator.lt,
    "less_equal": operator.le,
    "equal": operator.eq,
}
"""What each operator does to integers."""


def _functions(system: NumberSystem[A]) -> dict[str, Callable[..., object]]:
    """What each operator does to values."""
    named = (
        "sqrt exp expm1 log log1p tanh erf absolute maximum minimum less less_equal "
        "equal where"
    )
    operators: dict[str, Callable[..., object]] = {
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "negate": operator.neg,
        "and": operator.and_,
        "or": operator.or_,
        "not": _denied,
    }
    return operators | {name: getattr(system, name) for name in named.split()}


def _denied(condition: Condition) -> Condition:
    """The contrary of what a comparison gave, decided or not."""
    if isinstance(condition, Ternary):
        return Ternary(2 - condition.value)
    return not condition
