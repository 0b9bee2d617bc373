"""Laws of the losses of scores, of counts, and of distances without a corner."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    application,
    meaning_of,
    positive_table,
    row_of,
    table,
)
from torchlean_proofs.laws.regression_losses import (
    REDUCTIONS,
    cross_entropy,
    of_elements,
    rational_law,
)
from torchlean_spec.numbers import BINARY64, Bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations import activations as forms
from torchlean_spec.operations import regression_losses as losses
from torchlean_spec.operations.operation import Meaning
from torchlean_spec.shape import Shape, vector
from torchlean_spec.tensor import Tensor

HALF = Fraction(1, 2)

# SCORES

HINGE = rational_law(
    "hinge",
    "A hinge is half of 1 - p t and its size: max(0, 1 - p t).",
    lambda p, t: (abs(1 - p * t) + (1 - p * t)) / 2,
    {
        "not cut off": lambda s, a, p, t: s.constant(1) - p * t,
        "of the difference": lambda s, a, p, t: losses.hinge(s, a, p - t, t),
        "a margin of 0": lambda s, a, p, t: s.maximum(s.constant(0), -(p * t)),
        "squared": lambda s, a, p, t: (
            losses.hinge(s, a, p, t) * losses.hinge(s, a, p, t)
        ),
    },
)

# COUNTS


def rate_pairs(draws: Draws) -> Iterator[Application]:
    """Rates above 0 and counts, 0 among them."""
    for reduction in REDUCTIONS:
        counts = row_of(0, draws.integer(1, 4), draws.integer(1, 4))
        yield application(positive_table(draws, 3), counts, reduction=reduction)


def log_rate_pairs(draws: Draws) -> Iterator[Application]:
    """Logarithms of rates and counts, 0 among them."""
    for reduction in REDUCTIONS:
        counts = row_of(0, draws.integer(1, 4), draws.integer(1, 4))
        yield application(table(draws, 3), counts, reduction=reduction)


def of_rate(p: Bounded, t: Bounded) -> Bounded:
    """`p - log(p^t)`, the power multiplied out."""
    power = DOUBLE.constant(1)
    for _ in range(round(DOUBLE.to_float(t))):
        power = power * p
    return p - DOUBLE.log(power)


COUNTS = (
    cross_entropy(
        "poisson",
        "The loss of a rate p and a count t is p - log(p^t).",
        of_rate,
        rate_pairs,
        {
            "of the logarithm": lambda s, a, p, t: losses.poisson_with_log_rates(
                s, a, p, t
            ),
            "without the rate": lambda s, a, p, t: -(t * s.log(p)),
            "the other sign": lambda s, a, p, t: -losses.poisson(s, a, p, t),
            "relative to the count": lambda s, a, p, t: (p - t) - t * s.log(p),
        },
    ),
    cross_entropy(
        "poisson_with_log_rates",
        "The loss of the logarithm of a rate is the loss of the rate.",
        lambda p, t: of_rate(DOUBLE.exp(p), t),
        log_rate_pairs,
        {
            "of the rate": lambda s, a, p, t: p - t * s.exp(p),
            "without the rate": lambda s, a, p, t: -(t * p),
            "the exponential of a square": lambda s, a, p, t: s.exp(p * p) - t * p,
            "the other sign": lambda s, a, p, t: t * p - s.exp(p),
        },
    ),
)

# DISTANCES


def distance_pairs(draws: Draws) -> Iterator[Application]:
    """Predictions and targets; differences of 0, 1 and next to 1 among them."""
    for reduction in REDUCTIONS:
        yield application(table(draws, 3), table(draws, 3), reduction=reduction)
        yield application(
            row_of(2, 1, Fraction(15, 16), -Fraction(17, 16), 30),
            row_of(2, 0, 0, 0, -9),
            reduction=reduction,
        )


def by_exponentials(p: Bounded, t: Bounded) -> Bounded:
    """`log((e^d + e^-d) / 2)`."""
    d = p - t
    return DOUBLE.log(DOUBLE.constant(HALF) * (DOUBLE.exp(d) + DOUBLE.exp(-d)))


def _shorter(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    """`|d| + softplus(-2 |d|) - log 2`, which cancels near 0."""
    distance = s.absolute(p - t)
    soft = forms.softplus(s, a, -(distance + distance))
    return (distance + soft) - s.log(s.constant(2))


def _plain(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    """`log((e^d + e^-d) / 2)`, which overflows."""
    d = p - t
    return s.log(s.constant(HALF) * (s.exp(d) + s.exp(-d)))


LOG_COSH = cross_entropy(
    "log_cosh",
    "It is the logarithm of half of e^d + e^-d.",
    by_exponentials,
    distance_pairs,
    {
        "half a square": lambda s, a, p, t: s.constant(HALF) * ((p - t) * (p - t)),
        "the distance": lambda s, a, p, t: s.absolute(p - t),
        "without log 2": lambda s, a, p, t: (
            s.absolute(p - t)
            + forms.softplus(s, a, -(s.constant(2) * s.absolute(p - t)))
        ),
        "never far": lambda s, a, p, t: s.log1p(
            s.constant(HALF) * (s.expm1(p - t) * s.expm1(p - t))
        ),
    },
)


def _one(meaning: Meaning, distance: float) -> float:
    shape: Shape = vector(1)
    both = [Tensor(shape, (BINARY64.from_float(x),)) for x in (distance, 0.0)]
    result = meaning(BINARY64, Attributes(reduction="sum"), Operands(both))
    return float(result.values[0])


@law(
    "regression_losses.log_cosh.near",
    objects="operations.log_cosh.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("log_cosh"),
    mutants={
        "the shorter form": of_elements(_shorter),
        "the logarithm of the cosine": of_elements(_plain),
        "0 near 0": of_elements(
            lambda s, a, p, t: s.maximum(
                s.constant(0), s.absolute(p - t) - s.log(s.constant(2))
            )
        ),
    },
    cases=lambda draws: iter(range(54, 500)),
)
def half_a_square(meaning: Meaning, power: int) -> bool:
    """At a distance d = 2^-k with k from 54 to 499 it is d^2 / 2 to the last bit."""
    distance = 2.0**-power
    return (
        _one(meaning, distance) == distance * distance / 2 == _one(meaning, -distance)
    )


@law(
    "regression_losses.log_cosh.far",
    objects="operations.log_cosh.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("log_cosh"),
    mutants={
        "the logarithm of the cosine": of_elements(_plain),
        "the distance": of_elements(lambda s, a, p, t: s.absolute(p - t)),
    },
    cases=lambda draws: iter(range(5, 1024)),
)
def distance_less_a_constant(meaning: Meaning, power: int) -> bool:
    """At a distance d = 2^k with k from 5 to 1023 it is d - log 2, rounded twice."""
    distance = 2.0**power
    logarithm = BINARY64.log(BINARY64.constant(HALF))
    expected = BINARY64.from_float(distance) + logarithm
    return _one(meaning, distance) == BINARY64.to_float(expected)
