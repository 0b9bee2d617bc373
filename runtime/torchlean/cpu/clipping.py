"""Gradient clipping, in place on the arena of gradients.

By value: `clip_value`, `clip_range`. By percentile: `clip_percentile`. By norm, in
three rows: `tensor_norms` sums each tensor by itself, `global_scale` (or
`tensor_scales`) makes of the sums a factor and whether it applies,
`scale_gradients` (or `scale_tensors`) applies it.

`segments` holds a pair for each tensor: where it begins in the arena, and its size.
`limits` is the pair (maximum, epsilon). `norm` is 1, 2, or 0 for the largest
absolute value.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals, helper, routine
from torchlean.cpu.primitives import local_reals
from torchlean.cpu.registry import kernel
from torchlean.cpu.summation import (
    BLOCK,
    TOWER,
    block_sum,
    clear,
    dot_of,
    sum_of,
    tower_add,
    tower_total,
)


@kernel(
    reads={"limit": "1"},
    updates={"gradient": "size"},
    shard_axis="size",
    shard_steps={"gradient": "1"},
)
def clip_value(limit: Reals, gradient: Reals, size: int, system: Arithmetic) -> None:
    """`min(max(g, -limit), limit)`."""
    bound = limit[0]
    for i in range(size):
        gradient[i] = system.minimum(system.maximum(gradient[i], -bound), bound)


@kernel(
    reads={"limits": "2"},
    updates={"gradient": "size"},
    shard_axis="size",
    shard_steps={"gradient": "1"},
)
def clip_range(limits: Reals, gradient: Reals, size: int, system: Arithmetic) -> None:
    """`min(max(g, lowest), highest)`."""
    lowest, highest = limits[0], limits[1]
    for i in range(size):
        gradient[i] = system.minimum(system.maximum(gradient[i], lowest), highest)


@helper
def median_of_three(sizes: Reals, low: int, high: int, system: Arithmetic) -> float:
    """Of the first, the middle and the last of some numbers, the one between."""
    first, second, third = sizes[low], sizes[(low + high) // 2], sizes[high]
    least = system.minimum(first, second)
    largest = system.maximum(first, second)
    return system.maximum(least, system.minimum(largest, third))


@routine
def select_size(sizes: Reals, count: int, place: int, system: Arithmetic) -> float:
    """The number at a place in ascending order; `sizes` is left in another order.

    None of the numbers is a NaN. Hoare's algorithm: equal numbers are exchanged, so
    that many of them, such as zeros, cost no more than others.
    """
    low, high = 0, count - 1
    while low < high:
        pivot = median_of_three(sizes, low, high, system)
        left, right = low, high
        while left <= right:
            while system.less(sizes[left], pivot):
                left += 1
            while system.less(pivot, sizes[right]):
                right -= 1
            if left <= right:
                size = sizes[left]
                sizes[left] = sizes[right]
                sizes[right] = size
                left += 1
                right -= 1
        if place <= right:
            high = right
        elif place >= left:
            low = left
        else:
            low = place
            high = place
    return sizes[place]


@kernel(
    reads={"segments": "tensors*3"},
    writes={"sizes": "longest"},
    updates={"gradient": "span"},
    integers_in=("segments",),
)
def clip_percentile(
    segments: Indices,
    sizes: Reals,
    gradient: Reals,
    span: int,
    longest: int,
    tensors: int,
    system: Arithmetic,
) -> None:
    """`min(max(g, -b), b)`, where b is an order statistic of a tensor's sizes.

    `segments` holds three integers for each tensor: its start, its size, and where
    b stands among its absolute values. `sizes` is as long as the longest tensor.
    """
    for tensor in range(tensors):
        start, count = segments[3 * tensor], segments[3 * tensor + 1]
        place = segments[3 * tensor + 2]
        if count > 0:
            # A NaN wins every maximum.
            bound = system.constant(0)
            for i in range(count):
                sizes[i] = system.absolute(gradient[start + i])
                bound = system.maximum(bound, sizes[i])
            if system.equal(bound, bound) and place < count - 1:
                bound = select_size(sizes, count, place, system)
            for i in range(start, start + count):
                above = system.maximum(gradient[i], -bound)
                gradient[i] = system.minimum(above, bound)


@helper
def absolute_sum(x: Reals, start: int, count: int, system: Arithmetic) -> float:
    """The sum of absolute values."""
    tower = local_reals(96, system)
    sizes = local_reals(1024, system)
    clear(tower, 0, TOWER, system)
    blocks = (count + BLOCK - 1) // BLOCK
    for block in range(blocks):
        first = start + block * BLOCK
        length = min(BLOCK, start + count - first)
        for i in range(length):
            sizes[i] = system.absolute(x[first + i])
        tower_add(tower, block, block_sum(sizes, 0, length, system), system)
    return tower_total(tower, blocks, system)


@kernel(
    reads={"gradient": "span", "segments": "tensors*2"},
    writes={"out": "tensors"},
    integers_in=("segments",),
    varies=True,
    shard_axis="tensors",
    shard_steps={"segments": "2", "out": "1"},
)
def tensor_norms(
    gradient: Reals,
    segments: Indices,
    out: Reals,
    span: int,
    tensors: int,
    norm: int,
    system: Arithmetic,
) -> None:
    """Of each tensor the sum of squares (2) or of sizes (1), or the largest size."""
    for tensor in range(tensors):
        start, count = segments[2 * tensor], segments[2 * tensor + 1]
        if norm == 2:
            out[tensor] = dot_of(gradient, start, gradient, start, count, system)
        elif norm == 1:
            out[tensor] = absolute_sum(gradient, start, count, system)
        else:
            largest = system.constant(0)
            for i in range(count):
                size = system.absolute(gradient[start + i])
                largest = system.maximum(largest, size)
            out[tensor] = largest


@helper
def set_scale(
    norm: float, limits: Reals, scales: Reals, place: int, system: Arithmetic
) -> None:
    """The pair (factor, 1 if it applies, else 0), of a norm."""
    maximum = limits[0]
    size = norm + limits[1]
    scales[place] = maximum / system.maximum(size, maximum)
    inside = system.less_equal(size, maximum)
    scales[place + 1] = system.where(inside, system.constant(0), system.constant(1))


@kernel(reads={"sums": "tensors", "limits": "2"}, writes={"scale": "2"}, varies=True)
def global_scale(
    sums: Reals,
    limits: Reals,
    scale: Reals,
    tensors: int,
    norm: int,
    system: Arithmetic,
) -> None:
    """The factor for all tensors together."""
    if norm == 0:
        total = system.constant(0)
        for tensor in range(tensors):
            total = system.maximum(total, sums[tensor])
    else:
        total = sum_of(sums, 0, tensors, system)
    if norm == 2:
        total = system.sqrt(total)
    set_scale(total, limits, scale, 0, system)


@kernel(reads={"sums": "tensors", "limits": "2"}, writes={"scales": "tensors*2"})
def tensor_scales(
    sums: Reals,
    limits: Reals,
    scales: Reals,
    tensors: int,
    norm: int,
    system: Arithmetic,
) -> None:
    """The factor of each tensor by itself."""
    for tensor in range(tensors):
        size = sums[tensor]
        if norm == 2:
            size = system.sqrt(size)
        set_scale(size, limits, scales, 2 * tensor, system)


@kernel(
    reads={"scale": "2"},
    updates={"gradient": "size"},
    shard_axis="size",
    shard_steps={"gradient": "1"},
)
def scale_gradients(
    scale: Reals, gradient: Reals, size: int, system: Arithmetic
) -> None:
    """Multiply all gradients by the factor, if it applies."""
    factor = scale[0]
    if scale[1] != system.constant(0):
        for i in range(size):
            gradient[i] = gradient[i] * factor


@kernel(
    reads={"scales": "tensors*2", "segments": "tensors*2"},
    updates={"gradient": "span"},
    integers_in=("segments",),
)
def scale_tensors(
    scales: Reals,
    segments: Indices,
    gradient: Reals,
    span: int,
    tensors: int,
    system: Arithmetic,
) -> None:
    """Multiply each tensor's gradient by its factor, if it applies."""
    for tensor in range(tensors):
        factor = scales[2 * tensor]
        start, count = segments[2 * tensor], segments[2 * tensor + 1]
        if scales[2 * tensor + 1] != system.constant(0):
            for i in range(start, start + count):
                gradient[i] = gradient[i] * factor
