"""Laws of edges: what operations are at signed zeros, infinities, NaN, and nothing.

Over binary numbers, where an edge is a matter of definition and not of rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from fractions import Fraction

from torchlean_proofs.laws.law import Evidence, Law, law
from torchlean_proofs.laws.operations_applied import (
    SPECIALS,
    Formula,
    formulas,
    meaning_of,
)
from torchlean_spec.numbers import BINARY64
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations import activations as forms
from torchlean_spec.operations.operation import Attribute, Meaning
from torchlean_spec.shape import Shape, vector
from torchlean_spec.tensor import Tensor


def edges(
    name: str,
    expected: str,
    mutants: Mapping[str, object],
    **attributes: Attribute,
) -> Law:
    """The law of what an operation of one number is at the special numbers.

    Args:
        name: The operation.
        expected: Its binary64 values at `SPECIALS`, in words; `_` where a value is
            an ordinary number, which other laws speak of.
        mutants: Wrong formulas.
        attributes: Those of the operation.
    """
    answers = dict(zip(SPECIALS, expected.split(), strict=True))

    def holds(meaning: Meaning, special: str) -> bool:
        shape: Shape = vector(1)
        x = Tensor(shape, (BINARY64.from_float(float(special)),))
        result = meaning(BINARY64, Attributes(**attributes), Operands([x]))
        wanted = BINARY64.from_float(float(answers[special]))
        return result.values == (wanted,)

    holds.__doc__ = (
        f"`{name}` of {', '.join(each for each in SPECIALS if answers[each] != '_')} "
        f"is {', '.join(each for each in answers.values() if each != '_')}."
    )
    return law(
        f"elementwise.{name}.edges",
        objects=f"operations.{name}.meaning numbers.binary.Binary",
        evidence=Evidence.EXHAUSTIVE,
        subject=meaning_of(name),
        mutants=formulas(mutants),
        cases=lambda draws: iter(SPECIALS),
        premise=lambda special: answers[special] != "_",
    )(holds)


EDGES = (
    edges(
        "negate",
        "inf 1 0.0 -0.0 -1 -inf nan",
        {"subtracted from 0": lambda s, a, x: s.constant(0) - x},
    ),
    edges(
        "absolute",
        "inf 1 0.0 0.0 1 inf nan",
        {
            "-0 kept": lambda s, a, x: s.where(s.less(x, s.constant(0)), -x, x),
            "0 for a NaN": lambda s, a, x: s.where(
                s.equal(x, x), s.absolute(x), s.constant(0)
            ),
        },
    ),
    edges(
        "sign",
        "-1 -1 0.0 0.0 1 1 0.0",
        {
            "quotient": lambda s, a, x: x / s.absolute(x),
            "1 at 0": lambda s, a, x: s.where(
                s.less(x, s.constant(0)), s.constant(-1), s.constant(1)
            ),
        },
    ),
    edges(
        "square",
        "inf 1 0.0 0.0 1 inf nan",
        {"the sign kept": lambda s, a, x: x * s.absolute(x)},
    ),
    edges(
        "sqrt",
        "nan nan -0.0 0.0 1 inf nan",
        {"of the size": lambda s, a, x: s.sqrt(s.absolute(x))},
    ),
    edges(
        "reciprocal",
        "-0.0 -1 -inf inf 1 0.0 nan",
        {"of the size": lambda s, a, x: s.constant(1) / s.absolute(x)},
    ),
    edges(
        "exp",
        "0.0 _ 1 1 _ inf nan",
        {
            "tangent": lambda s, a, x: s.constant(1) + x,
            "of the size": lambda s, a, x: s.exp(s.absolute(x)),
        },
    ),
    edges(
        "log",
        "nan nan -inf -inf 0.0 inf nan",
        {"of the size": lambda s, a, x: s.log(s.absolute(x))},
    ),
)

QUOTIENTS = (
    (1.0, 0.0, "inf"),
    (-1.0, 0.0, "-inf"),
    (1.0, -0.0, "-inf"),
    (0.0, 0.0, "nan"),
    (0.0, -1.0, "-0.0"),
    (math.inf, math.inf, "nan"),
    (1.0, -math.inf, "-0.0"),
    (math.nan, 1.0, "nan"),
)
"""What IEEE 754-2019, sections 6 and 7, says of quotients."""


def binary_values(meaning: Meaning, x: float, y: float) -> str:
    """What an operation of two binary64 numbers gives."""
    shape: Shape = vector(1)
    operands = [Tensor(shape, (BINARY64.from_float(each),)) for each in (x, y)]
    result = meaning(BINARY64, Attributes(), Operands(operands)).values[0]
    return repr(float(result))


@law(
    "elementwise.divide.edges",
    objects="operations.divide.meaning numbers.binary.Binary",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("divide"),
    mutants=formulas(
        {
            "by the size": lambda s, a, x, y: x / s.absolute(y),
            "0 by 0 is 0": lambda s, a, x, y: s.where(
                s.equal(x, s.constant(0)), x, x / y
            ),
        }
    ),
    cases=lambda draws: iter(QUOTIENTS),
)
def quotients_at_edges(divide: Meaning, case: tuple[float, float, str]) -> bool:
    """Division by zero gives an infinity, 0/0 and inf/inf a NaN."""
    x, y, expected = case
    return binary_values(divide, x, y) == expected


def extremes_at_edges(name: str, sign: int, mutants: Mapping[str, object]) -> Law:
    """The law of a maximum (sign 1) or a minimum (-1) at the special numbers."""

    def holds(meaning: Meaning, pair: tuple[str, str]) -> bool:
        x, y = (sign * float(each) for each in pair)
        if math.isnan(x) or math.isnan(y):
            return binary_values(meaning, x * sign, y * sign) == "nan"
        ranked = max((x, math.copysign(1.0, x)), (y, math.copysign(1.0, y)))
        found = binary_values(meaning, x * sign, y * sign)
        return found == repr(sign * ranked[0])

    words = ("larger", "above") if sign == 1 else ("smaller", "not above")
    holds.__doc__ = (
        f"A NaN on either side wins; else the {words[0]} of two, and +0 is "
        f"{words[1]} -0."
    )
    return law(
        f"elementwise.{name}.edges",
        objects=f"operations.{name}.meaning numbers.binary.Binary",
        evidence=Evidence.EXHAUSTIVE,
        subject=meaning_of(name),
        mutants=formulas(mutants),
        cases=lambda draws: itertools.product(SPECIALS, SPECIALS),
    )(holds)


EXTREMES = (
    extremes_at_edges(
        "maximum",
        1,
        {
            "by comparison": lambda s, a, x, y: s.where(s.less(x, y), y, x),
            "a number wins over a NaN": lambda s, a, x, y: s.where(
                s.equal(x, x), s.where(s.equal(y, y), s.maximum(x, y), x), y
            ),
        },
    ),
    extremes_at_edges(
        "minimum",
        -1,
        {
            "by comparison": lambda s, a, x, y: s.where(s.less(y, x), y, x),
            "a number wins over a NaN": lambda s, a, x, y: s.where(
                s.equal(x, x), s.where(s.equal(y, y), s.minimum(x, y), x), y
            ),
        },
    ),
)


# ACTIVATIONS


def _zero_far_below(formula: Formula) -> object:
    """A formula that gives 0 at minus infinity."""

    def cut(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
        far = system.less(values[0], system.constant(-1000))
        found = formula(system, attributes, *values)
        return system.where(far, system.constant(0), found)

    return cut


ACTIVATIONS = (
    edges(
        "relu",
        "0.0 0.0 0.0 0.0 1 inf nan",
        {
            "0 for a NaN": lambda s, a, x: s.where(
                s.less(s.constant(0), x), x, s.constant(0)
            ),
            "-0 kept": lambda s, a, x: s.where(
                s.less(x, s.constant(0)), s.constant(0), x
            ),
        },
    ),
    edges(
        "leaky_relu",
        "-inf -0.25 -0.0 0.0 1 inf nan",
        {
            "as a sum of two": lambda s, a, x: (
                s.maximum(x, s.constant(0))
                + s.constant(a.exact("slope")) * s.minimum(x, s.constant(0))
            )
        },
        slope=Fraction(1, 4),
    ),
    edges(
        "elu",
        "-1 _ -0.0 0.0 1 inf nan",
        {
            "1 taken off the exponential": lambda s, a, x: s.where(
                s.less(s.constant(0), x), x, s.exp(x) - s.constant(1)
            )
        },
        alpha=Fraction(1),
    ),
    edges(
        "sigmoid",
        "0.0 _ 0.5 0.5 _ 1 nan",
        {
            "a quotient of exponentials": lambda s, a, x: (
                s.exp(x) / (s.constant(1) + s.exp(x))
            )
        },
    ),
    edges(
        "tanh",
        "-1 _ -0.0 0.0 _ 1 nan",
        {
            "a quotient of exponentials": lambda s, a, x: (
                s.expm1(x + x) / (s.exp(x + x) + s.constant(1))
            )
        },
    ),
    edges(
        "softplus",
        "0.0 _ 0.6931471805599453 0.6931471805599453 _ inf nan",
        {
            "shifted by x": lambda s, a, x: x + s.log1p(s.exp(-x)),
            "ReLU at 0": lambda s, a, x: s.maximum(x, s.constant(0)),
        },
    ),
    edges(
        "silu",
        "nan _ -0.0 0.0 _ inf nan",
        {"0 at minus infinity": _zero_far_below(forms.silu)},
    ),
    edges(
        "gelu",
        "nan _ -0.0 0.0 _ inf nan",
        {"0 at minus infinity": _zero_far_below(forms.gelu)},
    ),
    edges(
        "gelu_tanh",
        "nan _ -0.0 0.0 _ inf nan",
        {"0 at minus infinity": _zero_far_below(forms.gelu_tanh)},
    ),
)
