"""Each rewrite fuses what it says, keeps every bit, and leaves the rest alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.runtime.compiler.programs import run_plan, small_run

from torchlean.compiler.rewrites import (
    REWRITES,
    Rewrite,
    join_input_gradient_and_relu,
    join_linear_and_relu,
    join_loss_and_gradient,
    join_parameter_gradients,
)
from torchlean.compiler.steps import Steps, steps_of
from torchlean.cpu.registry import Mode
from torchlean_spec.layers import (
    Layer,
    Linear,
    ReLU,
    Residual,
    Sequential,
    Softmax,
    Softplus,
)
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CosineSimilarity,
    CrossEntropy,
    CrossEntropyOfProbabilities,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    SmoothL1,
)
from torchlean_spec.program import Input, Value, trace
from torchlean_spec.shape import Scalar, matrix, vector

GENERATOR = np.random.default_rng(3)
INPUTS = GENERATOR.standard_normal((48, 6))
NUMBERS = GENERATOR.standard_normal((48, 3))
CLASSES = GENERATOR.integers(0, 3, 48)
SHARES = GENERATOR.dirichlet([1, 1, 1], 48)


def rewritten(program: Steps, *rewrites: Rewrite) -> list[str]:
    """The operations of a program after some rewrites."""
    for rewrite in rewrites:
        rewrite(program)
    return [step.operation for step in program.steps]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("rewrite", "kernel"),
    [
        (join_linear_and_relu, "linear_relu"),
        (join_loss_and_gradient, "mean_squared_error_with_gradient"),
        (join_parameter_gradients, "linear_parameter_gradient"),
        (join_input_gradient_and_relu, "linear_input_gradient_relu"),
    ],
)
def test_a_fused_plan_has_the_bits_of_an_unfused_one(
    rewrite: Rewrite, kernel: str, mode: Mode
) -> None:
    """Each rewrite alone, over three steps of a small network."""
    run = small_run(samples=48)
    plain, expected = run_plan(run, INPUTS, NUMBERS, mode, [])
    fused, found = run_plan(run, INPUTS, NUMBERS, mode, [rewrite])
    assert kernel not in plain
    assert kernel in fused
    assert found == expected


LOSSES: list[tuple[Loss, NDArray[Any]]] = [
    (MeanSquaredError(), NUMBERS),
    (MeanSquaredError(reduction="sum"), NUMBERS),
    (MeanAbsoluteError(), NUMBERS),
    (Huber("0.5"), NUMBERS),
    (SmoothL1("0.5"), NUMBERS),
    (BinaryCrossEntropy(), SHARES),
    (Hinge(), np.sign(NUMBERS)),
    (Poisson(), np.floor(SHARES * 9)),
    (LogCosh(), NUMBERS),
    (CosineSimilarity(), NUMBERS),
    (CosineSimilarity("0.5", "sum"), NUMBERS),
    (CrossEntropy(), CLASSES),
    (CrossEntropy(class_weights=(1, 2, 3), reduction="sum"), CLASSES),
    (CrossEntropy(label_smoothing="0.1", ignore_index=1), CLASSES),
    (CrossEntropy("distribution"), SHARES),
]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(("loss", "targets"), LOSSES, ids=lambda each: repr(each)[:60])
def test_every_loss_fused_with_its_gradient(
    loss: Loss, targets: NDArray[Any], mode: Mode
) -> None:
    """All rewrites together, for every loss."""
    run = small_run(loss=loss, samples=48)
    _, expected = run_plan(run, INPUTS, targets, mode, [])
    fused, found = run_plan(run, INPUTS, targets, mode, REWRITES)
    assert any(kernel.endswith("_with_gradient") for kernel in fused)
    assert found == expected


SHARED: list[tuple[Loss, Layer]] = [
    (Poisson(log_input=False), Softplus()),
    (CrossEntropyOfProbabilities("0.01"), Softmax()),
]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(("loss", "last"), SHARED, ids=lambda each: repr(each)[:60])
def test_every_loss_of_shares_fused_with_its_gradient(
    loss: Loss, last: Layer, mode: Mode
) -> None:
    """Losses of rates and of probabilities, after a layer that gives them."""
    run = small_run(Sequential(Linear(6, 3), last), loss, samples=48)
    _, expected = run_plan(run, INPUTS, SHARES, mode, [])
    fused, found = run_plan(run, INPUTS, SHARES, mode, REWRITES)
    assert any(kernel.endswith("_with_gradient") for kernel in fused)
    assert found == expected


def test_large_losses_in_pieces() -> None:
    """Losses that are shared out to threads keep the strict bits."""
    wide = Sequential(Linear(6, 2100))
    for loss, targets in (
        (MeanSquaredError(), GENERATOR.standard_normal((99, 2100))),
        (MeanSquaredError(reduction="sum"), GENERATOR.standard_normal((99, 2100))),
        (CrossEntropy(), GENERATOR.integers(0, 2100, 99)),
        (LogCosh(), GENERATOR.standard_normal((99, 2100))),
        (CosineSimilarity(), GENERATOR.standard_normal((99, 2100))),
    ):
        run = small_run(wide, loss, samples=99)
        inputs = GENERATOR.standard_normal((99, 6))
        _, expected = run_plan(run, inputs, targets, Mode.STRICT, [])
        fused, found = run_plan(run, inputs, targets, Mode.STRICT, REWRITES)
        pieces = [k for k in fused if "blocks_with" in k or "rows_with" in k]
        assert len(pieces) > 1
        assert found == expected


def test_relu_of_a_value_that_others_read_is_left_alone() -> None:
    """A linear layer whose result is read beside ReLU keeps it."""
    model = Sequential(Linear(6, 3), Residual(ReLU()))
    run = small_run(model, samples=48)
    kernels, found = run_plan(run, INPUTS, NUMBERS, Mode.STRICT, REWRITES)
    assert "linear_relu" not in kernels
    assert found == run_plan(run, INPUTS, NUMBERS, Mode.STRICT, [])[1]


def test_relu_whose_operand_is_an_output_is_left_alone() -> None:
    """What is asked for must be there."""

    def program(x: Value, w: Value, b: Value) -> dict[str, Value]:
        before = x.apply("linear", w, b)
        return {"before": before, "after": before.apply("relu")}

    shapes = {"x": Input(matrix(2, 3)), "w": Input(matrix(4, 3)), "b": Input(vector(4))}
    steps = steps_of(trace(program, shapes))
    assert rewritten(steps, join_linear_and_relu) == ["linear", "relu"]


def test_a_gradient_with_another_upstream_is_left_alone() -> None:
    """Only an upstream of 1 may be left out."""
    shapes = {"p": Input(vector(3)), "t": Input(vector(3))}

    def program(p: Value, t: Value) -> dict[str, Value]:
        two = p.build("fill", target=Scalar(), value=Fraction(2))
        loss = p.apply("mean_squared_error", t, reduction="mean")
        slope = p.apply("mean_squared_error_gradient", t, two, reduction="mean")
        return {"loss": loss, "slope": slope}

    steps = steps_of(trace(program, shapes))
    assert rewritten(steps, join_loss_and_gradient) == [
        "fill",
        "mean_squared_error",
        "mean_squared_error_gradient",
    ]


def test_a_step_between_two_that_needs_the_first_keeps_them_apart() -> None:
    """Steps are joined only where everything is still there in time."""
    shapes = {"u": Input(matrix(2, 3)), "x": Input(matrix(2, 4))}

    def program(u: Value, x: Value) -> dict[str, Value]:
        product = u.apply("matmul_transposed_left", x)
        doubled = product + product
        total = u.apply("reduce_to", target=vector(3))
        return {"product": product, "doubled": doubled, "total": total}

    steps = steps_of(trace(program, shapes))
    assert rewritten(steps, join_parameter_gradients) == [
        "matmul_transposed_left",
        "add",
        "reduce_to",
    ]


def test_a_sum_over_other_axes_is_left_alone() -> None:
    """Only the sum over rows belongs to a bias."""
    shapes = {"u": Input(matrix(3, 3)), "x": Input(matrix(3, 4))}

    def program(u: Value, x: Value) -> dict[str, Value]:
        product = u.apply("matmul_transposed_left", x)
        return {"a": product, "b": u.apply("reduce_to", target=matrix(3, 1))}

    steps = steps_of(trace(program, shapes))
    assert rewritten(steps, join_parameter_gradients) == [
        "matmul_transposed_left",
        "reduce_to",
    ]
