"""The orders in which others evaluate Adam, each as a spec expression.

All are equal over the reals; their roundings differ. A judge accepts the union
of the answers that they allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from torchlean_spec.exact import ExactArithmetic
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    AdamEpsilonPlace,
    Alternative,
    MaximumOf,
    Update,
)
from torchlean_spec.optimizers.forms import (
    AverageForm,
    QuotientForm,
    SquareForm,
    average,
    average_of_squares,
    rated_quotient,
)

Correction = Literal["multiplied", "divided", "hoisted"]
"""`m * (1 / c1)`, `m / c1`, or `rate / c1` before the loop; likewise for `v`, whose
hoisted form is `sqrt(v) / sqrt(c2)`. Here `c1 = 1 - beta1^t`, `c2 = 1 - beta2^t`."""

DecayForm = Literal["kept", "subtracted", "joint"]
"""`p * (1 - rate * w)`, `p - p * (rate * w)`, or `p - rate * (x / d + w * p)`."""

Decay = Literal["coupled", "decoupled"]
"""Whether decay enters the gradient or the parameter."""


@dataclass(frozen=True, slots=True)
class AdamForm:
    """One order of evaluation; the defaults are the canonical one."""

    name: str
    first: AverageForm = "weighted"
    second: SquareForm = "weighted"
    correction: Correction = "multiplied"
    quotient: QuotientForm = "product-first"
    decay: DecayForm = "kept"


FORMS = (
    AdamForm("paper", correction="divided"),
    AdamForm("hoisted", correction="hoisted"),
    AdamForm("torch", "interpolated", "scaled", "hoisted"),
    AdamForm(
        "torch-quotient-first", "interpolated", "scaled", "hoisted", "quotient-first"
    ),
    AdamForm("torch-fused", "interpolated", "weighted", "hoisted"),
    AdamForm("keras", "interpolated", "interpolated", decay="subtracted"),
    AdamForm("optax", correction="divided", quotient="quotient-first", decay="joint"),
    AdamForm("lean", quotient="adaptive-rate", decay="subtracted"),
    AdamForm("lean-device", quotient="quotient-first", decay="subtracted"),
)
"""The forms, named after where they are found."""


def adam_alternatives(
    epsilon_place: AdamEpsilonPlace, maximum_of: MaximumOf | None, decay: Decay | None
) -> list[Alternative]:
    """The forms of one variant.

    Args:
        epsilon_place: Where epsilon stands.
        maximum_of: What AMSGrad compares; None without AMSGrad.
        decay: How weights decay; None if they do not.
    """
    return [
        (form.name, adam_in_form(form, epsilon_place, maximum_of, decay))
        for form in FORMS
        # The joint form divides by the root before it knows the uncorrected rate.
        if (form.decay, epsilon_place) != ("joint", "uncorrected")
    ]


def adam_in_form(
    form: AdamForm,
    epsilon_place: AdamEpsilonPlace,
    maximum_of: MaximumOf | None,
    decay: Decay | None,
) -> Update:
    """Adam, AMSGrad or AdamW in one order of evaluation."""

    def update(
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: A,
        gradient: A,
        state: tuple[A, ...],
        /,
    ) -> tuple[A, tuple[A, ...]]:
        if decay == "coupled":
            gradient = gradient + coefficient["decay"] * parameter
        # STATE
        after = _moments(form, system, coefficient, gradient, state, maximum_of)
        # UPDATE
        divisor = _divisor(form, system, coefficient, after, epsilon_place, maximum_of)
        rate, numerator = _numerator(form, coefficient, after[0], epsilon_place)
        # PARAMETER
        if decay == "decoupled" and form.decay == "joint":
            direction = numerator / divisor + coefficient["decay"] * parameter
            return parameter - coefficient["rate"] * direction, after
        if decay == "decoupled" and form.decay == "subtracted":
            parameter = parameter - parameter * coefficient["decay_step"]
        elif decay == "decoupled":
            parameter = parameter * coefficient["keep_parameter"]
        move = rated_quotient(system, form.quotient, rate, numerator, divisor)
        return parameter - move, after

    return update


def _moments(
    form: AdamForm,
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    gradient: A,
    state: tuple[A, ...],
    maximum_of: MaximumOf | None,
) -> tuple[A, ...]:
    """The state after the step."""
    keep1, take1 = coefficient["keep1"], coefficient["take1"]
    keep2, take2 = coefficient["keep2"], coefficient["take2"]
    first = average(form.first, keep1, take1, state[0], gradient)
    second = average_of_squares(form.second, keep2, take2, state[1], gradient)
    if maximum_of is None:
        return first, second
    compared = second
    if maximum_of == "unbiased-second":
        compared = _unbiased_second(form, coefficient, second)
    return first, second, system.maximum(state[2], compared)


def _unbiased_second(form: AdamForm, coefficient: Mapping[str, A], second: A) -> A:
    if form.correction == "divided":
        return second / coefficient["correction2"]
    return second * coefficient["unbias2"]


def _divisor(
    form: AdamForm,
    system: NumberSystem[A],
    coefficient: Mapping[str, A],
    after: tuple[A, ...],
    epsilon_place: AdamEpsilonPlace,
    maximum_of: MaximumOf | None,
) -> A:
    """The denominator, from the second moment or the largest one."""
    epsilon, scale = coefficient["epsilon"], after[-1]
    if epsilon_place == "uncorrected":
        return system.sqrt(scale) + epsilon
    if maximum_of != "unbiased-second":
        if form.correction == "hoisted" and epsilon_place == "outside-root":
            return system.sqrt(scale) / coefficient["root_correction2"] + epsilon
        scale = _unbiased_second(form, coefficient, scale)
    if epsilon_place == "inside-root":
        return system.sqrt(scale + epsilon)
    return system.sqrt(scale) + epsilon


def _numerator(
    form: AdamForm,
    coefficient: Mapping[str, A],
    first: A,
    epsilon_place: AdamEpsilonPlace,
) -> tuple[A, A]:
    """The rate, and what it multiplies."""
    if epsilon_place == "uncorrected":
        return coefficient["corrected_rate"], first
    if form.correction == "hoisted":
        return coefficient["step_size"], first
    if form.correction == "divided":
        return coefficient["rate"], first / coefficient["correction1"]
    return coefficient["rate"], first * coefficient["unbias1"]


def form_coefficients(
    arithmetic: ExactArithmetic[A],
    step: A,
    learning_rate: A,
    beta1: Fraction,
    beta2: Fraction,
    weight_decay: Fraction,
) -> dict[str, A]:
    """What the forms take beside the canonical coefficients.

    `correction1 = 1 - beta1^step`, `correction2`, `root_correction2 =
    sqrt(correction2)`, `step_size = rate / correction1`, `decay`, and
    `decay_step = rate * decay`.
    """
    one = arithmetic.constant(1)
    correction1 = one - arithmetic.power(beta1, step)
    correction2 = one - arithmetic.power(beta2, step)
    decay = arithmetic.constant(weight_decay)
    return {
        "correction1": correction1,
        "correction2": correction2,
        "root_correction2": arithmetic.square_root(correction2),
        "step_size": learning_rate / correction1,
        "decay": decay,
        "decay_step": learning_rate * decay,
    }
