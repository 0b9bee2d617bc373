"""Laws of what is done to samples: moments, normalised numbers, one-hot rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import transforms
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.numbers.system import NumberSystem

Moments = Callable[[Sequence[float]], tuple[float, float]]


def columns(draws: Draws) -> Iterator[tuple[float, ...]]:
    """Short columns of binary32 numbers, some of them of one number only."""
    for _ in range(40):
        count = draws.integer(1, 6)
        yield tuple(draws.float32() for _ in range(count))
        yield (draws.float32(),) * count


def _one_after_another(column: Sequence[float]) -> tuple[float, float]:
    """Both moments in binary64, in the order of the column."""
    mean = 0.0
    for each in column:
        mean += each
    mean /= len(column)
    total = 0.0
    for each in column:
        total += (each - mean) * (each - mean)
    return mean, math.sqrt(total / len(column))


def _scaled(column: Sequence[float], change: Fraction) -> tuple[float, float]:
    mean, deviation = transforms.moments(column)
    return mean, float(Fraction(deviation) * change)


@law(
    "transforms.moments",
    objects="transforms.moments transforms.moments_of_sums",
    evidence=Evidence.SEARCHED,
    subject=transforms.moments,
    mutants={
        "rounded at each step": _one_after_another,
        "of the sample": lambda column: _scaled(
            column, Fraction(len(column), max(len(column) - 1, 1))
        ),
        "the variance": lambda column: (
            transforms.moments(column)[0],
            transforms.moments(column)[1] ** 2,
        ),
        "about zero": lambda column: (
            transforms.moments(column)[0],
            math.sqrt(sum(each * each for each in column) / len(column)),
        ),
    },
    cases=columns,
)
def exact_moments(moments: Moments, column: tuple[float, ...]) -> bool:
    """Mean and deviation are the nearest numbers to the real ones, in any order.

    The mean is correctly rounded; no binary64 number's square is nearer to the
    variance than the deviation's is, seen from the deviation's neighbours.
    """
    exact = [Fraction(each) for each in column]
    mean = sum(exact) / len(exact)
    variance = sum((each - mean) ** 2 for each in exact) / len(exact)
    found, deviation = moments(column)
    if found != float(mean) or moments(column[::-1]) != (found, deviation):
        return False
    below, above = (
        (Fraction(deviation) + Fraction(math.nextafter(deviation, to))) / 2
        for to in (-math.inf, math.inf)
    )
    if variance == 0:
        return deviation == 0
    return below**2 <= variance <= above**2


Normalize = Callable[[NumberSystem[Fraction], Fraction, Fraction, Fraction], Fraction]


@law(
    "transforms.normalize",
    objects="transforms.normalize",
    evidence=Evidence.IDENTITY_TESTED,
    subject=transforms.normalize,
    mutants={
        "divided first": lambda system, x, m, s: x / s - m,
        "times the deviation": lambda system, x, m, s: (x - m) * s,
        "the mean added": lambda system, x, m, s: (x + m) / s,
    },
    cases=lambda draws: repeat(
        30, lambda: (draws.fractions(draws.integer(2, 5)), draws.positive())
    ),
    premise=lambda case: len(set(case[0])) > 1,
)
def normalized(
    normalize: Normalize, case: tuple[tuple[Fraction, ...], Fraction]
) -> bool:
    """Normalised by its mean and by s, a column has mean 0, and variance 1/s^2 of it.

    With its own standard deviation for s, that is the variance 1.
    """
    column, scale = case
    count = len(column)
    mean = sum(column, Fraction(0)) / count
    variance = sum(((each - mean) ** 2 for each in column), Fraction(0)) / count
    found = [normalize(RATIONAL, each, mean, scale) for each in column]
    squares = sum((each**2 for each in found), Fraction(0)) / count
    return sum(found) == 0 and squares * scale**2 == variance


OneHot = Callable[[NumberSystem[Fraction], int, int], Sequence[Fraction]]


@law(
    "transforms.one_hot",
    objects="transforms.one_hot",
    evidence=Evidence.EXHAUSTIVE,
    subject=transforms.one_hot,
    mutants={
        "zeros for a class out of range": lambda system, label, classes: tuple(
            Fraction(int(place == label)) for place in range(classes)
        ),
        "classes from 1": lambda system, label, classes: transforms.one_hot(
            system, label - 1, classes
        ),
        "one place too many": lambda system, label, classes: transforms.one_hot(
            system, label, classes + 1
        ),
    },
    cases=lambda draws: (
        (label, classes) for classes in range(1, 5) for label in range(-2, 6)
    ),
)
def one_place(one_hot: OneHot, case: tuple[int, int]) -> bool:
    """A row has a place for each class and a 1 in its own; no class is no row."""
    label, classes = case
    if not 0 <= label < classes:
        return refuses(
            Reason.CLASS_OUT_OF_RANGE, lambda: one_hot(RATIONAL, label, classes)
        )
    row = one_hot(RATIONAL, label, classes)
    return len(row) == classes and row[label] == 1 and row.count(0) == classes - 1
