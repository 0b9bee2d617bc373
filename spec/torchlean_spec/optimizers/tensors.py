"""Updates of whole parameters, of whichever kind the optimizer is.

>>> from torchlean_spec.numbers import FLOAT
>>> from torchlean_spec.optimizers.common import coefficients_at
>>> from torchlean_spec.optimizers.descent import SGD
>>> from torchlean_spec.shape import vector
>>> rule, shape = SGD("0.5", momentum="0.5"), vector(2)
>>> state = initial_tensors(rule, FLOAT, shape)
>>> pair = Tensor(shape, (1.0, 2.0))
>>> update_tensor(rule, FLOAT, coefficients_at(rule, FLOAT, 1), 1, pair, pair, state)
(Tensor(shape=[2], values=(0.5, 1.0)), (Tensor(shape=[2], values=(1.0, 2.0)),))
"""

from __future__ import annotations

from collections.abc import Mapping

from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import TensorOptimizer, Update
from torchlean_spec.optimizers.groups import PartOptimizer
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor, filled

Updated = tuple[Tensor[A, Shape], tuple[Tensor[A, Shape], ...]]
"""A parameter and its state after a step."""


def state_shapes(optimizer: PartOptimizer, shape: Shape) -> dict[str, Shape]:
    """The tensors that an optimizer keeps for a parameter of a shape, by name."""
    names = optimizer.state_names
    if isinstance(optimizer, TensorOptimizer):
        return dict(zip(names, optimizer.state_shapes(shape), strict=True))
    return dict.fromkeys(names, shape)


def initial_tensors(
    optimizer: PartOptimizer, system: NumberSystem[A], shape: Shape
) -> tuple[Tensor[A, Shape], ...]:
    """The state of a parameter of a shape before the first step."""
    if isinstance(optimizer, TensorOptimizer):
        shapes = optimizer.state_shapes(shape)
        return tuple(filled(each, system.constant(0)) for each in shapes)
    return tuple(filled(shape, value) for value in optimizer.initial_state(system))


def update_tensor(
    optimizer: PartOptimizer,
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    step: int,
    parameter: Tensor[A, Shape],
    gradient: Tensor[A, Shape],
    state: tuple[Tensor[A, Shape], ...],
) -> Updated[A]:
    """A parameter and its state after one step.

    Args:
        optimizer: The rule.
        system: The number system.
        coefficient: The rule's coefficients of the step.
        step: The step's number, counted from 1.
        parameter: The parameter before the step.
        gradient: The gradient, after clipping; of the parameter's shape.
        state: What the rule keeps, in the order of its `state_names`.
    """
    if isinstance(optimizer, TensorOptimizer):
        after = optimizer.next_state(system, coefficient, step, gradient, state)
        moved = optimizer.next_parameter(
            system, coefficient, parameter, gradient, after
        )
        return moved, after
    return update_elements(
        optimizer.update, system, coefficient, parameter, gradient, state
    )


def update_elements(
    rule: Update,
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: Tensor[A, Shape],
    gradient: Tensor[A, Shape],
    state: tuple[Tensor[A, Shape], ...],
) -> Updated[A]:
    """Apply the update of one element to every element."""
    kept = zip(*(each.values for each in state), strict=True)
    states = kept if state else ((),) * len(parameter.values)
    rows = zip(parameter.values, gradient.values, states, strict=True)
    updated = [rule(system, coefficient, p, g, each) for p, g, each in rows]
    after = tuple(
        Tensor(parameter.shape, tuple(each[place] for _, each in updated))
        for place in range(len(state))
    )
    return Tensor(parameter.shape, tuple(p for p, _ in updated)), after
