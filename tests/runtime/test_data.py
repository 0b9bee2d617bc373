"""Data sets as arrays: what the spec's data sets are, and refusals in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from torchlean import data
from torchlean.tensor import Tensor
from torchlean_spec import data as spec
from torchlean_spec import datasets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape, matrix, shape_of, sizes
from torchlean_spec.sources import Source

NAN, INFINITY = float("nan"), float("inf")
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(
    rows=st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=6),
    labels=st.booleans(),
)
def test_digests_are_those_of_the_spec(
    rows: list[tuple[float, float]], labels: bool
) -> None:
    """Arrays and the spec's data set of the same numbers have one digest."""
    targets: Sequence[float] = [i % 3 for i in range(len(rows))]
    if not labels:
        targets = [row[0] for row in rows]
    arrays = data.tensor_dataset(rows, targets)
    assert arrays.digest() == arrays.to_spec().digest()


def test_every_nan_has_one_digest() -> None:
    """As in the spec: the payload of a NaN does not count."""
    payload = np.array([[0x7FF8000000000001]], np.uint64).view(np.float64)
    marked = data.tensor_dataset(payload, [0], allow_non_finite=True)
    plain = data.tensor_dataset([[NAN]], [0], allow_non_finite=True)
    assert marked.digest() == plain.digest() == plain.to_spec().digest()


@given(
    rows=st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=5),
    sample=st.sampled_from([(2,), (1, 2), (2, 1)]),
    classes=st.sampled_from([None, 4]),
)
def test_the_spec_and_back(
    rows: list[tuple[float, float]], sample: tuple[int, ...], classes: int | None
) -> None:
    """Arrays to the spec's data set and back: the same numbers, bit for bit."""
    inputs = np.array(rows, np.float64).reshape(len(rows), *sample)
    targets: ArrayLike = inputs[:, :1] if classes is None else [3] * len(rows)
    there = data.tensor_dataset(inputs, targets, classes=classes)
    back = data.from_spec(there.to_spec())
    assert back.inputs.tobytes() == there.inputs.tobytes()
    assert back.targets.tobytes() == there.targets.tobytes()
    assert (back.inputs.shape, back.targets.shape, back.classes) == (
        there.inputs.shape,
        there.targets.shape,
        there.classes,
    )
    assert sizes(there.to_spec().inputs.shape) == sample


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        (data.digits(), datasets.digits()),
        (data.diabetes(), datasets.diabetes()),
        (data.two_moons(50, "0.2", 7), datasets.two_moons(50, "0.2", 7)),
    ],
)
def test_named_data_are_the_specs(
    found: data.TensorDataset[Shape, spec.Targets],
    meant: spec.Dataset[Shape, spec.Targets],
) -> None:
    """Numbers and labels are those of the spec, and so is what the source makes."""
    assert found.digest() == meant.digest()
    assert found.source is not None
    assert found.source.load().digest() == found.digest()


@pytest.mark.parametrize("held_out", [0.2, 17, Fraction(1, 3)])
@pytest.mark.parametrize("seed", [0, 5])
def test_parts_know_where_they_come_from(held_out: float | Fraction, seed: int) -> None:
    """Both parts of a split can be made anew from their sources."""
    for part in data.split(data.two_moons(60, seed=seed), held_out, seed):
        assert part.source is not None
        assert part.source.load().digest() == part.digest()


def test_a_part_without_a_name_carries_its_numbers() -> None:
    """Two seeds do not fit into one source: then the data themselves are the source."""
    training, held_out = data.split(data.two_moons(60, seed=1), 0.5, seed=2)
    for part in (training, held_out, training.take([3, 1])):
        assert part.source is None
        assert part.origin().load().digest() == part.digest()


def test_a_split_takes_the_samples_that_the_spec_takes() -> None:
    """The seed decides which samples are held out, as in the spec."""
    moons = data.two_moons(40)
    ours = data.split(moons, 0.25, seed=3)
    theirs = spec.split(moons.to_spec(), 0.25, seed=3)
    assert [each.digest() for each in ours] == [each.digest() for each in theirs]


def test_batches_are_those_of_the_loader() -> None:
    """Each batch holds the samples that the spec's loader names, in its order."""
    moons = data.two_moons(10)
    loader = data.BatchLoader(moons, batch_size=3, seed=4)
    assert len(loader) == 3
    for epoch in (0, 1):
        wanted = loader.loader.batches(epoch)
        for (inputs, labels), places in zip(loader.epoch(epoch), wanted, strict=True):
            assert inputs.tolist() == moons.inputs[list(places)].tolist()
            assert labels.tolist() == moons.targets[list(places)].tolist()


def test_arrays_cannot_be_written_to() -> None:
    """A data set stays what it was when it was checked."""
    points = data.tensor_dataset([[0.0], [1.0]], [0, 1])
    for array in (points.inputs, points.targets):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7


def test_a_tensor_gives_its_shape() -> None:
    """The witness of a tensor becomes that of the data set's inputs."""
    inputs = Tensor(np.zeros((3, 2), np.float32), matrix(3, 2))
    assert data.tensor_dataset(inputs, [0, 1, 0]).input_shape == shape_of([2])


def test_a_vector_of_numbers_is_a_column() -> None:
    """One number for each sample is a target of shape [1]."""
    assert data.tensor_dataset([[0.0]], [0.5]).targets.tolist() == [[0.5]]


def test_ignored_labels_are_no_classes() -> None:
    """A label that is ignored may lie outside, and is not counted as a class."""
    points = data.tensor_dataset([[0.0], [1.0], [2.0]], [0, -1, 1], ignore_index=-1)
    assert points.classes == 2
    assert points.to_spec().targets == spec.Labels(2, (0, -1, 1), (), -1)


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: data.tensor_dataset([[0.0, NAN]], [0]),
        Reason.NOT_FINITE,
        "inputs, row 0, place 1: expected a finite number, got nan "
        "(allow_non_finite=True admits it)",
    ),
    (
        lambda: data.tensor_dataset([[0.0], [1.0]], [0.5, INFINITY]),
        Reason.NOT_FINITE,
        "targets, row 1, place 0: expected a finite number, got inf "
        "(allow_non_finite=True admits it)",
    ),
    (
        lambda: data.tensor_dataset([[0.0], [1.0]], [0, 10], classes=10),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 1: expected a class from 0 to 9, got 10",
    ),
    (
        lambda: data.tensor_dataset([[0.0], [1.0]], [0, -1]),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 1: expected a class from 0 to 0, got -1",
    ),
    (
        lambda: data.tensor_dataset(np.zeros((0, 4)), []),
        Reason.EMPTY_DATA,
        "expected a data set of at least 1 sample, got none",
    ),
    (
        lambda: data.tensor_dataset([[0.0], [1.0]], [0]),
        Reason.SHAPE_MISMATCH,
        "expected one target for each of the 2 inputs, got 1 targets",
    ),
    (
        lambda: data.tensor_dataset([0.0, 1.0], [0, 1]),
        Reason.SHAPE_MISMATCH,
        "expected inputs of shape [samples, features, ..], got [2]",
    ),
    (
        lambda: data.tensor_dataset([[0.0], [1.0]], [[0], [1]]),
        Reason.SHAPE_MISMATCH,
        "expected one class index for each sample, got whole numbers of shape [2, 1]",
    ),
    (
        lambda: data.tensor_dataset([["a"], ["b"]], [0, 1]),
        Reason.DOMAIN,
        "inputs: expected numbers that float64 holds exactly, got an array of <U1",
    ),
    (
        lambda: data.tensor_dataset([[2**53 + 1]], [0]),
        Reason.DOMAIN,
        "inputs: expected numbers that float64 holds exactly, "
        "got int64 9007199254740993",
    ),
    (
        lambda: data.tensor_dataset([[0.0]], [0.5], classes=2),
        Reason.CONTRADICTION,
        "expected whole numbers as targets of 2 classes, got float64",
    ),
    (
        lambda: data.tensor_dataset([[0.0]], [0], class_names=["a", "b"]),
        Reason.SHAPE_MISMATCH,
        "expected 1 class names, got 2",
    ),
    (
        lambda: data.tensor_dataset([[0.0]], [0], feature_names=["a", "b"]),
        Reason.SHAPE_MISMATCH,
        "expected 1 feature names, got 2",
    ),
    (
        lambda: data.two_moons(4).take([0, 4]),
        Reason.DOMAIN,
        "expected a sample from 0 to 3, got 4",
    ),
    (
        lambda: data.two_moons(4).take([]),
        Reason.EMPTY_DATA,
        "expected a data set of at least 1 sample, got none",
    ),
    (
        lambda: data.split(data.two_moons(4), 0.01),
        Reason.EMPTY_DATA,
        "expected from 1 to 3 of the 4 samples held out, got 0",
    ),
    (
        lambda: data.BatchLoader(data.two_moons(4), batch_size=5),
        Reason.BATCH_SIZE,
        "expected a batch size from 1 to the 4 samples of the data set, got 5",
    ),
    (
        lambda: data.dataset_named("iris"),
        Reason.UNKNOWN_NAME,
        "expected a data set named digits, diabetes, two-moons, got 'iris'",
    ),
]


@pytest.mark.parametrize(("make", "reason", "message"), REFUSED)
def test_refusals(make: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        make()
    assert str(refused.value) == message
    assert refused.value.reason is reason


def test_numbers_that_are_not_finite_are_admitted_by_name() -> None:
    """With the named option a NaN stays in the data."""
    points = data.tensor_dataset([[NAN]], [INFINITY], allow_non_finite=True)
    assert np.isnan(points.inputs[0, 0])
    assert np.isinf(points.take([0]).targets[0, 0])


def test_data_without_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the package that carries the digits, the sentence says how to get it."""
    monkeypatch.setattr(datasets, "find_spec", lambda name: None)
    with pytest.raises(TorchLeanError) as refused:
        data.digits()
    assert str(refused.value) == (
        "expected scikit-learn, which carries the data, to be installed "
        "(pip install torchlean[examples]), got no such package"
    )
    assert refused.value.reason is Reason.MISSING_DEPENDENCY


def test_a_source_is_kept_apart_from_the_numbers() -> None:
    """Data with a source and without one are the same data."""
    moons = data.two_moons(10)
    assert moons.take(range(10)).with_source(Source("two-moons")).digest() == (
        moons.digest()
    )
