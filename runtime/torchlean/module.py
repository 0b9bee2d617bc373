"""A module: a task with parameters that change; the original's ScalarModule.

It computes losses, gradients and predictions of batches that are given one by one.
Its parameters change where somebody sets them or steps.

>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> module = Module(Task(Linear(1, 1), MeanSquaredError()))
>>> module.set_parameters({"weight": [[2.0]], "bias": [1.0]})
>>> module.forward([[3.0]], [[5.0]])
4.0
>>> {name: each.tolist() for name, each in module.backward([[3.0]], [[5.0]]).items()}
{'weight': [[12.0]], 'bias': [4.0]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.compiler.layout import Layout
from torchlean.data.dataset import AnyDataset, TensorDataset, as_tensors
from torchlean.data.loader import BatchLoader
from torchlean.engine import Engine
from torchlean.engine_data import as_batch
from torchlean.evaluation import Evaluation
from torchlean.execution import Floats, Parameters
from torchlean.inference import Batch, slices_of
from torchlean.initial import initial_parameters
from torchlean.options import Options
from torchlean.state import State
from torchlean.stream import GivenBatch as GivenBatch
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import Dataset, Loader, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import SGD, Optimizer
from torchlean_spec.schedules import Constant, Schedule
from torchlean_spec.shape import Shape
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

Mode = Literal["train", "eval"]
"""Whether random layers act, as in a step of training, or rest."""

Samples = AnyDataset | BatchLoader[Shape, Targets] | Iterable[GivenBatch]
"""What can be evaluated: a data set, a loader's data set, or batches one by one."""

OPEN_END = 2**62
"""The number of steps of a run that ends when nobody asks for more."""


class Module:
    """A task with parameters that change.

    In mode `train` random layers act, with the draw of the step that is next: step
    `steps + 1` of the seed. In mode `eval` they rest. (The original's module runs
    the training program in either mode, with one mask for ever:
    `docs/deviations.md`, B10 and B21.)

    Args:
        task: What is computed.
        options: How; its seed gives the initial parameters.

    Raises:
        TorchLeanError: What the model's initializers refuse.

    Source: the original's `NN/Runtime/Autograd/TorchLean/Module.lean:362-568`.
    """

    def __init__(self, task: Task, options: Options | None = None) -> None:
        self.task = task
        self.options = options or Options()
        self.execution = self.options.execution(task)
        seed, dtype = self.options.seed, self.options.dtype
        self._kept = State(0, initial_parameters(task.model, seed, dtype), {})
        self._layout = Layout.of(task.model, frozenset())
        # The parameters lie in the engine that was used last, and are copied when
        # another one is needed: as a rule, there is but one.
        self._holder: Engine | None = None
        self._own: dict[tuple[int, ...], Engine] = {}

    def __repr__(self) -> str:
        count = sum(each.size for each in self._kept.parameters.values())
        return f"Module({count} parameters, {self.options.dtype})"

    @property
    def steps(self) -> int:
        """How many updates the present parameters come from.

        Those of the stepper or the loop that made them; it counts its own.
        """
        return self._kept.step if self._holder is None else self._holder.step

    @property
    def parameters(self) -> Parameters:
        """Copies of the parameters, each by its name; they cannot be written to."""
        found: dict[str, Floats] = dict(self._current())
        for each in found.values():
            each.flags.writeable = False
        return found

    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> None:
        """Go on from other parameters, rounded once to the dtype.

        Raises:
            TorchLeanError: `OTHER_MODEL` if their names or shapes are not the
                model's, `DOMAIN` for what is no array of numbers.
        """
        given = {name: np.asarray(each) for name, each in parameters.items()}
        self._layout.require(given)
        for name, each in given.items():
            if each.dtype.kind not in "fiub":
                raise TorchLeanError(
                    Reason.DOMAIN,
                    f"{name}: expected numbers, got an array of {each.dtype}",
                )
        dtype = self.options.dtype
        rounded = {name: each.astype(dtype) for name, each in given.items()}
        self._kept = State(self.steps, rounded, {})
        if self._holder is not None:
            self._holder.set_parameters(rounded)

    def forward(
        self, inputs: ArrayLike, targets: ArrayLike, mode: Mode = "train"
    ) -> float:
        """The loss of a batch at the present parameters; nothing is updated.

        In mode `train` it has the bits of the loss of a step with this batch.

        Args:
            inputs: `[samples, ..]`.
            targets: One for each of them.
            mode: Whether random layers act.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH`, `CLASS_OUT_OF_RANGE` or `DOMAIN` for
                what does not fit the task, `UNKNOWN_NAME` for another mode.
        """
        require_mode(mode)
        batch = as_batch(inputs, targets)
        if mode == "eval":
            engine = self.engine_for(_sample_of(batch[0]))
            return engine.inference.measure([batch]).loss
        return self._fed(batch).forward()

    def backward(self, inputs: ArrayLike, targets: ArrayLike) -> dict[str, Floats]:
        """The gradients of a batch's loss in each parameter, by name.

        Those of a step of training with this batch, before clipping: random layers
        act. A parameter without influence on the loss has the gradient zero.

        Raises:
            TorchLeanError: As `forward`; `NOT_FINITE` if the loss is not, since a
                step then is none.
        """
        _, gradients = self._fed(as_batch(inputs, targets)).backward()
        return gradients

    def predict(self, inputs: ArrayLike, mode: Mode = "eval") -> Floats:
        """The model's outputs for a batch of inputs `[samples, ..]`.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take them,
                `UNKNOWN_NAME` for another mode.
        """
        require_mode(mode)
        given = np.asarray(inputs)
        engine = self.engine_for(_sample_of(given))
        return engine.predict(given, training=mode == "train")

    def mean_loss(self, samples: Samples, mode: Mode = "eval") -> float:
        """The loss of all samples as one batch, reduced as the task's loss says.

        No more than one batch is in memory at a time beside the samples themselves.

        Args:
            samples: A data set; a loader, whose data set is meant, so that the
                answer does not depend on its batches; or batches, which are asked
                for one by one.
            mode: Whether random layers act; by default they rest, as in every loss
                that a report has.

        Raises:
            TorchLeanError: As `forward`; `EMPTY_DATA` for no samples at all.
        """
        return self.evaluate(samples, mode).loss

    def evaluate(self, samples: Samples, mode: Mode = "eval") -> Evaluation:
        """The loss of samples and, for classes, how many are right; see `mean_loss`.

        Raises:
            TorchLeanError: As `mean_loss`.
        """
        require_mode(mode)
        sample, batches = batches_of(samples)
        engine = self.engine_for(sample)
        return self.execution.evaluation_of(engine, batches, mode == "train")

    def engine_for(self, sample: tuple[int, ...]) -> Engine:
        """An engine that holds the present parameters, for inputs of some sizes."""
        if self._holder is None or self._holder.sample != sample:
            self.hand_to(self._own_engine(sample, 1))
        assert self._holder is not None
        return self._holder

    def hand_to(self, engine: Engine) -> None:
        """Let an engine hold the parameters from now on.

        An engine of the module's own counts the steps so far; any other its own.
        """
        if engine is self._holder:
            return
        if engine in self._own.values():
            engine.set_state(State(self.steps, self._current(), {}))
        else:
            engine.set_parameters(self._current())
        self._holder = engine

    def take_back(self) -> None:
        """Copy the parameters from the engine that holds them, and let go of it."""
        if self._holder is not None:
            self._kept = State(self.steps, self._holder.parameters(), {})
            self._holder = None

    def new_engine(
        self,
        sample: tuple[int, ...],
        capacity: int,
        optimizer: Optimizer,
        schedule: Schedule,
        clipping: Clipping | None,
    ) -> Engine:
        """An engine whose steps see the batches that it is fed.

        Args:
            sample: The sizes of one input.
            capacity: The largest batch.
            optimizer: Of its steps.
            schedule: Of its steps.
            clipping: Of its steps.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take such inputs.
        """
        run = TrainingRun(
            self.task,
            optimizer,
            Loader(capacity, capacity, shuffle=False),
            OPEN_END,
            schedule,
            clipping,
            self.options.seed,
            self.options.dtype,
        )
        return self.execution.engine(run, self.execution.blank(sample, capacity))

    def _current(self) -> dict[str, NDArray[Any]]:
        """Copies of the present parameters."""
        if self._holder is not None:
            return self._holder.parameters()
        return {name: each.copy() for name, each in self._kept.parameters.items()}

    def _own_engine(self, sample: tuple[int, ...], capacity: int) -> Engine:
        """An engine that makes no steps; made anew where a batch is larger."""
        known = self._own.get(sample)
        if known is None or known.capacity < capacity:
            if known is not None and known is self._holder:
                self.take_back()
            made = self.new_engine(sample, capacity, SGD(0), Constant(), None)
            self._own[sample] = made
        return self._own[sample]

    def _fed(self, batch: Batch) -> Engine:
        """An engine that holds the parameters and whose next step has a batch."""
        sample = _sample_of(batch[0])
        holder = self._holder
        fits = (
            holder is not None
            and holder.is_fed
            and holder.sample == sample
            and len(batch[0]) <= holder.capacity
        )
        if not fits:
            holder = self._own_engine(sample, max(1, len(batch[0])))
            self.hand_to(holder)
        assert holder is not None
        holder.feed(*batch)
        return holder


def require_mode(mode: Mode) -> None:
    """Refuse a mode that is not `train` or `eval`.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    if mode not in ("train", "eval"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"expected mode 'train' or 'eval', got {mode!r}"
        )


def batches_of(samples: Samples) -> tuple[tuple[int, ...], Iterator[Batch]]:
    """The sizes of one input, and the batches in which samples are evaluated.

    Raises:
        TorchLeanError: `EMPTY_DATA` for no batches, `SHAPE_MISMATCH` for inputs that
            are no batch.
    """
    if isinstance(samples, BatchLoader):
        samples = samples.dataset
    if isinstance(samples, TensorDataset | Dataset):
        data = as_tensors(samples)
        return data.inputs.shape[1:], slices_of(data.inputs, data.targets)
    rest = iter(samples)
    held = [as_batch(*each) for each in islice(rest, 1)]
    if not held:
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected at least 1 batch to evaluate, got none"
        )
    return _sample_of(held[0][0]), _one_by_one(held, rest)


def _one_by_one(held: list[Batch], rest: Iterator[GivenBatch]) -> Iterator[Batch]:
    """The batches held and then the rest, without a name for any given away."""
    yield held.pop()
    for each in rest:
        held.append(as_batch(*each))
        del each
        yield held.pop()


def _sample_of(inputs: NDArray[Any]) -> tuple[int, ...]:
    if inputs.ndim < 2 or not len(inputs):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [samples, features, ..] of at least 1 sample, "
            f"got {list(inputs.shape)}",
        )
    return inputs.shape[1:]
