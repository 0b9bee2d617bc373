"""What every optimizer offers, and the words that several of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal, Protocol, get_args, runtime_checkable

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import (
    EXACT,
    ExactArithmetic,
    Hyperparameter,
    Range,
    exact,
    within,
)
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor

Dialect = Literal["torch", "keras", "optax", "lean"]
"""Whose defaults and whose choices a preset takes."""

EpsilonPlace = Literal["outside-root", "inside-root"]
"""Whether epsilon is added to the root, `sqrt(s) + epsilon`, or under it,
`sqrt(s + epsilon)`."""

AdamEpsilonPlace = Literal["outside-root", "inside-root", "uncorrected"]
"""`sqrt(v / (1 - beta2^t)) + epsilon`, `sqrt(v / (1 - beta2^t) + epsilon)`, or
`sqrt(v) + epsilon` with both corrections in the rate (the paper's epsilon hat)."""

MaximumOf = Literal["second", "unbiased-second"]
"""Whether AMSGrad keeps the maximum of `v` or of `v / (1 - beta2^t)`."""

BufferOf = Literal["gradients", "steps"]
"""Whether a momentum buffer gathers directions, or directions times the rate. The
two agree as long as the rate stays the same."""


class Update(Protocol):
    """The update of one element, over any number system."""

    def __call__(
        self,
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: A,
        gradient: A,
        state: tuple[A, ...],
        /,
    ) -> tuple[A, tuple[A, ...]]:
        """The parameter and the state after the step."""
        ...


Alternative = tuple[str, Update]
"""Another order of evaluation, equal over the reals, and its name."""


class RatedOptimizer(Protocol):
    """What every optimizer says of itself: its name, its rate, its coefficients.

    An immutable record of hyperparameters, each field an exact `Decimal`, an
    `int`, a `bool`, a `str` or another such record. Which equation it stands for
    (`variant`) can be read off the record alone; the coefficients depend on the
    step and the learning rate.
    """

    @property
    def name(self) -> str:
        """The optimizer's name, such as `adam`."""
        ...

    @property
    def variant(self) -> str:
        """The equation's name: one for each kernel, such as `adam_decayed`."""
        ...

    @property
    def learning_rate(self) -> Hyperparameter:
        """The base rate, from which a schedule starts."""
        ...

    @property
    def state_names(self) -> tuple[str, ...]:
        """The numbers or tensors kept for each parameter, in the state's order."""
        ...

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The coefficients that `update` takes, in the order of the kernels' table."""
        ...

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """The exact coefficients of a step, counted from 1, in the table's order."""
        ...


class ElementOptimizer(RatedOptimizer, Protocol):
    """A rule that turns a gradient into an update, element by element.

    The state is a tuple of numbers for each element.
    """

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """An element's state before the first step."""
        ...

    def update(
        self,
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: A,
        gradient: A,
        state: tuple[A, ...],
        /,
    ) -> tuple[A, tuple[A, ...]]:
        """The parameter and the state after the step, in the order of strict bits."""
        ...

    def alternatives(self) -> list[Alternative]:
        """Orders of evaluation that are admitted beside `update`.

        They read `alternative_coefficients`, and are equal to `update` over the
        reals; a judge accepts the union.
        """
        ...

    def alternative_coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`coefficients`, and what the alternatives take beside them."""
        ...


@runtime_checkable
class TensorOptimizer(RatedOptimizer, Protocol):
    """A rule that looks at a whole parameter at once, as one that takes norms does.

    The state is a tuple of tensors for each parameter. A step first makes the state
    after it, and then the parameter from that state, so that a judge can hold both
    to what was recorded.
    """

    def takes(self, shape: Shape, /) -> bool:
        """Whether there is an update for parameters of a shape."""
        ...

    def state_shapes(self, shape: Shape, /) -> tuple[Shape, ...]:
        """The shapes of the tensors kept for a parameter of a shape."""
        ...

    def next_state(
        self,
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        step: int,
        gradient: Tensor[A, Shape],
        state: tuple[Tensor[A, Shape], ...],
        found: tuple[Tensor[A, Shape], ...] = (),
        /,
    ) -> tuple[Tensor[A, Shape], ...]:
        """The state after a step, counted from 1; before step 1 it is zeros.

        Where the answer is `found` already, and is to be judged, what is made of
        the state's first parts is made of those that were found.
        """
        ...

    def next_parameter(
        self,
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: Tensor[A, Shape],
        gradient: Tensor[A, Shape],
        state: tuple[Tensor[A, Shape], ...],
        /,
    ) -> Tensor[A, Shape]:
        """The parameter after a step, from the state after it."""
        ...


def exact_coefficients(
    optimizer: RatedOptimizer, step: int, learning_rate: Hyperparameter | None = None
) -> dict[str, Fraction]:
    """The exact coefficients of one step.

    Args:
        optimizer: The record.
        step: The step's number, counted from 1.
        learning_rate: The rate that a schedule gives; the record's own by default.

    Raises:
        TorchLeanError: `DOMAIN` if the step is below 1.
    """
    return optimizer.coefficients(
        EXACT, *_step_and_rate(optimizer, step, learning_rate)
    )


def coefficients_at(
    optimizer: RatedOptimizer,
    system: NumberSystem[A],
    step: int,
    learning_rate: Hyperparameter | None = None,
) -> dict[str, A]:
    """The coefficients of one step as numbers of a system, each rounded once.

    Args and errors are those of `exact_coefficients`.
    """
    exactly = exact_coefficients(optimizer, step, learning_rate)
    return {name: system.constant(value) for name, value in exactly.items()}


def alternative_coefficients_at(
    optimizer: ElementOptimizer,
    system: NumberSystem[A],
    step: int,
    learning_rate: Hyperparameter | None = None,
) -> dict[str, A]:
    """The coefficients that alternatives take, each rounded once.

    Args and errors are those of `exact_coefficients`.
    """
    where = _step_and_rate(optimizer, step, learning_rate)
    exactly = optimizer.alternative_coefficients(EXACT, *where)
    return {name: system.constant(value) for name, value in exactly.items()}


def update_at(
    optimizer: ElementOptimizer,
    system: NumberSystem[A],
    step: int,
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """One element's parameter and state after one step at the record's own rate.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers import AdaGrad
    >>> update_at(AdaGrad(1, epsilon=1), FLOAT, 1, 0.5, 2.0, (0.0,))
    (-0.16666666666666663, (4.0,))
    """
    coefficient = coefficients_at(optimizer, system, step)
    return optimizer.update(system, coefficient, parameter, gradient, state)


def trajectory(
    optimizer: ElementOptimizer,
    system: NumberSystem[A],
    parameter: A,
    gradients: Sequence[A],
) -> list[tuple[A, tuple[A, ...]]]:
    """One element's parameter and state after each step, from the initial state.

    Args:
        optimizer: The record, whose own rate every step has.
        system: The number system.
        parameter: The element before step 1.
        gradients: The element's gradient at each step.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers import SGD
    >>> trajectory(SGD(0.5, momentum=0.5), FLOAT, 1.0, [1.0, 1.0])
    [(0.5, (1.0,)), (-0.25, (1.5,))]
    """
    state, after = optimizer.initial_state(system), []
    for step, gradient in enumerate(gradients, start=1):
        parameter, state = update_at(
            optimizer, system, step, parameter, gradient, state
        )
        after.append((parameter, state))
    return after


def _step_and_rate(
    optimizer: RatedOptimizer, step: int, learning_rate: Hyperparameter | None
) -> tuple[Fraction, Fraction]:
    if step < 1:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a step of at least 1, got {step}"
        )
    rate = optimizer.learning_rate if learning_rate is None else learning_rate
    return EXACT.constant(step), exact(rate)


def normalise(record: object, **ranges: Range) -> None:
    """Make exact decimals of a record's hyperparameters, and check their ranges.

    Args:
        record: A frozen dataclass, in its `__post_init__`.
        ranges: The range of each hyperparameter.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for what is no number or out of range.
    """
    for field, wanted in ranges.items():
        object.__setattr__(record, field, within(field, getattr(record, field), wanted))


def choose(field: str, given: str, allowed: object) -> None:
    """Refuse a word that is not among those of a `Literal` type.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`, listing the words.
    """
    words = get_args(allowed)
    if given not in words:
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected {field} to be one of {', '.join(words)}, got {given}",
        )


def rate_or_default(
    dialect: Dialect, given: Hyperparameter | None, default: str | None
) -> Hyperparameter:
    """The given rate, or else the dialect's default.

    Raises:
        TorchLeanError: `HYPERPARAMETER` where neither exists.
    """
    if given is not None:
        return given
    if default is None:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected a learning_rate, since the dialect {dialect} has no default, "
            "got none",
        )
    return default
