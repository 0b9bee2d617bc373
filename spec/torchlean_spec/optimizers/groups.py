"""Parameter groups: which optimizer updates which parameters.

>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.optimizers.adam import AdamW
>>> from torchlean_spec.optimizers.descent import SGD
>>> groups = ParameterGroups(
...     ParameterGroup(AdamW("0.01"), "matrices"), ParameterGroup(SGD("0.1"), "rest")
... )
>>> [part.names for part in parts_of(groups, Linear(3, 2).parameters())]
[('weight',), ('bias',)]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter
from torchlean_spec.layers import Parameter
from torchlean_spec.optimizers.common import ElementOptimizer, TensorOptimizer
from torchlean_spec.shape import Shape, rank

PartOptimizer = ElementOptimizer | TensorOptimizer
"""An optimizer with one rate."""

MATRICES, REST = "matrices", "rest"
"""The words that select parameters of rank 2, and those that no other group does."""

WILDCARD = "*"
"""Stands for any characters, also for none, in the pattern of a name."""


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Some parameters, and the optimizer that updates them.

    Args:
        optimizer: The rule; its own rate is what the run's schedule starts from.
        select: Which parameters: the name of one (`0.weight`), a pattern in which
            `*` stands for any characters (`*.bias`), `matrices` for all of rank 2,
            `rest` for those that no other group selects, or several of these.

    Raises:
        TorchLeanError: `CONTRADICTION` for nothing to select, and for `rest` beside
            others.

    >>> from torchlean_spec.optimizers.descent import SGD
    >>> ParameterGroup(SGD(1), ())
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected a name, a pattern, 'matrices' or \
'rest' for a parameter group to select, got ()
    """

    optimizer: PartOptimizer
    select: str | tuple[str, ...]

    def __post_init__(self) -> None:
        words = self.select
        if not isinstance(words, str):
            object.__setattr__(self, "select", tuple(words))
        if isinstance(self.optimizer, ParameterGroups):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected an optimizer of one rate in a parameter group, got groups",
            )
        if not self.words or not all(isinstance(word, str) for word in self.words):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected a name, a pattern, {MATRICES!r} or {REST!r} for a "
                f"parameter group to select, got {self.select!r}",
            )
        if REST in self.words and len(self.words) > 1:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected {REST!r} by itself in a parameter group, "
                f"got {self.select!r}",
            )

    @property
    def words(self) -> tuple[str, ...]:
        """What is selected, as a tuple."""
        return (self.select,) if isinstance(self.select, str) else self.select

    @property
    def is_rest(self) -> bool:
        """Whether the group takes what the others leave."""
        return self.words == (REST,)

    def selects(self, parameter: Parameter) -> bool:
        """Whether a parameter is named, matched or a matrix that is meant."""
        return any(_matches(word, parameter) for word in self.words)


@dataclass(frozen=True, slots=True, init=False)
class ParameterGroups:
    """Several optimizers, each for its own parameters.

    Every parameter belongs to exactly one group. Each group starts from its own
    rate, and the run's schedule acts on each of them; a number is kept for those
    parameters alone whose optimizer keeps it.

    Where others differ: PyTorch gives all groups one kind of optimizer; Optax
    labels parameters in a tree (`multi_transform`); Keras has no groups. The
    original's groups have defaults of their own (`docs/deviations.md`, B46).

    Args:
        groups: The groups.

    Raises:
        TorchLeanError: `CONTRADICTION` for no groups and for several that take the
            rest; where it meets a model (`parts_of`), for a parameter that is in
            no group or in several, and for a name or a pattern that no parameter
            has.

    Source: the original's `NN/Runtime/Optim/`, dynamic optimizer with groups.

    >>> ParameterGroups()
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected at least one parameter group, got \
none
    """

    groups: tuple[ParameterGroup, ...]

    def __init__(self, *groups: ParameterGroup) -> None:
        object.__setattr__(self, "groups", groups)
        if not groups:
            raise TorchLeanError(
                Reason.CONTRADICTION, "expected at least one parameter group, got none"
            )
        resting = sum(group.is_rest for group in groups)
        if resting > 1:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected one parameter group to take the rest, got {resting}",
            )

    @property
    def name(self) -> str:
        """`groups`."""
        return "groups"

    @property
    def learning_rate(self) -> Hyperparameter:
        """The first group's base rate: the one that reports show."""
        return self.groups[0].optimizer.learning_rate


Optimizer = ElementOptimizer | TensorOptimizer | ParameterGroups
"""What a run may be optimized by."""


@dataclass(frozen=True, slots=True)
class Part:
    """An optimizer, and the names of the parameters that it updates."""

    optimizer: PartOptimizer
    names: tuple[str, ...]
    """In the model's order."""


def parts_of(optimizer: Optimizer, parameters: Sequence[Parameter]) -> tuple[Part, ...]:
    """Which optimizer updates which parameters.

    Args:
        optimizer: Groups, each of which is a part unless it selects nothing; or one
            optimizer, whose only part is all parameters.
        parameters: The model's parameters.

    Raises:
        TorchLeanError: `CONTRADICTION` for a parameter that is in no group or in
            several, for a name or a pattern that no parameter has, and for a
            parameter of a shape that its optimizer has no update for.
    """
    if isinstance(optimizer, ParameterGroups):
        parts = _grouped(optimizer.groups, parameters)
    else:
        parts = (Part(optimizer, tuple(each.name for each in parameters)),)
    shapes = {each.name: each.shape for each in parameters}
    for part in parts:
        _require_shapes(part, shapes)
    return parts


def _require_shapes(part: Part, shapes: Mapping[str, Shape]) -> None:
    """Refuse a parameter of a shape that its optimizer has no update for."""
    rule = part.optimizer
    if not isinstance(rule, TensorOptimizer):
        return
    for name in part.names:
        if not rule.takes(shapes[name]):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{name}: expected a matrix for {rule.name}, got shape "
                f"{shapes[name]}; ParameterGroups can give it another optimizer",
            )


def _grouped(
    groups: Sequence[ParameterGroup], parameters: Sequence[Parameter]
) -> tuple[Part, ...]:
    """The parts of groups, in their order."""
    found: list[list[str]] = [[] for _ in groups]
    rest = next((place for place, group in enumerate(groups) if group.is_rest), None)
    for parameter in parameters:
        places = [i for i, group in enumerate(groups) if group.selects(parameter)]
        if not places and rest is not None:
            places = [rest]
        if len(places) != 1:
            numbers = " and ".join(map(str, places))
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{parameter.name}: expected one parameter group to select it, "
                f"got {f'the groups {numbers}' if places else 'none'}",
            )
        found[places[0]].append(parameter.name)
    for word in (word for group in groups for word in group.words):
        named = word not in (MATRICES, REST)
        if named and not any(_matches(word, each) for each in parameters):
            names = ", ".join(each.name for each in parameters)
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected a parameter that {word!r} selects among "
                f"{names or 'no parameters'}, got none",
            )
    pairs = zip(groups, found, strict=True)
    return tuple(Part(group.optimizer, tuple(names)) for group, names in pairs if names)


def _matches(word: str, parameter: Parameter) -> bool:
    if word == MATRICES:
        return rank(parameter.shape) == 2
    if word == REST:
        return False
    pattern = ".*".join(map(re.escape, word.split(WILDCARD)))
    return re.fullmatch(pattern, parameter.name, re.DOTALL) is not None
