"""The trainer: a model, a loss and an optimizer; `train` makes a trained model.

>>> from torchlean.data import tensor_dataset
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.optimizers import SGD
>>> line = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])
>>> trainer = Trainer(Linear(1, 1), task="regression", optimizer=SGD(0.1))
>>> trained = trainer.train(line, batch_size=4, steps=300)
>>> trained.predict([[10.0]]).round(3)
array([[21.]], dtype=float32)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace

from torchlean.beginning import AnyLoader, beginning_of
from torchlean.callbacks import Callbacks
from torchlean.data.dataset import AnyDataset, as_tensors
from torchlean.data.loader import BatchLoader
from torchlean.engine_data import as_batch
from torchlean.execution import BackendName, Execution
from torchlean.initial import initial_parameters
from torchlean.json_layout import Dialect
from torchlean.loading import load_for, saved_run_of
from torchlean.log import LogDestination
from torchlean.loops import NonFiniteStep
from torchlean.probes import Probe
from torchlean.run_config import DEFAULT_OPTIMIZER, FilePath, RunConfig
from torchlean.session import Outputs, Session
from torchlean.stream import GivenBatch, StepBatchStream
from torchlean.stream_session import (
    OnEvaluation,
    StreamSession,
    evaluated_every,
    stream_run,
)
from torchlean.tasks import TaskName, loss_of, require_task
from torchlean.trained import Trained
from torchlean_spec.clipping import Clipping
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Layer
from torchlean_spec.losses import Loss
from torchlean_spec.optimizers import Optimizer
from torchlean_spec.random import require_seed
from torchlean_spec.schedules import Constant, Schedule
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat, TrainingRun

DEFAULT_BATCH_SIZE = 32


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; what was trained so far is in `trained`."""

    def __init__(self, trained: Trained) -> None:
        steps = trained.trained_by.steps
        super().__init__(f"interrupted after step {steps}")
        self.trained = trained


class NonFiniteLoss(TorchLeanError):
    """A loss that is a NaN or an infinity; what was trained is in `trained`."""

    def __init__(self, message: str, trained: Trained) -> None:
        super().__init__(Reason.NOT_FINITE, message)
        self.trained = trained

    def __reduce__(self) -> tuple[type[NonFiniteLoss], tuple[str, Trained]]:  # type: ignore[override]
        return type(self), (str(self), self.trained)


@dataclass(frozen=True, slots=True)
class Trainer:
    """What to train, and how; immutable, and ready for any number of runs.

    Args:
        model: The model's description.
        task: What the model is for, by name, or a loss; this or `loss`. `regression`
            is the mean squared error, `classification` cross-entropy over class
            indices or one-hot rows, as the data have them, and `cross-entropy` over
            rows of probabilities too.
        loss: What is minimised; its reduction is `mean` or `sum`. Any object that
            has what `torchlean_spec.losses.Loss` asks for.
        optimizer: The rule that turns gradients into updates.
        schedule: The learning rate of each update, from the optimizer's own.
        clipping: What is done to the gradients before the update, if anything.
        seed: Of the initial parameters, of the batches and of the dropout masks.
        dtype: `float32` or `float64`.
        backend: `compiled` runs many steps in one call, `eager` each kernel by
            itself; the bits are the same.
        strict: Whether the bits are those of the spec over binary32 numbers.
        threads: How many threads may work; by default as many as there are. The
            bits do not depend on it.
        device: `cpu`; `cuda` is refused, since there are no kernels for it.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for a task, dtype, backend or device that does
            not exist, `UNSUPPORTED` for the device cuda, `CONTRADICTION` for a task
            and a loss, for neither, or for a loss that is not reduced, `DOMAIN` for
            a seed out of range, `HYPERPARAMETER` for no threads.
    """

    model: Layer
    _: KW_ONLY
    task: TaskName | Loss | None = None
    loss: Loss | None = None
    optimizer: Optimizer = DEFAULT_OPTIMIZER
    schedule: Schedule = field(default_factory=Constant)
    clipping: Clipping | None = None
    seed: int = 0
    dtype: NumberFormat = "float32"
    backend: BackendName = "compiled"
    strict: bool = False
    threads: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if (self.task is None) == (self.loss is None):
            given = "neither" if self.task is None else f"{self.task!r} and a loss"
            raise TorchLeanError(
                Reason.CONTRADICTION, f"expected a task or a loss, got {given}"
            )
        if isinstance(self.task, str):
            require_task(self.task)
        require_seed(self.seed)
        # Its own checks are the trainer's.
        _ = self.execution

    @property
    def execution(self) -> Execution:
        """The task, and how it is computed; classes are taken to be indices."""
        return self._execution(None)

    @property
    def config(self) -> RunConfig:
        """How the trainer computes, as settings for another one."""
        return RunConfig(
            **{each.name: getattr(self, each.name) for each in fields(RunConfig)}
        )

    def _execution(self, loader: AnyLoader | None) -> Execution:
        """How the run over some data is computed."""
        loss = self.loss
        if isinstance(self.task, str):
            loss = loss_of(self.task, None if loader is None else loader.dataset)
        elif self.task is not None:
            loss = self.task
        assert loss is not None
        return Execution(
            Task(self.model, loss),
            self.dtype,
            self.backend,
            self.strict,
            self.threads,
            self.device,
        )

    def training_run(
        self,
        data: AnyDataset | AnyLoader,
        *,
        batch_size: int | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        shuffle: bool | None = None,
        drop_last: bool | None = None,
    ) -> TrainingRun:
        """The run that `train` would make, as a value.

        Args and errors are those of `train`.
        """
        loader = self._loader(data, batch_size, shuffle, drop_last)
        return self._training_run(loader, epochs, steps)

    def _training_run(
        self, loader: AnyLoader, epochs: int | None, steps: int | None
    ) -> TrainingRun:
        if (epochs is None) == (steps is None):
            given = "neither" if epochs is None else f"{epochs} and {steps}"
            raise TorchLeanError(
                Reason.CONTRADICTION, f"expected epochs or steps, got {given}"
            )
        if epochs is not None and epochs < 0:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected a number of epochs of at least 0, got {epochs}",
            )
        return TrainingRun(
            self._execution(loader).task,
            self.optimizer,
            loader.loader,
            len(loader) * (epochs or 0) if steps is None else steps,
            self.schedule,
            self.clipping,
            self.seed,
            self.dtype,
            loader.position,
        )

    def _loader(
        self,
        data: AnyDataset | AnyLoader,
        batch_size: int | None,
        shuffle: bool | None,
        drop_last: bool | None,
    ) -> AnyLoader:
        """The samples and their batches, from a data set or a loader."""
        if not isinstance(data, BatchLoader):
            return BatchLoader(
                as_tensors(data),
                DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
                shuffle is not False,
                drop_last is not False,
                self.seed,
            )
        asked = {"batch_size": batch_size, "shuffle": shuffle, "drop_last": drop_last}
        for name, value in asked.items():
            if value is not None:
                raise TorchLeanError(
                    Reason.CONTRADICTION,
                    f"expected {name} from the loader alone, got {value} beside it",
                )
        return data

    def train(
        self,
        data: AnyDataset | AnyLoader,
        *,
        batch_size: int | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        shuffle: bool | None = None,
        drop_last: bool | None = None,
        held_out: AnyDataset | None = None,
        callbacks: Callbacks | None = None,
        certify: int = 0,
        probes: Sequence[Probe] = (),
        log_every: int = 0,
        log: FilePath | LogDestination | None = None,
        save: FilePath | None = None,
        load_parameters: FilePath | Trained | None = None,
        resume: FilePath | Trained | None = None,
        title: str = "Training",
        notes: Sequence[str] = (),
    ) -> Trained:
        """Train the model, from the parameters that the seed gives unless told else.

        A step is one update on one batch; an epoch is as many steps as a pass over
        the data has batches.

        Args:
            data: The samples to train on, or a loader: then the batches are its own,
                from where it stands.
            batch_size: Samples in a batch; 32 by default.
            epochs: How many passes over the data; this or `steps`.
            steps: How many updates.
            shuffle: Whether each epoch has an order of its own; by default it has.
            drop_last: Whether a last, shorter batch is left out of each epoch; by
                default it is.
            held_out: Samples to evaluate before, and after each epoch.
            callbacks: What to do meanwhile.
            certify: How many steps to record for a certificate: the first, the
                last, and others drawn by the seed. Recording changes no bits.
            probes: Inputs whose predictions are printed before and after.
            log_every: Steps between two losses that are printed, with the mean loss
                before and after; 0 prints none.
            log: Where to write a training log, if anywhere.
            save: Where to write the parameters, if anywhere.
            load_parameters: A trained model, or a file of one, whose parameters the
                run begins with instead of the seed's; everything else begins anew.
            resume: A trained model, or a file of one, whose run goes on: parameters,
                optimizer, step number and batches, up to the `steps` or `epochs` of
                the whole run, with the bits that it had without the break.
            title: The log's title.
            notes: The log's notes.

        Raises:
            NonFiniteLoss: If a loss is a NaN or an infinity; it names the step.
            Interrupted: After Ctrl-C.
            TorchLeanError: What the model, the data or the loader refuse,
                `CONTRADICTION` for a run to resume that is another one, `OTHER_MODEL`
                for parameters of another model, and `FILE_ACCESS` if a file cannot
                be written; before the first step.

        A run that is stopped by either of the first two, or by what a callback
        raises, has written log and parameters as far as it came.
        """
        loader = self._loader(data, batch_size, shuffle, drop_last)
        execution = self._execution(loader)
        beginning = beginning_of(execution, load_parameters, resume)
        loader = beginning.loader(loader)
        run = self._training_run(loader, epochs, steps)
        beginning.require_run(run, loader)
        beginning.require_certifiable(certify)
        if certify:
            loader.dataset.require_origin()
        outputs = Outputs(_destination(log), save, title, notes, probes, log_every)
        outputs.require_writable()
        kept = None if held_out is None else as_tensors(held_out)
        hooks = callbacks or Callbacks()
        session = Session(
            execution, run, loader.dataset, kept, hooks, certify, outputs, beginning
        )
        trained = _completed(session)
        hooks.train_end(trained.report)
        return trained

    def train_stream(
        self,
        batches: StepBatchStream | Callable[[int], GivenBatch],
        steps: int,
        *,
        evaluation: AnyDataset,
        every: int = 0,
        on_evaluation: OnEvaluation | None = None,
        callbacks: Callbacks | None = None,
        probes: Sequence[Probe] = (),
        log_every: int = 0,
        log: FilePath | LogDestination | None = None,
        save: FilePath | None = None,
        load_parameters: FilePath | Trained | None = None,
        resume: FilePath | Trained | None = None,
        title: str = "Training",
        notes: Sequence[str] = (),
    ) -> Trained:
        """Train the model on batches that are asked for one by one.

        Args:
            batches: The batch of each step, by its index from 0: inputs and targets.
                None is larger than the first.
            steps: How many updates; each is one batch.
            evaluation: Samples to evaluate before, meanwhile and after; `before` and
                `after` of the result are theirs, and `evaluations` is their curve.
            every: Steps between two evaluations; 0 makes about 50 of them in all.
            on_evaluation: Is told of each: how many steps were made, and what was
                found.
            callbacks: What to do meanwhile; the whole stream is one epoch.
            probes: As for `train`, like all that follow.
            log_every: Steps between two losses that are printed.
            log: Where to write a training log, if anywhere.
            save: Where to write the parameters, if anywhere.
            load_parameters: What the run takes its first parameters from.
            resume: The run that goes on, with the batch of its next index.
            title: The log's title.
            notes: The log's notes.

        Raises:
            NonFiniteLoss: If a loss is a NaN or an infinity; it names the step.
            Interrupted: After Ctrl-C.
            TorchLeanError: As `train`; `BATCH_SIZE` for a batch larger than the
                first, or one without samples.

        A run over a stream has no certificate: nobody else could make its batches
        anew.

        Source: the original's `trainStreamFloat` (Facade/Trainer/Streams.lean), which
        evaluates the training program (`docs/deviations.md`, B21).
        """
        asked = evaluated_every(steps, every)
        kept = as_tensors(evaluation)
        execution = self._execution(BatchLoader(kept, 1))
        stream = (
            batches
            if isinstance(batches, StepBatchStream)
            else StepBatchStream.of_function(batches)
        )
        beginning = beginning_of(execution, load_parameters, resume)
        first = as_batch(*stream.batch(beginning.step))
        capacity = (first[0].shape or (1,))[0]
        if beginning.resumed is not None:
            capacity = beginning.resumed.batch_size
        run = stream_run(
            execution,
            self.optimizer,
            self.schedule,
            self.clipping,
            self.seed,
            steps,
            capacity,
        )
        beginning.require_run(run)
        outputs = Outputs(_destination(log), save, title, notes, probes, log_every)
        outputs.require_writable()
        hooks = callbacks or Callbacks()
        trained = _completed(
            StreamSession(
                execution,
                run,
                stream,
                first,
                kept,
                asked,
                on_evaluation,
                hooks,
                outputs,
                beginning,
            )
        )
        hooks.train_end(trained.report)
        return trained

    def initial(self, data: AnyDataset | None = None) -> Trained:
        """The model before any training, with the parameters that the seed gives.

        Args:
            data: The samples that it is for, where the task's targets depend on them.
        """
        loader = None if data is None else BatchLoader(as_tensors(data), 1)
        parameters = initial_parameters(self.model, self.seed, self.dtype)
        return Trained(self._execution(loader), parameters)

    def load(self, path: FilePath, dialect: Dialect = "torchlean") -> Trained:
        """Read the parameters of this trainer's model from a file of `Trained.save`.

        Args:
            path: The file.
            dialect: `"lean"` reads a file of the original.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT`
                if it is truncated or no safetensors file, `OTHER_MODEL` if it
                holds the parameters of another model or in another dtype.
        """
        execution = self.execution
        if dialect == "lean":
            return load_for(path, execution, dialect)
        saved = saved_run_of(path) if isinstance(self.task, str) else None
        if saved is not None and saved.loss is not None:
            # The data said which targets a task has; the file has kept it.
            execution = replace(execution, task=Task(self.model, saved.loss))
        return load_for(path, execution)


def _completed(session: Session | StreamSession) -> Trained:
    """Run to the end, and give the stop of one that is stopped its trained model."""
    try:
        session.run()
    except KeyboardInterrupt:
        raise Interrupted(session.finish()) from None
    except NonFiniteStep as error:
        raise NonFiniteLoss(str(error), session.finish()) from None
    except BaseException:
        session.finish()
        raise
    trained = session.finish()
    session.conclude(trained)
    return trained


def _destination(log: FilePath | LogDestination | None) -> LogDestination:
    if isinstance(log, LogDestination):
        return log
    return LogDestination() if log is None else LogDestination.json(log)
