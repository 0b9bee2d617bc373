"""Matrix products in fast mode: own tiles for few rows, NumPy's BLAS for many.

The second factor is packed, a panel of one or two vectors of columns at a time, so
that the inner loop reads it from consecutive memory in the nearest cache; packing
also transposes where need be, and pads the last panel with zeros.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals, helper, shared
from torchlean.cpu.primitives import anywhere, local_reals, multiply_tile, vector_width

DEPTH = 128
"""Steps along the summed axis that one panel holds: two vectors wide, 16 KiB."""
FEW_ROWS = 3
"""Up to so many rows, packing costs more than it saves."""
SMALL = 1024
"""Up to so many products, too."""


@shared
def product(
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
    small = m <= FEW_ROWS or m * k * n <= SMALL
    if k == 0 or small:
        for i in range(m * n):
            out[i] = system.constant(0)
    if small:
        small_product(a, a_row, a_step, b, b_step, b_column, out, m, k, n, system)
        return
    lanes = vector_width(system)
    panel = local_reals(4096, system)
    corner = local_reals(256, system)
    for column in range(0, n, 2 * lanes):
        width = min(2 * lanes, n - column)
        stride = lanes if width <= lanes else 2 * lanes
        for step in range(0, k, DEPTH):
            depth = min(DEPTH, k - step)
            start = step * b_step + column * b_column
            pack(b, start, b_step, b_column, panel, depth, width, stride, system)
            panel_product(
                a, step * a_step, a_row, a_step, panel, stride, corner, out,
                column, width, m, n, depth, step, system,
            )  # fmt: skip


@helper
def panel_product(
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    panel: Reals,
    stride: int,
    corner: Reals,
    out: Reals,
    column: int,
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
    start = 0
    row = 0
    while row < m:
        rows = tile_rows(m - row)
        if whole:
            start = row * n + column
        elif keep != 0:
            copy_corner(corner, stride, out, row, column, n, rows, width, 1, system)
        tile(
            rows, stride, a, a_start + row * a_row, a_row, a_step, panel,
            target, start, target_row, depth, keep, system,
        )  # fmt: skip
        if not whole:
            copy_corner(corner, stride, out, row, column, n, rows, width, 0, system)
        row += rows


@shared
def copy_corner(
    corner: Reals,
    stride: int,
    out: Reals,
    row: int,
    column: int,
    n: int,
    rows: int,
    width: int,
    inwards: int,
    system: Arithmetic,
) -> None:
    """Copy some columns of `out` to the corner, or back."""
    for i in range(rows):
        for j in range(width):
            place = (row + i) * n + column + j
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
    panel: Reals,
    out: Reals,
    out_start: int,
    out_row: int,
    depth: int,
    keep: int,
    system: Arithmetic,
) -> None:
    """A tile of 8, 4, 2 or 1 rows by one or two vectors."""
    one = stride == vector_width(system)
    if rows == 8:
        if one:
            multiply_tile(
                8, 1, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
            )  # fmt: skip
        else:
            multiply_tile(
                8, 2, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
            )  # fmt: skip
    elif rows == 4:
        if one:
            multiply_tile(
                4, 1, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
            )  # fmt: skip
        else:
            multiply_tile(
                4, 2, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
            )  # fmt: skip
    elif rows == 2:
        if one:
            multiply_tile(
                2, 1, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
            )  # fmt: skip
        else:
            multiply_tile(
                2, 2, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
            )  # fmt: skip
    else:
        if one:
            multiply_tile(
                1, 1, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
            )  # fmt: skip
        else:
            multiply_tile(
                1, 2, a, a_start, a_row, a_step, panel, out, out_start, out_row,
                depth, keep,
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
        for j in range(width):
            for p in range(depth):
                panel[p * stride + j] = b[start + p * b_step + j * b_column]
    if width < stride:
        for p in range(depth):
            for j in range(width, stride):
                panel[p * stride + j] = system.constant(0)


@shared
def small_product(
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
    """`out += A B` without packing, the inner loop along consecutive memory."""
    if n == 1 and a_row == 1:
        for p in range(k):
            x = b[p * b_step]
            for i in range(m):
                out[i] = system.multiply_add(a[p * a_step + i], x, out[i])
    elif b_column == 1 and n > 1:
        for i in range(m):
            for p in range(k):
                x = a[i * a_row + p * a_step]
                for j in range(n):
                    term = b[p * b_step + j]
                    out[i * n + j] = system.multiply_add(x, term, out[i * n + j])
    elif a_step == 1 and b_step == 1:
        for i in range(m):
            for j in range(n):
                total = system.constant(0)
                for p in range(k):
                    term = a[i * a_row + p] * b[p + j * b_column]
                    total = system.add_any_order(total, term)
                out[i * n + j] = out[i * n + j] + total
    else:
        for i in range(m):
            for j in range(n):
                total = out[i * n + j]
                for p in range(k):
                    term = a[i * a_row + p * a_step] * b[p * b_step + j * b_column]
                    total = total + term
                out[i * n + j] = total
