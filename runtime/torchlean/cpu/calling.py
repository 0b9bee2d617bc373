"""Call one kernel on arrays: for tests, for proofs, and to try things out.

>>> import numpy
>>> x = numpy.array([-1, 2], numpy.float32)
>>> out = numpy.empty_like(x)
>>> call("relu", x=x, out=out, size=2)
>>> out.tolist()
[0.0, 2.0]
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from torchlean.cpu import blas
from torchlean.cpu.registry import ROW_WORDS, Dtype, Mode, kernel_named
from torchlean.kernel_cache import Key, function_of
from torchlean_spec.errors import Reason, TorchLeanError


def call(
    name: str,
    /,
    *,
    mode: Mode = Mode.FAST,
    dtype: Dtype = Dtype.FLOAT32,
    **arguments: NDArray[Any] | int,
) -> None:
    """Call a kernel on arrays and integers, whose kinds and sizes are checked.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if an array does not have the extent and
            the dtype that the kernel's description says, `CONTRADICTION` if the
            arguments are not the kernel's.
    """
    kernel = kernel_named(name, mode)
    names = [each.name for each in kernel.arguments]
    if set(names) != arguments.keys():
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"{name}: expected the arguments {', '.join(names)}, "
            f"got {', '.join(arguments)}",
        )
    integers = {k: v for k, v in arguments.items() if isinstance(v, int)}
    extents = kernel.extents(integers)
    row = numpy.zeros(ROW_WORDS, numpy.int64)
    for position, argument in enumerate(kernel.arguments, 1):
        value = arguments[argument.name]
        if isinstance(value, int):
            row[position] = value
            continue
        wanted = numpy.dtype("int64" if argument.holds_integers else dtype.value)
        extent = extents[argument.name]
        fits = value.dtype == wanted and value.size == extent
        if not fits or not value.flags.c_contiguous:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"{name}: expected {argument.name} of {extent} contiguous elements "
                f"of {wanted}, got {value.size} of {value.dtype}",
            )
        row[position] = value.ctypes.data
    if dtype not in kernel.dtypes:
        dtype = kernel.dtypes[0]
    with blas.one_thread():
        function_of(Key(name, dtype, mode))(row.ctypes.data)
