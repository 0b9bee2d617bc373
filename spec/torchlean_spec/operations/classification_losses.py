"""Losses of rows of classes: cross-entropy and negative log-likelihood.

A row's target is a distribution q over the classes: of an index target, 1 at
the class; with label smoothing s, `(1 - s) q + s / C`. With class weights w and
log-probabilities l the loss of a row is `-sum_c w_c q_c l_c`, where a class of
target 0 contributes 0, whatever its log-probability. The mean divides by

* the number of rows that count, without class weights or with distributions as
  targets;
* the sum of `w` at the targets of the rows that count, with class weights and
  index targets.

Rows whose index is `ignore_index` do not count: they add 0 to the loss and have
a derivative of 0. If no row counts, the mean is 0/0. A row has at least one class.
In a name, `probabilities` says what the targets are. These denominators are
PyTorch's; the original divides by all rows, ignored ones included (its B7), and
its spec by all elements (its B11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.indexing import require_index
from torchlean_spec.operations.operation import (
    Attributes,
    Operands,
)
from torchlean_spec.operations.reduction import log_softmax_row, softmax_row
from torchlean_spec.operations.regression_losses import (
    reduce_values,
    register_loss,
    require_reduction,
    upstream_values,
)
from torchlean_spec.shape import Scalar, Shape, rank, require_same, sizes, vector
from torchlean_spec.tensor import Tensor


@dataclass(frozen=True, slots=True)
class RowTarget(Generic[A]):
    """What one row's loss is made of: `w_c q_c` of each class, or of one class."""

    weight: A | None
    """Of an index target without smoothing: w at the class; `None` means 1."""
    index: int | None
    """The class of an index target without smoothing."""
    weighted: Sequence[A]
    """`w_c q_c` of each class, for smoothed and for distribution targets."""


def _class_weights(
    system: NumberSystem[A], attributes: Attributes, classes: int
) -> list[A] | None:
    weights = attributes.optional_exacts("class_weights")
    if weights is None:
        return None
    if len(weights) != classes:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"class_weights: expected {classes} weights, got {len(weights)}",
        )
    return [system.constant(weight) for weight in weights]


def _smoothing(attributes: Attributes) -> Fraction:
    return (
        attributes.exact("label_smoothing")
        if "label_smoothing" in attributes
        else (Fraction(0))
    )


def index_target(
    system: NumberSystem[A], attributes: Attributes, index: int, classes: int
) -> RowTarget[A]:
    """The target of a row that is given as a class index."""
    weights = _class_weights(system, attributes, classes)
    smoothing = _smoothing(attributes)
    if not smoothing:
        return RowTarget(weights[index] if weights else None, index, ())
    off = system.constant(smoothing / classes)
    on = system.constant(1 - smoothing + smoothing / classes)
    target = [on if c == index else off for c in range(classes)]
    if weights:
        target = [w * q for w, q in zip(weights, target, strict=True)]
    return RowTarget(None, None, target)


def distribution_target(
    system: NumberSystem[A], attributes: Attributes, row: Sequence[A]
) -> RowTarget[A]:
    """The target of a row that is given as a distribution over the classes."""
    weights = _class_weights(system, attributes, len(row))
    smoothing = _smoothing(attributes)
    target = list(row)
    if smoothing:
        keep, share = 1 - smoothing, smoothing / len(row)
        kept, spread = system.constant(keep), system.constant(share)
        target = [kept * q + spread for q in row]
    if weights:
        target = [w * q for w, q in zip(weights, target, strict=True)]
    return RowTarget(None, None, target)


def row_loss(
    system: NumberSystem[A], target: RowTarget[A], log_probabilities: Sequence[A]
) -> A:
    """`-sum_c w_c q_c l_c` of one row."""
    if target.index is not None:
        loss = -log_probabilities[target.index]
        return loss if target.weight is None else target.weight * loss
    zero = system.constant(0)
    terms = [
        system.where(system.equal(q, zero), zero, q * logarithm)
        for q, logarithm in zip(target.weighted, log_probabilities, strict=True)
    ]
    return -system.sum(terms)


def logits_slope(
    system: NumberSystem[A],
    target: RowTarget[A],
    probabilities: Sequence[A],
    factor: A,
) -> list[A]:
    """The derivative of one row's loss in its logits, times the factor.

    `(p_c - q_c) factor` for an index (the weight is in the factor), and
    `(p_c m - w_c q_c) factor` with `m = sum_c w_c q_c` otherwise.
    """
    if target.index is not None:
        one = system.constant(1)
        return [
            (p - one if c == target.index else p) * factor
            for c, p in enumerate(probabilities)
        ]
    mass = system.sum(target.weighted)
    pairs = zip(probabilities, target.weighted, strict=True)
    return [(p * mass - q) * factor for p, q in pairs]


def log_probabilities_slope(
    system: NumberSystem[A], target: RowTarget[A], classes: int, factor: A
) -> list[A]:
    """The derivative of one row's loss in its log-probabilities: `-w_c q_c factor`.

    Of an index target the weight is in the factor.
    """
    if target.index is None:
        return [-(q * factor) for q in target.weighted]
    zero = system.constant(0)
    return [-factor if c == target.index else zero for c in range(classes)]


def _extents(name: str, shapes: Sequence[Shape], with_index: bool) -> tuple[int, int]:
    if rank(shapes[0]) != 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"{name}: expected logits of shape [rows, classes], got {shapes[0]}",
        )
    rows, classes = sizes(shapes[0])
    if classes == 0:
        raise TorchLeanError(
            Reason.EMPTY_DATA, f"{name}: expected at least 1 class, got none"
        )
    require_same(
        f"{name}: target", vector(rows) if with_index else shapes[0], shapes[1]
    )
    return rows, classes


def _targets(
    name: str,
    system: NumberSystem[A],
    attributes: Attributes,
    operands: Operands[A],
    with_index: bool,
) -> list[RowTarget[A] | None]:
    """The target of each row; `None` where the row does not count."""
    if not with_index:
        rows = operands.real(1).rows()
        return [distribution_target(system, attributes, row) for row in rows]
    classes = sizes(operands.real(0).shape)[1]
    ignored = attributes.optional_integer("ignore_index")
    found: list[RowTarget[A] | None] = []
    for index in operands.index(1).values:
        if index == ignored:
            found.append(None)
            continue
        require_index(f"{name}: target", index, classes)
        found.append(index_target(system, attributes, index, classes))
    return found


def _denominator(
    system: NumberSystem[A],
    attributes: Attributes,
    operands: Operands[A],
    with_index: bool,
) -> A | int:
    """What the mean divides by: a sum of weights, or a number of rows."""
    if not with_index:
        return sizes(operands.real(0).shape)[0]
    ignored = attributes.optional_integer("ignore_index")
    counted = [i for i in operands.index(1).values if i != ignored]
    classes = sizes(operands.real(0).shape)[1]
    weights = _class_weights(system, attributes, classes)
    if weights is None:
        return len(counted)
    return system.sum([weights[i] for i in counted])


def _factors(
    system: NumberSystem[A],
    reduction: str,
    upstream: Sequence[A],
    targets: Sequence[RowTarget[A] | None],
    denominator: A | int,
) -> list[A]:
    """What each row's derivative is multiplied by: `upstream w / denominator`."""
    factors: list[A] = []
    for u, target in zip(upstream, targets, strict=True):
        weight = target.weight if target is not None else None
        factor = u if weight is None else u * weight
        if reduction == "mean":
            if isinstance(denominator, int):
                factor = factor * system.constant(Fraction(1, max(denominator, 1)))
            else:
                factor = factor / denominator
        factors.append(factor)
    return factors


def _loss(name: str, with_index: bool, from_logits: bool) -> None:
    """Register a loss of rows and its derivative."""
    operand_names = (
        "logits" if from_logits else "log_probabilities",
        "target#" if with_index else "target",
    )

    def value_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
        rows, _ = _extents(name, shapes, with_index)
        reduction = require_reduction(attributes.text("reduction"))
        return vector(rows) if reduction == "none" else Scalar()

    def value_meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        x, zero = operands.real(0), system.constant(0)
        targets = _targets(name, system, attributes, operands, with_index)
        losses = [
            zero
            if target is None
            else row_loss(
                system, target, log_softmax_row(system, row) if from_logits else row
            )
            for row, target in zip(x.rows(), targets, strict=True)
        ]
        counted = _denominator(system, attributes, operands, with_index)
        denominator = system.constant(counted) if isinstance(counted, int) else counted
        reduction, rows = attributes.text("reduction"), vector(len(losses))
        return reduce_values(system, reduction, losses, rows, denominator)

    def slope_meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        x, zero = operands.real(0), system.constant(0)
        targets = _targets(name, system, attributes, operands, with_index)
        upstream = upstream_values(operands.real(2), len(targets))
        counted = _denominator(system, attributes, operands, with_index)
        reduction = attributes.text("reduction")
        factors = _factors(system, reduction, upstream, targets, counted)
        values: list[A] = []
        for row, target, factor in zip(x.rows(), targets, factors, strict=True):
            if target is None:
                values += [zero] * len(row)
            elif from_logits:
                probabilities = softmax_row(system, row)
                values += logits_slope(system, target, probabilities, factor)
            else:
                values += log_probabilities_slope(system, target, len(row), factor)
        return Tensor(x.shape, tuple(values))

    register_loss(name, operand_names, value_shape, value_meaning, slope_meaning)


_loss("cross_entropy", with_index=True, from_logits=True)
_loss("cross_entropy_probabilities", with_index=False, from_logits=True)
_loss("negative_log_likelihood", with_index=True, from_logits=False)
_loss("negative_log_likelihood_probabilities", with_index=False, from_logits=False)
