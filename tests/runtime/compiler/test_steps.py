"""Programs become steps: reshapes vanish, and what nobody needs is dropped."""

from __future__ import annotations

from torchlean.compiler.steps import steps_of
from torchlean_spec.operations import Kind
from torchlean_spec.program import Input, Value, trace
from torchlean_spec.shape import matrix, vector


def test_reshapes_are_the_same_value() -> None:
    """Steps know the sizes under which they see a value."""

    def program(x: Value, w: Value) -> dict[str, Value]:
        flat = x.apply("reshape", target=vector(6))
        again = flat.apply("tanh").apply("reshape", target=matrix(3, 2))
        return {"flat": flat, "product": again @ w}

    steps = steps_of(
        trace(program, {"x": Input(matrix(2, 3)), "w": Input(matrix(2, 2))})
    )
    tanh, product = steps.steps
    assert tanh.operands == (0,)
    assert tanh.operand_sizes == ((6,),)
    assert product.operands == (tanh.results[0], 1)
    assert product.operand_sizes == ((3, 2), (2, 2))
    assert steps.outputs == {"flat": 0, "product": product.results[0]}
    assert str(steps) == "%3 = tanh(%0)\n%5 = matmul(%3, %1)"


def test_what_nobody_needs_is_dropped() -> None:
    """Only what the kept outputs need stays."""

    def program(x: Value, i: Value) -> dict[str, Value]:
        a = x.apply("tanh")
        return {"a": a, "b": a.apply("exp"), "c": x.apply("gather_rows", i)}

    shapes = {"x": Input(vector(3)), "i": Input(vector(2), Kind.INDEX)}
    steps = steps_of(trace(program, shapes))
    assert steps.integers == {1}
    steps.keep(["a"])
    assert [step.operation for step in steps.steps] == ["tanh"]
    assert list(steps.outputs) == ["a"]
