"""Updates of whole parameters: element by element, or all at once."""

from __future__ import annotations

import pytest

from torchlean_spec.numbers import FLOAT
from torchlean_spec.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    LowRankProjection,
    Muon,
    PartOptimizer,
    ProjectedSGD,
    coefficients_at,
    update_at,
)
from torchlean_spec.optimizers.tensors import (
    initial_tensors,
    state_shapes,
    update_elements,
    update_tensor,
)
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.tensor import Tensor

SHAPE: Shape = shape_of((2, 3))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SGD(1), {}),
        (Adam(), {"first": SHAPE, "second": SHAPE}),
        (Muon(), {"buffer": SHAPE}),
        (ProjectedSGD(1), {}),
        (ProjectedSGD(1, LowRankProjection(1)), {"basis": shape_of((1, 2))}),
    ],
)
def test_the_state_of_a_parameter_has_shapes(
    rule: PartOptimizer, expected: dict[str, Shape]
) -> None:
    """One tensor for each name, of the parameter's shape or of one of its own."""
    assert state_shapes(rule, SHAPE) == expected
    start = initial_tensors(rule, FLOAT, SHAPE)
    assert [each.shape for each in start] == list(expected.values())


def test_the_state_starts_as_the_record_says() -> None:
    """An accumulator starts from its own number; everything else from zero."""
    (total,) = initial_tensors(AdaGrad(initial_accumulator="0.5"), FLOAT, SHAPE)
    assert total.values == (0.5,) * 6
    (buffer,) = initial_tensors(Muon(), FLOAT, SHAPE)
    assert buffer.values == (0.0,) * 6


@pytest.mark.parametrize("rule", [SGD("0.1"), Adam("0.1"), Adam("0.1", amsgrad=True)])
def test_elements_are_updated_one_by_one(rule: SGD | Adam) -> None:
    """Each element of parameter and state is what the record makes of it alone."""
    parameter = Tensor(SHAPE, tuple(float(i) for i in range(6)))
    gradient = parameter.map(lambda value: 1.0 - value / 4)
    state = initial_tensors(rule, FLOAT, SHAPE)
    coefficient = coefficients_at(rule, FLOAT, 1)
    given = (parameter, gradient, state)
    moved, after = update_tensor(rule, FLOAT, coefficient, 1, *given)
    assert (moved, after) == update_elements(rule.update, FLOAT, coefficient, *given)
    pairs = zip(parameter.values, gradient.values, strict=True)
    for place, (p, g) in enumerate(pairs):
        alone = update_at(rule, FLOAT, 1, p, g, rule.initial_state(FLOAT))
        assert moved.values[place] == alone[0]
        assert tuple(each.values[place] for each in after) == alone[1]
