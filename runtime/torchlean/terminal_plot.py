"""Curves drawn in text, for a terminal.

One curve is drawn in dots of Braille, two by four in a character; several have a mark
each, one in a character, and a legend. With `ascii_only` there are marks of ASCII.

>>> curve = Curve.of((step, 100 / (1 + step)) for step in range(0, 51, 5))
>>> print(terminal_plot(curve, 40, 8, ascii_only=True))
100 |*
 50 | **
 20 |   ***
 10 |      ***
  5 |         **************
  2 |                       ************
    +-----------------------------------
     0               25               50
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torchlean.log import Curve, TrainLog
from torchlean.plot_axes import Scale, ValueAxis, step_label, value_axis
from torchlean.report_lines import shown
from torchlean_spec.errors import Reason, TorchLeanError

MINIMUM = (32, 6)
"""The least width and height, in characters."""

_MARKS = "●○◆◇■□▲△" + string.ascii_letters
_ASCII_MARKS = "*o+x#@%&" + string.ascii_letters
_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a character, by row and column."""

Point = tuple[int, float]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the drawing stands: its characters, and what its edges mean."""

    columns: int
    rows: int
    first: int
    """The step at the left edge."""
    last: int
    """The step at the right edge."""
    axis: ValueAxis

    def place(self, point: Point, across: int, down: int) -> tuple[int, int]:
        """The dot of a point, from the top left, of so many dots in a character."""
        step, value = point
        span = self.last - self.first
        share = (step - self.first) / span if span else 0.5
        right = round(share * (self.columns * across - 1))
        up = round(self.axis.share(value) * (self.rows * down - 1))
        return right, self.rows * down - 1 - up


def terminal_plot(
    curve: Curve | TrainLog,
    width: int = 72,
    height: int = 16,
    *,
    scale: Scale = "auto",
    ascii_only: bool = False,
) -> str:
    """A picture of a curve, or of every series of a log, in text.

    Successive points are joined. A value that is not finite is left out, interrupts
    its curve, and is spoken of below the picture; a log without finite values has
    that sentence alone.

    Args:
        curve: What to draw. A log's title stands above it.
        width: The columns that the picture may fill.
        height: The lines of the drawing and of the axis below it. Title, legend and
            remarks have lines of their own.
        scale: `"auto"` is logarithmic for positive values that differ by more than a
            factor of 20.
        ascii_only: Whether to do without Braille and lines.

    Returns:
        The lines, without a line end behind the last.

    Raises:
        TorchLeanError: `DOMAIN` for a width below 32 or a height below 6, or values
            that are not positive on a logarithmic scale; `UNKNOWN_NAME` for another
            scale.
    """
    if width < MINIMUM[0] or height < MINIMUM[1]:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected at least {MINIMUM[0]} columns and {MINIMUM[1]} lines, "
            f"got {width} and {height}",
        )
    log = curve.to_train_log("", "") if isinstance(curve, Curve) else curve
    curves = [(one.name, _points(log, one.values)) for one in log.series]
    heading = [log.title] if log.title else []
    remarks = [remark for name, points in curves for remark in _remarks(name, points)]
    finite = [point for _, points in curves for point in points if _is_finite(point)]
    if finite:
        steps = [step for step, _ in finite]
        axis = value_axis([value for _, value in finite], height - 2, scale)
        columns = width - axis.label_width - 2
        frame = _Frame(columns, height - 2, min(steps), max(steps), axis)
        marks = _ASCII_MARKS if ascii_only else _MARKS
        runs = [list(_runs(points)) for _, points in curves]
        drawn = (
            _marked(frame, runs, marks)
            if ascii_only or len(curves) > 1
            else _dotted(frame, runs[0])
        )
        picture = _framed(frame, drawn, ascii_only)
        legend = _legend([name for name, _ in curves], marks, width)
        lines = [*heading, *picture, *legend, *remarks]
    else:
        lines = [*heading, "no values to draw", *remarks]
    return "\n".join(_clean(line, ascii_only)[:width].rstrip() for line in lines)


def _points(log: TrainLog, values: Sequence[float]) -> list[Point]:
    return list(zip(log.steps or range(len(values)), values, strict=True))


def _is_finite(point: Point) -> bool:
    return math.isfinite(point[1])


def _runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The stretches of a curve that are not interrupted."""
    run: list[Point] = []
    for point in points:
        if _is_finite(point):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _remarks(name: str, points: Sequence[Point]) -> Iterator[str]:
    """What is said of values that cannot be drawn."""
    wrong = [point for point in points if not _is_finite(point)]
    if wrong:
        step, value = wrong[0]
        whose = f"{name}: " if name else ""
        count = f"not drawn: {len(wrong)} of {len(points)}"
        yield f"{whose}{count}, {shown(value)} at step {step_label(step)}"


def _dots(
    frame: _Frame, runs: Sequence[list[Point]], across: int, down: int
) -> Iterator[tuple[int, int]]:
    """The dots of a curve; points that follow each other are joined."""
    for run in runs:
        places = [frame.place(point, across, down) for point in run]
        yield places[0]
        for (left, top), (right, bottom) in pairwise(places):
            count = max(abs(right - left), abs(bottom - top))
            for part in range(1, count + 1):
                yield (
                    left + round(part * (right - left) / count),
                    top + round(part * (bottom - top) / count),
                )


def _dotted(frame: _Frame, runs: Sequence[list[Point]]) -> list[list[str]]:
    """One curve in Braille; a point by itself would hardly be seen, so it is marked."""
    bits = [[0] * frame.columns for _ in range(frame.rows)]
    for right, below in _dots(frame, runs, 2, 4):
        bits[below // 4][right // 2] |= _BRAILLE[below % 4][right % 2]
    grid = [[chr(0x2800 + bit) if bit else " " for bit in row] for row in bits]
    for run in runs:
        if len(run) == 1:
            right, below = frame.place(run[0], 2, 4)
            grid[below // 4][right // 2] = _MARKS[0]
    return grid


def _marked(
    frame: _Frame, curves: Sequence[Sequence[list[Point]]], marks: str
) -> list[list[str]]:
    """Each curve in its own mark; the first lies on top."""
    grid = [[" "] * frame.columns for _ in range(frame.rows)]
    for place, runs in reversed(list(enumerate(curves))):
        for right, below in _dots(frame, runs, 1, 1):
            grid[below][right] = marks[place % len(marks)]
    return grid


def _framed(
    frame: _Frame, drawn: Sequence[Sequence[str]], ascii_only: bool
) -> Iterator[str]:
    """The drawing with its axes and their numbers."""
    side, tick, corner, line = "||+-" if ascii_only else "│┤└─"
    labels = frame.axis.labels(frame.rows)
    width = frame.axis.label_width
    for row, cells in enumerate(drawn):
        edge = tick if row in labels else side
        yield f"{labels.get(row, ''):>{width}} {edge}{''.join(cells)}"
    yield " " * (width + 1) + corner + line * frame.columns
    yield " " * (width + 2) + _step_numbers(frame)


def _step_numbers(frame: _Frame) -> str:
    """The first and the last step below their columns, and one between if it fits."""
    first, last = step_label(frame.first), step_label(frame.last)
    columns = frame.columns
    if frame.first == frame.last:
        return first.center(columns)
    line = first.ljust(columns - len(last)) + last
    between = (frame.first + frame.last) // 2
    middle = step_label(between)
    share = (between - frame.first) / (frame.last - frame.first)
    start = round(share * (columns - 1)) - len(middle) // 2
    end = start + len(middle)
    if first != middle != last and not line[max(start - 2, 0) : end + 2].strip():
        line = line[:start] + middle + line[end:]
    return line


def _legend(names: Sequence[str], marks: str, width: int) -> Iterator[str]:
    """The mark of each of several curves, in lines that fit."""
    line = ""
    for place, name in enumerate(names):
        entry = f"{marks[place % len(marks)]} {name}" if len(names) > 1 else name
        if line and len(line) + 3 + len(entry) > width:
            yield line
            line = ""
        line = f"{line}   {entry}" if line else entry
    if line:
        yield line


def _clean(line: str, ascii_only: bool) -> str:
    """A line without anything that a terminal would obey."""
    kept = "".join(c if c.isprintable() else "?" for c in line)
    return kept.encode("ascii", "replace").decode() if ascii_only else kept
