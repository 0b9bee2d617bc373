"""Laws of the gradients of the losses of whole rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from torchlean_proofs.laws.operations_applied import Cases, with_attributes
from torchlean_proofs.laws.operations_derivatives import gradient_law, rule_law
from torchlean_proofs.laws.regression_losses_gradients import as_of_a_sum, exchanged
from torchlean_proofs.laws.row_losses import (
    CLAMPED,
    COSINE,
    TOPIC,
    directions,
    probabilities,
)
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations import row_losses as losses
from torchlean_spec.operations.operation import Meaning
from torchlean_spec.operations.regression_losses import upstream_values
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor


def of_slopes(
    slope: losses.RowSlope,
    *,
    divided: bool = True,
    elements: bool = False,
    upstream: bool = True,
    sign: int = 1,
) -> Meaning:
    """A gradient with another formula for its slopes, or another factor."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        p, t = operands.real(0), operands.real(1)
        rows = len(p.rows())
        mean = divided and attributes.text("reduction") == "mean"
        count = (len(p.values) if elements else rows) if mean else 1
        factor = system.constant(Fraction(sign, count))
        given = upstream_values(operands.real(2), rows)
        if not upstream:
            given = [system.constant(1)] * rows
        values = [
            each * (u * factor)
            for x, y, u in zip(p.rows(), t.rows(), given, strict=True)
            for each in slope(system, attributes, x, y)
        ]
        return Tensor(p.shape, tuple(values))

    return meaning


def _without_direction(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> list[A]:
    """The slope of a row whose length does not change."""
    epsilon = attributes.exact("epsilon")
    _, length, scale, _ = losses.direction(system, p, epsilon)
    right, *_ = losses.direction(system, t, epsilon)
    return [(-x / length) / scale for x in right]


def _never_short(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> list[A]:
    """The slope of rows longer than epsilon, for every row."""
    epsilon = attributes.exact("epsilon")
    left, length, scale, _ = losses.direction(system, p, epsilon)
    right, *_ = losses.direction(system, t, epsilon)
    cosine = system.dot(left, right)
    pairs = zip(left, right, strict=True)
    return [((cosine * x - y) / length) / scale for x, y in pairs]


def _not_divided(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> list[A]:
    """A slope that is not divided by the row's length."""
    epsilon = attributes.exact("epsilon")
    left, _, _, longer = losses.direction(system, p, epsilon)
    right, *_ = losses.direction(system, t, epsilon)
    along = longer * system.dot(left, right)
    return [along * x - y for x, y in zip(left, right, strict=True)]


def _never_cut(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> list[A]:
    """`-t / p` everywhere."""
    return [-(y / x) for x, y in zip(p, t, strict=True)]


def _of_the_cut(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> list[A]:
    """`-t / q` everywhere, as in the original: not the derivative of the cut loss."""
    epsilon = attributes.exact("epsilon")
    least, most = system.constant(epsilon), system.constant(1 - epsilon)
    cut = [system.maximum(system.minimum(x, most), least) for x in p]
    return [-(y / x) for x, y in zip(cut, t, strict=True)]


def _as_of_logits(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> list[A]:
    """`p - t`."""
    return [x - y for x, y in zip(p, t, strict=True)]


SLOPES: Mapping[str, tuple[losses.RowSlope, Cases, Mapping[str, losses.RowSlope]]] = {
    COSINE: (
        losses.cosine_distance_slope,
        directions,
        {
            "as if the length stayed": _without_direction,
            "no row is short": _never_short,
            "not divided by the length": _not_divided,
        },
    ),
    CLAMPED: (
        losses.clamped_cross_entropy_slope,
        probabilities,
        {
            "never cut": _never_cut,
            "of the cut probability": _of_the_cut,
            "as of logits": _as_of_logits,
        },
    ),
}
"""For each loss: its slope, where it is tried, and wrong slopes."""

GRADIENTS = tuple(
    gradient_law(
        TOPIC,
        name,
        cases,
        {
            "not divided by the rows": of_slopes(slope, divided=False),
            "divided by the elements": of_slopes(slope, elements=True),
            "upstream ignored": of_slopes(slope, upstream=False),
            "the other sign": of_slopes(slope, sign=-1),
            "epsilon of another size": with_attributes(
                f"{name}_gradient", epsilon=Fraction(1, 3)
            ),
            **{wrong: of_slopes(formula) for wrong, formula in mutants.items()},
        },
        elementwise=False,
    )
    for name, (slope, cases, mutants) in SLOPES.items()
)

RULES = tuple(
    rule_law(
        TOPIC,
        name,
        cases,
        variables=1,
        mutants={
            "prediction and target exchanged": exchanged(name),
            "as of a sum": as_of_a_sum(name),
        },
    )
    for name, (_, cases, _) in SLOPES.items()
)
