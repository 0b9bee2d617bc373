"""Moments, normalised numbers and one-hot rows."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import square_root
from torchlean_spec.numbers.rational import RATIONAL
from torchlean_spec.transforms import moments, moments_of_sums, normalize, one_hot

FINITE = st.floats(-1e100, 1e100)


@given(st.lists(FINITE, min_size=1, max_size=8))
def test_moments_are_those_of_the_numbers(column: list[float]) -> None:
    """Python's exact mean and variance of the same rationals, in any order."""
    exact = [Fraction(each) for each in column]
    mean, deviation = moments(column)
    assert mean == float(statistics.mean(exact))
    assert deviation == float(square_root(statistics.pvariance(exact)))
    assert moments(column[::-1]) == (mean, deviation)


def test_moments_from_sums() -> None:
    """Of 1, 2, 3 and 6 the sum is 12 and that of the squares 50."""
    found = moments_of_sums(4, Fraction(12), Fraction(50))
    assert found == moments([1.0, 2.0, 3.0, 6.0]) == (3.0, 3.5**0.5)


@given(st.fractions(), st.fractions(), st.fractions().filter(lambda x: x > 0))
def test_normalised_numbers_go_back(x: Fraction, m: Fraction, s: Fraction) -> None:
    """Times the deviation, plus the mean, is the number."""
    assert normalize(RATIONAL, x, m, s) * s + m == x


@pytest.mark.parametrize("label", range(3))
def test_a_class_has_one_place(label: int) -> None:
    """The row has as many places as there are classes, and a 1 in its own."""
    row = one_hot(RATIONAL, label, 3)
    assert row[label] == sum(row) == 1
    assert len(row) == 3


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: moments([]),
            Reason.EMPTY_DATA,
            "expected a column of at least 1 number, got none",
        ),
        (
            lambda: one_hot(RATIONAL, 3, 3),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a class from 0 to 2, got 3",
        ),
        (
            lambda: one_hot(RATIONAL, -1, 3),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a class from 0 to 2, got -1",
        ),
    ],
)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """What has no meaning is refused in one sentence."""
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert caught.value.reason is reason
    assert str(caught.value) == message
