"""Elementwise arithmetic: numbers in, one number out, everywhere alike.

Each kernel is one loop without values carried from one turn to the next, so what
holds for one element holds for all. The formulas stand in the order of the spec's
`operations/elementwise.py`, one rounding for each operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torchlean.cpu.language import Arithmetic, Reals, helper
from torchlean.cpu.registry import Body, kernel

B = TypeVar("B", bound=Body)


def elementwise(
    operands: str, *, constants: str = "", elementary: bool = False
) -> Callable[[B], B]:
    """Enter a kernel that maps `size` elements of its operands to `size` elements.

    Args:
        operands: The names of the buffers that are read.
        constants: The names of buffers of one number, a hyperparameter.
        elementary: Whether elementary functions are evaluated.
    """
    names = operands.split()
    return kernel(
        reads={
            **dict.fromkeys(names, "size"),
            **dict.fromkeys(constants.split(), "1"),
        },
        writes={"out": "size"},
        elementary=elementary,
        shard_axis="size",
        shard_steps=dict.fromkeys([*names, "out"], "1"),
    )


@elementwise("x y")
def add(x: Reals, y: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x + y`."""
    for i in range(size):
        out[i] = x[i] + y[i]


@elementwise("x y")
def subtract(x: Reals, y: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x - y`."""
    for i in range(size):
        out[i] = x[i] - y[i]


@elementwise("x y")
def multiply(x: Reals, y: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x y`."""
    for i in range(size):
        out[i] = x[i] * y[i]


@elementwise("x y")
def divide(x: Reals, y: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x / y`."""
    for i in range(size):
        out[i] = x[i] / y[i]


@elementwise("x y")
def maximum(x: Reals, y: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """The larger of two; a NaN on either side wins."""
    for i in range(size):
        out[i] = system.maximum(x[i], y[i])


@elementwise("x y")
def minimum(x: Reals, y: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """The smaller of two; a NaN on either side wins."""
    for i in range(size):
        out[i] = system.minimum(x[i], y[i])


@elementwise("x")
def negate(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`-x`; flips the sign of a zero too."""
    for i in range(size):
        out[i] = -x[i]


@elementwise("x")
def absolute(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`|x|`."""
    for i in range(size):
        out[i] = system.absolute(x[i])


@helper
def sign_of(x: float, system: Arithmetic) -> float:
    """-1 below zero, 1 above, +0 at zero; a NaN gives +0."""
    zero, one = system.constant(0), system.constant(1)
    above = system.where(system.less(zero, x), one, zero)
    return system.where(system.less(x, zero), -one, above)


@elementwise("x")
def sign(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """-1 below zero, 1 above, +0 at zero; a NaN gives +0."""
    for i in range(size):
        out[i] = sign_of(x[i], system)


@elementwise("x")
def square(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x x`."""
    for i in range(size):
        out[i] = x[i] * x[i]


@elementwise("x")
def sqrt(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """Square root; NaN below zero."""
    for i in range(size):
        out[i] = system.sqrt(x[i])


@elementwise("x")
def reciprocal(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`1 / x`."""
    for i in range(size):
        out[i] = system.constant(1) / x[i]


@elementwise("x", elementary=True)
def exp(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`e^x`."""
    for i in range(size):
        out[i] = system.exp(x[i])


@elementwise("x", elementary=True)
def log(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """Natural logarithm; minus infinity at zero, NaN below."""
    for i in range(size):
        out[i] = system.log(x[i])


@elementwise("x", elementary=True)
def expm1(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`e^x - 1`."""
    for i in range(size):
        out[i] = system.expm1(x[i])


@elementwise("x", elementary=True)
def log1p(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`log(1 + x)`."""
    for i in range(size):
        out[i] = system.log1p(x[i])


@elementwise("x", elementary=True)
def erf(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """Error function."""
    for i in range(size):
        out[i] = system.erf(x[i])


@elementwise("x", constants="factor")
def scale(x: Reals, factor: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x factor`."""
    number = factor[0]
    for i in range(size):
        out[i] = x[i] * number


@kernel(
    reads={"value": "1"},
    writes={"out": "size"},
    shard_axis="size",
    shard_steps={"out": "1"},
)
def fill(value: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """One number everywhere."""
    number = value[0]
    for i in range(size):
        out[i] = number


@kernel(
    reads={"x": "size"},
    updates={"total": "size"},
    shard_axis="size",
    shard_steps={"x": "1", "total": "1"},
)
def accumulate(x: Reals, total: Reals, size: int, system: Arithmetic) -> None:
    """`total + x`, in place."""
    for i in range(size):
        total[i] = total[i] + x[i]
