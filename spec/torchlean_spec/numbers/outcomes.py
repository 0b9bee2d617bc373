"""Sets of floating-point answers that include infinities and NaN, held exactly.

The rare path of `numbers/bounded.py`: wherever an answer may overflow, be
undefined, or divide by zero, the set of possible answers is kept as an interval
of exact rationals beside three flags, and the rounding rules are applied to it
without any rounding of our own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torchlean_spec.numbers.floating import divide
from torchlean_spec.numbers.ternary import Ternary

Interval = tuple[Fraction, Fraction]

WHOLE = Fraction(2) ** 20000
"""Finite answers are bounded by this, far beyond any intermediate format."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Answers that an honest implementation may give."""

    finite: Interval | None
    """The least and the largest finite answer; none if no answer is finite."""
    plus: bool = False
    """Whether the answer may be plus infinity."""
    minus: bool = False
    """Whether the answer may be minus infinity."""
    undefined: bool = False
    """Whether the answer may be NaN."""

    def lowest(self) -> Fraction | float:
        """The least answer that is a number; plus infinity if there is none."""
        if self.minus:
            return -math.inf
        return self.finite[0] if self.finite else math.inf

    def highest(self) -> Fraction | float:
        """The largest answer that is a number; minus infinity if there is none."""
        if self.plus:
            return math.inf
        return self.finite[1] if self.finite else -math.inf

    def samples(self) -> list[float]:
        """One float for each way in which an operand can behave: signs, specials."""
        flags = (self.plus, self.minus, self.undefined)
        specials = (math.inf, -math.inf, math.nan)
        found = [s for s, flag in zip(specials, flags, strict=True) if flag]
        if self.finite:
            low, high = self.finite
            found += [-1.0] if low < 0 else []
            found += [1.0] if high > 0 else []
            found += [0.0, -0.0] if low <= 0 <= high else []
        return found


def outcome_of(value: float) -> Outcomes:
    """The set of one answer.

    >>> outcome_of(math.inf)
    Outcomes(finite=None, plus=True, minus=False, undefined=False)
    """
    if math.isfinite(value):
        return Outcomes((Fraction(value), Fraction(value)))
    return Outcomes(None, value == math.inf, value == -math.inf, math.isnan(value))


def union(parts: Iterable[Outcomes]) -> Outcomes:
    """The answers of any part; the finite ones as one interval."""
    listed = list(parts)
    return Outcomes(
        _span([part.finite for part in listed if part.finite]),
        any(part.plus for part in listed),
        any(part.minus for part in listed),
        any(part.undefined for part in listed),
    )


def _span(intervals: Sequence[Interval]) -> Interval | None:
    if not intervals:
        return None
    low = min(low for low, _ in intervals)
    high = max(high for _, high in intervals)
    return max(min(low, WHOLE), -WHOLE), min(max(high, -WHOLE), WHOLE)


_IEEE: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
}


def combine(operation: str, x: Outcomes, y: Outcomes) -> Outcomes:
    """The exact answers of `x + y`, `x - y`, `x * y` or `x / y`, unrounded.

    Finite operands give an interval; each infinity, NaN and zero divisor gives
    what IEEE 754, sections 6 and 7.3, says of its sign.

    >>> combine("/", outcome_of(1.0), outcome_of(math.inf)).finite
    (Fraction(0, 1), Fraction(0, 1))
    """
    specials = []
    for a in x.samples():
        for b in y.samples():
            ordinary = math.isfinite(a) and math.isfinite(b)
            if not ordinary or (operation == "/" and b == 0):
                specials.append(outcome_of(_IEEE[operation](a, b)))
    finite = None
    if x.finite and y.finite:
        finite = _image(operation, x.finite, y.finite)
    return union([Outcomes(finite), *specials])


def _image(operation: str, x: Interval, y: Interval) -> Interval | None:
    if operation == "+":
        return _span([(x[0] + y[0], x[1] + y[1])])
    if operation == "-":
        return _span([(x[0] - y[1], x[1] - y[0])])
    if operation == "*":
        corners = [a * b for a in x for b in y]
    elif y[0] > 0 or y[1] < 0:
        corners = [a / b for a in x for b in y]
    else:
        corners = [] if y[0] == y[1] else [-WHOLE, WHOLE]
    return _span([(corner, corner) for corner in corners])


def rounded(
    exact: Outcomes, unit: Fraction, tiny: Fraction, largest: Fraction
) -> Outcomes:
    """The answers after one rounding, which never changes a sign.

    Args:
        exact: The answers before it.
        unit: The largest relative error.
        tiny: The largest absolute error added by gradual underflow.
        largest: The format's largest finite number; beyond it lie infinities.
    """
    if not exact.finite:
        return exact
    low, high = exact.finite
    if low == high == 0:
        return exact
    down = low - unit * abs(low) - tiny
    up = high + unit * abs(high) + tiny
    down = max(down, Fraction(0)) if low >= 0 else down
    up = min(up, Fraction(0)) if high <= 0 else up
    return Outcomes(
        (down, up),
        exact.plus or up > largest,
        exact.minus or down < -largest,
        exact.undefined,
    )


def accumulate(
    terms: Sequence[Outcomes], growth: Fraction, tiny: Fraction, largest: Fraction
) -> Outcomes:
    """The answers of a sum in any order.

    Args:
        terms: The summands.
        growth: The bound on the relative error of the whole sum, by magnitude.
        tiny: The absolute error that the terms bring by underflow.
        largest: The format's largest finite number, for partial sums too.
    """
    total = Outcomes((Fraction(0), Fraction(0)))
    for term in terms:
        total = combine("+", total, term)
    intervals = [term.finite for term in terms if term.finite]
    upward = sum((max(high, Fraction(0)) for _, high in intervals), Fraction(0))
    downward = sum((max(-low, Fraction(0)) for low, _ in intervals), Fraction(0))
    over = (upward + tiny) * (1 + growth) > largest
    under = (downward + tiny) * (1 + growth) > largest
    if _is_nan(total):
        return total
    undefined = (over and (under or total.minus)) or (under and total.plus)
    plus, minus = total.plus or over, total.minus or under
    undefined = undefined or total.undefined
    if not total.finite:
        return Outcomes(None, plus, minus, undefined)
    size = sum((max(-low, high) for low, high in intervals), Fraction(0))
    reach = growth * size + tiny
    down, up = total.finite[0] - reach, total.finite[1] + reach
    down = max(down, Fraction(0)) if downward == 0 else down
    up = min(up, Fraction(0)) if upward == 0 else up
    return Outcomes((down, up), plus, minus, undefined)


def negative(x: Outcomes) -> Outcomes:
    """The answers of `-x`."""
    finite = (-x.finite[1], -x.finite[0]) if x.finite else None
    return Outcomes(finite, x.minus, x.plus, x.undefined)


def absolute(x: Outcomes) -> Outcomes:
    """The answers of `|x|`."""
    finite = x.finite
    if finite and finite[0] < 0:
        low, high = finite
        finite = (max(-high, Fraction(0)), max(-low, high))
    return Outcomes(finite, x.plus or x.minus, False, x.undefined)


def maximum(x: Outcomes, y: Outcomes) -> Outcomes:
    """The answers of the larger of two; a NaN on either side wins."""
    parts = []
    if x.finite and y.finite:
        low, high = max(x.finite[0], y.finite[0]), max(x.finite[1], y.finite[1])
        parts.append((low, high))
    if x.finite and y.minus:
        parts.append(x.finite)
    if y.finite and x.minus:
        parts.append(y.finite)
    return Outcomes(
        _span(parts),
        x.plus or y.plus,
        x.minus and y.minus,
        x.undefined or y.undefined,
    )


def less(x: Outcomes, y: Outcomes) -> Ternary:
    """Whether x < y, as far as it is decided; false where either is a NaN."""
    if x.lowest() >= y.highest():
        return Ternary.NO
    sure = x.highest() < y.lowest() and not (x.undefined or y.undefined)
    return Ternary.YES if sure else Ternary.UNDECIDED


def less_equal(x: Outcomes, y: Outcomes) -> Ternary:
    """Whether x <= y, as far as it is decided; false where either is a NaN."""
    if _is_nan(x) or _is_nan(y) or x.lowest() > y.highest():
        return Ternary.NO
    sure = x.highest() <= y.lowest() and not (x.undefined or y.undefined)
    return Ternary.YES if sure else Ternary.UNDECIDED


def equal(x: Outcomes, y: Outcomes) -> Ternary:
    """Whether x == y, as far as it is decided; false where either is a NaN."""
    if _is_nan(x) or _is_nan(y):
        return Ternary.NO
    if x.lowest() > y.highest() or y.lowest() > x.highest():
        return Ternary.NO
    one = x.lowest() == x.highest() == y.lowest() == y.highest()
    sure = one and not (x.undefined or y.undefined)
    return Ternary.YES if sure else Ternary.UNDECIDED


def _is_nan(x: Outcomes) -> bool:
    return x.lowest() > x.highest()
