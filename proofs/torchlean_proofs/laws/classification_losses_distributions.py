"""Laws of the negative log-likelihood of rows of probabilities as targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from torchlean_proofs.laws.classification_losses import (
    CLASSES,
    REDUCTIONS,
    TOPIC,
    WEIGHTS,
    distribution,
    index_uses,
    times,
    weights_of,
    without,
)
from torchlean_proofs.laws.classification_losses_gradients import (
    as_of_a_sum,
    by_gradient,
    the_reduction,
    wrong_gradients,
)
from torchlean_proofs.laws.law import Draws, Evidence, law
from torchlean_proofs.laws.operations_applied import (
    Application,
    application,
    exact_law,
    exactly,
    meaning_of,
    table,
)
from torchlean_proofs.laws.operations_derivatives import gradient_law, rule_law
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Attribute, Meaning
from torchlean_spec.shape import Shape, matrix, vector
from torchlean_spec.tensor import Tensor

NAME = "negative_log_likelihood_probabilities"
OPTIONS: tuple[Mapping[str, Attribute], ...] = ({}, {"class_weights": WEIGHTS})


def likelihood_uses(draws: Draws) -> Iterator[Application]:
    """Log-probabilities and rows of shares, with each reduction and weights."""
    for reduction in REDUCTIONS:
        for given in OPTIONS:
            shape: Shape = matrix(2, CLASSES)
            shares = distribution(draws) + distribution(draws)
            yield application(
                table(draws, 2, CLASSES),
                Tensor(shape, shares),
                reduction=reduction,
                **given,
            )


def is_likelihood(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether a loss is `-sum_c w_c t_c l_c` of each row, its mean over rows."""
    weights = weights_of(use.attributes)
    rows = zip(use.real(0).rows(), use.real(1).rows(), strict=True)
    terms = tuple(
        -sum((w * t * log for w, t, log in zip(weights, q, x, strict=True)), Fraction())
        for x, q in rows
    )
    reduction = use.attributes.text("reduction")
    if reduction == "none":
        return result == Tensor(vector(len(terms)), terms)
    total = sum(terms, Fraction(0))
    return result.values == (total / len(terms) if reduction == "mean" else total,)


def rotated(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A loss whose targets are each shifted by a class."""
    target = operands.real(1)
    rows = [(*row[1:], row[0]) for row in target.rows()]
    moved = Tensor(target.shape, tuple(v for row in rows for v in row))
    return meaning_of(NAME)(system, attributes, Operands([operands.real(0), moved]))


def mean_of_elements(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A mean over all elements, as of the original's spec."""
    right = meaning_of(NAME)(system, attributes, operands)
    if attributes.text("reduction") != "mean":
        return right
    return right.map(lambda value: value / system.constant(CLASSES))


WRONG: Mapping[str, Meaning] = {
    "the other sign": times(NAME, -1),
    "the next class": rotated,
    "class weights ignored": without(NAME, "class_weights"),
    "mean over all elements": mean_of_elements,
}

LIKELIHOOD = exact_law(
    TOPIC,
    NAME,
    "A row of shares costs -sum_c w_c t_c l_c; the mean is over rows.",
    is_likelihood,
    likelihood_uses,
    WRONG,
)


@law(
    f"{TOPIC}.one_hot_likelihood",
    objects=f"operations.{NAME}.meaning operations.negative_log_likelihood.meaning "
    "operations.one_hot.meaning",
    evidence=Evidence.IDENTITY_TESTED,
    subject=meaning_of(NAME),
    mutants=WRONG,
    cases=index_uses(({}, {"class_weights": WEIGHTS})),
    premise=lambda use: (
        "class_weights" not in use.attributes
        or use.attributes.text("reduction") != "mean"
    ),
)
def one_hot_rows(meaning: Meaning, use: Application) -> bool:
    """One-hot rows give what their classes give, but for the mean with weights."""
    hot = meaning_of("one_hot")(
        RATIONAL, Attributes(classes=CLASSES), Operands([use.index(1)])
    )
    found = meaning(RATIONAL, use.attributes, Operands([use.real(0), hot]))
    expected = exactly(meaning_of("negative_log_likelihood"), use)
    return found.values == expected.values


GRADIENTS = (
    gradient_law(
        TOPIC,
        NAME,
        likelihood_uses,
        wrong_gradients(NAME, "class_weights"),
        rational=True,
        elementwise=False,
    ),
    rule_law(
        TOPIC,
        NAME,
        likelihood_uses,
        rational=True,
        variables=1,
        mutants={
            "as of a sum": by_gradient(f"{NAME}_gradient", as_of_a_sum),
            "options forgotten": by_gradient(f"{NAME}_gradient", the_reduction),
        },
    ),
)
