"""Arrays of samples: kept in their own format, looked at in slices.

An array may be mapped from a file. What is done here takes it some rows at a time,
so that no more of it is in memory than the operating system cares to keep.

>>> numbers_of("inputs", [[1, 2]])
array([[1., 2.]])
>>> numbers_of("inputs", np.ones((1, 2), np.float32)).dtype
dtype('float32')
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from torchlean.files import refusal
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.training import NumberFormat

Inputs = NDArray[np.float32] | NDArray[np.float64]
"""Numbers, in the format that they came in."""

TargetArray = NDArray[np.float32] | NDArray[np.float64] | NDArray[np.int64]
"""Numbers to predict, or class indices."""

MAPPED_FROM = 2**24
"""Bytes from which on an array is left in a file, unless asked otherwise."""

SLICE = 2**17
"""How many numbers are looked at together: they stay in the cache."""

_KIND_OF_NUMBERS = "expected numbers that float64 holds exactly"


def row_slices(array: TargetArray) -> Iterator[tuple[int, TargetArray]]:
    """An array some rows at a time: the number of the first one, and the rows.

    >>> [first for first, _ in row_slices(np.zeros((5, 2**16)))]
    [0, 2, 4]
    """
    width = max(1, array[:1].size)
    count = max(1, SLICE // width)
    for first in range(0, len(array), count):
        yield first, array[first : first + count]


def is_mapped(array: NDArray[np.generic]) -> bool:
    """Whether an array's numbers lie in a file, and not in memory of its own.

    >>> is_mapped(np.zeros(3))
    False
    """
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


def numbers_of(what: str, given: object) -> Inputs:
    """The numbers as an array: float32 and float64 as they are, others as float64.

    A mapped array stays mapped; any other is copied, so that nobody changes it. Whole
    numbers in a large mapped array go into a file without a name: as float32 where
    they have 16 bits or fewer, which it holds exactly.

    Raises:
        TorchLeanError: `DOMAIN` for what is no array of numbers that float64 holds
            exactly.
    """
    array = np.asarray(given)
    if array.dtype in (np.dtype("float32"), np.dtype("float64")):
        mapped = is_mapped(array) and array.flags.c_contiguous
        return array if mapped else np.array(array, order="C")
    if array.dtype.kind not in "fiub":
        raise TorchLeanError(
            Reason.DOMAIN, f"{what}: {_KIND_OF_NUMBERS}, got an array of {array.dtype}"
        )
    if is_mapped(array) and array.nbytes >= MAPPED_FROM:
        parts = (numbers_of(what, np.array(rows)) for _, rows in row_slices(array))
        narrow = array.dtype.itemsize <= 2
        return mapped_file(
            parts, np.dtype("float32" if narrow else "float64"), array.shape
        )
    converted = array.astype(np.float64)
    if array.dtype.kind == "f":
        rounded = (converted != array) & (array == array)
    else:
        # Whole numbers up to this size are exact; Python compares larger ones.
        rounded = np.abs(converted) >= 2.0**53
        for place in zip(*np.nonzero(rounded), strict=True):
            rounded[place] = int(converted[place]) != int(array[place])
    if rounded.any():
        first = array[np.unravel_index(int(np.argmax(rounded)), array.shape)]
        raise TorchLeanError(
            Reason.DOMAIN, f"{what}: {_KIND_OF_NUMBERS}, got {array.dtype} {first}"
        )
    return converted


def label_vector(wanted: NDArray[np.generic]) -> NDArray[np.int64]:
    """Whole numbers as class indices, one for each sample.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless they are a vector.
    """
    if wanted.ndim != 1:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected one class index for each sample, "
            f"got whole numbers of shape {list(wanted.shape)}",
        )
    return wanted.astype(np.int64)


def in_format(array: TargetArray, number_format: NumberFormat) -> Inputs:
    """The numbers in a format, each rounded once; untouched where they are in it.

    A mapped array is converted some rows at a time into a file without a name in
    the folder for temporary files, which goes when the array goes: what did not
    fit into memory need not fit now.

    Raises:
        TorchLeanError: `FILE_ACCESS` if that file cannot be written.

    >>> in_format(np.array([[0.1]]), "float32")
    array([[0.1]], dtype=float32)
    """
    if array.dtype == np.dtype(number_format) or not is_mapped(array):
        converted: Inputs = np.ascontiguousarray(array, number_format)
        return converted
    parts = (rows for _, rows in row_slices(array))
    return mapped_file(parts, np.dtype(number_format), array.shape)


def gather(array: TargetArray, places: NDArray[np.int64]) -> TargetArray:
    """Some rows of an array, in the order of their places.

    Of a mapped array they go, some at a time, into a file without a name where they
    take `MAPPED_FROM` bytes or more, and into memory where they take less.

    Raises:
        TorchLeanError: `FILE_ACCESS` if that file cannot be written.
    """
    width = array[:1].nbytes
    if not is_mapped(array) or len(places) * width < MAPPED_FROM:
        return array[places]
    count = max(1, SLICE // max(1, array[:1].size))
    starts = range(0, len(places), count)
    parts = (array[places[start : start + count]] for start in starts)
    return mapped_file(parts, array.dtype, (len(places), *array.shape[1:]))


def mapped_file(
    parts: Iterable[NDArray[Any]], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Rows in a file without a name, in the folder for temporary files.

    The file goes when the array goes.

    Args:
        parts: The rows, some at a time.
        dtype: What they are rounded to.
        shape: The shape of all of them.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written.
    """
    try:
        with tempfile.TemporaryFile() as file:
            for rows in parts:
                file.write(np.ascontiguousarray(rows, dtype).data)
            file.flush()
            return np.memmap(file, dtype, "r", shape=shape)
    except OSError as error:
        raise refusal("written", tempfile.gettempdir(), error) from error


def rows_bytes(array: TargetArray) -> Iterator[bytes]:
    """What a digest reads of rows of numbers: `Rows.canonical_bytes` of the spec."""
    extents = array.shape[1:]
    yield b"rows\n"
    yield np.array([len(extents), *extents, len(array)], "<i8").tobytes()
    for _, rows in row_slices(array):
        numbers = rows.astype("<f8")
        numbers[np.isnan(numbers)] = np.nan
        yield numbers.tobytes()


def rows_as_tuples(array: TargetArray) -> tuple[tuple[float, ...], ...]:
    """The rows of an array as the spec has them."""
    flat = array.reshape(len(array), -1).tolist()
    return tuple(map(tuple, cast("list[list[float]]", flat)))


def require_names(what: str, names: tuple[str, ...], count: int) -> None:
    """Refuse names, unless there are none or one for each thing.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH`.
    """
    if names and len(names) != count:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH, f"expected {count} {what} names, got {len(names)}"
        )


def require_finite(what: str, array: TargetArray) -> None:
    """Refuse the first number that is not finite, and say where it is.

    Raises:
        TorchLeanError: `NOT_FINITE`.
    """
    for first, rows in row_slices(array):
        finite = np.isfinite(rows)
        if not finite.all():
            flat = finite.reshape(len(rows), -1)
            row, place = np.unravel_index(int(np.argmin(flat)), flat.shape)
            value = rows.reshape(len(rows), -1)[row, place]
            raise TorchLeanError(
                Reason.NOT_FINITE,
                f"{what}, row {first + row}, place {place}: expected a finite number, "
                f"got {value} (allow_non_finite=True admits it)",
            )


def require_classes(labels: TargetArray, classes: int, ignored: int | None) -> None:
    """Refuse the first label that is no class, and say where it is.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE`.
    """
    wrong = (labels < 0) | (labels >= classes)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"targets, row {row}: expected a class from 0 to {classes - 1}, "
            f"got {labels[row]}",
        )
