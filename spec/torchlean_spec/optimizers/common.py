"""What every optimizer offers, and the words that several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, Protocol, get_args

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import EXACT, ExactArithmetic, Hyperparameter, decimal, exact
from torchlean_spec.numbers.system import A, NumberSystem

Dialect = Literal["torch", "keras", "optax", "lean"]
"""Whose defaults and whose choices a preset takes."""

EpsilonPlace = Literal["outside-root", "inside-root"]
"""Whether epsilon is added to the root or under it: `sqrt(s) + epsilon`, as the
papers on Adam and AdaGrad write, or `sqrt(s + epsilon)`."""


class Optimizer(Protocol):
    """A rule that turns a gradient into an update, element by element.

    A record of hyperparameters, immutable, each field an exact `Decimal`, an
    `int`, a `bool` or a `str`. Which equation it stands for (`variant`) can be
    read off the record alone; the coefficients depend on the step and the
    learning rate; the state is a tuple of numbers for each element.
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
        """The base rate, which a schedule multiplies."""
        ...

    @property
    def state_names(self) -> tuple[str, ...]:
        """The numbers kept for each element, in the order of the state."""
        ...

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The coefficients that `update` takes, in the order of the kernels' table."""
        ...

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """An element's state before the first step."""
        ...

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """The exact coefficients of a step, counted from 1; see `coefficients_at`."""
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
        """One element's parameter and state after the step."""
        ...


def exact_coefficients(
    optimizer: Optimizer, step: int, learning_rate: Hyperparameter | None = None
) -> dict[str, Fraction]:
    """The exact coefficients of one step.

    Args:
        optimizer: The record.
        step: The step's number, counted from 1.
        learning_rate: The rate that a schedule gives; the record's own by default.

    Raises:
        TorchLeanError: `DOMAIN` if the step is below 1.
    """
    if step < 1:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a step of at least 1, got {step}"
        )
    rate = optimizer.learning_rate if learning_rate is None else learning_rate
    return optimizer.coefficients(EXACT, EXACT.constant(step), exact(rate))


def coefficients_at(
    optimizer: Optimizer,
    system: NumberSystem[A],
    step: int,
    learning_rate: Hyperparameter | None = None,
) -> dict[str, A]:
    """The coefficients of one step as numbers of a system, each rounded once."""
    exactly = exact_coefficients(optimizer, step, learning_rate)
    return {name: system.constant(value) for name, value in exactly.items()}


def normalise(record: object, **ranges: str) -> None:
    """Make exact decimals of a record's hyperparameters, and check their ranges.

    Args:
        record: A frozen dataclass, in its `__post_init__`.
        ranges: For each hyperparameter one of the ranges named in `RANGES`.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for what is no number or out of range.
    """
    for field, wanted in ranges.items():
        given = getattr(record, field)
        try:
            value = decimal(given)
        except TorchLeanError as error:
            raise TorchLeanError(error.reason, f"{field}: {error}") from None
        fits = (
            (value >= 0 if wanted != ABOVE_ZERO else value > 0)
            and (wanted != UNIT or value < 1)
        )  # fmt: skip
        if not fits:
            raise TorchLeanError(
                Reason.HYPERPARAMETER, f"expected {field} {wanted}, got {given}"
            )
        object.__setattr__(record, field, value)


UNIT = "in [0, 1)"
AT_LEAST_ZERO = "at least 0"
ABOVE_ZERO = "above 0"


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
