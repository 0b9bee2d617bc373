"""Files that are whole: written beside, flushed to the disk, then renamed.

An interrupted run leaves the old file or the new one, never half of one. What the
operating system refuses is said in one sentence, as a `TorchLeanError`.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> write_text(folder / "new" / "note.txt", "loss 0.25")
>>> read_text(folder / "new" / "note.txt")
'loss 0.25'
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from torchlean_spec.errors import Reason, TorchLeanError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Lend a path beside the wanted one; the file written there takes its place.

    The folder is made if it is missing, a symbolic link is followed, the
    permissions of a file that is replaced are kept, and the lent path ends like
    the wanted one, so that a writer may read the format off the ending. If the
    block raises, the old file stays and the new one is removed.

    Args:
        path: Where the file shall be in the end.

    Yields:
        The path to write to, in the same folder.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{secrets.token_hex(4)}.{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        _flush(beside)
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o777)
        beside.replace(target)
        _flush(target.parent)
    except OSError as error:
        raise refusal("written", path, error) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a whole file, or leave the old one as it was.

    A path that exists and is no ordinary file (a pipe, a device) cannot be
    replaced; it is written to directly.

    Args:
        path: Where to; missing folders are made.
        data: The file's whole content.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        try:
            target.write_bytes(data)
        except OSError as error:
            raise refusal("written", path, error) from error
    else:
        with replacing(path) as beside:
            beside.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a whole file as UTF-8, line ends as they are; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise refusal("read", path, error) from error


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a whole file of UTF-8 text, line ends as they are.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT`
            if it is not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{os.fspath(path)}: expected UTF-8 text, got a byte "
            f"0x{error.object[error.start]:02x} at position {error.start}",
        ) from error


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    # Only POSIX systems let a folder be opened; elsewhere a rename is its own flush.
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refusal(verb: str, path: str | os.PathLike[str], error: OSError) -> TorchLeanError:
    """What the operating system refused, in one sentence; of reason `FILE_ACCESS`."""
    cause = (error.strerror or type(error).__name__).lower()
    if isinstance(error, FileExistsError):
        # Only the making of a missing folder can meet this.
        cause = "a file stands where a folder is needed"
    return TorchLeanError(
        Reason.FILE_ACCESS,
        f"expected a file that can be {verb}, got {os.fspath(path)}: {cause}",
    )
