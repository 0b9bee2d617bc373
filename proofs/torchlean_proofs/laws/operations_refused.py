"""Laws of operands that do not fit."""

from __future__ import annotations

from collections.abc import Callable

from torchlean_proofs.laws.law import Evidence, law, refuses
from torchlean_spec.errors import Reason
from torchlean_spec.operations import OPERATIONS, Attributes
from torchlean_spec.shape import Shape, shape_of

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
    "operations.refused_shapes",
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
