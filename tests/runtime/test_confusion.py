"""Confusion matrices as files."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import metrics
from torchlean.confusion import ConfusionMatrix, parse_confusion_matrix
from torchlean_spec import metrics as spec
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count

MATRICES = st.integers(0, 5).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(min_value=0), min_size=size, max_size=size),
        min_size=size,
        max_size=size,
    )
)


@given(MATRICES)
def test_a_matrix_reads_back(counts: list[list[int]]) -> None:
    """Counts of any size survive."""
    matrix = ConfusionMatrix(tuple(map(tuple, counts)))
    assert parse_confusion_matrix(matrix.to_json()) == matrix


def test_what_was_predicted_is_written_and_read(tmp_path: Path) -> None:
    """The counts of a metric go into a file, with its folders, and come back."""
    counted = metrics.confusion_matrix(3, [0, 1, 1, 2], [0, 1, 2, 2])
    matrix = ConfusionMatrix.of_array(counted)
    path = tmp_path / "new" / "confusion.json"
    matrix.write_json(path)
    assert path.read_text() == "[[1, 0, 0], [0, 1, 0], [0, 1, 1]]\n"
    assert ConfusionMatrix.read_json(path) == matrix
    assert matrix.count == Count(3, 4)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2)), max_size=9))
def test_matrices_of_batches_add_up(pairs: list[tuple[int, int]]) -> None:
    """However samples are grouped, the counts are those of the spec for the whole."""
    whole = ConfusionMatrix.of(3)
    for predicted, label in pairs:
        whole = whole.add([predicted], [label], ignore_index=-1)
    counted = [pair for pair in pairs if pair[1] != -1]
    table = tuple(
        tuple(counted.count((given_class, label)) for given_class in range(3))
        for label in range(3)
    )
    assert whole.counts == table
    assert whole + ConfusionMatrix.of(3) == whole
    if counted:
        found, labels = zip(*counted, strict=True)
        assert whole == ConfusionMatrix.of(3, found, labels)
        expected = spec.confusion_matrix(3, found, labels)
        assert whole.accuracy == spec.accuracy(found, labels).share
        for index in range(3):
            assert whole.precision(index) == spec.precision(expected, index)
            assert whole.recall(index) == spec.recall(expected, index)


def test_a_class_without_samples_has_no_share() -> None:
    """Never predicted: no precision; never there: no recall."""
    counted = ConfusionMatrix.of(3, [0, 0], [0, 1])
    assert [counted.precision(each) for each in range(3)] == [
        Fraction(1, 2),
        None,
        None,
    ]
    assert [counted.recall(each) for each in range(3)] == [1, 0, None]


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: ConfusionMatrix.of(2, [0, 2], [0, 1]),
        "expected a class from 0 to 1, got 2",
    ),
    (
        lambda: ConfusionMatrix.of(2, [0], [0, 1]),
        "expected one label for each of the 1 predictions, got 2 labels",
    ),
    (
        lambda: ConfusionMatrix.of(2) + ConfusionMatrix.of(3),
        "expected a matrix of 2 classes, got one of 3",
    ),
    (
        lambda: ConfusionMatrix.of(2).accuracy,
        "expected at least 1 sample that counts, got none",
    ),
    (
        lambda: ConfusionMatrix.of(2).recall(2),
        "expected a class from 0 to 1, got 2",
    ),
]


@pytest.mark.parametrize(("action", "message"), REFUSED)
def test_what_cannot_be_counted_is_refused(
    action: Callable[[], object], message: str
) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        action()
    assert str(refused.value) == message


def test_no_classes_are_a_matrix() -> None:
    """It has no rows, and nothing was right of nothing."""
    assert ConfusionMatrix(()).to_json() == "[]\n"
    assert ConfusionMatrix(()).count == Count(0, 0)


@pytest.mark.parametrize(
    ("counts", "reason", "message"),
    [
        (
            ((1, 2), (3,)),
            Reason.SHAPE_MISMATCH,
            "row 1: expected 2 counts, one for each class, got 1",
        ),
        (
            ((1, 2), (3, -4)),
            Reason.DOMAIN,
            "row 1: expected counts of at least 0, got -4",
        ),
    ],
)
def test_what_is_no_matrix_is_refused(
    counts: tuple[tuple[int, ...], ...], reason: Reason, message: str
) -> None:
    """The row is named."""
    with pytest.raises(TorchLeanError) as refused:
        ConfusionMatrix(counts)
    assert refused.value.reason is reason
    assert str(refused.value) == message


def test_an_array_of_something_else_is_refused() -> None:
    """Its format and its shape are named."""
    with pytest.raises(TorchLeanError) as refused:
        ConfusionMatrix.of_array(np.zeros((2, 2)))
    assert refused.value.reason is Reason.SHAPE_MISMATCH
    assert str(refused.value) == (
        "expected a matrix of integers, got float64 of shape [2, 2]"
    )
    with pytest.raises(TorchLeanError) as vector:
        ConfusionMatrix.of_array([1, 2])
    assert str(vector.value) == "expected a matrix of integers, got int64 of shape [2]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "confusion matrix: expected a list, got {}"),
        ("[1]", "confusion matrix: [0]: expected a list, got 1"),
        (
            "[[1.5]]",
            "confusion matrix: [0][0]: expected an integer of at least 0, got 1.5",
        ),
        (
            "[[1, 2], [3]]",
            "confusion matrix: row 1: expected 2 counts, one for each class, got 1",
        ),
    ],
)
def test_a_file_that_is_no_matrix_is_refused(text: str, message: str) -> None:
    """One sentence names the place, what belongs there and what stands there."""
    with pytest.raises(TorchLeanError) as refused:
        parse_confusion_matrix(text)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == message
