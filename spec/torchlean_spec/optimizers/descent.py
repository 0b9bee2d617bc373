"""Stochastic gradient descent: plain, with momentum, with Nesterov's momentum.

>>> SGD(0.1, momentum=0.9).variant, SGD(0.1, momentum=0.9).state_names
('momentum', ('buffer',))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    Alternative,
    BufferOf,
    Dialect,
    choose,
    normalise,
    rate_or_default,
)

FirstBuffer = Literal["zero", "gradient"]
"""Whether the buffer before the first step is zero, so that the first one is
`(1 - dampening) * gradient`, or the first one is the gradient itself."""


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
    """Nesterov with `s = rate * g`: `b <- keep * b + s`, `p <- p - (s + keep * b)`."""
    (buffer,) = state
    # STATE
    step = coefficient["rate"] * gradient
    buffer = coefficient["keep"] * buffer + step
    # UPDATE
    move = step + coefficient["keep"] * buffer
    # PARAMETER
    return parameter - move, (buffer,)


def kept_parameter(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    """Plain descent with decay: `p <- keep_parameter * p - rate * g`."""
    # STATE: none
    # UPDATE
    move = coefficient["rate"] * gradient
    # PARAMETER
    return parameter * coefficient["keep_parameter"] - move, ()


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
    """Stochastic gradient descent, with or without momentum.

    With momentum `mu`, dampening `d` and weight decay `w`, each row only if its
    hyperparameter is above zero:

        g <- g + w * p                           weight decay, coupled
        b <- mu * b + (1 - d) * g                momentum
        p <- p - rate * b                        (plain: p - rate * g)
        p <- p - rate * (g + mu * b)             Nesterov, instead

    Where others differ: PyTorch takes the gradient itself, undampened, for the
    first buffer (`first_buffer="gradient"`); Keras gathers steps instead of
    gradients (`buffer_of="steps"`) and decouples its weight decay; Optax has
    neither dampening nor weight decay here. ONNX's Momentum counts steps from 0
    and undampens the one numbered 0. The original has a momentum of 0.9 where 0
    was asked for (`docs/deviations.md`, B13).

    Defaults: no step is special (`first_buffer="zero"`), and a scheduled rate
    acts on the whole buffer (`buffer_of="gradients"`), as PyTorch and Optax do.

    Args:
        learning_rate: The rate, at least 0.
        momentum: How much of the buffer is kept, in [0, 1).
        dampening: How much of the gradient the buffer leaves out, in [0, 1).
        nesterov: Whether to look ahead along the buffer.
        weight_decay: The factor of the parameter added to the gradient.
        first_buffer: What the first buffer holds.
        buffer_of: What the buffer gathers.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `CONTRADICTION` for
            options of a momentum that is 0, for dampening with Nesterov, and for
            dampening with a buffer of steps.

    Source: Polyak, *Some methods of speeding up the convergence of iteration
    methods*, 1964; Sutskever, Martens, Dahl and Hinton, *On the importance of
    initialization and momentum in deep learning*, 2013, section 2; the original's
    `NN/Runtime/Optim/Optimizers.lean:134`.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers.common import trajectory
    >>> ahead = SGD(0.1, momentum=0.9, nesterov=True)
    >>> [after for after, _ in trajectory(ahead, FLOAT, 1.0, [0.5, 0.25, -1.0])]
    [0.905, 0.8170000000000001, 0.9503]
    >>> SGD(-1)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected learning_rate at least 0, got -1
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
            learning_rate="at least 0",
            momentum="in [0, 1)",
            dampening="in [0, 1)",
            weight_decay="at least 0",
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

    @classmethod
    def with_dialect(
        cls, dialect: Dialect, learning_rate: Hyperparameter | None = None
    ) -> SGD:
        """The defaults and choices of a library; `dataclasses.replace` adds momentum.

        >>> SGD.with_dialect("keras").learning_rate
        Decimal('0.01')
        """
        choose("dialect", dialect, Dialect)
        defaults = {"torch": "0.001", "keras": "0.01", "optax": None, "lean": None}
        rate = rate_or_default(dialect, learning_rate, defaults[dialect])
        return cls(
            rate,
            first_buffer="gradient" if dialect == "torch" else "zero",
            buffer_of="steps" if dialect == "keras" else "gradients",
        )

    @property
    def name(self) -> str:
        """`sgd`."""
        return "sgd"

    @property
    def rule(self) -> str:
        """The function of this module that the record stands for."""
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

    def alternatives(self) -> list[Alternative]:
        """Plain descent with decay may shrink the parameter by `1 - rate * decay`."""
        return (
            [("kept-parameter", kept_parameter)]
            if self.variant == "sgd_decayed"
            else []
        )

    def alternative_coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`coefficients`, and `keep_parameter = 1 - rate * weight_decay`."""
        found = self.coefficients(arithmetic, step, learning_rate)
        decay = learning_rate * arithmetic.constant(exact(self.weight_decay))
        found["keep_parameter"] = arithmetic.constant(1) - decay
        return found
