"""What the tests of kernels share: the spec's meaning of an operation on arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean_spec.numbers import BINARY32, bounded
from torchlean_spec.operations.operation import (
    OPERATIONS,
    Attribute,
    Attributes,
    Operands,
)
from torchlean_spec.shape import shape_of
from torchlean_spec.tensor import Tensor

Array = NDArray[Any]
INFINITY = numpy.inf
SPECIAL = numpy.array(
    [
        *[0, -0.0, 1, -1, INFINITY, -INFINITY, numpy.nan, 1e-45, -1e-45, 1e-38, 3e38],
        *[-3e38, 88.7, -88.7, -104, 89, 0.5, -0.5, 2, 16777216, 1e-20, -7, 3, 1e-8],
    ],
    numpy.float32,
)


@dataclass(frozen=True)
class Meaning:
    """Runs operations of the spec on arrays."""

    def _operands(self, system: Any, arrays: tuple[Array, ...]) -> Operands[Any]:
        return Operands(
            [
                Tensor(
                    shape_of(array.shape),
                    tuple(
                        int(value)
                        if array.dtype == numpy.int64
                        else system.from_float(float(value))
                        for value in array.ravel()
                    ),
                )
                for array in arrays
            ]
        )

    def bits(self, name: str, *arrays: Array, **attributes: Attribute) -> Array:
        """The answer over the spec's binary32 numbers."""
        operands = self._operands(BINARY32, arrays)
        answer = OPERATIONS[name].meaning(BINARY32, Attributes(**attributes), operands)
        values = [BINARY32.to_float(value) for value in answer.values]
        return numpy.array(values, numpy.float32)

    def refused(
        self, found: Array, name: str, *arrays: Array, **attributes: Attribute
    ) -> list[tuple[int, float]]:
        """Which of the found answers no honest arithmetic gives: place and value."""
        system = bounded(found.dtype.name)
        operands = self._operands(system, arrays)
        answer = OPERATIONS[name].meaning(system, Attributes(**attributes), operands)
        pairs = enumerate(zip(answer.values, found.ravel(), strict=True))
        return [(i, float(v)) for i, (b, v) in pairs if not b.admits(float(v))]


@pytest.fixture
def meaning() -> Meaning:
    """The spec's operations on arrays."""
    return Meaning()


@pytest.fixture
def same_bits() -> Callable[[Array, Array], bool]:
    """Whether two arrays agree bit by bit, any NaN being like any other."""

    def same(found: Array, expected: Array) -> bool:
        found, expected = found.ravel(), expected.ravel()
        integers = numpy.dtype(f"i{found.itemsize}")
        equal = found.view(integers) == expected.view(integers)
        both_nan = numpy.isnan(found) & numpy.isnan(expected)
        return found.dtype == expected.dtype and bool(numpy.all(equal | both_nan))

    return same


@pytest.fixture
def numbers() -> Callable[..., Array]:
    """Ordinary and special binary32 numbers, the same at each call."""

    def draw(count: int, seed: int = 0, special: bool = False) -> Array:
        generator = numpy.random.default_rng(seed)
        scales = numpy.exp2(generator.integers(-12, 5, count))
        drawn = (generator.standard_normal(count) * scales).astype(numpy.float32)
        if special:
            rolled = numpy.roll(SPECIAL, seed)[:count]
            drawn[: rolled.size] = rolled
        return drawn

    return draw
