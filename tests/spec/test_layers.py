"""Layers: shapes, names, what each computes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.errors import TorchLeanError
from torchlean_spec.layers import (
    ELU,
    GELU,
    Context,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    ReLU,
    Residual,
    Sequential,
    output_shape,
    parameter_count,
)
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.operations import Kind
from torchlean_spec.program import Input, Program, Value, evaluate, trace
from torchlean_spec.shape import Shape, matrix, shape_of, vector
from torchlean_spec.tensor import Tensor


def _program(model: Layer, shape: Shape, training: bool) -> Program:
    described = model.parameters()
    inputs = {"x": Input(shape), **{each.name: Input(each.shape) for each in described}}
    if training:
        inputs["draw"] = Input(vector(2), Kind.INDEX)

    def forward(x: Value, *rest: Value) -> dict[str, Value]:
        context = Context(rest[-1] if training else None)
        return {"y": model.apply(x, rest[: len(described)], context)}

    return trace(forward, inputs)


def test_names_and_shapes_of_nested_parameters() -> None:
    """A parameter's name is the path to it; counts add up."""
    model = Sequential(
        Linear(4, 4, bias=False), Residual(Sequential(Linear(4, 4), ReLU())), Flatten()
    )
    assert [each.name for each in model.parameters()] == [
        "0.weight",
        "1.inner.0.weight",
        "1.inner.0.bias",
    ]
    assert parameter_count(model) == 16 + 16 + 4


def test_linear_is_the_affine_map_with_and_without_bias() -> None:
    """`x W^T + b`, exact over the rationals, along the last axis of any rank."""
    x = Tensor(shape_of([1, 2, 2]), tuple(map(Fraction, (1, 2, 3, 4))))
    weight = Tensor(shape_of([1, 2]), (Fraction(5), Fraction(7)))
    bias = Tensor(shape_of([1]), (Fraction(11),))
    given = {"x": x, "weight": weight, "bias": bias}
    for biased, expected in ((True, (30, 54)), (False, (19, 43))):
        program = _program(Linear(2, 1, bias=biased), x.shape, training=False)
        used = {name: given[name] for name in program.inputs}
        found = evaluate(program, RATIONAL, used)["y"]
        assert found.values == tuple(map(Fraction, expected))
        assert str(found.shape) == "[1, 2, 1]"


def test_residual_adds_its_input() -> None:
    """`x + inner(x)`; an inner layer that changes the shape is refused."""
    x = Tensor(shape_of([1, 2]), (Fraction(3), Fraction(-4)))
    program = _program(Residual(ReLU()), x.shape, training=False)
    assert evaluate(program, RATIONAL, {"x": x})["y"].values == (
        Fraction(6),
        Fraction(-4),
    )
    with pytest.raises(TorchLeanError) as refused:
        output_shape(Residual(Linear(2, 3)), matrix(1, 2))
    assert str(refused.value) == (
        "Residual: output of the inner layer: expected shape [1, 2], got [1, 3]"
    )


def test_dropout_rests_in_evaluation_and_has_a_mask_for_each_step_and_layer() -> None:
    """Deviations B10 and B45: masks change with step and layer; evaluation is plain."""
    model = Sequential(Dropout("0.5"), Dropout("0.5"))
    x = Tensor(shape_of([1, 64]), (Fraction(1),) * 64)
    assert evaluate(_program(model, x.shape, False), RATIONAL, {"x": x})["y"] == x

    def dropped(layer: Layer, seed: int, step: int) -> tuple[Fraction, ...]:
        draw = Tensor(shape_of([2]), (seed, step))
        program = _program(layer, x.shape, training=True)
        return evaluate(program, RATIONAL, {"x": x, "draw": draw})["y"].values

    once = dropped(Dropout("0.5"), 0, 1)
    assert set(once) == {Fraction(0), Fraction(2)}
    assert once == dropped(Dropout("0.5"), 0, 1)
    assert once != dropped(Dropout("0.5"), 0, 2)
    assert once != dropped(Dropout("0.5"), 1, 1)
    both = dropped(model, 0, 1)
    kept_by_second = [y != 0 for x, y in zip(once, both, strict=True) if x != 0]
    assert any(kept_by_second)
    assert not all(kept_by_second)


def test_flatten_keeps_the_batch_axis() -> None:
    """`[batch, ..]` becomes `[batch, size]`."""
    assert str(output_shape(Flatten(), shape_of([5, 2, 3]))) == "[5, 6]"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: output_shape(Linear(64, 10), matrix(32, 784)),
            "Linear(64, 10): expected an input of shape [batch, .., 64], got [32, 784]",
        ),
        (
            lambda: output_shape(Linear(64, 10), vector(64)),
            "Linear(64, 10): expected an input of shape [batch, .., 64], got [64]",
        ),
        (lambda: Linear(0, 10), "Linear: expected inputs of at least 1, got 0"),
        (lambda: Dropout(1), "Dropout: expected probability in [0, 1), got 1"),
        (
            lambda: GELU("sigmoid"),
            "GELU: expected approximate 'none' or 'tanh', got 'sigmoid'",
        ),
        (lambda: ELU(float("nan")), "expected a finite number, got nan"),
        (lambda: LeakyReLU("steep"), "expected a finite number, got steep"),
    ],
)
def test_what_layers_refuse(build: Callable[[], object], message: str) -> None:
    """Each refusal says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        build()
    assert str(refused.value) == message
