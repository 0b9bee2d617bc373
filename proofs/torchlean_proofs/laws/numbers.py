"""Laws of the exact number systems: rationals, dual numbers, sums, conditions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import RATIONAL, Dual, DualNumber, Ternary, floating
from torchlean_spec.numbers.binary import BINARY32, BINARY128, BinaryNumber
from torchlean_spec.numbers.summation import BLOCK, LANES, tree_dot, tree_sum

EDGES = (3, 0, 1, 2, 31, 32, 33, 64, 65, 1023, 1024, 1025, 2048, 2049, 3000)
"""Lengths at which the tree of a sum changes its form."""

Sum = Callable[[Fraction, Sequence[Fraction]], Fraction]


def rational_runs(draws: Draws) -> Iterator[tuple[Fraction, ...]]:
    """Rationals of every interesting length."""
    return (draws.fractions(length) for length in EDGES)


@law(
    "numbers.sum_is_exact",
    objects="numbers.summation.tree_sum numbers.rational.Rational",
    evidence=Evidence.IDENTITY_TESTED,
    subject=tree_sum,
    mutants={
        "an incomplete last run of lanes dropped": lambda zero, values: tree_sum(
            zero, values[: len(values) - len(values) % LANES]
        ),
        "one block alone": lambda zero, values: tree_sum(zero, values[:BLOCK]),
        "the first number twice": lambda zero, values: tree_sum(
            zero, [*values[:1], *values]
        ),
    },
    cases=rational_runs,
)
def exact_sums(tree_sum: Sum, values: Sequence[Fraction]) -> bool:
    """Over the rationals the strict tree gives the sum, whatever the length."""
    return tree_sum(Fraction(0), values) == sum(values, Fraction(0))


@law(
    "numbers.dot_is_exact",
    objects="numbers.summation.tree_dot numbers.summation.tree_inner_products "
    "numbers.rational.Rational",
    evidence=Evidence.IDENTITY_TESTED,
    subject=tree_dot,
    mutants={
        "sum of all numbers": lambda zero, x, y: tree_sum(zero, [*x, *y]),
        "the last product dropped": lambda zero, x, y: tree_dot(zero, x[:-1], y[:-1]),
    },
    cases=rational_runs,
)
def exact_dots(
    tree_dot: Callable[[Fraction, Sequence[Fraction], Sequence[Fraction]], Fraction],
    values: Sequence[Fraction],
) -> bool:
    """A dot product is the sum of the products, and so is each inner product."""
    other = values[::-1]
    expected = sum((a * b for a, b in zip(values, other, strict=True)), Fraction(0))
    rows = RATIONAL.inner_products([values, other], [other])
    return tree_dot(Fraction(0), values, other) == expected == rows[0]


def by_the_rule(values: Sequence[BinaryNumber]) -> BinaryNumber:
    """The strict sum, read off the rule in another way: lanes by index."""
    zero = BINARY32.from_float(0.0)
    if len(values) > BLOCK:
        parts = [values[i : i + BLOCK] for i in range(0, len(values), BLOCK)]
        return by_the_rule([by_the_rule(part) for part in parts])
    lanes = [zero] * LANES
    for i, value in enumerate(values):
        lanes[i % LANES] = lanes[i % LANES] + value

    def halved(first: int, apart: int) -> BinaryNumber:
        if apart == LANES:
            return lanes[first]
        return halved(first, 2 * apart) + halved(first + apart, 2 * apart)

    return halved(0, 1)


@law(
    "numbers.sum_tree",
    objects="numbers.summation.tree_sum numbers.binary.Binary",
    evidence=Evidence.SEARCHED,
    subject=BINARY32.sum,
    mutants={
        "one after the other": lambda values: sum(values, BINARY32.from_float(0.0)),
        "backwards": lambda values: BINARY32.sum(values[::-1]),
        "in eight lanes": lambda values: BINARY32.sum(
            [BINARY32.sum(values[lane::8]) for lane in range(8)]
        ),
    },
    cases=lambda draws: (
        [BINARY32.from_float(draws.float32()) for _ in range(length)]
        for length in EDGES
        for _ in range(2)
    ),
)
def the_tree(
    total: Callable[[Sequence[BinaryNumber]], BinaryNumber],
    values: Sequence[BinaryNumber],
) -> bool:
    """In binary32 a sum has the bits of 32 lanes, halved, in blocks of 1024."""
    return total(values) == by_the_rule(values)


@law(
    "numbers.rational_roots",
    objects="numbers.rational.Rational",
    evidence=Evidence.SEARCHED,
    subject=RATIONAL.sqrt,
    mutants={
        "nearest float": lambda x: Fraction(math.sqrt(x)),
        "root of the numerator": lambda x: RATIONAL.sqrt(x * x.denominator),
    },
    cases=lambda draws: repeat(100, lambda: draws.positive(9)),
)
def rational_roots(sqrt: Callable[[Fraction], Fraction], x: Fraction) -> bool:
    """The root of a square is its side, and any other root is refused."""
    square = x * x
    return sqrt(square) == x and refuses(Reason.IRRATIONAL, lambda: sqrt(square * 2))


@law(
    "numbers.rational_functions",
    objects="numbers.rational.Rational",
    evidence=Evidence.SEARCHED,
    subject=RATIONAL.exp,
    mutants={"nearest float": lambda x: Fraction(math.exp(x))},
    cases=lambda draws: repeat(50, draws.fraction),
)
def rational_functions(exp: Callable[[Fraction], Fraction], x: Fraction) -> bool:
    """The exponential of a rational other than 0 is irrational, and refused."""
    return exp(Fraction(0)) == 1 and refuses(Reason.IRRATIONAL, lambda: exp(x))


class _Additive(DualNumber[Fraction]):
    """A dual number whose product forgets one half of the product rule."""

    __slots__ = ()

    def __mul__(self, other: DualNumber[Fraction], /) -> _Additive:
        return _Additive(self.value * other.value, self.derivative * other.value)


class _Flat(Dual[Fraction]):
    """Dual numbers whose variable has the wrong kind or the wrong derivative."""

    __slots__ = ("kind", "slope")

    def __init__(self, kind: type[DualNumber[Fraction]], slope: int) -> None:
        super().__init__(RATIONAL)
        self.kind, self.slope = kind, slope

    def variable(self, value: Fraction, /) -> DualNumber[Fraction]:
        return self.kind(value, Fraction(self.slope))


@law(
    "numbers.dual_polynomials",
    objects="numbers.dual.Dual numbers.dual.DualNumber",
    evidence=Evidence.IDENTITY_TESTED,
    subject=Dual(RATIONAL),
    mutants={
        "half of the product rule": _Flat(_Additive, 1),
        "a variable with derivative 0": _Flat(DualNumber, 0),
    },
    cases=lambda draws: repeat(60, lambda: (draws.fractions(5), draws.fraction())),
)
def dual_polynomials(
    system: Dual[Fraction], case: tuple[tuple[Fraction, ...], Fraction]
) -> bool:
    """The derivative of a polynomial is that of the power rule, term by term."""
    coefficients, at = case
    x = system.variable(at)
    value = system.constant(0)
    for coefficient in coefficients:
        value = x * value + system.constant(coefficient)
    degree = len(coefficients) - 1
    expected = sum(
        (degree - i) * c * at ** (degree - i - 1)
        for i, c in enumerate(coefficients[:-1])
    )
    return value.derivative == expected


@law(
    "numbers.dual_quotients",
    objects="numbers.dual.Dual numbers.dual.DualNumber",
    evidence=Evidence.IDENTITY_TESTED,
    subject=Dual(RATIONAL),
    mutants={"half of the product rule": _Flat(_Additive, 1)},
    cases=lambda draws: repeat(60, lambda: draws.fractions(2)),
    premise=lambda case: case[0] + case[1] != 0,
)
def dual_quotients(system: Dual[Fraction], case: tuple[Fraction, ...]) -> bool:
    """A quotient times its divisor has the dividend's value and derivative."""
    at, shift = case
    x = system.variable(at)
    dividend, divisor = x * x, x + system.constant(shift)
    back = divisor * (dividend / divisor)
    return (back.value, back.derivative) == (at * at, 2 * at)


@law(
    "numbers.dual_second_derivatives",
    objects="numbers.dual.Dual",
    evidence=Evidence.IDENTITY_TESTED,
    subject=Dual(Dual(RATIONAL)),
    mutants={"the inner variable flat": Dual(_Flat(DualNumber, 0))},
    cases=lambda draws: repeat(40, draws.fraction),
)
def dual_second_derivatives(system: Dual[DualNumber[Fraction]], at: Fraction) -> bool:
    """Two layers of dual numbers give second derivatives: 6x of a cube."""
    inner = system.base
    assert isinstance(inner, Dual)
    x = system.variable(inner.variable(at))
    return (x * x * x).derivative.derivative == 6 * at


FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "erf", "sqrt")
CONVEX = ("exp", "expm1")
"""The others are concave above 0."""


class _Scaled(Dual[BinaryNumber]):
    """Dual numbers whose functions have a derivative that is twice too large."""

    __slots__ = ()

    def variable(self, value: BinaryNumber, /) -> DualNumber[BinaryNumber]:
        return DualNumber(value, self.base.constant(2))


@law(
    "numbers.dual_functions",
    objects="numbers.dual.Dual numbers.binary.Binary",
    evidence=Evidence.SEARCHED,
    subject=Dual(BINARY128),
    mutants={"derivatives doubled": _Scaled(BINARY128)},
    cases=lambda draws: (
        (name, draws.positive(3)) for name in FUNCTIONS for _ in range(5)
    ),
)
def dual_functions(system: Dual[BinaryNumber], case: tuple[str, Fraction]) -> bool:
    """The derivative of a convex function lies between its secants on either side."""
    name, at = case
    base, step = system.base, Fraction(1, 2**20)
    function = getattr(base, name)
    found = getattr(system, name)(system.variable(base.constant(at))).derivative
    here, width = function(base.constant(at)), base.constant(step)
    before = (here - function(base.constant(at - step))) / width
    after = (function(base.constant(at + step)) - here) / width
    low, high = (before, after) if name in CONVEX else (after, before)
    return bool(base.less(low, found)) and bool(base.less(found, high))


@law(
    "numbers.dual_kinks",
    objects="numbers.dual.Dual",
    evidence=Evidence.SEARCHED,
    subject=Dual(RATIONAL),
    mutants={"a variable with derivative 0": _Flat(DualNumber, 0)},
    cases=lambda draws: repeat(30, lambda: (draws.fraction(), draws.fraction())),
)
def dual_kinks(system: Dual[Fraction], case: tuple[Fraction, Fraction]) -> bool:
    """|x| has the slope of its sign, 0 at 0; equal operands share a maximum."""
    at, other = case
    x, y = system.variable(at), system.constant(other)
    steep = system.absolute(x).derivative == (1 if at > 0 else -1)
    flat = system.absolute(system.variable(Fraction(0))).derivative == 0
    half = system.maximum(x, system.constant(at)).derivative == Fraction(1, 2)
    larger, smaller = system.maximum(x, y), system.minimum(x, y)
    shares = larger.derivative + smaller.derivative == 1
    wins = larger.derivative == (1 if at > other else Fraction(1, 2) * (at == other))
    return steep and flat and half and shares and wins


@law(
    "numbers.ternary",
    objects="numbers.ternary.Ternary",
    evidence=Evidence.EXHAUSTIVE,
    subject=(lambda x, y: x & y, lambda x, y: x | y),
    mutants={
        "an undecided operand decides nothing": (
            lambda x, y: Ternary.UNDECIDED if Ternary.UNDECIDED in (x, y) else x & y,
            lambda x, y: Ternary.UNDECIDED if Ternary.UNDECIDED in (x, y) else x | y,
        ),
        "and for or": (lambda x, y: x & y, lambda x, y: x & y),
    },
    cases=lambda draws: itertools.product(Ternary, Ternary),
)
def the_ternary(
    both: tuple[
        Callable[[Ternary, Ternary], Ternary], Callable[[Ternary, Ternary], Ternary]
    ],
    case: tuple[Ternary, Ternary],
) -> bool:
    """A conjunction holds for what every way of deciding its operands gives."""
    decisions = {
        Ternary.NO: (False,),
        Ternary.YES: (True,),
        Ternary.UNDECIDED: (False, True),
    }
    ways = list(itertools.product(decisions[case[0]], decisions[case[1]]))
    return both[0](*case) == _in_one_word({x and y for x, y in ways}) and both[1](
        *case
    ) == _in_one_word({x or y for x, y in ways})


def _in_one_word(answers: set[bool]) -> Ternary:
    if len(answers) > 1:
        return Ternary.UNDECIDED
    return Ternary.YES if True in answers else Ternary.NO


SPECIALS = (math.nan, -math.inf, -1.0, -0.0, 0.0, 1.0, math.inf)


def _larger(x: float, y: float) -> str:
    if math.isnan(x) or math.isnan(y):
        return repr(math.nan)
    signed = [(z, math.copysign(1.0, z)) for z in (x, y)]
    return repr(max(signed)[0])


@law(
    "numbers.maximum",
    objects="numbers.floating.Floating numbers.floating.maximum "
    "numbers.floating.minimum",
    evidence=Evidence.EXHAUSTIVE,
    subject=floating.maximum,
    mutants={
        "Python's max": max,
        "a number wins over NaN": lambda x, y: (
            y if math.isnan(x) else x if math.isnan(y) else floating.maximum(x, y)
        ),
    },
    cases=lambda draws: itertools.product(SPECIALS, SPECIALS),
)
def the_maximum(
    maximum: Callable[[float, float], float], case: tuple[float, float]
) -> bool:
    """NaN wins over numbers, +0 over -0, and else the larger; a minimum mirrors it."""
    x, y = case
    mirrored = -maximum(-x, -y)
    smaller = repr(floating.minimum(x, y))
    return repr(maximum(x, y)) == _larger(x, y) and smaller == repr(mirrored)
