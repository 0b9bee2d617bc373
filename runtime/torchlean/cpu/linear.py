"""Linear layers and matrix products in fast mode: any order, fused products.

Weights live transposed, `[inputs, outputs]`, so that every loop runs along
consecutive memory. Strict mode has its own bodies in `strict_linear`.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals, helper
from torchlean.cpu.registry import Mode, kernel

FAST = (Mode.FAST,)


@helper
def set_rows(row: Reals, out: Reals, rows: int, width: int) -> None:
    """Copy one row to every row of a matrix."""
    for i in range(rows):
        for j in range(width):
            out[i * width + j] = row[j]


@helper
def clip_below_zero(out: Reals, size: int, system: Arithmetic) -> None:
    """Apply ReLU in place."""
    for i in range(size):
        zero = system.constant(0)
        out[i] = system.where(system.less_equal(out[i], zero), zero, out[i])


@helper
def add_product(
    a: Reals, b: Reals, out: Reals, m: int, k: int, n: int, system: Arithmetic
) -> None:
    """`out += A B` with A of [m, k] and B of [k, n]."""
    for i in range(m):
        for p in range(k):
            x = a[i * k + p]
            for j in range(n):
                out[i * n + j] = system.multiply_add(x, b[p * n + j], out[i * n + j])


@kernel(
    reads={"x": "rows*inputs", "weight": "inputs*outputs", "bias": "outputs"},
    writes={"out": "rows*outputs"},
    modes=FAST,
    varies=True,
    shard_axis="rows",
    shard_steps={"x": "inputs", "out": "outputs"},
)
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
    """`x W + b`, W of [inputs, outputs]."""
    set_rows(bias, out, rows, outputs)
    add_product(x, weight, out, rows, inputs, outputs, system)
