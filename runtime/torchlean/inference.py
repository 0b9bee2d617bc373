"""What a model answers: predictions and losses of whole data sets, batch by batch.

Random layers rest. Losses are summed within a batch by the compiled plan, and over
batches in binary64, so that a mean is over samples however they were grouped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.compiler import layout as names
from torchlean.compiler.assembly import Compiled
from torchlean.compiler.layout import Layout
from torchlean.compiler.lower import compile_evaluation
from torchlean.cpu.registry import Mode
from torchlean.cpu.running import STATUS
from torchlean.interpreter import Machine
from torchlean.rounding import nearest
from torchlean.targets import denominator, target_array
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import output_shape
from torchlean_spec.shape import shape_of, sizes
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat

Array = NDArray[Any]

LARGEST_BATCH = 512
"""Samples that are evaluated at once: their activations stay in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model makes of a data set."""

    loss: float
    """Reduced as the task's loss says."""
    predictions: Array
    """One row for each sample."""


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
        layout: Layout,
        parameters: Array,
        eager: bool,
        threads: int | None,
    ) -> None:
        self._task = task
        self._sample = sample
        self._mode = mode
        self._number_format = number_format
        self._layout = layout
        self._shared = {names.PARAMETERS: parameters}
        self._eager = eager
        self._threads = threads
        self._machines: dict[tuple[int, bool], tuple[Machine, Compiled]] = {}

    def predict(self, inputs: Array) -> Array:
        """The model's answers to inputs `[samples, ..]`.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for inputs of another shape.
        """
        _, predictions = self._run(inputs, None)
        return predictions

    def evaluate(self, inputs: Array, targets: Array) -> Answer:
        """Loss and predictions of samples.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for inputs or targets of other shapes
                or kinds, `CLASS_OUT_OF_RANGE` for a label that is no class.
        """
        checked = target_array(self._task, inputs, targets, self._number_format)
        total, predictions = self._run(inputs, checked)
        if self._task.loss.reduction == "mean":
            counted = denominator(self._task.loss, predictions, checked)
            total = total / counted if counted else math.nan
        return Answer(total, predictions)

    def _run(self, inputs: Array, targets: Array | None) -> tuple[float, Array]:
        """The summed loss, and the predictions, of all batches."""
        if inputs.shape[1:] != self._sample or not len(inputs):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected inputs of shape [samples, {_listed(self._sample)}], "
                f"got {list(inputs.shape)}",
            )
        total, found = 0.0, []
        for start in range(0, len(inputs), LARGEST_BATCH):
            batch = inputs[start : start + LARGEST_BATCH]
            machine, compiled = self._machine(len(batch), targets is not None)
            machine.array(names.INPUTS)[:] = batch.reshape(-1)
            if targets is not None:
                answers = targets[start : start + LARGEST_BATCH]
                machine.array(names.TARGETS)[:] = answers.reshape(-1)
            if self._eager:
                run_rows(machine, range(len(compiled.plan.rows)))
            else:
                machine.run(1)
            predicted = machine.array(names.PREDICTION).reshape(len(batch), -1)
            found.append(predicted.copy())
            if targets is not None:
                total += float(machine.array(names.LOSS)[0])
        shape = output_shape(self._task.model, shape_of(inputs.shape))
        return total, np.concatenate(found).reshape(sizes(shape))

    def _machine(self, batch: int, with_loss: bool) -> tuple[Machine, Compiled]:
        """The machine for a batch size, made when it is first needed."""
        if (batch, with_loss) not in self._machines:
            compiled = compile_evaluation(
                self._task,
                self._sample,
                self._mode,
                self._number_format,
                self._layout,
                batch,
                with_loss,
            )
            machine = machine_of(compiled, self._shared, self._threads)
            self._machines[batch, with_loss] = machine, compiled
        return self._machines[batch, with_loss]


def _listed(extents: tuple[int, ...]) -> str:
    return ", ".join(map(str, extents)) or ".."
