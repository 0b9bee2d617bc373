"""RMSProp, AdaGrad and Adadelta: rates that adapt to each element's gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    ABOVE_ZERO,
    AT_LEAST_ZERO,
    UNIT,
    EpsilonPlace,
    choose,
    normalise,
)
from torchlean_spec.optimizers.descent import BufferOf

AccumulatorOf = Literal["directions", "steps"]
"""Whether Adadelta's second accumulator gathers directions, or directions times
the learning rate."""


def scaled_root(
    system: NumberSystem[A], epsilon: A, square: A, epsilon_place: EpsilonPlace
) -> A:
    """The denominator: `sqrt(square) + epsilon`, or epsilon under the root."""
    if epsilon_place == "inside-root":
        return system.sqrt(square + epsilon)
    return system.sqrt(square) + epsilon


def rmsprop(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    epsilon_place: EpsilonPlace = "outside-root",
) -> tuple[A, tuple[A, ...]]:
    """RMSProp: `v <- keep * v + take * g^2`, `p <- p - rate * g / (sqrt(v) + e)`."""
    (second,) = state
    # STATE
    second = coefficient["keep"] * second + coefficient["take"] * (gradient * gradient)
    # UPDATE
    denominator = scaled_root(system, coefficient["epsilon"], second, epsilon_place)
    move = (coefficient["rate"] * gradient) / denominator
    # PARAMETER
    return parameter - move, (second,)


def rmsprop_with_options(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    epsilon_place: EpsilonPlace,
    centered: bool,
    with_momentum: bool,
    buffer_of: BufferOf,
) -> tuple[A, tuple[A, ...]]:
    """RMSProp with a centred denominator, with momentum, or with both."""
    second, rest = state[0], state[1:]
    # STATE
    second = coefficient["keep"] * second + coefficient["take"] * (gradient * gradient)
    variance = second
    after: tuple[A, ...] = (second,)
    if centered:
        mean = coefficient["keep"] * rest[0] + coefficient["take"] * gradient
        # Never negative over the reals; rounding must not make a NaN of it.
        variance = system.maximum(second - mean * mean, system.constant(0))
        after, rest = (*after, mean), rest[1:]
    # UPDATE
    denominator = scaled_root(system, coefficient["epsilon"], variance, epsilon_place)
    if not with_momentum:
        move = (coefficient["rate"] * gradient) / denominator
    elif buffer_of == "steps":
        step = (coefficient["rate"] * gradient) / denominator
        move = coefficient["momentum"] * rest[0] + step
        after = (*after, move)
    else:
        buffer = coefficient["momentum"] * rest[0] + gradient / denominator
        move = coefficient["rate"] * buffer
        after = (*after, buffer)
    # PARAMETER
    return parameter - move, after


def adagrad(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    epsilon_place: EpsilonPlace = "outside-root",
) -> tuple[A, tuple[A, ...]]:
    """AdaGrad: `s <- s + g^2`, `p <- p - rate * g / (sqrt(s) + e)`."""
    (total,) = state
    # STATE
    total = total + gradient * gradient
    # UPDATE
    denominator = scaled_root(system, coefficient["epsilon"], total, epsilon_place)
    move = (coefficient["rate"] * gradient) / denominator
    # PARAMETER
    return parameter - move, (total,)


def adadelta(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    accumulator_of: AccumulatorOf = "directions",
) -> tuple[A, tuple[A, ...]]:
    """Adadelta: `d = sqrt((u + e) / (v + e)) * g`, `p <- p - rate * d`."""
    second, change = state
    epsilon = coefficient["epsilon"]
    # STATE
    second = coefficient["keep"] * second + coefficient["take"] * (gradient * gradient)
    # UPDATE
    direction = system.sqrt((change + epsilon) / (second + epsilon)) * gradient
    move = coefficient["rate"] * direction
    gathered = move if accumulator_of == "steps" else direction
    change = coefficient["keep"] * change + coefficient["take"] * (gathered * gathered)
    # PARAMETER
    return parameter - move, (second, change)


@dataclass(frozen=True, slots=True)
class RMSProp:
    r"""RMSProp, with optional centring and momentum `mu`.

        v <- decay * v + (1 - decay) * (g * g)
        a <- decay * a + (1 - decay) * g             (only if centered)
        d = sqrt(v) + epsilon                        (centered: v - a * a for v)
        p <- p - (rate * g) / d
        b <- mu * b + g / d,  p <- p - rate * b      (instead, only if mu > 0)

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.
    """

    learning_rate: Hyperparameter = "0.01"
    decay: Hyperparameter = "0.99"
    epsilon: Hyperparameter = "1e-8"
    momentum: Hyperparameter = 0
    centered: bool = False
    epsilon_place: EpsilonPlace = "outside-root"
    buffer_of: BufferOf = "gradients"

    def __post_init__(self) -> None:
        normalise(
            self,
            learning_rate=AT_LEAST_ZERO,
            decay=UNIT,
            epsilon=AT_LEAST_ZERO,
            momentum=UNIT,
        )
        choose("epsilon_place", self.epsilon_place, EpsilonPlace)
        choose("buffer_of", self.buffer_of, BufferOf)

    @property
    def name(self) -> str:
        """`rmsprop`."""
        return "rmsprop"

    @property
    def variant(self) -> str:
        """`rmsprop[_centered][_momentum[_of_steps]][_inside_root]`."""
        centered = "_centered" if self.centered else ""
        steps = "_of_steps" if self.buffer_of == "steps" else ""
        buffered = f"_momentum{steps}" if self.momentum != 0 else ""
        return f"rmsprop{centered}{buffered}{_place(self.epsilon_place)}"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`second`, then `mean` if centered and `buffer` if there is momentum."""
        mean = ("mean",) if self.centered else ()
        return ("second", *mean, *(("buffer",) if self.momentum != 0 else ()))

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """`keep`, `take`, `epsilon`, `rate`, and `momentum` if there is some."""
        momentum = ("momentum",) if self.momentum != 0 else ()
        return ("keep", "take", "epsilon", "rate", *momentum)

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """Zeros."""
        return (system.constant(0),) * len(self.state_names)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`keep = decay`, `take = 1 - decay`, `epsilon`, `rate`, `momentum`."""
        found = {
            "keep": arithmetic.constant(exact(self.decay)),
            "take": arithmetic.constant(1 - exact(self.decay)),
            "epsilon": arithmetic.constant(exact(self.epsilon)),
            "rate": learning_rate,
            "momentum": arithmetic.constant(exact(self.momentum)),
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
        place = self.epsilon_place
        if not self.centered and self.momentum == 0:
            return rmsprop(system, coefficient, parameter, gradient, state, place)
        return rmsprop_with_options(
            system,
            coefficient,
            parameter,
            gradient,
            state,
            place,
            self.centered,
            self.momentum != 0,
            self.buffer_of,
        )


@dataclass(frozen=True, slots=True)
class AdaGrad:
    r"""AdaGrad.

        s <- s + g * g
        p <- p - (rate / (1 + (t - 1) * learning_rate_decay) * g) / (sqrt(s) + epsilon)

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.
    """

    learning_rate: Hyperparameter = "0.01"
    initial_accumulator: Hyperparameter = 0
    epsilon: Hyperparameter = "1e-10"
    learning_rate_decay: Hyperparameter = 0
    epsilon_place: EpsilonPlace = "outside-root"

    def __post_init__(self) -> None:
        normalise(
            self,
            learning_rate=AT_LEAST_ZERO,
            initial_accumulator=AT_LEAST_ZERO,
            epsilon=AT_LEAST_ZERO,
            learning_rate_decay=AT_LEAST_ZERO,
        )
        choose("epsilon_place", self.epsilon_place, EpsilonPlace)

    @property
    def name(self) -> str:
        """`adagrad`."""
        return "adagrad"

    @property
    def variant(self) -> str:
        """`adagrad`, or `adagrad_inside_root`."""
        return f"adagrad{_place(self.epsilon_place)}"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`total`."""
        return ("total",)

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """`epsilon`, `rate`."""
        return ("epsilon", "rate")

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """The initial accumulator."""
        return (system.constant(exact(self.initial_accumulator)),)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`epsilon`; `rate / (1 + (step - 1) * learning_rate_decay)`."""
        one = arithmetic.constant(1)
        slope = arithmetic.constant(exact(self.learning_rate_decay))
        return {
            "epsilon": arithmetic.constant(exact(self.epsilon)),
            "rate": learning_rate / (one + (step - one) * slope),
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
        place = self.epsilon_place
        return adagrad(system, coefficient, parameter, gradient, state, place)


@dataclass(frozen=True, slots=True)
class Adadelta:
    r"""Adadelta.

        v <- decay * v + (1 - decay) * (g * g)
        d = sqrt((u + epsilon) / (v + epsilon)) * g
        u <- decay * u + (1 - decay) * (d * d)
        p <- p - rate * d

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges; epsilon must be above
            zero, since with 0 the first direction is 0 and so is every other.
    """

    learning_rate: Hyperparameter = 1
    decay: Hyperparameter = "0.9"
    epsilon: Hyperparameter = "1e-6"
    accumulator_of: AccumulatorOf = "directions"

    def __post_init__(self) -> None:
        normalise(self, learning_rate=AT_LEAST_ZERO, decay=UNIT, epsilon=ABOVE_ZERO)
        choose("accumulator_of", self.accumulator_of, AccumulatorOf)

    @property
    def name(self) -> str:
        """`adadelta`."""
        return "adadelta"

    @property
    def variant(self) -> str:
        """`adadelta`, or `adadelta_of_steps`."""
        return "adadelta_of_steps" if self.accumulator_of == "steps" else "adadelta"

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
        gathered = self.accumulator_of
        return adadelta(system, coefficient, parameter, gradient, state, gathered)


def _place(epsilon_place: EpsilonPlace) -> str:
    return "_inside_root" if epsilon_place == "inside-root" else ""
