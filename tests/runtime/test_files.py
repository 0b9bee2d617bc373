"""Whole files: replaced or left alone, and one sentence when that fails."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from torchlean.files import read_bytes, read_text, replacing, write_bytes, write_text
from torchlean_spec.errors import Reason, TorchLeanError


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    """Missing folders are made, and nothing else is left beside the file."""
    path = tmp_path / "runs" / "digits" / "log.json"
    write_text(path, "a\r\nb\u00e9\n")
    assert path.read_bytes() == b"a\r\nb\xc3\xa9\n"
    assert read_text(path) == "a\r\nb\u00e9\n"
    assert os.listdir(path.parent) == ["log.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Whatever stops the writer, the old file stays and no half file is left."""
    path = tmp_path / "parameters.safetensors"
    write_bytes(path, b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as beside:
        beside.write_bytes(b"half of the n")
        raise KeyboardInterrupt
    assert read_bytes(path) == b"old"
    assert os.listdir(tmp_path) == ["parameters.safetensors"]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """While the new file is being written, readers still see the old one."""
    path = tmp_path / "curve.png"
    write_bytes(path, b"old")
    with replacing(path) as beside:
        beside.write_bytes(b"new")
        assert beside.suffix == ".png"
        assert beside.parent == path.parent
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_the_file_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file is flushed while the old one stands, and the folder afterwards."""
    path = tmp_path / "log.json"
    write_bytes(path, b"old")
    flushed: list[tuple[bool, bytes]] = []

    def flush(descriptor: int) -> None:
        of_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        flushed.append((of_folder, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", flush)
    write_bytes(path, b"new")
    assert flushed == [(False, b"old"), (True, b"new")]


def test_permissions_and_links_survive(tmp_path: Path) -> None:
    """A replaced file keeps its permissions, and a link keeps pointing to it."""
    path, link = tmp_path / "real", tmp_path / "link"
    write_bytes(path, b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    """A path that is no ordinary file is not replaced by one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(
        target=lambda: received.append(pipe.read_bytes()), daemon=True
    )
    reader.start()
    write_bytes(pipe, b"loss")
    reader.join(timeout=10)
    assert received == [b"loss"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_an_unwritable_path_is_one_sentence(tmp_path: Path) -> None:
    """A folder in the way, or a file where a folder should be, is named."""
    with pytest.raises(TorchLeanError) as folder:
        write_bytes(tmp_path, b"")
    assert folder.value.reason is Reason.FILE_ACCESS
    assert str(folder.value) == (
        f"expected a file that can be written, got {tmp_path}: is a directory"
    )
    (tmp_path / "file").write_bytes(b"")
    below = tmp_path / "file" / "log.json"
    with pytest.raises(TorchLeanError) as crossed:
        write_bytes(below, b"")
    assert str(crossed.value) == (
        f"expected a file that can be written, got {below}: "
        "a file stands where a folder is needed"
    )


def test_an_unreadable_path_is_one_sentence(tmp_path: Path) -> None:
    """A missing file is named, with what the system said."""
    path = tmp_path / "absent.json"
    with pytest.raises(TorchLeanError) as refused:
        read_text(path)
    assert refused.value.reason is Reason.FILE_ACCESS
    assert str(refused.value) == (
        f"expected a file that can be read, got {path}: no such file or directory"
    )


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """The first wrong byte and its position are named."""
    path = tmp_path / "log.json"
    path.write_bytes(b"ab\xff")
    with pytest.raises(TorchLeanError) as refused:
        read_text(path)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == (
        f"{path}: expected UTF-8 text, got a byte 0xff at position 2"
    )
