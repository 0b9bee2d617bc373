"""Losses of rows of classes: cross-entropy and negative log-likelihood.

The kernels' options are explained in `torchlean/cpu/class_losses.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torchlean.compiler.select import Selection, selects
from torchlean.compiler.steps import Step

NO_INDEX = -(2**63)
"""Given to kernels as the index to ignore where none is."""

LARGE = 2**16
"""From so many logits on, rows are shared out to threads."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One use of a loss of rows: its sizes, options and constants."""

    loss: str
    rows: int
    classes: int
    by_index: bool
    mean: int
    integers: dict[str, int]
    """Those that every kernel of the loss takes."""

    values: dict[str, int]
    """The buffers that every kernel of the loss reads."""


def _rows(selection: Selection, step: Step, loss: str) -> Rows:
    attributes, graph = step.attributes, selection.graph
    operands = selection.operands(step)
    rows, classes = step.operand_sizes[0]
    by_index = not loss.endswith("_probabilities")
    weights = attributes.optional_exacts("class_weights") or ()
    integers = {"rows": rows, "classes": classes, "weights": len(weights)}
    values = {"target": operands[1], "class_weights": graph.constant(*weights)}
    if by_index:
        ignored = attributes.optional_integer("ignore_index")
        integers["ignore_index"] = NO_INDEX if ignored is None else ignored
    if loss.startswith("negative_log_likelihood"):
        values["log_probabilities"] = operands[0]
    else:
        values["logits"] = operands[0]
        pair = _smoothing(attributes.get("label_smoothing"), classes, by_index)
        integers["smoothed"] = int(bool(pair))
        values["smoothing"] = graph.constant(*pair)
    mean = int(attributes.text("reduction") == "mean")
    return Rows(loss, rows, classes, by_index, mean, integers, values)


def _smoothing(given: object, classes: int, by_index: bool) -> tuple[Fraction, ...]:
    """The pair that the kernels take; nothing without smoothing."""
    if not isinstance(given, Fraction | int) or not given:
        return ()
    smoothing = Fraction(given)
    share = smoothing / classes
    return (share, 1 - smoothing + share) if by_index else (1 - smoothing, share)


def _scale(selection: Selection, loss: Rows) -> int:
    """What derivatives are multiplied by, and what the mean divides by."""
    graph, scale = selection.graph, selection.graph.value(2)
    if not loss.by_index:
        integers = {"rows": loss.rows, "mean": loss.mean}
        graph.call("distribution_scale", integers, scale=scale)
        return scale
    names = ("rows", "classes", "weights", "ignore_index")
    graph.call(
        "class_scale",
        {name: loss.integers[name] for name in names} | {"mean": loss.mean},
        target=loss.values["target"],
        class_weights=loss.values["class_weights"],
        scratch=graph.value(loss.rows),
        scale=scale,
    )
    return scale


@selects(
    "cross_entropy",
    "cross_entropy_probabilities",
    "negative_log_likelihood",
    "negative_log_likelihood_probabilities",
)
def value(selection: Selection, step: Step) -> None:
    """The rows' losses, and then their sum or mean."""
    loss = _rows(selection, step, step.operation)
    graph, out = selection.graph, selection.result(step)
    reduced = step.attributes.text("reduction") != "none"
    losses = graph.value(loss.rows) if reduced else out
    scratch = {}
    if "logits" in loss.values:
        scratch["scratch"] = graph.value(loss.rows * loss.classes)
    elif not loss.by_index:
        scratch["scratch"] = graph.value(loss.classes)
    kernel = f"{loss.loss}_rows"
    graph.call(kernel, loss.integers, **loss.values, row_losses=losses, **scratch)
    if reduced:
        _reduce(selection, loss, losses, _scale(selection, loss), out)


def _reduce(
    selection: Selection, loss: Rows, losses: int, scale: int, out: int
) -> None:
    rows = {"rows": loss.rows}
    selection.graph.call("class_mean", rows, row_losses=losses, scale=scale, loss=out)


@selects(
    "cross_entropy_gradient",
    "cross_entropy_probabilities_gradient",
    "negative_log_likelihood_gradient",
    "negative_log_likelihood_probabilities_gradient",
)
def gradient(selection: Selection, step: Step) -> None:
    """The derivative in the logits, or in the log-probabilities."""
    loss = _rows(selection, step, step.operation.removesuffix("_gradient"))
    values = dict(loss.values)
    if "logits" in values:
        values["scratch"] = selection.graph.value(loss.rows)
    else:
        del values["log_probabilities"]
    upstreams = step.operand_sizes[2]
    selection.graph.call(
        step.operation,
        loss.integers | {"upstreams": upstreams[0] if upstreams else 1},
        **values,
        scale=_scale(selection, loss),
        upstream=selection.operands(step)[2],
        out=selection.result(step),
    )


@selects("cross_entropy_with_gradient", "cross_entropy_probabilities_with_gradient")
def with_gradient(selection: Selection, step: Step) -> None:
    """The loss, and its derivative of an upstream of 1; large ones in pieces."""
    loss = _rows(selection, step, step.operation.removesuffix("_with_gradient"))
    graph, losses = selection.graph, selection.graph.value(loss.rows)
    total, out = selection.result(step, 0), selection.result(step, 1)
    if loss.rows * loss.classes < LARGE:
        graph.call(
            step.operation,
            loss.integers | {"mean": loss.mean},
            **loss.values,
            scale=graph.value(2),
            row_losses=losses,
            loss=total,
            out=out,
        )
        return
    scale = _scale(selection, loss)
    graph.call(
        f"{loss.loss}_rows_with_gradient",
        loss.integers,
        **loss.values,
        scale=scale,
        row_losses=losses,
        out=out,
    )
    _reduce(selection, loss, losses, scale, total)
