"""Axes of plots in text: exact places, and round numbers that tell them apart."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.plot_axes import LONG, Scale, step_label, value_axis
from torchlean_spec.errors import Reason, TorchLeanError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.lists(FINITE, min_size=1, max_size=8)


@given(VALUES, st.integers(4, 40))
def test_every_value_stands_on_the_axis(values: list[float], rows: int) -> None:
    """From 0 to 1, in order; the ends at the ends."""
    axis = value_axis(values, rows, "auto")
    shares = [axis.share(value) for value in sorted(values)]
    assert shares == sorted(shares)
    if max(values) > min(values):
        assert (shares[0], shares[-1]) == (0.0, 1.0)
    else:
        assert set(shares) == {0.5}


@given(VALUES, st.integers(4, 40))
def test_labels_are_few_and_different(values: list[float], rows: int) -> None:
    """No two ticks are written alike, none is long, and all lie within the ends."""
    axis = value_axis(values, rows, "auto")
    texts = [text for _, text in axis.ticks]
    assert 1 <= len(texts) <= rows + 1
    assert len(set(texts)) == len(texts)
    # The ends of a very short axis have every digit: at most those of a binary64.
    assert max(map(len, texts)) <= max(LONG, len("-2.2250738585072014e-308"))
    assert all(axis.low <= float(tick) <= axis.high for tick, _ in axis.ticks)
    assert set(axis.labels(rows)) <= set(range(rows))


@given(VALUES)
def test_a_label_is_its_tick(values: list[float]) -> None:
    """What is written is the tick itself, to six digits at least."""
    axis = value_axis(values, 12, "auto")
    for tick, text in axis.ticks:
        assert abs(Fraction(text) - tick) <= abs(tick) * Fraction(1, 10**5)


@pytest.mark.parametrize(
    ("values", "scale", "labels"),
    [
        ((0.0, 1.0), "auto", ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((0.1, 0.3), "auto", ["0.10", "0.15", "0.20", "0.25", "0.30"]),
        ((0.03, 0.11), "auto", ["0.04", "0.06", "0.08", "0.10"]),
        ((-250.0, 250.0), "auto", ["-200", "-100", "0", "100", "200"]),
        ((1.0, 20.0), "auto", ["5", "10", "15", "20"]),
        ((1.0, 20.5), "auto", ["1", "2", "5", "10", "20"]),
        ((1.0, 20.0), "log", ["1", "2", "5", "10", "20"]),
        ((1.0, 20.5), "linear", ["5", "10", "15", "20"]),
        ((2e-7, 3e-3), "auto", ["1e-6", "1e-5", "0.0001", "0.001"]),
        ((1e-30, 1e30), "auto", ["1e-30", "1e-17", "0.0001", "1e9", "1e22"]),
        ((0.0, 3e7), "auto", ["0", "1e7", "2e7", "3e7"]),
        ((0.7, 0.7), "auto", ["0.7"]),
        ((-5.0, -5.0), "auto", ["-5"]),
    ],
)
def test_round_numbers(
    values: tuple[float, ...], scale: Scale, labels: list[str]
) -> None:
    """1, 2 and 5 times a power of ten; powers alone where there are many."""
    assert [text for _, text in value_axis(values, 11, scale).ticks] == labels


def test_neighbours_are_told_apart() -> None:
    """Where no round value lies between, the ends are written to the digit."""
    close = value_axis((1.0, math.nextafter(1.0, 2.0)), 8, "auto")
    assert [text for _, text in close.ticks] == ["1", "1.0000000000000002"]
    assert [close.share(end) for end in (close.low, close.high)] == [0.0, 1.0]


def test_neighbours_may_have_one_logarithm() -> None:
    """They then stand in the middle."""
    same = value_axis((1e300, math.nextafter(1e300, 1e301)), 8, "log")
    assert [same.share(end) for end in (same.low, same.high)] == [0.5, 0.5]


def test_values_that_have_no_logarithm() -> None:
    """A logarithmic scale that was asked for refuses them, naming the least."""
    with pytest.raises(TorchLeanError) as refused:
        value_axis((1.0, 0.0, -2.5), 8, "log")
    assert refused.value.reason is Reason.DOMAIN
    assert str(refused.value) == (
        "expected positive values for a logarithmic scale, got -2.5"
    )


def test_steps_are_written_short() -> None:
    """To the digit, unless they have more digits than fit."""
    assert [
        step_label(step) for step in (0, 999_999_999_999, 10**12, 123456 * 10**9)
    ] == [
        "0",
        "999999999999",
        "1e12",
        "1.235e14",
    ]
