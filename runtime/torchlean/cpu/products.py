"""Matrix products in fast mode, by own tiles.

The second factor is packed, a panel of one to three vectors of columns at a time, so
that the inner loop reads it from consecutive memory in the nearest cache. Columns that
lie side by side are packed by the first tile that reads them, beside its
multiplications; others are transposed before, squares of vectors at once; the last
panel is padded with zeros.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals, helper, shared
from torchlean.cpu.primitives import (
    anywhere,
    local_reals,
    multiply_and_pack_tile,
    multiply_tile,
    transpose_tile,
    vector_width,
)

DEPTH = 128
"""Steps along the summed axis that one panel holds: three vectors wide, 24 KiB."""
ROWS = 128
"""Rows of both factors' product that are finished one after the other: so many of A
stay in the second cache, `DEPTH` columns at a time, while B passes."""
FEW_ROWS = 3
"""Up to so many rows, packing costs more than it saves."""
SMALL = 1024
"""Up to so many products, too."""


@shared
def product(
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    b_column: int,
    out: Reals,
    out_start: int,
    m: int,
    k: int,
    n: int,
    system: Arithmetic,
) -> None:
    """`out = A B`: A of [m, k] and B of [k, n] by their strides, `out` dense.

    Each begins at its start.
    """
    small = m <= FEW_ROWS or m * k * n <= SMALL
    if k == 0 or small:
        for i in range(out_start, out_start + m * n):
            out[i] = system.constant(0)
    if small:
        small_product(
            a, a_start, a_row, a_step, b, b_start, b_step, b_column, out, out_start,
            m, k, n, system,
        )  # fmt: skip
        return
    lanes = vector_width(system)
    panel = local_reals(6144, system)
    corner = local_reals(384, system)
    for row in range(0, m, ROWS):
        rows = min(ROWS, m - row)
        for step in range(0, k, DEPTH):
            depth = min(DEPTH, k - step)
            column = 0
            while column < n:
                stride = panel_width(n - column, lanes)
                width = min(stride, n - column)
                # Columns that lie together are packed while they are read first.
                lies_ready = b_column == 1 and width == stride
                start = b_start + step * b_step + column * b_column
                if not lies_ready:
                    pack(
                        b, start, b_step, b_column, panel, depth, width, stride,
                        system,
                    )  # fmt: skip
                panel_product(
                    a, a_start + row * a_row + step * a_step, a_row, a_step, b, start,
                    b_step, lies_ready, panel, stride, corner, out,
                    out_start + row * n + column, width, rows, n, depth, step, system,
                )  # fmt: skip
                column += width


@helper
def panel_width(columns: int, lanes: int) -> int:
    """How many columns the next panel has: up to three vectors, of four twice two."""
    vectors = (columns + lanes - 1) // lanes
    if vectors == 4:
        return 2 * lanes
    return min(vectors, 3) * lanes


@helper
def panel_product(
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    lies_ready: bool,
    panel: Reals,
    stride: int,
    corner: Reals,
    out: Reals,
    out_start: int,
    width: int,
    m: int,
    n: int,
    depth: int,
    keep: int,
    system: Arithmetic,
) -> None:
    """Multiply all rows of A by one panel, added to `out` if `keep` is not 0."""
    # Columns that do not fill their vectors go through a corner.
    whole = width == stride
    target = anywhere(out) if whole else corner
    target_row = n if whole else stride
    source, source_start, source_step = panel, 0, stride
    if lies_ready:
        source, source_start, source_step = anywhere(b), b_start, b_step
    start = 0
    row = 0
    while row < m:
        rows = tile_rows(m - row)
        if whole:
            start = out_start + row * n
        elif keep != 0:
            copy_corner(
                corner, stride, out, out_start + row * n, n, rows, width, 1, system
            )
        if lies_ready and row == 0 and m > rows:
            tile_and_pack(
                rows, stride, a, a_start, a_row, a_step, source, source_start,
                source_step, panel, target, start, target_row, depth, keep, system,
            )  # fmt: skip
            source, source_start, source_step = panel, 0, stride
        else:
            tile(
                rows, stride, a, a_start + row * a_row, a_row, a_step, source,
                source_start, source_step, target, start, target_row, depth, keep,
                system,
            )  # fmt: skip
        if not whole:
            copy_corner(
                corner, stride, out, out_start + row * n, n, rows, width, 0, system
            )
        row += rows


@shared
def copy_corner(
    corner: Reals,
    stride: int,
    out: Reals,
    out_start: int,
    n: int,
    rows: int,
    width: int,
    inwards: int,
    system: Arithmetic,
) -> None:
    """Copy some columns of `out` to the corner, or back."""
    for i in range(rows):
        for j in range(width):
            place = out_start + i * n + j
            if inwards != 0:
                corner[i * stride + j] = out[place]
            else:
                out[place] = corner[i * stride + j]


@helper
def tile_rows(rows: int) -> int:
    """How many rows the next tile has."""
    if rows >= 8:
        return 8
    if rows >= 4:
        return 4
    return 2 if rows >= 2 else 1


@shared
def tile(
    rows: int,
    stride: int,
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    out: Reals,
    out_start: int,
    out_row: int,
    depth: int,
    keep: int,
    system: Arithmetic,
) -> None:
    """A tile of 8, 4, 2 or 1 rows by one to three vectors."""
    if stride == vector_width(system):
        multiply_tile(
            1, rows, a, a_start, a_row, a_step, b, b_start, b_step, out, out_start,
            out_row, depth, keep,
        )  # fmt: skip
    elif stride == 2 * vector_width(system):
        multiply_tile(
            2, rows, a, a_start, a_row, a_step, b, b_start, b_step, out, out_start,
            out_row, depth, keep,
        )  # fmt: skip
    else:
        multiply_tile(
            3, rows, a, a_start, a_row, a_step, b, b_start, b_step, out, out_start,
            out_row, depth, keep,
        )  # fmt: skip


@shared
def tile_and_pack(
    rows: int,
    stride: int,
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    panel: Reals,
    out: Reals,
    out_start: int,
    out_row: int,
    depth: int,
    keep: int,
    system: Arithmetic,
) -> None:
    """A tile that leaves the columns that it reads in a panel."""
    if stride == vector_width(system):
        multiply_and_pack_tile(
            1, rows, a, a_start, a_row, a_step, b, b_start, b_step, panel, out,
            out_start, out_row, depth, keep,
        )  # fmt: skip
    elif stride == 2 * vector_width(system):
        multiply_and_pack_tile(
            2, rows, a, a_start, a_row, a_step, b, b_start, b_step, panel, out,
            out_start, out_row, depth, keep,
        )  # fmt: skip
    else:
        multiply_and_pack_tile(
            3, rows, a, a_start, a_row, a_step, b, b_start, b_step, panel, out,
            out_start, out_row, depth, keep,
        )  # fmt: skip


@shared
def pack(
    b: Reals,
    start: int,
    b_step: int,
    b_column: int,
    panel: Reals,
    depth: int,
    width: int,
    stride: int,
    system: Arithmetic,
) -> None:
    """Copy columns of B to consecutive memory, padded with zeros to whole vectors."""
    if b_column == 1:
        for p in range(depth):
            for j in range(width):
                panel[p * stride + j] = b[start + p * b_step + j]
    else:
        pack_turned(b, start, b_step, b_column, panel, depth, width, stride, system)
    if width < stride:
        for p in range(depth):
            for j in range(width, stride):
                panel[p * stride + j] = system.constant(0)


@helper
def pack_turned(
    b: Reals,
    start: int,
    b_step: int,
    b_column: int,
    panel: Reals,
    depth: int,
    width: int,
    stride: int,
    system: Arithmetic,
) -> None:
    """Copy columns that are rows in memory: squares at once, and what remains."""
    lanes = vector_width(system)
    steps, columns = 0, 0
    if b_step == 1:
        steps, columns = depth - depth % lanes, width - width % lanes
    for j in range(0, columns, lanes):
        for p in range(0, steps, lanes):
            transpose_tile(
                b, start + j * b_column + p, b_column, panel, p * stride + j, stride
            )
    for j in range(width):
        for p in range(steps if j < columns else 0, depth):
            panel[p * stride + j] = b[start + p * b_step + j * b_column]


@shared
def small_product(
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    b_column: int,
    out: Reals,
    out_start: int,
    m: int,
    k: int,
    n: int,
    system: Arithmetic,
) -> None:
    """`out += A B` without packing, the inner loop along consecutive memory."""
    if n == 1 and a_row == 1:
        for p in range(k):
            x = b[b_start + p * b_step]
            first = a_start + p * a_step
            for i in range(m):
                place = out_start + i
                out[place] = system.multiply_add(a[first + i], x, out[place])
    elif b_column == 1 and n > 1:
        for i in range(m):
            first = out_start + i * n
            for p in range(k):
                x = a[a_start + i * a_row + p * a_step]
                second = b_start + p * b_step
                for j in range(n):
                    place = first + j
                    out[place] = system.multiply_add(x, b[second + j], out[place])
    elif a_step == 1 and b_step == 1:
        for i in range(m):
            first = a_start + i * a_row
            for j in range(n):
                second = b_start + j * b_column
                total = system.constant(0)
                for p in range(k):
                    total = system.add_any_order(total, a[first + p] * b[second + p])
                place = out_start + i * n + j
                out[place] = out[place] + total
    else:
        for i in range(m):
            for j in range(n):
                first, second = a_start + i * a_row, b_start + j * b_column
                place = out_start + i * n + j
                total = out[place]
                for p in range(k):
                    total = total + a[first + p * a_step] * b[second + p * b_step]
                out[place] = total
