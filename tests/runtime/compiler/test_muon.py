"""Muon's rows: what they are, and that their numbers are what the spec allows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.runtime.compiler.programs import small_run

from torchlean.backend import CpuBackend
from torchlean.compiler.lower import compile_step
from torchlean.compiler.single import compile_update
from torchlean.cpu import blas
from torchlean.cpu.linear import prefers_blas
from torchlean.cpu.registry import Dtype, Mode
from torchlean.plan import verify
from torchlean_spec.backend import AttributeValue, Buffer, Call
from torchlean_spec.description import to_json
from torchlean_spec.numbers import BINARY32, bounded
from torchlean_spec.optimizers import (
    Adam,
    Muon,
    ParameterGroup,
    ParameterGroups,
    coefficients_at,
)
from torchlean_spec.shape import shape_of
from torchlean_spec.tensor import Tensor

GENERATOR = np.random.default_rng(7)
STEP = [
    "matmul_transposed_right",
    "matmul",
    "weighted_sum",
    "matmul",
    "weighted_sum",
]


def kernels_of(muon: Muon, rows: int, columns: int, mode: Mode) -> list[str]:
    """The kernels of one update of one matrix."""
    compiled = compile_update(muon, shape_of((rows, columns)), Dtype.FLOAT32, mode)
    verify(compiled.plan)
    compiled.verify()
    return [row.kernel for row in compiled.plan.single_rows()]


@pytest.mark.parametrize("mode", list(Mode))
def test_the_rows_of_one_matrix(mode: Mode) -> None:
    """Momentum, the norm, the steps along the shorter side, the move."""
    begin = ["muon_direction_nesterov", "tensor_norms", "normalized"]
    assert kernels_of(Muon(steps=2), 3, 5, mode) == [
        *begin,
        *STEP,
        *STEP,
        "move_along",
    ]
    tall = ["matmul_transposed_left", *STEP[1:]]
    decayed = Muon(steps=1, nesterov=False, weight_decay="0.1")
    assert kernels_of(decayed, 5, 3, mode) == [
        "muon_direction",
        *begin[1:],
        *tall,
        "move_along_decayed",
    ]
    assert kernels_of(Muon(orthogonalizer="identity"), 5, 3, mode) == [
        "muon_direction_nesterov",
        "move_along",
    ]


@pytest.mark.parametrize(("rows", "columns"), [(64, 80), (1024, 2048)])
def test_products_are_left_to_the_blas_as_those_of_layers_are(
    rows: int, columns: int
) -> None:
    """By their sizes, and in fast mode alone."""
    preferred = prefers_blas(rows, columns, rows)
    assert preferred or rows == 64 or not blas.found()
    muon = Muon(steps=1)
    for mode, blas_is_meant in ((Mode.FAST, preferred), (Mode.STRICT, False)):
        suffix = "_blas" if blas_is_meant else ""
        found = kernels_of(muon, rows, columns, mode)
        assert f"matmul_transposed_right{suffix}" in found


@pytest.mark.parametrize("mode", list(Mode))
def test_matrices_share_their_first_rows(mode: Mode) -> None:
    """Momentum and norms are one row for all matrices of a part."""
    groups = ParameterGroups(
        ParameterGroup(Muon(steps=1), "matrices"), ParameterGroup(Adam(), "rest")
    )
    compiled = compile_step(small_run(optimizer=groups), (6,), mode, batch=16)
    verify(compiled.plan)
    compiled.verify()
    rows = compiled.phases["update"]
    kernels = [row.kernel for row in list(compiled.plan.single_rows())[rows.start :]]
    assert kernels[:3] == ["muon_direction_nesterov", "tensor_norms", "normalized"]
    assert kernels.count("normalized") == kernels.count("move_along") == 3
    assert kernels[-2:] == ["adam", "advance"]


def numbers_of(rows: int, columns: int) -> list[float]:
    """Numbers that binary32 holds."""
    drawn = GENERATOR.standard_normal(rows * columns).astype(np.float32)
    return [float(value) for value in drawn]


def updated(muon: Muon, strict: bool, given: dict[str, Buffer]) -> Buffer:
    """The parameter after one update by the backend."""
    attributes: dict[str, AttributeValue] = {
        "optimizer": to_json(muon),
        "step": 3,
        "learning_rate": Fraction(1),
    }
    call = Call("update", attributes, given)
    backend = CpuBackend(strict=strict)
    found = backend.run(call)
    assert list(found) == ["parameter", "buffer"]
    return found["parameter"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3), (4, 4), (40, 33)])
@pytest.mark.parametrize("muon", [Muon(), Muon(nesterov=False, weight_decay="0.1")])
def test_strict_updates_have_the_specs_bits(muon: Muon, shape: tuple[int, int]) -> None:
    """Sums of more than 32 numbers go round the spec's lanes."""
    names = ("parameter", "gradient", "buffer")
    drawn = {name: numbers_of(*shape) for name in names}
    given = {name: Buffer.of("float32", shape, each) for name, each in drawn.items()}
    parameter, gradient, buffer = (
        Tensor(shape_of(shape), tuple(map(BINARY32.from_float, drawn[name])))
        for name in names
    )
    coefficient = coefficients_at(muon, BINARY32, 3, Fraction(1))
    after = muon.next_state(BINARY32, coefficient, 3, gradient, (buffer,))
    moved = muon.next_parameter(BINARY32, coefficient, parameter, gradient, after)
    expected = tuple(map(BINARY32.to_float, moved.values))
    assert updated(muon, True, given).values() == expected


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (64, 66), (66, 64)])
def test_fast_updates_round_honestly(shape: tuple[int, int]) -> None:
    """In binary64, where the allowed sets are narrow at any size, with the BLAS too."""
    muon, system = Muon(), bounded("float64")
    names = ("parameter", "gradient", "buffer")
    drawn = {name: numbers_of(*shape) for name in names}
    given = {name: Buffer.of("float64", shape, each) for name, each in drawn.items()}
    parameter, gradient, buffer = (
        Tensor(shape_of(shape), tuple(map(system.from_float, drawn[name])))
        for name in names
    )
    coefficient = coefficients_at(muon, system, 3, Fraction(1))
    after = muon.next_state(system, coefficient, 3, gradient, (buffer,))
    moved = muon.next_parameter(system, coefficient, parameter, gradient, after)
    found = updated(muon, False, given).values()
    assert all(a.admits(x) for a, x in zip(moved.values, found, strict=True))
    assert max(float(each.radius) for each in moved.values) < 1e-8
