"""Laws of initial parameters: intervals, elements, and their rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, refuses, repeat
from torchlean_spec import initializers, lean_random, random
from torchlean_spec.errors import Reason
from torchlean_spec.exact import PRECISION, exact
from torchlean_spec.initializers import (
    Constant,
    FanInUniform,
    Initializer,
    KaimingUniform,
    Ones,
    Uniform,
    XavierUniform,
    Zeros,
)
from torchlean_spec.numbers import BINARY32, BINARY64, FLOAT, RATIONAL, bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.shape import Shape, shape_of, size

Interval = tuple[Fraction, Fraction]


def is_root(found: Fraction, of: Fraction) -> bool:
    """Whether a number is a square root, truncated to `PRECISION` bits."""
    above = found / (1 - Fraction(1, 2**PRECISION))
    return 0 <= found and found**2 <= of <= above**2


@dataclass(frozen=True, slots=True)
class Fans:
    """The fans of a layer, and two hyperparameters."""

    fan_in: int
    fan_out: int
    first: Fraction
    second: Fraction


def fans(draws: Draws) -> Iterator[Fans]:
    """Layers of every kind of size; some fans are equal, some roots rational."""
    yield Fans(1, 5, Fraction(2), Fraction(3))

    def drawn() -> Fans:
        sizes = draws.integer(1, 40), draws.integer(1, 40)
        return Fans(*sizes, draws.positive(3), draws.positive(3))

    yield from repeat(30, drawn)


def interval_law(
    name: str,
    sentence: str,
    make: Callable[[Fans], Initializer],
    relation: Callable[[Fans, Fraction, Fraction], bool],
    mutants: Mapping[str, Callable[[Fans], Initializer]],
) -> Law:
    """The law of the interval that an initializer draws from.

    Args:
        name: The initializer.
        sentence: What its interval is, in words.
        make: The initializer of some hyperparameters.
        relation: Of a case, the midpoint and half the width.
        mutants: Wrong initializers.
    """

    def holds(make: Callable[[Fans], Initializer], case: Fans) -> bool:
        midpoint, half = make(case).interval(case.fan_in, case.fan_out)
        return relation(case, midpoint, half)

    holds.__doc__ = sentence
    return law(
        f"initializers.{name}",
        objects=f"initializers.{name}",
        evidence=Evidence.SEARCHED,
        subject=make,
        mutants=mutants,
        cases=fans,
    )(holds)


class _Squared(Initializer):
    """An initializer whose half width is the square of another's."""

    __slots__ = ("inner",)

    def __init__(self, inner: Initializer) -> None:
        self.inner = inner

    def interval(self, fan_in: int, fan_out: int) -> Interval:
        midpoint, half = self.inner.interval(fan_in, fan_out)
        return midpoint, half**2


class _Exchanged(Initializer):
    """An initializer that takes the fans for each other."""

    __slots__ = ("inner",)

    def __init__(self, inner: Initializer) -> None:
        self.inner = inner

    def interval(self, fan_in: int, fan_out: int) -> Interval:
        return self.inner.interval(fan_out, fan_in)


INTERVALS = (
    interval_law(
        "Zeros",
        "Zeros are 0, whatever the fans.",
        lambda case: Zeros(),
        lambda case, midpoint, half: midpoint == half == 0,
        {"ones": lambda case: Ones(), "uniform": lambda case: FanInUniform()},
    ),
    interval_law(
        "Ones",
        "Ones are 1, whatever the fans.",
        lambda case: Ones(),
        lambda case, midpoint, half: midpoint == 1 and half == 0,
        {"zeros": lambda case: Zeros(), "around 1": lambda case: Uniform(0, 2)},
    ),
    interval_law(
        "Constant",
        "A constant is its value, whatever the fans.",
        lambda case: Constant(case.first),
        lambda case, midpoint, half: midpoint == case.first and half == 0,
        {
            "1": lambda case: Ones(),
            "negative": lambda case: Constant(-case.first),
            "binary64": lambda case: Constant(Fraction(float(case.first))),
        },
    ),
    interval_law(
        "Uniform",
        "A uniform parameter lies from the lower to the upper end.",
        lambda case: Uniform(-case.first, case.second),
        lambda case, midpoint, half: (
            midpoint - half == -case.first and midpoint + half == case.second
        ),
        {
            "around 0": lambda case: Uniform(-case.second, case.second),
            "ends mirrored": lambda case: Uniform(-case.second, case.first),
        },
    ),
    interval_law(
        "XavierUniform",
        "The limit squared times the sum of the fans is 6 times the gain squared.",
        lambda case: XavierUniform(case.first),
        lambda case, midpoint, half: (
            midpoint == 0
            and is_root(half, 6 * case.first**2 / (case.fan_in + case.fan_out))
        ),
        {
            "no gain": lambda case: XavierUniform(),
            "of the fan-in alone": lambda case: KaimingUniform(),
            "no root": lambda case: _Squared(XavierUniform(case.first)),
            "the gain's root": lambda case: XavierUniform(case.first**2),
        },
    ),
    interval_law(
        "KaimingUniform",
        "The limit squared times (1 + slope^2) fan-in is 6.",
        lambda case: KaimingUniform(case.first),
        lambda case, midpoint, half: (
            midpoint == 0 and is_root(half, 6 / ((1 + case.first**2) * case.fan_in))
        ),
        {
            "no slope": lambda case: KaimingUniform(),
            "of the fan-out": lambda case: _Exchanged(KaimingUniform(case.first)),
            "of both fans": lambda case: XavierUniform(),
            "no root": lambda case: _Squared(KaimingUniform(case.first)),
        },
    ),
    interval_law(
        "FanInUniform",
        "The limit squared times the fan-in is 1.",
        lambda case: FanInUniform(),
        lambda case, midpoint, half: (
            midpoint == 0 and is_root(half, Fraction(1, case.fan_in))
        ),
        {
            "of the fan-out": lambda case: _Exchanged(FanInUniform()),
            "no root": lambda case: _Squared(FanInUniform()),
            "He's": lambda case: KaimingUniform(),
        },
    ),
)


# ELEMENTS


@dataclass(frozen=True, slots=True)
class Start:
    """One parameter to be initialized."""

    initializer: Initializer
    shape: Shape
    fan_in: int
    fan_out: int
    seed: int
    number: int


def starts(draws: Draws) -> Iterator[Start]:
    """Parameters of every initializer, in several shapes."""

    def drawn() -> Start:
        initializer: Initializer = draws.choice(
            (
                Uniform(-1, draws.positive(3)),
                Uniform(-draws.positive(3), Fraction(1, 3)),
                XavierUniform(draws.positive(2)),
                KaimingUniform(),
                FanInUniform(),
            )
        )
        shape = shape_of(draws.extents(2, 4, 2))
        sizes = draws.integer(1, 9), draws.integer(1, 9)
        seed = draws.integer(0, 2**32 - 1) * 2**31
        return Start(initializer, shape, *sizes, seed, draws.integer(0, 5))

    return repeat(40, drawn)


def initialized(
    system: NumberSystem[A], start: Start, number: int | None = None
) -> tuple[A, ...]:
    """What the spec says that a parameter starts as."""
    made = start.initializer.initialize(
        system,
        start.shape,
        start.fan_in,
        start.fan_out,
        start.seed,
        start.number if number is None else number,
    )
    return made.values


def units_of(start: Start) -> list[Fraction]:
    """The numbers in [-1, 1) that the elements are made of, one word at a time."""
    layer = 2**32 + start.number
    words = [random.word(start.seed, layer, i) for i in range(size(start.shape))]
    return [Fraction(word // 2**8, 2**23) - 1 for word in words]


Exactly = Callable[[Start], tuple[Fraction, ...]]


def _doubled(start: Start) -> tuple[Fraction, ...]:
    midpoint, half = start.initializer.interval(start.fan_in, start.fan_out)
    return tuple(midpoint + 2 * half * unit for unit in units_of(start))


def _unsigned(start: Start) -> tuple[Fraction, ...]:
    midpoint, half = start.initializer.interval(start.fan_in, start.fan_out)
    return tuple(midpoint + half * (unit + 1) / 2 for unit in units_of(start))


@law(
    "initializers.elements",
    objects="initializers.Initializer.initialize random.signed_unit random.words",
    evidence=Evidence.SEARCHED,
    subject=lambda start: initialized(RATIONAL, start),
    mutants={
        "one stream for all parameters": lambda start: initialized(RATIONAL, start, 0),
        "parameters counted from 1": lambda start: initialized(
            RATIONAL, start, start.number + 1
        ),
        "last element first": lambda start: initialized(RATIONAL, start)[::-1],
        "twice the width": _doubled,
        "the upper half alone": _unsigned,
        "one word for all": lambda start: (
            initialized(RATIONAL, start)[:1] * size(start.shape)
        ),
    },
    cases=starts,
)
def elements(initialize: Exactly, start: Start) -> bool:
    """Element i is the midpoint and unit i of the parameter's stream times half width.

    So all of them lie in the interval, its lower end included.
    """
    midpoint, half = start.initializer.interval(start.fan_in, start.fan_out)
    found = initialize(start)
    return found == tuple(midpoint + half * unit for unit in units_of(start)) and all(
        midpoint - half <= value < midpoint + half for value in found
    )


@law(
    "initializers.rounding",
    objects="initializers.Initializer.initialize numbers.binary.Binary "
    "numbers.bounded.BoundedSystem",
    evidence=Evidence.SEARCHED,
    subject=lambda start: tuple(map(float, initialized(BINARY32, start))),
    mutants={
        "rounded once, at the end": lambda start: tuple(
            float(BINARY32.constant(value)) for value in initialized(RATIONAL, start)
        ),
        "in binary64, then rounded": lambda start: tuple(
            float(BINARY32.from_float(float(value)))
            for value in initialized(BINARY64, start)
        ),
        "other words than in binary64": lambda start: tuple(
            map(float, initialized(BINARY32, start, start.number + 1))
        ),
    },
    cases=starts,
)
def rounded_elements(
    initialize: Callable[[Start], tuple[float, ...]], start: Start
) -> bool:
    """In every format from the same words: constants rounded, then each operation."""
    midpoint, half = start.initializer.interval(start.fan_in, start.fan_out)
    width, centre = BINARY32.constant(half), BINARY32.constant(midpoint)
    products = [BINARY32.constant(unit) * width for unit in units_of(start)]
    expected = [product if midpoint == 0 else centre + product for product in products]
    found = initialize(start)
    allowed = initialized(bounded("float32"), start)
    return found == tuple(map(float, expected)) and all(
        each.admits(value) for each, value in zip(allowed, found, strict=True)
    )


# THE ORIGINAL'S


def linear_generator(seed: int, count: int, low: float, high: float) -> list[float]:
    """The original's numbers, from its recurrence in closed form.

    State i is `a^i seed + c (a^i - 1) / (a - 1)` modulo 2^32.
    """
    a, c = 1664525, 1013904223
    found = []
    for i in range(1, count + 1):
        power = a**i
        state = (power * seed + c * ((power - 1) // (a - 1))) % 2**32
        found.append(low + state / 2**32 * (high - low))
    return found


def _lean_starts(draws: Draws) -> Iterator[Start]:
    for start in starts(draws):
        dialect = draws.choice(
            (
                XavierUniform(dialect="lean"),
                KaimingUniform(dialect="lean"),
                Uniform(-1, 2, dialect="lean"),
            )
        )
        yield Start(
            dialect, start.shape, start.fan_in, start.fan_out, start.seed, start.number
        )


@law(
    "initializers.lean",
    objects="initializers.Initializer.initialize lean_random.initial_uniform "
    "lean_random.next_seed",
    evidence=Evidence.SEARCHED,
    subject=lambda start: initialized(FLOAT, start),
    mutants={
        "our own generator": lambda start: initialized(
            FLOAT,
            Start(
                FanInUniform(),
                start.shape,
                start.fan_in,
                start.fan_out,
                start.seed,
                start.number,
            ),
        ),
        "one seed for all parameters": lambda start: initialized(FLOAT, start, 0),
        "the next parameter's": lambda start: initialized(
            FLOAT, start, start.number + 1
        ),
    },
    cases=_lean_starts,
)
def lean_elements(
    initialize: Callable[[Start], tuple[float, ...]], start: Start
) -> bool:
    """The original's parameters come from a linear generator, seeded by splitmix64."""
    gamma = 0x9E3779B97F4A7C15
    own = lean_random.splitmix64((start.seed + start.number + gamma) % 2**64)
    ends = start.initializer.lean_interval(start.fan_in, start.fan_out)
    assert ends is not None
    expected = linear_generator(own, size(start.shape), *ends)
    return initialize(start) == tuple(expected)


class _Lenient:
    """The initializers, of which one lets everything pass."""

    Uniform: object = Uniform
    XavierUniform: object = XavierUniform
    Constant: object = Constant

    def __init__(self, name: str) -> None:
        setattr(self, name, lambda *values: None)


@law(
    "initializers.refused",
    objects="initializers.Uniform initializers.XavierUniform initializers.Constant",
    evidence=Evidence.SEARCHED,
    subject=initializers,
    mutants={
        "ends in any order": _Lenient("Uniform"),
        "any gain": _Lenient("XavierUniform"),
        "any constant": _Lenient("Constant"),
    },
    cases=lambda draws: repeat(10, lambda: draws.positive()),
)
def refused(module: object, value: Fraction) -> bool:
    """A lower end above the upper one, a negative gain, no number: all are refused."""
    uniform, xavier, constant = (
        getattr(module, name) for name in ("Uniform", "XavierUniform", "Constant")
    )
    zero = exact(0)
    return (
        refuses(Reason.HYPERPARAMETER, lambda: uniform(value, zero))
        and refuses(Reason.HYPERPARAMETER, lambda: xavier(-value))
        and refuses(Reason.HYPERPARAMETER, lambda: constant(float("inf")))
        and refuses(Reason.HYPERPARAMETER, lambda: FanInUniform().interval(0, 1))
    )
