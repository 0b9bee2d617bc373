"""Losses: values, derivatives, and both in one pass.

The kernels take what depends on attributes alone as constants, each the spec's exact
expression rounded once.
"""

from __future__ import annotations

import math
from fractions import Fraction

from torchlean.compiler.select import Selection, selects
from torchlean.compiler.steps import Step
from torchlean_spec.numbers.summation import BLOCK
from torchlean_spec.operations import Attributes

ELEMENTWISE = (
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "smooth_l1",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy",
    "hinge",
    "poisson_with_log_rates",
    "poisson",
    "log_cosh",
)
"""Losses between a prediction and a target of one shape."""

LARGE = 2**16
"""From so many elements on, blocks are shared out to threads."""

THRESHOLDS = ("delta", "beta")
"""The attributes of which the kernels take the number and its half."""


def _constants(selection: Selection, attributes: Attributes) -> int:
    """The hyperparameter and its half, if there is one."""
    for name in THRESHOLDS:
        if name in attributes:
            threshold = attributes.exact(name)
            return selection.graph.constant(threshold, threshold / 2)
    return selection.graph.constant()


def _factor(selection: Selection, loss: str, attributes: Attributes, size: int) -> int:
    """What the derivative at each element is multiplied by."""
    numerator = 2 if loss == "mean_squared_error" else 1
    mean = attributes.text("reduction") == "mean" and size > 0
    return selection.graph.constant(Fraction(numerator, size if mean else 1))


@selects(*ELEMENTWISE)
def value(selection: Selection, step: Step) -> None:
    """The elements' losses, and then their sum or mean."""
    prediction, target = selection.operands(step)
    size = math.prod(step.operand_sizes[0])
    reduction = step.attributes.text("reduction")
    graph = selection.graph
    out = selection.result(step)
    losses = out if reduction == "none" else graph.value(size)
    graph.call(
        step.operation,
        {"size": size},
        prediction=prediction,
        target=target,
        constants=_constants(selection, step.attributes),
        out=losses,
    )
    if reduction == "none":
        return
    total = out if reduction == "sum" else graph.value(1)
    graph.call("sum_last", {"outer": 1, "count": size}, x=losses, out=total)
    if reduction == "mean":
        count = graph.constant(Fraction(size))
        graph.call("divide", {"size": 1}, x=total, y=count, out=out)


@selects(*(f"{name}_gradient" for name in ELEMENTWISE))
def gradient(selection: Selection, step: Step) -> None:
    """The derivative in the prediction."""
    prediction, target, upstream = selection.operands(step)
    size = math.prod(step.operand_sizes[0])
    loss = step.operation.removesuffix("_gradient")
    selection.graph.call(
        step.operation,
        {"size": size, "upstreams": math.prod(step.operand_sizes[2])},
        prediction=prediction,
        target=target,
        constants=_constants(selection, step.attributes),
        factor=_factor(selection, loss, step.attributes, size),
        upstream=upstream,
        out=selection.result(step),
    )


@selects(*(f"{name}_with_gradient" for name in ELEMENTWISE))
def with_gradient(selection: Selection, step: Step) -> None:
    """The loss, and its derivative of an upstream of 1; large ones in pieces."""
    prediction, target = selection.operands(step)
    size = math.prod(step.operand_sizes[0])
    loss = step.operation.removesuffix("_with_gradient")
    total, out = selection.result(step, 0), selection.result(step, 1)
    mean = int(step.attributes.text("reduction") == "mean")
    values = {
        "prediction": prediction,
        "target": target,
        "constants": _constants(selection, step.attributes),
        "factor": _factor(selection, loss, step.attributes, size),
        "out": out,
    }
    graph = selection.graph
    if size < LARGE:
        integers = {"size": size, "mean": mean}
        graph.call(step.operation, integers, **values, loss=total)
        return
    # The sums of whole blocks, then that of what is left: summed again, they are
    # the strict sum.
    blocks, rest = divmod(size, BLOCK)
    count = blocks + (rest > 0)
    sums = graph.value(count)
    kernel = f"{loss}_blocks_with_gradient"
    graph.call(kernel, {"blocks": blocks}, **values, sums=sums)
    if rest:
        moved = dict.fromkeys(("prediction", "target", "out"), blocks * BLOCK)
        integers = {"size": rest, "mean": 0}
        offsets = moved | {"loss": blocks}
        graph.call(step.operation, integers, offsets, **values, loss=sums)
    integers = {"outer": 1, "count": count}
    if mean:
        graph.call("mean_last", integers | {"divisor": size}, x=sums, out=total)
    else:
        graph.call("sum_last", integers, x=sums, out=total)
