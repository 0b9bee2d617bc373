"""Whether a file can be written is found out without writing it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from torchlean.writable import require_writable
from torchlean_spec.errors import Reason, TorchLeanError


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The folder is made, and is empty."""
    require_writable(tmp_path / "new" / "file")
    assert list((tmp_path / "new").iterdir()) == []


def test_what_stands_there_stays(tmp_path: Path) -> None:
    """Content and time of an existing file are as before."""
    path = tmp_path / "file"
    path.write_text("before")
    seen = path.stat()
    require_writable(path)
    assert path.read_text() == "before"
    assert path.stat().st_mtime_ns == seen.st_mtime_ns
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_pipe_is_left_to_its_writer() -> None:
    """A device that takes anything is no ordinary file, and is not refused."""
    require_writable(os.devnull)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("folder", "is a directory"),
        ("file/below", "a file stands where a folder is needed"),
    ],
)
def test_refusals(name: str, cause: str, tmp_path: Path) -> None:
    """One sentence names the path and the cause."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(TorchLeanError) as refused:
        require_writable(tmp_path / name)
    assert refused.value.reason is Reason.FILE_ACCESS
    assert str(refused.value) == (
        f"expected a file that can be written, got {tmp_path / name}: {cause}"
    )
