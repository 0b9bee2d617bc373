"""Elementwise kernels against the spec's formulas."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype, Mode, kernel_named
from torchlean_spec.operations.operation import OPERATIONS

Array = NDArray[Any]
HYPERPARAMETERS = {"slope": "0.1", "alpha": "0.7", "factor": "0.3"}
NAMES = sorted(
    name
    for name, operation in OPERATIONS.items()
    if operation.meaning.__qualname__.startswith("elementwise.")  # type: ignore[attr-defined]
)


def arguments_of(name: str, x: Array, y: Array) -> tuple[dict[str, Any], list[Array]]:
    """A kernel's arguments, and the operands among them."""
    names = [each.name for each in kernel_named(name).arguments]
    arguments: dict[str, Any] = {"out": numpy.empty_like(x), "size": x.size}
    operands: list[Array] = []
    for each in names:
        if each in HYPERPARAMETERS:
            value = float(HYPERPARAMETERS[each])
            arguments[each] = numpy.array([value], x.dtype)
        elif each not in arguments:
            arguments[each] = (x, y)[len(operands)]
            operands.append(arguments[each])
    return arguments, operands


def attributes_of(arguments: dict[str, Any]) -> dict[str, Fraction]:
    """The operation's attributes that the arguments stand for."""
    return {
        name: Fraction(value)
        for name, value in HYPERPARAMETERS.items()
        if name in arguments
    }


def test_every_elementwise_operation_has_a_kernel() -> None:
    """The list that the other tests run over is not empty, and each has a kernel."""
    assert len(NAMES) > 30
    for name in NAMES:
        assert kernel_named(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_strict_kernels_have_the_bits_of_the_spec(
    name: str,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Strict binary32 kernels give the spec's bits, for special numbers too."""
    x, y = numbers(150, special=True), numbers(150, seed=5, special=True)
    arguments, operands = arguments_of(name, x, y)
    call(name, mode=Mode.STRICT, **arguments)
    expected = meaning.bits(name, *operands, **attributes_of(arguments))
    assert same_bits(arguments["out"], expected)


@pytest.mark.parametrize("name", NAMES)
def test_fast_kernels_are_within_the_bounds_of_the_spec(
    name: str, meaning: Any, numbers: Callable[..., Array]
) -> None:
    """Fast binary32 kernels give answers that honest arithmetic may give."""
    x, y = numbers(150, special=True), numbers(150, seed=5, special=True)
    arguments, operands = arguments_of(name, x, y)
    call(name, **arguments)
    attributes = attributes_of(arguments)
    assert meaning.refused(arguments["out"], name, *operands, **attributes) == []


@pytest.mark.parametrize("name", NAMES)
def test_binary64_kernels_are_within_the_bounds_of_the_spec(
    name: str, meaning: Any, numbers: Callable[..., Array]
) -> None:
    """Fast binary64 kernels give answers that honest arithmetic may give."""
    x = numbers(40).astype(numpy.float64)
    y = numbers(40, seed=5).astype(numpy.float64)
    arguments, operands = arguments_of(name, x, y)
    call(name, dtype=Dtype.FLOAT64, **arguments)
    attributes = attributes_of(arguments)
    assert meaning.refused(arguments["out"], name, *operands, **attributes) == []


def test_kernels_write_nothing_beyond_their_size(
    numbers: Callable[..., Array],
) -> None:
    """A kernel called on part of an array leaves the rest alone, at every size."""
    x = numbers(200)
    for size in range(130):
        whole = numpy.full(200, 7, numpy.float32)
        call("relu", x=x[:size].copy(), out=whole[:size], size=size)
        assert numpy.array_equal(whole[:size], numpy.maximum(x[:size], 0))
        assert numpy.all(whole[size:] == 7)
