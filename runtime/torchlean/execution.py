"""How a task is computed: format, backend, strictness, threads.

An `Execution` makes engines: one for a run, and small ones that answer for given
parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from torchlean import metrics
from torchlean.compiler.assembly import Compiled
from torchlean.compiler.lower import compile_step
from torchlean.cpu.registry import Mode
from torchlean.data.dataset import TargetArray, TensorDataset
from torchlean.engine import Engine
from torchlean.evaluation import Evaluation
from torchlean.state import State
from torchlean.targets import ignored_index
from torchlean_spec.data import Loader, Targets
from torchlean_spec.description import RECORDS, digest, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import output_shape
from torchlean_spec.operations import Kind
from torchlean_spec.optimizers import SGD
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import Task, batch_shape
from torchlean_spec.training import NumberFormat, TrainingRun, require_number_format

BackendName = Literal["compiled", "eager"]
"""Whole slices of steps in one call, or the plan's rows one by one; bit-equal."""

BACKENDS = ("compiled", "eager")
DEVICES = ("cpu", "cuda")

Floats = NDArray[np.float32] | NDArray[np.float64]
"""An array in the format of a run."""

Parameters = Mapping[str, Floats]
"""Each parameter by its name."""

Data = TensorDataset[Shape, Targets]


@dataclass(frozen=True, slots=True)
class Execution:
    """A task, and how it is computed.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for a dtype, a backend or a device that does
            not exist, `UNSUPPORTED` for the device cuda, `HYPERPARAMETER` for no
            threads.
    """

    task: Task
    dtype: NumberFormat = "float32"
    backend: BackendName = "compiled"
    strict: bool = False
    threads: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        require_number_format(self.dtype)
        _require_among("backend", self.backend, BACKENDS)
        _require_among("device", self.device, DEVICES)
        if self.device == "cuda":
            raise TorchLeanError(
                Reason.UNSUPPORTED,
                "expected device 'cpu', the only one that this version has kernels "
                "for, got 'cuda'",
            )
        if self.threads is not None and self.threads < 1:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected threads of at least 1, got {self.threads}",
            )

    @property
    def described(self) -> str:
        """What computes, in words."""
        strict = "strict" if self.strict else "fast"
        return f"torchlean cpu, {self.backend}, {strict}, {self.dtype}"

    @property
    def model_digest(self) -> str:
        """The digest of the model's description; nothing where it has none."""
        if type(self.task.model) not in RECORDS.values():
            return ""
        return digest(to_json(self.task.model))

    def engine(self, training_run: TrainingRun, dataset: Data) -> Engine:
        """The engine of a run.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for data that
                do not fit the task, `UNSUPPORTED` for what there is no kernel for.
        """
        return Engine(
            training_run,
            dataset,
            backend=self.backend,
            strict=self.strict,
            threads=self.threads,
        )

    def plan(self, training_run: TrainingRun, dataset: Data) -> Compiled:
        """The plan of a run's steps, without memory and without compiling a kernel.

        Raises:
            TorchLeanError: As `engine`.
        """
        mode = Mode.STRICT if self.strict else Mode.FAST
        sample, batch = sizes(dataset.input_shape), training_run.loader.batch_size
        return compile_step(training_run, sample, mode, batch)

    def engine_of(self, parameters: Parameters, sample: tuple[int, ...]) -> Engine:
        """An engine that answers for given parameters, and trains nothing.

        Args:
            parameters: The model's.
            sample: The sizes of one input.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take that input.
        """
        run = TrainingRun(self.task, SGD(0), Loader(1, 1), 0, number_format=self.dtype)
        prediction = output_shape(self.task.model, batch_shape(1, shape_of(sample)))
        wanted = sizes(self.task.loss.target_shape(prediction))
        classes = None
        targets: TargetArray = np.zeros(wanted)
        if self.task.loss.target_kind is Kind.INDEX:
            classes, targets = sizes(prediction)[-1], np.zeros(wanted, np.int64)
        single: Data = TensorDataset(np.zeros((1, *sample)), targets, classes)
        engine = self.engine(run, single)
        engine.set_state(State(0, parameters, {}))
        return engine

    def evaluation(self, engine: Engine, dataset: Data) -> Evaluation:
        """The loss of a data set and, for classes, how many are right.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for data that
                do not fit the task.
        """
        answer = engine.evaluate(dataset)
        loss = self.task.loss
        count = None
        if loss.target_kind is Kind.INDEX:
            predicted = metrics.classes(answer.predictions)
            count = metrics.accuracy(predicted, dataset.targets, ignored_index(loss))
        return Evaluation(answer.loss, count, loss.reduction)


def _require_among(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        listed = " or ".join(repr(each) for each in known)
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"expected {what} {listed}, got {given!r}"
        )
