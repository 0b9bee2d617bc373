"""Reductions along axes, softmax, and broadcasting with its adjoint.

The order of a strict sum is that of `numbers/summation.py`; over bounded
numbers a sum is the hull over every order.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.operation import (
    Attributes,
    Operands,
    Operation,
    Use,
    Value,
    register,
)
from torchlean_spec.shape import (
    Scalar,
    Shape,
    axis_of,
    broadcast_axes,
    require_same,
    shape_of,
    size,
    sizes,
    strides,
    without_axis,
)
from torchlean_spec.tensor import Tensor


def maximum_of(system: NumberSystem[A], values: Sequence[A]) -> A:
    """The largest of at least one number; a NaN wins."""
    largest = values[0]
    for value in values[1:]:
        largest = system.maximum(largest, value)
    return largest


def softmax_row(system: NumberSystem[A], row: Sequence[A]) -> list[A]:
    """`e^(x_i - max x) / sum_j e^(x_j - max x)`; nothing of an empty row.

    A row of minus infinities, or with a plus infinity, gives NaN.
    """
    if not row:
        return []
    largest = maximum_of(system, row)
    powers = [system.exp(x - largest) for x in row]
    total = system.sum(powers)
    return [power / total for power in powers]


def log_softmax_row(system: NumberSystem[A], row: Sequence[A]) -> list[A]:
    """`(x_i - max x) - log sum_j e^(x_j - max x)`; nothing of an empty row."""
    if not row:
        return []
    largest = maximum_of(system, row)
    shifted = [x - largest for x in row]
    normalizer = system.log(system.sum([system.exp(x) for x in shifted]))
    return [x - normalizer for x in shifted]


def softmax_gradient_row(
    system: NumberSystem[A], result: Sequence[A], upstream: Sequence[A]
) -> list[A]:
    """`y_i (u_i - sum_j u_j y_j)`, of the result y."""
    mean = system.dot(upstream, result)
    return [y * (u - mean) for y, u in zip(result, upstream, strict=True)]


def log_softmax_gradient_row(
    system: NumberSystem[A], result: Sequence[A], upstream: Sequence[A]
) -> list[A]:
    """`u_i - e^(y_i) sum_j u_j`, of the result y."""
    total = system.sum(upstream)
    return [u - system.exp(y) * total for y, u in zip(result, upstream, strict=True)]


def _axis(attributes: Attributes, shape: Shape) -> int | None:
    axis = attributes.optional_integer("axis")
    return None if axis is None else axis_of(shape, axis)


def _reduced(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    axis = _axis(attributes, shapes[0])
    return Scalar() if axis is None else without_axis(shapes[0], axis)


def _runs(tensor: Tensor[A, Shape], axis: int | None) -> list[tuple[A, ...]]:
    """The values that each element of the reduced tensor is made of, in order."""
    if axis is None:
        return [tensor.values]
    stride = strides(tensor.shape)[axis]
    extent = sizes(tensor.shape)[axis]
    outer = size(shape_of(sizes(tensor.shape)[:axis]))
    return [
        tensor.values[start : start + extent * stride : stride]
        for block in range(outer)
        for start in range(block * extent * stride, block * extent * stride + stride)
    ]


def sum_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The sum along an axis, or of everything; +0 of nothing."""
    x = operands.real(0)
    runs = _runs(x, _axis(attributes, x.shape))
    shape = _reduced(attributes, [x.shape])
    return Tensor(shape, tuple(system.sum(run) for run in runs))


def mean_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The sum divided by the count, once; of nothing it is 0/0."""
    x = operands.real(0)
    axis = _axis(attributes, x.shape)
    count = system.constant(size(x.shape) if axis is None else sizes(x.shape)[axis])
    return sum_meaning(system, attributes, operands).map(lambda total: total / count)


def broadcast_index(source: Shape, target: Shape) -> list[int]:
    """For each element of the target, the flat index of its source element."""
    repeated = set(broadcast_axes(source, target))
    extents = sizes(target)
    missing = len(extents) - len(sizes(source))
    steps = [0] * missing + list(strides(source))
    index = [0]
    for axis, extent in enumerate(extents):
        step = 0 if axis in repeated else steps[axis]
        index = [base + position * step for base in index for position in range(extent)]
    return index


def broadcast_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """Repeat along the axes that the source lacks or has with size 1."""
    x, target = operands.real(0), attributes.shape("target")
    index = broadcast_index(x.shape, target)
    return Tensor(target, tuple(x.values[i] for i in index))


def reduce_to_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The adjoint of `broadcast`: each source element's copies, summed in order."""
    x, target = operands.real(0), attributes.shape("target")
    copies: list[list[A]] = [[] for _ in range(size(target))]
    for value, index in zip(x.values, broadcast_index(target, x.shape), strict=True):
        copies[index].append(value)
    return Tensor(target, tuple(system.sum(group) for group in copies))


def _reduce_to_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    broadcast_axes(attributes.shape("target"), shapes[0])
    return attributes.shape("target")


def _broadcast_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    broadcast_axes(shapes[0], attributes.shape("target"))
    return attributes.shape("target")


def _spread_back(use: Use) -> Value:
    """Copy the derivative of a reduction back to the shape before it."""
    shape = use.operands[0].shape
    axis = _axis(use.attributes, shape)
    if axis is None:
        return use.upstream.apply("broadcast", target=shape)
    extents = sizes(shape)
    kept = shape_of((*extents[:axis], 1, *extents[axis + 1 :]))
    widened = use.upstream.apply("reshape", target=kept)
    return widened.apply("broadcast", target=shape)


def _sum_rule(use: Use) -> Sequence[Value | None]:
    return [_spread_back(use)]


def _mean_rule(use: Use) -> Sequence[Value | None]:
    shape = use.operands[0].shape
    axis = _axis(use.attributes, shape)
    count = size(shape) if axis is None else sizes(shape)[axis]
    return [_spread_back(use).apply("scale", factor=Fraction(1, max(count, 1)))]


def _broadcast_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("reduce_to", target=use.operands[0].shape)]


def _reduce_to_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("broadcast", target=use.operands[0].shape)]


def _row_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    axis_of(shapes[0], -1)
    for other in shapes[1:]:
        require_same("softmax gradient", shapes[0], other)
    return shapes[0]


def _joined(shape: Shape, rows: Sequence[Sequence[A]]) -> Tensor[A, Shape]:
    return Tensor(shape, tuple(value for row in rows for value in row))


def softmax_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """Softmax of each row along the last axis."""
    x = operands.real(0)
    return _joined(x.shape, [softmax_row(system, row) for row in x.rows()])


def log_softmax_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The logarithm of the softmax of each row along the last axis."""
    x = operands.real(0)
    return _joined(x.shape, [log_softmax_row(system, row) for row in x.rows()])


def softmax_gradient_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The adjoint of softmax's derivative, of its result."""
    y, upstream = operands.real(0), operands.real(1)
    pairs = zip(y.rows(), upstream.rows(), strict=True)
    rows = [softmax_gradient_row(system, *pair) for pair in pairs]
    return _joined(y.shape, rows)


def log_softmax_gradient_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The adjoint of log-softmax's derivative, of its result."""
    y, upstream = operands.real(0), operands.real(1)
    pairs = zip(y.rows(), upstream.rows(), strict=True)
    rows = [log_softmax_gradient_row(system, *pair) for pair in pairs]
    return _joined(y.shape, rows)


def _softmax_rule(use: Use) -> Sequence[Value | None]:
    return [use.result.apply("softmax_gradient", use.upstream)]


def _log_softmax_rule(use: Use) -> Sequence[Value | None]:
    return [use.result.apply("log_softmax_gradient", use.upstream)]


_SECOND = "second derivatives of softmax are not defined"

register(Operation("sum", ("x",), _reduced, sum_meaning, _sum_rule))
register(Operation("mean", ("x",), _reduced, mean_meaning, _mean_rule))
register(
    Operation("broadcast", ("x",), _broadcast_shape, broadcast_meaning, _broadcast_rule)
)
register(
    Operation("reduce_to", ("x",), _reduce_to_shape, reduce_to_meaning, _reduce_to_rule)
)
register(Operation("softmax", ("x",), _row_shape, softmax_meaning, _softmax_rule))
register(
    Operation("log_softmax", ("x",), _row_shape, log_softmax_meaning, _log_softmax_rule)
)
register(
    Operation(
        "softmax_gradient",
        ("y", "upstream"),
        _row_shape,
        softmax_gradient_meaning,
        None,
        _SECOND,
    )
)
register(
    Operation(
        "log_softmax_gradient",
        ("y", "upstream"),
        _row_shape,
        log_softmax_gradient_meaning,
        None,
        _SECOND,
    )
)
