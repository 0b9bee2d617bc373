"""Rows of optimizers: one for all parameters, one for each group of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.runtime.compiler.programs import small_run

from torchlean.compiler import layout as names
from torchlean.compiler.layout import slot_buffer
from torchlean.compiler.lower import compile_step
from torchlean.compiler.updates import CAPACITY, coefficient_starts, slot_layouts
from torchlean.cpu.registry import Mode
from torchlean.data import tensor_dataset
from torchlean.engine import Engine
from torchlean.plan import Place, Row, verify
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, ReLU, Sequential
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.numbers import BINARY32
from torchlean_spec.optimizers import (
    SGD,
    Adam,
    AdamW,
    LowRankProjection,
    Muon,
    ParameterGroup,
    ParameterGroups,
    ProjectedSGD,
    RMSProp,
)
from torchlean_spec.schedules import Cosine
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun
from torchlean_spec.training import run as spec_run

GROUPS = ParameterGroups(
    ParameterGroup(SGD("0.1", momentum="0.9"), ("2.weight", "*.bias")),
    ParameterGroup(AdamW("0.01"), "rest"),
)


def update_rows(run: TrainingRun, mode: Mode) -> list[Row]:
    """The rows of a step's update, all but the last, which ends the step."""
    compiled = compile_step(run, (6,), mode, batch=16)
    verify(compiled.plan)
    compiled.verify()
    rows = [compiled.plan.rows[place] for place in compiled.phases["update"]]
    assert all(isinstance(row, Row) for row in rows)
    return [row for row in rows if isinstance(row, Row)][:-1]


@pytest.mark.parametrize("mode", list(Mode))
def test_one_optimizer_is_one_row_over_everything(mode: Mode) -> None:
    """Groups that come to one optimizer for all have its plan, row for row."""
    run = small_run(optimizer=Adam("0.01"))
    (row,) = update_rows(run, mode)
    size = compile_step(run, (6,), mode, batch=16).layout.size
    assert row.kernel == "adam"
    assert row.integers() == {"table_rows": CAPACITY, "size": size}
    assert row.arguments["parameter"] == Place(names.PARAMETERS)
    alone = ParameterGroups(ParameterGroup(Adam("0.01"), "*"))
    plans = [
        compile_step(each, (6,), mode, batch=16).plan
        for each in (run, replace(run, optimizer=alone))
    ]
    assert str(plans[0]) == str(plans[1])


@pytest.mark.parametrize("mode", list(Mode))
def test_each_group_is_one_row(mode: Mode) -> None:
    """A group's parameters lie together, whatever their places in the model are."""
    run = small_run(optimizer=GROUPS)
    first, second = update_rows(run, mode)
    counts = {"2.weight": 20, "0.bias": 5, "2.bias": 4, "4.bias": 3}
    kept = sum(counts.values())
    layout = compile_step(run, (6,), mode, batch=16).layout
    assert list(layout.stretches) == list(run.task.parameter_names())
    assert layout.span(("2.weight", "0.bias", "2.bias", "4.bias")) == (0, kept)
    assert (first.kernel, second.kernel) == ("momentum", "adamw")
    assert first.integers()["size"] == kept
    assert first.arguments["parameter"] == Place(names.PARAMETERS, 0)
    assert first.arguments["buffer"] == Place(slot_buffer("buffer"), 0)
    assert second.integers()["size"] == layout.size - kept
    assert second.arguments["parameter"] == Place(names.PARAMETERS, kept)
    assert second.arguments["gradient"] == Place(names.GRADIENTS, kept)
    assert second.arguments["first"] == Place(slot_buffer("first"), 0)
    assert second.arguments["coefficients"] == Place(names.COEFFICIENTS, 2 * CAPACITY)


@pytest.mark.parametrize("mode", list(Mode))
def test_long_groups_of_one_kernel_may_run_at_once(mode: Mode) -> None:
    """The pieces of one group's row are not taken for those of the other's."""
    groups = ParameterGroups(
        ParameterGroup(AdamW("0.01"), "matrices"), ParameterGroup(AdamW("0.02"), "rest")
    )
    model = Sequential(Linear(6, 40_000), ReLU(), Linear(40_000, 3))
    run = small_run(model, optimizer=groups)
    compiled = compile_step(run, (6,), mode, batch=16)
    verify(compiled.plan)
    compiled.verify()
    kernels = [row.kernel for row in compiled.plan.single_rows()]
    assert kernels.count("adamw") > 2


def test_slots_have_room_for_those_who_keep_them() -> None:
    """A buffer of momentum is as long as the parameters that have momentum."""
    run = small_run(optimizer=GROUPS)
    compiled = compile_step(run, (6,), Mode.FAST, batch=16)
    layouts = slot_layouts(run, compiled.layout)
    assert {slot: layout.size for slot, layout in layouts.items()} == {
        "buffer": 32,
        "first": 42,
        "second": 42,
    }
    for slot, layout in layouts.items():
        assert compiled.plan.buffers[slot_buffer(slot)].extent == layout.size
        for name, stretch in layout.stretches.items():
            assert stretch.transposed == compiled.layout.stretches[name].transposed


LONG = ParameterGroups(
    ParameterGroup(Muon("0.01", steps=2), "0.weight"),
    ParameterGroup(ProjectedSGD("0.05", LowRankProjection(1, 7)), "2.weight"),
    ParameterGroup(SGD("0.02", momentum="0.9", nesterov=True), "0.bias"),
    ParameterGroup(RMSProp("0.01", centered=True), "rest"),
)


def test_several_hundred_steps_have_the_specs_bits() -> None:
    """Strict steps of every kind of group, where an error of one bit would grow."""
    generator = np.random.default_rng(3)
    inputs, targets = generator.standard_normal((2, 4, 2))
    data = tensor_dataset(inputs, targets)
    run = TrainingRun(
        Task(Sequential(Linear(2, 2), ReLU(), Linear(2, 2)), MeanSquaredError()),
        LONG,
        Loader(4, 2, seed=5),
        steps=300,
        schedule=Cosine(250, "0.001"),
        seed=8,
    )
    engine = Engine(run, data, strict=True)
    losses = engine.run(300)
    *_, last = spec_run(BINARY32, run, data.to_spec())
    assert last.number == 300
    assert losses[-1] == BINARY32.to_float(last.loss)
    assert losses[-1] < losses[0] / 4
    after = engine.state()
    for name, tensor in last.after.parameters.items():
        wanted = [BINARY32.to_float(value) for value in tensor.values]
        assert after.parameters[name].ravel().tolist() == wanted
    assert after.slots.keys() == last.after.slots.keys()
    for slot, tensors in last.after.slots.items():
        assert after.slots[slot].keys() == tensors.keys()
        for name, tensor in tensors.items():
            wanted = [BINARY32.to_float(value) for value in tensor.values]
            assert after.slots[slot][name].ravel().tolist() == wanted


@dataclass(frozen=True)
class Unheard:
    """An optimizer that looks at whole parameters, and that has no kernels."""

    learning_rate = 1
    name = variant = "unheard"
    state_names = coefficient_names = ()

    def coefficients(self, *given: object) -> dict[str, object]:
        """None."""
        return {}

    def takes(self, shape: object) -> bool:
        """Any shape."""
        return True

    def state_shapes(self, shape: object) -> tuple[object, ...]:
        """Nothing is kept."""
        return ()

    def next_state(self, *given: object) -> tuple[object, ...]:
        """Nothing."""
        return ()

    def next_parameter(self, *given: object) -> object:
        """The parameter."""
        return given[2]


def test_an_optimizer_without_kernels_is_refused() -> None:
    """The refusal names it, and those of its kind that have kernels."""
    with pytest.raises(TorchLeanError) as refused:
        compile_step(small_run(optimizer=Unheard()), (6,), Mode.FAST, batch=16)  # type: ignore[arg-type]
    assert refused.value.reason is Reason.UNSUPPORTED
    assert str(refused.value) == (
        "expected an optimizer of elements, muon or projected_sgd, got unheard"
    )


def test_one_slot_may_hold_numbers_of_several_optimizers() -> None:
    """Two groups that keep a buffer share it, one behind the other."""
    both = ParameterGroups(
        ParameterGroup(SGD("0.1", momentum="0.9"), "*.weight"),
        ParameterGroup(SGD("0.2", momentum="0.5", nesterov=True), "rest"),
    )
    run = small_run(optimizer=both)
    first, second = update_rows(run, Mode.FAST)
    assert (first.kernel, second.kernel) == ("momentum", "nesterov")
    assert second.arguments["buffer"] == Place(slot_buffer("buffer"), 62)
    assert [start for _, start in coefficient_starts(run.parts)] == [0, 2 * CAPACITY]
