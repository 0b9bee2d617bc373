"""Kernels that move numbers and change none.

`strided_copy` does every reshape, transpose, slice and broadcast: it walks through
the result in row-major order and through its operand by strides. `table` holds the
result's extents, outermost first, and then as many strides of the operand, in
elements; a stride of 0 repeats. `transpose_matrix` is the fast case of two axes.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals, helper
from torchlean.cpu.registry import Dtype, kernel

TILE = 16
"""Rows and columns of the squares by which a matrix is transposed."""


@helper
def offset_of(row: int, table: Indices, rank: int) -> int:
    """Where row number `row` of the result begins in the operand."""
    offset = 0
    rest = row
    for back in range(rank - 1):
        axis = rank - 2 - back
        extent = table[axis]
        above = rest // extent
        offset += (rest - above * extent) * table[rank + axis]
        rest = above
    return offset


@kernel(
    reads={"x": "span", "table": "rank*2"},
    writes={"out": "rows*width"},
    integers_in=("table",),
)
def strided_copy(
    x: Reals,
    table: Indices,
    out: Reals,
    rank: int,
    rows: int,
    width: int,
    span: int,
    system: Arithmetic,
) -> None:
    """Copy by strides; the result has `rows` rows of `width`, its last extent."""
    step = table[2 * rank - 1]
    for row in range(rows):
        start = offset_of(row, table, rank)
        if step == 1:
            for j in range(width):
                out[row * width + j] = x[start + j]
        else:
            for j in range(width):
                out[row * width + j] = x[start + j * step]


@kernel(
    reads={"x": "outer*inner"},
    updates={"out": "outer*stride - stride + inner"},
    shard_axis="outer",
    shard_steps={"x": "inner", "out": "stride"},
)
def copy_runs(
    x: Reals, out: Reals, outer: int, inner: int, stride: int, system: Arithmetic
) -> None:
    """Copy runs of `inner` numbers to places `stride` apart: half a concatenation."""
    for i in range(outer):
        for j in range(inner):
            out[i * stride + j] = x[i * inner + j]


@kernel(
    reads={"x": "size"},
    writes={"out": "size"},
    shard_axis="size",
    shard_steps={"x": "1", "out": "1"},
)
def copy(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """The same numbers."""
    for i in range(size):
        out[i] = x[i]


@kernel(
    reads={"x": "size"},
    writes={"out": "size"},
    integers_in=("x", "out"),
    dtypes=(Dtype.FLOAT64,),
)
def copy_indices(x: Indices, out: Indices, size: int, system: Arithmetic) -> None:
    """The same integers."""
    for i in range(size):
        out[i] = x[i]


@kernel(reads={"x": "rows*columns"}, writes={"out": "rows*columns"})
def transpose_matrix(
    x: Reals, out: Reals, rows: int, columns: int, system: Arithmetic
) -> None:
    """The transpose of [rows, columns], square by square."""
    for top in range(0, rows, TILE):
        bottom = min(top + TILE, rows)
        for left in range(0, columns, TILE):
            right = min(left + TILE, columns)
            for column in range(left, right):
                for row in range(top, bottom):
                    out[column * rows + row] = x[row * columns + column]
