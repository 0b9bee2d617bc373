"""Picking and placing rows by integer indices."""

from __future__ import annotations

from collections.abc import Sequence

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.operation import (
    Attributes,
    Operands,
    Operation,
    Use,
    Value,
    register,
)
from torchlean_spec.shape import Dim, Shape, rank, shape_of, size, sizes
from torchlean_spec.tensor import Tensor


def require_index(what: str, index: int, count: int) -> int:
    """Refuse an index that is not in `0 <= index < count`.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE`.
    """
    if not 0 <= index < count:
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"{what}: expected an index from 0 to {count - 1}, got {index}",
        )
    return index


def _row_shape(name: str, shape: Shape) -> Shape:
    if not isinstance(shape, Dim):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH, f"{name}: expected rows, got shape {shape}"
        )
    rest: Shape = shape.rest
    return rest


def _gather_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    rest = _row_shape("gather_rows", shapes[0])
    return shape_of((*sizes(shapes[1]), *sizes(rest)))


def gather_rows_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """Row `index[j]` of x, for each j; an index out of range is refused."""
    x, index = operands.real(0), operands.index(1)
    count = sizes(x.shape)[0]
    width = size(_row_shape("gather_rows", x.shape))
    values: list[A] = []
    for i in index.values:
        require_index("gather_rows", i, count)
        values += x.values[i * width : (i + 1) * width]
    return Tensor(_gather_shape(attributes, [x.shape, index.shape]), tuple(values))


def _scatter_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    rest = sizes(shapes[0])[rank(shapes[1]) :]
    return shape_of((attributes.integer("rows"), *rest))


def scatter_add_rows_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """Row i of the result is the sum of the rows j of x with `index[j] = i`."""
    x, index = operands.real(0), operands.index(1)
    shape = _scatter_shape(attributes, [x.shape, index.shape])
    rows = attributes.integer("rows")
    width = size(shape) // rows if rows else 0
    groups: list[list[A]] = [[] for _ in range(size(shape))]
    for j, i in enumerate(index.values):
        require_index("scatter_add_rows", i, rows)
        for column in range(width):
            groups[i * width + column].append(x.values[j * width + column])
    return Tensor(shape, tuple(system.sum(group) for group in groups))


def _one_hot_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return shape_of((*sizes(shapes[0]), attributes.integer("classes")))


def one_hot_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """1 at the class, 0 elsewhere; a class out of range is refused."""
    index, classes = operands.index(0), attributes.integer("classes")
    zero, one = system.constant(0), system.constant(1)
    values: list[A] = []
    for i in index.values:
        require_index("one_hot", i, classes)
        values += [one if i == column else zero for column in range(classes)]
    return Tensor(_one_hot_shape(attributes, [index.shape]), tuple(values))


def _gather_rule(use: Use) -> Sequence[Value | None]:
    x, index = use.operands
    rows = sizes(x.shape)[0]
    return [use.upstream.apply("scatter_add_rows", index, rows=rows), None]


def _scatter_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("gather_rows", use.operands[1]), None]


register(
    Operation(
        "gather_rows", ("x", "index#"), _gather_shape, gather_rows_meaning, _gather_rule
    )
)
register(
    Operation(
        "scatter_add_rows",
        ("x", "index#"),
        _scatter_shape,
        scatter_add_rows_meaning,
        _scatter_rule,
    )
)
register(
    Operation(
        "one_hot",
        ("index#",),
        _one_hot_shape,
        one_hot_meaning,
        None,
        "its operand is an integer",
    )
)
