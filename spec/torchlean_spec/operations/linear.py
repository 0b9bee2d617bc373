"""Matrix products, and the affine map of a linear layer.

Each entry is `dot` of a row and a column: every product rounded, then the sum
by the strict tree; over bounded numbers any order, fused or not.
"""

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
from torchlean_spec.shape import Shape, matrix, rank, require_same, shape_of, sizes
from torchlean_spec.tensor import Tensor


def columns_of(tensor: Tensor[A, Shape]) -> list[tuple[A, ...]]:
    """The columns of a matrix."""
    _, width = sizes(tensor.shape)
    return [tensor.values[column::width] for column in range(width)]


def _extents(name: str, shape: Shape) -> tuple[int, int]:
    if rank(shape) != 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH, f"{name}: expected a matrix, got shape {shape}"
        )
    first, second = sizes(shape)
    return first, second


def _product_shape(
    name: str, shapes: Sequence[Shape], left_axis: int, right_axis: int
) -> Shape:
    """The shape of a product that contracts one axis of each matrix."""
    left, right = _extents(name, shapes[0]), _extents(name, shapes[1])
    if left[left_axis] != right[right_axis]:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"{name}: expected matrices that agree in the axis summed over, "
            f"got {shapes[0]} and {shapes[1]}",
        )
    return matrix(left[1 - left_axis], right[1 - right_axis])


def _matmul_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return _product_shape("matmul", shapes, 1, 0)


def _left_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return _product_shape("matmul_transposed_left", shapes, 0, 0)


def _right_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return _product_shape("matmul_transposed_right", shapes, 1, 1)


def matmul_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """`A B`: shapes [M, K] and [K, N] give [M, N]."""
    a, b = operands.real(0), operands.real(1)
    shape = _matmul_shape(attributes, [a.shape, b.shape])
    return Tensor(shape, tuple(system.inner_products(a.rows(), columns_of(b))))


def matmul_transposed_left_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """`A^T B`: shapes [K, M] and [K, N] give [M, N]."""
    a, b = operands.real(0), operands.real(1)
    shape = _left_shape(attributes, [a.shape, b.shape])
    return Tensor(shape, tuple(system.inner_products(columns_of(a), columns_of(b))))


def matmul_transposed_right_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """`A B^T`: shapes [M, K] and [N, K] give [M, N]."""
    a, b = operands.real(0), operands.real(1)
    shape = _right_shape(attributes, [a.shape, b.shape])
    return Tensor(shape, tuple(system.inner_products(a.rows(), b.rows())))


def _linear_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    x, weight, bias = shapes
    outputs, inputs = _extents("linear", weight)
    require_same("linear: bias", shape_of([outputs]), bias)
    extents = sizes(x)
    if not extents or extents[-1] != inputs:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"linear: expected an input of shape [.., {inputs}], got {x}",
        )
    return shape_of((*extents[:-1], outputs))


def linear_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """`x W^T + b`: shapes [.., K], [N, K] and [N] give [.., N]; the bias last."""
    x, weight, bias = (operands.real(i) for i in range(3))
    shape = _linear_shape(attributes, [x.shape, weight.shape, bias.shape])
    products = system.inner_products(x.rows(), weight.rows())
    biases = bias.values * (len(products) // max(len(bias.values), 1))
    return Tensor(shape, tuple(p + b for p, b in zip(products, biases, strict=True)))


def as_matrix(value: Value) -> Value:
    """The value with all axes but the last laid into one."""
    extents = sizes(value.shape)
    if len(extents) == 2:
        return value
    count = 1
    for extent in extents[:-1]:
        count *= extent
    return value.apply("reshape", target=matrix(count, extents[-1]))


def _linear_rule(use: Use) -> Sequence[Value | None]:
    x, weight, bias = use.operands
    upstream = as_matrix(use.upstream)
    in_x = upstream.apply("matmul", weight)
    if rank(x.shape) != 2:
        in_x = in_x.apply("reshape", target=x.shape)
    in_weight = upstream.apply("matmul_transposed_left", as_matrix(x))
    return [in_x, in_weight, upstream.apply("reduce_to", target=bias.shape)]


def _matmul_rule(use: Use) -> Sequence[Value | None]:
    a, b = use.operands
    return [
        use.upstream.apply("matmul_transposed_right", b),
        a.apply("matmul_transposed_left", use.upstream),
    ]


def _left_rule(use: Use) -> Sequence[Value | None]:
    a, b = use.operands
    return [
        b.apply("matmul_transposed_right", use.upstream),
        a.apply("matmul", use.upstream),
    ]


def _right_rule(use: Use) -> Sequence[Value | None]:
    a, b = use.operands
    return [
        use.upstream.apply("matmul", b),
        use.upstream.apply("matmul_transposed_left", a),
    ]


register(Operation("matmul", ("a", "b"), _matmul_shape, matmul_meaning, _matmul_rule))
register(
    Operation(
        "matmul_transposed_left",
        ("a", "b"),
        _left_shape,
        matmul_transposed_left_meaning,
        _left_rule,
    )
)
register(
    Operation(
        "matmul_transposed_right",
        ("a", "b"),
        _right_shape,
        matmul_transposed_right_meaning,
        _right_rule,
    )
)
register(
    Operation(
        "linear", ("x", "weight", "bias"), _linear_shape, linear_meaning, _linear_rule
    )
)
