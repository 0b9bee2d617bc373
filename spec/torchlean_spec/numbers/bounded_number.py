"""One bounded number: a centre, a radius, and arithmetic that keeps its promise.

The rules, with c and r the centre and the radius of each operand, u the unit
roundoff and h half the least positive number of the target format:

    x + y    (1+u) (r + r') + u |c + c'|
    x * y    (1+u) (|c| r' + |c'| r + r r') + u |c c'| + h
    x / y    (1+u) (r + |c/c'| r') / (|c'| - r') + u |c/c'| + h

Each holds for a fused multiply-add too, whose error is smaller, and for wider
intermediate results.

Rounding never changes a sign, so a product of numbers of known sign has a known
sign; that matters below the format's least number, where h alone would leave the
sign open. And an answer that the format holds is not rounded: what is exact stays
exact, zero times anything finite above all.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import ClassVar, Self, cast

from torchlean_spec.numbers.allowance import Allowance, allowance
from torchlean_spec.numbers.carriers import FLOATS, Carrier, Real
from torchlean_spec.numbers.floating import nearest_float
from torchlean_spec.numbers.formats import Format
from torchlean_spec.numbers.outcomes import Outcomes, combine, negative, rounded


class Bounded:
    """A set of answers: `[centre - radius, centre + radius]`, or `outcomes`.

    The classes that are used are derived from this one, one for each format, by
    `bounded`; their constants stand in class attributes.
    """

    __slots__ = ("centre", "outcomes", "radius")

    format: ClassVar[Format]
    carrier: ClassVar[Carrier]
    zero: ClassVar[Real]
    half: ClassVar[Real]
    infinity: ClassVar[Real]
    largest: ClassVar[Real]
    slack: ClassVar[Real]
    """Covers the roundings of a few carrier operations, relatively."""
    widen: ClassVar[Real]
    """1 and that slack."""
    nearest: ClassVar[Allowance]
    """The allowance of sums, differences and products."""
    division: ClassVar[Allowance]

    def __init__(
        self, centre: Real, radius: Real, outcomes: Outcomes | None = None
    ) -> None:
        self.centre = centre
        """The exact value, up to a rounding of the carrier, unless it is a hull."""
        self.radius = radius
        """How far answers may be from the centre; infinite beside `outcomes`."""
        self.outcomes = outcomes
        """The answers, where they may be infinite or NaN; else none."""

    def __repr__(self) -> str:
        if self.outcomes:
            return f"Bounded({self.outcomes!r})"
        return f"Bounded({float(self.centre)!r}, {float(self.radius)!r})"

    # ARITHMETIC

    def __add__(self, other: Self, /) -> Self:
        rule = self.nearest
        centre = self.centre + other.centre
        size = abs(centre)
        spread = self.radius + other.radius
        radius = spread * rule.grow + size * rule.unit
        if self.zero < spread and radius <= size <= self.largest - radius:
            return type(self)(centre, radius)
        return self._settle("+", other, centre, radius, spread)

    def __sub__(self, other: Self, /) -> Self:
        rule = self.nearest
        centre = self.centre - other.centre
        size = abs(centre)
        spread = self.radius + other.radius
        radius = spread * rule.grow + size * rule.unit
        if self.zero < spread and radius <= size <= self.largest - radius:
            return type(self)(centre, radius)
        return self._settle("-", other, centre, radius, spread)

    def __mul__(self, other: Self, /) -> Self:
        rule = self.nearest
        centre = self.centre * other.centre
        size = abs(centre)
        spread = abs(self.centre) * other.radius
        spread = spread + (abs(other.centre) + other.radius) * self.radius
        radius = spread * rule.grow + size * rule.unit + rule.tiny
        if self.zero < spread and radius <= size <= self.largest - radius:
            return type(self)(centre, radius)
        return self._settle("*", other, centre, radius, spread)

    def __truediv__(self, other: Self, /) -> Self:
        rule = self.division
        divisor = abs(other.centre)
        floor = divisor - other.radius
        if not self.zero < floor:
            return self._exactly("/", other)
        centre = self.centre / other.centre
        size = abs(centre)
        spread = (self.radius + size * other.radius) / floor
        radius = spread * rule.grow + size * rule.unit + rule.tiny
        if self.zero < spread and radius <= size <= self.largest - radius:
            return type(self)(centre, radius)
        return self._settle("/", other, centre, radius, spread)

    def _settle(
        self, operation: str, other: Self, centre: Real, radius: Real, spread: Real
    ) -> Self:
        """The rarer cases: exact operands, an open sign, an overflow, a special."""
        if not (radius < self.infinity and abs(centre) <= self.largest - radius):
            return self._exactly(operation, other)
        if not self.zero < spread and self._held(operation, other, centre):
            # The centre may have lost digits that the answer has.
            return type(self)(self.carrier.from_float(float(centre)), self.zero)
        ours, theirs = self.sign(), other.sign()
        if operation in "+-":
            theirs = theirs if operation == "+" else -theirs
            return self.signed(centre, radius, ours if ours == theirs else 0)
        squared = operation == "*" and self is other
        return self.signed(centre, radius, 1 if squared else ours * theirs)

    def _held(self, operation: str, other: Self, centre: Real) -> bool:
        """Whether exact operands have an answer that the format holds.

        Every correctly rounded implementation then gives that answer.
        """
        rounded_centre = float(centre)
        if not self.format.holds_float(rounded_centre):
            return False
        x = self.carrier.to_fraction(self.centre)
        y = self.carrier.to_fraction(other.centre)
        answer = Fraction(rounded_centre)
        if operation == "/":
            quotient_rounded = self.division.exact_unit == self.format.unit_roundoff
            return answer * y == x and (quotient_rounded or not x)
        if operation == "*":
            return x * y == answer
        return (x + y if operation == "+" else x - y) == answer

    def __neg__(self) -> Self:
        if self.outcomes is None:
            return type(self)(self.carrier.negative(self.centre), self.radius)
        return self.of(negative(self.outcomes))

    # SIGNS

    def is_zero(self) -> bool:
        """Whether the only answer is zero."""
        return not self.zero < self.radius and not self.zero < abs(self.centre)

    def sign(self) -> int:
        """1 if no answer is negative, else -1 if none is positive, else 0."""
        if self.radius <= self.centre:
            return 1
        return -1 if self.radius <= -self.centre else 0

    @classmethod
    def signed(cls, centre: Real, radius: Real, sign: int) -> Self:
        """A finite number whose answers are known to have a sign, 0 for unknown."""
        if sign == 0 or radius <= abs(centre):
            return cls(centre, radius)
        reach = radius + centre if sign > 0 else radius - centre
        half = max_real(reach * cls.half * cls.widen, cls.zero)
        return cls(half if sign > 0 else -half, half)

    # SETS OF ANSWERS

    def lower(self) -> Real:
        """At most the least finite answer; meaningless beside `outcomes`."""
        edge = self.centre - self.radius
        return edge - abs(edge) * self.slack

    def upper(self) -> Real:
        """At least the largest finite answer; meaningless beside `outcomes`."""
        edge = self.centre + self.radius
        return edge + abs(edge) * self.slack

    def all_outcomes(self) -> Outcomes:
        """The set of answers, exactly."""
        if self.outcomes:
            return self.outcomes
        centre = self.carrier.to_fraction(self.centre)
        radius = self.carrier.to_fraction(self.radius)
        return Outcomes((centre - radius, centre + radius))

    @classmethod
    def between(cls, low: Real, high: Real) -> Self:
        """The finite number whose answers lie between two of the carrier's."""
        centre = low * cls.half + high * cls.half
        radius = max_real(high - centre, centre - low) * cls.widen
        sign = 1 if cls.zero <= low else -1 if high <= cls.zero else 0
        if radius <= abs(centre) or sign == 0:
            return cls(centre, radius)
        half = (high if sign > 0 else -low) * cls.half * cls.widen
        return cls(half if sign > 0 else -half, half)

    @classmethod
    def of(cls, outcomes: Outcomes) -> Self:
        """The number with a set of answers, itself a plain one where it can be."""
        finite = outcomes.finite
        centre = cls.zero
        if finite:
            low, high = cls.carrier.below(finite[0]), cls.carrier.above(finite[1])
            plain = cls.between(low, high)
            size = abs(plain.centre)
            special = outcomes.plus or outcomes.minus or outcomes.undefined
            if not special and size <= cls.largest - plain.radius:
                return plain
            centre = plain.centre if plain.centre <= plain.centre else cls.zero
            above, below = (
                finite[1] > cls.format.largest,
                finite[0] < -cls.format.largest,
            )
            outcomes = Outcomes(
                finite,
                outcomes.plus or above,
                outcomes.minus or below,
                outcomes.undefined,
            )
        elif outcomes.undefined:
            centre = cls.infinity - cls.infinity
        elif outcomes.plus or outcomes.minus:
            centre = cls.infinity if outcomes.plus else -cls.infinity
        return cls(centre, cls.infinity, outcomes)

    def _exactly(self, operation: str, other: Self) -> Self:
        rule = self.division if operation == "/" else self.nearest
        exact = combine(operation, self.all_outcomes(), other.all_outcomes())
        return self.of(
            rounded(exact, rule.exact_unit, rule.exact_tiny, self.format.largest)
        )

    # JUDGEMENT

    def admits(self, answer: float, /) -> bool:
        """Whether an honest implementation may have given this answer."""
        return self.excess(answer) <= 1

    def excess(self, answer: float, /) -> float:
        """How far an answer is from the centre, as a multiple of the radius.

        At most 1 for an admissible answer; infinite for an infinity or a NaN that
        is not admissible, and for any difference from an exact number.
        """
        if self.outcomes:
            return self._special_excess(self.outcomes, answer)
        if not math.isfinite(answer):
            return math.inf
        with self.carrier.context():
            distance = abs(self.carrier.from_float(answer) - self.centre)
            if self.radius < distance:
                if not self.zero < self.radius:
                    return math.inf
                return max(float(distance / self.radius), math.nextafter(1, 2))
            if not self.zero < distance:
                return 0.0
            return min(float(distance / self.radius), 1.0)

    def _special_excess(self, outcomes: Outcomes, answer: float) -> float:
        if not math.isfinite(answer):
            infinite = outcomes.plus if answer > 0 else outcomes.minus
            found = outcomes.undefined if math.isnan(answer) else infinite
            return 0.0 if found else math.inf
        if not outcomes.finite:
            return math.inf
        low, high = outcomes.finite
        distance = abs(Fraction(answer) - (low + high) / 2)
        if low == high or distance == 0:
            return 0.0 if distance == 0 else math.inf
        ratio = 2 * distance / (high - low)
        near = nearest_float(ratio)
        return min(near, 1.0) if ratio <= 1 else max(near, math.nextafter(1, 2))


class InContext(Bounded):
    """The same over a carrier whose operators need a context to be set."""

    __slots__ = ()

    def __add__(self, other: Self, /) -> Self:
        with self.carrier.context():
            return super().__add__(other)

    def __sub__(self, other: Self, /) -> Self:
        with self.carrier.context():
            return super().__sub__(other)

    def __mul__(self, other: Self, /) -> Self:
        with self.carrier.context():
            return super().__mul__(other)

    def __truediv__(self, other: Self, /) -> Self:
        with self.carrier.context():
            return super().__truediv__(other)

    def __neg__(self) -> Self:
        with self.carrier.context():
            return super().__neg__()


def max_real(x: Real, y: Real) -> Real:
    """The larger of two of the carrier's numbers."""
    return y if x <= y else x


def number_class(
    number_format: Format, carrier: Carrier, division_ulps: Fraction
) -> type[Bounded]:
    """The bounded numbers of a format: constants in the attributes of a class."""
    slack = 16 * carrier.error
    constants = {
        "__slots__": (),
        "carrier": carrier,
        "zero": carrier.from_float(0.0),
        "half": carrier.from_float(0.5),
        "infinity": carrier.from_float(math.inf),
        "largest": carrier.below(number_format.largest * (1 - slack)),
        "slack": carrier.above(slack),
        "widen": carrier.above(1 + slack),
        "format": number_format,
        "nearest": allowance(number_format, carrier, Fraction(1, 2), carrier.error),
        "division": allowance(number_format, carrier, division_ulps, carrier.error),
    }
    base = Bounded if carrier is FLOATS else InContext
    return cast(type[Bounded], type("Bounded", (base,), constants))
