"""Optimizers: every variant of the spec has a kernel with its bits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype, Mode, kernel_named
from torchlean.cpu.running import STEP, TABLE_START
from torchlean_spec.numbers import BINARY32, BINARY64
from torchlean_spec.optimizers import SGD, Adadelta, AdaGrad, Adam, AdamW, RMSProp
from torchlean_spec.optimizers.common import coefficients_at

Array = NDArray[Any]
PLACES: Any = ("outside-root", "inside-root")
GATHERED: Any = ("gradients", "steps")
MAXIMA: Any = ((False, "second"), (True, "second"), (True, "unbiased-second"))
RECORDS: list[Any] = [
    SGD(0.1),
    SGD(0.1, weight_decay=0.01),
    *(
        SGD(0.1, momentum=0.9, weight_decay=decay, nesterov=nesterov, buffer_of=of)
        for decay, nesterov, of in product((0, 0.01), (False, True), GATHERED)
    ),
    *(SGD(0.1, momentum=0.9, dampening=0.5, weight_decay=decay) for decay in (0, 0.01)),
    *(
        record(weight_decay=decay, epsilon_place=place, amsgrad=amsgrad, maximum_of=of)
        for record, decay, place, (amsgrad, of) in product(
            (Adam, AdamW),
            (0, 0.01),
            (*PLACES, "uncorrected"),
            MAXIMA,
        )
        if (place, of) != ("uncorrected", "unbiased-second")
    ),
    *(
        RMSProp(momentum=momentum, centered=centered, epsilon_place=place, buffer_of=of)
        for momentum, centered, place, of in product(
            (0, 0.9), (False, True), PLACES, GATHERED
        )
    ),
    *(AdaGrad(epsilon_place=place) for place in PLACES),
    *(Adadelta(change_of=of) for of in GATHERED),
]
VARIANTS = {record.variant: record for record in RECORDS}
SIZE = 70


def table_of(record: Any, system: Any, steps: range, dtype: Dtype) -> Array:
    """The coefficient table of some steps, counted from 1."""
    rows = [list(coefficients_at(record, system, step).values()) for step in steps]
    return numpy.array(
        [[system.to_float(value) for value in row] for row in rows], dtype.value
    )


def test_the_records_of_this_file_reach_every_kernel_of_the_module() -> None:
    """No optimizer's kernel goes untested."""
    from torchlean.cpu.registry import kernel_table

    kernels = {
        name
        for (name, _), kernel in kernel_table().items()
        if kernel.body.__module__ == "torchlean.cpu.optimizers"
    }
    assert kernels == VARIANTS.keys()


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize("dtype", list(Dtype))
def test_each_variant_has_the_bits_of_the_spec(
    variant: str, dtype: Dtype, numbers: Callable[..., Array]
) -> None:
    """Three steps over one arena, parameter and state bit by bit."""
    record = VARIANTS[variant]
    system: Any = BINARY32 if dtype is Dtype.FLOAT32 else BINARY64
    parameter = numbers(SIZE, 1).astype(dtype.value)
    zero = [system.to_float(value) for value in record.initial_state(system)]
    state = [numpy.full(SIZE, value, dtype.value) for value in zero]
    expected = [system.from_float(float(value)) for value in parameter]
    states = [record.initial_state(system) for _ in range(SIZE)]
    table = table_of(record, system, range(1, 4), dtype)
    control = numpy.zeros(16, numpy.int64)
    names = dict(zip(record.state_names, state, strict=True))
    for step in range(1, 4):
        gradient = numbers(SIZE, 10 + step).astype(dtype.value)
        control[STEP] = step - 1
        call(
            variant,
            mode=Mode.FAST,
            dtype=dtype,
            parameter=parameter,
            gradient=gradient,
            coefficients=table,
            control=control,
            table_rows=3,
            size=SIZE,
            **names,
        )
        coefficients = coefficients_at(record, system, step)
        for i in range(SIZE):
            slope = system.from_float(float(gradient[i]))
            expected[i], states[i] = record.update(
                system, coefficients, expected[i], slope, states[i]
            )
    assert parameter.tolist() == [system.to_float(value) for value in expected]
    for position, array in enumerate(state):
        column = [system.to_float(each[position]) for each in states]
        assert array.tolist() == column


def test_the_row_of_coefficients_is_counted_from_the_table_s_start() -> None:
    """A table that begins at update 5 gives update 6 its second row."""
    parameter = numpy.ones(1, numpy.float32)
    control = numpy.zeros(16, numpy.int64)
    control[STEP], control[TABLE_START] = 6, 5
    call(
        "sgd",
        parameter=parameter,
        gradient=numpy.ones(1, numpy.float32),
        coefficients=numpy.array([0.5, 0.25], numpy.float32),
        control=control,
        table_rows=2,
        size=1,
    )
    assert parameter[0] == 0.75


def test_strict_and_fast_optimizers_share_their_code() -> None:
    """The updates are exact in both modes, so there is one kernel for both."""
    assert all(not kernel_named(variant).varies for variant in VARIANTS)
