"""Laws of the activations: the equations that each of them satisfies.

An activation is held to equations that its definition implies and that no near
variant keeps, over exact rationals where it is piecewise linear, else over bounded
numbers in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, repeat
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    Cases,
    application,
    applied,
    ends,
    exactly,
    formulas,
    meaning_of,
    meet,
    row_of,
    table,
)
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.operations import Attributes
from torchlean_spec.operations import activations as forms
from torchlean_spec.operations.activations import (
    GELU_CUBIC,
    SQUARE_ROOT_OF_HALF,
    SQUARE_ROOT_OF_TWO_OVER_PI,
)
from torchlean_spec.operations.operation import Attribute, Meaning

TOPIC = "activations"
SLOPE = Fraction(1, 8)
ALPHA = Fraction(3, 2)
ATTRIBUTES: Mapping[str, Mapping[str, Attribute]] = {
    "leaky_relu": {"slope": SLOPE},
    "elu": {"alpha": ALPHA},
}
"""The attributes that the cases of an activation have."""

PIECEWISE = ("relu", "leaky_relu")
"""Rational where their operands are."""


def uses(name: str, count: int = 3) -> Cases:
    """Numbers of either sign, and 0, in several shapes."""
    attributes = Attributes(**ATTRIBUTES.get(name, {}))
    # The formula of the sigmoid has two kinks at 0, which cancel; dual numbers
    # take each of them by itself.
    middle = Fraction(1, 16) if name == "sigmoid" else 0

    def cases(draws: Draws) -> Iterator[Application]:
        yield Application(attributes, (row_of(middle, 1, -1, Fraction(5, 2)),))
        for use in repeat(count, lambda: table(draws, 2, 2)):
            yield Application(attributes, (use,))

    return cases


# RATIONAL ONES


def piecewise(
    name: str,
    sentence: str,
    relation: Callable[[Fraction, Fraction], bool],
    mutants: Mapping[str, object],
) -> Law:
    """The law of an activation that is linear on either side of 0."""

    def holds(meaning: Meaning, use: Application) -> bool:
        result = exactly(meaning, use)
        pairs = zip(result.values, use.real(0).values, strict=True)
        return result.shape == use.operands[0].shape and all(
            relation(y, x) for y, x in pairs
        )

    holds.__doc__ = sentence
    return law(
        f"{TOPIC}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.IDENTITY_TESTED,
        subject=meaning_of(name),
        mutants=formulas(mutants),
        cases=uses(name, 10),
    )(holds)


RATIONAL_MEANINGS = (
    piecewise(
        "relu",
        "Twice a ReLU is the number and its absolute value.",
        lambda y, x: 2 * y == x + abs(x),
        {
            "absolute value": lambda s, a, x: s.absolute(x),
            "below 0 instead": lambda s, a, x: s.minimum(x, s.constant(0)),
            "cut at 1": lambda s, a, x: s.minimum(
                s.maximum(x, s.constant(0)), s.constant(1)
            ),
        },
    ),
    piecewise(
        "leaky_relu",
        "Twice a leaky ReLU is (1 + slope) x + (1 - slope) |x|.",
        lambda y, x: 2 * y == (1 + SLOPE) * x + (1 - SLOPE) * abs(x),
        {
            "no slope": lambda s, a, x: s.maximum(x, s.constant(0)),
            "the slope above 0": lambda s, a, x: s.where(
                s.less(x, s.constant(0)), x, x * s.constant(a.exact("slope"))
            ),
            "the slope negative": lambda s, a, x: s.maximum(
                x, -x * s.constant(a.exact("slope"))
            ),
        },
    ),
)


# EQUATIONS


def equation(
    name: str,
    sentence: str,
    holds_at: Callable[[Bounded, Bounded, Bounded], bool],
    mutants: Mapping[str, object],
) -> Law:
    """The law of a smooth activation f: a relation of x, f(x) and f(-x)."""
    attributes = ATTRIBUTES.get(name, {})

    def holds(meaning: Meaning, use: Application) -> bool:
        x = use.real(0)
        mirrored = application(x.map(lambda each: -each), **attributes)
        ahead = applied(meaning, DOUBLE, use).values
        back = applied(meaning, DOUBLE, mirrored).values
        points = map(DOUBLE.constant, x.values)
        return all(map(holds_at, points, ahead, back))

    holds.__doc__ = sentence
    return law(
        f"{TOPIC}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.SEARCHED,
        subject=meaning_of(name),
        mutants=formulas(mutants),
        cases=uses(name),
    )(holds)


def number(value: Fraction | int) -> Bounded:
    """A constant."""
    return DOUBLE.constant(value)


def power(x: Bounded) -> Bounded:
    """The exponential, which `elementwise.exp` speaks of."""
    return DOUBLE.exp(x)


def _sigmoid(x: Bounded, y: Bounded, mirrored: Bounded) -> bool:
    return meet(y + mirrored, number(1)) and meet(y, power(x) * mirrored)


def _tanh(x: Bounded, y: Bounded, mirrored: Bounded) -> bool:
    squared = power(x + x)
    rational = meet(y * (squared + number(1)), squared - number(1))
    return rational and meet(y, -mirrored)


def _softplus(x: Bounded, y: Bounded, mirrored: Bounded) -> bool:
    return meet(y - mirrored, x) and meet(power(y), number(1) + power(x))


def _silu(x: Bounded, y: Bounded, mirrored: Bounded) -> bool:
    return meet(y - mirrored, x) and meet(y, -(mirrored * power(x)))


def _gelu_series(x: Fraction) -> Fraction:
    """`x/2 (1 + erf(x / sqrt 2))` by the error function's power series.

    `erf(x / sqrt 2) = sqrt(2 / pi) sum_k (-1)^k x^(2k+1) / (2^k k! (2k+1))`; with 60
    terms and |x| <= 3 what is left out is far below one part in 2^60.
    """
    total, term = Fraction(0), x
    for k in range(60):
        total += term / (2 * k + 1)
        term *= -x * x / (2 * (k + 1))
    return x / 2 * (1 + Fraction(SQUARE_ROOT_OF_TWO_OVER_PI) * total)


def _gelu(x: Bounded, y: Bounded, mirrored: Bounded) -> bool:
    at = sum(ends(x), Fraction(0)) / 2
    return meet(y - mirrored, x) and meet(y, number(_gelu_series(at)))


def _gelu_tanh(x: Bounded, y: Bounded, mirrored: Bounded) -> bool:
    at = sum(ends(x), Fraction(0)) / 2
    cubic = at + Fraction(GELU_CUBIC) * at**3
    doubled = power(number(2 * Fraction(SQUARE_ROOT_OF_TWO_OVER_PI) * cubic))
    return meet(y - mirrored, x) and meet(y, -(mirrored * doubled))


def _elu(x: Bounded, y: Bounded, mirrored: Bounded) -> bool:
    if ends(x)[0] < 0:
        x, y, mirrored = -x, mirrored, y
    scaled = (number(1) / power(x) - number(1)) * number(ALPHA)
    return meet(y, x) and meet(mirrored, scaled)


MEANINGS = (
    equation(
        "sigmoid",
        "s(x) + s(-x) = 1, and s(x) = e^x s(-x).",
        _sigmoid,
        {
            "of -x": lambda s, a, x: s.constant(1) / (s.constant(1) + s.exp(x)),
            "of 2 x": lambda s, a, x: s.constant(1) / (s.constant(1) + s.exp(-(x + x))),
            "tanh": lambda s, a, x: s.tanh(x),
            "piecewise linear": lambda s, a, x: s.maximum(
                s.constant(0),
                s.minimum(
                    s.constant(1),
                    x * s.constant(Fraction(1, 4)) + s.constant(Fraction(1, 2)),
                ),
            ),
        },
    ),
    equation(
        "tanh",
        "tanh is odd, and tanh(x) (e^2x + 1) = e^2x - 1.",
        _tanh,
        {
            "of x / 2": lambda s, a, x: s.tanh(x * s.constant(Fraction(1, 2))),
            "error function": lambda s, a, x: s.erf(x),
            "of the size": lambda s, a, x: s.tanh(s.absolute(x)),
        },
    ),
    equation(
        "softplus",
        "softplus(x) - softplus(-x) = x, and e^softplus(x) = 1 + e^x.",
        _softplus,
        {
            "ReLU": lambda s, a, x: s.maximum(x, s.constant(0)),
            "without the maximum": lambda s, a, x: s.log1p(s.exp(-s.absolute(x))),
            "to base 2": lambda s, a, x: s.log1p(s.exp(x)) / s.log(s.constant(2)),
        },
    ),
    equation(
        "silu",
        "silu(x) - silu(-x) = x, and silu(x) = -e^x silu(-x).",
        _silu,
        {
            "sigmoid": lambda s, a, x: s.constant(1) / (s.constant(1) + s.exp(-x)),
            "x sigmoid(-x)": lambda s, a, x: x / (s.constant(1) + s.exp(x)),
            "x sigmoid(1.702 x)": lambda s, a, x: (
                x / (s.constant(1) + s.exp(-x * s.constant(Fraction(1702, 1000))))
            ),
        },
    ),
    equation(
        "gelu",
        "gelu(x) - gelu(-x) = x, and gelu is x times the normal distribution.",
        _gelu,
        {
            "tanh form": forms.gelu_tanh,
            "x sigmoid(1.702 x)": lambda s, a, x: (
                x / (s.constant(1) + s.exp(-x * s.constant(Fraction(1702, 1000))))
            ),
            "erf(x)": lambda s, a, x: (
                x * s.constant(Fraction(1, 2)) * (s.constant(1) + s.erf(x))
            ),
        },
    ),
    equation(
        "gelu_tanh",
        "gelu_tanh(x) - gelu_tanh(-x) = x, and their quotient is an exponential.",
        _gelu_tanh,
        {
            "exact form": forms.gelu,
            "no cubic term": lambda s, a, x: (
                x
                * s.constant(Fraction(1, 2))
                * (s.constant(1) + s.tanh(x * s.constant(SQUARE_ROOT_OF_TWO_OVER_PI)))
            ),
            "sqrt(1/2) for sqrt(2/pi)": lambda s, a, x: (
                x
                * s.constant(Fraction(1, 2))
                * (
                    s.constant(1)
                    + s.tanh(
                        s.constant(SQUARE_ROOT_OF_HALF)
                        * (x + s.constant(GELU_CUBIC) * x * x * x)
                    )
                )
            ),
        },
    ),
    equation(
        "elu",
        "Above 0 an ELU is x, below 0 it is alpha (1 / e^-x - 1).",
        _elu,
        {
            "without alpha": lambda s, a, x: s.where(
                s.less(s.constant(0), x), x, s.expm1(x)
            ),
            "alpha on both sides": lambda s, a, x: (
                s.constant(a.exact("alpha"))
                * s.where(s.less(s.constant(0), x), x, s.expm1(x))
            ),
            "without the -1": lambda s, a, x: s.where(
                s.less(s.constant(0), x), x, s.constant(a.exact("alpha")) * s.exp(x)
            ),
        },
    ),
)
