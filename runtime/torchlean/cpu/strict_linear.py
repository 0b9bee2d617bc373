"""Linear layers and matrix products in strict mode, to the spec's bits.

Weights stand as the spec has them, `[outputs, inputs]`. Every product is rounded by
itself, every sum is the spec's tree, and the bias is added last. The kernels bear
the names of those in `linear`, with the same arguments.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals, shared
from torchlean.cpu.linear import add_row, add_row_and_clip, stop_where_zero
from torchlean.cpu.primitives import local_reals
from torchlean.cpu.registry import Mode, kernel
from torchlean.cpu.strict_columns import WIDE, product_columns, sum_columns
from torchlean.cpu.summation import dot_of

STRICT = (Mode.STRICT,)
SHORT = 64
"""Up to so many terms, a transposed factor is packed rather than read by rows."""


@shared
def strict_product(
    a: Reals,
    a_row: int,
    a_step: int,
    b: Reals,
    b_step: int,
    b_column: int,
    out: Reals,
    m: int,
    k: int,
    n: int,
    system: Arithmetic,
) -> None:
    """`out = A B`: A of [m, k] and B of [k, n] by their strides, `out` dense."""
    packed = local_reals(1024, system)
    for column in range(0, n, WIDE):
        width = min(WIDE, n - column)
        if b_column == 1:
            for i in range(m):
                product_columns(
                    a,
                    i * a_row,
                    a_step,
                    b,
                    column,
                    b_step,
                    out,
                    i * n + column,
                    k,
                    width,
                    system,
                )
        elif k <= SHORT or a_step != 1:
            for p in range(k):
                for j in range(width):
                    packed[p * WIDE + j] = b[p * b_step + (column + j) * b_column]
            for i in range(m):
                product_columns(
                    a,
                    i * a_row,
                    a_step,
                    packed,
                    0,
                    WIDE,
                    out,
                    i * n + column,
                    k,
                    width,
                    system,
                )
        else:
            for i in range(m):
                for j in range(column, column + width):
                    out[i * n + j] = dot_of(a, i * a_row, b, j * b_column, k, system)


def linear(
    x: Reals,
    weight: Reals,
    bias: Reals,
    out: Reals,
    rows: int,
    inputs: int,
    outputs: int,
    system: Arithmetic,
) -> None:
    """`x W^T + b`."""
    strict_product(x, inputs, 1, weight, 1, inputs, out, rows, inputs, outputs, system)
    add_row(bias, out, rows, outputs)


def linear_relu(
    x: Reals,
    weight: Reals,
    bias: Reals,
    out: Reals,
    rows: int,
    inputs: int,
    outputs: int,
    system: Arithmetic,
) -> None:
    """ReLU of `x W^T + b`."""
    strict_product(x, inputs, 1, weight, 1, inputs, out, rows, inputs, outputs, system)
    add_row_and_clip(bias, out, rows, outputs, system)


for _body in (linear, linear_relu):
    kernel(
        reads={"x": "rows*inputs", "weight": "inputs*outputs", "bias": "outputs"},
        writes={"out": "rows*outputs"},
        modes=STRICT,
        varies=True,
        shard_axis="rows",
        shard_steps={"x": "inputs", "out": "outputs"},
    )(_body)


@kernel(
    reads={"upstream": "rows*outputs", "weight": "inputs*outputs"},
    writes={"out": "rows*inputs"},
    modes=STRICT,
    varies=True,
    shard_axis="rows",
    shard_steps={"upstream": "outputs", "out": "inputs"},
)
def linear_input_gradient(
    upstream: Reals,
    weight: Reals,
    out: Reals,
    rows: int,
    inputs: int,
    outputs: int,
    system: Arithmetic,
) -> None:
    """`upstream W`."""
    strict_product(
        upstream, outputs, 1, weight, inputs, 1, out, rows, outputs, inputs, system
    )


@kernel(
    reads={
        "upstream": "rows*outputs",
        "weight": "inputs*outputs",
        "y": "rows*inputs",
    },
    writes={"out": "rows*inputs"},
    modes=STRICT,
    varies=True,
    shard_axis="rows",
    shard_steps={"upstream": "outputs", "y": "inputs", "out": "inputs"},
)
def linear_input_gradient_relu(
    upstream: Reals,
    weight: Reals,
    y: Reals,
    out: Reals,
    rows: int,
    inputs: int,
    outputs: int,
    system: Arithmetic,
) -> None:
    """`upstream W` where y > 0, else 0: y is the ReLU that fed the layer."""
    strict_product(
        upstream, outputs, 1, weight, inputs, 1, out, rows, outputs, inputs, system
    )
    stop_where_zero(y, out, rows * inputs, system)


@kernel(
    reads={"x": "rows*inputs", "upstream": "rows*outputs"},
    writes={"weight_gradient": "inputs*outputs", "bias_gradient": "outputs"},
    modes=STRICT,
    varies=True,
)
def linear_parameter_gradient(
    x: Reals,
    upstream: Reals,
    weight_gradient: Reals,
    bias_gradient: Reals,
    rows: int,
    inputs: int,
    outputs: int,
    system: Arithmetic,
) -> None:
    """`upstream^T x`, and the sums of upstream's columns."""
    strict_product(
        upstream,
        1,
        outputs,
        x,
        inputs,
        1,
        weight_gradient,
        outputs,
        rows,
        inputs,
        system,
    )
    sum_columns(upstream, 0, outputs, bias_gradient, 0, rows, outputs, system)


@kernel(
    reads={
        "upstream": "rows*stride - stride + outputs",
        "x": "rows*inputs",
    },
    writes={"weight_gradient": "inputs*outputs"},
    modes=STRICT,
    varies=True,
    shard_axis="outputs",
    shard_steps={"upstream": "1", "weight_gradient": "inputs"},
)
def linear_weight_gradient(
    x: Reals,
    upstream: Reals,
    weight_gradient: Reals,
    rows: int,
    inputs: int,
    outputs: int,
    stride: int,
    system: Arithmetic,
) -> None:
    """`upstream^T x`, the rows of upstream `stride` apart: it can be cut."""
    strict_product(
        upstream,
        1,
        stride,
        x,
        inputs,
        1,
        weight_gradient,
        outputs,
        rows,
        inputs,
        system,
    )


@kernel(
    reads={"a": "m*k", "b": "k*n"},
    writes={"out": "m*n"},
    modes=STRICT,
    varies=True,
    shard_axis="m",
    shard_steps={"a": "k", "out": "n"},
)
def matmul(
    a: Reals, b: Reals, out: Reals, m: int, k: int, n: int, system: Arithmetic
) -> None:
    """`A B` of [m, k] and [k, n]."""
    strict_product(a, k, 1, b, n, 1, out, m, k, n, system)


@kernel(
    reads={"a": "m*k", "b": "k*n"}, writes={"out": "m*n"}, modes=STRICT, varies=True
)
def matmul_transposed_left(
    a: Reals, b: Reals, out: Reals, m: int, k: int, n: int, system: Arithmetic
) -> None:
    """`A^T B` of [k, m] and [k, n]."""
    strict_product(a, 1, m, b, n, 1, out, m, k, n, system)


@kernel(
    reads={"a": "m*k", "b": "k*n"},
    writes={"out": "m*n"},
    modes=STRICT,
    varies=True,
    shard_axis="m",
    shard_steps={"a": "k", "out": "n"},
)
def matmul_transposed_right(
    a: Reals, b: Reals, out: Reals, m: int, k: int, n: int, system: Arithmetic
) -> None:
    """`A B^T` of [m, k] and [n, k]."""
    strict_product(a, k, 1, b, 1, k, out, m, k, n, system)
