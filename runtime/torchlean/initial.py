"""The initial parameters and optimizer state of a run, as arrays, to the spec's bits.

>>> from torchlean_spec.layers import Linear
>>> start = initial_parameters(Linear(2, 3), seed=7, number_format="float32")
>>> {name: array.shape for name, array in start.items()}
{'weight': (3, 2), 'bias': (3,)}
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.rounding import nearest
from torchlean_spec import lean_random
from torchlean_spec.layers import Layer, Parameter
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.optimizers import PartOptimizer, TensorOptimizer
from torchlean_spec.random import (
    KEY_INCREMENTS,
    MASK,
    MULTIPLIERS,
    ROUNDS,
    UNIT_BITS,
    WORDS_PER_BLOCK,
    Stream,
    require_seed,
    stream,
)
from torchlean_spec.shape import size, sizes
from torchlean_spec.training import NumberFormat, TrainingRun

Array = NDArray[Any]
Words = NDArray[np.uint64]


def initial_parameters(
    model: Layer, seed: int, number_format: NumberFormat
) -> dict[str, Array]:
    """The parameters that a seed gives, each an array in its own shape.

    Raises:
        TorchLeanError: What the model's initializers refuse, and `DOMAIN` for a
            seed out of range.
    """
    require_seed(seed)
    described = model.parameters()
    drawn = {
        number: _half_width(each, number_format)
        for number, each in enumerate(described)
        if _is_drawn(each)
    }
    offsets = _offsets(seed, [(number, described[number].shape) for number in drawn])
    found: dict[str, Array] = {}
    for number, each in enumerate(described):
        midpoint, _ = each.initializer.interval(each.fan_in, each.fan_out)
        centre = np.dtype(number_format).type(nearest(midpoint, number_format))
        ends = each.initializer.lean_interval(each.fan_in, each.fan_out)
        if number in drawn:
            half_width = np.dtype(number_format).type(drawn[number])
            values = offsets[number].astype(number_format) * half_width
            values = values + centre if midpoint else values
        elif ends is None:
            values = np.full(size(each.shape), centre)
        else:
            own_seed = lean_random.next_seed(seed, number)
            values = np.array(
                lean_random.initial_uniform(own_seed, size(each.shape), *ends)
            )
        found[each.name] = values.astype(number_format).reshape(sizes(each.shape))
    return found


def initial_slots(run: TrainingRun) -> dict[str, dict[str, Array]]:
    """What the optimizer keeps before the first step, each array in its own shape.

    Each array is one number, seen under the array's shape, and read-only.
    """
    dtype = np.dtype(run.number_format)
    rules = {name: part.optimizer for part in run.parts for name in part.names}
    return {
        slot: {
            name: np.broadcast_to(
                dtype.type(_initial_number(rules[name], slot, run.number_format)),
                sizes(shape),
            )
            for name, shape in shapes.items()
        }
        for slot, shapes in run.kept.items()
    }


def _initial_number(
    optimizer: PartOptimizer, slot: str, number_format: NumberFormat
) -> float:
    """What every element of a slot starts as."""
    if isinstance(optimizer, TensorOptimizer):
        return 0.0
    exactly = optimizer.initial_state(RATIONAL)
    return nearest(exactly[optimizer.state_names.index(slot)], number_format)


def words(seed: int, streams: Words, blocks: Words) -> NDArray[np.uint32]:
    """Philox4x32-10 at many counters: `[counters, 4]` random words.

    The same words as `torchlean_spec.random.word`, for the block number and the
    stream of each counter.

    >>> found = words(7, np.array([2 << 32], np.uint64), np.array([0], np.uint64))
    >>> [f"{each:08x}" for each in found[0]]
    ['36500fee', 'c9492745', '138a91f3', '6aa2e535']
    """
    low, half = np.uint64(MASK), np.uint64(32)
    first, second = (np.uint64(each) for each in MULTIPLIERS)
    c0, c1, c2, c3 = blocks & low, blocks >> half, streams & low, streams >> half
    k0, k1 = seed & MASK, seed >> 32
    for _ in range(ROUNDS):
        left, right = first * c0, second * c2
        c0, c2 = (
            (right >> half) ^ c1 ^ np.uint64(k0),
            (left >> half) ^ c3 ^ np.uint64(k1),
        )
        c1, c3 = right & low, left & low
        k0, k1 = (k0 + KEY_INCREMENTS[0]) & MASK, (k1 + KEY_INCREMENTS[1]) & MASK
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def _offsets(seed: int, wanted: list[tuple[int, Any]]) -> dict[int, Array]:
    """`2 unit - 1` of every element of some parameters, exact in binary64."""
    counts = [size(shape) for _, shape in wanted]
    spans = [-(-count // WORDS_PER_BLOCK) for count in counts]
    numbers = [stream(Stream.PARAMETERS, number) for number, _ in wanted]
    streams = np.repeat(np.array(numbers, np.uint64), spans)
    ranges = [np.arange(span, dtype=np.uint64) for span in spans]
    blocks = np.concatenate([np.zeros(0, np.uint64), *ranges])
    drawn = words(seed, streams, blocks).reshape(-1)
    units = (drawn >> (32 - UNIT_BITS)).astype(np.float64) * 2.0 ** (1 - UNIT_BITS) - 1
    starts = np.cumsum([0, *spans]) * WORDS_PER_BLOCK
    return {
        number: units[start : start + count]
        for (number, _), count, start in zip(wanted, counts, starts, strict=False)
    }


def _is_drawn(each: Parameter) -> bool:
    initializer = each.initializer
    if initializer.lean_interval(each.fan_in, each.fan_out) is not None:
        return False
    return initializer.interval(each.fan_in, each.fan_out)[1] != 0


def _half_width(each: Parameter, number_format: NumberFormat) -> float:
    _, half_width = each.initializer.interval(each.fan_in, each.fan_out)
    return nearest(half_width, number_format)
