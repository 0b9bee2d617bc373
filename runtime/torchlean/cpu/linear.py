"""Linear layers and matrix products in fast mode: any order, fused products.

Weights live transposed, `[inputs, outputs]`, so that the inner loops run along
consecutive memory. Strict mode has its own bodies, in `strict_linear`.

Each kernel has a twin whose name ends in `_blas`, which calls NumPy's BLAS on one
thread: better for products of some sizes (see `prefers_blas`), and absent where NumPy
brings no BLAS that can be called.
"""

from __future__ import annotations

from torchlean.cpu import blas
from torchlean.cpu.language import Arithmetic, Reals, helper
from torchlean.cpu.primitives import anywhere, blas_product
from torchlean.cpu.processor import vector_bytes
from torchlean.cpu.products import product
from torchlean.cpu.registry import Mode, kernel

FAST = (Mode.FAST,)
MANY = 64
"""From so many rows on, the BLAS's packing of both factors pays."""
LONG_VECTORS = 64
"""Bytes. Where vectors are so long, the tiles of `products` do as well as the BLAS
while the second factor stays in the second cache."""
CACHED = 2**18
"""Numbers that stay there: a mebibyte of binary32."""


def prefers_blas(m: int, k: int, n: int) -> bool:
    """Whether the product of [m, k] and [k, n] is better left to the BLAS."""
    many = min(m, n) >= MANY and k >= MANY
    if vector_bytes() >= LONG_VECTORS:
        many = many and m > MANY and k * n > CACHED
    return many and blas.found()


@helper
def add_row(row: Reals, out: Reals, rows: int, width: int) -> None:
    """Add one row to every row of a matrix."""
    for i in range(rows):
        for j in range(width):
            out[i * width + j] = out[i * width + j] + row[j]


@helper
def add_row_and_clip(
    row: Reals, out: Reals, rows: int, width: int, system: Arithmetic
) -> None:
    """Add one row to every row of a matrix, and apply ReLU."""
    zero = system.constant(0)
    for i in range(rows):
        for j in range(width):
            total = out[i * width + j] + row[j]
            out[i * width + j] = system.where(
                system.less_equal(total, zero), zero, total
            )


@helper
def stop_where_zero(y: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """Apply ReLU's derivative in place, of ReLU's result y."""
    for i in range(size):
        zero = system.constant(0)
        out[i] = system.where(system.less(zero, y[i]), out[i], zero)


@helper
def sum_columns_of(
    x: Reals, out: Reals, rows: int, width: int, system: Arithmetic
) -> None:
    """The sum of each column, row after row."""
    for j in range(width):
        out[j] = system.constant(0)
    for i in range(rows):
        for j in range(width):
            out[j] = out[j] + x[i * width + j]


@helper
def multiply(
    by_blas: bool,
    a: Reals,
    a_turned: int,
    b: Reals,
    b_turned: int,
    out: Reals,
    m: int,
    k: int,
    n: int,
    system: Arithmetic,
) -> None:
    """`out = A B` of dense matrices, each perhaps stored transposed."""
    if by_blas:
        a_stride = m if a_turned != 0 else k
        blas_product(
            a_turned,
            b_turned,
            m,
            n,
            k,
            a_stride,
            anywhere(a),
            anywhere(b),
            0,
            anywhere(out),
        )
    else:
        a_row, a_step = (1, m) if a_turned != 0 else (k, 1)
        b_step, b_column = (1, k) if b_turned != 0 else (n, 1)
        product(a, 0, a_row, a_step, b, 0, b_step, b_column, out, 0, m, k, n, system)


def _enter_layers(by_blas: bool) -> None:
    """Enter linear layers, with own tiles or with the BLAS."""
    suffix = "_blas" if by_blas else ""

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
        """`x W + b`."""
        multiply(by_blas, x, 0, weight, 0, out, rows, inputs, outputs, system)
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
        """ReLU of `x W + b`."""
        multiply(by_blas, x, 0, weight, 0, out, rows, inputs, outputs, system)
        add_row_and_clip(bias, out, rows, outputs, system)

    for body in (linear, linear_relu):
        kernel(
            name=f"{body.__name__}{suffix}",
            reads={
                "x": "rows*inputs",
                "weight": "inputs*outputs",
                "bias": "outputs",
            },
            writes={"out": "rows*outputs"},
            modes=FAST,
            varies=True,
            shard_axis="rows",
            shard_steps={"x": "inputs", "out": "outputs"},
            blas=by_blas,
        )(body)


@kernel(
    reads={
        "x": "rows*stride - stride + blocks*block",
        "weight": "blocks*block*outputs",
    },
    writes={"out": "blocks*rows*outputs"},
    modes=FAST,
    varies=True,
    shard_axis="blocks",
    shard_steps={"x": "block", "weight": "block*outputs", "out": "rows*outputs"},
)
def linear_blocks(
    x: Reals,
    weight: Reals,
    out: Reals,
    rows: int,
    blocks: int,
    block: int,
    outputs: int,
    stride: int,
    system: Arithmetic,
) -> None:
    """`x W`, cut along the inputs: a product for each block of them, to be summed."""
    for number in range(blocks):
        inputs = number * block
        product(
            x, inputs, stride, 1, weight, inputs * outputs, outputs, 1, out,
            number * rows * outputs, rows, block, outputs, system,
        )  # fmt: skip


def _enter_sums_of_blocks(clipped: bool) -> None:
    """Enter what adds the products of blocks of inputs up."""

    @kernel(
        name="linear_relu_of_blocks" if clipped else "linear_of_blocks",
        reads={"sums": "blocks*rows*outputs", "bias": "outputs"},
        writes={"out": "rows*outputs"},
        modes=FAST,
        varies=True,
    )
    def of_blocks(
        sums: Reals,
        bias: Reals,
        out: Reals,
        rows: int,
        blocks: int,
        outputs: int,
        system: Arithmetic,
    ) -> None:
        size = rows * outputs
        zero = system.constant(0)
        for row in range(rows):
            start = row * outputs
            for j in range(outputs):
                out[start + j] = bias[j] + sums[start + j]
            for number in range(1, blocks):
                first = number * size + start
                for j in range(outputs):
                    out[start + j] = out[start + j] + sums[first + j]
            if clipped:
                for j in range(outputs):
                    total = out[start + j]
                    out[start + j] = system.where(
                        system.less_equal(total, zero), zero, total
                    )


for _clipped in (False, True):
    _enter_sums_of_blocks(_clipped)


def _enter_input_gradients(by_blas: bool) -> None:
    """Enter the derivatives of linear layers in their input."""
    suffix = "_blas" if by_blas else ""

    @kernel(
        name=f"linear_input_gradient{suffix}",
        reads={"upstream": "rows*outputs", "weight": "inputs*outputs"},
        writes={"out": "rows*inputs"},
        modes=FAST,
        varies=True,
        shard_axis="rows",
        shard_steps={"upstream": "outputs", "out": "inputs"},
        blas=by_blas,
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
        """`upstream W^T`."""
        multiply(by_blas, upstream, 0, weight, 1, out, rows, outputs, inputs, system)

    @kernel(
        name=f"linear_input_gradient_relu{suffix}",
        reads={
            "upstream": "rows*outputs",
            "weight": "inputs*outputs",
            "y": "rows*inputs",
        },
        writes={"out": "rows*inputs"},
        modes=FAST,
        varies=True,
        shard_axis="rows",
        shard_steps={"upstream": "outputs", "y": "inputs", "out": "inputs"},
        blas=by_blas,
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
        """`upstream W^T` where y > 0, else 0: y is the ReLU that fed the layer."""
        multiply(by_blas, upstream, 0, weight, 1, out, rows, outputs, inputs, system)
        stop_where_zero(y, out, rows * inputs, system)


def _enter_parameter_gradients(by_blas: bool) -> None:
    """Enter the derivatives of linear layers in their parameters."""
    suffix = "_blas" if by_blas else ""

    @kernel(
        name=f"linear_parameter_gradient{suffix}",
        reads={"x": "rows*inputs", "upstream": "rows*outputs"},
        writes={"weight_gradient": "inputs*outputs", "bias_gradient": "outputs"},
        modes=FAST,
        varies=True,
        blas=by_blas,
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
        """`x^T upstream`, and the sums of upstream's columns."""
        multiply(
            by_blas,
            x,
            1,
            upstream,
            0,
            weight_gradient,
            inputs,
            rows,
            outputs,
            system,
        )
        sum_columns_of(upstream, bias_gradient, rows, outputs, system)

    @kernel(
        name=f"linear_weight_gradient{suffix}",
        reads={
            "x": "rows*stride - stride + inputs",
            "upstream": "rows*outputs",
        },
        writes={"weight_gradient": "inputs*outputs"},
        modes=FAST,
        varies=True,
        shard_axis="inputs",
        shard_steps={"x": "1", "weight_gradient": "outputs"},
        blas=by_blas,
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
        """`x^T upstream`, the rows of x `stride` apart: it can be cut."""
        if by_blas:
            blas_product(
                1,
                0,
                inputs,
                outputs,
                rows,
                stride,
                anywhere(x),
                anywhere(upstream),
                0,
                anywhere(weight_gradient),
            )
        else:
            product(
                x, 0, 1, stride, upstream, 0, outputs, 1, weight_gradient, 0, inputs,
                rows, outputs, system,
            )  # fmt: skip


def _enter_products(by_blas: bool) -> None:
    """Enter the three products of matrices."""
    suffix = "_blas" if by_blas else ""

    def matmul(
        a: Reals, b: Reals, out: Reals, m: int, k: int, n: int, system: Arithmetic
    ) -> None:
        """`A B` of [m, k] and [k, n]."""
        multiply(by_blas, a, 0, b, 0, out, m, k, n, system)

    def matmul_transposed_left(
        a: Reals, b: Reals, out: Reals, m: int, k: int, n: int, system: Arithmetic
    ) -> None:
        """`A^T B` of [k, m] and [k, n]."""
        multiply(by_blas, a, 1, b, 0, out, m, k, n, system)

    def matmul_transposed_right(
        a: Reals, b: Reals, out: Reals, m: int, k: int, n: int, system: Arithmetic
    ) -> None:
        """`A B^T` of [m, k] and [n, k]."""
        multiply(by_blas, a, 0, b, 1, out, m, k, n, system)

    for product_body in (matmul, matmul_transposed_left, matmul_transposed_right):
        turned = product_body is matmul_transposed_left
        kernel(
            name=f"{product_body.__name__}{suffix}",
            reads={"a": "m*k", "b": "k*n"},
            writes={"out": "m*n"},
            modes=FAST,
            varies=True,
            # The columns of a transposed factor are not consecutive.
            shard_axis="" if turned else "m",
            shard_steps={} if turned else {"a": "k", "out": "n"},
            blas=by_blas,
        )(product_body)


for _by_blas in (False, True):
    _enter_layers(_by_blas)
    _enter_input_gradients(_by_blas)
    _enter_parameter_gradients(_by_blas)
    _enter_products(_by_blas)
