"""The traced graph, operation by operation in the kernel's own format, on arrays.

A theorem is about the graph that the tracer made. That the graph is what the compiled
kernel computes is shown by replaying it over as many bit patterns as one likes, NaN,
infinities and subnormal numbers included, and comparing bits. A NaN has no payload
here: any NaN agrees with any other, as in the spec.

>>> from torchlean_proofs.evidence.term import real
>>> x = numpy.array([1.5, -numpy.inf], numpy.float32)
>>> replay(real("x") - real("x"), {"x": x}, "float32").tolist()
[0.0, nan]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from torchlean_proofs.evidence.term import Term, in_order
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.floating import nearest_float

Array = NDArray[Any]
FloatFormat = Literal["float32", "float64"]


def replay(root: Term, given: Mapping[str, Array], number_format: FloatFormat) -> Array:
    """What a graph gives, each operation rounded once to a format.

    Args:
        root: The graph, of operations that IEEE 754 rounds correctly.
        given: The value of each variable, an array or a number of the format.
        number_format: `float32` or `float64`.

    Raises:
        TorchLeanError: `UNSUPPORTED` for an elementary function, whose bits are not
            those of NumPy.
    """
    known: dict[int, Array] = {}
    with numpy.errstate(all="ignore"):
        for each in in_order([root]):
            if each.operator == "variable":
                known[each.place] = given[str(each.number)]
            elif each.operator == "constant":
                value = nearest_float(Fraction(each.number))
                known[each.place] = numpy.asarray(value, number_format)
            elif each.operator not in FUNCTIONS:
                raise TorchLeanError(
                    Reason.UNSUPPORTED,
                    "expected operations that IEEE 754 rounds correctly, "
                    f"got {each.operator}",
                )
            else:
                arguments = [known[one.place] for one in each.arguments]
                known[each.place] = FUNCTIONS[each.operator](*arguments)
    return known[root.place]


def _maximum(x: Array, y: Array) -> Array:
    """IEEE 754 maximum: a NaN wins, and +0 exceeds -0."""
    zeros = (x == 0) & (y == 0)
    return numpy.asarray(numpy.where(zeros, x + y, numpy.maximum(x, y)))


def _minimum(x: Array, y: Array) -> Array:
    """IEEE 754 minimum: a NaN wins, and -0 is below +0."""
    return -_maximum(-x, -y)


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "add": numpy.add,
    "subtract": numpy.subtract,
    "multiply": numpy.multiply,
    "divide": numpy.divide,
    "negate": numpy.negative,
    "absolute": numpy.absolute,
    "sqrt": numpy.sqrt,
    "maximum": _maximum,
    "minimum": _minimum,
    "less": numpy.less,
    "less_equal": numpy.less_equal,
    "equal": numpy.equal,
    "and": numpy.logical_and,
    "or": numpy.logical_or,
    "not": numpy.logical_not,
    "where": numpy.where,
}
"""What each operator does to arrays."""


def differences(found: Array, wanted: Array) -> int:
    """In how many places two arrays differ in their bits; two NaNs do not.

    >>> differences(numpy.array([0.0, numpy.nan]), numpy.array([-0.0, numpy.nan]))
    1
    """
    word = numpy.dtype(f"u{found.dtype.itemsize}")
    both_nan = numpy.isnan(found) & numpy.isnan(wanted)
    return int(numpy.sum((found.view(word) != wanted.view(word)) & ~both_nan))


def patterns(count: int, number_format: FloatFormat, seed: int) -> Array:
    """Numbers of a format whose bits are all equally likely."""
    words = "u4" if number_format == "float32" else "u8"
    width = 2 ** (32 if words == "u4" else 64)
    drawn = numpy.random.default_rng(seed).integers(0, width, count, words)
    return drawn.view(number_format)
