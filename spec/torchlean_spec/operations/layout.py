"""Operations that move numbers and change none: exact in every number system."""

from __future__ import annotations

import itertools
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
from torchlean_spec.shape import (
    Shape,
    axis_of,
    concatenate,
    permute,
    shape_of,
    size,
    sizes,
    strides,
)
from torchlean_spec.tensor import Tensor, filled


def _reshape_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    target = attributes.shape("target")
    if size(target) != size(shapes[0]):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"reshape: expected a shape of {size(shapes[0])} elements as {shapes[0]} "
            f"has, got {target} of {size(target)}",
        )
    return target


def reshape_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The same numbers in row-major order, under another shape."""
    return Tensor(attributes.shape("target"), operands.real(0).values)


def _transpose_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return permute(shapes[0], attributes.integers("permutation"))


def transpose_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """Axis i of the result is axis `permutation[i]` of the operand."""
    x = operands.real(0)
    permutation = attributes.integers("permutation")
    steps = [strides(x.shape)[axis] for axis in permutation]
    shape = permute(x.shape, permutation)
    places = itertools.product(*(range(extent) for extent in sizes(shape)))
    index = [sum(i * s for i, s in zip(place, steps, strict=True)) for place in places]
    return Tensor(shape, tuple(x.values[i] for i in index))


def _block(shape: Shape, axis: int) -> int:
    """How many numbers one run along `axis` and all inner axes holds."""
    return size(shape_of(sizes(shape)[axis:]))


def _concatenate_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return concatenate(shapes[0], shapes[1], attributes.integer("axis"))


def concatenate_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """Two tensors laid end to end along an axis."""
    x, y = operands.real(0), operands.real(1)
    axis = axis_of(x.shape, attributes.integer("axis"))
    ours, theirs = _block(x.shape, axis), _block(y.shape, axis)
    count = size(shape_of(sizes(x.shape)[:axis]))
    values: list[A] = []
    for i in range(count):
        values += x.values[i * ours : (i + 1) * ours]
        values += y.values[i * theirs : (i + 1) * theirs]
    return Tensor(concatenate(x.shape, y.shape, axis), tuple(values))


def _slice_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    axis = axis_of(shapes[0], attributes.integer("axis"))
    start, stop = attributes.integer("start"), attributes.integer("stop")
    extents = list(sizes(shapes[0]))
    if not 0 <= start <= stop <= extents[axis]:
        raise TorchLeanError(
            Reason.AXIS_OUT_OF_RANGE,
            f"slice: expected 0 <= start <= stop <= {extents[axis]}, "
            f"got start {start} and stop {stop}",
        )
    extents[axis] = stop - start
    return shape_of(extents)


def slice_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The positions `start <= i < stop` along an axis."""
    x = operands.real(0)
    axis = axis_of(x.shape, attributes.integer("axis"))
    block, inner = _block(x.shape, axis), strides(x.shape)[axis]
    start, stop = attributes.integer("start"), attributes.integer("stop")
    values: list[A] = []
    for i in range(size(shape_of(sizes(x.shape)[:axis]))):
        values += x.values[i * block + start * inner : i * block + stop * inner]
    return Tensor(_slice_shape(attributes, [x.shape]), tuple(values))


def _fill_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return attributes.shape("target")


def fill_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """One exact constant everywhere, rounded once."""
    return filled(
        attributes.shape("target"), system.constant(attributes.exact("value"))
    )


def _reshape_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("reshape", target=use.operands[0].shape)]


def _transpose_rule(use: Use) -> Sequence[Value | None]:
    permutation = use.attributes.integers("permutation")
    inverse = tuple(permutation.index(axis) for axis in range(len(permutation)))
    return [use.upstream.apply("transpose", permutation=inverse)]


def _concatenate_rule(use: Use) -> Sequence[Value | None]:
    x = use.operands[0]
    axis = axis_of(x.shape, use.attributes.integer("axis"))
    seam, end = sizes(x.shape)[axis], sizes(use.result.shape)[axis]
    upstream = use.upstream
    return [
        upstream.apply("slice", axis=axis, start=0, stop=seam),
        upstream.apply("slice", axis=axis, start=seam, stop=end),
    ]


def _zeros(shape: Shape, axis: int, extent: int, like: Value) -> Value:
    extents = sizes(shape)
    target = shape_of((*extents[:axis], extent, *extents[axis + 1 :]))
    return like.build("fill", target=target, value=0)


def _slice_rule(use: Use) -> Sequence[Value | None]:
    shape = use.operands[0].shape
    axis = axis_of(shape, use.attributes.integer("axis"))
    start, stop = use.attributes.integer("start"), use.attributes.integer("stop")
    before = _zeros(shape, axis, start, use.upstream)
    after = _zeros(shape, axis, sizes(shape)[axis] - stop, use.upstream)
    head = before.apply("concatenate", use.upstream, axis=axis)
    return [head.apply("concatenate", after, axis=axis)]


register(Operation("reshape", ("x",), _reshape_shape, reshape_meaning, _reshape_rule))
register(
    Operation("transpose", ("x",), _transpose_shape, transpose_meaning, _transpose_rule)
)
register(
    Operation(
        "concatenate",
        ("x", "y"),
        _concatenate_shape,
        concatenate_meaning,
        _concatenate_rule,
    )
)
register(Operation("slice", ("x",), _slice_shape, slice_meaning, _slice_rule))
register(Operation("fill", (), _fill_shape, fill_meaning, None, "it is a constant"))
