"""Laws of the losses of rows of classes.

The negative log-likelihood is rational and held to its sum, term by term; the
cross-entropies are held to it, and to each other, over bounded numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    Cases,
    all_agree,
    application,
    applied,
    exact_law,
    index_of,
    meaning_of,
    table,
)
from torchlean_spec.numbers import Bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Attribute, Meaning
from torchlean_spec.shape import Shape, matrix, sizes, vector
from torchlean_spec.tensor import Tensor

TOPIC = "classification_losses"
CLASSES = 3
IGNORED = 1
WEIGHTS = (Fraction(1), Fraction(1, 2), Fraction(3))
SMOOTHING = Fraction(1, 8)
REDUCTIONS = ("none", "sum", "mean")
OPTIONS: tuple[Mapping[str, Attribute], ...] = (
    {},
    {"ignore_index": IGNORED},
    {"class_weights": WEIGHTS},
    {"class_weights": WEIGHTS, "ignore_index": IGNORED},
)
SMOOTHED: tuple[Mapping[str, Attribute], ...] = (
    {"label_smoothing": SMOOTHING},
    {"label_smoothing": SMOOTHING, "class_weights": WEIGHTS},
)

# WHERE


def index_uses(options: tuple[Mapping[str, Attribute], ...]) -> Cases:
    """Rows and class indices, with each reduction and each option."""

    def cases(draws: Draws) -> Iterator[Application]:
        for reduction in REDUCTIONS:
            for given in options:
                yield application(
                    table(draws, 3, CLASSES),
                    index_of(2, IGNORED, draws.choice((0, 2))),
                    reduction=reduction,
                    **given,
                )

    return cases


PLAIN = index_uses(OPTIONS)
EVERY = index_uses(OPTIONS + SMOOTHED)


def distribution(draws: Draws) -> tuple[Fraction, ...]:
    """Shares that add up to 1, with a 0 among them now and then."""
    parts = [draws.integer(0, 4) for _ in range(CLASSES)]
    total = sum(parts) or 1
    return tuple(Fraction(part, total) for part in parts)


def distribution_uses(draws: Draws) -> Iterator[Application]:
    """Logits and rows of shares, with each reduction and each option."""
    plain: tuple[Mapping[str, Attribute], ...] = ({}, {"class_weights": WEIGHTS})
    for reduction in REDUCTIONS:
        for given in plain + SMOOTHED:
            shape: Shape = matrix(2, CLASSES)
            shares = distribution(draws) + distribution(draws)
            yield application(
                table(draws, 2, CLASSES),
                Tensor(shape, shares),
                reduction=reduction,
                **given,
            )


# NEGATIVE LOG-LIKELIHOOD


def weights_of(attributes: Attributes) -> tuple[Fraction, ...]:
    """The class weights, 1 where there are none."""
    return attributes.optional_exacts("class_weights") or (Fraction(1),) * CLASSES


def is_likelihood(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether a loss is `-sum_i w l` over the rows that count, in the right shape."""
    x, targets = use.real(0).rows(), use.index(1).values
    weights = weights_of(use.attributes)
    ignored = use.attributes.optional_integer("ignore_index")
    terms, mass = [], Fraction(0)
    for row, target in zip(x, targets, strict=True):
        counts = target != ignored
        terms.append(-weights[target] * row[target] if counts else Fraction(0))
        mass += weights[target] if counts else 0
    reduction = use.attributes.text("reduction")
    if reduction == "none":
        return result == Tensor(vector(len(terms)), tuple(terms))
    total = sum(terms, Fraction(0))
    return result.values == (total / mass if reduction == "mean" else total,)


def without(name: str, *dropped: str) -> Meaning:
    """A loss that takes no notice of some attributes."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        kept = {k: v for k, v in attributes.items() if k not in dropped}
        return meaning_of(name)(system, Attributes(**kept), operands)

    return meaning


def times(name: str, factor: int) -> Meaning:
    """A loss that is a multiple of what it should be."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = meaning_of(name)(system, attributes, operands)
        return right.map(lambda value: value * system.constant(factor))

    return meaning


def mean_of_all_rows(name: str) -> Meaning:
    """A mean over all rows, whatever counts and weighs (the original's)."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        if attributes.text("reduction") != "mean":
            return meaning_of(name)(system, attributes, operands)
        summed = Attributes(**{**attributes, "reduction": "sum"})
        rows = system.constant(sizes(operands.real(0).shape)[0])
        total = meaning_of(name)(system, summed, operands)
        return total.map(lambda value: value / rows)

    return meaning


def mean_of_elements(name: str) -> Meaning:
    """A mean over all elements (the original's spec)."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = mean_of_all_rows(name)(system, attributes, operands)
        if attributes.text("reduction") != "mean":
            return right
        return right.map(lambda value: value / system.constant(CLASSES))

    return meaning


def next_class(name: str) -> Meaning:
    """A loss at the class after the target."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        x, _, *upstream = operands.tensors
        target = operands.index(1).map(lambda index: (index + 1) % CLASSES)
        given: Operands[A] = Operands([x, target, *upstream])
        return meaning_of(name)(system, attributes, given)

    return meaning


def wrong_rows(name: str) -> dict[str, Meaning]:
    """What can be wrong with any loss of rows of class indices."""
    return {
        "the other sign": times(name, -1),
        "the next class": next_class(name),
        "class weights ignored": without(name, "class_weights"),
        "ignored rows counted": without(name, "ignore_index"),
        "mean over all rows": mean_of_all_rows(name),
        "mean over all elements": mean_of_elements(name),
    }


LIKELIHOOD = exact_law(
    TOPIC,
    "negative_log_likelihood",
    "The sum over rows that count of -w l, for the mean by the sum of their w.",
    is_likelihood,
    PLAIN,
    wrong_rows("negative_log_likelihood"),
)


# CROSS-ENTROPY


def normalized(use: Application) -> Tensor[Bounded, Shape]:
    """The log-probabilities of rows of logits."""
    logits = application(use.real(0))
    return applied(meaning_of("log_softmax"), DOUBLE, logits)


def of_probabilities(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A cross-entropy that takes logits for log-probabilities."""
    name = "negative_log_likelihood"
    return meaning_of(name)(system, attributes, operands)


@law(
    "classification_losses.cross_entropy",
    objects="operations.cross_entropy.meaning "
    "operations.negative_log_likelihood.meaning operations.log_softmax.meaning",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("cross_entropy"),
    mutants={
        **wrong_rows("cross_entropy"),
        "logits not normalized": of_probabilities,
    },
    cases=PLAIN,
)
def of_log_softmax(meaning: Meaning, use: Application) -> bool:
    """A cross-entropy is the negative log-likelihood of the logits' log-softmax."""
    operands: Operands[Bounded] = Operands([normalized(use), use.index(1)])
    likelihood = meaning_of("negative_log_likelihood")
    expected = likelihood(DOUBLE, use.attributes, operands)
    return all_agree(applied(meaning, DOUBLE, use).values, expected.values)


def with_changed(use: Application, **changed: Attribute) -> Application:
    """A use with other attributes, `None` for left out."""
    given = {**use.attributes, **changed}
    kept = {name: value for name, value in given.items() if value is not None}
    return replace(use, attributes=Attributes(**kept))


def half_smoothed(name: str) -> Meaning:
    """Smoothing by half as much."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        given = Attributes(**{**attributes, "label_smoothing": SMOOTHING / 2})
        return meaning_of(name)(system, given, operands)

    return meaning


@law(
    "classification_losses.label_smoothing",
    objects="operations.cross_entropy.meaning",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("cross_entropy"),
    mutants={
        "not smoothed": without("cross_entropy", "label_smoothing"),
        "half smoothed": half_smoothed("cross_entropy"),
        "class weights ignored": without("cross_entropy", "class_weights"),
        "mean over all elements": mean_of_elements("cross_entropy"),
    },
    cases=lambda draws: (
        use
        for use in index_uses(SMOOTHED)(draws)
        if use.attributes.text("reduction") == "none"
    ),
)
def smoothed(meaning: Meaning, use: Application) -> bool:
    """A smoothed row is 1 - s of its own loss and s / C of the losses of all classes.

    The sum and the mean of the rows are those without smoothing (the mean by the
    same denominator).
    """
    rows = len(use.index(1).values)
    keep, share = 1 - SMOOTHING, SMOOTHING / CLASSES

    def plain(target: Tensor[int, Shape], reduction: str) -> tuple[Bounded, ...]:
        given = replace(use, operands=(use.real(0), target))
        unsmoothed = with_changed(given, label_smoothing=None, reduction=reduction)
        return applied(meaning_of("cross_entropy"), DOUBLE, unsmoothed).values

    own = plain(use.index(1), "none")
    each = [plain(index_of(*[c] * rows), "none") for c in range(CLASSES)]
    expected = [
        DOUBLE.constant(keep) * own[row]
        + DOUBLE.constant(share) * DOUBLE.sum([losses[row] for losses in each])
        for row in range(rows)
    ]
    total = DOUBLE.sum(expected)
    weights = weights_of(use.attributes)
    mass = sum((weights[i] for i in use.index(1).values), Fraction(0))
    found = {
        r: applied(meaning, DOUBLE, with_changed(use, reduction=r)) for r in REDUCTIONS
    }
    return (
        all_agree(found["none"].values, expected)
        and all_agree(found["sum"].values, [total])
        and all_agree(found["mean"].values, [total / DOUBLE.constant(mass)])
    )


def rotated(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A loss whose targets are each shifted by a class."""
    target = operands.real(1)
    rows = [(*row[1:], row[0]) for row in target.rows()]
    moved = Tensor(target.shape, tuple(v for row in rows for v in row))
    given: Operands[A] = Operands([operands.real(0), moved])
    name = "cross_entropy_probabilities"
    return meaning_of(name)(system, attributes, given)


@law(
    "classification_losses.cross_entropy_probabilities",
    objects="operations.cross_entropy_probabilities.meaning "
    "operations.log_softmax.meaning",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("cross_entropy_probabilities"),
    mutants={
        "the other sign": times("cross_entropy_probabilities", -1),
        "the next class": rotated,
        "class weights ignored": without(
            "cross_entropy_probabilities", "class_weights"
        ),
        "not smoothed": without("cross_entropy_probabilities", "label_smoothing"),
        "half smoothed": half_smoothed("cross_entropy_probabilities"),
        "mean over all elements": mean_of_elements("cross_entropy_probabilities"),
    },
    cases=distribution_uses,
)
def of_distributions(meaning: Meaning, use: Application) -> bool:
    """A row's loss is -sum_c w_c ((1 - s) q_c + s / C) l_c; the mean is over rows."""
    smoothing = Fraction(0)
    if "label_smoothing" in use.attributes:
        smoothing = use.attributes.exact("label_smoothing")
    weights = weights_of(use.attributes)
    rows = zip(normalized(use).rows(), use.real(1).rows(), strict=True)
    expected = [
        -DOUBLE.sum(
            [
                DOUBLE.constant(w * ((1 - smoothing) * q + smoothing / CLASSES)) * log
                for w, q, log in zip(weights, shares, logarithms, strict=True)
            ]
        )
        for logarithms, shares in rows
    ]
    reduction = use.attributes.text("reduction")
    if reduction != "none":
        count = DOUBLE.constant(len(expected) if reduction == "mean" else 1)
        expected = [DOUBLE.sum(expected) / count]
    return all_agree(applied(meaning, DOUBLE, use).values, expected)


@law(
    "classification_losses.one_hot_targets",
    objects="operations.cross_entropy_probabilities.meaning "
    "operations.cross_entropy.meaning operations.one_hot.meaning",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("cross_entropy_probabilities"),
    mutants={
        "the other sign": times("cross_entropy_probabilities", -1),
        "the next class": rotated,
        "twice": times("cross_entropy_probabilities", 2),
    },
    cases=index_uses(({}, SMOOTHED[0])),
)
def one_hot_targets(meaning: Meaning, use: Application) -> bool:
    """One-hot rows as targets give what their classes give."""
    hot = meaning_of("one_hot")(
        DOUBLE, Attributes(classes=CLASSES), Operands([use.index(1)])
    )
    logits = use.real(0).map(DOUBLE.constant)
    found = meaning(DOUBLE, use.attributes, Operands([logits, hot]))
    expected = applied(meaning_of("cross_entropy"), DOUBLE, use)
    return all_agree(found.values, expected.values)
