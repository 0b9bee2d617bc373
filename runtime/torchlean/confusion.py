"""A confusion matrix: counted, merged, and as a file of rows like the original's.

>>> ConfusionMatrix.of(2, predicted=[0, 1, 0], labels=[0, 1, 1]).recall(1)
Fraction(1, 2)

>>> matrix = ConfusionMatrix(((9, 1), (0, 10)))
>>> print(matrix.to_json(), end="")
[[9, 1], [0, 10]]
>>> matrix.count
Count(correct=19, total=20)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import index

import numpy as np
from numpy.typing import ArrayLike

from torchlean import counting, json_fields
from torchlean.files import read_text, write_text
from torchlean.json_layout import layout, parse
from torchlean_spec import metrics as spec
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count
from torchlean_spec.shape import matrix
from torchlean_spec.tensor import Tensor


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """How often each class (row) was predicted as each class (column).

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless there are as many columns as rows,
            `DOMAIN` for a negative count.

    Source: the original's `ConfusionMatrix` (`NN/Runtime/Training/Log.lean`), which
    takes rows of any lengths, and which nothing fills.

    >>> first = ConfusionMatrix.of(3, [0, 1], [0, 1])
    >>> (first + first.add([2], [0])).counts
    ((2, 0, 1), (0, 2, 0), (0, 0, 0))
    """

    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        rows = tuple(tuple(map(index, row)) for row in self.counts)
        object.__setattr__(self, "counts", rows)
        for place, row in enumerate(rows):
            if len(row) != len(rows):
                raise TorchLeanError(
                    Reason.SHAPE_MISMATCH,
                    f"row {place}: expected {len(rows)} counts, one for each class, "
                    f"got {len(row)}",
                )
            if min(row) < 0:
                raise TorchLeanError(
                    Reason.DOMAIN,
                    f"row {place}: expected counts of at least 0, got {min(row)}",
                )

    @staticmethod
    def of(
        classes: int,
        predicted: ArrayLike = (),
        labels: ArrayLike = (),
        ignore_index: int | None = None,
    ) -> ConfusionMatrix:
        """The matrix of so many classes; of no sample it is all 0.

        Args:
            classes: How many classes there are.
            predicted: One class a sample.
            labels: The true ones.
            ignore_index: Samples with this label do not count at all.

        Raises:
            TorchLeanError: `CLASS_OUT_OF_RANGE` for a label or a prediction that is
                no class, `SHAPE_MISMATCH` for different numbers of them.
        """
        given, wanted = counting.integers(predicted), counting.integers(labels)
        counted = counting.that_count(len(given), wanted, ignore_index)
        counts = counting.confusion_counts(classes, given[counted], wanted[counted])
        return ConfusionMatrix.of_array(counts)

    def add(
        self, predicted: ArrayLike, labels: ArrayLike, ignore_index: int | None = None
    ) -> ConfusionMatrix:
        """The matrix with further samples; see `of`."""
        more = ConfusionMatrix.of(len(self.counts), predicted, labels, ignore_index)
        return self + more

    def __add__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        if len(self.counts) != len(other.counts):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected a matrix of {len(self.counts)} classes, "
                f"got one of {len(other.counts)}",
            )
        pairs = zip(self.counts, other.counts, strict=True)
        rows = (tuple(map(sum, zip(x, y, strict=True))) for x, y in pairs)
        return ConfusionMatrix(tuple(rows))

    @staticmethod
    def of_array(counts: ArrayLike) -> ConfusionMatrix:
        """The matrix of an array, such as `metrics.confusion_matrix` gives.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for anything but a matrix of integers,
                else as `ConfusionMatrix`.
        """
        array = np.asarray(counts)
        if array.ndim != 2 or array.dtype.kind not in "iu":
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                "expected a matrix of integers, "
                f"got {array.dtype} of shape {list(array.shape)}",
            )
        rows: Sequence[Sequence[int]] = array.tolist()
        return ConfusionMatrix(tuple(map(tuple, rows)))

    @property
    def count(self) -> Count:
        """How many were right, of how many."""
        right = sum(row[place] for place, row in enumerate(self.counts))
        return Count(right, sum(map(sum, self.counts)))

    @property
    def accuracy(self) -> Fraction:
        """The share of samples that were right.

        Raises:
            TorchLeanError: `EMPTY_DATA` if there is no sample.
        """
        if not self.count.total:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected at least 1 sample that counts, got none"
            )
        return self.count.share

    def precision(self, index: int) -> Fraction | None:
        """The share of right ones among the samples that were predicted as a class.

        `None` for a class that was never predicted.

        Raises:
            TorchLeanError: `CLASS_OUT_OF_RANGE` for a class that is none.
        """
        return spec.precision(self._table(), index)

    def recall(self, index: int) -> Fraction | None:
        """The share of right ones among the samples that are of a class.

        `None` for a class that no sample is of.

        Raises:
            TorchLeanError: `CLASS_OUT_OF_RANGE` for a class that is none.
        """
        return spec.recall(self._table(), index)

    def _table(self) -> spec.Table:
        classes = len(self.counts)
        values = tuple(count for row in self.counts for count in row)
        return Tensor(matrix(classes, classes), values)

    def to_json(self) -> str:
        """The rows as JSON text, with a line end behind it."""
        return layout([list(row) for row in self.counts]) + "\n"

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as a JSON file, whole or not at all.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be written.
        """
        write_text(path, self.to_json())

    @staticmethod
    def read_json(path: str | os.PathLike[str]) -> ConfusionMatrix:
        """Read what `write_json`, or the original, wrote.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT`
                if it is no confusion matrix.
        """
        return parse_confusion_matrix(read_text(path), os.fspath(path))


def parse_confusion_matrix(
    text: str, what: str = "confusion matrix"
) -> ConfusionMatrix:
    """Read the JSON text of a confusion matrix.

    Args:
        text: The JSON text.
        what: What the text is, for the error message.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is none.

    >>> parse_confusion_matrix("[[1, 0], [2, -1]]")
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: confusion matrix: [1][1]: expected an \
integer of at least 0, got -1
    """
    rows = enumerate(json_fields.elements(what, parse(what, text)))
    counts = tuple(
        tuple(
            json_fields.count(f"{what}: [{i}][{j}]", cell)
            for j, cell in enumerate(json_fields.elements(f"{what}: [{i}]", row))
        )
        for i, row in rows
    )
    try:
        return ConfusionMatrix(counts)
    except TorchLeanError as error:
        raise TorchLeanError(Reason.FILE_FORMAT, f"{what}: {error}") from error
