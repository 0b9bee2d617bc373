"""RMSProp: each element's gradient over the root of its recent mean square.

>>> RMSProp(centered=True).state_names
('second', 'mean')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    Alternative,
    BufferOf,
    Dialect,
    EpsilonPlace,
    Update,
    choose,
    normalise,
    rate_or_default,
)
from torchlean_spec.optimizers.forms import (
    AverageForm,
    QuotientForm,
    SquareForm,
    average,
    average_of_squares,
    rated_quotient,
    root_with_epsilon,
)


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
    squared = gradient * gradient
    second = coefficient["keep"] * second + coefficient["take"] * squared
    # UPDATE
    divisor = root_with_epsilon(system, epsilon_place, second, coefficient["epsilon"])
    move = (coefficient["rate"] * gradient) / divisor
    # PARAMETER
    return parameter - move, (second,)


@dataclass(frozen=True, slots=True)
class RMSProp:
    """RMSProp, with optional centring and momentum `mu`.

    With all of the state zero at first, each row only if it is asked for:

        v <- decay * v + (1 - decay) * (g * g)
        a <- decay * a + (1 - decay) * g             centred
        d = sqrt(v) + epsilon                        centred: max(v - a * a, 0) for v
        p <- p - (rate * g) / d
        b <- mu * b + g / d,  p <- p - rate * b      momentum, instead
        b <- mu * b + (rate * g) / d,  p <- p - b    momentum of steps, instead

    Where others differ: PyTorch is `decay` 0.99, epsilon outside the root, a buffer
    of directions; Keras and Optax are `decay` 0.9, epsilon under the root, a buffer
    of steps. None of them keeps `v - a * a` from falling below zero by rounding.

    Defaults: PyTorch's, which are nearest to the lecture's equation.

    Args:
        learning_rate: The rate, at least 0.
        decay: How much of the means is kept, in [0, 1).
        epsilon: Added to the denominator, at least 0; with 0, an element whose
            gradients were all 0 is divided by 0.
        momentum: How much of the buffer is kept, in [0, 1).
        centered: Whether the variance stands for the mean square.
        epsilon_place: Where epsilon stands.
        buffer_of: What the buffer gathers.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Tieleman and Hinton, *Neural Networks for Machine Learning*, lecture 6.5,
    2012; centred: Graves, arXiv:1308.0850, equations 38 to 45; the original's
    `NN/Runtime/Optim/Optimizers.lean:249`.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers.common import trajectory
    >>> [after for after, _ in trajectory(RMSProp(0.1), FLOAT, 1.0, [0.5, 0.25])]
    [1.9999996003772225e-07, -0.4490129744218304]
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
            learning_rate="at least 0",
            decay="in [0, 1)",
            epsilon="at least 0",
            momentum="in [0, 1)",
        )
        choose("epsilon_place", self.epsilon_place, EpsilonPlace)
        choose("buffer_of", self.buffer_of, BufferOf)

    @classmethod
    def with_dialect(
        cls, dialect: Dialect, learning_rate: Hyperparameter | None = None
    ) -> RMSProp:
        """The defaults and choices of a library.

        >>> RMSProp.with_dialect("keras").epsilon_place
        'inside-root'
        """
        choose("dialect", dialect, Dialect)
        rates = {"torch": "0.01", "keras": "0.001", "optax": None, "lean": None}
        epsilons = {"torch": "1e-8", "keras": "1e-7", "optax": "1e-8", "lean": "1e-6"}
        under = dialect in ("keras", "optax")
        return cls(
            rate_or_default(dialect, learning_rate, rates[dialect]),
            decay="0.99" if dialect == "torch" else "0.9",
            epsilon=epsilons[dialect],
            epsilon_place="inside-root" if under else "outside-root",
            buffer_of="steps" if under else "gradients",
        )

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
        place = "_inside_root" if self.epsilon_place == "inside-root" else ""
        return f"rmsprop{centered}{buffered}{place}"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`second`, then `mean` if centred and `buffer` if there is momentum."""
        mean = ("mean",) if self.centered else ()
        buffer = ("buffer",) if self.momentum != 0 else ()
        return ("second", *mean, *buffer)

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
        element = (parameter, gradient, state)
        if not self.centered and self.momentum == 0:
            return rmsprop(system, coefficient, *element, self.epsilon_place)
        return rmsprop_with_options(self, system, coefficient, *element)

    def alternatives(self) -> list[Alternative]:
        """Other orders of the mean square and of the quotient."""
        return [
            ("paper", _in_form(self, "weighted", "weighted", "quotient-first")),
            ("torch", _in_form(self, "interpolated", "scaled", "product-first")),
            (
                "torch-quotient-first",
                _in_form(self, "interpolated", "scaled", "quotient-first"),
            ),
            ("optax", _in_form(self, "weighted", "weighted", "reciprocal")),
            ("lean", _in_form(self, "weighted", "weighted", "adaptive-rate")),
        ]

    def alternative_coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`coefficients`: the alternatives take nothing else."""
        return self.coefficients(arithmetic, step, learning_rate)


def rmsprop_with_options(
    record: RMSProp,
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    mean_form: AverageForm = "weighted",
    square_form: SquareForm = "weighted",
    quotient: QuotientForm = "product-first",
) -> tuple[A, tuple[A, ...]]:
    """RMSProp with what the record asks for, in a given order of evaluation."""
    keep, take, rate = coefficient["keep"], coefficient["take"], coefficient["rate"]
    # STATE
    second = average_of_squares(square_form, keep, take, state[0], gradient)
    variance = second
    after: tuple[A, ...] = (second,)
    if record.centered:
        mean = average(mean_form, keep, take, state[1], gradient)
        # Never below zero over the reals; rounding must not make a NaN of it.
        variance = system.maximum(second - mean * mean, system.constant(0))
        after = (second, mean)
    # UPDATE
    epsilon, place = coefficient["epsilon"], record.epsilon_place
    divisor = root_with_epsilon(system, place, variance, epsilon)
    if record.momentum == 0:
        move = rated_quotient(system, quotient, rate, gradient, divisor)
    elif record.buffer_of == "steps":
        step = rated_quotient(system, quotient, rate, gradient, divisor)
        move = coefficient["momentum"] * state[-1] + step
        after = (*after, move)
    else:
        direction = gradient / divisor
        if quotient == "reciprocal":
            direction = gradient * (system.constant(1) / divisor)
        buffer = coefficient["momentum"] * state[-1] + direction
        move = rate * buffer
        after = (*after, buffer)
    # PARAMETER
    return parameter - move, after


def _in_form(
    record: RMSProp,
    mean_form: AverageForm,
    square_form: SquareForm,
    quotient: QuotientForm,
) -> Update:
    def update(
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: A,
        gradient: A,
        state: tuple[A, ...],
        /,
    ) -> tuple[A, tuple[A, ...]]:
        return rmsprop_with_options(
            record,
            system,
            coefficient,
            parameter,
            gradient,
            state,
            mean_form,
            square_form,
            quotient,
        )

    return update
