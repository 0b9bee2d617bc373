"""Which rows are cut into pieces that several threads can share.

The cuts depend on a row's sizes alone and never on the number of threads, so that
threads change no bits. A piece should take ten microseconds or more, since handing one
to another thread takes about one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torchlean.cpu.registry import Mode, kernel_named
from torchlean.plan import Row, Together, cut

PRODUCTS_PER_PIECE = 2**19
"""Multiplications of a matrix product that are worth a piece of their own."""

ELEMENTS_PER_PIECE = 2**15
"""Elements of a loop that are worth a piece of their own."""

LARGEST_NUMBER_OF_PIECES = 16

PRODUCT_SIZES = ({"rows", "inputs", "outputs"}, {"m", "k", "n"})
"""The integers of matrix products: their product counts the multiplications."""


def shared_out(row: Row, mode: Mode) -> Row | Together:
    """The row, or pieces of it that may run at once."""
    kernel = kernel_named(row.kernel, mode)
    if not kernel.shard_axis:
        return row
    integers = row.integers()
    if any(sizes <= integers.keys() for sizes in PRODUCT_SIZES):
        pieces = _pieces_of_product(integers)
    else:
        extents = kernel.extents(integers)
        moving = [extents[name] for name in kernel.shard_steps if name in extents]
        pieces = max(moving) // ELEMENTS_PER_PIECE
    pieces = min(pieces, LARGEST_NUMBER_OF_PIECES)
    if pieces < 2:
        return row
    parts = cut(row, mode, pieces, multiple=64 if kernel.blas else 16)
    return Together(parts) if len(parts) > 1 else row


def _pieces_of_product(integers: Mapping[str, int]) -> int:
    """How many pieces the multiplications of a matrix product are worth."""
    sizes = next(each for each in PRODUCT_SIZES if each <= integers.keys())
    return math.prod(integers[name] for name in sizes) // PRODUCTS_PER_PIECE


def worth_sharing(integers: Mapping[str, int]) -> bool:
    """Whether a matrix product of these sizes is worth more than one piece.

    >>> worth_sharing({"rows": 32, "inputs": 784, "outputs": 256})
    True
    >>> worth_sharing({"rows": 32, "inputs": 64, "outputs": 64})
    False
    """
    return _pieces_of_product(integers) > 1
