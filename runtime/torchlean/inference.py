"""What a model answers: predictions and losses of whole data sets, batch by batch.

Random layers rest, unless they are asked to act as in a step. Losses are summed
within a batch by the compiled plan, and over batches in binary64, so that a mean is
over samples however they were grouped. A batch is forgotten before the next is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean import metrics
from torchlean.compiler import layout as names
from torchlean.compiler.assembly import Compiled
from torchlean.compiler.layout import Layout
from torchlean.compiler.lower import compile_evaluation
from torchlean.cpu.registry import Mode
from torchlean.cpu.running import STATUS, STEP
from torchlean.interpreter import Machine
from torchlean.rounding import nearest
from torchlean.targets import (
    Wanted,
    denominator,
    ignored_index,
    is_own,
    wanted_targets,
)
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import output_shape
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.metrics import Count
from torchlean_spec.operations import Kind
from torchlean_spec.shape import shape_of, sizes
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat

Array = NDArray[Any]

Batch = tuple[Array, Array]
"""Inputs `[samples, ..]`, and a target for each of them."""

Ready = tuple[Machine, Compiled, tuple[int, ...]]
"""A machine, its plan, and the sizes of a prediction."""

LARGEST_BATCH = 512
"""Samples that are evaluated at once: their activations stay in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model makes of a data set."""

    loss: float
    """Reduced as the task's loss says."""
    predictions: Array
    """One row for each sample."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How good a model is on samples, without what it made of each."""

    loss: float
    """Reduced as the task's loss says."""
    count: Count | None
    """How many classes were right; none where the targets are numbers."""


def slices_of(inputs: Array, targets: Array) -> Iterator[Batch]:
    """Samples in the batches that they are evaluated in, as views."""
    for start in range(0, len(inputs), LARGEST_BATCH):
        stop = start + LARGEST_BATCH
        yield inputs[start:stop], targets[start:stop]


def machine_of(
    compiled: Compiled, shared: Mapping[str, Array], threads: int | None
) -> Machine:
    """A machine for a plan, its constants in place.

    Args:
        compiled: The plan; it is verified first.
        shared: The arrays of the buffers that outlive the plan, and others.
        threads: How many threads to use.
    """
    compiled.verify()
    plan = compiled.plan
    outside = {
        name: shared[name] for name, buffer in plan.buffers.items() if buffer.outside
    }
    machine = Machine(plan, outside, threads)
    number_format: NumberFormat = plan.dtype.value
    for each in compiled.constants:
        start, stop = each.place.start, each.place.start + each.size
        array = machine.array(each.place.buffer)
        if each.place.buffer == names.CONSTANT_INTEGERS:
            array[start:stop] = [int(number) for number in each.numbers]
        else:
            array[start:stop] = [nearest(n, number_format) for n in each.numbers]
    return machine


def run_rows(machine: Machine, rows: range) -> None:
    """Run some rows of a plan one by one, until one sets the status."""
    for row in rows:
        machine.run_row(row)
        if machine.control[STATUS]:
            return


class Inference:
    """Evaluates a model, whose parameters may change between calls.

    Args:
        task: The task.
        sample: The sizes of one input.
        mode: `fast` or `strict`.
        number_format: `float32` or `float64`.
        seed: Of random layers, where they act.
        layout: Where the parameters lie.
        parameters: The parameters, which are read at each call.
        eager: Whether rows are run one by one.
        threads: How many threads to use.
    """

    def __init__(
        self,
        task: Task,
        sample: tuple[int, ...],
        mode: Mode,
        number_format: NumberFormat,
        seed: int,
        layout: Layout,
        parameters: Array,
        eager: bool,
        threads: int | None,
    ) -> None:
        self._task = task
        self._sample = sample
        self._mode = mode
        self._number_format = number_format
        self._seed = seed
        self._layout = layout
        self._shared = {names.PARAMETERS: parameters}
        self._eager = eager
        self._threads = threads
        self._wanted: dict[int, Wanted] = {}
        self._machines: dict[tuple[int, bool, bool], Ready] = {}

    def predict(self, inputs: Array, step: int | None = None) -> Array:
        """The model's answers to inputs `[samples, ..]`.

        Args:
            inputs: The inputs.
            step: Let random layers act as in the step after so many; the inputs
                are then one batch, however many they are. By default they rest.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for inputs of another shape.
        """
        self.require_inputs(inputs)
        size = LARGEST_BATCH if step is None else len(inputs)
        starts = range(0, len(inputs), size)
        parts = [self._run(inputs[s : s + size], None, step)[1] for s in starts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def evaluate(self, inputs: Array, targets: Array) -> Answer:
        """Loss and predictions of samples.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for inputs or targets of other shapes
                or kinds, `CLASS_OUT_OF_RANGE` for a label that is no class.
        """
        self.require_inputs(inputs)
        wanted_targets(self._task, inputs.shape).check(targets)
        sums, found = _Sums(self._task), []
        for batch in slices_of(inputs, targets):
            total, predictions = self._run(*batch, None)
            sums.add(total, predictions, batch[1])
            found.append(predictions)
        return Answer(sums.loss(), np.concatenate(found))

    def measure(self, batches: Iterable[Batch], step: int | None = None) -> Measured:
        """The loss of all samples of some batches, and how many classes are right.

        Args:
            batches: The batches, asked for one by one; none is kept.
            step: As for `predict`.

        Raises:
            TorchLeanError: As `evaluate`; `EMPTY_DATA` for no batches, and where
                classes are counted and no sample counts.
        """
        sums, seen = _Sums(self._task), 0
        for inputs, targets in batches:
            self.require_inputs(inputs)
            self.wanted_targets(len(inputs)).check(targets, seen)
            total, predictions = self._run(inputs, targets, step)
            sums.add(total, predictions, targets)
            sums.count(predictions, targets)
            seen += len(inputs)
            # The next batch may be made in the place of this one.
            del inputs, targets
        if not seen:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected at least 1 batch to evaluate, got none"
            )
        return Measured(sums.loss(), sums.counted())

    def require_inputs(self, inputs: Array) -> None:
        """Refuse inputs of another shape.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH`.
        """
        if inputs.shape[1:] != self._sample or not len(inputs):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected inputs of shape [samples, {_listed(self._sample)}], "
                f"got {list(inputs.shape)}",
            )

    def wanted_targets(self, batch: int) -> Wanted:
        """Which targets a batch of so many samples has; found out once."""
        if batch not in self._wanted:
            found = wanted_targets(self._task, (batch, *self._sample))
            self._wanted[batch] = found
        return self._wanted[batch]

    def _run(
        self, inputs: Array, targets: Array | None, step: int | None
    ) -> tuple[float, Array]:
        """The summed loss and the predictions of one batch."""
        key = len(inputs), targets is not None, step is not None
        machine, compiled, shape = self._machine(*key)
        machine.array(names.INPUTS)[:] = inputs.reshape(-1)
        if targets is not None:
            machine.array(names.TARGETS)[:] = targets.reshape(-1)
        machine.control[STATUS] = 0
        machine.control[STEP] = step or 0
        if self._eager:
            run_rows(machine, range(len(compiled.plan.rows)))
        else:
            machine.run(1)
        predictions = machine.array(names.PREDICTION).reshape(shape).copy()
        with_loss = targets is not None
        return float(machine.array(names.LOSS)[0]) if with_loss else 0.0, predictions

    def _machine(self, batch: int, with_loss: bool, acting: bool) -> Ready:
        """The machine for a batch size and the prediction's sizes; made once."""
        key = batch, with_loss, acting
        if key not in self._machines:
            compiled = compile_evaluation(
                self._task,
                self._sample,
                self._mode,
                self._number_format,
                self._layout,
                batch,
                with_loss,
                self._seed if acting else None,
            )
            machine = machine_of(compiled, self._shared, self._threads)
            shape = output_shape(self._task.model, shape_of((batch, *self._sample)))
            self._machines[key] = machine, compiled, sizes(shape)
        return self._machines[key]


class _Sums:
    """What is known of the samples seen so far: sums and counts, no samples."""

    def __init__(self, task: Task) -> None:
        self._loss = task.loss
        self._total = 0.0
        self._denominator = Fraction(0)
        self._correct = 0
        self._counted = 0
        self._is_indexed = task.loss.target_kind is Kind.INDEX
        # Rows of probabilities are classes as long as each of them is one-hot.
        self._is_one_hot = isinstance(task.loss, CrossEntropy) and not self._is_indexed

    def add(self, total: float, predictions: Array, targets: Array) -> None:
        """Take in a batch's summed loss, and what a mean divides by."""
        if is_own(self._loss) and self._loss.reduction == "mean":
            # Its plan gives the mean of the batch.
            total *= len(targets)
        self._total += total
        self._denominator += denominator(self._loss, predictions, targets)

    def count(self, predictions: Array, targets: Array) -> None:
        """Take in how many classes are right, where there are classes."""
        if self._is_indexed:
            counts = targets != ignored_index(self._loss)
            right = metrics.classes(predictions) == targets
            self._correct += int(np.count_nonzero(right & counts))
            self._counted += int(np.count_nonzero(counts))
        elif self._is_one_hot:
            hot = targets == 1
            alone = np.count_nonzero(targets, axis=1) == 1
            self._is_one_hot = bool(hot.any(axis=1).all() and alone.all())
            right = metrics.classes(predictions) == np.argmax(hot, axis=1)
            self._correct += int(np.count_nonzero(right))
            self._counted += len(targets)

    def loss(self) -> float:
        """The loss of all samples, reduced as the task says."""
        if self._loss.reduction != "mean":
            return self._total
        divisor = float(self._denominator)
        return self._total / divisor if divisor else math.nan

    def counted(self) -> Count | None:
        """How many classes are right."""
        if not self._is_indexed and not self._is_one_hot:
            return None
        if not self._counted:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected at least 1 sample that counts, got none"
            )
        return Count(self._correct, self._counted)


def _listed(extents: tuple[int, ...]) -> str:
    return ", ".join(map(str, extents)) or ".."
