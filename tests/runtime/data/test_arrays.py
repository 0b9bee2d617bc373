"""Arrays as they come: their own format, their own place, looked at in slices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean.data import arrays
from torchlean.data.arrays import Inputs, in_format, is_mapped, row_slices
from torchlean_spec.errors import Reason, TorchLeanError
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


TRAINING = """
import re, sys, threading
from pathlib import Path
import numpy as np
import torchlean as tl

def private():
    # Kilobytes of memory that no file stands behind.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\\s+(\\d+)", status)[1])

def train(rows):
    labels = np.arange(rows) % 2
    inputs = tl.data.read_npy(sys.argv[1], rows=rows, mapped=True)
    points = tl.data.tensor_dataset(inputs, labels, classes=2)
    model = tl.nn.Linear(inputs.shape[1], 2)
    optimizer, loss = tl.optim.SGD(0.1), tl.loss.CrossEntropy()
    trainer = tl.Trainer(model, loss=loss, optimizer=optimizer, dtype=sys.argv[3])
    trainer.train(points, batch_size=64, steps=200, shuffle=sys.argv[2] == "shuffled")
    points.digest()

train(1000)
before, peak, done = private(), [0], threading.Event()

def watch():
    while not done.wait(0.002):
        peak[0] = max(peak[0], private())

watcher = threading.Thread(target=watch)
watcher.start()
train(tl.data.available_npy_rows(sys.argv[1]))
done.set()
watcher.join()
print(peak[0] - before)
"""


@pytest.mark.parametrize(
    ("order", "dtype"), [("shuffled", "float32"), ("in order", "float64")]
)
def test_a_large_file_trains_without_being_read(
    tmp_path: Path, order: str, dtype: str
) -> None:
    """200 MB of float32: training takes less than an eighth of it in memory.

    In float64 too, where the numbers have to be converted.
    """
    rows, width = 50_000, 1_000
    path = tmp_path / "large.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, (rows, width)).flush()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRAINING, str(path), order, dtype],
        capture_output=True,
        text=True,
        check=False,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == ""
    assert 1024 * int(done.stdout) < rows * width * 4 / 8
