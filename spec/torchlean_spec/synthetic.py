"""Made-up data sets: grids, affine functions with noise, images of bands.

Every number is the binary64 number nearest to an exact real, which the functions
state; what is drawn is drawn by the seed from the stream `SYNTHETIC`.

>>> linspace(0, 1, 5)
(0.0, 0.25, 0.5, 0.75, 1.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Literal

from torchlean_spec.data import Dataset, Labels, Rows
from torchlean_spec.datasets import UNITS_PER_NORMAL
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, exact
from torchlean_spec.random import Stream, require_seed, stream, unit, words
from torchlean_spec.shape import Dim, Scalar, vector

One = Dim[Literal[1], Scalar]
Pair = Dim[Literal[2], Scalar]
Image = Dim[Literal[1], Dim[int, Dim[int, Scalar]]]

AFFINE = 1
"""The ordinal of the words of `affine_regression`; two moons have 0."""


def linspace(
    low: Hyperparameter, high: Hyperparameter, count: int
) -> tuple[float, ...]:
    """Evenly spaced numbers: `low + i / (count - 1) (high - low)`, each rounded once.

    One number is `low`; both ends are exact. (The original rounds at each step.)

    Args:
        low: The first.
        high: The last.
        count: How many, at least 0.

    Raises:
        TorchLeanError: `DOMAIN` for a negative count.

    >>> linspace(0, "0.3", 4), linspace(2, 3, 1), linspace(2, 3, 0)
    ((0.0, 0.1, 0.2, 0.3), (2.0,), ())
    """
    if count < 0:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a count of at least 0, got {count}"
        )
    first, span = exact(low), exact(high) - exact(low)
    return tuple(float(first + span * i / max(count - 1, 1)) for i in range(count))


def grid(
    first: Sequence[float], second: Sequence[float]
) -> tuple[tuple[float, float], ...]:
    """All pairs of a number and another; the second runs fastest.

    >>> grid((0.0, 1.0), (5.0, 6.0))
    ((0.0, 5.0), (0.0, 6.0), (1.0, 5.0), (1.0, 6.0))
    """
    return tuple(product(first, second))


def grid_regression(
    function: Callable[[float, float], float],
    low: Hyperparameter = -1,
    high: Hyperparameter = 1,
    count: int = 10,
) -> Dataset[Pair, Rows[One]]:
    """A function of two numbers at the points of a square grid.

    Args:
        function: What to predict, from binary64 numbers.
        low: The first number along each axis.
        high: The last one.
        count: How many along each axis, at least 1.

    Raises:
        TorchLeanError: `EMPTY_DATA` for no points, `NOT_FINITE` for a value that is
            not finite.

    >>> sums = grid_regression(lambda x, y: x + y, 0, 1, 2)
    >>> sums.inputs.values, sums.targets.values
    (((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)), ((0.0,), (1.0,), (1.0,), (2.0,)))
    """
    axis = linspace(low, high, count)
    points = grid(axis, axis)
    values = tuple((float(function(x, y)),) for x, y in points)
    return Dataset(Rows(vector(2), points), Rows(vector(1), values), "grid", ("x", "y"))


def affine(
    weights: Sequence[Hyperparameter], bias: Hyperparameter, numbers: Sequence[float]
) -> Fraction:
    """`bias + sum(w_i x_i)`, exactly.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless there is a weight for each number.

    >>> affine(["0.5", 2], 1, [2.0, 0.25])
    Fraction(5, 2)
    """
    if len(weights) != len(numbers):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected {len(weights)} numbers, one for each weight, got {len(numbers)}",
        )
    pairs = zip(map(exact, weights), map(Fraction, numbers), strict=True)
    return sum((weight * number for weight, number in pairs), exact(bias))


def affine_regression(
    weights: Sequence[Hyperparameter],
    bias: Hyperparameter = 0,
    count: int = 100,
    noise: Hyperparameter = 0,
    low: Hyperparameter = -1,
    high: Hyperparameter = 1,
    seed: int = 0,
) -> Dataset[Dim[int, Scalar], Rows[One]]:
    """Points drawn evenly, and an affine function of them with noise.

    Number c of sample n is `low + (high - low) u` with the unit u of word
    `(d + 12) n + c` of the stream `SYNTHETIC`, ordinal 1, where d is the number of
    weights; the target is `bias + sum(w_c x_c) + noise z` of the rounded inputs,
    with `z` the sum of the twelve units that follow, less 6: nearly normal, with
    mean 0 and variance 1.

    Args:
        weights: One for each number of an input; at least 1.
        bias: What is added.
        count: How many samples, at least 1.
        noise: The standard deviation of the noise, at least 0.
        low: The least that an input's number may be.
        high: What it stays below, before it is rounded.
        seed: From 0 to 2^64 - 1.

    Raises:
        TorchLeanError: `EMPTY_DATA` for no samples or no weights, `HYPERPARAMETER`
            for negative noise or a range without a number, `DOMAIN` for a seed out
            of range.

    >>> line = affine_regression([2], 1, count=2)
    >>> line.inputs.values, line.targets.values
    (((0.1700878143310547,), (-0.010980606079101562,)), ((1.3401756286621094,), \
(0.9780387878417969,)))
    """
    require_seed(seed)
    scale, first, span = exact(noise), exact(low), exact(high) - exact(low)
    if count < 1 or not weights:
        raise TorchLeanError(
            Reason.EMPTY_DATA,
            f"expected at least 1 sample and 1 weight, got {count} and {len(weights)}",
        )
    if scale < 0 or span <= 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            "expected noise of at least 0 and low below high, "
            f"got {noise} and {low} to {high}",
        )
    width = len(weights)
    each = width + UNITS_PER_NORMAL
    drawn = words(seed, stream(Stream.SYNTHETIC, AFFINE), 0, each * count)
    units = list(map(unit, drawn))
    inputs, targets = [], []
    for start in range(0, each * count, each):
        row = tuple(float(first + span * u) for u in units[start : start + width])
        normal = sum(units[start + width : start + each]) - UNITS_PER_NORMAL // 2
        inputs.append(row)
        targets.append((float(affine(weights, bias, row) + scale * normal),))
    return Dataset(
        Rows(vector(width), tuple(inputs)), Rows(vector(1), tuple(targets)), "affine"
    )


def band_images(size: int = 4, bands: int = 3) -> Dataset[Image, Labels]:
    """Square images of one bright row, or of one bright column.

    Image i has ones along row i and belongs to the class `horizontal`; after the
    last of them, image i has them along column i: `vertical`. All else is 0.

    Args:
        size: Rows, and columns, of an image; at least 2.
        bands: How many rows, and as many columns, from the first on.

    Raises:
        TorchLeanError: `EMPTY_DATA` unless there are 2 rows or more and from 1 to
            as many bands.

    >>> images = band_images(2, 1)
    >>> images.inputs.values, images.targets.indices
    (((1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 0.0)), (0, 1))
    """
    if size < 2 or not 1 <= bands <= size:
        raise TorchLeanError(
            Reason.EMPTY_DATA,
            "expected images of at least 2 rows and from 1 to as many bands, "
            f"got {size} rows and {bands} bands",
        )
    places = grid(range(size), range(size))
    horizontal = [tuple(float(row == i) for row, _ in places) for i in range(bands)]
    vertical = [tuple(float(column == i) for _, column in places) for i in range(bands)]
    shape: Image = Dim(1, Dim(size, Dim(size, Scalar())))
    return Dataset(
        Rows(shape, tuple(horizontal + vertical)),
        Labels(2, (0,) * bands + (1,) * bands, ("horizontal", "vertical")),
        "bands",
    )
