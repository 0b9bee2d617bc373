"""Arrays as they come: their own format, their own place, looked at in slices."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean.callbacks import on_train_start
from torchlean.data import arrays
from torchlean.data.arrays import Inputs, in_format, is_mapped, row_slices
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, Sequential, Tanh
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.optimizers import SGD
from torchlean_spec.training import NumberFormat

NAN = float("nan")


def mapped_copy(path: Path, numbers: Inputs) -> Inputs:
    """The same numbers in a file."""
    np.save(path, numbers)
    found: Inputs = data.read_npy(path, mapped=True)
    return found


@given(rows=st.integers(1, 40), width=st.integers(1, 7), most=st.integers(1, 60))
def test_slices_are_the_whole(rows: int, width: int, most: int) -> None:
    """End to end they are the array, and none is larger than it need be."""
    table = np.arange(float(rows * width)).reshape(rows, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "SLICE", most)
        found = list(row_slices(table))
    assert np.concatenate([part for _, part in found]).tolist() == table.tolist()
    assert all(part.size <= max(most, width) for _, part in found)
    assert all(table[first].tolist() == part[0].tolist() for first, part in found)


def test_float32_stays_float32() -> None:
    """A data set keeps the format that it was given, and the digest does not tell."""
    single = data.tensor_dataset(np.ones((2, 1), np.float32), [0, 1])
    double = data.tensor_dataset(np.ones((2, 1)), [0, 1])
    half = data.tensor_dataset(np.ones((2, 1), np.float16), [0, 1])
    formats = [each.inputs.dtype.name for each in (single, double, half)]
    assert formats == ["float32", "float64", "float64"]
    assert single.digest() == double.digest() == half.digest()
    assert single.to_spec() == double.to_spec()


def test_numbers_in_memory_are_copied() -> None:
    """What is done to the given array afterwards is not done to the data."""
    given = np.ones((2, 1), np.float32)
    points = data.tensor_dataset(given, [0, 1])
    given[0] = 7
    assert points.inputs.tolist() == [[1.0], [1.0]]


def test_mapped_numbers_stay_mapped(tmp_path: Path) -> None:
    """In the data set, in its neighbours, and in the format that they are in."""
    numbers = mapped_copy(tmp_path / "x.npy", np.ones((6, 2), np.float32))
    points = data.tensor_dataset(numbers, [0, 1] * 3)
    assert points.mapped
    assert points.take(range(1, 4)).mapped
    assert not points.take([1, 2, 3]).mapped
    assert points.take(range(1, 4)).digest() == points.take([1, 2, 3]).digest()
    assert in_format(points.inputs, "float32").ctypes.data == points.inputs.ctypes.data


@pytest.mark.parametrize("wanted", ["float32", "float64"])
@pytest.mark.parametrize("given", ["float32", "float64"])
def test_mapped_numbers_are_converted_in_slices(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: NumberFormat,
    wanted: NumberFormat,
) -> None:
    """The converted numbers are those of memory to the bit, and lie in a file too."""
    monkeypatch.setattr(arrays, "SLICE", 16)
    numbers = np.random.default_rng(0).normal(size=(9, 4)).astype(given)
    mapped = in_format(mapped_copy(tmp_path / "x.npy", numbers), wanted)
    assert is_mapped(mapped)
    assert mapped.dtype == np.dtype(wanted)
    assert mapped.tobytes() == numbers.astype(wanted).tobytes()


def test_many_rows_of_a_file_go_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any order, and normalised: in slices, with the bits of memory."""
    monkeypatch.setattr(arrays, "SLICE", 16)
    monkeypatch.setattr(arrays, "MAPPED_FROM", 100)
    table = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    inputs = mapped_copy(tmp_path / "x.npy", table)
    here, there = (data.tensor_dataset(each, [0, 1] * 10) for each in (table, inputs))
    for ours, theirs in zip(data.split(there, 8), data.split(here, 8), strict=True):
        assert (ours.mapped, theirs.mapped) == (True, False)
        assert ours.digest() == theirs.digest()
    assert not there.take([3, 1]).mapped
    (ours,), (theirs,) = data.standardize(there), data.standardize(here)
    assert (ours.mapped, theirs.mapped) == (True, False)
    assert ours.inputs.tobytes() == theirs.inputs.tobytes()


def test_a_certificate_does_not_carry_a_large_file(tmp_path: Path) -> None:
    """It is refused before any of it is read or trained on; a small one is carried."""
    zeros = np.zeros((arrays.MAPPED_FROM // 4, 1), np.float32)
    large = mapped_copy(tmp_path / "x.npy", zeros)
    points = data.tensor_dataset(large, np.zeros(len(large), np.int64), name="zeros")
    with pytest.raises(TorchLeanError) as refused:
        points.origin()
    assert str(refused.value) == (
        "expected data with a name, or data in memory, for a certificate to carry, "
        f"got {arrays.MAPPED_FROM} bytes of zeros in a file"
    )
    assert refused.value.reason is Reason.UNSUPPORTED
    trainer = Trainer(Linear(1, 1), loss=MeanSquaredError(), optimizer=SGD("0.1"))
    numbers = data.tensor_dataset(large, np.zeros((len(large), 1)), name="zeros")
    begun: list[object] = []
    with pytest.raises(TorchLeanError) as before:
        trainer.train(
            numbers, steps=1, certify=1, callbacks=on_train_start(begun.append)
        )
    assert (str(before.value), begun) == (str(refused.value), [])
    assert data.prefix(points, 3).origin().load().digest() == (
        data.prefix(points, 3).digest()
    )


@pytest.mark.parametrize(
    ("kind", "made"),
    [("u1", "float32"), ("<i2", "float32"), ("<i4", "float64"), ("<i8", "float64")],
)
def test_whole_numbers_of_a_large_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, made: str
) -> None:
    """They become floats that hold them exactly, in a file; or they are refused."""
    monkeypatch.setattr(arrays, "SLICE", 16)
    monkeypatch.setattr(arrays, "MAPPED_FROM", 30)
    limits = np.iinfo(kind)
    table = np.array([[0, 1], [limits.min, 7], [limits.max // 2**10, 3]] * 5, kind)
    np.save(tmp_path / "x.npy", table)
    mapped = data.read_npy(tmp_path / "x.npy", mapped=True)
    found = arrays.numbers_of("inputs", mapped)
    assert (is_mapped(found), found.dtype.name) == (True, made)
    assert [list(map(int, row)) for row in found.tolist()] == table.tolist()


def test_whole_numbers_that_are_too_large_are_refused_in_a_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in memory: no number is rounded when a data set is made."""
    monkeypatch.setattr(arrays, "MAPPED_FROM", 1)
    np.save(tmp_path / "x.npy", np.array([[1], [2**53 + 1]]))
    with pytest.raises(TorchLeanError) as refused:
        arrays.numbers_of("inputs", data.read_npy(tmp_path / "x.npy", mapped=True))
    assert str(refused.value) == (
        "inputs: expected numbers that float64 holds exactly, "
        "got int64 9007199254740993"
    )
    assert refused.value.reason is Reason.DOMAIN


def test_the_place_of_a_wrong_number_counts_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A NaN in a later slice is found, and its row is the row of the data."""
    monkeypatch.setattr(arrays, "SLICE", 4)
    table = np.zeros((5, 2))
    table[4, 1] = NAN
    with pytest.raises(TorchLeanError) as refused:
        data.tensor_dataset(table, [0] * 5)
    assert str(refused.value) == (
        "inputs, row 4, place 1: expected a finite number, got nan "
        "(allow_non_finite=True admits it)"
    )
    assert refused.value.reason is Reason.NOT_FINITE


def test_a_digest_does_not_tell_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are looked at together, the digest is the spec's."""
    points = data.two_moons(50)
    whole = points.digest()
    monkeypatch.setattr(arrays, "SLICE", 6)
    assert points.digest() == whole == points.to_spec().digest()


def test_no_room_for_a_conversion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the temporary file cannot be written, the sentence names its folder."""
    numbers = mapped_copy(tmp_path / "x.npy", np.ones((6, 2), np.float32))
    absent = tmp_path / "absent"
    monkeypatch.setattr("tempfile.tempdir", str(absent))
    with pytest.raises(TorchLeanError) as refused:
        in_format(numbers, "float64")
    assert str(refused.value) == (
        f"expected a file that can be written, got {absent}: no such file or directory"
    )
    assert refused.value.reason is Reason.FILE_ACCESS


@pytest.mark.parametrize("given", ["float32", "float64"])
@pytest.mark.parametrize("wanted", ["float32", "float64"])
def test_training_from_a_file_has_the_bits_of_memory(
    tmp_path: Path, given: NumberFormat, wanted: NumberFormat
) -> None:
    """Losses, parameters and predictions, in the file's format and in the other."""
    table = np.random.default_rng(2).normal(size=(50, 3)).astype(given)
    model = Sequential(Linear(3, 8), Tanh(), Linear(8, 3))
    trainer = Trainer(model, loss=MeanSquaredError(), optimizer=SGD(0.1), dtype=wanted)
    found = []
    for inputs in (table, mapped_copy(tmp_path / "x.npy", table)):
        points = data.tensor_dataset(inputs, inputs)
        trained = trainer.train(points, batch_size=8, epochs=3, held_out=points)
        parameters = trained.parameters.values()
        losses = trained.trained_by.losses
        arrays_found = [losses, trained.predict(points.inputs), *parameters]
        found.append([each.tobytes() for each in arrays_found])
    assert found[0] == found[1]


@pytest.mark.parametrize("options", [(), ("--in-order", "--dtype", "float64")])
def test_a_large_file_trains_without_being_read(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """An epoch over 200 MB takes less than an eighth of that in memory.

    In float64 too, where the numbers have to be converted.
    """
    script = Path(__file__).parents[3] / "benchmarks" / "large_file.py"
    command = [sys.executable, "-W", "error", str(script), "--megabytes", "200"]
    done = subprocess.run(
        [*command, "--hole", "--folder", str(tmp_path), *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.stderr == ""
    found = re.fullmatch(r"a file of 200 MB: (.+) MB of memory\n", done.stdout)
    assert found is not None
    assert float(found[1]) < 200 / 8
