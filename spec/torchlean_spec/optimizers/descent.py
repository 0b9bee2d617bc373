"""Stochastic gradient descent: plain, with momentum, with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    AT_LEAST_ZERO,
    UNIT,
    choose,
    normalise,
)

FirstBuffer = Literal["zero", "gradient"]
"""Whether the first buffer is `(1 - dampening) * gradient` or the gradient itself."""

BufferOf = Literal["gradients", "steps"]
"""Whether the buffer gathers gradients, or gradients times the learning rate."""


def sgd(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """Gradient descent: `p <- p - rate * g`."""
    # STATE: none
    # UPDATE
    move = coefficient["rate"] * gradient
    # PARAMETER
    return parameter - move, ()


def momentum(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """Momentum: `b <- keep * b + g`, `p <- p - rate * b`."""
    (buffer,) = state
    # STATE
    buffer = coefficient["keep"] * buffer + gradient
    # UPDATE
    move = coefficient["rate"] * buffer
    # PARAMETER
    return parameter - move, (buffer,)


def dampened(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """Dampened momentum: `b <- keep * b + take * g`, `p <- p - rate * b`."""
    (buffer,) = state
    # STATE
    buffer = coefficient["keep"] * buffer + coefficient["take"] * gradient
    # UPDATE
    move = coefficient["rate"] * buffer
    # PARAMETER
    return parameter - move, (buffer,)


def nesterov(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """Nesterov: `b <- keep * b + g`, `p <- p - rate * (g + keep * b)`."""
    (buffer,) = state
    # STATE
    buffer = coefficient["keep"] * buffer + gradient
    # UPDATE
    direction = gradient + coefficient["keep"] * buffer
    move = coefficient["rate"] * direction
    # PARAMETER
    return parameter - move, (buffer,)


def momentum_of_steps(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """Momentum of steps: `b <- keep * b + rate * g`, `p <- p - b`."""
    (buffer,) = state
    # STATE
    buffer = coefficient["keep"] * buffer + coefficient["rate"] * gradient
    # UPDATE: the buffer
    # PARAMETER
    return parameter - buffer, (buffer,)


def nesterov_of_steps(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """Nesterov of steps `s = rate * g`: `b <- keep * b + s`, `p <- p - (s + keep * b)`."""
    (buffer,) = state
    # STATE
    step = coefficient["rate"] * gradient
    buffer = coefficient["keep"] * buffer + step
    # UPDATE
    move = step + coefficient["keep"] * buffer
    # PARAMETER
    return parameter - move, (buffer,)


_UPDATES = {
    "sgd": sgd,
    "momentum": momentum,
    "dampened": dampened,
    "nesterov": nesterov,
    "momentum_of_steps": momentum_of_steps,
    "nesterov_of_steps": nesterov_of_steps,
}


@dataclass(frozen=True, slots=True)
class SGD:
    r"""Stochastic gradient descent, with or without momentum.

    With momentum `mu`, dampening `d` and coupled weight decay `w`:

        g <- g + w * p          (only if w > 0)
        b <- mu * b + (1 - d) * g
        p <- p - rate * b       (Nesterov: p - rate * (g + mu * b))

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `CONTRADICTION` for
            options of a momentum that is 0, and for Nesterov with dampening.
    """

    learning_rate: Hyperparameter
    momentum: Hyperparameter = 0
    dampening: Hyperparameter = 0
    nesterov: bool = False
    weight_decay: Hyperparameter = 0
    first_buffer: FirstBuffer = "zero"
    buffer_of: BufferOf = "gradients"

    def __post_init__(self) -> None:
        normalise(
            self,
            learning_rate=AT_LEAST_ZERO,
            momentum=UNIT,
            dampening=UNIT,
            weight_decay=AT_LEAST_ZERO,
        )
        choose("first_buffer", self.first_buffer, FirstBuffer)
        choose("buffer_of", self.buffer_of, BufferOf)
        option = "nesterov" if self.nesterov else "dampening"
        if self.momentum == 0 and (self.nesterov or self.dampening != 0):
            raise TorchLeanError(
                Reason.CONTRADICTION, f"expected momentum above 0 with {option}, got 0"
            )
        if self.dampening != 0 and (self.nesterov or self.buffer_of == "steps"):
            beside = "nesterov" if self.nesterov else "a buffer of steps"
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected dampening 0 with {beside}, got {self.dampening}",
            )

    @property
    def name(self) -> str:
        """`sgd`."""
        return "sgd"

    @property
    def rule(self) -> str:
        """The plain function: `sgd`, `momentum`, `dampened`, `nesterov`, ..."""
        if self.momentum == 0:
            return "sgd"
        if self.dampening != 0:
            return "dampened"
        rule = "nesterov" if self.nesterov else "momentum"
        return f"{rule}_of_steps" if self.buffer_of == "steps" else rule

    @property
    def variant(self) -> str:
        """The rule, and `_decayed` where weights decay."""
        return f"{self.rule}_decayed" if self.weight_decay != 0 else self.rule

    @property
    def state_names(self) -> tuple[str, ...]:
        """`buffer`, if there is momentum."""
        return ("buffer",) if self.momentum != 0 else ()

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """`rate`, `keep`, `take`, `decay`, as far as the variant needs them."""
        keep = ("keep",) if self.momentum != 0 else ()
        take = ("take",) if self.dampening != 0 else ()
        decay = ("decay",) if self.weight_decay != 0 else ()
        return ("rate", *keep, *take, *decay)

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """Zero buffers."""
        return (system.constant(0),) * len(self.state_names)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`rate`; `keep = momentum`; `take = 1 - dampening`; `decay = weight_decay`.

        Where the first buffer is the gradient, `take` is 1 at step 1: the buffer
        before it is zero.
        """
        take = arithmetic.constant(1 - exact(self.dampening))
        if self.first_buffer == "gradient":
            one, two = arithmetic.constant(1), arithmetic.constant(2)
            take = arithmetic.where(arithmetic.less(step, two), one, take)
        found = {
            "rate": learning_rate,
            "keep": arithmetic.constant(exact(self.momentum)),
            "take": take,
            "decay": arithmetic.constant(exact(self.weight_decay)),
        }
        return {name: found[name] for name in self.coefficient_names}

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
        if self.weight_decay != 0:
            gradient = gradient + coefficient["decay"] * parameter
        return _UPDATES[self.rule](system, coefficient, parameter, gradient, state)
