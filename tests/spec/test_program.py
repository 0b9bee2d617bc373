"""Programs: tracing, printing, evaluation, derivatives, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.operations import Kind
from torchlean_spec.program import Input, Program, Value, evaluate, gradient, trace
from torchlean_spec.shape import Scalar, matrix, shape_of, vector
from torchlean_spec.tensor import Tensor


def _affine() -> Program:
    def forward(x: Value, weight: Value, bias: Value) -> dict[str, Value]:
        unused = x * x
        del unused
        y = x.apply("linear", weight, bias)
        return {"y": y, "total": y.apply("sum")}

    inputs = {"x": Input(matrix(2, 3)), "w": Input(matrix(1, 3)), "b": Input(vector(1))}
    return trace(forward, inputs)


def test_a_program_prints_every_value_and_shape() -> None:
    """Its text shows inputs, nodes in order, and outputs; dead nodes go."""
    assert str(_affine()).splitlines() == [
        "%0 x: [2, 3]",
        "%1 w: [1, 3]",
        "%2 b: [1]",
        "%3 = linear(%0, %1, %2): [2, 1]",
        "%4 = sum(%3): []",
        "y = %3",
        "total = %4",
    ]


def test_equal_nodes_are_made_once() -> None:
    """Asking twice for the same operation of the same values gives one node."""

    def forward(x: Value) -> dict[str, Value]:
        return {"y": (x * x) + (x * x)}

    program = trace(forward, {"x": Input(Scalar())})
    assert [node.operation for node in program.nodes] == ["multiply", "add"]


def test_derivatives_are_exact_over_the_rationals() -> None:
    """The derivative of a sum of affine maps, by hand."""
    program = gradient(_affine(), "total", ["x", "w", "b"])
    numbers = tuple(Fraction(n, 7) for n in range(6))
    weights = (Fraction(1, 2), Fraction(-3), Fraction(5))
    found = evaluate(
        program,
        RATIONAL,
        {
            "x": Tensor(shape_of([2, 3]), numbers),
            "w": Tensor(shape_of([1, 3]), weights),
            "b": Tensor(shape_of([1]), (Fraction(4),)),
        },
    )
    assert found["gradient.b"].values == (Fraction(2),)
    assert found["gradient.x"].values == weights * 2
    assert found["gradient.w"].values == tuple(
        numbers[i] + numbers[i + 3] for i in range(3)
    )


def test_a_variable_without_influence_has_derivative_zero() -> None:
    """The derivative in an input that the output does not use is zero, of its shape."""

    def forward(x: Value, y: Value) -> dict[str, Value]:
        return {"z": x.apply("sum")}

    program = trace(forward, {"x": Input(vector(2)), "y": Input(vector(3))})
    found = evaluate(
        gradient(program, "z", ["y"]),
        RATIONAL,
        {
            "x": Tensor(shape_of([2]), (Fraction(1),) * 2),
            "y": Tensor(shape_of([3]), (Fraction(1),) * 3),
        },
    )
    assert found["gradient.y"].values == (Fraction(0),) * 3


def test_only_a_scalar_can_be_differentiated() -> None:
    """The derivative of a vector is refused, with its shape."""
    with pytest.raises(TorchLeanError) as refused:
        gradient(_affine(), "y", ["x"])
    assert str(refused.value) == "gradient of y: expected shape [], got [2, 1]"


def test_an_operation_without_derivative_is_named() -> None:
    """Differentiating through `sign` is refused with the reason."""

    def forward(x: Value) -> dict[str, Value]:
        return {"y": x.apply("sign")}

    program = trace(forward, {"x": Input(Scalar())})
    with pytest.raises(TorchLeanError) as refused:
        gradient(program, "y", ["x"])
    assert refused.value.reason is Reason.NOT_DIFFERENTIABLE
    assert str(refused.value) == (
        "expected an operation with a derivative, got 'sign': "
        "it is constant almost everywhere"
    )


def test_the_target_of_a_loss_has_no_derivative() -> None:
    """Targets are constants: a derivative in one is refused, and named."""

    def forward(x: Value, t: Value) -> dict[str, Value]:
        return {"y": x.apply("mean_squared_error", t, reduction="mean")}

    program = trace(forward, {"x": Input(vector(2)), "t": Input(vector(2))})
    with pytest.raises(TorchLeanError) as refused:
        gradient(program, "y", ["t"])
    assert str(refused.value) == (
        "mean_squared_error: no derivative is defined in its operand 'target'"
    )


def test_an_unknown_operation_is_named() -> None:
    """A name that the registry lacks is refused."""

    def forward(x: Value) -> dict[str, Value]:
        return {"y": x.apply("convolve")}

    with pytest.raises(TorchLeanError) as refused:
        trace(forward, {"x": Input(Scalar())})
    assert str(refused.value) == (
        "expected the name of an operation such as 'add', got 'convolve'"
    )


def test_numbers_and_indices_are_kept_apart() -> None:
    """An operation on indices refuses numbers."""

    def forward(x: Value) -> dict[str, Value]:
        return {"y": x.apply("one_hot", classes=3)}

    with pytest.raises(TorchLeanError) as refused:
        trace(forward, {"x": Input(vector(2), Kind.REAL)})
    assert str(refused.value) == (
        "one_hot: expected operands of kind ['index'], got ['real']"
    )


def test_an_input_of_another_shape_is_refused() -> None:
    """Evaluation checks each input against its declared shape."""
    program = trace(lambda x: {"y": -x}, {"x": Input(vector(2))})
    with pytest.raises(TorchLeanError) as refused:
        evaluate(program, RATIONAL, {"x": Tensor(shape_of([3]), (Fraction(1),) * 3)})
    assert str(refused.value) == "input x: expected shape [2], got [3]"
