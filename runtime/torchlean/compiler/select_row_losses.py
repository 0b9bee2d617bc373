"""Losses of whole rows: values, derivatives, and both in one pass.

The kernels' arguments are explained in `torchlean/cpu/row_losses.py`.
"""

from __future__ import annotations

import math
from fractions import Fraction

from torchlean.compiler.select import Selection, rows_and_width, selects
from torchlean.compiler.steps import Step
from torchlean_spec.operations import Attributes

COSINE = "cosine_similarity"
LOSSES = (COSINE, "cross_entropy_of_probabilities")
"""Losses between a prediction and a target of one shape, row by row."""


def _constants(
    selection: Selection, loss: str, attributes: Attributes
) -> dict[str, int]:
    """The hyperparameters as the loss's kernels take them."""
    epsilon, graph = attributes.exact("epsilon"), selection.graph
    if loss == COSINE:
        return {"epsilon": graph.constant(epsilon)}
    return {"clamps": graph.constant(epsilon, 1 - epsilon)}


def _factor(selection: Selection, attributes: Attributes, rows: int) -> int:
    """What the derivative at each entry is multiplied by."""
    mean = attributes.text("reduction") == "mean" and rows > 0
    return selection.graph.constant(Fraction(1, rows if mean else 1))


def _reduce(selection: Selection, step: Step, rows: int, losses: int, out: int) -> None:
    """The sum or the mean of the rows' losses."""
    integers = {"outer": 1, "count": rows}
    graph = selection.graph
    if step.attributes.text("reduction") == "sum":
        graph.call("sum_last", integers, x=losses, out=out)
    else:
        graph.call("mean_last", integers | {"divisor": rows}, x=losses, out=out)


@selects(*LOSSES)
def value(selection: Selection, step: Step) -> None:
    """The rows' losses, and then their sum or mean."""
    prediction, target = selection.operands(step)
    rows, width = rows_and_width(step.operand_sizes[0])
    graph, out = selection.graph, selection.result(step)
    reduced = step.attributes.text("reduction") != "none"
    losses = graph.value(rows) if reduced else out
    values = _constants(selection, step.operation, step.attributes)
    if step.operation == COSINE:
        values["out"] = graph.value(rows * width)
    graph.call(
        f"{step.operation}_rows",
        {"rows": rows, "width": width},
        prediction=prediction,
        target=target,
        row_losses=losses,
        scratch=graph.value(rows * width),
        **values,
    )
    if reduced:
        _reduce(selection, step, rows, losses, out)


@selects(*(f"{name}_gradient" for name in LOSSES))
def gradient(selection: Selection, step: Step) -> None:
    """The derivative in the prediction."""
    prediction, target, upstream = selection.operands(step)
    rows, width = rows_and_width(step.operand_sizes[0])
    loss = step.operation.removesuffix("_gradient")
    graph, values = selection.graph, _constants(selection, loss, step.attributes)
    if loss == COSINE:
        values["scratch"] = graph.value(rows * width)
    upstreams = math.prod(step.operand_sizes[2])
    graph.call(
        step.operation,
        {"rows": rows, "width": width, "upstreams": upstreams},
        prediction=prediction,
        target=target,
        factor=_factor(selection, step.attributes, rows),
        upstream=upstream,
        out=selection.result(step),
        **values,
    )


@selects(*(f"{name}_with_gradient" for name in LOSSES))
def with_gradient(selection: Selection, step: Step) -> None:
    """The loss, and its derivative of an upstream of 1."""
    prediction, target = selection.operands(step)
    rows, width = rows_and_width(step.operand_sizes[0])
    loss = step.operation.removesuffix("_with_gradient")
    graph, values = selection.graph, _constants(selection, loss, step.attributes)
    if loss == COSINE:
        values["scratch"] = graph.value(rows * width)
    losses = graph.value(rows)
    graph.call(
        f"{loss}_rows_with_gradient",
        {"rows": rows, "width": width},
        prediction=prediction,
        target=target,
        factor=_factor(selection, step.attributes, rows),
        row_losses=losses,
        out=selection.result(step, 1),
        **values,
    )
    _reduce(selection, step, rows, losses, selection.result(step, 0))
