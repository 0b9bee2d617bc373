"""Laws of the gradients of the losses of rows of classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from torchlean_proofs.laws.classification_losses import (
    CLASSES,
    EVERY,
    PLAIN,
    TOPIC,
    distribution_uses,
    next_class,
    times,
    without,
)
from torchlean_proofs.laws.operations_applied import Cases, meaning_of
from torchlean_proofs.laws.operations_derivatives import Rule, gradient_law, rule_law
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.operations.regression_losses import upstream_values
from torchlean_spec.shape import Shape, sizes
from torchlean_spec.tensor import Tensor

# GRADIENTS


def upstream_of_ones(name: str) -> Meaning:
    """A gradient that ignores what comes upstream."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        ones = operands.real(2).map(lambda each: system.constant(1))
        given: Operands[A] = Operands([*operands.tensors[:2], ones])
        return meaning_of(name)(system, attributes, given)

    return meaning


def not_divided(name: str) -> Meaning:
    """A gradient of the sum where that of the mean is wanted."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        if attributes.text("reduction") == "mean":
            attributes = Attributes(**{**attributes, "reduction": "sum"})
        return meaning_of(name)(system, attributes, operands)

    return meaning


def over_all_rows(name: str) -> Meaning:
    """A gradient of the mean over all rows, whatever counts and weighs."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = not_divided(name)(system, attributes, operands)
        if attributes.text("reduction") != "mean":
            return right
        rows = system.constant(sizes(right.shape)[0])
        return right.map(lambda value: value / rows)

    return meaning


def without_targets(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The probabilities alone, from which no target is taken off."""
    logits: Operands[A] = Operands([operands.real(0)])
    shares = meaning_of("softmax")(system, Attributes(), logits)
    rows = sizes(shares.shape)[0]
    mean = attributes.text("reduction") == "mean"
    factor = system.constant(Fraction(1, rows if mean else 1))
    upstream = upstream_values(operands.real(2), rows)
    pairs = zip(shares.rows(), upstream, strict=True)
    return Tensor(
        shares.shape, tuple(p * (u * factor) for row, u in pairs for p in row)
    )


def first_column(name: str) -> Meaning:
    """A gradient that leaves out the last class."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = meaning_of(name)(system, attributes, operands)
        zero = system.constant(0)
        values = [
            zero if c == CLASSES - 1 else v
            for row in right.rows()
            for c, v in enumerate(row)
        ]
        return Tensor(right.shape, tuple(values))

    return meaning


def wrong_gradients(name: str, *options: str) -> dict[str, Meaning]:
    """What can be wrong with the gradient of any loss of rows."""
    gradient = f"{name}_gradient"
    return {
        "the other sign": times(gradient, -1),
        "upstream ignored": upstream_of_ones(gradient),
        "not divided": not_divided(gradient),
        "without the last class": first_column(gradient),
        **{f"{option} ignored": without(gradient, option) for option in options},
    }


CASES: Mapping[str, Cases] = {
    "cross_entropy": EVERY,
    "cross_entropy_probabilities": distribution_uses,
    "negative_log_likelihood": PLAIN,
}

GRADIENTS = (
    gradient_law(
        TOPIC,
        "cross_entropy",
        EVERY,
        {
            **wrong_gradients(
                "cross_entropy", "class_weights", "label_smoothing", "ignore_index"
            ),
            "divided by all rows": over_all_rows("cross_entropy_gradient"),
            "no target taken off": without_targets,
            "as of log-probabilities": meaning_of("negative_log_likelihood_gradient"),
        },
        elementwise=False,
    ),
    gradient_law(
        TOPIC,
        "cross_entropy_probabilities",
        distribution_uses,
        {
            **wrong_gradients(
                "cross_entropy_probabilities", "class_weights", "label_smoothing"
            ),
            "no target taken off": without_targets,
        },
        elementwise=False,
    ),
    gradient_law(
        TOPIC,
        "negative_log_likelihood",
        PLAIN,
        {
            **wrong_gradients(
                "negative_log_likelihood", "class_weights", "ignore_index"
            ),
            "divided by all rows": over_all_rows("negative_log_likelihood_gradient"),
            "at the next class": next_class("negative_log_likelihood_gradient"),
        },
        rational=True,
        elementwise=False,
    ),
)


# RULES


def by_gradient(gradient: str, changed: Callable[[Use], dict[str, object]]) -> Rule:
    """A rule that applies a gradient with attributes of its own."""

    def rule(use: Use) -> Sequence[AnyValue | None]:
        x, target = use.operands
        attributes = Attributes(**changed(use))  # type: ignore[arg-type]
        return [x.apply(gradient, target, use.upstream, **attributes), None]

    return rule


def as_of_a_sum(use: Use) -> dict[str, object]:
    """The attributes, with the reduction `sum` for `mean`."""
    changed: dict[str, object] = dict(use.attributes)
    if changed["reduction"] == "mean":
        changed["reduction"] = "sum"
    return changed


def the_reduction(use: Use) -> dict[str, object]:
    """The reduction, and no other attribute."""
    return {"reduction": use.attributes["reduction"]}


RULES = tuple(
    rule_law(
        TOPIC,
        name,
        cases,
        rational=name == "negative_log_likelihood",
        variables=1,
        mutants={
            "as of a sum": by_gradient(f"{name}_gradient", as_of_a_sum),
            "options forgotten": by_gradient(f"{name}_gradient", the_reduction),
        },
    )
    for name, cases in CASES.items()
)
