from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import (
    Count,
    accuracy,
    argmax,
    class_of_one_hot,
    confusion_matrix,
    correct_one_hot,
    merged,
    precision,
    predictions,
    recall,
    top_k,
)
from torchlean_spec.numbers.floating import FLOAT, Floating
from torchlean_spec.numbers.rational import RATIONAL
from torchlean_spec.shape import matrix, vector
from torchlean_spec.tensor import Tensor

NAN = math.nan
SCORES = st.lists(
    st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, NAN])), min_size=1
)


def ranking(values: Sequence[float]) -> list[int]:
    """The places from first to last rank, by sorting."""

    def key(place: int) -> tuple[bool, float, int]:
        value = values[place]
        missing = math.isnan(value)
        return (not missing, 0.0 if missing else -value, place)

    return sorted(range(len(values)), key=key)


@given(SCORES)
def test_argmax_is_first_in_rank(values: list[float]) -> None:
    """NaN first, then the largest number, then the smallest place."""
    assert argmax(FLOAT, values) == ranking(values)[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 3.0, 3.0], 1),
        ([-0.0, 0.0], 0),
        ([5.0, NAN, 7.0, NAN], 1),
        ([NAN, 9.0], 0),
        ([-math.inf, -math.inf], 0),
        ([1.0, math.inf], 1),
    ],
)
def test_argmax_of_ties_and_nan(values: list[float], expected: int) -> None:
    """Of equal values the first wins, and a NaN wins over every number."""
    assert argmax(FLOAT, values) == expected


def test_argmax_over_rationals() -> None:
    """A metric runs over any system that decides comparisons."""
    assert argmax(RATIONAL, [Fraction(1, 3), Fraction(34, 100), Fraction(1, 4)]) == 1


def test_accuracy_counts() -> None:
    """Accuracy is two counts; ignored samples are in neither."""
    assert accuracy((0, 1, 2, 2), (0, 1, 1, 2)) == Count(3, 4)
    assert accuracy((0, 1, 2, 2), (0, -100, 1, 2), ignore_index=-100) == Count(2, 3)
    assert Count(2, 3).share == Fraction(2, 3)


@given(
    st.integers(1, 5).flatmap(
        lambda classes: st.tuples(
            st.lists(
                st.lists(
                    st.sampled_from([0.0, 1.0, 2.0, NAN]),
                    min_size=classes,
                    max_size=classes,
                ),
                min_size=1,
                max_size=8,
            ),
            st.integers(1, classes),
            st.integers(0, classes - 1),
        )
    )
)
def test_top_k_by_sorting(drawn: tuple[list[list[float]], int, int]) -> None:
    """A label counts if sorting puts it among the first k; top 1 is accuracy."""
    rows, k, label = drawn
    scores = Tensor(
        matrix(len(rows), len(rows[0])), tuple(each for row in rows for each in row)
    )
    labels = [label] * len(rows)
    expected = sum(label in ranking(row)[:k] for row in rows)
    assert top_k(FLOAT, scores, labels, k) == Count(expected, len(rows))
    assert top_k(FLOAT, scores, labels, 1) == accuracy(
        predictions(FLOAT, scores), labels
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_confusion_matrix(pairs: list[tuple[int, int]]) -> None:
    """Row: the true class; column: the predicted one; the diagonal: accuracy."""
    predicted, labels = zip(*pairs, strict=True)
    table = confusion_matrix(4, predicted, labels)
    assert table.shape == matrix(4, 4)
    rows = table.rows()
    for wanted in range(4):
        for given_class in range(4):
            assert rows[wanted][given_class] == pairs.count((given_class, wanted))
    correct = sum(rows[each][each] for each in range(4))
    assert Count(correct, sum(table.values)) == accuracy(predicted, labels)


def test_confusion_matrix_ignores() -> None:
    """Samples with the ignored label are not in the table."""
    table = confusion_matrix(2, (0, 1, 1), (0, -1, 0), ignore_index=-1)
    assert table.values == (1, 1, 0, 0)


@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1)))
)
def test_class_of_one_hot(drawn: tuple[int, int]) -> None:
    """A one-hot row stands for the place of its 1."""
    width, place = drawn
    row = [1.0 if i == place else 0.0 for i in range(width)]
    assert class_of_one_hot(FLOAT, row) == place


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ([0.0, 0.0], "[0.0, 0.0]"),
        ([1.0, 1.0], "[1.0, 1.0]"),
        ([1.0, 0.5], "[1.0, 0.5]"),
        ([0.0, 0.5], "[0.0, 0.5]"),
        ([1.0, NAN], "[1.0, nan]"),
        ([], "[]"),
    ],
)
def test_rows_that_are_no_one_hot(row: list[float], shown: str) -> None:
    """A row of zeros, which the original reads as class 0, is refused (B9)."""
    with pytest.raises(TorchLeanError) as caught:
        class_of_one_hot(FLOAT, row)
    assert caught.value.reason is Reason.CLASS_OUT_OF_RANGE
    assert str(caught.value) == (
        f"expected a row with a single 1 and zeros otherwise, got {shown}"
    )


@pytest.mark.parametrize(
    ("scores", "target", "expected"),
    [
        ([0.2, 0.8], [0.0, 1.0], True),
        ([0.8, 0.2], [0.0, 1.0], False),
        ([0.5, 0.5], [1.0, 0.0], True),
        ([0.5, 0.5], [0.0, 1.0], False),
        ([0.5, NAN], [0.0, 1.0], True),
        ([], [], None),
    ],
)
def test_correct_one_hot(
    scores: list[float], target: list[float], expected: bool | None
) -> None:
    """The first largest score stands where the 1 stands; of nothing there is none."""
    assert correct_one_hot(FLOAT, scores, target) is expected


def test_precision_and_recall_of_classes() -> None:
    """Columns and rows of the matrix; a class without samples has no share."""
    table = confusion_matrix(4, (0, 0, 1, 1, 1, 3), (0, 1, 1, 1, 2, 0))
    assert [precision(table, each) for each in range(4)] == [
        Fraction(1, 2),
        Fraction(2, 3),
        None,
        Fraction(0),
    ]
    assert [recall(table, each) for each in range(4)] == [
        Fraction(1, 2),
        Fraction(2, 3),
        Fraction(0),
        None,
    ]


def test_counts_of_parts_are_counts_of_the_whole() -> None:
    """Merging adds the right ones and the samples; nothing merged is 0 of 0."""
    assert merged() == Count(0, 0)
    assert merged(Count(1, 2), Count(0, 0), Count(3, 3)) == Count(4, 5)


class Undecided:
    """A comparison that a number system leaves open."""

    def __and__(self, other: Undecided, /) -> Undecided:
        return self

    def __or__(self, other: Undecided, /) -> Undecided:
        return self


class Vague(Floating):
    """Floats that cannot be compared."""

    def less(  # type: ignore[override]
        self, x: float, y: float, /
    ) -> Undecided:
        return Undecided()


PAIR = Tensor(matrix(1, 2), (0.5, 0.25))


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: argmax(FLOAT, []),
            Reason.EMPTY_DATA,
            "expected the largest of at least 1 value, got none",
        ),
        (
            lambda: argmax(Vague(), [1.0, 2.0]),
            Reason.UNSUPPORTED,
            "expected a number system that decides every comparison, got an "
            "undecided one",
        ),
        (
            lambda: predictions(FLOAT, Tensor(vector(2), (1.0, 2.0))),
            Reason.SHAPE_MISMATCH,
            "expected scores of shape [samples, classes], got [2]",
        ),
        (
            lambda: accuracy((1, 2), (1,)),
            Reason.SHAPE_MISMATCH,
            "expected one label for each of the 2 predictions, got 1 labels",
        ),
        (
            lambda: accuracy((1, 2), (-1, -1), ignore_index=-1),
            Reason.EMPTY_DATA,
            "expected at least 1 sample that counts, got none",
        ),
        (
            lambda: confusion_matrix(2, (0, 1), (0, 2)),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a class from 0 to 1, got 2",
        ),
        (
            lambda: confusion_matrix(2, (-1, 1), (0, 1)),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a class from 0 to 1, got -1",
        ),
        (
            lambda: correct_one_hot(FLOAT, [1.0], [0.0, 1.0]),
            Reason.SHAPE_MISMATCH,
            "expected a target of 1 classes, got 2",
        ),
        (
            lambda: correct_one_hot(FLOAT, [1.0, 2.0], [0.0, 0.0]),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a row with a single 1 and zeros otherwise, got [0.0, 0.0]",
        ),
        (
            lambda: precision(confusion_matrix(2, (0,), (0,)), 2),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a class from 0 to 1, got 2",
        ),
        (
            lambda: recall(confusion_matrix(2, (0,), (0,)), -1),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a class from 0 to 1, got -1",
        ),
        (
            lambda: top_k(FLOAT, PAIR, (0,), 3),
            Reason.DOMAIN,
            "expected k from 1 to the 2 classes, got 3",
        ),
        (
            lambda: top_k(FLOAT, PAIR, (2,), 1),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a class from 0 to 1, got 2",
        ),
    ],
)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """What cannot be counted is refused in one sentence."""
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert caught.value.reason is reason
    assert str(caught.value) == message
