"""Arrays from NPY files: the header is checked before a number is believed.

Nothing is unpickled, and no size is taken from a file without being held to the
file's length. Large arrays are mapped: their numbers stay in the file until they are
used, and memory holds what the operating system cares to keep.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / "numbers.npy"
>>> np.save(path, np.array([[0.5, 1.0], [2.0, 3.0]], np.float32))
>>> npy_header(path)
NpyHeader(dtype=dtype('float32'), shape=(2, 2), fortran_order=False, start=128)
>>> read_npy(path, rows=1)
array([[0.5, 1. ]], dtype=float32)

Source: "NEP 1 — A Simple File Format for NumPy Arrays", and `numpy.lib.format`.
"""

from __future__ import annotations

import ast
import math
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from torchlean.data.arrays import MAPPED_FROM
from torchlean.files import refusal
from torchlean_spec.errors import Reason, TorchLeanError

Array = NDArray[Any]

MAGIC = b"\x93NUMPY"
DTYPES = ("<f4", "<f8", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<i8")
"""What an array may hold: binary32 and binary64 numbers, and whole numbers that
int64 holds; little-endian."""

LARGEST_HEADER = 2**16
"""Bytes that a header may have; NumPy writes some hundred."""


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """What an NPY file says of the array in it."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    """Whether the first axis runs fastest."""
    start: int
    """Where the numbers begin, in bytes."""

    @property
    def extent(self) -> int:
        """How many bytes the numbers take."""
        return math.prod(self.shape) * int(self.dtype.itemsize)


def parse_header(file: BinaryIO, name: str, length: int) -> NpyHeader:
    """Read a header, and hold it to the length of what it heads.

    Args:
        file: Where to read; it stands behind the header afterwards.
        name: What to call it in an error.
        length: Bytes from its first to its last.

    Raises:
        TorchLeanError: `FILE_FORMAT` for another format or version, numbers of
            another kind, or more or fewer bytes than the shape needs.
    """
    lead = file.read(len(MAGIC) + 2)
    if lead[: len(MAGIC)] != MAGIC or len(lead) < len(MAGIC) + 2:
        raise _wrong(name, f"expected an NPY file, got the first bytes {lead[:6]!r}")
    version = (lead[-2], lead[-1])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise _wrong(
            name, f"expected NPY version 1.0, 2.0 or 3.0, got {lead[-2]}.{lead[-1]}"
        )
    width = 2 if version == (1, 0) else 4
    stated = file.read(width).ljust(width, b"\0")
    size = struct.unpack("<H" if width == 2 else "<I", stated)[0]
    if size > LARGEST_HEADER:
        raise _wrong(
            name, f"expected a header up to {LARGEST_HEADER} bytes, got {size}"
        )
    text = file.read(size)
    if len(text) < size:
        raise _wrong(name, f"expected a header of {size} bytes, got {len(text)}")
    start = len(lead) + width + size
    header = _described(text.decode("utf-8", "replace"), name, start)
    if length - start != header.extent:
        raise _wrong(
            name,
            f"expected {header.extent} bytes of numbers for shape "
            f"{list(header.shape)} of {header.dtype}, got {length - start}",
        )
    return header


def _described(text: str, name: str, start: int) -> NpyHeader:
    """What the text of a header says."""
    try:
        found = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        found = None
    keys = {"descr", "fortran_order", "shape"}
    if not isinstance(found, dict) or set(found) != keys:
        raise _wrong(
            name,
            "expected a header with descr, fortran_order and shape, "
            f"got {text.strip()[:60]!r}",
        )
    kind, order, shape = found["descr"], found["fortran_order"], found["shape"]
    if kind not in DTYPES:
        raise _wrong(name, f"expected numbers of {', '.join(DTYPES)}, got {kind!r}")
    sound = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not sound or not isinstance(order, bool):
        raise _wrong(
            name,
            "expected an order of True or False and a shape of whole numbers, "
            f"got {order!r} and {shape!r}",
        )
    return NpyHeader(np.dtype(kind), shape, order, start)


def npy_header(path: str | os.PathLike[str]) -> NpyHeader:
    """The header of a file, held to the file's length.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` as
            `parse_header`.
    """
    try:
        with Path(path).open("rb") as file:
            return parse_header(file, os.fspath(path), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise refusal("read", path, error) from error


def available_npy_rows(path: str | os.PathLike[str]) -> int:
    """How many rows, along the first axis, a file has; 1 for a single number.

    Raises:
        TorchLeanError: As `npy_header`.
    """
    return npy_header(path).shape[0] if npy_header(path).shape else 1


def read_npy(
    path: str | os.PathLike[str],
    *,
    shape: Sequence[int] | None = None,
    rows: int | None = None,
    mapped: bool | None = None,
) -> Array:
    """The array in a file, which cannot be written to.

    Args:
        path: The file.
        shape: The shape that the result must have; any by default.
        rows: How many rows to take, from the first on; all by default.
        mapped: Whether the numbers stay in the file until they are used; by default
            if they are in C order and take 16 MiB or more.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` as
            `parse_header`, `SHAPE_MISMATCH` for another shape or too few rows,
            `CONTRADICTION` if an array in Fortran order is to be mapped.
    """
    header = npy_header(path)
    taken = require_shape(header, os.fspath(path), shape, rows)
    if maps(header, os.fspath(path), mapped):
        return map_numbers(path, header, taken)
    try:
        with Path(path).open("rb") as file:
            file.seek(header.start)
            return read_numbers(file, os.fspath(path), header, taken)
    except OSError as error:
        raise refusal("read", path, error) from error


def require_shape(
    header: NpyHeader, name: str, shape: Sequence[int] | None, rows: int | None
) -> tuple[int, ...]:
    """The shape of what is taken of an array.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if it is not the wanted one, or there are
            fewer rows.
    """
    found = header.shape
    if rows is not None:
        available = found[0] if found else 0
        if not 0 <= rows <= available:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"{name}: expected at least {rows} rows, got {available}",
            )
        found = (rows, *found[1:])
    if shape is not None and found != tuple(shape):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"{name}: expected an array of shape {list(shape)}, got {list(found)}",
        )
    return found


def maps(header: NpyHeader, name: str, wanted: bool | None) -> bool:
    """Whether an array is mapped.

    Raises:
        TorchLeanError: `CONTRADICTION` if it is to be and cannot.
    """
    column_major = header.fortran_order and len(header.shape) > 1
    if wanted and column_major:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"{name}: expected an array in C order, which can be mapped, "
            "got Fortran order",
        )
    large = header.extent >= MAPPED_FROM and not column_major
    # An empty file cannot be mapped, and need not.
    return (large if wanted is None else wanted) and header.extent > 0


def map_numbers(
    path: str | os.PathLike[str], header: NpyHeader, shape: tuple[int, ...]
) -> Array:
    """The first rows of an array in C order, as they lie in the file."""
    if math.prod(shape) == 0:
        return np.zeros(shape, header.dtype)
    try:
        return np.memmap(path, header.dtype, "r", header.start, shape)
    except OSError as error:
        raise refusal("read", path, error) from error


def read_numbers(
    file: BinaryIO, name: str, header: NpyHeader, shape: tuple[int, ...]
) -> Array:
    """The first rows of an array, from where a file stands.

    Raises:
        TorchLeanError: `FILE_FORMAT` if the file ends before they do.
    """
    whole = header.fortran_order
    wanted = math.prod(header.shape if whole else shape) * header.dtype.itemsize
    raw = file.read(wanted)
    if len(raw) < wanted:
        raise _wrong(name, f"expected {wanted} bytes of numbers, got {len(raw)}")
    array: Array = np.frombuffer(raw, header.dtype)
    if whole:
        backwards = array.reshape(header.shape[::-1]).T
        array = np.ascontiguousarray(backwards[: shape[0]] if shape else backwards)
    array = array.reshape(shape)
    array.flags.writeable = False
    return array


def _wrong(name: str, sentence: str) -> TorchLeanError:
    return TorchLeanError(Reason.FILE_FORMAT, f"{name}: {sentence}")
