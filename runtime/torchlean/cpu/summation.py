"""Sums: in strict mode by the spec's tree, in fast mode in any order.

The spec's tree (`torchlean_spec/numbers/summation.py`): at most 1024 numbers go
round 32 lanes, which begin at +0, and the lanes are then halved; of more numbers,
the sums of blocks of 1024 are summed by the same rule. A lane is never -0, so a
lane without a number changes nothing, and a level with one number neither.

Fast mode sums each block in whatever order vectorises, and the blocks by the same
tower of levels: so its bits depend on the machine, but not on threads.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals, helper, routine, shared
from torchlean.cpu.primitives import local_reals

LANES = 32
BLOCK = 1024
BLOCK_SHIFT = 10


@routine
def halve(lanes: Reals, start: int, system: Arithmetic) -> float:
    """The sum of 32 lanes: `lane[j] + lane[j + width]`, for widths 16, 8, 4, 2, 1."""
    for j in range(16):
        lanes[start + j] = lanes[start + j] + lanes[start + j + 16]
    for j in range(8):
        lanes[start + j] = lanes[start + j] + lanes[start + j + 8]
    for j in range(4):
        lanes[start + j] = lanes[start + j] + lanes[start + j + 4]
    even = lanes[start] + lanes[start + 2]
    odd = lanes[start + 1] + lanes[start + 3]
    return even + odd


@helper
def clear(lanes: Reals, start: int, count: int, system: Arithmetic) -> None:
    """Set lanes to +0."""
    for j in range(count):
        lanes[start + j] = system.constant(0)


@routine
def block_sum(x: Reals, start: int, count: int, system: Arithmetic) -> float:
    """The sum of at most 1024 consecutive numbers."""
    if system.strict:
        lanes = local_reals(32, system)
        clear(lanes, 0, LANES, system)
        turns = count // LANES
        for turn in range(turns):
            for j in range(LANES):
                lanes[j] = lanes[j] + x[start + turn * LANES + j]
        for j in range(count - turns * LANES):
            lanes[j] = lanes[j] + x[start + turns * LANES + j]
        return halve(lanes, 0, system)
    total = system.constant(0)
    for i in range(count):
        total = system.add_any_order(total, x[start + i])
    return total


@routine
def block_dot(
    x: Reals, x_start: int, y: Reals, y_start: int, count: int, system: Arithmetic
) -> float:
    """The sum of at most 1024 products of consecutive numbers."""
    if system.strict:
        lanes = local_reals(32, system)
        clear(lanes, 0, LANES, system)
        turns = count // LANES
        for turn in range(turns):
            for j in range(LANES):
                i = turn * LANES + j
                lanes[j] = lanes[j] + x[x_start + i] * y[y_start + i]
        for j in range(count - turns * LANES):
            i = turns * LANES + j
            lanes[j] = lanes[j] + x[x_start + i] * y[y_start + i]
        return halve(lanes, 0, system)
    total = system.constant(0)
    for i in range(count):
        total = system.add_any_order(total, x[x_start + i] * y[y_start + i])
    return total


# A tower has three levels of 32 lanes: blocks, blocks of blocks, and so on; so it
# sums up to 2^40 numbers.
TOWER = 96


@routine
def tower_add(tower: Reals, block: int, value: float, system: Arithmetic) -> None:
    """Enter the sum of the block with this number, counted from 0."""
    lane = block % LANES
    tower[lane] = tower[lane] + value
    if (block + 1) % BLOCK == 0:
        upper = LANES + (block >> BLOCK_SHIFT) % LANES
        tower[upper] = tower[upper] + halve(tower, 0, system)
        clear(tower, 0, LANES, system)
        if (block + 1) % (BLOCK * BLOCK) == 0:
            top = 2 * LANES + (block >> (2 * BLOCK_SHIFT)) % LANES
            tower[top] = tower[top] + halve(tower, LANES, system)
            clear(tower, LANES, LANES, system)


@routine
def tower_total(tower: Reals, blocks: int, system: Arithmetic) -> float:
    """The sum of so many blocks that were entered."""
    upper = LANES + (blocks >> BLOCK_SHIFT) % LANES
    tower[upper] = tower[upper] + halve(tower, 0, system)
    top = 2 * LANES + (blocks >> (2 * BLOCK_SHIFT)) % LANES
    tower[top] = tower[top] + halve(tower, LANES, system)
    return halve(tower, 2 * LANES, system)


@shared
def sum_of(x: Reals, start: int, count: int, system: Arithmetic) -> float:
    """The sum of consecutive numbers; +0 of nothing."""
    if count <= BLOCK:
        return block_sum(x, start, count, system)
    tower = local_reals(96, system)
    clear(tower, 0, TOWER, system)
    blocks = (count + BLOCK - 1) // BLOCK
    for block in range(blocks):
        first = block * BLOCK
        size = min(BLOCK, count - first)
        tower_add(tower, block, block_sum(x, start + first, size, system), system)
    return tower_total(tower, blocks, system)


@shared
def dot_of(
    x: Reals, x_start: int, y: Reals, y_start: int, count: int, system: Arithmetic
) -> float:
    """The sum of the products of consecutive numbers."""
    if count <= BLOCK:
        return block_dot(x, x_start, y, y_start, count, system)
    tower = local_reals(96, system)
    clear(tower, 0, TOWER, system)
    blocks = (count + BLOCK - 1) // BLOCK
    for block in range(blocks):
        first = block * BLOCK
        size = min(BLOCK, count - first)
        value = block_dot(x, x_start + first, y, y_start + first, size, system)
        tower_add(tower, block, value, system)
    return tower_total(tower, blocks, system)
