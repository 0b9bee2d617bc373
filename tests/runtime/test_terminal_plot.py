"""Curves drawn in text: any log, in the space that there is."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.logs import train_logs

from torchlean.log import Curve, Series, TrainLog
from torchlean.terminal_plot import MINIMUM, terminal_plot
from torchlean_spec.errors import Reason, TorchLeanError

FALL = Curve.of([(0, 3.0), (5, 2.0), (10, 1.0), (20, 0.0)])


def test_a_curve_is_drawn_in_braille() -> None:
    """Two by four dots in a character, and round numbers beside and below it."""
    assert terminal_plot(FALL, 32, 8).splitlines() == [
        "3 ┤⠑⠢⢄⡀",
        "  │   ⠈⠒⠤⣀",
        "2 ┤       ⠉⠢⠤⡀",
        "1 ┤          ⠈⠉⠢⠤⣀",
        "  │               ⠉⠉⠒⠒⠤⢄⣀⡀",
        "0 ┤                      ⠈⠉⠒⠒⠤⠤⣀",
        "  └─────────────────────────────",
        "   0            10            20",
    ]


def test_several_curves_have_marks() -> None:
    """And a legend; the first curve lies on top; the title stands above."""
    log = TrainLog(
        "two",
        (0, 1, 2),
        (Series("loss", (2.0, 1.0, 0.0)), Series("accuracy", (0.0, 1.0, 2.0))),
    )
    assert terminal_plot(log, 32, 7, ascii_only=True).splitlines() == [
        "two",
        "2 |****                     oooo",
        "  |    *******       ooooooo",
        "1 |           *******",
        "  |    ooooooo       *******",
        "0 |oooo                     ****",
        "  +-----------------------------",
        "   0             1             2",
        "* loss   o accuracy",
    ]


def test_one_point_is_a_picture() -> None:
    """In the middle, with its value and its step."""
    assert terminal_plot(Curve.of([(3, 0.25)]), 32, 6).splitlines() == [
        "     │",
        "0.25 ┤             ●",
        "     │",
        "     │",
        "     └──────────────────────────",
        "                  3",
    ]


def test_a_curve_without_points() -> None:
    """One sentence stands for the picture; the title is kept."""
    assert terminal_plot(Curve()) == "no values to draw"
    assert terminal_plot(TrainLog("empty")) == "empty\nno values to draw"
    assert terminal_plot(TrainLog("t", (1,))) == "t\nno values to draw"


def test_values_that_are_not_finite_are_spoken_of() -> None:
    """They interrupt the curve; the first is named, and how many there are."""
    values = (1.0, math.nan, 3.0, math.inf, -math.inf)
    lines = terminal_plot(Curve((0, 1, 2, 3, 4), values), 32, 6).splitlines()
    assert lines[-1] == "not drawn: 3 of 5, NaN at step 1"
    assert sum(line.count("●") for line in lines) == 2
    log = TrainLog("", (7,), (Series("loss", (-math.inf,)),))
    assert terminal_plot(log) == (
        "no values to draw\nloss: not drawn: 1 of 1, -Infinity at step 7"
    )


@given(
    train_logs(),
    st.integers(MINIMUM[0], 90),
    st.integers(MINIMUM[1], 24),
    st.booleans(),
)
def test_any_log_fits(log: TrainLog, width: int, height: int, ascii_only: bool) -> None:
    """No line is wider than was allowed, none can steer a terminal."""
    text = terminal_plot(log, width, height, ascii_only=ascii_only)
    lines = text.split("\n")
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    assert not ascii_only or text.isascii()
    finite = any(math.isfinite(v) for one in log.series for v in one.values)
    assert finite != ("no values to draw" in lines)
    if finite:
        corner = "+-" if ascii_only else "└─"
        (axis,) = (place for place, line in enumerate(lines) if corner in line)
        assert axis == height - 2 + bool(log.title)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30, unique=True))
def test_the_largest_value_is_on_top(values: list[float]) -> None:
    """It has a mark in the first row, and the least one in the last."""
    lines = terminal_plot(
        Curve(tuple(range(len(values))), tuple(values)),
        60,
        12,
        scale="linear",
        ascii_only=True,
    ).splitlines()
    left = lines[0].index("|")
    top, bottom = values.index(max(values)), values.index(min(values))
    columns = 60 - left - 1
    for row, place in ((lines[0], top), (lines[9], bottom)):
        assert row[left + 1 + round(place * (columns - 1) / (len(values) - 1))] == "*"


def test_a_legend_takes_the_lines_that_it_needs() -> None:
    """Many names break where they must; a name too long is cut."""
    names = ["a" * 20, "b" * 20, "c" * 50]
    log = TrainLog("", (0,), tuple(Series(name, (1.0,)) for name in names))
    lines = terminal_plot(log, 32, 6, ascii_only=True).splitlines()
    assert lines[6:] == ["* " + "a" * 20, "o " + "b" * 20, "+ " + "c" * 30]


def test_what_a_terminal_would_obey_is_shown() -> None:
    """Escapes and line ends in a title do nothing."""
    log = TrainLog("a\x1b[2J\nb \u00b5", (0,), (Series("loss", (1.0,)),))
    assert terminal_plot(log).splitlines()[0] == "a?[2J?b \u00b5"
    assert terminal_plot(log, ascii_only=True).splitlines()[0] == "a?[2J?b ?"


@pytest.mark.parametrize(("width", "height"), [(31, 10), (80, 5)])
def test_too_little_space_is_refused(width: int, height: int) -> None:
    """The least sizes are named."""
    with pytest.raises(TorchLeanError) as refused:
        terminal_plot(FALL, width, height)
    assert refused.value.reason is Reason.DOMAIN
    assert str(refused.value) == (
        f"expected at least 32 columns and 6 lines, got {width} and {height}"
    )


@pytest.mark.parametrize(
    ("steps", "numbers"),
    [
        ((100, 301), "100             200             301"),
        ((0, 1), "0                                 1"),
        ((7, 8), "7                                 8"),
        ((10**30, 2 * 10**30), "1e30          1.5e30           2e30"),
    ],
)
def test_steps_stand_below_their_columns(steps: tuple[int, int], numbers: str) -> None:
    """The first at the left, the last at the right, one between in its own column."""
    lines = terminal_plot(Curve(steps, (0.0, 1.0)), 40, 6).splitlines()
    assert lines[-1] == " " * (40 - len(numbers)) + numbers


def test_a_legend_fills_a_line() -> None:
    """Two names share a line as long as they fit to the last column."""
    for length, legend in (
        (12, ["* " + "a" * 12 + "   o " + "b" * 13]),
        (13, ["* " + "a" * 13, "o " + "b" * 13]),
    ):
        series = (Series("a" * length, (1.0,)), Series("b" * 13, (1.0,)))
        lines = terminal_plot(TrainLog("", (0,), series), 32, 6, ascii_only=True)
        assert lines.splitlines()[6:] == legend


def test_the_usual_size() -> None:
    """As wide as a terminal of old, less a margin."""
    assert terminal_plot(FALL) == terminal_plot(FALL, 72, 16)


def test_another_scale_is_refused() -> None:
    """A word that is none of the three does not fall back to one of them."""
    scale: Any = "logarithmic"
    with pytest.raises(TorchLeanError) as refused:
        terminal_plot(FALL, scale=scale)
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == (
        "expected a scale 'auto', 'linear' or 'log', got 'logarithmic'"
    )


def test_a_scale_that_was_asked_for() -> None:
    """The logarithmic one refuses a zero; the linear one does what it says."""
    with pytest.raises(TorchLeanError) as refused:
        terminal_plot(FALL, scale="log")
    assert str(refused.value) == (
        "expected positive values for a logarithmic scale, got 0.0"
    )
    wide = Curve.of([(0, 100.0), (1, 1.0)])
    assert "\n 10 ┤" in terminal_plot(wide, 40, 8)
    assert terminal_plot(wide, 40, 8) == terminal_plot(wide, 40, 8, scale="log")
    assert "\n 50 ┤" in terminal_plot(wide, 40, 8, scale="linear")
