"""Adadelta: AdaGrad with running means, and steps in the parameter's own unit.

>>> Adadelta().state_names
('second', 'change')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    Alternative,
    BufferOf,
    Dialect,
    Update,
    choose,
    normalise,
    rate_or_default,
)
from torchlean_spec.optimizers.forms import SquareForm, average_of_squares

RootForm = Literal["one-root", "two-roots", "product-first"]
"""`sqrt(x / y) * g`, `(sqrt(x) / sqrt(y)) * g`, or `(sqrt(x) * g) / sqrt(y)`."""


def adadelta(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    change_of: BufferOf = "gradients",
    square_form: SquareForm = "weighted",
    root_form: RootForm = "one-root",
) -> tuple[A, tuple[A, ...]]:
    """Adadelta: `d = sqrt((u + e) / (v + e)) * g`, `p <- p - rate * d`."""
    second, change = state
    keep, take = coefficient["keep"], coefficient["take"]
    # STATE
    second = average_of_squares(square_form, keep, take, second, gradient)
    # UPDATE
    above, below = change + coefficient["epsilon"], second + coefficient["epsilon"]
    if root_form == "one-root":
        direction = system.sqrt(above / below) * gradient
    elif root_form == "two-roots":
        direction = (system.sqrt(above) / system.sqrt(below)) * gradient
    else:
        direction = (system.sqrt(above) * gradient) / system.sqrt(below)
    move = coefficient["rate"] * direction
    gathered = move if change_of == "steps" else direction
    change = average_of_squares(square_form, keep, take, change, gathered)
    # PARAMETER
    return parameter - move, (second, change)


@dataclass(frozen=True, slots=True)
class Adadelta:
    """Adadelta.

    With both means zero at first:

        v <- decay * v + (1 - decay) * (g * g)
        d = sqrt((u + epsilon) / (v + epsilon)) * g
        p <- p - rate * d
        u <- decay * u + (1 - decay) * (d * d)

    One root of one quotient stands for the paper's quotient of two roots; over the
    reals they are equal, and the other orders are among the alternatives.

    Where others differ: PyTorch and Optax are `decay` 0.9 and epsilon 1e-6, PyTorch
    with rate 1; Keras is rate 0.001, `decay` 0.95 and epsilon 1e-7; the original
    puts the rate into `u` (`change_of="steps"`), the same only at rate 1.

    Defaults: PyTorch's; the paper has no rate, which is a rate of 1.

    Args:
        learning_rate: The rate, at least 0.
        decay: How much of the means is kept, in [0, 1).
        epsilon: Added to both means, above 0: with 0 no step would ever leave 0.
        change_of: Whether `u` gathers directions or steps.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Zeiler, *ADADELTA*, 2012, Algorithm 1 (arXiv:1212.5701); the original's
    `NN/Runtime/Optim/Optimizers.lean:490`.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers.common import trajectory
    >>> [after for after, _ in trajectory(Adadelta(), FLOAT, 1.0, [0.5, 0.25])]
    [0.9968377855834876, 0.9947526985556963]
    >>> Adadelta(epsilon=0)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected epsilon above 0, got 0
    """

    learning_rate: Hyperparameter = 1
    decay: Hyperparameter = "0.9"
    epsilon: Hyperparameter = "1e-6"
    change_of: BufferOf = "gradients"

    def __post_init__(self) -> None:
        normalise(
            self, learning_rate="at least 0", decay="in [0, 1)", epsilon="above 0"
        )
        choose("change_of", self.change_of, BufferOf)

    @classmethod
    def with_dialect(
        cls, dialect: Dialect, learning_rate: Hyperparameter | None = None
    ) -> Adadelta:
        """The defaults and choices of a library.

        >>> Adadelta.with_dialect("keras").decay
        Decimal('0.95')
        """
        choose("dialect", dialect, Dialect)
        rates = {"torch": "1", "keras": "0.001", "optax": None, "lean": None}
        return cls(
            rate_or_default(dialect, learning_rate, rates[dialect]),
            decay="0.95" if dialect == "keras" else "0.9",
            epsilon="1e-7" if dialect == "keras" else "1e-6",
            change_of="steps" if dialect == "lean" else "gradients",
        )

    @property
    def name(self) -> str:
        """`adadelta`."""
        return "adadelta"

    @property
    def variant(self) -> str:
        """`adadelta[_of_steps]`."""
        return "adadelta_of_steps" if self.change_of == "steps" else "adadelta"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`second`, `change`."""
        return ("second", "change")

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """`keep`, `take`, `epsilon`, `rate`."""
        return ("keep", "take", "epsilon", "rate")

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """Zeros."""
        return (system.constant(0), system.constant(0))

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`keep = decay`, `take = 1 - decay`, `epsilon`, `rate`."""
        return {
            "keep": arithmetic.constant(exact(self.decay)),
            "take": arithmetic.constant(1 - exact(self.decay)),
            "epsilon": arithmetic.constant(exact(self.epsilon)),
            "rate": learning_rate,
        }

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
        gathered = self.change_of
        return adadelta(system, coefficient, parameter, gradient, state, gathered)

    def alternatives(self) -> list[Alternative]:
        """Other orders of the mean squares and of the roots."""
        return [
            ("paper", _in_form(self, "weighted", "two-roots")),
            ("torch", _in_form(self, "scaled", "two-roots")),
            ("keras", _in_form(self, "weighted", "product-first")),
        ]

    def alternative_coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`coefficients`: the alternatives take nothing else."""
        return self.coefficients(arithmetic, step, learning_rate)


def _in_form(record: Adadelta, square_form: SquareForm, root_form: RootForm) -> Update:
    def update(
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: A,
        gradient: A,
        state: tuple[A, ...],
        /,
    ) -> tuple[A, tuple[A, ...]]:
        element = (parameter, gradient, state)
        forms = (record.change_of, square_form, root_form)
        return adadelta(system, coefficient, *element, *forms)

    return update
