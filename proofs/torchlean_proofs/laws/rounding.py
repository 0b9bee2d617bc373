"""Laws of rounding: IEEE binary numbers, their formats, and bounded numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law
from torchlean_spec.numbers import (
    FORMATS,
    Format,
)
from torchlean_spec.numbers.binary import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    BINARY128,
    FLOAT8_E4M3FN,
    FLOAT8_E5M2,
    Binary,
    BinaryNumber,
)
from torchlean_spec.numbers.floating import divide

ALL = (
    FLOAT8_E5M2,
    FLOAT8_E4M3FN,
    BINARY16,
    BFLOAT16,
    BINARY32,
    BINARY64,
    BINARY128,
)
"""The named systems, from the narrowest to the widest."""

OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def value_of(number: BinaryNumber) -> Fraction:
    """A finite number, exactly, read off its bits."""
    layout = number.format
    bits, places = number.bits, layout.precision - 1
    field = bits >> places & ((1 << layout.exponent_bits) - 1)
    size = bits & ((1 << places) - 1) | (1 << places if field else 0)
    value: Fraction = size * layout.smallest * Fraction(2) ** (max(field, 1) - 1)
    return -value if bits >> (layout.exponent_bits + places) else value


def is_finite(number: BinaryNumber) -> bool:
    """Whether a number is neither infinite nor NaN."""
    return math.isfinite(float(number)) or number.format.precision > 53


def finite_number(draws: Draws, system: Binary) -> BinaryNumber:
    """A positive or negative number of a middling magnitude."""
    places = system.format.precision - 1
    spread = min(system.format.bias // 4, 20)
    field = system.format.bias + draws.integer(-spread, spread)
    significand = draws.integer(0, min(1 << places, 2**32) - 1)
    significand <<= max(places - 32, 0)
    number = system.from_bits(field << places | significand)
    return number if draws.integer(0, 1) else -number


Rounding = Callable[[Binary, Fraction], BinaryNumber]


def towards_zero(system: Binary, value: Fraction) -> BinaryNumber:
    """The wrong rounding of a processor in another mode."""
    near = system.constant(value)
    if abs(value_of(near)) > abs(value) and near.bits:
        return system.from_bits(near.bits - 1)
    return near


def ties_away(system: Binary, value: Fraction) -> BinaryNumber:
    """The wrong rounding that schools teach."""
    near = system.constant(value)
    beyond = system.from_bits(near.bits + 1)
    middle = (value_of(near) + value_of(beyond)) / 2
    return beyond if value == middle else near


def between_neighbours(draws: Draws) -> Iterator[tuple[Binary, Fraction]]:
    """Points between two neighbouring numbers of each format, the middle too."""
    for system in ALL:
        for _ in range(20):
            lower = finite_number(draws, system)
            upper = system.from_bits(lower.bits + 1)
            ends = value_of(lower), value_of(upper)
            for share in (Fraction(1, 2), draws.share()):
                yield system, ends[0] + share * (ends[1] - ends[0])


@law(
    "rounding.nearest",
    objects="numbers.binary.Binary numbers.rounding.nearest "
    "numbers.rounding.nearest_fraction",
    evidence=Evidence.SEARCHED,
    subject=lambda system, value: system.constant(value),
    mutants={"towards zero": towards_zero, "ties away from zero": ties_away},
    cases=between_neighbours,
    premise=lambda case: abs(case[1]) < case[0].format.largest,
)
def rounding_is_to_nearest(constant: Rounding, case: tuple[Binary, Fraction]) -> bool:
    """No number of the format is nearer than the rounded one; of two, it is even."""
    system, value = case
    found = constant(system, value)
    error = abs(value_of(found) - value)
    neighbours = [system.from_bits(found.bits + step) for step in (-1, 1)]
    errors = [abs(value_of(each) - value) for each in neighbours if is_finite(each)]
    tie = error in errors
    return all(error <= each for each in errors) and not (tie and found.bits % 2)


@law(
    "rounding.holds",
    objects="numbers.formats.Format numbers.binary.Binary",
    evidence=Evidence.EXHAUSTIVE,
    subject=Format.holds,
    mutants={
        "everything within range": lambda layout, value: abs(value) <= layout.largest,
        "no subnormal numbers": lambda layout, value: (
            layout.holds(value) and (value == 0 or abs(value) >= layout.smallest_normal)
        ),
    },
    cases=lambda draws: (
        (system, system.from_bits(bits))
        for system in (FLOAT8_E5M2, FLOAT8_E4M3FN)
        for bits in range(256)
    ),
    premise=lambda case: is_finite(case[1]),
)
def formats_hold(
    holds: Callable[[Format, Fraction], bool], case: tuple[Binary, BinaryNumber]
) -> bool:
    """A format holds each of its numbers, and nothing a quarter of a step beside."""
    system, number = case
    value, layout = value_of(number), system.format
    beside = value + layout.smallest / 4
    return holds(layout, value) and not holds(layout, beside)


Arithmetic = Callable[[str, BinaryNumber, BinaryNumber], BinaryNumber]


def arithmetic(name: str, x: BinaryNumber, y: BinaryNumber) -> BinaryNumber:
    """One operation of the system."""
    found: BinaryNumber = OPERATIONS[name](x, y)
    return found


def by_reciprocal(name: str, x: BinaryNumber, y: BinaryNumber) -> BinaryNumber:
    """The wrong quotient by way of a rounded reciprocal."""
    if name != "/":
        return arithmetic(name, x, y)
    one = next(s for s in ALL if s.format == x.format).constant(1)
    return x * (one / y)


def one_step_off(name: str, x: BinaryNumber, y: BinaryNumber) -> BinaryNumber:
    """The neighbour of the right answer."""
    found = arithmetic(name, x, y)
    system = next(s for s in ALL if s.format == x.format)
    return system.from_bits(found.bits ^ 1)


def operands(
    draws: Draws,
) -> Iterator[tuple[Binary, str, BinaryNumber, BinaryNumber]]:
    """Two numbers of each format, and an operation."""
    for system in ALL:
        for name in OPERATIONS:
            for _ in range(15):
                x, y = (finite_number(draws, system) for _ in range(2))
                yield system, name, x, y


@law(
    "rounding.arithmetic",
    objects="numbers.binary.Binary numbers.binary.BinaryNumber "
    "numbers.binary_floats.FloatEngine numbers.binary_integers.IntegerEngine",
    evidence=Evidence.SEARCHED,
    subject=arithmetic,
    mutants={
        "a quotient by reciprocal": by_reciprocal,
        "one step off": one_step_off,
    },
    cases=operands,
)
def arithmetic_is_rounded_once(
    arithmetic: Arithmetic, case: tuple[Binary, str, BinaryNumber, BinaryNumber]
) -> bool:
    """Sum, difference, product and quotient are the exact ones, rounded once."""
    system, name, x, y = case
    exact = OPERATIONS[name](value_of(x), value_of(y))
    return arithmetic(name, x, y) == system.constant(exact)


def in_float64(name: str, x: BinaryNumber, y: BinaryNumber) -> BinaryNumber:
    """An operation of an 8-bit format, done in binary64 and rounded: innocuous."""
    a, b = float(x), float(y)
    if name == "/":
        return FLOAT8_E5M2.from_float(divide(a, b))
    return FLOAT8_E5M2.from_float(OPERATIONS[name](a, b))


BY_INTEGERS = Binary(5, 3, by_integers=True)
"""The 8-bit format with infinities, computed by the engine of integers."""


def by_integers(name: str, x: BinaryNumber, y: BinaryNumber) -> BinaryNumber:
    """The same operation by the engine of integers."""
    pair = BY_INTEGERS.from_bits(x.bits), BY_INTEGERS.from_bits(y.bits)
    return FLOAT8_E5M2.from_bits(arithmetic(name, *pair).bits)


@law(
    "rounding.special_values",
    objects="numbers.binary_integers.IntegerEngine numbers.binary.BinaryNumber",
    evidence=Evidence.SEARCHED,
    subject=by_integers,
    mutants={
        "zeros without a sign": lambda name, x, y: by_integers(
            name, FLOAT8_E5M2.from_float(float(x) + 0.0), y
        ),
        "infinities saturate": lambda name, x, y: by_integers(
            name, FLOAT8_E5M2.from_bits(min(x.bits & 127, 123) | x.bits & 128), y
        ),
    },
    cases=lambda draws: (
        (name, FLOAT8_E5M2.from_bits(a), FLOAT8_E5M2.from_bits(b))
        for a in range(256)
        for b in range(a % 5, 256, 5)
        for name in OPERATIONS
    ),
)
def special_values(
    operation: Arithmetic, case: tuple[str, BinaryNumber, BinaryNumber]
) -> bool:
    """Zeros, subnormals, infinities and NaN follow IEEE 754: a fifth of all pairs."""
    return operation(*case) == in_float64(*case)


@law(
    "rounding.square_root",
    objects="numbers.binary.Binary numbers.rounding.root",
    evidence=Evidence.SEARCHED,
    subject=lambda system, x: system.sqrt(x),
    mutants={
        "one step up": lambda system, x: system.from_bits(system.sqrt(x).bits + 1)
    },
    cases=lambda draws: (
        (system, system.absolute(finite_number(draws, system)))
        for system in ALL
        for _ in range(20)
    ),
)
def roots_are_nearest(
    sqrt: Callable[[Binary, BinaryNumber], BinaryNumber],
    case: tuple[Binary, BinaryNumber],
) -> bool:
    """The argument lies between the squares of the middles on either side."""
    system, x = case
    root = sqrt(system, x)
    ends = [value_of(system.from_bits(root.bits + step)) for step in (-1, 0, 1)]
    below, above = (ends[0] + ends[1]) / 2, (ends[1] + ends[2]) / 2
    return below**2 <= value_of(x) <= above**2


def triples(
    draws: Draws,
) -> Iterator[tuple[Binary, BinaryNumber, BinaryNumber, BinaryNumber]]:
    """Three numbers of each format."""
    for system in ALL:
        for _ in range(20):
            x, y, z = (finite_number(draws, system) for _ in range(3))
            yield system, x, y, z


@law(
    "rounding.fused_multiply_add",
    objects="numbers.binary.Binary",
    evidence=Evidence.SEARCHED,
    subject=lambda system, x, y, z: system.fused_multiply_add(x, y, z),
    mutants={"two roundings": lambda system, x, y, z: x * y + z},
    cases=triples,
)
def multiply_adds_are_rounded_once(
    fused: Callable[[Binary, BinaryNumber, BinaryNumber, BinaryNumber], BinaryNumber],
    case: tuple[Binary, BinaryNumber, BinaryNumber, BinaryNumber],
) -> bool:
    """A fused multiply-add is the exact one, rounded once."""
    system, x, y, z = case
    exact = value_of(x) * value_of(y) + value_of(z)
    return fused(*case) == system.constant(exact)


@law(
    "rounding.conversion",
    objects="numbers.binary.Binary",
    evidence=Evidence.SEARCHED,
    subject=lambda system, x: system.convert(x),
    mutants={
        "by way of bfloat16": lambda system, x: system.convert(BFLOAT16.convert(x)),
    },
    cases=lambda draws: (
        (system, finite_number(draws, BINARY128 if draws.integer(0, 1) else BINARY32))
        for system in ALL
        for _ in range(20)
    ),
    premise=lambda case: abs(value_of(case[1])) < case[0].format.largest,
)
def conversions_round_once(
    convert: Callable[[Binary, BinaryNumber], BinaryNumber],
    case: tuple[Binary, BinaryNumber],
) -> bool:
    """A number of another format is rounded once, from its exact value."""
    system, x = case
    found, exact = convert(system, x), value_of(x)
    return found == system.constant(exact) or (
        exact < 0 and found == -system.constant(0)
    )


@law(
    "rounding.largest",
    objects="numbers.formats.Format numbers.formats.FORMATS "
    "numbers.formats.format_named numbers.binary.Binary",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda layout: layout.largest,
    mutants={"a power of two": lambda layout: Fraction(2) ** (layout.bias + 1)},
    cases=lambda draws: ALL,
    premise=lambda system: system.format.precision <= 53,
)
def the_largest(largest: Callable[[Format], Fraction], system: Binary) -> bool:
    """The largest number is held, and one step beyond it there is none."""
    layout = FORMATS[system.format.name]
    most = largest(layout)
    rounded = system.constant(most)
    step = most - value_of(system.from_bits(rounded.bits - 1))
    beyond = system.constant(most + step)
    return value_of(rounded) == most and not math.isfinite(float(beyond))
