"""NPY files: what NumPy writes is read to the bit, and what is broken is refused."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean.data.arrays import MAPPED_FROM, is_mapped
from torchlean.data.npy import DTYPES, LARGEST_HEADER
from torchlean_spec.errors import Reason, TorchLeanError

HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"


def npy(
    text: str = HEADER,
    numbers: bytes = bytes(16),
    version: bytes = b"\1\0",
    magic: bytes = b"\x93NUMPY",
) -> bytes:
    """An NPY file, sound unless told otherwise."""
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return magic + version + size + text.encode() + numbers


@given(
    dtype=st.sampled_from(DTYPES),
    extents=st.lists(st.integers(0, 3), max_size=3),
    fortran=st.booleans(),
    mapped=st.sampled_from([None, False]),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_numpy_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    extents: list[int],
    fortran: bool,
    mapped: bool | None,
    seed: int,
) -> None:
    """Every dtype, every shape, both orders: the same numbers, bit for bit."""
    path = tmp_path_factory.getbasetemp() / "written.npy"
    count = math.prod(extents) * np.dtype(dtype).itemsize
    raw = np.random.default_rng(seed).bytes(count)
    written = np.frombuffer(raw, dtype).reshape(extents)
    np.save(path, np.asarray(written, order="F" if fortran else "C"))
    found = data.read_npy(path, shape=extents, mapped=mapped)
    assert found.dtype == np.dtype(dtype)
    assert found.shape == tuple(extents)
    assert found.tobytes() == written.tobytes()
    for rows in range(extents[0] + 1 if extents else 0):
        prefix = data.read_npy(path, rows=rows, mapped=mapped)
        assert prefix.tobytes() == written[:rows].tobytes()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(
    tmp_path: Path, version: tuple[int, int]
) -> None:
    """The three versions differ in how a header's length and text are written."""
    path = tmp_path / "versions.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.array([[0.5, 2.0]]), version=version)
    assert data.read_npy(path).tolist() == [[0.5, 2.0]]


def test_mapped_numbers_stay_in_the_file(tmp_path: Path) -> None:
    """Mapped on request, and without one from a size on; the prefix is mapped too."""
    small, large = tmp_path / "small.npy", tmp_path / "large.npy"
    np.save(small, np.arange(6.0).reshape(3, 2))
    np.save(large, np.zeros(MAPPED_FROM // 8))
    assert not is_mapped(data.read_npy(small))
    assert not is_mapped(data.read_npy(large, mapped=False))
    assert is_mapped(data.read_npy(large))
    found = data.read_npy(small, rows=2, mapped=True)
    assert is_mapped(found)
    assert found.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert data.available_npy_rows(small) == 3


def test_what_is_read_cannot_be_written_to(tmp_path: Path) -> None:
    """Neither the numbers in memory nor those in the file."""
    path = tmp_path / "x.npy"
    for order in ("C", "F"):
        np.save(path, np.asarray([[1.0, 2.0], [3.0, 4.0]], order=order))
        for mapped in (False, None) if order == "F" else (False, True):
            with pytest.raises(ValueError, match="read-only"):
                data.read_npy(path, mapped=mapped)[0] = 7


BROKEN: list[tuple[bytes, str]] = [
    (b"", "expected an NPY file, got the first bytes b''"),
    (b"\x93NUMPY\1", "expected an NPY file, got the first bytes b'\\x93NUMPY'"),
    (
        npy(magic=b"\x93NUMPX"),
        "expected an NPY file, got the first bytes b'\\x93NUMPX'",
    ),
    (npy(version=b"\4\0"), "expected NPY version 1.0, 2.0 or 3.0, got 4.0"),
    (npy()[:30], "expected a header of 59 bytes, got 20"),
    (npy()[:9], "expected a header of 59 bytes, got 0"),
    (
        b"\x93NUMPY\2\0" + struct.pack("<I", 2**31),
        f"expected a header up to {LARGEST_HEADER} bytes, got 2147483648",
    ),
    (
        npy(numbers=bytes(15)),
        "expected 16 bytes of numbers for shape [2, 2] of float32, got 15",
    ),
    (
        npy(numbers=bytes(17)),
        "expected 16 bytes of numbers for shape [2, 2] of float32, got 17",
    ),
    (
        npy(HEADER.replace("(2, 2)", f"({2**62}, 4)")),
        f"expected {2**66} bytes of numbers for shape [{2**62}, 4] of float32, got 16",
    ),
    (
        npy(HEADER.replace("<f4", "|O")),
        f"expected numbers of {', '.join(DTYPES)}, got '|O'",
    ),
    (
        npy(HEADER.replace("<f4", ">f4")),
        f"expected numbers of {', '.join(DTYPES)}, got '>f4'",
    ),
    (
        npy(HEADER.replace("'<f4'", "['<f4']")),
        f"expected numbers of {', '.join(DTYPES)}, got ['<f4']",
    ),
    (
        npy(HEADER.replace("(2, 2)", "(-2, -2)")),
        "expected an order of True or False and a shape of whole numbers, "
        "got False and (-2, -2)",
    ),
    (
        npy(HEADER.replace("(2, 2)", "[2, 2]")),
        "expected an order of True or False and a shape of whole numbers, "
        "got False and [2, 2]",
    ),
    (
        npy(HEADER.replace("False", "0")),
        "expected an order of True or False and a shape of whole numbers, "
        "got 0 and (2, 2)",
    ),
    (
        npy("__import__('os').getcwd()"),
        "expected a header with descr, fortran_order and shape, "
        "got \"__import__('os').getcwd()\"",
    ),
    (
        npy("{'descr': '<f4'}"),
        "expected a header with descr, fortran_order and shape, "
        "got \"{'descr': '<f4'}\"",
    ),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
@pytest.mark.parametrize("mapped", [None, True, False])
def test_a_broken_file_is_refused(
    tmp_path: Path, content: bytes, message: str, mapped: bool | None
) -> None:
    """One sentence says what stands where a sound file has something else."""
    path = tmp_path / "broken.npy"
    path.write_bytes(content)
    with pytest.raises(TorchLeanError) as refused:
        data.read_npy(path, mapped=mapped)
    assert str(refused.value) == f"{path}: {message}"
    assert refused.value.reason is Reason.FILE_FORMAT


@given(
    edits=st.lists(
        st.tuples(st.integers(0, 150), st.integers(0, 255)), min_size=1, max_size=4
    ),
    cut=st.integers(0, 150),
)
def test_a_damaged_file_is_refused_or_read_as_numpy_reads_it(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int]], cut: int
) -> None:
    """Whatever bytes are changed: one sentence, or the array that is written there."""
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    np.save(path, np.arange(6, dtype=np.float32).reshape(3, 2))
    content = bytearray(path.read_bytes())
    for place, byte in edits:
        content[place] = byte
    path.write_bytes(bytes(content[: len(content) - max(0, cut - 120)]))
    try:
        found = data.read_npy(path)
    except TorchLeanError as error:
        assert error.reason is Reason.FILE_FORMAT
        return
    meant = np.load(path, allow_pickle=False)
    assert (found.dtype, found.shape) == (meant.dtype, meant.shape)
    assert found.tobytes() == meant.tobytes()


@pytest.mark.parametrize(
    "text", ["-" * 60000 + "1", "(" * 60000, "[" * 150 + "]" * 150, "\0"]
)
def test_a_header_that_is_no_description(tmp_path: Path, text: str) -> None:
    """Nested beyond all measure, or no text at all."""
    path = tmp_path / "odd.npy"
    path.write_bytes(npy(text))
    with pytest.raises(TorchLeanError) as refused:
        data.read_npy(path)
    assert str(refused.value) == (
        f"{path}: expected a header with descr, fortran_order and shape, "
        f"got {text.strip()[:60]!r}"
    )


REFUSED: list[tuple[Callable[[Path], object], Reason, str]] = [
    (
        lambda path: data.read_npy(path, shape=(2, 2)),
        Reason.SHAPE_MISMATCH,
        "expected an array of shape [2, 2], got [2, 3]",
    ),
    (
        lambda path: data.read_npy(path, rows=3),
        Reason.SHAPE_MISMATCH,
        "expected at least 3 rows, got 2",
    ),
    (
        lambda path: data.read_npy(path, mapped=True),
        Reason.CONTRADICTION,
        "expected an array in C order, which can be mapped, got Fortran order",
    ),
]


@pytest.mark.parametrize(("call", "reason", "message"), REFUSED)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, call: Callable[[Path], object], reason: Reason, message: str
) -> None:
    """Another shape, too few rows, an order that cannot be mapped."""
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((2, 3), order="F"))
    with pytest.raises(TorchLeanError) as refused:
        call(path)
    assert str(refused.value) == f"{path}: {message}"
    assert refused.value.reason is reason


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The sentence names the file."""
    path = tmp_path / "absent.npy"
    with pytest.raises(TorchLeanError) as refused:
        data.read_npy(path)
    assert str(refused.value) == (
        f"expected a file that can be read, got {path}: no such file or directory"
    )
    assert refused.value.reason is Reason.FILE_ACCESS
