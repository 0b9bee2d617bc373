"""Sums of many columns at once, each by the spec's tree.

Sixteen columns lie side by side, so that each of the 32 lanes is a vector. Row i of
a block goes to lane i mod 32; the first rows begin the lanes as `+0 + x`. Lanes that
got nothing are skipped: they would add +0 to a number that is not -0.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals, helper, routine, shared
from torchlean.cpu.primitives import local_reals
from torchlean.cpu.summation import BLOCK, BLOCK_SHIFT, LANES

WIDE = 16
"""Columns side by side."""
LEVEL = LANES * WIDE


@helper
def halve_columns(lanes: Reals, start: int, used: int, system: Arithmetic) -> None:
    """Sum the lanes of each column; the answers stand in lane 0."""
    width = 16
    while width > 0:
        for lane in range(min(width, used - width)):
            low = start + lane * WIDE
            high = low + width * WIDE
            for j in range(WIDE):
                lanes[low + j] = lanes[low + j] + lanes[high + j]
        width = width // 2


@routine
def raise_block(lanes: Reals, block: int, system: Arithmetic) -> None:
    """Enter the block whose sums stand in lane 0 into the levels above."""
    upper = LEVEL + (block % LANES) * WIDE
    for j in range(WIDE):
        lanes[upper + j] = lanes[upper + j] + lanes[j]
    if (block + 1) % BLOCK == 0:
        halve_columns(lanes, LEVEL, LANES, system)
        top = 2 * LEVEL + ((block >> BLOCK_SHIFT) % LANES) * WIDE
        for j in range(WIDE):
            lanes[top + j] = lanes[top + j] + lanes[LEVEL + j]
        for j in range(LEVEL):
            lanes[LEVEL + j] = system.constant(0)


@routine
def raise_last(lanes: Reals, blocks: int, system: Arithmetic) -> None:
    """Sum the levels above, of so many blocks; the answers stand in lane 0."""
    halve_columns(lanes, LEVEL, LANES, system)
    top = 2 * LEVEL + ((blocks >> BLOCK_SHIFT) % LANES) * WIDE
    for j in range(WIDE):
        lanes[top + j] = lanes[top + j] + lanes[LEVEL + j]
    halve_columns(lanes, 2 * LEVEL, LANES, system)
    for j in range(WIDE):
        lanes[j] = lanes[2 * LEVEL + j]


@shared
def sum_columns(
    x: Reals,
    start: int,
    stride: int,
    out: Reals,
    out_start: int,
    count: int,
    width: int,
    system: Arithmetic,
) -> None:
    """`out[j] = sum_i x[start + i stride + j]` for j below `width`, i below `count`."""
    if not system.strict:
        for j in range(width):
            out[out_start + j] = system.constant(0)
        for i in range(count):
            for j in range(width):
                term = x[start + i * stride + j]
                out[out_start + j] = out[out_start + j] + term
        return
    lanes = local_reals(1536, system)
    blocks = (count + BLOCK - 1) // BLOCK
    for column in range(0, width, WIDE):
        wide = min(WIDE, width - column)
        if blocks != 1:
            for j in range(3 * LEVEL):
                lanes[j] = system.constant(0)
        for block in range(blocks):
            first = block * BLOCK
            length = min(BLOCK, count - first)
            for i in range(length):
                place = start + (first + i) * stride + column
                lane = (i % LANES) * WIDE
                if i < LANES:
                    for j in range(wide):
                        lanes[lane + j] = system.constant(0) + x[place + j]
                else:
                    for j in range(wide):
                        lanes[lane + j] = lanes[lane + j] + x[place + j]
            halve_columns(lanes, 0, min(length, LANES), system)
            if blocks > 1:
                raise_block(lanes, block, system)
        if blocks > 1:
            raise_last(lanes, blocks, system)
        for j in range(wide):
            out[out_start + column + j] = lanes[j]


@shared
def product_columns(
    a: Reals,
    a_start: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    out: Reals,
    out_start: int,
    count: int,
    width: int,
    system: Arithmetic,
) -> None:
    """`out[j] = sum_i a[a_start + i a_step] b[b_start + i b_step + j]`.

    Each product is rounded; j is below `width`, at most 16, and i below `count`.
    """
    lanes = local_reals(1536, system)
    blocks = (count + BLOCK - 1) // BLOCK
    if blocks != 1:
        for j in range(3 * LEVEL):
            lanes[j] = system.constant(0)
    for block in range(blocks):
        first = block * BLOCK
        length = min(BLOCK, count - first)
        for i in range(length):
            x = a[a_start + (first + i) * a_step]
            place = b_start + (first + i) * b_step
            lane = (i % LANES) * WIDE
            if i < LANES:
                for j in range(width):
                    lanes[lane + j] = system.constant(0) + x * b[place + j]
            else:
                for j in range(width):
                    lanes[lane + j] = lanes[lane + j] + x * b[place + j]
        halve_columns(lanes, 0, min(length, LANES), system)
        if blocks > 1:
            raise_block(lanes, block, system)
    if blocks > 1:
        raise_last(lanes, blocks, system)
    for j in range(width):
        out[out_start + j] = lanes[j]
