"""Training logs as CSV: a column for each series, and nothing is lost.

The first lines, which begin with `#`, hold the title, the notes and the colours; then
come the names, and a row for each step (RFC 4180, with line feeds). Numbers are the
shortest decimals that read back; NaN and the infinities are words. A table without
the first lines is read too. Where a log has no steps, their cells are empty, and so
are those behind the end of a shorter series.

>>> log = TrainLog("digits", (0, 25), (Series("loss", (2.25, 1e-7)),), ("seed=7",))
>>> print(to_csv(log), end="")
# title,digits
# note,seed=7
# color,#0a7
step,loss
0,2.25
25,1e-07
>>> parse_csv(to_csv(log)) == log
True
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from itertools import zip_longest

from torchlean.files import read_text, write_text
from torchlean.json_fields import number, unexpected
from torchlean.json_layout import named
from torchlean.log import GREEN, Series, TrainLog
from torchlean_spec.errors import Reason, TorchLeanError

_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|\Z)')
_PLAIN = re.compile(r'[^",\r\n\s][^",\r\n]*')
_COUNT = re.compile(r"[0-9]+")
_TITLE, _NOTE, _COLOR, _STEP = "# title", "# note", "# color", "step"


def to_csv(log: TrainLog) -> str:
    """The text of a log's table."""
    columns = [one.values for one in log.series]
    rows = [
        [_TITLE, _quoted(log.title)],
        *([_NOTE, _quoted(note)] for note in log.notes),
        [_COLOR, *(_quoted(one.color) for one in log.series)],
        [_STEP, *(_quoted(one.name) for one in log.series)],
    ]
    for step, *cells in zip_longest(log.steps, *columns):
        numbers = ("" if cell is None else _number(cell) for cell in cells)
        rows.append(["" if step is None else str(step), *numbers])
    return "".join(",".join(row) + "\n" for row in rows)


def write_csv(log: TrainLog, path: str | os.PathLike[str]) -> None:
    """Write a log as a CSV file, whole or not at all.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written, `DOMAIN` for
            text that UTF-8 cannot write.
    """
    text = to_csv(log)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected Unicode text, got {text[error.start : error.end]!r}",
        ) from error
    write_text(path, text)


def read_csv(path: str | os.PathLike[str]) -> TrainLog:
    """Read what `write_csv` wrote, or a plain table with a column of steps.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if
            it is no such table.
    """
    return parse_csv(read_text(path), os.fspath(path))


def parse_csv(text: str, what: str = "table") -> TrainLog:
    """Read the text of a table; see `read_csv`.

    Args:
        text: The text.
        what: What the text is, for the error message.

    Raises:
        TorchLeanError: `FILE_FORMAT`, naming the line.
    """
    lines = _lines(what, text.removeprefix("\ufeff"))
    title, notes, colors = TrainLog().title, list[str](), list[str]()
    for line, (head, *rest) in lines:
        place = f"{what}, line {line}"
        if head == _TITLE:
            (title,) = _sized(place, rest, 1)
        elif head == _NOTE:
            notes += _sized(place, rest, 1)
        elif head == _COLOR:
            colors = rest
        elif head == _STEP:
            names = rest
            colors = _sized(place, colors or [GREEN] * len(names), len(names))
            break
        else:
            raise unexpected(place, f"a row that begins with {_STEP}", head)
    else:
        raise unexpected(what, f"a row that begins with {_STEP}", None)
    steps, columns = _columns(what, lines, len(names))
    series = map(Series, names, map(tuple, columns), colors)
    return TrainLog(title, tuple(steps), tuple(series), tuple(notes))


def _columns(
    what: str, lines: Iterator[tuple[int, list[str]]], width: int
) -> tuple[list[int], list[list[float]]]:
    """The steps, and the values of each series."""
    steps: list[int] = []
    columns: list[list[float]] = [[] for _ in range(width)]
    for row, (line, (head, *rest)) in enumerate(lines):
        place = f"{what}, line {line}"
        if head or steps:
            if len(steps) != row or not _COUNT.fullmatch(head):
                expected = "a step, an integer of at least 0, in each row or in none"
                raise unexpected(place, expected, head)
            steps.append(int(head))
        for column, cell in zip(columns, _sized(place, rest, width), strict=True):
            if cell or steps:
                if len(column) != row:
                    raise unexpected(place, "nothing behind a series' end", cell)
                column.append(number(place, cell))
    return steps, columns


def _lines(what: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table: the line in which each begins, and its cells."""
    place, line, row = 0, 1, list[str]()
    while place < len(text):
        match = _CELL.match(text, place)
        if match is None:
            raise unexpected(f"{what}, line {line}", "a cell", text[place:])
        quoted, plain, end = match.groups()
        row.append(plain if quoted is None else quoted.replace('""', '"'))
        if end == ",":
            place = match.end()
            continue
        yield line, row
        line += text.count("\n", place, match.end())
        place, row = match.end(), []
    if row:
        yield line, [*row, ""]


def _sized(place: str, cells: list[str], wanted: int) -> list[str]:
    if len(cells) != wanted:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{place}: expected {wanted + 1} cells, got {len(cells) + 1}",
        )
    return cells


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else named(value)


def _quoted(text: str) -> str:
    """A cell of text, in quotes where it must be."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace('"', '""') + '"'
