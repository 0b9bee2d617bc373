"""Adam, AMSGrad and AdamW."""

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

AdamEpsilonPlace = Literal["outside-root", "inside-root", "uncorrected"]
"""`sqrt(v / (1 - beta2^t)) + epsilon`, `sqrt(v / (1 - beta2^t) + epsilon)`, or
`sqrt(v) + epsilon` with both corrections in the rate (TensorFlow's epsilon hat)."""

MaximumOf = Literal["second", "unbiased-second"]
"""Whether AMSGrad keeps the maximum of `v` or of `v / (1 - beta2^t)`."""


def adam(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    epsilon_place: AdamEpsilonPlace = "outside-root",
) -> tuple[A, tuple[A, ...]]:
    """Adam; see the record `Adam` for the maths."""
    first, second = state
    # STATE
    first = coefficient["keep1"] * first + coefficient["take1"] * gradient
    second = coefficient["keep2"] * second + coefficient["take2"] * (
        gradient * gradient
    )
    # UPDATE
    if epsilon_place == "uncorrected":
        denominator = system.sqrt(second) + coefficient["epsilon"]
        move = (coefficient["corrected_rate"] * first) / denominator
    else:
        unbiased_first = first * coefficient["unbias1"]
        unbiased_second = second * coefficient["unbias2"]
        if epsilon_place == "outside-root":
            denominator = system.sqrt(unbiased_second) + coefficient["epsilon"]
        else:
            denominator = system.sqrt(unbiased_second + coefficient["epsilon"])
        move = (coefficient["rate"] * unbiased_first) / denominator
    # PARAMETER
    return parameter - move, (first, second)


def amsgrad(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    epsilon_place: AdamEpsilonPlace = "outside-root",
    maximum_of: MaximumOf = "second",
) -> tuple[A, tuple[A, ...]]:
    """AMSGrad: Adam whose denominator never shrinks."""
    first, second, largest = state
    # STATE
    first = coefficient["keep1"] * first + coefficient["take1"] * gradient
    second = coefficient["keep2"] * second + coefficient["take2"] * (
        gradient * gradient
    )
    if maximum_of == "second":
        largest = system.maximum(largest, second)
    else:
        largest = system.maximum(largest, second * coefficient["unbias2"])
    # UPDATE
    if epsilon_place == "uncorrected":
        denominator = system.sqrt(largest) + coefficient["epsilon"]
        move = (coefficient["corrected_rate"] * first) / denominator
    else:
        unbiased_first = first * coefficient["unbias1"]
        if maximum_of == "second":
            unbiased_second = largest * coefficient["unbias2"]
        else:
            unbiased_second = largest
        if epsilon_place == "outside-root":
            denominator = system.sqrt(unbiased_second) + coefficient["epsilon"]
        else:
            denominator = system.sqrt(unbiased_second + coefficient["epsilon"])
        move = (coefficient["rate"] * unbiased_first) / denominator
    # PARAMETER
    return parameter - move, (first, second, largest)


@dataclass(frozen=True, slots=True)
class Adam:
    r"""Adam, with optional coupled weight decay `w` and AMSGrad's maximum.

        g <- g + w * p                              (only if w > 0)
        m <- beta1 * m + (1 - beta1) * g
        v <- beta2 * v + (1 - beta2) * (g * g)
        p <- p - (rate * (m / (1 - beta1^t))) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `CONTRADICTION` for a
            maximum of corrected moments in a variant that corrects none.
    """

    learning_rate: Hyperparameter = "0.001"
    beta1: Hyperparameter = "0.9"
    beta2: Hyperparameter = "0.999"
    epsilon: Hyperparameter = "1e-8"
    weight_decay: Hyperparameter = 0
    amsgrad: bool = False
    epsilon_place: AdamEpsilonPlace = "outside-root"
    maximum_of: MaximumOf = "second"

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def name(self) -> str:
        """`adam`."""
        return "adam"

    @property
    def variant(self) -> str:
        """`adam[_amsgrad[_unbiased]][_inside_root|_uncorrected][_decayed]`."""
        decayed = "_decayed" if self.weight_decay != 0 else ""
        return f"adam{_form(self)}{decayed}"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`first`, `second`, and for AMSGrad `largest`."""
        return _state_names(self)

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The moments' four, the update's, and `decay` if weights decay."""
        decay = ("decay",) if self.weight_decay != 0 else ()
        return (*_coefficient_names(self), *decay)

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """Zero moments."""
        return (system.constant(0),) * len(self.state_names)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """See `adam_coefficients`; and `decay = weight_decay`."""
        found = adam_coefficients(self, arithmetic, step, learning_rate)
        found["decay"] = arithmetic.constant(exact(self.weight_decay))
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
        return _update(self, system, coefficient, parameter, gradient, state)


@dataclass(frozen=True, slots=True)
class AdamW:
    r"""Adam with decoupled weight decay `w`, scaled by the learning rate.

        p <- p * (1 - rate * w)          (only if w > 0)
        p <- Adam's update of p, its moments from the gradient alone

    Raises:
        TorchLeanError: As for `Adam`.
    """

    learning_rate: Hyperparameter = "0.001"
    beta1: Hyperparameter = "0.9"
    beta2: Hyperparameter = "0.999"
    epsilon: Hyperparameter = "1e-8"
    weight_decay: Hyperparameter = "0.01"
    amsgrad: bool = False
    epsilon_place: AdamEpsilonPlace = "outside-root"
    maximum_of: MaximumOf = "second"

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def name(self) -> str:
        """`adamw`."""
        return "adamw"

    @property
    def variant(self) -> str:
        """`adamw` and Adam's endings; without decay, Adam's variant itself."""
        return f"{'adamw' if self.weight_decay != 0 else 'adam'}{_form(self)}"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`first`, `second`, and for AMSGrad `largest`."""
        return _state_names(self)

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """Adam's, and `keep_parameter` if weights decay."""
        keep = ("keep_parameter",) if self.weight_decay != 0 else ()
        return (*_coefficient_names(self), *keep)

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """Zero moments."""
        return (system.constant(0),) * len(self.state_names)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """See `adam_coefficients`; and `keep_parameter = 1 - rate * weight_decay`."""
        found = adam_coefficients(self, arithmetic, step, learning_rate)
        decay = learning_rate * arithmetic.constant(exact(self.weight_decay))
        found["keep_parameter"] = arithmetic.constant(1) - decay
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
            parameter = parameter * coefficient["keep_parameter"]
        return _update(self, system, coefficient, parameter, gradient, state)


def adam_coefficients(
    record: Adam | AdamW, arithmetic: ExactArithmetic[A], step: A, learning_rate: A
) -> dict[str, A]:
    """What Adam's equations take: the bracketed ones as the variant needs them.

    `keep1 = beta1`, `take1 = 1 - beta1`, `keep2`, `take2` likewise, `epsilon`,
    `[rate, unbias1 = 1 / (1 - beta1^step), unbias2]` or, uncorrected,
    `[corrected_rate = rate * sqrt(1 - beta2^step) / (1 - beta1^step)]`.
    """
    one = arithmetic.constant(1)
    beta1, beta2 = exact(record.beta1), exact(record.beta2)
    correction1 = one - arithmetic.power(beta1, step)
    correction2 = one - arithmetic.power(beta2, step)
    found = {
        "keep1": arithmetic.constant(beta1),
        "take1": arithmetic.constant(1 - beta1),
        "keep2": arithmetic.constant(beta2),
        "take2": arithmetic.constant(1 - beta2),
        "epsilon": arithmetic.constant(exact(record.epsilon)),
    }
    if record.epsilon_place == "uncorrected":
        found["corrected_rate"] = (
            learning_rate * arithmetic.square_root(correction2) / correction1
        )
    else:
        found["rate"] = learning_rate
        found["unbias1"] = one / correction1
        found["unbias2"] = one / correction2
    return found


def _update(
    record: Adam | AdamW,
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
) -> tuple[A, tuple[A, ...]]:
    if record.amsgrad:
        return amsgrad(
            system,
            coefficient,
            parameter,
            gradient,
            state,
            record.epsilon_place,
            record.maximum_of,
        )
    place = record.epsilon_place
    return adam(system, coefficient, parameter, gradient, state, place)


def _validate(record: Adam | AdamW) -> None:
    normalise(
        record,
        learning_rate=AT_LEAST_ZERO,
        beta1=UNIT,
        beta2=UNIT,
        epsilon=AT_LEAST_ZERO,
        weight_decay=AT_LEAST_ZERO,
    )
    choose("epsilon_place", record.epsilon_place, AdamEpsilonPlace)
    choose("maximum_of", record.maximum_of, MaximumOf)
    if (record.maximum_of, record.epsilon_place) == ("unbiased-second", "uncorrected"):
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected maximum_of second where moments are uncorrected, "
            "got unbiased-second",
        )


def _form(record: Adam | AdamW) -> str:
    unbiased = "_unbiased" if record.maximum_of == "unbiased-second" else ""
    place = {
        "outside-root": "",
        "inside-root": "_inside_root",
        "uncorrected": "_uncorrected",
    }
    largest = f"_amsgrad{unbiased}" if record.amsgrad else ""
    return largest + place[record.epsilon_place]


def _state_names(record: Adam | AdamW) -> tuple[str, ...]:
    return ("first", "second", "largest") if record.amsgrad else ("first", "second")


def _coefficient_names(record: Adam | AdamW) -> tuple[str, ...]:
    moments = ("keep1", "take1", "keep2", "take2", "epsilon")
    if record.epsilon_place == "uncorrected":
        return (*moments, "corrected_rate")
    return (*moments, "rate", "unbias1", "unbias2")
