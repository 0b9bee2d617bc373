"""Which rows are cut into pieces that several threads can share, and which run at once.

The cuts depend on a row's sizes alone and never on the number of threads, so that
threads change no bits. A piece should take ten microseconds or more, since handing one
to another thread takes about one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torchlean.cpu.registry import Kernel, Mode, kernel_named
from torchlean.plan import Reach, Row, Together, cut, reaches_of, rows_of

PRODUCTS_PER_PIECE = 2**19
"""Multiplications of a matrix product that are worth a piece of their own."""

ELEMENTS_PER_PIECE = 2**15
"""Elements of a loop that are worth a piece of their own."""

LARGEST_NUMBER_OF_PIECES = 8
"""Each piece of a product packs the second factor anew, so that more cost more."""

CACHE_LINE = 16
"""Numbers of binary32 in a cache line, and in the longest vector."""

TILE = 8
"""Rows of a whole tile of `cpu.products`."""

PRODUCT_SIZES = (
    {"rows", "inputs", "outputs"},
    {"rows", "blocks", "block", "outputs"},
    {"m", "k", "n"},
)
"""The integers of matrix products: their product counts the multiplications."""


def shared_out(row: Row, mode: Mode) -> Row | Together:
    """The row, or pieces of it that may run at once."""
    kernel = kernel_named(row.kernel, mode)
    if not kernel.shard_axis:
        return row
    integers = row.integers()
    is_product = any(sizes <= integers.keys() for sizes in PRODUCT_SIZES)
    if is_product:
        pieces = _pieces_of_product(integers)
    else:
        extents = kernel.extents(integers)
        moving = [extents[name] for name in kernel.shard_steps if name in extents]
        pieces = max(moving) // ELEMENTS_PER_PIECE
    if pieces < 2:
        return row
    # A power of two: so many threads get equally many, and each the same share of
    # one row as of the next, which then finds it in the cache of its core.
    pieces = min(2 ** (pieces.bit_length() - 1), LARGEST_NUMBER_OF_PIECES)
    parts = cut(row, mode, pieces, _unit(kernel, is_product))
    return Together(parts) if len(parts) > 1 else row


def _unit(kernel: Kernel, is_product: bool) -> int:
    """A cut is a multiple of so many units of the axis."""
    if kernel.shard_axis == "blocks":
        return 1
    if kernel.blas:
        return 64
    return TILE if is_product else CACHE_LINE


def entries_of(
    rows: Sequence[Row], mode: Mode
) -> list[tuple[Row | Together, list[int]]]:
    """Rows as the entries of a plan: long ones cut, in groups that may run at once.

    Rows that are not cut only go along with ones that are: by themselves they are too
    short for it.

    Returns:
        Each entry and, for each row in it, which of the given rows it is a part of.
    """
    pieces = [rows_of(shared_out(row, mode)) for row in rows]
    if all(len(each) == 1 for each in pieces):
        return [(row, [number]) for number, row in enumerate(rows)]
    entries: list[tuple[Row | Together, list[int]]] = []
    for group in _independent(rows, mode):
        if all(len(pieces[number]) == 1 for number in group):
            entries += [(rows[number], [number]) for number in group]
            continue
        parts = [(part, number) for number in group for part in pieces[number]]
        together = Together(tuple(part for part, _ in parts))
        entries.append((together, [number for _, number in parts]))
    return entries


def _independent(rows: Sequence[Row], mode: Mode) -> list[list[int]]:
    """Runs of neighbours none of which writes what another one touches."""
    groups: list[list[int]] = []
    touched: list[Reach] = []
    for number, row in enumerate(rows):
        reaches = reaches_of(row, mode)
        if groups and not any(
            (one.writes or other.writes) and one.overlaps(other)
            for one in touched
            for other in reaches
        ):
            groups[-1].append(number)
            touched += reaches
        else:
            groups.append([number])
            touched = reaches
    return groups


def _pieces_of_product(integers: Mapping[str, int]) -> int:
    """How many pieces the multiplications of a matrix product are worth.

    Fewer columns than fill a vector cost as much as if they did.
    """
    sizes = next(each for each in PRODUCT_SIZES if each <= integers.keys())
    columns = "n" if "n" in sizes else "outputs"
    multiplications = math.prod(integers[name] for name in sizes - {columns})
    return multiplications * max(integers[columns], CACHE_LINE) // PRODUCTS_PER_PIECE


def blocks_of_inputs(rows: int, inputs: int, outputs: int) -> int:
    """Into how many blocks of its inputs a linear layer of few rows is cut.

    Cut between its rows, each piece would read the whole weight, and each core take it
    from the others that update a part of it.

    >>> blocks_of_inputs(32, 784, 256), blocks_of_inputs(1024, 784, 256)
    (4, 1)
    """
    sizes = {"rows": rows, "inputs": inputs, "outputs": outputs}
    # Each block's sums are written and read: half as much as its weights at most.
    most = min(_pieces_of_product(sizes), inputs // max(4 * rows, 1))
    blocks = 1
    while 2 * blocks <= most and inputs % (2 * blocks) == 0:
        blocks *= 2
    return blocks


def worth_sharing(integers: Mapping[str, int]) -> bool:
    """Whether a matrix product of these sizes is worth more than one piece.

    >>> worth_sharing({"rows": 32, "inputs": 784, "outputs": 256})
    True
    >>> worth_sharing({"rows": 32, "inputs": 64, "outputs": 64})
    False
    """
    return _pieces_of_product(integers) > 1
