"""NPZ files: their members are NPY files, stored or compressed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from torchlean import data
from torchlean.data.arrays import is_mapped
from torchlean_spec.errors import Reason, TorchLeanError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([2, 0, 1, 2])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """An archive as `numpy.savez` writes it."""
    path = tmp_path / "stored.npz"
    np.savez(path, x=X, y=Y, sideways=X.T)
    return path


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    """An archive as `numpy.savez_compressed` writes it."""
    path = tmp_path / "compressed.npz"
    np.savez_compressed(path, x=X, y=Y, sideways=X.T)
    return path


@pytest.mark.parametrize("kind", ["stored", "compressed"])
def test_members_are_read(kind: str, request: pytest.FixtureRequest) -> None:
    """Stored or compressed, in either order: the numbers that were written."""
    path = request.getfixturevalue(kind)
    assert data.npz_names(path) == ("x", "y", "sideways")
    assert data.read_npz(path, "x", shape=(4, 3)).tolist() == X.tolist()
    assert data.read_npz(path, "y").tolist() == Y.tolist()
    assert data.read_npz(path, "sideways").tolist() == X.T.tolist()
    assert data.read_npz(path, "x", rows=2).tolist() == X[:2].tolist()


def test_a_stored_member_is_mapped(stored: Path) -> None:
    """Its numbers lie in the archive as they would in a file of their own."""
    for rows in (None, 3):
        found = data.read_npz(stored, "x", rows=rows, mapped=True)
        assert is_mapped(found)
        assert found.tolist() == X[:rows].tolist()
    assert not is_mapped(data.read_npz(stored, "x"))


def test_a_changed_byte_is_found(compressed: Path, stored: Path) -> None:
    """What is read is held to the checksum of the archive."""
    for path in (compressed, stored):
        member = zipfile.ZipFile(path).getinfo("x.npy")
        content = bytearray(path.read_bytes())
        content[member.header_offset + member.compress_size] ^= 1
        path.write_bytes(bytes(content))
        with pytest.raises(TorchLeanError) as refused:
            data.read_npz(path, "x")
        start = f"{path}: expected an NPZ archive, got one that does not open: "
        assert str(refused.value).startswith(start)
        assert refused.value.reason is Reason.FILE_FORMAT


REFUSED: list[tuple[Callable[[Path], object], Reason, str]] = [
    (
        lambda path: data.read_npz(path, "z"),
        Reason.UNKNOWN_NAME,
        ": expected an array named x, y, sideways, got 'z'",
    ),
    (
        lambda path: data.read_npz(path, "x", shape=(3, 4)),
        Reason.SHAPE_MISMATCH,
        ", x: expected an array of shape [3, 4], got [4, 3]",
    ),
    (
        lambda path: data.read_npz(path, "x", rows=5),
        Reason.SHAPE_MISMATCH,
        ", x: expected at least 5 rows, got 4",
    ),
    (
        lambda path: data.read_npz(path, "x", mapped=True),
        Reason.CONTRADICTION,
        ", x: expected a stored array, which can be mapped, got a compressed one",
    ),
]


@pytest.mark.parametrize(("call", "reason", "message"), REFUSED)
def test_what_does_not_fit_is_refused(
    compressed: Path, call: Callable[[Path], object], reason: Reason, message: str
) -> None:
    """One sentence with file and array."""
    with pytest.raises(TorchLeanError) as refused:
        call(compressed)
    assert str(refused.value) == f"{compressed}{message}"
    assert refused.value.reason is reason


def test_members_are_held_to_their_headers(tmp_path: Path) -> None:
    """An object array, which NumPy would unpickle, is refused as in a file."""
    path = tmp_path / "objects.npz"
    np.savez(path, x=np.array([{}], object))
    with pytest.raises(TorchLeanError) as refused:
        data.read_npz(path, "x")
    assert str(refused.value).startswith(f"{path}, x: expected numbers of <f4, <f8, ")
    assert refused.value.reason is Reason.FILE_FORMAT


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A file of another kind, and no file."""
    path = tmp_path / "other.npz"
    path.write_bytes(b"not an archive")
    for at, message, reason in [
        (
            path,
            f"{path}: expected an NPZ archive, got one that does not open: "
            "File is not a zip file",
            Reason.FILE_FORMAT,
        ),
        (
            tmp_path / "absent.npz",
            f"expected a file that can be read, got {tmp_path / 'absent.npz'}: "
            "no such file or directory",
            Reason.FILE_ACCESS,
        ),
    ]:
        with pytest.raises(TorchLeanError) as refused:
            data.npz_names(at)
        assert str(refused.value) == message
        assert refused.value.reason is reason
