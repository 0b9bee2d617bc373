"""Sources: files, shapes and formats as values, read when they are asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from torchlean import data
from torchlean_spec.errors import Reason, TorchLeanError

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([2, 0, 1, 2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same samples in files of every format."""
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    np.save(tmp_path / "floats.npy", Y.astype(np.float64))
    np.savez(tmp_path / "both.npz", x=X, y=Y)
    data.write_csv(tmp_path / "x.csv", {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    return tmp_path


def test_every_format_gives_the_same_array(folder: Path) -> None:
    """By the file's ending; of an NPZ file a member."""
    header = data.CsvOptions(header=True)
    for source in (
        data.TensorSource(folder / "x.npy", (4, 3)),
        data.TensorSource(folder / "x.npy", (4, 3), mapped=True),
        data.TensorSource(folder / "both.npz", (4, 3), member="x"),
        data.TensorSource(folder / "x.csv", (4, 3), csv=header),
        data.TensorSource(folder / "x.csv", (4, 3), "csv", csv=header),
    ):
        assert source.load().tolist() == X.tolist()


def test_a_prefix_of_every_format(folder: Path) -> None:
    """The first rows, where the file has more."""
    header = data.CsvOptions(header=True)
    for source in (
        data.TensorSource(folder / "x.npy", (2, 3), prefix=True),
        data.TensorSource(folder / "both.npz", (2, 3), member="x", prefix=True),
        data.TensorSource(folder / "x.csv", (2, 3), csv=header, prefix=True),
    ):
        assert source.load().tolist() == X[:2].tolist()


def test_one_number_in_a_file(tmp_path: Path) -> None:
    """A source without axes, of either format."""
    np.save(tmp_path / "x.npy", np.float64(2.5))
    (tmp_path / "x.csv").write_text("2.5\n")
    for name in ("x.npy", "x.csv"):
        assert data.TensorSource(tmp_path / name, ()).load().tolist() == 2.5


def test_labels_and_numbers(folder: Path) -> None:
    """The same file holds classes for one source and numbers for another."""
    x, y = folder / "x.npy", folder / "y.npy"
    labeled = data.LabeledSource.of_paths(x, y, samples=3, shape=(3,), classes=3).load()
    assert labeled.classes == 3
    assert (labeled.inputs.tolist(), labeled.targets.tolist()) == (
        X[:3].tolist(),
        [2, 0, 1],
    )
    numbers = data.SupervisedSource.of_paths(
        x, y, samples=4, shape=(3,), target_shape=()
    ).load()
    assert numbers.classes is None
    assert numbers.targets.tolist() == [[2.0], [0.0], [1.0], [2.0]]
    assert numbers.inputs.dtype == np.float32


def test_labels_written_as_floats(folder: Path) -> None:
    """Whole floats are labels."""
    source = data.LabeledSource(
        data.TensorSource(folder / "x.npy", (4, 3)),
        data.TensorSource(folder / "floats.npy", (4,)),
        classes=3,
    )
    assert source.load().targets.tolist() == Y.tolist()


def test_mapped_inputs_stay_mapped(folder: Path) -> None:
    """A source that maps gives a data set that is mapped."""
    source = data.LabeledSource(
        data.TensorSource(folder / "x.npy", (4, 3), mapped=True),
        data.TensorSource(folder / "y.npy", (4,)),
        classes=3,
    )
    assert source.load().mapped


def test_a_table_in_two_parts(folder: Path) -> None:
    """The first columns are inputs, the others targets."""
    source = data.TabularSupervisedSource(
        folder / "x.csv", 2, 1, data.CsvOptions(header=True)
    )
    found = source.load()
    assert found.inputs.tolist() == X[:, :2].tolist()
    assert found.targets.tolist() == X[:, 2:].tolist()


def test_files_that_are_there(folder: Path) -> None:
    """Their paths come back."""
    paths = [folder / "x.npy", folder / "y.npy"]
    assert data.require_files(paths) == tuple(paths)


REFUSED: list[tuple[Callable[[Path], object], Reason, str]] = [
    (
        lambda folder: data.TensorSource(folder / "x.bin", (4, 3)),
        Reason.UNKNOWN_NAME,
        "{folder}/x.bin: expected format npy, npz, csv, got 'bin'",
    ),
    (
        lambda folder: data.TensorSource(folder / "both.npz", (4, 3)),
        Reason.CONTRADICTION,
        "{folder}/both.npz: expected a member for an NPZ file and none for another, "
        "got None for npz",
    ),
    (
        lambda folder: data.TensorSource(folder / "x.npy", (4, 3), member="x"),
        Reason.CONTRADICTION,
        "{folder}/x.npy: expected a member for an NPZ file and none for another, "
        "got 'x' for npy",
    ),
    (
        lambda folder: data.TensorSource(
            folder / "x.csv", (5, 3), csv=data.CsvOptions(header=True)
        ).load(),
        Reason.SHAPE_MISMATCH,
        "{folder}/x.csv: expected numbers for shape [5, 3], got [4, 3]",
    ),
    (
        lambda folder: data.TabularSupervisedSource(
            folder / "x.csv", 1, 1, data.CsvOptions(header=True)
        ).load(),
        Reason.SHAPE_MISMATCH,
        "{folder}/x.csv: expected 1 columns of inputs and 1 of targets, got 3 columns",
    ),
    (
        lambda folder: data.labels_of(np.array([0.0, 1.5]), 2),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 1: expected a class from 0 to 1, got 1.5",
    ),
    (
        lambda folder: data.labels_of(np.array([-0.0]), 2),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 0: expected a class from 0 to 1, got -0.0",
    ),
    (
        lambda folder: data.labels_of(np.array([float("nan")]), 2),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 0: expected a class from 0 to 1, got nan",
    ),
    (
        lambda folder: data.labels_of(np.array([1, 2]), 2),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 1: expected a class from 0 to 1, got 2",
    ),
    (
        lambda folder: data.require_file(
            folder / "z.npy", "the inputs", "torchlean has a script for it"
        ),
        Reason.FILE_ACCESS,
        "expected the inputs at {folder}/z.npy, got no such file "
        "(torchlean has a script for it)",
    ),
    (
        lambda folder: data.require_files([folder / "x.npy", folder / "z.npy"]),
        Reason.FILE_ACCESS,
        "expected a data file at {folder}/z.npy, got no such file",
    ),
]


@pytest.mark.parametrize(("call", "reason", "message"), REFUSED)
def test_refusals(
    folder: Path, call: Callable[[Path], object], reason: Reason, message: str
) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        call(folder)
    assert str(refused.value) == message.format(folder=folder)
    assert refused.value.reason is reason
