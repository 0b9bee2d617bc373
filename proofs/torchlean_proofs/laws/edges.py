"""Laws of edges: what operations are at signed zeros, infinities, NaN, and nothing.

Over binary numbers, where an edge is a matter of definition and not of rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

from torchlean_proofs.laws.applying import SPECIALS, formulas, meaning_of
from torchlean_proofs.laws.law import Evidence, Law, law, refuses
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import BINARY64
from torchlean_spec.operations import OPERATIONS, Attributes, Operands
from torchlean_spec.operations.operation import Attribute, Meaning
from torchlean_spec.shape import Shape, shape_of, vector
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
        f"edges.{name}",
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
    "edges.divide",
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
        f"edges.{name}",
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


# WHAT IS REFUSED

REFUSED: tuple[tuple[str, Reason, tuple[tuple[int, ...], ...], Attributes], ...] = (
    (
        "reshape",
        Reason.SHAPE_MISMATCH,
        ((2, 3),),
        Attributes(target=shape_of([5])),
    ),
    (
        "transpose",
        Reason.AXIS_OUT_OF_RANGE,
        ((2, 3),),
        Attributes(permutation=(0, 0)),
    ),
    (
        "concatenate",
        Reason.SHAPE_MISMATCH,
        ((2, 3), (3, 2)),
        Attributes(axis=0),
    ),
    (
        "slice",
        Reason.AXIS_OUT_OF_RANGE,
        ((3,),),
        Attributes(axis=0, start=2, stop=1),
    ),
    (
        "slice",
        Reason.AXIS_OUT_OF_RANGE,
        ((3,),),
        Attributes(axis=0, start=-1, stop=2),
    ),
    (
        "slice",
        Reason.AXIS_OUT_OF_RANGE,
        ((3,),),
        Attributes(axis=0, start=0, stop=4),
    ),
    ("add", Reason.SHAPE_MISMATCH, ((2,), (3,)), Attributes()),
    ("sum", Reason.AXIS_OUT_OF_RANGE, ((2,),), Attributes(axis=1)),
    ("softmax", Reason.AXIS_OUT_OF_RANGE, ((),), Attributes()),
    (
        "broadcast",
        Reason.SHAPE_MISMATCH,
        ((2,),),
        Attributes(target=shape_of([3])),
    ),
    ("matmul", Reason.SHAPE_MISMATCH, ((2, 3), (2, 3)), Attributes()),
    ("matmul", Reason.SHAPE_MISMATCH, ((2,), (2,)), Attributes()),
    ("linear", Reason.SHAPE_MISMATCH, ((2, 3), (4, 2), (4,)), Attributes()),
    ("linear", Reason.SHAPE_MISMATCH, ((2, 3), (4, 3), (3,)), Attributes()),
    (
        "mean_squared_error",
        Reason.SHAPE_MISMATCH,
        ((2, 1), (2,)),
        Attributes(reduction="mean"),
    ),
    (
        "mean_squared_error",
        Reason.UNKNOWN_NAME,
        ((2,), (2,)),
        Attributes(reduction="median"),
    ),
)
"""Operands that do not fit: the operation, why, their sizes, the attributes."""

ShapeRule = Callable[[str, Attributes, list[Shape]], Shape]


@law(
    "edges.refused_shapes",
    objects=" ".join(dict.fromkeys(f"operations.{name}" for name, *_ in REFUSED)),
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda name, attributes, shapes: OPERATIONS[name].shape(attributes, shapes),
    mutants={
        "the first operand's shape": lambda name, attributes, shapes: shapes[0],
        "a scalar": lambda name, attributes, shapes: shape_of([]),
    },
    cases=lambda draws: iter(REFUSED),
)
def refused_shapes(
    rule: ShapeRule, case: tuple[str, Reason, tuple[tuple[int, ...], ...], Attributes]
) -> bool:
    """Operands that do not fit are refused when a program is built."""
    name, reason, extents, attributes = case
    shapes = list(map(shape_of, extents))
    return refuses(reason, lambda: rule(name, attributes, shapes))
