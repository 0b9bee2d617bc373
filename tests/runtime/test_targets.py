"""What the mean of a loss over samples divides by, and which targets a loss wants."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean.loss_functions import value
from torchlean.targets import denominator, wanted_by
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CosineSimilarity,
    CrossEntropy,
    CrossEntropyOfProbabilities,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    NegativeLogLikelihood,
    Poisson,
    Reduction,
    SmoothL1,
)
from torchlean_spec.shape import matrix

Array = NDArray[Any]
GENERATOR = np.random.default_rng(2)
NUMBERS = GENERATOR.standard_normal((6, 4))
SHARES = GENERATOR.dirichlet([1, 1, 1, 1], 6)
LABELS = np.array([0, 1, 3, 3, 2, 1])
PLAIN = (MeanSquaredError, MeanAbsoluteError, Huber, SmoothL1, Hinge, LogCosh)


def losses(reduction: Reduction) -> list[tuple[Loss, Array, Fraction]]:
    """Losses, targets, and what a mean over them divides by."""
    weights, uneven = (1, 2, 4, 8), Fraction(1 + 2 + 8 + 8 + 4 + 2)
    rows, elements = Fraction(6), Fraction(24)
    elementwise: list[Loss] = [each(reduction=reduction) for each in PLAIN]
    elementwise += [Poisson(each, reduction) for each in (True, False)]
    elementwise += [BinaryCrossEntropy(each, reduction) for each in (True, False)]
    by_rows: list[Loss] = [
        CosineSimilarity(reduction=reduction),
        CrossEntropyOfProbabilities(reduction=reduction),
        CrossEntropy("distribution", None, weights, reduction=reduction),
        NegativeLogLikelihood(None, weights, reduction, "distribution"),
    ]
    return [
        *((loss, SHARES, elements) for loss in elementwise),
        *((loss, SHARES, rows) for loss in by_rows),
        (CrossEntropy("index", None, reduction=reduction), LABELS, rows),
        (CrossEntropy("index", 1, reduction=reduction), LABELS, Fraction(4)),
        (NegativeLogLikelihood(None, weights, reduction), LABELS, uneven),
        (NegativeLogLikelihood(3, weights, reduction), LABELS, uneven - 16),
    ]


@pytest.mark.parametrize("place", range(len(losses("mean"))))
def test_a_mean_is_the_sum_over_its_denominator(place: int) -> None:
    """Elements, rows, rows that count, or their weights (B11): one for each loss."""
    mean, targets, expected = losses("mean")[place]
    summed, _, _ = losses("sum")[place]
    inputs = SHARES if "Probabilities" in type(mean).__name__ else NUMBERS
    inputs = SHARES[::-1].copy() if isinstance(mean, Poisson) else inputs
    if mean == BinaryCrossEntropy(False):
        inputs = SHARES[::-1].copy()
    assert denominator(mean, inputs, targets) == expected
    total = float(value(summed, inputs, targets))
    assert float(value(mean, inputs, targets)) == total / float(expected)


def test_losses_say_which_targets_they_want() -> None:
    """Rows of the prediction's shape, or a class for each row."""
    rows = wanted_by(NegativeLogLikelihood(targets="distribution"), matrix(5, 3))
    assert (rows.sizes, rows.are_indices) == ((5, 3), False)
    labels = wanted_by(CrossEntropy(ignore_index=7), matrix(5, 3))
    assert (labels.sizes, labels.are_indices) == ((5,), True)
    assert (labels.classes, labels.ignored) == (3, 7)
