"""A training run under way: the memory it lives in, and the plans that advance it.

>>> from torchlean.data import tensor_dataset
>>> from torchlean_spec.data import Loader
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> from torchlean_spec.task import Task
>>> line = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [[1.0], [3.0], [5.0], [7.0]])
>>> task = Task(Linear(1, 1), MeanSquaredError())
>>> engine = Engine(TrainingRun(task, SGD(0.1), Loader(4, 4), steps=300), line)
>>> losses = engine.run(300)
>>> [round(float(each.item()), 3) for each in engine.state().parameters.values()]
[2.0, 1.0]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.coefficients import coefficient_table
from torchlean.compiler import layout as names
from torchlean.compiler.assembly import Compiled
from torchlean.compiler.layout import slot_buffer
from torchlean.compiler.lower import CAPACITY, compile_step
from torchlean.compiler.updates import coefficient_starts, slot_layouts
from torchlean.cpu.registry import Mode
from torchlean.cpu.running import (
    LOSS_START,
    POSITION,
    STATUS,
    STEP,
    STOPPED_NOT_FINITE,
    TABLE_START,
)
from torchlean.data.dataset import TensorDataset
from torchlean.engine_data import (
    as_batch,
    inputs_of,
    own_copy,
    require_one_batch,
    write_batch,
)
from torchlean.epochs import Orders, used_places
from torchlean.inference import Answer, Inference, machine_of, run_rows
from torchlean.initial import initial_parameters, initial_slots
from torchlean.interpreter import CONTROL, Machine, aligned_zeros
from torchlean.state import RecordedStep, State, Tensors
from torchlean.targets import target_array
from torchlean_spec import certificate
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape, sizes
from torchlean_spec.training import TrainingRun

Array = NDArray[Any]
Data = TensorDataset[Shape, Targets]
OnSlice = Callable[[Array], None]
"""Takes the losses of the steps of a slice."""

SLICE_SECONDS = 0.1
"""How long a slice should take; Python's signals and callbacks wait meanwhile."""

FIRST_TABLE = 64
"""Steps whose coefficients are made together at least."""


class Engine:
    """Runs a training run over a data set, a slice of steps at a time.

    If a loss is not finite, the run stops before that step's update: parameters,
    optimizer state and the number of steps are those after the step before.

    Args:
        training_run: What to run.
        dataset: The samples that its loader counts.
        backend: `compiled` runs whole slices in one call, `eager` row by row from
            Python; the bits are the same.
        strict: Whether every bit shall be the spec's.
        threads: How many threads to use, by default all; the bits are the same.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for data that do
            not fit the task, `UNSUPPORTED` for what this machine has no kernels
            for.
    """

    def __init__(
        self,
        training_run: TrainingRun,
        dataset: Data,
        *,
        backend: Literal["compiled", "eager"] = "compiled",
        strict: bool = False,
        threads: int | None = None,
    ) -> None:
        loader = training_run.loader
        if loader.count != len(dataset):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected a data set of {loader.count} samples as the loader "
                f"counts, got {len(dataset)}",
            )
        self.training_run = training_run
        self._dataset = dataset
        self._eager = backend == "eager"
        self._threads = threads
        self._mode = Mode.STRICT if strict else Mode.FAST
        self.sample = sizes(dataset.input_shape)
        """The sizes of one input."""
        self._orders = Orders(loader)
        self._pace = 1
        self._table_end = 0
        self._fed: int | None = None
        self._machines: dict[int, tuple[Machine, Compiled]] = {}
        self._buffers: dict[str, Array] = {}
        self._allocate()
        self.inference = Inference(
            training_run.task,
            self.sample,
            self._mode,
            training_run.number_format,
            training_run.seed,
            self.layout,
            self._buffers[names.PARAMETERS],
            self._eager,
            threads,
        )
        self._initialize()

    @property
    def is_fed(self) -> bool:
        """Whether steps see a batch that was given; see `feed`."""
        return self._fed is not None

    @property
    def capacity(self) -> int:
        """The samples of the largest batch."""
        return self.training_run.loader.batch_size

    @property
    def step(self) -> int:
        """How many updates were made."""
        return int(self._buffers[CONTROL][STEP])

    def run(self, steps: int, on_slice: OnSlice | None = None) -> Array:
        """Make some steps.

        Args:
            steps: How many.
            on_slice: Is given the losses of each slice of steps; a loss that is not
                finite is the last one.

        Returns:
            The loss of each step's batch before its update.

        Raises:
            TorchLeanError: `NOT_FINITE` if a loss is not, naming step and loss.
        """
        first = self.step
        losses = np.empty(steps, self.training_run.number_format)
        while (begin := self.step) < first + steps:
            machine, compiled, count = self._prepare(first + steps)
            started = time.perf_counter()
            self._run_rows(machine, count, len(compiled.plan.rows))
            self._keep_pace(time.perf_counter() - started, self.step - begin)
            part = self._losses_since(begin)
            losses[begin - first : begin - first + len(part)] = part
            if on_slice is not None:
                on_slice(part)
            self._require_finite(part)
        return losses

    def feed(self, inputs: ArrayLike, targets: ArrayLike) -> None:
        """Let the next steps see a batch that is given here.

        The engine's loader gives one batch of all its samples, in order; from the
        first call on the engine has samples of its own, and each call writes over
        them. A batch may have fewer samples than they are.

        Args:
            inputs: `[samples, ..]`, rounded once to the run's format.
            targets: One for each of them.

        Raises:
            TorchLeanError: `CONTRADICTION` for an engine with another loader,
                `BATCH_SIZE` for more samples than its own, `SHAPE_MISMATCH`,
                `CLASS_OUT_OF_RANGE` or `DOMAIN` for what does not fit the task.
        """
        require_one_batch(self.training_run.loader)
        batch = as_batch(inputs, targets)
        if self._fed is None:
            self._own_data()
        write_batch(self.inference, self._data_stores(), batch)
        self._fed = len(batch[0])

    def forward(self) -> float:
        """The loss of the batch of the next step, as that step has it.

        Nothing is updated. The loss may be a NaN or an infinity.
        """
        machine, compiled, _ = self._prepare(self.step + 1)
        self._run_rows(machine, 1, compiled.rows_to_loss)
        return float(self._losses_since(self.step, 1)[0])

    def backward(self) -> tuple[float, dict[str, Array]]:
        """The loss of the batch of the next step, and its gradients by name.

        They are those of that step, before clipping; nothing is updated.

        Raises:
            TorchLeanError: `NOT_FINITE` if the loss is not, naming step and loss.
        """
        machine, compiled, _ = self._prepare(self.step + 1)
        self._run_rows(machine, 1, compiled.phases["backward"].stop)
        loss = self._losses_since(self.step, 1)
        self._require_finite(loss)
        return float(loss[0]), self.layout.read(self._buffers[names.GRADIENTS])

    def record_step(self) -> certificate.RecordedStep:
        """Make one step and say all of it, for a certificate.

        The rows are those of any other step, so that recording changes no bits.

        Raises:
            TorchLeanError: `NOT_FINITE` if the loss is not, naming step and loss.
        """
        return self.record_arrays().to_spec()

    def record_arrays(self) -> RecordedStep:
        """Make one step and say all of it, as arrays.

        Raises:
            TorchLeanError: As `record_step`.
        """
        machine, compiled, _ = self._prepare(self.step + 1)
        before = self.state()
        control, phases = self._buffers[CONTROL], compiled.phases
        position = int(control[POSITION])
        batch = self._batch_size(before.step)
        indices = self._buffers[names.ORDER][position : position + batch].copy()
        gradients = self._buffers[names.GRADIENTS]
        run_rows(machine, range(phases["backward"].stop))
        loss = self._losses_since(before.step, 1)
        self._require_finite(loss)
        unclipped = self.layout.read(gradients)
        run_rows(machine, phases["clip"])
        clipped = self.layout.read(gradients)
        run_rows(machine, phases["update"])
        return RecordedStep(
            before.step + 1,
            before,
            indices,
            float(loss[0]),
            unclipped,
            clipped,
            self.state(),
        )

    def state(self) -> State:
        """Copies of parameters and optimizer state."""
        slots = {
            name: layout.read(self._buffers[slot_buffer(name)])
            for name, layout in self.slot_layouts.items()
        }
        parameters = self.layout.read(self._buffers[names.PARAMETERS])
        return State(self.step, parameters, slots)

    def parameters(self) -> dict[str, Array]:
        """Copies of the parameters."""
        return self.layout.read(self._buffers[names.PARAMETERS])

    def set_parameters(self, parameters: Tensors) -> None:
        """Go on from other parameters; step and optimizer state stay.

        Raises:
            TorchLeanError: `OTHER_MODEL` if their names or shapes are not the run's.
        """
        self.layout.write(self._buffers[names.PARAMETERS], parameters)

    def set_state(self, state: State) -> None:
        """Go on from another state.

        Raises:
            TorchLeanError: `OTHER_MODEL` if its names or shapes are not the run's.
        """
        wanted = self.slot_layouts
        if set(state.slots) != set(wanted):
            raise TorchLeanError(
                Reason.OTHER_MODEL,
                f"expected the optimizer's state {', '.join(wanted) or 'none'}, "
                f"got {', '.join(state.slots) or 'none'}",
            )
        self.layout.require(state.parameters)
        for name, layout in wanted.items():
            layout.require(state.slots[name])
        self.layout.write(self._buffers[names.PARAMETERS], state.parameters)
        for name, layout in wanted.items():
            layout.write(self._buffers[slot_buffer(name)], state.slots[name])
        self._buffers[CONTROL][STEP] = state.step

    def evaluate(self, dataset: Data | None = None) -> Answer:
        """Loss and predictions of a data set, by default of the run's own.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for data that
                do not fit the task.
        """
        if dataset is None:
            dataset = self._dataset
        return self.inference.evaluate(dataset.inputs, dataset.targets)

    def predict(self, inputs: Array, training: bool = False) -> Array:
        """The model's answers to inputs `[samples, ..]`.

        Args:
            inputs: The inputs.
            training: Whether random layers act, as in the next step; else they rest.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for inputs of another shape.
        """
        return self.inference.predict(
            np.asarray(inputs, self.training_run.number_format),
            self.step if training else None,
        )

    def plan_text(self) -> str:
        """The plan of a step, phase by phase, for people."""
        _, compiled = self._machine(self.training_run.loader.batch_size)
        return compiled.text()

    def _allocate(self) -> None:
        """Compile the plan of a whole batch, and make the buffers that plans share."""
        run, dataset = self.training_run, self._dataset
        inputs = inputs_of(dataset, run.number_format)
        given = {
            names.INPUTS: inputs,
            names.TARGETS: target_array(
                run.task, inputs, dataset.targets, run.number_format
            ),
        }
        compiled = self._compile(run.loader.batch_size)
        self.layout = compiled.layout
        self.slot_layouts = slot_layouts(run, compiled.layout)
        for name, buffer in compiled.plan.buffers.items():
            if buffer.outside and name not in given:
                kind = "int64" if buffer.holds_integers else run.number_format
                width = np.dtype(kind).itemsize
                self._buffers[name] = aligned_zeros(buffer.extent * width).view(kind)
        self._buffers |= given
        machine = machine_of(compiled, self._buffers, self._threads)
        self._machines[run.loader.batch_size] = machine, compiled

    def _initialize(self) -> None:
        """The state that the seed gives."""
        run = self.training_run
        parameters = initial_parameters(run.task.model, run.seed, run.number_format)
        self.layout.write(self._buffers[names.PARAMETERS], parameters)
        for name, tensors in initial_slots(run).items():
            self.slot_layouts[name].write(self._buffers[slot_buffer(name)], tensors)

    def _own_data(self) -> None:
        """Have samples that may be written over, and machines that read them."""
        stores = zip((names.INPUTS, names.TARGETS), self._data_stores(), strict=True)
        self._buffers |= {name: own_copy(array) for name, array in stores}
        self._machines = {
            batch: (machine_of(compiled, self._buffers, self._threads), compiled)
            for batch, (_, compiled) in self._machines.items()
        }

    def _data_stores(self) -> tuple[Array, Array]:
        """The inputs and targets that steps read."""
        return self._buffers[names.INPUTS], self._buffers[names.TARGETS]

    def _compile(self, batch: int) -> Compiled:
        return compile_step(self.training_run, self.sample, self._mode, batch)

    def _machine(self, batch: int) -> tuple[Machine, Compiled]:
        """The machine for a batch size, made when it is first needed."""
        if batch not in self._machines:
            compiled = self._compile(batch)
            machine = machine_of(compiled, self._buffers, self._threads)
            self._machines[batch] = machine, compiled
        return self._machines[batch]

    def _batch_size(self, step: int) -> int:
        """How many samples the update with a number, counted from 0, sees."""
        if self._fed is not None:
            return self._fed
        loader = self.training_run.loader
        number = (self.training_run.batches_before + step) % loader.batches_per_epoch
        return min(loader.batch_size, loader.count - number * loader.batch_size)

    def _prepare(self, stop: int) -> tuple[Machine, Compiled, int]:
        """Make ready for the next slice, which ends at `stop` at the latest.

        Everything is derived from the number of steps made, so that an interrupt
        between two slices leaves nothing half done.

        Returns:
            The machine, its plan, and how many steps to run.
        """
        control, loader, step = (
            self._buffers[CONTROL],
            self.training_run.loader,
            self.step,
        )
        given = self.training_run.batches_before
        self._orders.load(self._buffers[names.ORDER], given + step, given + stop)
        self._load_table(step, stop)
        loaded = self._orders.batches
        position = given + step - loaded.start
        control[POSITION] = position * loader.batch_size
        control[LOSS_START] = step
        control[STATUS] = 0
        batch = self._batch_size(step)
        left = loaded.stop - given - step
        if batch < loader.batch_size and self._fed is not None:
            left = 1
        elif used_places(loader) % loader.batch_size:
            # The last batch of an epoch is smaller: it is a slice of its own.
            left = 1 if batch < loader.batch_size else left - 1
        count = min(left, stop - step, self._table_end - step, CAPACITY, self._pace)
        return *self._machine(batch), count

    def _load_table(self, step: int, stop: int) -> None:
        """Have the coefficients of the next update in the table, and of more."""
        control, run = self._buffers[CONTROL], self.training_run
        start = int(control[TABLE_START])
        if start <= step < self._table_end:
            return
        wanted = max(FIRST_TABLE, 2 * (self._table_end - start))
        last = max(run.steps, stop)
        count = min(CAPACITY, wanted, last - step)
        self._table_end = 0
        for part, place in coefficient_starts(run.parts):
            table = coefficient_table(
                part.optimizer, run.schedule, step + 1, count, run.number_format
            )
            block = self._buffers[names.COEFFICIENTS][place:]
            block[: table.size] = table.reshape(-1)
        control[TABLE_START] = step
        self._table_end = step + count

    def _run_rows(self, machine: Machine, steps: int, rows: int) -> None:
        """Run the first rows of a plan, as often as there are steps."""
        if not self._eager:
            machine.run(steps, rows)
            return
        for _ in range(steps):
            run_rows(machine, range(rows))
            if self._buffers[CONTROL][STATUS]:
                return

    def _keep_pace(self, seconds: float, steps: int) -> None:
        """Let the next slice take about as long as a slice should."""
        if steps > 0:
            fitting = int(SLICE_SECONDS * steps / max(seconds, 1e-9))
            self._pace = max(1, min(fitting, 8 * self._pace))

    def _losses_since(self, begin: int, more: int = 0) -> Array:
        """The losses of the slice, that of a step that was stopped included."""
        stopped = self._buffers[CONTROL][STATUS] == STOPPED_NOT_FINITE
        count = self.step - begin + max(more, int(stopped))
        return self._buffers[names.LOSSES][:count].copy()

    def _require_finite(self, losses: Array) -> None:
        status = self._buffers[CONTROL][STATUS]
        if status == STOPPED_NOT_FINITE:
            raise TorchLeanError(
                Reason.NOT_FINITE,
                f"step {self.step + 1}: expected a finite loss, got {losses[-1]}",
            )
        if status:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"step {self.step + 1}: expected indices within the data, "
                "got one outside",
            )
