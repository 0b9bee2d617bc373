"""Means and standard deviations of the places of an input, to the spec's bits.

Sums are exact, so that neither their order nor the slices show: each number is a
whole number of 53 bits times a power of two; the whole numbers are added by power, in
three parts of 18 bits whose sums and sums of products a binary64 number holds.

>>> means, deviations = moments(np.array([[1.0, 0.1], [3.0, 0.1]]))
>>> means.tolist(), deviations.tolist()
([2.0, 0.1], [1.0, 0.0])
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from torchlean.data.arrays import Inputs, TargetArray, require_finite, row_slices
from torchlean_spec.transforms import moments_of_sums

PART = 18
"""Bits of a part: the sum of 2^17 products of two parts is below 2^53."""

_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
_FLUSH = 2**9
"""Slices after which sums leave int64 for Python's integers."""

_Sums = dict[int, NDArray[np.int64]]


def moments(array: TargetArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean and the deviation at each place of `[samples, ..]`, of shape `[..]`.

    Bit for bit what `torchlean_spec.transforms.moments` gives of each column; a
    mapped array is read once, slice by slice.

    Raises:
        TorchLeanError: `NOT_FINITE` for a NaN or an infinity.
    """
    require_finite("inputs", array)
    width = int(np.prod(array.shape[1:], dtype=np.int64))
    totals = [Fraction(0)] * width
    squares = [Fraction(0)] * width
    sums: _Sums = {}
    for number, (_, rows) in enumerate(row_slices(array), 1):
        _add(sums, np.asarray(rows, np.float64).reshape(len(rows), width))
        if number % _FLUSH == 0:
            _flush(sums, totals, squares)
    _flush(sums, totals, squares)
    pairs = zip(totals, squares, strict=True)
    found = [moments_of_sums(len(array), total, square) for total, square in pairs]
    table = np.array(found, np.float64).reshape(width, 2)
    shape = array.shape[1:]
    return table[:, 0].reshape(shape), table[:, 1].reshape(shape)


def _add(sums: _Sums, rows: Inputs) -> None:
    """Add the numbers of a slice `[rows, width]`, and their products, by power."""
    mantissas, powers = np.frexp(rows)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    used = whole != 0
    if not used.any():
        return
    least, most = int(powers[used].min()), int(powers[used].max())
    powers = np.where(used, powers, least)
    count, width = most - least + 1, rows.shape[1]
    keys = (np.arange(width) * count + (powers - least)).ravel()
    mask = (1 << PART) - 1
    # The first part bears the sign; the others are from 0 on.
    parts = [(whole >> 2 * PART), (whole >> PART) & mask, whole & mask]
    terms = [*parts, *(parts[i] * parts[j] for i, j in _PAIRS)]
    added = np.stack(
        [
            np.bincount(keys, term.ravel().astype(np.float64), width * count)
            for term in terms
        ]
    ).astype(np.int64)
    for place in range(count):
        block = added[:, place::count]
        if block.any():
            known = sums.setdefault(least + place, np.zeros_like(block))
            known += block


def _flush(sums: _Sums, totals: list[Fraction], squares: list[Fraction]) -> None:
    """Move the sums of all powers into the exact totals."""
    for power, block in sums.items():
        unit = Fraction(2) ** (power - 53)
        for column, found in enumerate(zip(*block.tolist(), strict=True)):
            a, b, c, aa, ab, ac, bb, bc, cc = found
            total = (a << 2 * PART) + (b << PART) + c
            square = (
                (aa << 4 * PART)
                + (ab << 3 * PART + 1)
                + ((2 * ac + bb) << 2 * PART)
                + (bc << PART + 1)
                + cc
            )
            totals[column] += total * unit
            squares[column] += square * unit * unit
    sums.clear()
