"""Which weights lie transposed in fast mode, and what happens to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.runtime.compiler.programs import run_plan, small_run

from torchlean.compiler.lower import layout_of, program_steps
from torchlean.compiler.rewrites import REWRITES
from torchlean.cpu.registry import Mode
from torchlean.data import tensor_dataset
from torchlean.engine import Engine
from torchlean_spec import training as spec
from torchlean_spec.initializers import XavierUniform
from torchlean_spec.layers import (
    Context,
    Layer,
    Linear,
    Parameter,
    ReLU,
    Residual,
    Sequential,
)
from torchlean_spec.numbers import bounded
from torchlean_spec.program import Value
from torchlean_spec.shape import matrix

GENERATOR = np.random.default_rng(6)


def transposed(model: Layer, mode: Mode = Mode.FAST) -> list[str]:
    """The weights of a model that lie transposed."""
    run = small_run(model)
    stretches = layout_of(run.task, program_steps(run, (16, 6)), mode).stretches
    return [name for name, stretch in stretches.items() if stretch.transposed]


@dataclass(frozen=True)
class Tied:
    """`x W^T W + x`: one weight that is read in two ways."""

    def parameters(self) -> tuple[Parameter, ...]:
        """The weight."""
        return (Parameter("weight", matrix(3, 6), XavierUniform(), 6, 3),)

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """Down and up again."""
        (weight,) = parameters
        return x + x.apply("matmul_transposed_right", weight).apply("matmul", weight)


@dataclass(frozen=True)
class Penalised:
    """A linear layer whose weight is read by another operation as well."""

    def parameters(self) -> tuple[Parameter, ...]:
        """The weight."""
        return (Parameter("weight", matrix(6, 6), XavierUniform(), 6, 6),)

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """`x tanh(W)^T + b`, b the sums of W's rows."""
        (weight,) = parameters
        bias = weight.apply("sum", axis=1)
        return x.apply("linear", weight.apply("tanh"), bias)


def test_linear_layers_are_transposed() -> None:
    """With and without a bias; strict mode keeps the logical order."""
    model = Sequential(Linear(6, 5), ReLU(), Linear(5, 3, bias=False))
    assert transposed(model) == ["0.weight", "2.weight"]
    assert transposed(model, Mode.STRICT) == []


def test_weights_that_others_read_are_not() -> None:
    """A weight that another operation reads, or that is used twice."""
    assert transposed(Sequential(Tied(), Linear(6, 3))) == ["1.weight"]
    assert transposed(Sequential(Penalised(), Linear(6, 3))) == ["1.weight"]


def test_layers_that_share_a_derivative() -> None:
    """Two layers on one input have one derivative, which lies transposed for both."""
    model = Sequential(Residual(Linear(6, 6)), Linear(6, 3))
    assert transposed(model) == ["0.inner.weight", "1.weight"]


MODELS: list[Layer] = [
    Sequential(Tied(), Linear(6, 3)),
    Sequential(Penalised(), ReLU(), Linear(6, 3)),
    Sequential(Residual(Linear(6, 6)), Linear(6, 3)),
    Sequential(Linear(6, 6, bias=False), ReLU(), Tied(), ReLU(), Linear(6, 3)),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_every_layout_gives_honest_gradients(model: Layer) -> None:
    """Fast plans give what honest rounding may give."""
    inputs = GENERATOR.standard_normal((40, 6)).astype(np.float32)
    targets = GENERATOR.standard_normal((40, 3)).astype(np.float32)
    data = tensor_dataset(inputs, targets)
    run = small_run(model)
    engine = Engine(run, data)
    recorded = engine.record_step()
    system = bounded("float32")
    parameters = {
        name: tensor.map(system.from_float)
        for name, tensor in recorded.before.parameters.items()
    }
    batch = spec.batch_of(system, run, data.to_spec(), 1)
    loss, gradients = spec.backward(system, run, parameters, batch, 1)
    assert loss.admits(recorded.loss)
    for name, tensor in gradients.items():
        found = recorded.gradients[name].values
        pairs = zip(tensor.values, found, strict=True)
        assert all(value.admits(answer) for value, answer in pairs)


def test_fused_plans_of_odd_models() -> None:
    """Where a weight is not transposed, fused steps fall back on several calls."""
    inputs: NDArray[Any] = GENERATOR.standard_normal((48, 6))
    targets: NDArray[Any] = GENERATOR.standard_normal((48, 3))
    for model in MODELS:
        run = small_run(model, samples=48)
        _, expected = run_plan(run, inputs, targets, Mode.STRICT, [])
        _, found = run_plan(run, inputs, targets, Mode.STRICT, REWRITES)
        assert found == expected
        run_plan(run, inputs, targets, Mode.FAST, REWRITES)


@pytest.mark.parametrize("bias", [True, False])
def test_layers_of_few_rows_are_multiplied_in_blocks(bias: bool) -> None:
    """Of integers, whose sums are exact in any order, no term is lost or doubled."""
    model = Sequential(Linear(512, 256, bias=bias), ReLU(), Linear(256, 3))
    inputs = GENERATOR.integers(-2, 3, (32, 512)).astype(np.float32)
    data = tensor_dataset(inputs, np.zeros((32, 3), np.float32))
    engine = Engine(small_run(model, samples=32), data)
    assert ("linear_relu_of_blocks(" in engine.plan_text()) == bias
    state = engine.state()
    whole = {
        name: GENERATOR.integers(-2, 3, values.shape).astype(np.float32)
        for name, values in state.parameters.items()
    }
    engine.set_state(replace(state, parameters=whole))
    hidden = inputs @ whole["0.weight"].T + whole.get("0.bias", 0)
    expected = np.maximum(hidden, 0) @ whole["2.weight"].T + whole["2.bias"]
    assert np.array_equal(engine.predict(inputs[:16]), expected[:16])
