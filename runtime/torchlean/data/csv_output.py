"""Columns of numbers as CSV files.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / "table.csv"
>>> write_csv(path, {"x": [0, 1], "y": [0.1, 2.0]})
>>> path.read_text().splitlines()
['x,y', '0,0.1', '1,2.0']
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from torchlean.files import write_text
from torchlean_spec.errors import Reason, TorchLeanError


def write_csv(
    path: str | os.PathLike[str],
    columns: Mapping[str, ArrayLike],
    delimiter: str = ",",
) -> None:
    """Write columns of numbers under their names, whole or not at all.

    Each number is the shortest decimal that reads back as the same number.

    Args:
        path: Where to.
        columns: A vector of numbers for each name; all of one length.
        delimiter: The character between two cells.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for columns of different lengths,
            `FILE_ACCESS` if the file cannot be written.
    """
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    shapes = {name: list(each.shape) for name, each in arrays.items()}
    alike = len({tuple(shape) for shape in shapes.values()}) == 1
    if not alike or any(len(shape) != 1 for shape in shapes.values()):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected columns of one length, got the shapes {shapes}",
        )
    lines = [_line(arrays, delimiter)]
    cells = (map(repr, each.tolist()) for each in arrays.values())
    lines += [delimiter.join(row) for row in zip(*cells, strict=True)]
    write_text(Path(path), "\n".join(lines) + "\n")


def _line(names: Mapping[str, object], delimiter: str) -> str:
    """Names as a row; one that needs quotes gets them."""
    quoted = (
        '"' + name.replace('"', '""') + '"'
        if set(name) & {delimiter, '"', "\n", "\r", " "}
        else name
        for name in names
    )
    return delimiter.join(quoted)


def write_prediction_csv(
    path: str | os.PathLike[str],
    inputs: ArrayLike,
    targets: ArrayLike,
    predictions: ArrayLike,
) -> None:
    """Write what a model of one number answers, beside what it should answer.

    Row i has `i`, `x = i / (n - 1)` (0 for a single row), input, target and
    prediction: the columns of the original.

    Raises:
        TorchLeanError: As `write_csv`.
    """
    given = np.asarray(inputs, np.float64).reshape(-1)
    count = len(given)
    columns = {
        "i": np.arange(count),
        "x": np.arange(count) / max(count - 1, 1),
        "input": given,
        "target": np.asarray(targets, np.float64).reshape(-1),
        "prediction": np.asarray(predictions, np.float64).reshape(-1),
    }
    write_csv(path, columns)
