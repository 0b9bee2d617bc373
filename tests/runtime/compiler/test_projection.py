"""Rows of projected descent: what they are, and that their numbers are the spec's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.runtime.compiler.programs import small_run

from torchlean.backend import CpuBackend
from torchlean.compiler.lower import compile_step
from torchlean.compiler.single import compile_update
from torchlean.compiler.updates import slot_layouts
from torchlean.cpu.registry import Dtype, Mode
from torchlean.plan import verify
from torchlean_spec.backend import AttributeValue, Buffer, Call
from torchlean_spec.description import to_json
from torchlean_spec.numbers import BINARY32, bounded
from torchlean_spec.optimizers import (
    SGD,
    LowRankProjection,
    ParameterGroup,
    ParameterGroups,
    ProjectedSGD,
    coefficients_at,
)
from torchlean_spec.optimizers.tensors import state_shapes
from torchlean_spec.shape import shape_of, size, sizes
from torchlean_spec.tensor import Tensor

GENERATOR = np.random.default_rng(11)
RULE = ProjectedSGD("0.1", LowRankProjection(2, update_interval=2, seed=5))


@pytest.mark.parametrize("mode", list(Mode))
def test_the_rows_of_one_matrix(mode: Mode) -> None:
    """Sums, basis, coordinates, what is lifted, the move: along the shorter side."""
    rows = {}
    for shape in ((3, 5), (5, 3), (4, 4)):
        compiled = compile_update(RULE, shape_of(shape), Dtype.FLOAT32, mode)
        verify(compiled.plan)
        compiled.verify()
        rows[shape] = [row.kernel for row in compiled.plan.single_rows()]
    wide = [
        "matmul_transposed_right",
        "refresh_basis",
        "matmul",
        "matmul_transposed_left",
        "move_along",
    ]
    tall = [
        "matmul",
        "refresh_basis",
        "matmul_transposed_right",
        "matmul",
        "move_along",
    ]
    assert rows == {(3, 5): wide, (5, 3): tall, (4, 4): wide}


@pytest.mark.parametrize("mode", list(Mode))
def test_the_identity_is_the_row_of_descent(mode: Mode) -> None:
    """One row over everything, and the plan of `SGD`, word for word."""
    plans = [
        str(compile_step(small_run(optimizer=rule), (6,), mode, batch=16).plan)
        for rule in (ProjectedSGD("0.1"), SGD("0.1"))
    ]
    assert plans[0] == plans[1]


def test_a_basis_lies_as_it_is() -> None:
    """Also where its parameter lies transposed, as weights do in fast mode."""
    groups = ParameterGroups(
        ParameterGroup(ProjectedSGD("0.1", LowRankProjection(9)), "matrices"),
        ParameterGroup(SGD("0.1"), "rest"),
    )
    run = small_run(optimizer=groups)
    layout = compile_step(run, (6,), Mode.FAST, batch=16).layout
    assert layout.stretches["0.weight"].transposed
    (basis,) = slot_layouts(run, layout).values()
    assert not any(each.transposed for each in basis.stretches.values())
    assert basis.size == 5 * 5 + 4 * 4 + 3 * 3


def numbers_of(shape: tuple[int, ...]) -> list[float]:
    """Numbers that binary32 holds."""
    drawn = GENERATOR.standard_normal(shape).astype(np.float32).ravel()
    return [float(value) for value in drawn]


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (4, 4), (40, 33), (3, 40)])
@pytest.mark.parametrize("step", [3, 4])
def test_updates_are_the_specs(shape: tuple[int, int], step: int) -> None:
    """Bits in strict mode, allowed answers in fast; step 3 has a new basis, 4 not."""
    (kept,) = state_shapes(RULE, shape_of(shape)).values()
    extents = {"parameter": shape, "gradient": shape, "basis": sizes(kept)}
    drawn = {name: numbers_of(each) for name, each in extents.items()}
    buffers = {
        name: Buffer.of("float32", extents[name], each) for name, each in drawn.items()
    }
    attributes: dict[str, AttributeValue] = {
        "optimizer": to_json(RULE),
        "step": step,
        "learning_rate": Fraction(1, 3),
    }
    call = Call("update", attributes, buffers)
    strict, fast = (CpuBackend(strict=each).run(call) for each in (True, False))

    coefficient = coefficients_at(RULE, BINARY32, step, Fraction(1, 3))
    parameter, gradient, basis = (
        Tensor(shape_of(extents[name]), tuple(map(BINARY32.from_float, drawn[name])))
        for name in extents
    )
    after = RULE.next_state(BINARY32, coefficient, step, gradient, (basis,))
    moved = RULE.next_parameter(BINARY32, coefficient, parameter, gradient, after)
    assert strict["basis"].values() == tuple(map(BINARY32.to_float, after[0].values))
    assert strict["parameter"].values() == tuple(map(BINARY32.to_float, moved.values))
    assert (after == (basis,)) == (step == 4)

    system = bounded("float32")
    allowed = coefficients_at(RULE, system, step, Fraction(1, 3))
    start, slope, before = (
        Tensor(shape_of(extents[name]), tuple(map(system.from_float, drawn[name])))
        for name in extents
    )
    found = Tensor(kept, tuple(map(system.from_float, fast["basis"].values())))
    sets = RULE.next_state(system, allowed, step, slope, (before,), (found,))
    ends = RULE.next_parameter(system, allowed, start, slope, (found,))
    pairs = [*zip(sets[0].values, fast["basis"].values(), strict=True)]
    pairs += zip(ends.values, fast["parameter"].values(), strict=True)
    assert all(each.admits(value) for each, value in pairs)
    assert len(pairs) == size(kept) + size(shape_of(shape))
