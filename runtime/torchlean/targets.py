"""Targets as the arrays that a task's loss reads, checked sample by sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import exact
from torchlean_spec.layers import output_shape
from torchlean_spec.losses import ROW_LOSSES, Loss
from torchlean_spec.operations import Kind
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat

Array = NDArray[Any]

KINDS = ("numbers", "class indices")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which targets a task has for a batch of inputs."""

    sizes: tuple[int, ...]
    """The sizes of the targets, the batch's included."""
    are_indices: bool
    """Whether they are class indices."""
    classes: int
    """How many classes there are, where they are."""
    ignored: int | None
    """The label that marks samples to ignore, if the loss has one."""

    def check(self, targets: Array, first: int = 0) -> None:
        """Refuse targets of another shape or kind, or labels that are no class.

        Args:
            targets: One for each sample.
            first: The number of the first sample, for the sentence.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE`.
        """
        are_indices = np.issubdtype(targets.dtype, np.integer)
        if targets.shape != self.sizes or are_indices != self.are_indices:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected targets of shape {list(self.sizes)} that are "
                f"{KINDS[self.are_indices]}, got {list(targets.shape)} that are "
                f"{KINDS[are_indices]}",
            )
        if self.are_indices and targets.size:
            # Two numbers tell whether all is well; nothing is allocated for that.
            least, largest = int(targets.min()), int(targets.max())
            if least < 0 or largest >= self.classes:
                self._check_each(targets, first)

    def _check_each(self, labels: Array, first: int) -> None:
        wrong = (labels < 0) | (labels >= self.classes)
        if self.ignored is not None:
            wrong &= labels != self.ignored
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), labels.shape)
            raise TorchLeanError(
                Reason.CLASS_OUT_OF_RANGE,
                f"sample {first + int(place[0])}: expected a class from 0 to "
                f"{self.classes - 1}, got {labels[place]}",
            )


def wanted_targets(task: Task, inputs: tuple[int, ...]) -> Wanted:
    """Which targets a task has for inputs of some sizes, `[batch, ..]`.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the model does not take the inputs.
    """
    return wanted_by(task.loss, output_shape(task.model, shape_of(inputs)))


def wanted_by(loss: Loss, prediction: Shape) -> Wanted:
    """Which targets a loss has for predictions of some shape, `[batch, ..]`.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the loss does not take the predictions.
    """
    return Wanted(
        sizes(loss.target_shape(prediction)),
        loss.target_kind is Kind.INDEX,
        (1, *sizes(prediction))[-1],
        ignored_index(loss),
    )


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
    wanted = wanted_targets(task, inputs.shape)
    wanted.check(targets)
    return np.ascontiguousarray(
        targets, np.int64 if wanted.are_indices else number_format
    )


def is_own(loss: Loss) -> bool:
    """Whether a loss is the user's, and none of the spec's.

    Of such a loss nothing is known but what it makes of a batch: of several batches,
    its mean is that over their samples.
    """
    return type(loss).__module__.partition(".")[0] != "torchlean_spec"


def denominator(loss: Loss, predictions: Array, targets: Array) -> Fraction:
    """What the mean of a loss over samples divides by; see the spec's losses.

    It is exact, so that the parts of several batches may be added.
    """
    if is_own(loss):
        return Fraction(len(targets))
    if loss.target_kind is Kind.REAL:
        by_rows = isinstance(loss, ROW_LOSSES)
        terms = predictions.shape[:-1] if by_rows else predictions.shape
        return Fraction(math.prod(terms))
    counted = targets[targets != ignored_index(loss)]
    given = getattr(loss, "class_weights", None)
    if given is None:
        return Fraction(counted.size)
    occurrences = np.bincount(counted.reshape(-1), minlength=len(given)).tolist()
    pairs = zip(given, occurrences, strict=True)
    return sum((exact(weight) * count for weight, count in pairs), Fraction(0))


def ignored_index(loss: Loss) -> int | None:
    """The label that marks samples to ignore, if the loss has one."""
    found: int | None = getattr(loss, "ignore_index", None)
    return found
