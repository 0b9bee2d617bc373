"""Data sets by name: two of real measurements, and one made up.

The real ones are read from the files that scikit-learn carries, as text, so that
neither scikit-learn nor NumPy is imported. Every number is the binary64 number
nearest to an exact real, which the functions state: another implementation that
rounds correctly gets the same bits, as the digests in the tests show.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from torchlean_spec.data import Dataset, Labels, Rows
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import (
    Hyperparameter,
    cosine_of_half_turns,
    exact,
    square_root,
)
from torchlean_spec.random import Stream, stream, unit, words
from torchlean_spec.shape import Dim, Scalar, vector

DIABETES_FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")

UNITS_PER_NORMAL = 12
"""The variance of a unit is 1/12, so that of a sum of twelve is 1."""


def digits() -> Dataset[Dim[Literal[64], Scalar], Labels]:
    """1797 handwritten digits: 8 x 8 pixels each, and the digit.

    A pixel counts the dark points, from 0 to 16, in a 4 x 4 square of the scan;
    here it is that count divided by 16, which is exact.

    Source: Alpaydin, Kaynak, "Optical Recognition of Handwritten Digits", UCI
    Machine Learning Repository, 1998 (the test part); `load_digits` of
    scikit-learn has the counts undivided.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` without scikit-learn's files,
            `FILE_ACCESS` or `FILE_FORMAT` if one cannot be read.

    >>> len(digits()), digits().inputs.values[0][:6], digits().targets.indices[:4]
    (1797, (0.0, 0.0, 0.3125, 0.8125, 0.5625, 0.0625), (0, 1, 2, 3))
    """
    table = _table("digits.csv.gz", ",")
    return Dataset(
        Rows(
            vector(64), tuple(tuple(float(x) / 16 for x in row[:-1]) for row in table)
        ),
        Labels(10, tuple(int(row[-1]) for row in table), tuple("0123456789")),
        "digits",
        tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
    )


def diabetes() -> Dataset[Dim[Literal[10], Scalar], Rows[Dim[Literal[1], Scalar]]]:
    """442 patients: 10 measurements each, and how the disease went in a year.

    Each column, the target's too, is standardised by `standardize`, from the
    decimals in the file. (`load_diabetes` of scikit-learn divides the features by
    another sqrt(442) and leaves the target alone.)

    Source: Efron, Hastie, Johnstone, Tibshirani, "Least Angle Regression", Annals
    of Statistics 32(2), 2004.

    Raises:
        TorchLeanError: as `digits`.

    >>> dataset = diabetes()
    >>> len(dataset), dataset.inputs.values[0][:2], dataset.targets.values[0]
    (442, (0.800500090956421, 1.0654884797514668), (-0.014719475152121098,))
    """
    columns = zip(*_table("diabetes_data_raw.csv.gz", None), strict=True)
    (target,) = zip(*_table("diabetes_target.csv.gz", None), strict=True)
    standardized = map(standardize, columns)
    return Dataset(
        Rows(vector(10), tuple(zip(*standardized, strict=True))),
        Rows(vector(1), tuple((value,) for value in standardize(target))),
        "diabetes",
        DIABETES_FEATURES,
    )


def standardize(column: Sequence[Fraction]) -> tuple[float, ...]:
    """A column with its mean taken off, in units of its standard deviation.

    `(x - mean) / sqrt(variance)` with the exact mean and the exact variance
    `sum((x - mean)^2) / count` (the population's, not the sample's), as a real
    number, then rounded once to the nearest binary64 number.

    Raises:
        TorchLeanError: `EMPTY_DATA` for no numbers, `DOMAIN` if all are equal.

    >>> standardize([Fraction(1), Fraction(2), Fraction(3), Fraction(6)])
    (-1.0690449676496976, -0.5345224838248488, 0.0, 1.6035674514745464)
    """
    if not column:
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected a column of at least 1 number, got none"
        )
    mean = sum(column, Fraction(0)) / len(column)
    deviations = [x - mean for x in column]
    variance = sum((x * x for x in deviations), Fraction(0)) / len(column)
    if variance == 0:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected a column of different numbers, got only {column[0]}",
        )
    deviation = square_root(variance)
    return tuple(float(x / deviation) for x in deviations)


def two_moons(
    count: int = 200, noise: Hyperparameter = Decimal("0.1"), seed: int = 0
) -> Dataset[Dim[Literal[2], Scalar], Labels]:
    """Points along two half circles that clasp each other.

    Point i of the m on the first moon stands at `(cos(pi u), sin(pi u))` with
    `u = i / (m - 1)`, on the second at `(1 - cos(pi u), 1/2 - sin(pi u))`; to each
    coordinate `noise * z` is added, as reals, and the sum rounded once. The number
    z is nearly normal, with mean 0 and variance 1, and exact: twelve units less
    6. The units of sample n, coordinate c, are the words from 12 (2 n + c) on of
    the stream `SYNTHETIC`, ordinal 0.

    Args:
        count: points in all, at least 2; half of them, rounded down, on the first.
        noise: the standard deviation of the noise, at least 0.
        seed: from 0 to 2^64 - 1.

    Raises:
        TorchLeanError: `EMPTY_DATA` for fewer than 2 points, `HYPERPARAMETER` for
            negative noise, `DOMAIN` for a seed out of range.

    >>> two_moons(4, noise=0).inputs.values
    ((1.0, 0.0), (-1.0, 0.0), (0.0, 0.5), (2.0, 0.5))
    """
    if count < 2:
        raise TorchLeanError(
            Reason.EMPTY_DATA, f"expected two moons of at least 2 points, got {count}"
        )
    scale = exact(noise)
    if scale < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER, f"expected noise of at least 0, got {noise}"
        )
    first = count // 2
    points = _half_circle(first)
    points += [(1 - x, Fraction(1, 2) - y) for x, y in _half_circle(count - first)]
    each = 2 * UNITS_PER_NORMAL
    drawn = list(map(unit, words(seed, stream(Stream.SYNTHETIC), 0, each * count)))
    rows = []
    for number, (x, y) in enumerate(points):
        start, middle, stop = (each * number + k for k in (0, UNITS_PER_NORMAL, each))
        right = scale * (sum(drawn[start:middle]) - UNITS_PER_NORMAL // 2)
        up = scale * (sum(drawn[middle:stop]) - UNITS_PER_NORMAL // 2)
        rows.append((float(x + right), float(y + up)))
    labels = (0,) * first + (1,) * (count - first)
    return Dataset(
        Rows(vector(2), tuple(rows)), Labels(2, labels), "two-moons", ("x", "y")
    )


def _half_circle(count: int) -> list[tuple[Fraction, Fraction]]:
    """Evenly spaced points on the upper half of the unit circle, from the right."""
    turns = [Fraction(i, max(1, count - 1)) for i in range(count)]
    return [
        (cosine_of_half_turns(u), cosine_of_half_turns(u - Fraction(1, 2)))
        for u in turns
    ]


def _table(name: str, separator: str | None) -> list[tuple[Fraction, ...]]:
    """The exact decimals in one of scikit-learn's compressed text files."""
    package = find_spec("sklearn")
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise TorchLeanError(
            Reason.MISSING_DEPENDENCY,
            "expected scikit-learn, which carries the data, to be installed "
            "(pip install torchlean[examples]), got no such package",
        )
    path = Path(folders[0], "datasets", "data", name)
    number = cache(Fraction)  # The files repeat few numbers many times.
    try:
        text = gzip.decompress(path.read_bytes()).decode("ascii")
        return [tuple(map(number, row.split(separator))) for row in text.splitlines()]
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise TorchLeanError(
            Reason.FILE_FORMAT, f"expected compressed numbers in {path}, got {error}"
        ) from error
    except OSError as error:
        raise TorchLeanError(
            Reason.FILE_ACCESS, f"expected a readable file {path}, got {error.strerror}"
        ) from error
