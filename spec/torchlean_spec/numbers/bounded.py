r"""Numbers that carry the set of answers an honest implementation may give.

Run over these numbers, an equation of the spec returns for each result a centre
and a radius such that every honest evaluation in the target format lies in
`[centre - radius, centre + radius]`, and the exact value too. Honest means:

* sums, differences and products are rounded to nearest, quotients, square roots
  and elementary functions lie within a declared number of ulps and on the right
  side of zero; underflow is gradual;
* any operation may be contracted into a fused one, or done in a wider format;
* a sum may be taken in any order: with \(n\) terms it errs by at most
  \(((1+u)^{n-1} - 1) \sum |x_i|\) beyond the terms' own errors;
* where a comparison is undecided, either branch may be taken.

Our own arithmetic errs too: its errors are part of the radius. Where an answer
may overflow or be undefined, infinities and NaN are admissible answers beside
the finite ones; the radius is then infinite, and `outcomes` says which.

Sources: Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002,
sections 2.2, 3.1 and 4.2; IEEE 754-2019, sections 4.3, 6 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import outcomes as sets
from torchlean_spec.numbers.allowance import (
    DEFAULT_ULPS,
    allowance,
    declared,
)
from torchlean_spec.numbers.bounded_number import Bounded, max_real, number_class
from torchlean_spec.numbers.bounded_sums import Sums
from torchlean_spec.numbers.carriers import DECIMALS, FLOATS, Real
from torchlean_spec.numbers.formats import Format, format_named
from torchlean_spec.numbers.outcomes import Outcomes, outcome_of, rounded
from torchlean_spec.numbers.system import Condition, Exact
from torchlean_spec.numbers.ternary import Ternary

FLOAT_CARRIER_PRECISION = 24
"""Targets of at most so many bits are bounded by binary64 centres."""

CACHED_CONSTANTS = 4096
"""How many constants a system remembers."""


class BoundedSystem:
    """The bounded numbers of one target format; `bounded` builds them.

    >>> system = bounded("float32")
    >>> third = system.constant(1) / system.constant(3)
    >>> third.admits(0.3333333432674408), third.admits(0.3333334)
    (True, False)
    """

    def __init__(self, number_format: Format, ulps: Mapping[str, Fraction]) -> None:
        small = number_format.precision <= FLOAT_CARRIER_PRECISION
        self.format = number_format
        """The target format."""
        self._carrier = carrier = FLOATS if small else DECIMALS
        rules = {
            name: allowance(number_format, carrier, count, carrier.function_error)
            for name, count in ulps.items()
        }
        self._rules = rules
        self._number = number_class(number_format, carrier, ulps["divide"])
        self._sums = Sums(number_format, carrier, self._number)
        self._functions = {name: carrier.function(name) for name in _AT_INFINITY}
        self._zero = self._number(self._number.zero, self._number.zero)
        self._one = carrier.from_float(1.0)
        self._steepest_erf = carrier.above(_TWO_OVER_ROOT_PI)
        self._constant = lru_cache(CACHED_CONSTANTS)(self._rounded_constant)

    @property
    def name(self) -> str:
        """`bounded` and the target format, such as `bounded(float32)`."""
        return f"bounded({self.format.name})"

    # NUMBERS FROM OUTSIDE

    def constant(self, value: Exact, /) -> Bounded:
        """An exact real rounded once; exact itself where the format holds it."""
        return self._constant(value)

    def _rounded_constant(self, value: Exact) -> Bounded:
        exact = Fraction(value)
        with self._carrier.context():
            if self.format.holds(exact):
                return self._number(
                    self._carrier.from_float(float(exact)), self._number.zero
                )
            return self._once_rounded(exact)

    def _once_rounded(self, exact: Fraction) -> Bounded:
        rule = self._number.nearest
        return self._number.of(
            rounded(
                Outcomes((exact, exact)),
                rule.exact_unit,
                rule.exact_tiny,
                self.format.largest,
            )
        )

    def from_float(self, value: float, /) -> Bounded:
        """A recorded value: exact, or rounded once if the format lacks it."""
        if self.format.holds_float(value):
            return self._number(self._carrier.from_float(value), self._number.zero)
        with self._carrier.context():
            if not math.isfinite(value):
                return self._number.of(outcome_of(value))
            return self._once_rounded(Fraction(value))

    def to_float(self, value: Bounded, /) -> float:
        """The nearest Python float to the centre."""
        return float(value.centre)

    # FUNCTIONS

    def sqrt(self, x: Bounded, /) -> Bounded:
        """Square root; NaN where the argument may be negative."""
        with self._carrier.context():
            if not x.radius < x.centre and not x.is_zero():
                return self._at_edge("sqrt", x)
            function = self._functions["sqrt"]
            centre = function(x.centre)
            lower = function(x.centre - x.radius)
            spread = x.radius if x.is_zero() else x.radius / (centre + lower)
            return self._image("sqrt", x, centre, spread)

    def exp(self, x: Bounded, /) -> Bounded:
        """Exponential function."""
        with self._carrier.context():
            centre = self._functions["exp"](x.centre)
            spread = centre * self._functions["expm1"](x.radius)
            return self._image("exp", x, centre, spread)

    def expm1(self, x: Bounded, /) -> Bounded:
        """`exp(x) - 1`, accurate near zero."""
        with self._carrier.context():
            slope = self._functions["exp"](x.centre)
            spread = slope * self._functions["expm1"](x.radius)
            centre = self._functions["expm1"](x.centre)
            return self._image("expm1", x, centre, spread)

    def log(self, x: Bounded, /) -> Bounded:
        """Natural logarithm; minus infinity or NaN where the argument allows it."""
        with self._carrier.context():
            floor = x.centre - x.radius
            if not self._number.zero < floor:
                return self._at_edge("log", x)
            centre = self._functions["log"](x.centre)
            spread = self._functions["log1p"](x.radius / floor)
            return self._image("log", x, centre, spread)

    def log1p(self, x: Bounded, /) -> Bounded:
        """`log(1 + x)`, accurate near zero."""
        with self._carrier.context():
            shifted = self._one + x.centre
            floor = shifted - x.radius - abs(shifted) * self._number.slack
            if not self._number.zero < floor:
                return self._at_edge("log1p", x)
            centre = self._functions["log1p"](x.centre)
            spread = self._functions["log1p"](x.radius / floor)
            return self._image("log1p", x, centre, spread)

    def tanh(self, x: Bounded, /) -> Bounded:
        """Hyperbolic tangent; its slope is largest nearest to zero."""
        with self._carrier.context():
            function = self._functions["tanh"]
            nearest = function(max_real(abs(x.centre) - x.radius, self._number.zero))
            slope = self._one - nearest * nearest + self._number.slack
            return self._image("tanh", x, function(x.centre), x.radius * slope)

    def erf(self, x: Bounded, /) -> Bounded:
        """Error function; its slope is largest nearest to zero."""
        with self._carrier.context():
            nearest = max_real(abs(x.centre) - x.radius, self._number.zero)
            bell = self._functions["exp"](-(nearest * nearest))
            slope = self._steepest_erf * bell + self._number.slack
            centre = self._functions["erf"](x.centre)
            return self._image("erf", x, centre, x.radius * slope)

    def _image(self, name: str, x: Bounded, centre: Real, spread: Real) -> Bounded:
        """The image of x, given the centre's and how far x's radius carries."""
        rule = self._rules[name]
        size = abs(centre)
        radius = spread * rule.grow + size * rule.unit + rule.tiny
        number = self._number
        if radius <= size <= number.largest - radius:
            return number(centre, radius)
        if radius < number.infinity and size <= number.largest - radius:
            if name not in _ZERO_AT_ZERO:
                return number.signed(centre, radius, 1 if name == "exp" else 0)
            return (
                self._zero if x.is_zero() else number.signed(centre, radius, x.sign())
            )
        return self._at_edge(name, x)

    def _at_edge(self, name: str, x: Bounded) -> Bounded:
        """The image of a set that an end of the domain or an infinity belongs to."""
        given = x.all_outcomes()
        at_minus, at_plus = _AT_INFINITY[name]
        parts = [Outcomes(None, undefined=given.undefined)]
        parts += [outcome_of(at_minus)] if given.minus else []
        parts += [outcome_of(at_plus)] if given.plus else []
        if given.finite:
            parts += self._finite_image(name, given.finite)
        rule = self._rules[name]
        return self._number.of(
            rounded(
                sets.union(parts),
                rule.exact_unit,
                rule.exact_tiny,
                self.format.largest,
            )
        )

    def _finite_image(self, name: str, given: sets.Interval) -> list[Outcomes]:
        """The functions increase: the ends bound the image."""
        low, high = given
        parts = []
        if name in _DOMAIN:
            end, pole = _DOMAIN[name]
            parts += [outcome_of(math.nan)] if low < end else []
            parts += [outcome_of(pole)] if low <= end <= high else []
            if high < end or (high == end and math.isinf(pole)):
                return parts
            low = max(low, end)
        down = self._value(name, self._carrier.below(low), -1)
        up = self._value(name, self._carrier.above(high), 1)
        return [*parts, Outcomes((down, up))]

    def _value(self, name: str, x: Real, side: int) -> Fraction:
        """A bound on a function's value on one side.

        A value beyond the carrier is beyond the format too, whose largest number
        is then a lower bound, and the end of the whole line an upper one.
        """
        value = self._functions[name](x)
        if not abs(value) < self._number.infinity:
            positive = self._number.zero < value
            beyond = self.format.largest if positive == (side < 0) else sets.WHOLE
            return beyond if positive else -beyond
        exact = self._carrier.to_fraction(value)
        return exact + side * abs(exact) * self._carrier.function_error

    # COMPARISON AND CHOICE

    def absolute(self, x: Bounded, /) -> Bounded:
        """Absolute value."""
        with self._carrier.context():
            if x.outcomes:
                return self._number.of(sets.absolute(x.outcomes))
            if x.sign():
                return x if x.sign() > 0 else -x
            return self._number.between(
                self._number.zero, max_real(x.upper(), -x.lower())
            )

    def maximum(self, x: Bounded, y: Bounded, /) -> Bounded:
        """The larger, of each pair of answers."""
        with self._carrier.context():
            if x.outcomes or y.outcomes:
                return self._number.of(sets.maximum(x.all_outcomes(), y.all_outcomes()))
            gap, reach = x.centre - y.centre, self._reach(x, y)
            if reach < gap:
                return x
            if reach < -gap:
                return y
            return self._number.between(
                max_real(x.lower(), y.lower()), max_real(x.upper(), y.upper())
            )

    def minimum(self, x: Bounded, y: Bounded, /) -> Bounded:
        """The smaller, of each pair of answers."""
        return -self.maximum(-x, -y)

    def _reach(self, x: Bounded, y: Bounded) -> Real:
        """A little more than the sum of the radii, zero if both are exact."""
        return (x.radius + y.radius) * self._number.widen

    def less(self, x: Bounded, y: Bounded, /) -> Ternary:
        """Whether x < y, as far as it is decided."""
        with self._carrier.context():
            if x.outcomes or y.outcomes:
                return sets.less(x.all_outcomes(), y.all_outcomes())
            gap, reach = y.centre - x.centre, self._reach(x, y)
            if reach < gap:
                return Ternary.YES
            return Ternary.NO if reach <= -gap else Ternary.UNDECIDED

    def less_equal(self, x: Bounded, y: Bounded, /) -> Ternary:
        """Whether x <= y, as far as it is decided."""
        with self._carrier.context():
            if x.outcomes or y.outcomes:
                return sets.less_equal(x.all_outcomes(), y.all_outcomes())
            gap, reach = y.centre - x.centre, self._reach(x, y)
            if reach <= gap:
                return Ternary.YES
            return Ternary.NO if reach < -gap else Ternary.UNDECIDED

    def equal(self, x: Bounded, y: Bounded, /) -> Ternary:
        """Whether x == y, as far as it is decided."""
        with self._carrier.context():
            if x.outcomes or y.outcomes:
                return sets.equal(x.all_outcomes(), y.all_outcomes())
            gap, reach = abs(y.centre - x.centre), self._reach(x, y)
            if reach < gap:
                return Ternary.NO
            exact = not self._number.zero < reach
            return Ternary.YES if exact else Ternary.UNDECIDED

    def where(
        self, condition: Condition, chosen: Bounded, otherwise: Bounded, /
    ) -> Bounded:
        """The chosen number, or the hull of both if the condition is undecided."""
        if condition is Ternary.YES or condition is True:
            return chosen
        if condition is Ternary.NO or condition is False:
            return otherwise
        return self.hull(chosen, otherwise)

    def hull(self, x: Bounded, y: Bounded, /) -> Bounded:
        """The number that admits the answers of both: a union of rewrites."""
        if x is y:
            return x
        with self._carrier.context():
            if x.outcomes or y.outcomes:
                return self._number.of(sets.union([x.all_outcomes(), y.all_outcomes()]))
            distance = abs(x.centre - y.centre) * self._number.widen
            if (distance + y.radius) * self._number.widen <= x.radius:
                return x
            if (distance + x.radius) * self._number.widen <= y.radius:
                return y
            return self._number.between(
                -max_real(-x.lower(), -y.lower()), max_real(x.upper(), y.upper())
            )

    # SUMS

    def sum(self, values: Sequence[Bounded], /) -> Bounded:
        """The hull over every order of summation."""
        return self._sums.sum(values)

    def dot(self, left: Sequence[Bounded], right: Sequence[Bounded], /) -> Bounded:
        """The hull over every order of summation, with and without contraction."""
        return self._sums.inner_products([left], [right])[0]

    def inner_products(
        self, rows: Sequence[Sequence[Bounded]], columns: Sequence[Sequence[Bounded]], /
    ) -> list[Bounded]:
        """`dot(row, column)` for each row and each column, rows outermost."""
        return self._sums.inner_products(rows, columns)


_TWO_OVER_ROOT_PI = Fraction(1128379167095512574, 10**18)
"""A little more than `2 / sqrt(pi)`, the steepest slope of `erf`."""

_AT_INFINITY = {
    "sqrt": (math.nan, math.inf),
    "exp": (0.0, math.inf),
    "expm1": (-1.0, math.inf),
    "log": (math.nan, math.inf),
    "log1p": (math.nan, math.inf),
    "tanh": (-1.0, 1.0),
    "erf": (-1.0, 1.0),
}
"""What each function is at minus and at plus infinity."""

_DOMAIN = {
    "sqrt": (Fraction(0), 0.0),
    "log": (Fraction(0), -math.inf),
    "log1p": (Fraction(-1), -math.inf),
}
"""Where a function's domain begins, and its value there."""

_ZERO_AT_ZERO = frozenset({"sqrt", "expm1", "log1p", "tanh", "erf"})
"""The functions that share their argument's sign."""


@lru_cache
def _system(format_name: str, ulps: tuple[tuple[str, float], ...]) -> BoundedSystem:
    number_format = format_named(format_name)
    if not number_format.infinities:
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            f"expected a format with infinities, which stand for overflow, "
            f"got {format_name}",
        )
    return BoundedSystem(number_format, declared(dict(ulps)))


def bounded(
    format_name: str, ulps: Mapping[str, float] = DEFAULT_ULPS
) -> BoundedSystem:
    """The bounded numbers of a target format.

    Centres are Python floats for formats of at most 24 bits, which is fast, and
    decimals of 50 digits for `float64`. The same arguments give the same system.

    Args:
        format_name: `float16`, `bfloat16`, `float32`, `float64`, or another
            format with infinities of `FORMATS`.
        ulps: The declared error of `divide`, `sqrt`, `exp`, `expm1`, `log`,
            `log1p`, `tanh` and `erf`, in units in the last place; the names that
            are left out keep the default.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another format or operation,
            `HYPERPARAMETER` for an error below 0.5 ulps, `UNSUPPORTED` for a
            format without infinities.

    >>> system = bounded("float32")
    >>> tenth = system.constant(Fraction(1, 10))
    >>> total = system.sum([tenth] * 10)
    >>> total.admits(1.0), total.admits(1.00001)
    (True, False)
    """
    return _system(format_name, tuple(sorted(ulps.items())))
