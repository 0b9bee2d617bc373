"""Transforms: on arrays, on data sets, on batches; inputs keep their targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean_spec import transforms as spec
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import FLOAT

FINITE = st.floats(-1e6, 1e6)
CLASSES = data.tensor_dataset(
    [[0.0, 1.0], [2.0, 5.0], [4.0, 0.0]],
    [0, 2, 1],
    name="three",
    class_names=["a", "b", "c"],
    feature_names=["u", "v"],
)
NUMBERS = data.tensor_dataset([[0.0], [2.0], [4.0]], [1.0, 2.0, 3.0])


@given(st.lists(FINITE, min_size=1, max_size=5), FINITE, FINITE.filter(lambda s: s > 0))
def test_normalised_numbers_are_the_specs(
    column: list[float], mean: float, deviation: float
) -> None:
    """Two roundings of binary64, bit for bit."""
    found = data.Normalize(mean, deviation)(np.array(column)).tolist()
    wanted = [spec.normalize(FLOAT, each, mean, deviation) for each in column]
    assert list(map(repr, found)) == list(map(repr, wanted))


def test_mean_and_deviation_are_those_of_the_training_part() -> None:
    """What is held out is normalised as the rest is, and does not show in it."""
    moons = data.two_moons(40)
    training, held_out = data.split(moons, 0.25)
    ours, theirs = data.standardize(training, held_out)
    alone, _ = data.standardize(training, data.two_moons(10, seed=8))
    assert ours.digest() == alone.digest()
    fitted = data.Normalize.fitted(training)
    assert theirs.inputs.tolist() == fitted(held_out.inputs).tolist()
    assert theirs.targets.tolist() == held_out.targets.tolist()
    means, deviations = data.moments(training.inputs)
    assert np.asarray(fitted.mean).tolist() == means.tolist()
    assert np.asarray(fitted.deviation).tolist() == deviations.tolist()


def test_a_place_of_one_number_can_be_centred() -> None:
    """Its mean is taken off, and it is divided by 1."""
    points = data.tensor_dataset([[3.0, 1.0], [3.0, 3.0]], [0, 1])
    (found,) = data.standardize(points, constant="centre")
    assert found.inputs.tolist() == [[0.0, -1.0], [0.0, 1.0]]


def test_transforms_one_after_the_other() -> None:
    """The first one is applied first; none is the identity."""
    twice_then_more = data.compose(lambda x: 2 * x, lambda x: x + 1)
    assert twice_then_more(np.array([3.0])).tolist() == [7.0]
    assert data.compose()(np.array([3.0])).tolist() == [3.0]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_one_hot_rows_are_the_specs(labels: list[int]) -> None:
    """Each row has a 1 in the place of its class."""
    wanted = [list(spec.one_hot(FLOAT, label, 5)) for label in labels]
    assert data.one_hot(labels, 5).tolist() == wanted


def test_one_hot_targets() -> None:
    """The same samples, with numbers to predict."""
    found = data.one_hot_targets(CLASSES)
    assert found.targets.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert (found.classes, found.class_names) == (None, ())
    assert found.inputs.tolist() == CLASSES.inputs.tolist()


def test_inputs_are_mapped() -> None:
    """Targets stay; names of features stay while their number does."""
    same = data.map_inputs(CLASSES, np.negative)
    assert same.inputs.tolist() == (-CLASSES.inputs).tolist()
    assert same.feature_names == ("u", "v")
    sums = data.map_inputs(CLASSES, lambda x: x.sum(axis=1, keepdims=True))
    assert sums.inputs.tolist() == [[1.0], [7.0], [4.0]]
    assert sums.feature_names == ()
    assert sums.targets.tolist() == CLASSES.targets.tolist()


def test_targets_are_mapped() -> None:
    """Inputs stay."""
    found = data.map_targets(NUMBERS, lambda y: y * 10)
    assert found.targets.tolist() == [[10.0], [20.0], [30.0]]
    assert found.inputs.tolist() == NUMBERS.inputs.tolist()


def test_labels_are_mapped() -> None:
    """Classes are put together; a label that is ignored stays."""
    found = data.map_labels(CLASSES, lambda label: label // 2, 2, ("low", "high"))
    assert found.targets.tolist() == [0, 1, 0]
    assert (found.classes, found.class_names) == (2, ("low", "high"))
    marked = data.tensor_dataset([[0.0], [1.0]], [-1, 1], ignore_index=-1)
    mapped = data.map_labels(marked, lambda label: 1 - label, 2)
    assert mapped.targets.tolist() == [-1, 0]


def test_samples_are_mapped_together() -> None:
    """A function of inputs and targets, for classes and for numbers."""

    def turned(batch: tuple[Any, Any]) -> tuple[Any, Any]:
        return batch[0][::-1], batch[1][::-1]

    for points in (CLASSES, NUMBERS):
        found = data.map_samples(points, turned)
        assert found.inputs.tolist() == points.inputs[::-1].tolist()
        assert found.targets.tolist() == points.targets[::-1].tolist()
        assert found.classes == points.classes


def test_batches_are_mapped() -> None:
    """Inputs and targets each by a function of their own."""
    loader = data.batch_loader(NUMBERS, 2, shuffle=False)
    found = list(data.map_batches(loader.epoch(0), np.negative, lambda y: y + 1))
    assert [(x.tolist(), y.tolist()) for x, y in found] == [
        ([[0.0], [-2.0]], [[2.0], [3.0]])
    ]
    plain = list(data.map_batches(loader.epoch(0)))
    assert plain[0][0].tolist() == [[0.0], [2.0]]


def test_what_is_transformed_has_no_source() -> None:
    """A certificate must not name data that were changed."""
    moons = data.two_moons(10)
    assert moons.source is not None
    sources = (
        data.map_inputs(moons, np.negative).source,
        data.one_hot_targets(moons).source,
        data.map_labels(moons, lambda label: label, 2).source,
        data.map_samples(moons, lambda batch: batch).source,
        data.standardize(moons)[0].source,
    )
    assert set(sources) == {None}


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: data.Normalize(0.0, [1.0, 0.0]),
        Reason.DOMAIN,
        "expected deviations above 0, got 0.0",
    ),
    (
        lambda: data.Normalize(0.0, float("nan")),
        Reason.DOMAIN,
        "expected deviations above 0, got nan",
    ),
    (
        lambda: data.standardize(data.tensor_dataset([[1.0, 3.0], [2.0, 3.0]], [0, 1])),
        Reason.DOMAIN,
        "inputs, place 1: expected different numbers, got only 3.0 "
        "(constant='centre' admits it)",
    ),
    (
        lambda: data.one_hot([0, 3], 3),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 1: expected a class from 0 to 2, got 3",
    ),
    (
        lambda: data.one_hot_targets(NUMBERS),
        Reason.CONTRADICTION,
        "expected classes as targets, got numbers",
    ),
    (
        lambda: data.map_targets(CLASSES, np.negative),
        Reason.CONTRADICTION,
        "expected numbers as targets, got classes",
    ),
    (
        lambda: data.map_labels(NUMBERS, lambda label: label, 3),
        Reason.CONTRADICTION,
        "expected classes as targets, got numbers",
    ),
    (
        lambda: data.map_labels(CLASSES, lambda label: label + 1, 3),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 1: expected a class from 0 to 2, got 3",
    ),
    (
        lambda: data.map_inputs(CLASSES, lambda x: x[:2]),
        Reason.SHAPE_MISMATCH,
        "expected one target for each of the 2 inputs, got 3 targets",
    ),
    (
        lambda: data.map_inputs(NUMBERS, lambda x: 1 / (x - 2)),
        Reason.NOT_FINITE,
        "inputs, row 1, place 0: expected a finite number, got inf "
        "(allow_non_finite=True admits it)",
    ),
]


@pytest.mark.parametrize(("make", "reason", "message"), REFUSED)
def test_refusals(make: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused, np.errstate(divide="ignore"):
        make()
    assert str(refused.value) == message
    assert refused.value.reason is reason
