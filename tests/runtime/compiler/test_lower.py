"""Whole plans: their phases, their buffers, what they refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.runtime.compiler.programs import run_plan, small_run

from torchlean.compiler.lower import compile_evaluation, compile_step
from torchlean.compiler.rewrites import REWRITES
from torchlean.cpu.registry import Mode
from torchlean.plan import verify
from torchlean_spec.clipping import ClipGlobalNorm
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.initializers import Zeros
from torchlean_spec.layers import Context, Dropout, Linear, Parameter, Sequential
from torchlean_spec.operations import OPERATIONS, Operation
from torchlean_spec.program import Value
from torchlean_spec.shape import vector
from torchlean_spec.training import TrainingRun


def test_the_phases_of_a_step() -> None:
    """Data, backward pass, clipping and update follow one another."""
    run = small_run(samples=40)
    run = TrainingRun(
        run.task, run.optimizer, run.loader, 1, clipping=ClipGlobalNorm(1), seed=1
    )
    compiled = compile_step(run, (6,), Mode.FAST, batch=16)
    kernels = [row.kernel for row in compiled.plan.single_rows()]
    phases = {
        name: [kernels[row] for row in rows] for name, rows in compiled.phases.items()
    }
    assert list(phases) == ["data", "backward", "clip", "update"]
    assert phases["data"] == ["gather_rows_by_order", "gather_rows_by_order"]
    assert phases["backward"][3:5] == [
        "mean_squared_error_with_gradient",
        "record_loss",
    ]
    assert phases["clip"] == ["tensor_norms", "global_scale", "scale_gradients"]
    assert phases["update"] == ["adam", "advance"]
    verify(compiled.plan)
    compiled.verify()


def test_dropout_reads_the_step_only_where_it_is_used() -> None:
    """The pair (seed, step) is kept up to date if a random layer reads it."""
    with_dropout = small_run(Sequential(Linear(6, 3), Dropout("0.5")))
    for run, wanted in ((small_run(), 0), (with_dropout, 1)):
        compiled = compile_step(run, (6,), Mode.FAST, batch=16)
        kernels = [row.kernel for row in compiled.plan.single_rows()]
        assert kernels.count("draw_of_step") == wanted


def test_dropout_rests_in_evaluation() -> None:
    """A plan that evaluates draws nothing and knows no gradients."""
    run = small_run(Sequential(Linear(6, 3), Dropout("0.5")))
    step = compile_step(run, (6,), Mode.FAST, batch=16)
    for with_loss in (False, True):
        compiled = compile_evaluation(
            run.task, (6,), Mode.FAST, "float32", step.layout, 7, with_loss
        )
        kernels = [row.kernel for row in compiled.plan.single_rows()]
        assert kernels[0] == "linear"
        assert "dropout" not in kernels
        assert ("mean_squared_error" in kernels) == with_loss
        verify(compiled.plan)
        compiled.verify()


def test_dropout_acts_where_a_plan_that_evaluates_has_a_seed() -> None:
    """The draw is made of the seed and of the step that the control block names."""
    run = small_run(Sequential(Linear(6, 3), Dropout("0.5")))
    step = compile_step(run, (6,), Mode.FAST, batch=16)
    for with_loss in (False, True):
        compiled = compile_evaluation(
            run.task, (6,), Mode.FAST, "float32", step.layout, 7, with_loss, 5
        )
        kernels = [row.kernel for row in compiled.plan.single_rows()]
        assert kernels[0] == "draw_of_step"
        assert kernels.count("dropout") == 1
        compiled.verify()


def test_a_steps_loss_is_known_before_its_gradients() -> None:
    """The rows up to the loss record it and leave most of the backward pass out."""
    run = small_run()
    compiled = compile_step(run, (6,), Mode.FAST, batch=16)
    rows = compiled.plan.rows[: compiled.rows_to_loss]
    kernels = [row.kernel for row in replace(compiled.plan, rows=rows).single_rows()]
    assert kernels[-1] == "record_loss"
    assert compiled.rows_to_loss < compiled.phases["backward"].stop
    evaluating = compile_evaluation(
        run.task, (6,), Mode.FAST, "float32", compiled.layout, 7
    )
    with pytest.raises(TorchLeanError) as refused:
        _ = evaluating.rows_to_loss
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == "expected the plan of a step, got one without a loss"


@dataclass(frozen=True)
class Unused:
    """A layer with a parameter that nothing depends on."""

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameter."""
        return (Parameter("unused", vector(40), Zeros(), 1, 1),)

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The input."""
        return x


@dataclass(frozen=True)
class Offset:
    """A layer that adds one parameter twice."""

    def parameters(self) -> tuple[Parameter, ...]:
        """Two parameters of one shape."""
        return tuple(Parameter(name, vector(3), Zeros(), 1, 1) for name in "ab")

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """`x + (a + b)`: both have one and the same derivative."""
        return x + (parameters[0] + parameters[1]).apply("broadcast", target=x.shape)


def test_outputs_that_are_no_results_of_their_own() -> None:
    """Zeros for an unused parameter; one derivative in two places."""
    model = Sequential(Linear(6, 3), Unused(), Offset())
    generator = np.random.default_rng(1)
    inputs = generator.standard_normal((48, 6))
    targets = generator.standard_normal((48, 3))
    run = small_run(model, samples=48)
    for mode in Mode:
        kernels, found = run_plan(run, inputs, targets, mode, REWRITES)
        assert {"fill", "copy"} <= set(kernels)
        _, expected = run_plan(run, inputs, targets, mode, [])
        assert found == expected
        gradients = found[1:6]
        assert gradients[2] == bytes(160)
        assert gradients[3] == gradients[4] != bytes(12)


@dataclass(frozen=True)
class Unknown:
    """A layer of an operation that has no kernel."""

    def parameters(self) -> tuple[Parameter, ...]:
        """None."""
        return ()

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The operation."""
        return x.apply("without_a_kernel")


def test_an_operation_without_a_kernel_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The operation is named."""
    monkeypatch.setitem(
        OPERATIONS,
        "without_a_kernel",
        Operation(
            "without_a_kernel",
            ("x",),
            lambda attributes, shapes: shapes[0],
            OPERATIONS["negate"].meaning,
            lambda use: [use.upstream],
        ),
    )
    with pytest.raises(TorchLeanError) as refusal:
        compile_step(
            small_run(Sequential(Linear(6, 3), Unknown())), (6,), Mode.FAST, batch=16
        )
    assert refusal.value.reason is Reason.UNSUPPORTED
    assert str(refusal.value) == (
        "expected operations that have a CPU kernel, got without_a_kernel"
    )
