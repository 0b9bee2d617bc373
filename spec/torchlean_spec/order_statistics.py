"""The element at a place of a sorted list, over any number system.

>>> from torchlean_spec.numbers import FLOAT
>>> order_statistic(FLOAT, [3.0, 1.0, 2.0, 5.0], 2)
3.0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem


def order_statistic(system: NumberSystem[A], values: Sequence[A], place: int) -> A:
    """The value at a place in ascending order, counted from 0.

    Values are compared by `minimum` and `maximum` alone, so that bounded numbers
    whose order is undecided give the hull of what may stand there. A NaN anywhere
    makes the answer a NaN.

    Args:
        system: The number system.
        values: At least one.
        place: From 0 to `len(values) - 1`.

    Raises:
        TorchLeanError: `DOMAIN` for a place outside the list.
    """
    last = len(values) - 1
    if not 0 <= place <= last:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected a place from 0 to {last} in a sorted list, got {place}",
        )
    if place == 0:
        return reduce(system.minimum, values)
    if place == last:
        return reduce(system.maximum, values)
    ordered = list(values)
    for i, j in sorting_network(len(ordered)):
        first, second = ordered[i], ordered[j]
        ordered[i] = system.minimum(first, second)
        ordered[j] = system.maximum(first, second)
    return ordered[place]


def sorting_network(size: int) -> Iterator[tuple[int, int]]:
    """Pairs of places that sort any list of a size, if exchanged one after another.

    About `size * log2(size)^2 / 4` pairs, each with the smaller place first. Every
    place is reached from every other, since each decides where others end up: so a
    NaN, which wins every minimum and maximum, reaches all.

    Source: Batcher's merge exchange; Knuth, *The Art of Computer Programming*,
    volume 3, section 5.2.2, Algorithm M.

    >>> list(sorting_network(3))
    [(0, 2), (0, 1), (1, 2)]
    """
    largest = 1 << max((size - 1).bit_length() - 1, 0)
    stride = largest
    while stride > 0:
        step, remainder, distance = largest, 0, stride
        while True:
            for i in range(size - distance):
                if i & stride == remainder:
                    yield i, i + distance
            if step == stride:
                break
            distance, remainder = step - stride, stride
            step //= 2
        stride //= 2
