"""Made-up data sets: every number follows from the documentation."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.random import Stream, stream, unit, words
from torchlean_spec.shape import sizes
from torchlean_spec.synthetic import (
    affine,
    affine_regression,
    band_images,
    grid,
    grid_regression,
    linspace,
)


@given(
    st.fractions(-5, 5, max_denominator=9),
    st.fractions(-5, 5, max_denominator=9),
    st.integers(2, 9),
)
def test_evenly_spaced_numbers(low: Fraction, high: Fraction, count: int) -> None:
    """Both ends are exact, and each number is the nearest to its place."""
    found = linspace(low, high, count)
    assert len(found) == count
    assert (found[0], found[-1]) == (float(low), float(high))
    for place, number in enumerate(found):
        assert number == float(low + (high - low) * Fraction(place, count - 1))


def test_short_rows_of_numbers() -> None:
    """One number is the first end; none is none."""
    assert linspace(3, 9, 1) == (3.0,)
    assert linspace(3, 9, 0) == ()


def test_a_grid_runs_along_its_second_axis() -> None:
    """The outer loop is over the first numbers, as in the original."""
    assert grid((0, 1), (2, 3, 4)) == ((0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4))


def test_a_function_on_a_grid() -> None:
    """Each point has the function's value as its target."""
    found = grid_regression(lambda x, y: x - 2 * y, 0, 1, 3)
    assert len(found) == 9
    for (x, y), (value,) in zip(found.inputs.values, found.targets.values, strict=True):
        assert value == x - 2 * y


def test_affine_samples_follow_from_the_words() -> None:
    """Inputs, noise and targets can be had from the documentation alone."""
    found = affine_regression([2, "-0.5"], "0.25", 3, "0.1", 0, 4, seed=9)
    drawn = [unit(word) for word in words(9, stream(Stream.SYNTHETIC, 1), 0, 42)]
    for number in range(3):
        own = drawn[14 * number : 14 * (number + 1)]
        row = tuple(float(4 * u) for u in own[:2])
        normal = sum(own[2:]) - 6
        target = 2 * Fraction(row[0]) - Fraction(row[1]) / 2 + Fraction(1, 4)
        assert found.inputs.values[number] == row
        assert found.targets.values[number] == (float(target + normal / 10),)


def test_without_noise_the_target_is_affine() -> None:
    """The target is the exact value, rounded once."""
    found = affine_regression(["0.1", 3], 1, 20, seed=2)
    for row, (target,) in zip(found.inputs.values, found.targets.values, strict=True):
        assert target == float(affine(["0.1", 3], 1, row))


def test_seeds_give_other_points() -> None:
    """The seed decides the points, and the same seed the same ones."""
    first, again, other = (affine_regression([1], seed=seed) for seed in (0, 0, 1))
    assert first.digest() == again.digest() != other.digest()


def test_bands_of_the_original() -> None:
    """Six images of one channel and 4 by 4 places, three of each class."""
    found = band_images()
    assert sizes(found.inputs.shape) == (1, 4, 4)
    assert found.targets.indices == (0, 0, 0, 1, 1, 1)
    assert found.targets.names == ("horizontal", "vertical")
    for place, row in enumerate(found.inputs.values):
        bright = {at for at, value in enumerate(row) if value == 1}
        assert {value for value in row} == {0.0, 1.0}
        band = place % 3
        horizontal = {4 * band + column for column in range(4)}
        vertical = {4 * line + band for line in range(4)}
        assert bright == (horizontal if place < 3 else vertical)


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: linspace(0, 1, -1),
            Reason.DOMAIN,
            "expected a count of at least 0, got -1",
        ),
        (
            lambda: affine([1], 0, [1.0, 2.0]),
            Reason.SHAPE_MISMATCH,
            "expected 1 numbers, one for each weight, got 2",
        ),
        (
            lambda: affine_regression([], count=3),
            Reason.EMPTY_DATA,
            "expected at least 1 sample and 1 weight, got 3 and 0",
        ),
        (
            lambda: affine_regression([1], count=0),
            Reason.EMPTY_DATA,
            "expected at least 1 sample and 1 weight, got 0 and 1",
        ),
        (
            lambda: affine_regression([1], noise=-1),
            Reason.HYPERPARAMETER,
            "expected noise of at least 0 and low below high, got -1 and -1 to 1",
        ),
        (
            lambda: affine_regression([1], low=2, high=2),
            Reason.HYPERPARAMETER,
            "expected noise of at least 0 and low below high, got 0 and 2 to 2",
        ),
        (
            lambda: affine_regression([1], seed=-1),
            Reason.DOMAIN,
            "expected a seed from 0 to 18446744073709551615, got -1",
        ),
        (
            lambda: grid_regression(lambda x, y: x, count=0),
            Reason.EMPTY_DATA,
            "expected a data set of at least 1 sample, got none",
        ),
        (
            lambda: band_images(1, 1),
            Reason.EMPTY_DATA,
            "expected images of at least 2 rows and from 1 to as many bands, "
            "got 1 rows and 1 bands",
        ),
        (
            lambda: band_images(3, 4),
            Reason.EMPTY_DATA,
            "expected images of at least 2 rows and from 1 to as many bands, "
            "got 3 rows and 4 bands",
        ),
    ],
)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """Data that cannot be made are refused in one sentence."""
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert caught.value.reason is reason
    assert str(caught.value) == message
