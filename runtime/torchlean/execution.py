"""How a task is computed: format, backend, strictness, threads.

An `Execution` makes engines: one for a run, and small ones that answer for given
parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from torchlean.compiler.assembly import Compiled
from torchlean.compiler.lower import compile_step
from torchlean.cpu.registry import Mode
from torchlean.data.dataset import TensorDataset
from torchlean.engine import Engine
from torchlean.evaluation import Evaluation
from torchlean.inference import Batch, slices_of
from torchlean.targets import wanted_targets
from torchlean_spec.data import Loader, Targets
from torchlean_spec.description import digest, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import SGD
from torchlean_spec.shape import Shape, sizes
from torchlean_spec.task import Task
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
        require_settings(self.dtype, self.backend, self.device, self.threads)

    @property
    def described(self) -> str:
        """What computes, in words."""
        strict = "strict" if self.strict else "fast"
        return f"torchlean cpu, {self.backend}, {strict}, {self.dtype}"

    @property
    def model_digest(self) -> str:
        """The digest of the model's description; nothing where it has none."""
        try:
            return digest(to_json(self.task.model))
        except TorchLeanError as error:
            if error.reason is not Reason.UNKNOWN_NAME:
                raise
            # A layer in it is the user's own.
            return ""

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
        engine = self.engine(run, self.blank(sample, 1))
        engine.set_parameters(parameters)
        return engine

    def blank(self, sample: tuple[int, ...], count: int) -> Data:
        """Samples that are zero throughout: room for others.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take such inputs.
        """
        inputs = np.zeros((count, *sample))
        wanted = wanted_targets(self.task, inputs.shape)
        if wanted.are_indices:
            labels = np.zeros(wanted.sizes, np.int64)
            return TensorDataset(inputs, labels, wanted.classes)
        return TensorDataset(inputs, np.zeros(wanted.sizes), None)

    def evaluation(
        self, engine: Engine, dataset: Data, training: bool = False
    ) -> Evaluation:
        """The loss of a data set and, for classes, how many are right.

        Args:
            engine: Holds the parameters.
            dataset: The samples; they are seen some at a time.
            training: Whether random layers act, as in the engine's next step; in an
                evaluation that deserves the name they rest.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for data that
                do not fit the task.
        """
        wanted_targets(self.task, dataset.inputs.shape).check(dataset.targets)
        return self.evaluation_of(
            engine, slices_of(dataset.inputs, dataset.targets), training
        )

    def evaluation_of(
        self, engine: Engine, batches: Iterable[Batch], training: bool = False
    ) -> Evaluation:
        """The evaluation of all samples of some batches, one alive at a time.

        Args:
            engine: Holds the parameters.
            batches: Inputs and targets; asked for one by one.
            training: As for `evaluation`.

        Raises:
            TorchLeanError: As `evaluation`; `EMPTY_DATA` for no batches.
        """
        step = engine.step if training else None
        found = engine.inference.measure(batches, step)
        return Evaluation(found.loss, found.count, self.task.loss.reduction)


def require_settings(
    dtype: NumberFormat, backend: BackendName, device: str, threads: int | None
) -> None:
    """Refuse settings that do not exist, or that nothing here can compute with.

    Raises:
        TorchLeanError: As `Execution`.
    """
    require_number_format(dtype)
    _require_among("backend", backend, BACKENDS)
    _require_among("device", device, DEVICES)
    if device == "cuda":
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            "expected device 'cpu', the only one that this version has kernels "
            "for, got 'cuda'",
        )
    if threads is not None and threads < 1:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected threads of at least 1, got {threads}",
        )


def _require_among(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        listed = " or ".join(repr(each) for each in known)
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"expected {what} {listed}, got {given!r}"
        )
