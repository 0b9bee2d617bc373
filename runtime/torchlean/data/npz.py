"""Arrays from NPZ files: each member is an NPY file, checked as one.

>>> import numpy as np, tempfile
>>> path = Path(tempfile.mkdtemp()) / "numbers.npz"
>>> np.savez(path, x=np.array([[0.5], [2.0]]), y=np.array([1, 0]))
>>> npz_names(path)
('x', 'y')
>>> read_npz(path, "y")
array([1, 0])
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from torchlean.data.npy import (
    Array,
    map_numbers,
    maps,
    parse_header,
    read_numbers,
    require_shape,
)
from torchlean.files import refusal
from torchlean_spec.errors import Reason, TorchLeanError

ENDING = ".npy"
LOCAL_HEADER = 30
"""Bytes of a member's own header, before its name (PKWARE APPNOTE, 4.3.7)."""

_NAME_AND_EXTRA = slice(26, 30)
_ENCRYPTED = 1


def npz_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The names of the arrays in a file.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if
            it is no archive.
    """
    with _archive(path) as archive:
        return tuple(each.removesuffix(ENDING) for each in archive.namelist())


def read_npz(
    path: str | os.PathLike[str],
    name: str,
    *,
    shape: Sequence[int] | None = None,
    rows: int | None = None,
    mapped: bool | None = None,
) -> Array:
    """One array of a file, which cannot be written to.

    A member that is compressed, which `numpy.savez` does not do, is read; one that
    is stored may be mapped. What is read is held to the archive's checksum, what is
    mapped is not.

    Args:
        path: The file.
        name: Which array.
        shape: The shape that the result must have; any by default.
        rows: How many rows to take, from the first on; all by default.
        mapped: Whether the numbers stay in the file until they are used; by default
            if they can, and take 16 MiB or more.

    Raises:
        TorchLeanError: As `read_npy`; `UNKNOWN_NAME` for an array that is not
            there, `CONTRADICTION` if a compressed one is to be mapped.
    """
    called = f"{os.fspath(path)}, {name}"
    with _archive(path) as archive:
        member = _member(archive, path, name)
        stored = member.compress_type == zipfile.ZIP_STORED
        if mapped and not stored:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{called}: expected a stored array, which can be mapped, "
                "got a compressed one",
            )
        with archive.open(member) as file:
            header = parse_header(file, called, member.file_size)  # type: ignore[arg-type]
            taken = require_shape(header, called, shape, rows)
            if not (stored and maps(header, called, mapped)):
                # All of it, since the checksum is behind the last byte.
                array = read_numbers(file, called, header, header.shape)  # type: ignore[arg-type]
                return array if taken == header.shape else array[: taken[0]]
    start = _start_of(path, member)
    return map_numbers(path, replace(header, start=start + header.start), taken)


def _member(
    archive: zipfile.ZipFile, path: str | os.PathLike[str], name: str
) -> zipfile.ZipInfo:
    known = {each.filename.removesuffix(ENDING): each for each in archive.infolist()}
    if name not in known:
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"{os.fspath(path)}: expected an array named {', '.join(known) or 'none'}, "
            f"got {name!r}",
        )
    if known[name].flag_bits & _ENCRYPTED:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{os.fspath(path)}, {name}: expected an open archive, "
            "got an encrypted member",
        )
    return known[name]


def _start_of(path: str | os.PathLike[str], member: zipfile.ZipInfo) -> int:
    """Where a stored member's bytes begin in the file."""
    try:
        with Path(path).open("rb") as file:
            file.seek(member.header_offset)
            header = file.read(LOCAL_HEADER)
    except OSError as error:
        raise refusal("read", path, error) from error
    name, extra = struct.unpack("<HH", header[_NAME_AND_EXTRA])
    start: int = member.header_offset + LOCAL_HEADER + name + extra
    return start


@contextmanager
def _archive(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """An archive to read from; what is wrong with it is said in one sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except TorchLeanError:
        raise
    except OSError as error:
        raise refusal("read", path, error) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{os.fspath(path)}: expected an NPZ archive, got one that does not open: "
            f"{error}",
        ) from error
