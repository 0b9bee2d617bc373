"""Laws of the losses between a prediction and a target of one shape.

Each is held to an expression that is not the spec's: Huber's loss to the least value
of a problem that defines it, binary cross-entropy to its two logarithms.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    Cases,
    all_agree,
    application,
    applied,
    exact_table,
    exactly,
    meaning_of,
    of_formula,
    row_of,
    table,
)
from torchlean_spec.numbers import BINARY64, Bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations import activations as forms
from torchlean_spec.operations import regression_losses as losses
from torchlean_spec.operations.operation import Attribute, Meaning
from torchlean_spec.shape import Shape, vector
from torchlean_spec.tensor import Tensor

TOPIC = "regression_losses"
REDUCTIONS = ("none", "sum", "mean")
DELTA = Fraction(3, 2)
ATTRIBUTES: Mapping[str, Mapping[str, Attribute]] = {
    "huber": {"delta": DELTA},
    "smooth_l1": {"beta": DELTA},
}

# WHERE


def real_pairs(name: str) -> Cases:
    """Predictions and targets, equal ones and ones delta apart among them."""
    given = ATTRIBUTES.get(name, {})

    def cases(draws: Draws) -> Iterator[Application]:
        for reduction in REDUCTIONS:
            for extents in ((3,), (2, 2)):
                yield application(
                    exact_table(draws, *extents),
                    exact_table(draws, *extents),
                    reduction=reduction,
                    **given,
                )
            yield application(
                row_of(2, DELTA, -DELTA, 3),
                row_of(2, 0, 0, 0),
                reduction=reduction,
                **given,
            )

    return cases


def share(draws: Draws, *extents: int) -> Tensor[Fraction, Shape]:
    """Numbers between 0 and 1."""
    return table(draws, *extents, low=Fraction(1, 16), high=Fraction(15, 16))


def logit_pairs(draws: Draws) -> Iterator[Application]:
    """Logits and shares; the targets 0 and 1 among them."""
    for reduction in REDUCTIONS:
        # Away from 0, where the formula has kinks that cancel.
        logits = table(draws, 3, low=Fraction(1, 16))
        yield application(logits, share(draws, 3), reduction=reduction)
        yield application(
            logits.map(lambda x: -x), row_of(0, 1, 1), reduction=reduction
        )


def share_pairs(draws: Draws) -> Iterator[Application]:
    """Probabilities and shares; the targets 0 and 1 among them."""
    for reduction in REDUCTIONS:
        yield application(share(draws, 3), share(draws, 3), reduction=reduction)
        yield application(share(draws, 3), row_of(0, 1, 1), reduction=reduction)


# MEANINGS


def of_elements(formula: object) -> Meaning:
    """A loss with another formula, and the right reductions."""
    each = of_formula(formula)

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        values = each(system, attributes, operands)
        count = system.constant(len(values.values))
        return losses.reduce_values(
            system, attributes.text("reduction"), values.values, values.shape, count
        )

    return meaning


def wrongly_reduced(name: str) -> dict[str, Meaning]:
    """What can be wrong with the reduction of any loss."""

    def halved_sum(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = meaning_of(name)(system, attributes, operands)
        if attributes.text("reduction") != "mean":
            return right
        wrong = system.constant(len(operands.real(0).values))
        more = wrong + system.constant(1)
        return right.map(lambda value: value * wrong / more)

    return {
        "sum for mean": _renamed(name, "mean", "sum"),
        "mean for sum": _renamed(name, "sum", "mean"),
        "a mean of one more": halved_sum,
    }


def _renamed(name: str, given: str, taken: str) -> Meaning:
    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        if attributes.text("reduction") == given:
            attributes = Attributes(**{**attributes, "reduction": taken})
        return meaning_of(name)(system, attributes, operands)

    return meaning


def rational_law(
    name: str,
    sentence: str,
    element: Callable[[Fraction, Fraction], Fraction],
    mutants: Mapping[str, object],
) -> Law:
    """The law of a rational loss, by another expression for its elements."""

    def holds(meaning: Meaning, use: Application) -> bool:
        pairs = zip(use.real(0).values, use.real(1).values, strict=True)
        expected = reduced([element(p, t) for p, t in pairs], use)
        return exactly(meaning, use).values == expected

    holds.__doc__ = sentence
    return law(
        f"{TOPIC}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.IDENTITY_TESTED,
        subject=meaning_of(name),
        mutants={
            **wrongly_reduced(name),
            **{wrong: of_elements(formula) for wrong, formula in mutants.items()},
        },
        cases=real_pairs(name),
    )(holds)


def reduced(values: list[Fraction], use: Application) -> tuple[Fraction, ...]:
    """The values themselves, their sum, or their mean."""
    reduction = use.attributes.text("reduction")
    if reduction == "none":
        return tuple(values)
    total = sum(values, Fraction(0))
    return (total / len(values) if reduction == "mean" else total,)


def by_infimal_convolution(distance: Fraction) -> Fraction:
    """The least `a^2 / 2 + delta |d - a|` over all a, which is at d cut to delta."""
    a = max(-DELTA, min(DELTA, distance))
    return a * a / 2 + DELTA * abs(distance - a)


RATIONAL = (
    rational_law(
        "mean_squared_error",
        "A squared error is p^2 - 2 p t + t^2.",
        lambda p, t: p**2 - 2 * p * t + t**2,
        {
            "half of it": lambda s, a, p, t: (
                s.constant(Fraction(1, 2)) * (p - t) * (p - t)
            ),
            "absolute": lambda s, a, p, t: s.absolute(p - t),
            "difference of squares": lambda s, a, p, t: p * p - t * t,
        },
    ),
    rational_law(
        "mean_absolute_error",
        "An absolute error is the larger of p - t and t - p.",
        lambda p, t: max(p - t, t - p),
        {
            "signed": lambda s, a, p, t: p - t,
            "squared": lambda s, a, p, t: (p - t) * (p - t),
            "of the sizes": lambda s, a, p, t: s.absolute(
                s.absolute(p) - s.absolute(t)
            ),
        },
    ),
    rational_law(
        "huber",
        "Huber's loss is the least a^2 / 2 + delta |d - a| over all a.",
        lambda p, t: by_infimal_convolution(p - t),
        {
            "divided by delta": lambda s, a, p, t: (
                losses.huber(s, a, p, t) / s.constant(DELTA)
            ),
            "not continuous": lambda s, a, p, t: s.where(
                s.less_equal(s.absolute(p - t), s.constant(DELTA)),
                s.constant(Fraction(1, 2)) * (p - t) * (p - t),
                s.constant(DELTA) * s.absolute(p - t),
            ),
            "never linear": lambda s, a, p, t: (
                s.constant(Fraction(1, 2)) * (p - t) * (p - t)
            ),
            "without the half": lambda s, a, p, t: (
                s.constant(2) * losses.huber(s, a, p, t)
            ),
        },
    ),
    rational_law(
        "smooth_l1",
        "Smooth L1 times beta is Huber's loss with delta = beta.",
        lambda p, t: by_infimal_convolution(p - t) / DELTA,
        {
            "Huber's": lambda s, a, p, t: (
                s.constant(DELTA) * losses.smooth_l1(s, a, p, t)
            ),
            "beta 1": lambda s, a, p, t: losses.smooth_l1(s, Attributes(beta=1), p, t),
            "not continuous": lambda s, a, p, t: s.where(
                s.less(s.absolute(p - t), s.constant(DELTA)),
                losses.smooth_l1(s, a, p, t),
                s.absolute(p - t),
            ),
        },
    ),
)


def cross_entropy(
    name: str,
    sentence: str,
    element: Callable[[Bounded, Bounded], Bounded],
    cases: Cases,
    mutants: Mapping[str, object],
) -> Law:
    """The law of a binary cross-entropy, by its two logarithms."""

    def holds(meaning: Meaning, use: Application) -> bool:
        pairs = zip(use.real(0).values, use.real(1).values, strict=True)
        values = [element(DOUBLE.constant(p), DOUBLE.constant(t)) for p, t in pairs]
        found = applied(meaning, DOUBLE, use).values
        if use.attributes.text("reduction") == "none":
            return all_agree(found, values)
        total = DOUBLE.sum(values)
        if use.attributes.text("reduction") == "mean":
            total = total / DOUBLE.constant(len(values))
        return all_agree(found, [total])

    holds.__doc__ = sentence
    return law(
        f"{TOPIC}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.SEARCHED,
        subject=meaning_of(name),
        mutants={
            **wrongly_reduced(name),
            **{wrong: of_elements(formula) for wrong, formula in mutants.items()},
        },
        cases=cases,
    )(holds)


ONE = DOUBLE.constant(1)


def of_probability(p: Bounded, t: Bounded) -> Bounded:
    """`-t log p - (1 - t) log(1 - p)`."""
    return -(t * DOUBLE.log(p)) - (ONE - t) * DOUBLE.log(ONE - p)


def of_logit(x: Bounded, t: Bounded) -> Bounded:
    """`-t log s - (1 - t) log(1 - s)` with `s = e^x / (1 + e^x)`."""
    power = DOUBLE.exp(x)
    return -(t * (x - DOUBLE.log(ONE + power))) + (ONE - t) * DOUBLE.log(ONE + power)


CROSS_ENTROPIES = (
    cross_entropy(
        "binary_cross_entropy",
        "It is -t log p - (1 - t) log(1 - p).",
        of_probability,
        share_pairs,
        {
            "the first term alone": lambda s, a, p, t: -(t * s.log(p)),
            "the classes exchanged": lambda s, a, p, t: losses.bernoulli(
                s, a, p, s.constant(1) - t
            ),
            "arguments exchanged": lambda s, a, p, t: losses.bernoulli(s, a, t, p),
            "the other sign": lambda s, a, p, t: -losses.bernoulli(s, a, p, t),
        },
    ),
    cross_entropy(
        "binary_cross_entropy_with_logits",
        "It is -t log s - (1 - t) log(1 - s) with s the sigmoid of the logit.",
        of_logit,
        logit_pairs,
        {
            "softplus alone": lambda s, a, x, t: forms.softplus(s, a, x),
            "of -x": lambda s, a, x, t: losses.logistic(s, a, -x, t),
            "the maximum alone": lambda s, a, x, t: s.maximum(x, s.constant(0)) - x * t,
            "sigmoid twice": lambda s, a, x, t: losses.logistic(
                s, a, forms.sigmoid(s, a, x), t
            ),
        },
    ),
)


# EDGES

CERTAIN = (
    (0.0, 0.0, "0.0"),
    (1.0, 1.0, "0.0"),
    (0.0, 1.0, "inf"),
    (1.0, 0.0, "inf"),
    (0.5, 0.0, "0.6931471805599453"),
)
"""A probability, a target and the loss."""


def _with_zero_weights(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    """`-t log p - (1 - t) log(1 - p)`, and so 0 times minus infinity."""
    return -(t * s.log(p) + (s.constant(1) - t) * s.log1p(-p))


def _cut_off(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    """Logarithms cut off at -100, as PyTorch does."""
    least = s.constant(-100)
    left = t * s.maximum(s.log(p), least)
    right = (s.constant(1) - t) * s.maximum(s.log1p(-p), least)
    return -(left + right)


@law(
    "regression_losses.binary_cross_entropy.edges",
    objects="operations.binary_cross_entropy.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("binary_cross_entropy"),
    mutants={
        "0 times minus infinity": of_elements(_with_zero_weights),
        "cut off at -100": of_elements(_cut_off),
    },
    cases=lambda draws: iter(CERTAIN),
)
def certain_predictions(meaning: Meaning, case: tuple[float, float, str]) -> bool:
    """Certain and right costs 0, certain and wrong infinitely much."""
    p, t, expected = case
    shape: Shape = vector(1)
    operands = [Tensor(shape, (BINARY64.from_float(each),)) for each in (p, t)]
    result = meaning(BINARY64, Attributes(reduction="sum"), Operands(operands))
    return abs(float(result.values[0])) == float(expected)


@law(
    "regression_losses.logits.edges",
    objects="operations.binary_cross_entropy_with_logits.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("binary_cross_entropy_with_logits"),
    mutants={
        "through the sigmoid": of_elements(
            lambda s, a, x, t: losses.bernoulli(s, a, forms.sigmoid(s, a, x), t)
        ),
        "overflowing": of_elements(lambda s, a, x, t: s.log1p(s.exp(x)) - x * t),
    },
    cases=lambda draws: itertools.product((-800, -40, 40, 800), (0, 1)),
)
def extreme_logits(meaning: Meaning, case: tuple[int, int]) -> bool:
    """A large logit costs |x| if it is wrong, 0 if right, and log(1 + e^-|x|) more."""
    x, t = case
    use = application(row_of(x), row_of(t), reduction="sum")
    (found,) = applied(meaning, BINARY64, use).values
    wrong = (x > 0) != (t == 1)
    rest = DOUBLE.log1p(DOUBLE.exp(DOUBLE.constant(-abs(x))))
    return (DOUBLE.constant(abs(x) if wrong else 0) + rest).admits(float(found))
