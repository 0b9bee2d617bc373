"""Models, records and tables as text."""

from __future__ import annotations

import pytest

from torchlean.report import columns, described, model_summary, table
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Flatten, Linear, ReLU, Residual, Sequential
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import SGD, Adam
from torchlean_spec.schedules import Constant, Cosine, WarmUp
from torchlean_spec.shape import shape_of, vector


def test_a_model_is_shown_as_the_original_shows_it() -> None:
    """A head line, and a line for each layer, in columns."""
    model = Sequential(
        Flatten(), Residual(Linear(64, 64)), Dropout("0.5"), Linear(64, 10)
    )
    assert model_summary(model, shape_of([8, 8])) == (
        "Sequential: [8, 8] -> [10], layers=4, params=4810\n"
        "  [0] Flatten:  [8, 8] -> [64]  params=0     []\n"
        "  [1] Residual: [64] -> [64]    params=4160  [[64, 64], [64]]\n"
        "  [2] Dropout:  [64] -> [64]    params=0     []\n"
        "  [3] Linear:   [64] -> [10]    params=650   [[10, 64], [10]]"
    )


def test_a_single_layer_is_a_model() -> None:
    """It is its own only layer."""
    assert model_summary(Linear(2, 1), vector(2)) == (
        "Linear: [2] -> [1], layers=1, params=3\n"
        "  [0] Linear: [2] -> [1]  params=3  [[1, 2], [1]]"
    )


def test_an_input_that_the_model_does_not_take() -> None:
    """The layer that refuses it is named."""
    with pytest.raises(TorchLeanError) as refused:
        model_summary(Sequential(ReLU(), Linear(3, 1)), vector(2))
    assert refused.value.reason is Reason.SHAPE_MISMATCH
    assert str(refused.value) == (
        "Linear(3, 1): expected an input of shape [batch, .., 3], got [1, 2]"
    )


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (Adam(), "Adam(learning_rate=0.001)"),
        (SGD("0.5", momentum="0.9"), "SGD(learning_rate=0.5, momentum=0.9)"),
        (Adam(weight_decay=0), "Adam(learning_rate=0.001)"),
        (Adam(epsilon=1e-7), "Adam(learning_rate=0.001, epsilon=1e-07)"),
        (CrossEntropy(), "CrossEntropy()"),
        (CrossEntropy(label_smoothing=0.1), "CrossEntropy(label_smoothing=0.1)"),
        (Constant(), "Constant()"),
        (WarmUp(3), "WarmUp(updates=3)"),
        (WarmUp(3, then=Cosine(5)), "WarmUp(updates=3, then=Cosine(total=5))"),
    ],
    ids=str,
)
def test_a_record_is_shown_by_what_is_not_default(record: object, text: str) -> None:
    """The rate is always shown, exact numbers as decimals."""
    assert described(record) == text


def test_columns_are_as_wide_as_they_must_be() -> None:
    """No line has spaces at its end, and no rows are no lines."""
    assert columns([("a", "b"), ("long", "")]) == ["a    b", "long"]
    assert columns([]) == []


def test_a_table_of_nothing_has_its_headings() -> None:
    """A rule stands below them."""
    assert table(("one", "two"), []) == "one  two\n---  ---"
