"""Targets as the arrays that a task's loss reads, checked sample by sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import exact
from torchlean_spec.layers import output_shape
from torchlean_spec.losses import CrossEntropy, Loss
from torchlean_spec.operations import Kind
from torchlean_spec.shape import shape_of, sizes
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat

Array = NDArray[Any]


def target_array(
    task: Task, inputs: Array, targets: Array, number_format: NumberFormat
) -> Array:
    """The targets of some inputs: int64 class indices, or numbers of the format.

    Args:
        task: The task.
        inputs: `[samples, ..]`.
        targets: One for each of them.
        number_format: `float32` or `float64`.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the model does not take the inputs, or
            for targets of another shape or kind; `CLASS_OUT_OF_RANGE` for a label
            that is no class of the model.
    """
    prediction = output_shape(task.model, shape_of(inputs.shape))
    wanted = task.loss.target_shape(prediction)
    are_indices = np.issubdtype(targets.dtype, np.integer)
    want_indices = task.loss.target_kind is Kind.INDEX
    if targets.shape != sizes(wanted) or are_indices != want_indices:
        kinds = ("numbers", "class indices")
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected targets of shape {wanted} that are {kinds[want_indices]}, got "
            f"{list(targets.shape)} that are {kinds[are_indices]}",
        )
    if not want_indices:
        return np.ascontiguousarray(targets, number_format)
    labels = np.ascontiguousarray(targets, np.int64)
    classes = sizes(prediction)[-1]
    wrong = (labels < 0) | (labels >= classes)
    ignored = ignored_index(task.loss)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        sample = int(np.argmax(wrong))
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"sample {sample}: expected a class from 0 to {classes - 1}, "
            f"got {labels[sample]}",
        )
    return labels


def denominator(loss: Loss, predictions: Array, targets: Array) -> float:
    """What the mean of a loss over samples divides by; see the spec's losses."""
    if loss.target_kind is Kind.REAL:
        rows = isinstance(loss, CrossEntropy)
        return float(len(predictions) if rows else predictions.size)
    counted = targets[targets != ignored_index(loss)]
    given = getattr(loss, "class_weights", None)
    if given is None:
        return float(counted.size)
    weights = np.array([float(exact(weight)) for weight in given])
    return float(weights[counted].sum())


def ignored_index(loss: Loss) -> int | None:
    """The label that marks samples to ignore, if the loss has one."""
    found: int | None = getattr(loss, "ignore_index", None)
    return found
