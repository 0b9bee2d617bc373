"""Adam, AMSGrad and AdamW.

>>> Adam().variant, Adam(amsgrad=True).variant, AdamW().variant
('adam', 'adam_amsgrad', 'adamw')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.adam_forms import (
    Decay,
    adam_alternatives,
    form_coefficients,
)
from torchlean_spec.optimizers.common import (
    AdamEpsilonPlace,
    Alternative,
    Dialect,
    MaximumOf,
    choose,
    normalise,
    rate_or_default,
)


def adam(
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    parameter: A,
    gradient: A,
    state: tuple[A, ...],
    epsilon_place: AdamEpsilonPlace = "outside-root",
) -> tuple[A, tuple[A, ...]]:
    """Adam; the record `Adam` has the maths, `adam_coefficients` the coefficients."""
    first, second = state
    # STATE
    first = coefficient["keep1"] * first + coefficient["take1"] * gradient
    squared = gradient * gradient
    second = coefficient["keep2"] * second + coefficient["take2"] * squared
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
    """AMSGrad: Adam with the largest second moment so far in the denominator."""
    first, second, largest = state
    # STATE
    first = coefficient["keep1"] * first + coefficient["take1"] * gradient
    squared = gradient * gradient
    second = coefficient["keep2"] * second + coefficient["take2"] * squared
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
        unbiased_second = largest
        if maximum_of == "second":
            unbiased_second = largest * coefficient["unbias2"]
        if epsilon_place == "outside-root":
            denominator = system.sqrt(unbiased_second) + coefficient["epsilon"]
        else:
            denominator = system.sqrt(unbiased_second + coefficient["epsilon"])
        move = (coefficient["rate"] * unbiased_first) / denominator
    # PARAMETER
    return parameter - move, (first, second, largest)


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam, with weight decay `w` coupled to the gradient, and AMSGrad's maximum.

    At step `t`, counted from 1, with both moments zero at first:

        g <- g + w * p                                      only if w > 0
        m <- beta1 * m + (1 - beta1) * g
        v <- beta2 * v + (1 - beta2) * (g * g)
        p <- p - (rate * (m / (1 - beta1^t))) / (sqrt(v / (1 - beta2^t)) + epsilon)

    With `amsgrad`, the largest `v` so far stands for `v` in the last line.

    Where others differ: TensorFlow, Keras and ONNX add epsilon to the root of the
    uncorrected moment (`epsilon_place="uncorrected"`; Keras with 1e-7), the form
    just before section 2.1 of the paper; Optax has a second epsilon under the
    root, 0 unless given, and AMSGrad's maximum of the corrected moments
    (`maximum_of="unbiased-second"`); Keras decouples its weight decay, which here
    is `AdamW`. ONNX counts steps from 0 and corrects nothing at step 0.

    Defaults: Algorithm 1 of the paper, with its values, as PyTorch has them.

    Args:
        learning_rate: The rate, at least 0.
        beta1: How much of the first moment is kept, in [0, 1).
        beta2: How much of the second moment is kept, in [0, 1).
        epsilon: Added to the denominator, at least 0; with 0, an element whose
            gradients were all 0 is divided by 0.
        weight_decay: The factor of the parameter added to the gradient.
        amsgrad: Whether the denominator takes the largest second moment.
        epsilon_place: Where epsilon stands.
        maximum_of: Which second moments AMSGrad compares.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `CONTRADICTION` for
            AMSGrad's maximum of corrected moments where moments are uncorrected.

    Source: Kingma and Ba, *Adam*, 2015, Algorithm 1 (arXiv:1412.6980); Reddi, Kale
    and Kumar, *On the Convergence of Adam and Beyond*, 2018, Algorithm 2; the
    original's `NN/Runtime/Optim/Optimizers.lean:290`.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers.common import trajectory
    >>> [after for after, _ in trajectory(Adam(0.1), FLOAT, 1.0, [0.5, 0.25, -1.0])]
    [0.900000002, 0.8067820404774617, 0.8274177428854108]
    >>> Adam(beta1=1.5)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected beta1 in [0, 1), got 1.5
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

    @classmethod
    def with_dialect(
        cls, dialect: Dialect, learning_rate: Hyperparameter | None = None
    ) -> Adam:
        """The defaults and choices of a library.

        >>> Adam.with_dialect("keras").variant
        'adam_uncorrected'
        """
        choose("dialect", dialect, Dialect)
        rate = rate_or_default(dialect, learning_rate, _RATES[dialect])
        return cls(
            rate,
            epsilon="1e-7" if dialect == "keras" else "1e-8",
            epsilon_place="uncorrected" if dialect == "keras" else "outside-root",
            maximum_of="unbiased-second" if dialect == "optax" else "second",
        )

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
        """Those of `adam_coefficients`, and `decay` if weights decay."""
        decay = ("decay",) if self.weight_decay != 0 else ()
        return (*_coefficient_names(self), *decay)

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """Zeros."""
        return (system.constant(0),) * len(self.state_names)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """Those of `adam_coefficients`, and `decay = weight_decay`."""
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

    def alternatives(self) -> list[Alternative]:
        """The forms of `optimizers/adam_forms.py`."""
        return _alternatives(self, "coupled")

    def alternative_coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`coefficients`, and what `optimizers/adam_forms.py` takes beside them."""
        found = self.coefficients(arithmetic, step, learning_rate)
        return found | _form_coefficients(self, arithmetic, step, learning_rate)


@dataclass(frozen=True, slots=True)
class AdamW:
    """Adam with weight decay `w` decoupled from the gradient.

        p <- p * (1 - rate * w)                             only if w > 0
        p <- Adam's update of p, its moments from the gradient alone

    The decay is scaled by the scheduled rate, as PyTorch, Keras and Optax have it;
    the paper scales it by the schedule's multiplier alone. Default decays: PyTorch
    and the original 0.01, Keras 0.004, Optax 0.0001. The decayed parameter is one
    product with a coefficient that is rounded once; the original subtracts
    `p * (rate * w)`. Without decay the variant is Adam's own.

    Args:
        learning_rate: The rate, at least 0.
        beta1: How much of the first moment is kept, in [0, 1).
        beta2: How much of the second moment is kept, in [0, 1).
        epsilon: Added to the denominator, at least 0.
        weight_decay: The decay at rate 1, at least 0.
        amsgrad: Whether the denominator takes the largest second moment.
        epsilon_place: Where epsilon stands.
        maximum_of: Which second moments AMSGrad compares.

    Raises:
        TorchLeanError: As for `Adam`.

    Source: Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, 2019,
    Algorithm 2 (arXiv:1711.05101); the original's
    `NN/Runtime/Optim/Optimizers.lean:394`.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers.common import trajectory
    >>> half = AdamW(0.1, weight_decay=0.5)
    >>> [after for after, _ in trajectory(half, FLOAT, 1.0, [0.5, 0.25, -1.0])]
    [0.8500000019999999, 0.7142820403774617, 0.6992036407665376]
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

    @classmethod
    def with_dialect(
        cls, dialect: Dialect, learning_rate: Hyperparameter | None = None
    ) -> AdamW:
        """The defaults and choices of a library.

        >>> AdamW.with_dialect("optax", 0.1).weight_decay
        Decimal('0.0001')
        """
        like = Adam.with_dialect(dialect, learning_rate)
        decays = {"torch": "0.01", "keras": "0.004", "optax": "0.0001", "lean": "0.01"}
        return cls(
            like.learning_rate,
            epsilon=like.epsilon,
            weight_decay=decays[dialect],
            epsilon_place=like.epsilon_place,
            maximum_of=like.maximum_of,
        )

    @property
    def name(self) -> str:
        """`adamw`."""
        return "adamw"

    @property
    def variant(self) -> str:
        """`adamw[_amsgrad[_unbiased]][_inside_root|_uncorrected]`, or Adam's own."""
        return f"{'adamw' if self.weight_decay != 0 else 'adam'}{_form(self)}"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`first`, `second`, and for AMSGrad `largest`."""
        return _state_names(self)

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """Those of `adam_coefficients`, and `keep_parameter` if weights decay."""
        keep = ("keep_parameter",) if self.weight_decay != 0 else ()
        return (*_coefficient_names(self), *keep)

    def initial_state(self, system: NumberSystem[A], /) -> tuple[A, ...]:
        """Zeros."""
        return (system.constant(0),) * len(self.state_names)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """Those of `adam_coefficients`; `keep_parameter = 1 - rate * weight_decay`."""
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

    def alternatives(self) -> list[Alternative]:
        """The forms of `optimizers/adam_forms.py`."""
        return _alternatives(self, "decoupled")

    def alternative_coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`coefficients`, and what `optimizers/adam_forms.py` takes beside them."""
        found = self.coefficients(arithmetic, step, learning_rate)
        return found | _form_coefficients(self, arithmetic, step, learning_rate)


def adam_coefficients(
    record: Adam | AdamW, arithmetic: ExactArithmetic[A], step: A, learning_rate: A
) -> dict[str, A]:
    """What Adam's equations take.

    `keep1 = beta1`, `take1 = 1 - beta1`, `keep2 = beta2`, `take2 = 1 - beta2`,
    `epsilon`; then `rate`, `unbias1 = 1 / (1 - beta1^step)` and
    `unbias2 = 1 / (1 - beta2^step)`, or, where moments are uncorrected,
    `corrected_rate = rate * sqrt(1 - beta2^step) / (1 - beta1^step)`.
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
        root = arithmetic.square_root(correction2)
        found["corrected_rate"] = learning_rate * root / correction1
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
    element = (parameter, gradient, state)
    place = record.epsilon_place
    if record.amsgrad:
        return amsgrad(system, coefficient, *element, place, record.maximum_of)
    return adam(system, coefficient, *element, place)


def _alternatives(record: Adam | AdamW, decay: Decay) -> list[Alternative]:
    return adam_alternatives(
        record.epsilon_place,
        record.maximum_of if record.amsgrad else None,
        decay if record.weight_decay != 0 else None,
    )


def _form_coefficients(
    record: Adam | AdamW, arithmetic: ExactArithmetic[A], step: A, learning_rate: A
) -> dict[str, A]:
    return form_coefficients(
        arithmetic,
        step,
        learning_rate,
        exact(record.beta1),
        exact(record.beta2),
        exact(record.weight_decay),
    )


_RATES = {"torch": "0.001", "keras": "0.001", "optax": None, "lean": None}
_PLACES = {"outside-root": "", "inside-root": "_inside_root"}


def _validate(record: Adam | AdamW) -> None:
    normalise(
        record,
        learning_rate="at least 0",
        beta1="in [0, 1)",
        beta2="in [0, 1)",
        epsilon="at least 0",
        weight_decay="at least 0",
    )
    choose("epsilon_place", record.epsilon_place, AdamEpsilonPlace)
    choose("maximum_of", record.maximum_of, MaximumOf)
    corrected = record.epsilon_place != "uncorrected"
    if record.amsgrad and record.maximum_of == "unbiased-second" and not corrected:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected maximum_of second where moments are uncorrected, "
            "got unbiased-second",
        )


def _form(record: Adam | AdamW) -> str:
    unbiased = "_unbiased" if record.maximum_of == "unbiased-second" else ""
    largest = f"_amsgrad{unbiased}" if record.amsgrad else ""
    return largest + _PLACES.get(record.epsilon_place, "_uncorrected")


def _state_names(record: Adam | AdamW) -> tuple[str, ...]:
    return ("first", "second", "largest") if record.amsgrad else ("first", "second")


def _coefficient_names(record: Adam | AdamW) -> tuple[str, ...]:
    moments = ("keep1", "take1", "keep2", "take2", "epsilon")
    if record.epsilon_place == "uncorrected":
        return (*moments, "corrected_rate")
    return (*moments, "rate", "unbias1", "unbias2")
