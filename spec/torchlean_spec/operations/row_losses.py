"""Losses of whole rows: between two vectors along the last axis.

The target has the prediction's shape; each row gives one loss. `reduction` says what
becomes of them: `mean` divides their sum by the number of rows, `sum` adds them,
`none` keeps them, in the prediction's shape without its last axis. The derivative
is multiplied by `upstream k`, with k = 1/rows for the mean and 1 otherwise. A row
has at least one entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.operation import (
    Attributes,
    Operands,
)
from torchlean_spec.operations.reduction import maximum_of
from torchlean_spec.operations.regression_losses import (
    reduce_values,
    register_loss,
    require_reduction,
    upstream_values,
)
from torchlean_spec.shape import (
    Scalar,
    Shape,
    axis_of,
    require_same,
    size,
    sizes,
    without_axis,
)
from torchlean_spec.tensor import Tensor


class RowLoss(Protocol):
    """The loss of one row."""

    def __call__(
        self,
        system: NumberSystem[A],
        attributes: Attributes,
        prediction: Sequence[A],
        target: Sequence[A],
        /,
    ) -> A:
        """One number."""
        ...


class RowSlope(Protocol):
    """The derivative of one row's loss in the prediction, before the factor."""

    def __call__(
        self,
        system: NumberSystem[A],
        attributes: Attributes,
        prediction: Sequence[A],
        target: Sequence[A],
        /,
    ) -> list[A]:
        """One number for each entry."""
        ...


def direction(
    system: NumberSystem[A], row: Sequence[A], epsilon: Fraction
) -> tuple[list[A], A, A, A]:
    """A row divided by its length, or by epsilon if that is longer.

    The row is first divided by `scale`, its largest entry (or epsilon), so that no
    square overflows or vanishes.

    Returns:
        `x / max(|x|, epsilon)`; `length = max(|x|, epsilon) / scale`; `scale`; and
        1 where |x| > epsilon, else 0: the derivative of the maximum.
    """
    zero, one, least = system.constant(0), system.constant(1), system.constant(epsilon)
    largest = maximum_of(system, [system.absolute(x) for x in row])
    scale = system.maximum(largest, least)
    shares = [x / scale for x in row]
    norm, shortest = system.sqrt(system.dot(shares, shares)), least / scale
    longer = system.less(shortest, norm)
    length = system.maximum(norm, shortest)
    unit = [x / length for x in shares]
    return unit, length, scale, system.where(longer, one, zero)


def cosine_distance(
    system: NumberSystem[A],
    attributes: Attributes,
    prediction: Sequence[A],
    target: Sequence[A],
    /,
) -> A:
    """`1 - p.t / (max(|p|, epsilon) max(|t|, epsilon))`.

    Two rows of one direction cost 0, opposite ones 2; a row of zeros costs 1.
    """
    epsilon = attributes.exact("epsilon")
    left, *_ = direction(system, prediction, epsilon)
    right, *_ = direction(system, target, epsilon)
    return system.constant(1) - system.dot(left, right)


def cosine_distance_slope(
    system: NumberSystem[A],
    attributes: Attributes,
    prediction: Sequence[A],
    target: Sequence[A],
    /,
) -> list[A]:
    """`(c p' - t') / max(|p|, epsilon)` with p', t' the unit rows and c = p'.t'.

    Where |p| is at most epsilon, without `c p'`.
    """
    epsilon = attributes.exact("epsilon")
    left, length, scale, longer = direction(system, prediction, epsilon)
    right, *_ = direction(system, target, epsilon)
    along = longer * system.dot(left, right)
    pairs = zip(left, right, strict=True)
    return [((along * p - t) / length) / scale for p, t in pairs]


def clamped_cross_entropy(
    system: NumberSystem[A],
    attributes: Attributes,
    prediction: Sequence[A],
    target: Sequence[A],
    /,
) -> A:
    """`-sum_c t_c log q_c`, with q the probabilities cut to [epsilon, 1 - epsilon].

    A class of target 0 costs 0. With an epsilon of 0 an impossible class of the
    target costs infinitely much, and a certain one nothing; otherwise these cost
    `-log epsilon` and `-log(1 - epsilon)`.
    """
    zero = system.constant(0)
    epsilon = attributes.exact("epsilon")
    least, most = system.constant(epsilon), system.constant(1 - epsilon)
    terms = []
    for p, t in zip(prediction, target, strict=True):
        cut = system.maximum(system.minimum(p, most), least)
        none = system.equal(t, zero)
        terms.append(system.where(none, zero, t * system.log(cut)))
    return -system.sum(terms)


def clamped_cross_entropy_slope(
    system: NumberSystem[A],
    attributes: Attributes,
    prediction: Sequence[A],
    target: Sequence[A],
    /,
) -> list[A]:
    """`-t / p` where p lies in [epsilon, 1 - epsilon], else 0.

    (The original divides by the clamped probability everywhere, which is not the
    derivative of what it computes.)
    """
    zero, one = system.constant(0), system.constant(1)
    epsilon = attributes.exact("epsilon")
    least, most = system.constant(epsilon), system.constant(1 - epsilon)
    slopes = []
    for p, t in zip(prediction, target, strict=True):
        cut = system.maximum(system.minimum(p, most), least)
        none = system.equal(t, zero)
        inner = -(t / system.where(none, one, cut))
        below = system.where(system.less(p, least), zero, inner)
        slopes.append(system.where(system.less(most, p), zero, below))
    return slopes


def _loss(name: str, value: RowLoss, slope: RowSlope) -> None:
    """Register a loss of rows and its derivative."""

    def value_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
        axis = axis_of(shapes[0], -1)
        if sizes(shapes[0])[-1] == 0:
            raise TorchLeanError(
                Reason.EMPTY_DATA,
                f"{name}: expected rows of at least 1 entry, got none",
            )
        require_same(f"{name}: target", shapes[0], shapes[1])
        reduction = require_reduction(attributes.text("reduction"))
        return without_axis(shapes[0], axis) if reduction == "none" else Scalar()

    def value_meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        prediction, target = operands.real(0), operands.real(1)
        pairs = zip(prediction.rows(), target.rows(), strict=True)
        values = [value(system, attributes, p, t) for p, t in pairs]
        shape = without_axis(prediction.shape, axis_of(prediction.shape, -1))
        count = system.constant(len(values))
        return reduce_values(system, attributes.text("reduction"), values, shape, count)

    def slope_meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        prediction, target = operands.real(0), operands.real(1)
        rows = size(without_axis(prediction.shape, axis_of(prediction.shape, -1)))
        mean = attributes.text("reduction") == "mean" and rows > 0
        factor = system.constant(Fraction(1, rows if mean else 1))
        upstream = upstream_values(operands.real(2), rows)
        values: list[A] = []
        triples = zip(prediction.rows(), target.rows(), upstream, strict=True)
        for p, t, u in triples:
            both = u * factor
            values += [each * both for each in slope(system, attributes, p, t)]
        return Tensor(prediction.shape, tuple(values))

    register_loss(
        name, ("prediction", "target"), value_shape, value_meaning, slope_meaning
    )


_loss("cosine_similarity", cosine_distance, cosine_distance_slope)
_loss(
    "cross_entropy_of_probabilities",
    clamped_cross_entropy,
    clamped_cross_entropy_slope,
)
