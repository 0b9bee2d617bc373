"""AdaGrad: each element's gradient over the root of all of its squares so far.

>>> AdaGrad(0.5).state_names
('total',)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    Alternative,
    Dialect,
    EpsilonPlace,
    Update,
    choose,
    normalise,
    rate_or_default,
)
from torchlean_spec.optimizers.forms import (
    QuotientForm,
    rated_quotient,
    root_with_epsilon,
)


def adagrad(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    epsilon_place: EpsilonPlace = "outside-root",
    quotient: QuotientForm = "product-first",
) -> tuple[A, tuple[A, ...]]:
    """AdaGrad: `s <- s + g^2`, `p <- p - rate * g / (sqrt(s) + e)`."""
    (total,) = state
    # STATE
    total = total + gradient * gradient
    # UPDATE
    divisor = root_with_epsilon(system, epsilon_place, total, coefficient["epsilon"])
    rate = coefficient["rate"]
    move = rated_quotient(system, quotient, rate, gradient, divisor)
    # PARAMETER
    return parameter - move, (total,)


@dataclass(frozen=True, slots=True)
class AdaGrad:
    """AdaGrad, with an initial accumulator and a decaying rate.

    At step `t`, counted from 1:

        s <- s + g * g
        p <- p - (rate / (1 + (t - 1) * learning_rate_decay) * g) / (sqrt(s) + epsilon)

    where `rate / (1 + ...)` is one coefficient, rounded once.

    Where others differ: PyTorch starts from 0 with epsilon 1e-10 outside the root;
    Keras and Optax start from 0.1 with epsilon 1e-7 under the root, Optax with a
    move of 0 where `s` is 0; ONNX counts steps from 0, which gives the same rates.

    Defaults: PyTorch's, which are nearest to the paper.

    Args:
        learning_rate: The rate, at least 0.
        initial_accumulator: What `s` starts from, at least 0.
        epsilon: Added to the denominator, at least 0; with 0, an element whose
            accumulator is 0 is divided by 0.
        learning_rate_decay: By how much the rate's divisor grows each step.
        epsilon_place: Where epsilon stands.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Duchi, Hazan and Singer, *Adaptive Subgradient Methods for Online
    Learning and Stochastic Optimization*, 2011, section 1.1; the original's
    `NN/Runtime/Optim/Optimizers.lean:212`.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers.common import trajectory
    >>> [after for after, _ in trajectory(AdaGrad(0.5), FLOAT, 1.0, [0.5, 0.25])]
    [0.5000000001, 0.2763932023900211]
    """

    learning_rate: Hyperparameter = "0.01"
    initial_accumulator: Hyperparameter = 0
    epsilon: Hyperparameter = "1e-10"
    learning_rate_decay: Hyperparameter = 0
    epsilon_place: EpsilonPlace = "outside-root"

    def __post_init__(self) -> None:
        normalise(
            self,
            learning_rate="at least 0",
            initial_accumulator="at least 0",
            epsilon="at least 0",
            learning_rate_decay="at least 0",
        )
        choose("epsilon_place", self.epsilon_place, EpsilonPlace)

    @classmethod
    def with_dialect(
        cls, dialect: Dialect, learning_rate: Hyperparameter | None = None
    ) -> AdaGrad:
        """The defaults and choices of a library.

        >>> AdaGrad.with_dialect("keras").initial_accumulator
        Decimal('0.1')
        """
        choose("dialect", dialect, Dialect)
        rates = {"torch": "0.01", "keras": "0.001", "optax": None, "lean": None}
        epsilons = {"torch": "1e-10", "keras": "1e-7", "optax": "1e-7", "lean": "1e-6"}
        under = dialect in ("keras", "optax")
        return cls(
            rate_or_default(dialect, learning_rate, rates[dialect]),
            initial_accumulator="0.1" if under else 0,
            epsilon=epsilons[dialect],
            epsilon_place="inside-root" if under else "outside-root",
        )

    @property
    def name(self) -> str:
        """`adagrad`."""
        return "adagrad"

    @property
    def variant(self) -> str:
        """`adagrad[_inside_root]`."""
        return "adagrad" + (
            "_inside_root" if self.epsilon_place != "outside-root" else ""
        )

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

    def alternatives(self) -> list[Alternative]:
        """Other orders of the quotient."""
        return [
            ("torch-quotient-first", _in_form(self, "quotient-first")),
            ("optax", _in_form(self, "reciprocal")),
            ("lean", _in_form(self, "adaptive-rate")),
        ]

    def alternative_coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`coefficients`: the alternatives take nothing else."""
        return self.coefficients(arithmetic, step, learning_rate)


def _in_form(record: AdaGrad, quotient: QuotientForm) -> Update:
    def update(
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: A,
        gradient: A,
        state: tuple[A, ...],
        /,
    ) -> tuple[A, tuple[A, ...]]:
        element = (parameter, gradient, state)
        return adagrad(system, coefficient, *element, record.epsilon_place, quotient)

    return update
