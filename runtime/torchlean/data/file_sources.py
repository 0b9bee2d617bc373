"""Where a data set lies, as a value: files, shapes and formats; `load` reads it.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> np.save(folder / "x.npy", np.zeros((5, 2), np.float32))
>>> np.save(folder / "y.npy", np.array([0, 1, 0, 1, 0]))
>>> source = LabeledSource.of_paths(
...     folder / "x.npy", folder / "y.npy", samples=4, shape=(2,), classes=2
... )
>>> source.load()
TensorDataset(x: 4 samples of shape [2], 2 classes)
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from torchlean.data.arrays import numbers_of
from torchlean.data.csv_files import CsvOptions, Vector, csv_array
from torchlean.data.dataset import TensorDataset, tensor_dataset
from torchlean.data.npy import Array, read_npy
from torchlean.data.npz import read_npz
from torchlean_spec.data import Rows, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape

PathLike = str | os.PathLike[str]
FileFormat = Literal["npy", "npz", "csv"]

FORMATS = ("npy", "npz", "csv")


def _format_of(path: PathLike) -> str:
    return Path(path).suffix.removeprefix(".")


@dataclass(frozen=True, slots=True)
class TensorSource:
    """An array in a file.

    Args:
        path: The file.
        shape: The shape that the array must have.
        format: `npy`, `npz` or `csv`; by default the file's ending.
        member: Which array of an NPZ file.
        prefix: Whether the file may have more rows, which are left alone.
        mapped: Whether an NPY array stays in the file; by default if it is large.
        csv: How a CSV file is written.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another format, `CONTRADICTION` for an
            NPZ file without a member, or a member of another file.
    """

    path: PathLike
    shape: tuple[int, ...]
    format: FileFormat | None = None
    member: str | None = None
    prefix: bool = False
    mapped: bool | None = None
    csv: CsvOptions = field(default_factory=CsvOptions)

    def __post_init__(self) -> None:
        if self.chosen_format not in FORMATS:
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                f"{os.fspath(self.path)}: expected format {', '.join(FORMATS)}, "
                f"got {self.chosen_format!r}",
            )
        if (self.chosen_format == "npz") != (self.member is not None):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{os.fspath(self.path)}: expected a member for an NPZ file and none "
                f"for another, got {self.member!r} for {self.chosen_format}",
            )

    @property
    def chosen_format(self) -> str:
        """The format that was named, or the file's ending."""
        return self.format or _format_of(self.path)

    def load(self) -> Array:
        """The array.

        Raises:
            TorchLeanError: As `read_npy`, `read_npz` or `csv_array`.
        """
        rows = self.shape[0] if self.prefix and self.shape else None
        if self.member is not None:
            return read_npz(
                self.path, self.member, shape=self.shape, rows=rows, mapped=self.mapped
            )
        if self.chosen_format == "npy":
            return read_npy(self.path, shape=self.shape, rows=rows, mapped=self.mapped)
        return self._from_csv(rows)

    def _from_csv(self, rows: int | None) -> Array:
        found: Array = csv_array(self.path, self.csv)
        if rows is not None and rows <= len(found):
            found = found[:rows]
        wanted = (*self.shape, 1)[0]
        if found.size != math.prod(self.shape) or len(found) != wanted:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"{os.fspath(self.path)}: expected numbers for shape "
                f"{list(self.shape)}, got {list(found.shape)}",
            )
        return found.reshape(self.shape)


@dataclass(frozen=True, slots=True)
class SupervisedSource:
    """Inputs and the numbers to predict, each in a file.

    Args:
        inputs: `[samples, ..]`.
        targets: `[samples, ..]`.
    """

    inputs: TensorSource
    targets: TensorSource

    @staticmethod
    def of_paths(
        inputs: PathLike,
        targets: PathLike,
        *,
        samples: int,
        shape: Sequence[int],
        target_shape: Sequence[int],
        prefix: bool = True,
    ) -> SupervisedSource:
        """Two files whose first samples are meant.

        Args:
            inputs: The file of the inputs.
            targets: The file of the targets.
            samples: How many samples.
            shape: The shape of one input.
            target_shape: The shape of one target.
            prefix: Whether the files may have more samples.
        """
        return SupervisedSource(
            TensorSource(inputs, (samples, *shape), prefix=prefix),
            TensorSource(targets, (samples, *target_shape), prefix=prefix),
        )

    def load(self) -> TensorDataset[Shape, Targets]:
        """The data set; mapped files stay mapped.

        Raises:
            TorchLeanError: As `TensorSource.load` and `tensor_dataset`.
        """
        answers = self.targets.load()
        if answers.dtype.kind in "iu":
            # Whole numbers in this file are numbers to predict, and no classes.
            answers = numbers_of("targets", answers)
        name = Path(self.inputs.path).stem
        return tensor_dataset(self.inputs.load(), answers, name=name)


@dataclass(frozen=True, slots=True)
class LabeledSource:
    """Inputs and their classes, each in a file.

    Args:
        inputs: `[samples, ..]`.
        labels: `[samples]`, whole numbers from 0 to `classes - 1`.
        classes: How many classes there are.
    """

    inputs: TensorSource
    labels: TensorSource
    classes: int

    @staticmethod
    def of_paths(
        inputs: PathLike,
        labels: PathLike,
        *,
        samples: int,
        shape: Sequence[int],
        classes: int,
        prefix: bool = True,
    ) -> LabeledSource:
        """Two files whose first samples are meant.

        Args:
            inputs: The file of the inputs.
            labels: The file of the labels.
            samples: How many samples.
            shape: The shape of one input.
            classes: How many classes there are.
            prefix: Whether the files may have more samples.
        """
        return LabeledSource(
            TensorSource(inputs, (samples, *shape), prefix=prefix),
            TensorSource(labels, (samples,), prefix=prefix),
            classes,
        )

    def load(self) -> TensorDataset[Shape, Targets]:
        """The data set; a mapped file of inputs stays mapped.

        Raises:
            TorchLeanError: As `TensorSource.load` and `labels_of`.
        """
        labels = labels_of(self.labels.load(), self.classes)
        name = Path(self.inputs.path).stem
        return tensor_dataset(
            self.inputs.load(), labels, classes=self.classes, name=name
        )


@dataclass(frozen=True, slots=True)
class TabularSupervisedSource:
    """A CSV file: the first columns are the inputs, the others the targets.

    Args:
        path: The file.
        inputs: How many columns the inputs have.
        targets: How many columns the targets have.
        csv: How the file is written.
    """

    path: PathLike
    inputs: int
    targets: int = 1
    csv: CsvOptions = field(default_factory=CsvOptions)

    def load(self) -> TensorDataset[Vector, Rows[Vector]]:
        """The data set.

        Raises:
            TorchLeanError: As `csv_array`; `SHAPE_MISMATCH` for another number
                of columns.
        """
        table = csv_array(self.path, self.csv)
        if table.shape[1] != self.inputs + self.targets:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"{os.fspath(self.path)}: expected {self.inputs} columns of inputs and "
                f"{self.targets} of targets, got {table.shape[1]} columns",
            )
        name = Path(self.path).stem
        return TensorDataset(
            table[:, : self.inputs], table[:, self.inputs :], None, name
        )


def labels_of(numbers: Array, classes: int) -> Array:
    """Numbers as class indices, if that is what they are.

    A number of another format must be whole, from 0 on, and no negative zero.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE`, naming the row.

    >>> labels_of(np.array([1.0, 0.0]), classes=2)
    array([1, 0])
    """
    flat = np.asarray(numbers)
    if flat.dtype.kind == "f":
        wrong = (flat != np.floor(flat)) | np.signbit(flat) | ~(flat < classes)
    else:
        wrong = (flat < 0) | (flat >= classes)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"targets, row {row}: expected a class from 0 to {classes - 1}, "
            f"got {flat[row]}",
        )
    return flat.astype(np.int64)


def require_file(path: PathLike, what: str, hint: str = "") -> Path:
    """Refuse, unless there is a file; say how to get it.

    Args:
        path: Where it should be.
        what: What it is.
        hint: One sentence on how to get it.

    Returns:
        The path.

    Raises:
        TorchLeanError: `FILE_ACCESS`.
    """
    if not Path(path).is_file():
        advice = f" ({hint})" if hint else ""
        raise TorchLeanError(
            Reason.FILE_ACCESS,
            f"expected {what} at {os.fspath(path)}, got no such file{advice}",
        )
    return Path(path)


def require_files(
    paths: Iterable[PathLike], what: str = "a data file", hint: str = ""
) -> tuple[Path, ...]:
    """Refuse, unless all files are there; the first that is not is named.

    Raises:
        TorchLeanError: As `require_file`.
    """
    return tuple(require_file(path, what, hint) for path in paths)
