"""What is done to samples before a model sees them, over any number system.

>>> mean, deviation = moments([1.0, 3.0])
>>> mean, deviation
(2.0, 1.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import square_root
from torchlean_spec.numbers.system import A, NumberSystem


def moments(column: Sequence[float]) -> tuple[float, float]:
    """The mean and the standard deviation of some numbers.

    `m = sum(x_i) / n` and `sqrt(sum((x_i - m)^2) / n)`, the population's and not the
    sample's, as real numbers, each rounded once to the nearest binary64 number.
    No order of summation is meant: every implementation gets the same bits.

    Args:
        column: At least 1 binary64 number.

    Raises:
        TorchLeanError: `EMPTY_DATA` for no numbers.

    >>> moments([0.1, 0.1, 0.1])
    (0.1, 0.0)
    """
    if not column:
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected a column of at least 1 number, got none"
        )
    numbers = [Fraction(each) for each in column]
    count = len(numbers)
    total = sum(numbers, Fraction(0))
    squares = sum((each * each for each in numbers), Fraction(0))
    return moments_of_sums(count, total, squares)


def moments_of_sums(
    count: int, total: Fraction, squares: Fraction
) -> tuple[float, float]:
    """Mean and standard deviation from the exact sums of numbers and squares.

    >>> moments_of_sums(2, Fraction(4), Fraction(10))
    (2.0, 1.0)
    """
    mean = total / count
    return float(mean), float(square_root(squares / count - mean * mean))


def normalize(system: NumberSystem[A], value: A, mean: A, deviation: A) -> A:
    """A number in units of the deviation from the mean: `(x - m) / s`.

    Source: the original's `normalizeTensor`, NN/API/Data/Transforms.lean.

    >>> from torchlean_spec.numbers.floating import Floating
    >>> normalize(Floating(), 5.0, 2.0, 1.5)
    2.0
    """
    return (value - mean) / deviation


def one_hot(system: NumberSystem[A], label: int, classes: int) -> tuple[A, ...]:
    """A class as a row of numbers: 1 in its place, 0 elsewhere.

    Args:
        system: The numbers.
        label: From 0 to `classes - 1`.
        classes: How many classes there are.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a label that is no class. (The
            original gives a row of zeros: `docs/deviations.md`, B9.)

    >>> from torchlean_spec.numbers.floating import Floating
    >>> one_hot(Floating(), 1, 3)
    (0.0, 1.0, 0.0)
    """
    if not 0 <= label < classes:
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"expected a class from 0 to {classes - 1}, got {label}",
        )
    return tuple(system.constant(int(place == label)) for place in range(classes))
