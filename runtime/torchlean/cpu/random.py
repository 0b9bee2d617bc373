"""Random numbers to the spec's bits: dropout, initial parameters, shuffles.

The generator is Philox4x32-10 (the spec's `random.py`): a word is a function of
seed, stream and index alone, so that any part of a mask can be computed by itself.
Seeds and streams are 64-bit patterns; all arithmetic on words is masked to 32 bits.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals, helper
from torchlean.cpu.primitives import real_of
from torchlean.cpu.registry import Dtype, kernel
from torchlean.cpu.running import STEP

MASK = 0xFFFFFFFF
FIRST_MULTIPLIER = 0xD2511F53
SECOND_MULTIPLIER = 0xCD9E8D57
FIRST_INCREMENT = 0x9E3779B9
SECOND_INCREMENT = 0xBB67AE85
ROUNDS = 10
UNIT_SHIFT = 8
HALF_UNIT = 8388608
"""2^23: half of 2^24, the number of units in [0, 1)."""

Words = tuple[int, int, int, int]


@helper
def philox(block: int, stream: int, seed: int) -> Words:
    """The four words of a block."""
    c0, c1 = block & MASK, (block >> 32) & MASK
    c2, c3 = stream & MASK, (stream >> 32) & MASK
    k0, k1 = seed & MASK, (seed >> 32) & MASK
    for _ in range(ROUNDS):
        first = FIRST_MULTIPLIER * c0
        second = SECOND_MULTIPLIER * c2
        c0 = ((second >> 32) & MASK) ^ c1 ^ k0
        c2 = ((first >> 32) & MASK) ^ c3 ^ k1
        c1 = second & MASK
        c3 = first & MASK
        k0 = (k0 + FIRST_INCREMENT) & MASK
        k1 = (k1 + SECOND_INCREMENT) & MASK
    return c0, c1, c2, c3


@helper
def word_of(index: int, stream: int, seed: int) -> int:
    """The word at an index of a stream."""
    c0, c1, c2, c3 = philox(index >> 2, stream, seed)
    place = index & 3
    upper = c2 if place == 2 else c3
    lower = c0 if place == 0 else c1
    return lower if place < 2 else upper


@kernel(
    reads={"control": "16"},
    updates={"draw": "2"},
    integers_in=("control", "draw"),
    dtypes=(Dtype.FLOAT64,),
)
def draw_of_step(
    control: Indices, draw: Indices, offset: int, system: Arithmetic
) -> None:
    """Set the step of a draw, a pair (seed, step), to the current update's number.

    Steps are counted from 1; the offset is added (for several draws an update).
    """
    draw[1] = control[STEP] + 1 + offset


@kernel(
    reads={"x": "size", "draw": "2", "factor": "1"},
    writes={"out": "size"},
    integers_in=("draw",),
    shard_axis="size",
    shard_steps={"x": "1", "out": "1", "first": "1"},
)
def dropout(
    x: Reals,
    draw: Indices,
    factor: Reals,
    out: Reals,
    size: int,
    first: int,
    total: int,
    threshold: int,
    stream: int,
    system: Arithmetic,
) -> None:
    """`x factor` where the element's word lies below the threshold, else +0.

    Args:
        x: The elements `first` to `first + size - 1` of a tensor of `total`.
        draw: The pair (seed, step), steps counted from 1.
        factor: `1 / (1 - p)`, rounded.
        out: As x.
        size: How many elements.
        first: The number of the first of them.
        total: The size of the whole tensor.
        threshold: `ceil((1 - p) 2^32)`.
        stream: The layer's stream.
        system: The arithmetic.
    """
    seed = draw[0]
    number = factor[0]
    start = (draw[1] - 1) * total + first
    lead = min(-start & 3, size)
    for i in range(lead):
        kept = word_of(start + i, stream, seed) < threshold
        out[i] = system.where(kept, x[i] * number, system.constant(0))
    blocks = (size - lead) >> 2
    block = (start + lead) >> 2
    for turn in range(blocks):
        c0, c1, c2, c3 = philox(block + turn, stream, seed)
        i = lead + turn * 4
        zero = system.constant(0)
        out[i] = system.where(c0 < threshold, x[i] * number, zero)
        out[i + 1] = system.where(c1 < threshold, x[i + 1] * number, zero)
        out[i + 2] = system.where(c2 < threshold, x[i + 2] * number, zero)
        out[i + 3] = system.where(c3 < threshold, x[i + 3] * number, zero)
    for i in range(lead + blocks * 4, size):
        kept = word_of(start + i, stream, seed) < threshold
        out[i] = system.where(kept, x[i] * number, system.constant(0))


@kernel(
    reads={"limit": "1"},
    writes={"out": "size"},
    shard_axis="size",
    shard_steps={"out": "1", "first": "1"},
)
def uniform(
    limit: Reals,
    out: Reals,
    size: int,
    first: int,
    seed: int,
    stream: int,
    system: Arithmetic,
) -> None:
    """`(2 unit - 1) limit`: initial parameters, elements `first` and on."""
    number = limit[0]
    for i in range(size):
        word = word_of(first + i, stream, seed)
        signed = real_of((word >> UNIT_SHIFT) - HALF_UNIT, system)
        # Exact: the integer has 24 bits, the divisor is a power of two.
        out[i] = (signed / system.constant(HALF_UNIT)) * number


@kernel(writes={"order": "size"}, integers_in=("order",), dtypes=(Dtype.FLOAT64,))
def shuffle(
    order: Indices, size: int, seed: int, stream: int, system: Arithmetic
) -> None:
    """A permutation of 0, ..., size - 1, each equally likely (Fisher and Yates)."""
    for i in range(size):
        order[i] = i
    index = 0
    for last in range(size - 1, 0, -1):
        bound = last + 1
        refused = (MASK + 1) % bound
        product = word_of(index, stream, seed) * bound
        index += 1
        while product & MASK < refused:
            product = word_of(index, stream, seed) * bound
            index += 1
        place = product >> 32
        held = order[last]
        order[last] = order[place]
        order[place] = held
