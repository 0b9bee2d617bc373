"""The strict order of summation: one tree, fixed for every number system.

Floating-point addition is not associative, so a sum has bits only when its
order is stated. The order here has 32 lanes, so that AVX2 registers and GPU
warps can both follow it, and blocks of 1024, so that long sums split into
shards whatever the number of threads:

* at most 1024 numbers: lane j starts at +0 and adds `x[j], x[j+32], x[j+64],
  ...` in that order; then the lanes are halved, for a width of 16, 8, 4, 2, 1:
  `lane[j] = lane[j] + lane[j + width]` for each `j < width`;
* more: the sums of consecutive blocks of 1024 (the last may be shorter), summed
  by the same rule.

The sum of nothing is +0. A dot product is that sum of the products, each of
them rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add, mul

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A

LANES = 32
"""How many partial sums a block has."""

BLOCK = 1024
"""The longest run of numbers that is summed by the lanes alone."""


def tree_sum(zero: A, values: Sequence[A]) -> A:
    """Sum numbers in the strict order.

    Args:
        zero: The system's +0.
        values: The numbers, of any count.

    >>> tree_sum(0.0, [1e16, 1.0, -1e16]), (1e16 + 1.0) - 1e16
    (1.0, 0.0)
    >>> tree_sum(0.0, [float(number) for number in range(2000)])
    1999000.0
    """
    if len(values) > BLOCK:
        starts = range(0, len(values), BLOCK)
        return tree_sum(zero, [_block(zero, values[i : i + BLOCK]) for i in starts])
    return _block(zero, values)


def _block(zero: A, values: Sequence[A]) -> A:
    lanes = [reduce(add, values[lane::LANES], zero) for lane in range(LANES)]
    width = LANES // 2
    while width:
        lanes = list(map(add, lanes[:width], lanes[width:]))
        width //= 2
    return lanes[0]


def tree_dot(zero: A, left: Sequence[A], right: Sequence[A]) -> A:
    """Sum the rounded products in the strict order.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the lengths differ.

    >>> tree_dot(0.0, [1.0, 2.0], [3.0, 4.0])
    11.0
    """
    require_same_length(left, right)
    products: list[A] = list(map(mul, left, right))
    return tree_sum(zero, products)


def tree_inner_products(
    zero: A, rows: Sequence[Sequence[A]], columns: Sequence[Sequence[A]]
) -> list[A]:
    """The dot product of each row with each column, rows outermost.

    >>> tree_inner_products(0.0, [[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]])
    [11.0, 17.0]
    """
    return [tree_dot(zero, row, column) for row in rows for column in columns]


def require_same_length(left: Sequence[object], right: Sequence[object]) -> None:
    """Refuse, unless two runs of numbers are equally long.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH`, naming both lengths.
    """
    if len(left) != len(right):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected two runs of equal length, got {len(left)} and {len(right)}",
        )
