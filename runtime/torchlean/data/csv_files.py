r"""Data sets from CSV files, cell by cell, with the place of what is wrong.

Rows and columns are counted from 1 in errors, as a spreadsheet counts them: the header
is row 1 where there is one. (The original leaves a skipped header out.)

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / "flowers.csv"
>>> _ = path.write_text("length,width,kind\n1.5,.5,rose\n2.,0.25,tulip\n")
>>> flowers = csv_dataset(path, header=True, classes=("rose", "tulip"))
>>> flowers
TensorDataset(flowers: 2 samples of shape [2], 2 classes)
>>> flowers.inputs.tolist(), flowers.targets.tolist(), flowers.feature_names
([[1.5, 0.5], [2.0, 0.25]], [0, 1], ('length', 'width'))
"""

from __future__ import annotations

import csv
import math
import os
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast, overload

import numpy as np

from torchlean.data.arrays import Inputs, TargetArray
from torchlean.data.dataset import TensorDataset
from torchlean.files import refusal
from torchlean_spec.data import Labels, Rows, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Dim, Scalar

Column = int | str
"""A column: its number from 0, from -1 backwards, or its name in the header."""

Vector = Dim[int, Scalar]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a CSV file is written.

    Args:
        delimiter: The character between two cells.
        header: Whether the first row has the names of the columns.
        trim: Whether spaces around a cell are left out.
        allow_empty_lines: Whether lines without a cell are passed over.

    Raises:
        TorchLeanError: `DOMAIN` for a delimiter that is not one character.
    """

    delimiter: str = ","
    header: bool = False
    trim: bool = True
    allow_empty_lines: bool = True

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise TorchLeanError(
                Reason.DOMAIN,
                "expected a delimiter of one character, no quote and no line end, "
                f"got {self.delimiter!r}",
            )


@dataclass(frozen=True, slots=True)
class _Place:
    """A cell's file, row and column, for errors."""

    path: str
    row: int
    column: int | None = None

    def refuse(self, sentence: str, reason: Reason = Reason.FILE_FORMAT) -> NoReturn:
        where = f"{self.path}: row {self.row}"
        if self.column is not None:
            where += f", column {self.column}"
        raise TorchLeanError(reason, f"{where}: {sentence}")


def csv_rows(
    path: str | os.PathLike[str], options: CsvOptions | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file, the header too: the number of each, from 1, and its cells.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` for
            text that is not UTF-8, quotes that do not close, rows of different
            lengths, or an empty line where none is allowed.
    """
    chosen = options or CsvOptions()
    name, width, number = os.fspath(path), None, 0
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(
                file,
                delimiter=chosen.delimiter,
                skipinitialspace=chosen.trim,
                strict=True,
            )
            for number, cells in enumerate(rows, 1):
                place = _Place(name, number)
                if not any(map(str.strip, cells)) and len(cells) < 2:
                    if not chosen.allow_empty_lines:
                        place.refuse("expected a row of cells, got an empty line")
                    continue
                width = width or len(cells)
                if len(cells) != width:
                    place.refuse(f"expected {width} columns, got {len(cells)}")
                yield number, [each.strip() for each in cells] if chosen.trim else cells
    except OSError as error:
        raise refusal("read", path, error) from error
    except UnicodeDecodeError as error:
        wrong = error.object[error.start]
        _Place(name, number + 1).refuse(
            f"expected UTF-8 text, got a byte 0x{wrong:02x}"
        )
    except csv.Error as error:
        _Place(name, number + 1).refuse(f"expected cells of CSV, got: {error}")


def csv_array(
    path: str | os.PathLike[str], options: CsvOptions | None = None
) -> Inputs:
    """All cells of a file as numbers, `[rows, columns]`; the header is left out.

    Each is the binary64 number nearest to the decimal that is written.

    Raises:
        TorchLeanError: As `csv_rows`; `FILE_FORMAT` for a cell that is no number,
            `EMPTY_DATA` without rows.
    """
    numbers, count, width = array("d"), 0, 0
    chosen = options or CsvOptions()
    for number, cells in _body(csv_rows(path, chosen), chosen):
        count, width = count + 1, len(cells)
        _extend(numbers, cells, range(width), os.fspath(path), number)
    _require_rows(path, count)
    return np.asarray(numbers, np.float64).reshape(count, width)


@overload
def csv_dataset(
    path: str | os.PathLike[str],
    *,
    inputs: Sequence[Column] | None = None,
    targets: Column | Sequence[Column] = -1,
    classes: None = None,
    delimiter: str = ",",
    header: bool = False,
    trim: bool = True,
    allow_empty_lines: bool = True,
    name: str | None = None,
) -> TensorDataset[Vector, Rows[Vector]]: ...
@overload
def csv_dataset(
    path: str | os.PathLike[str],
    *,
    inputs: Sequence[Column] | None = None,
    targets: Column | Sequence[Column] = -1,
    classes: int | Sequence[str],
    delimiter: str = ",",
    header: bool = False,
    trim: bool = True,
    allow_empty_lines: bool = True,
    name: str | None = None,
) -> TensorDataset[Vector, Labels]: ...
def csv_dataset(
    path: str | os.PathLike[str],
    *,
    inputs: Sequence[Column] | None = None,
    targets: Column | Sequence[Column] = -1,
    classes: int | Sequence[str] | None = None,
    delimiter: str = ",",
    header: bool = False,
    trim: bool = True,
    allow_empty_lines: bool = True,
    name: str | None = None,
) -> TensorDataset[Vector, Rows[Vector]] | TensorDataset[Vector, Labels]:
    """A data set from a CSV file, one sample a row.

    A number is a decimal such as `-1.5`, `.5`, `1.` or `2e-3`; the data set holds
    the binary64 number nearest to it. Cells may be quoted.

    Args:
        path: The file, UTF-8.
        inputs: The columns of the inputs; all that are no targets by default.
        targets: The column, or columns, of the targets; the last by default.
        classes: None if the targets are numbers; else how many classes there are,
            and the cells are their indices from 0, or what the classes are called,
            and the cells are their names.
        delimiter: The character between two cells.
        header: Whether the first row has the names of the columns.
        trim: Whether spaces around a cell are left out.
        allow_empty_lines: Whether lines without a cell are passed over.
        name: What the data are called; by default the file's name.

    Raises:
        TorchLeanError: `FILE_FORMAT` for a cell that is no number, as for what
            `csv_rows` refuses, with row and column; `CLASS_OUT_OF_RANGE` for a cell
            that is no class; `UNKNOWN_NAME` or `AXIS_OUT_OF_RANGE` for a column
            that is not there; `SHAPE_MISMATCH` without a column of inputs or of
            targets; `EMPTY_DATA` without rows; `CONTRADICTION` for classes in more
            than one column.
    """
    options = CsvOptions(delimiter, header, trim, allow_empty_lines)
    rows = csv_rows(path, options)
    first = next(rows, (0, []))
    found = _Columns.chosen(os.fspath(path), first[1], header, inputs, targets)
    if classes is not None and len(found.targets) != 1:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"expected classes in 1 column, got {len(found.targets)}",
        )
    indices, wanted = array("q"), array("d")
    numbers, count = array("d"), 0
    names = () if classes is None or isinstance(classes, int) else tuple(classes)
    total = classes if isinstance(classes, int) else len(names)
    body = rows if header else _with_first(first, rows)
    for number, cells in body:
        count += 1
        _extend(numbers, cells, found.inputs, found.path, number)
        if classes is None:
            _extend(wanted, cells, found.targets, found.path, number)
        else:
            (column,) = found.targets
            place = _Place(found.path, number, column + 1)
            indices.append(_class(cells[column], place, total, names))
    _require_rows(path, count)
    answers: TargetArray = np.asarray(indices, np.int64)
    if classes is None:
        answers = np.asarray(wanted, np.float64).reshape(count, -1)
    made: TensorDataset[Vector, Targets] = TensorDataset(
        np.asarray(numbers, np.float64).reshape(count, len(found.inputs)),
        answers,
        None if classes is None else total,
        Path(path).stem if name is None else name,
        names,
        tuple(first[1][each] for each in found.inputs) if header else (),
    )
    return cast("TensorDataset[Vector, Labels]", made)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns are read, by their numbers from 0."""

    path: str
    inputs: tuple[int, ...]
    targets: tuple[int, ...]

    @staticmethod
    def chosen(
        path: str,
        first: list[str],
        header: bool,
        inputs: Sequence[Column] | None,
        targets: Column | Sequence[Column],
    ) -> _Columns:
        if not first:
            _require_rows(path, 0)
        given = [targets] if isinstance(targets, int | str) else list(targets)
        names = first if header else []
        answers = tuple(_column(path, each, len(first), names) for each in given)
        if inputs is None:
            read = tuple(each for each in range(len(first)) if each not in answers)
        else:
            read = tuple(_column(path, each, len(first), names) for each in inputs)
        if not read or not answers:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"{path}: expected at least 1 column of inputs and 1 of targets, "
                f"got {len(read)} and {len(answers)}",
            )
        return _Columns(path, read, answers)


def _column(path: str, column: Column, width: int, names: list[str]) -> int:
    if isinstance(column, str):
        if column not in names:
            listed = ", ".join(names) or "none, since it has no header"
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                f"{path}: expected a column named {listed}, got {column!r}",
            )
        return names.index(column)
    if not -width <= column < width:
        raise TorchLeanError(
            Reason.AXIS_OUT_OF_RANGE,
            f"{path}: expected a column from {-width} to {width - 1}, got {column}",
        )
    return column % width


def _with_first(
    first: tuple[int, list[str]], rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rows


def _body(
    rows: Iterator[tuple[int, list[str]]], options: CsvOptions
) -> Iterator[tuple[int, list[str]]]:
    """The rows without the header."""
    if options.header:
        next(rows, None)
    return rows


def _require_rows(path: str | os.PathLike[str], count: int) -> None:
    if not count:
        raise TorchLeanError(
            Reason.EMPTY_DATA,
            f"{os.fspath(path)}: expected at least 1 row of data, got none",
        )


def _extend(
    numbers: array[float], cells: list[str], columns: Sequence[int], path: str, row: int
) -> None:
    """Add the numbers in some columns of a row."""
    for column in columns:
        cell = cells[column]
        # Python rounds a decimal to the nearest binary64 number, once.
        value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
        if not math.isfinite(value):
            kind = "a number" + " that float64 holds" * math.isinf(value)
            place = _Place(path, row, column + 1)
            place.refuse(f"expected {kind}, got {cell!r}")
        numbers.append(value)


def _class(cell: str, place: _Place, classes: int, names: tuple[str, ...]) -> int:
    if names:
        if cell not in names:
            place.refuse(
                f"expected a class named {', '.join(names)}, got {cell!r}",
                Reason.CLASS_OUT_OF_RANGE,
            )
        return names.index(cell)
    if not _WHOLE.fullmatch(cell):
        place.refuse(f"expected a class as a whole number, got {cell!r}")
    if not int(cell) < classes:
        place.refuse(
            f"expected a class from 0 to {classes - 1}, got {cell}",
            Reason.CLASS_OUT_OF_RANGE,
        )
    return int(cell)
