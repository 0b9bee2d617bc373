"""Laws of the gradients of losses between a prediction and a target of one shape."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import cast

from torchlean_proofs.laws.operations_applied import (
    Cases,
    Formula,
    of_formula,
)
from torchlean_proofs.laws.operations_derivatives import Rule, gradient_law, rule_law
from torchlean_proofs.laws.regression_losses import (
    DELTA,
    TOPIC,
    logit_pairs,
    real_pairs,
    share_pairs,
)
from torchlean_proofs.laws.regression_losses_further import (
    distance_pairs,
    log_rate_pairs,
    rate_pairs,
)
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations import activations as forms
from torchlean_spec.operations import regression_losses as losses
from torchlean_spec.operations.operation import Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor


def of_slopes(
    formula: object, *, divided: bool = True, upstream: bool = True
) -> Meaning:
    """A gradient with another formula for its slope, or another factor."""
    slope = of_formula(formula)

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        slopes = slope(system, attributes, Operands(operands.tensors[:2]))
        count = len(slopes.values)
        mean = divided and attributes.text("reduction") == "mean"
        factor = system.constant(Fraction(1, count if mean else 1))
        given = losses.upstream_values(operands.real(2), count)
        if not upstream:
            given = [system.constant(1)] * count
        pairs = zip(slopes.values, given, strict=True)
        return Tensor(slopes.shape, tuple(v * (u * factor) for v, u in pairs))

    return meaning


def negated(formula: object) -> Formula:
    """A formula with the other sign."""
    form = cast(Formula, formula)

    def other(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
        return -form(system, attributes, *values)

    return other


def wrong_gradients(formula: object) -> dict[str, Meaning]:
    """What can be wrong with the gradient of any loss, given its right formula."""
    return {
        "not divided by the number": of_slopes(formula, divided=False),
        "upstream ignored": of_slopes(formula, upstream=False),
        "the other sign": of_slopes(negated(formula)),
    }


def _difference(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    return p - t


def _twice(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    return s.constant(2) * (p - t)


SLOPES: Mapping[str, tuple[object, Cases, Mapping[str, object]]] = {
    "mean_squared_error": (
        _twice,
        real_pairs("mean_squared_error"),
        {"without the 2": _difference, "of the sum": lambda s, a, p, t: p + t},
    ),
    "mean_absolute_error": (
        losses.absolute_error_slope,
        real_pairs("mean_absolute_error"),
        {
            "the difference": _difference,
            "1 where they are equal": lambda s, a, p, t: s.where(
                s.less(p, t), s.constant(-1), s.constant(1)
            ),
        },
    ),
    "huber": (
        losses.huber_slope,
        real_pairs("huber"),
        {
            "never linear": _difference,
            "1 for delta": lambda s, a, p, t: losses.huber_slope(
                s, Attributes(delta=1), p, t
            ),
        },
    ),
    "smooth_l1": (
        losses.smooth_l1_slope,
        real_pairs("smooth_l1"),
        {
            "not divided by beta": lambda s, a, p, t: (
                losses.smooth_l1_slope(s, a, p, t) * s.constant(DELTA)
            ),
            "never linear": lambda s, a, p, t: (p - t) / s.constant(DELTA),
        },
    ),
    "binary_cross_entropy_with_logits": (
        losses.logistic_slope,
        logit_pairs,
        {
            "of the logit": _difference,
            "without the target": lambda s, a, p, t: forms.sigmoid(s, a, p),
            "the sigmoid's slope twice": lambda s, a, p, t: forms.sigmoid_gradient(
                s, a, forms.sigmoid(s, a, p), forms.sigmoid(s, a, p) - t
            ),
        },
    ),
    "binary_cross_entropy": (
        losses.bernoulli_slope,
        share_pairs,
        {
            "as of logits": _difference,
            "the first term alone": lambda s, a, p, t: -(t / p),
            "the second sign": lambda s, a, p, t: (
                -(s.constant(1) - t) / (s.constant(1) - p) - t / p
            ),
        },
    ),
    "hinge": (
        losses.hinge_slope,
        real_pairs("hinge"),
        {
            "never flat": lambda s, a, p, t: -t,
            "the prediction's": lambda s, a, p, t: s.where(
                s.less(p * t, s.constant(1)), -p, s.constant(0)
            ),
        },
    ),
    "poisson": (
        losses.poisson_slope,
        rate_pairs,
        {
            "as of logarithms": lambda s, a, p, t: s.exp(p) - t,
            "without the rate": lambda s, a, p, t: -(t / p),
            "turned over": lambda s, a, p, t: s.constant(1) - p / t,
        },
    ),
    "poisson_with_log_rates": (
        losses.poisson_with_log_rates_slope,
        log_rate_pairs,
        {
            "as of rates": losses.poisson_slope,
            "without the count": lambda s, a, p, t: s.exp(p),
            "of the logarithm": _difference,
        },
    ),
    "log_cosh": (
        losses.log_cosh_slope,
        distance_pairs,
        {
            "of half a square": _difference,
            "of the distance": losses.absolute_error_slope,
            "a sigmoid": lambda s, a, p, t: forms.sigmoid(s, a, p - t),
        },
    ),
}
"""For each loss: its slope, where it is tried, and wrong slopes."""

RATIONAL_NAMES = (
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "smooth_l1",
    "hinge",
)

GRADIENTS = tuple(
    gradient_law(
        TOPIC,
        name,
        cases,
        {
            **wrong_gradients(slope),
            **{wrong: of_slopes(formula) for wrong, formula in mutants.items()},
        },
        rational=name in RATIONAL_NAMES,
        elementwise=False,
    )
    for name, (slope, cases, mutants) in SLOPES.items()
)


def exchanged(name: str) -> Rule:
    """A rule that takes the target for the prediction."""

    def rule(use: Use) -> list[AnyValue | None]:
        prediction, target = use.operands
        found = target.apply(
            f"{name}_gradient", prediction, use.upstream, **use.attributes
        )
        return [found, None]

    return rule


def as_of_a_sum(name: str) -> Rule:
    """A rule that forgets what a mean divides by."""

    def rule(use: Use) -> list[AnyValue | None]:
        prediction, target = use.operands
        attributes = dict(use.attributes)
        if attributes["reduction"] == "mean":
            attributes["reduction"] = "sum"
        found = prediction.apply(f"{name}_gradient", target, use.upstream, **attributes)
        return [found, None]

    return rule


RULES = tuple(
    rule_law(
        TOPIC,
        name,
        cases,
        rational=name in RATIONAL_NAMES,
        variables=1,
        mutants={
            "prediction and target exchanged": exchanged(name),
            "as of a sum": as_of_a_sum(name),
        },
    )
    for name, (_, cases, _) in SLOPES.items()
)
