"""Kernels of whole matrices: the spec's bits, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype, Mode, kernel_named
from torchlean.cpu.running import STEP, TABLE_START
from torchlean_spec.numbers import BINARY32, BINARY64
from torchlean_spec.optimizers import Muon, coefficients_at
from torchlean_spec.shape import shape_of
from torchlean_spec.tensor import Tensor

Array = NDArray[Any]
SIZE, ROWS = 70, 7
NUMBERS: dict[Dtype, Any] = {Dtype.FLOAT32: BINARY32, Dtype.FLOAT64: BINARY64}
BOTH = pytest.mark.parametrize("dtype", list(Dtype))


def late(table: Array) -> tuple[Array, Array]:
    """A table whose second row is this step's, and its control block."""
    control = numpy.zeros(16, numpy.int64)
    control[STEP], control[TABLE_START] = 9, 8
    return numpy.stack([numpy.full_like(table, 7), table]), control


@BOTH
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0, "0.1"])
def test_an_update_by_the_identity_has_the_bits_of_the_spec(
    nesterov: bool, decay: str | int, dtype: Dtype, numbers: Callable[..., Array]
) -> None:
    """Momentum, then the move: parameter and buffer bit by bit."""
    system = NUMBERS[dtype]
    record = Muon(
        "0.3", nesterov=nesterov, weight_decay=decay, orthogonalizer="identity"
    )
    parameter, gradient, buffer = (
        numbers(SIZE, seed).astype(dtype.value) for seed in (1, 2, 3)
    )
    shape = shape_of((ROWS, SIZE // ROWS))
    given = [
        Tensor(shape, tuple(map(system.from_float, array.tolist())))
        for array in (parameter, gradient, buffer)
    ]
    found = coefficients_at(record, system, 10)
    (kept,) = record.next_state(system, found, 10, given[1], (given[2],))
    moved = record.next_parameter(system, found, given[0], given[1], (kept,))

    row = numpy.array([system.to_float(each) for each in found.values()], dtype.value)
    table, control = late(row)
    direction, one = numpy.empty_like(gradient), numpy.ones(1, dtype.value)
    shared: dict[str, Any] = {
        "dtype": dtype,
        "coefficients": table,
        "control": control,
        "table_rows": 2,
        "columns": len(row),
        "size": SIZE,
    }
    suffix = "_nesterov" if nesterov else ""
    call(
        f"muon_direction{suffix}",
        gradient=gradient,
        buffer=buffer,
        out=direction,
        **shared,
    )
    call(
        "move_along_decayed" if decay else "move_along",
        direction=direction,
        scale=one,
        parameter=parameter,
        **shared,
    )
    assert buffer.tolist() == [system.to_float(each) for each in kept.values]
    assert parameter.tolist() == [system.to_float(each) for each in moved.values]


@BOTH
def test_the_direction_is_scaled_before_the_rate(
    dtype: Dtype, numbers: Callable[..., Array]
) -> None:
    """`p - rate * (scale * o)`, three roundings in this order."""
    kind = numpy.dtype(dtype.value).type
    parameter, direction = (numbers(SIZE, s).astype(dtype.value) for s in (4, 5))
    expected = parameter - kind(0.3) * (kind(1.7) * direction)
    table, control = late(numpy.array([0.3, 0.9], dtype.value))
    call(
        "move_along",
        dtype=dtype,
        direction=direction,
        scale=numpy.array([1.7], dtype.value),
        coefficients=table,
        control=control,
        parameter=parameter,
        table_rows=2,
        columns=2,
        size=SIZE,
    )
    assert parameter.tolist() == expected.tolist()


@BOTH
def test_normalized(dtype: Dtype, numbers: Callable[..., Array]) -> None:
    """Each element over root and epsilon, each rounded once."""
    x = numbers(SIZE, 6).astype(dtype.value)
    square, epsilon = (numpy.array([v], dtype.value) for v in (2.7, 0.1))
    out = numpy.empty_like(x)
    call(
        "normalized",
        dtype=dtype,
        x=x,
        square=square,
        epsilon=epsilon,
        out=out,
        size=SIZE,
    )
    assert out.tolist() == (x / (numpy.sqrt(square) + epsilon)).tolist()


@BOTH
def test_weighted_sum(dtype: Dtype, numbers: Callable[..., Array]) -> None:
    """Two products and a sum, each rounded once: nothing is fused."""
    x, y = (numbers(SIZE, seed).astype(dtype.value) for seed in (7, 8))
    weights = numpy.array([3.4445, -4.775], dtype.value)
    out = numpy.empty_like(x)
    call("weighted_sum", dtype=dtype, x=x, y=y, weights=weights, out=out, size=SIZE)
    assert out.tolist() == (weights[0] * x + weights[1] * y).tolist()


def test_strict_and_fast_code_is_one() -> None:
    """These loops are exact in both modes, so there is one kernel for both."""
    from torchlean.cpu.registry import kernel_table

    names = {
        name
        for (name, _), kernel in kernel_table().items()
        if kernel.body.__module__ == "torchlean.cpu.orthogonal"
    }
    assert len(names) == 6
    assert not any(kernel_named(name, Mode.FAST).varies for name in names)
