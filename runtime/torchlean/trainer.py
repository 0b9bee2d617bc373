"""The trainer: a model, a loss and an optimizer; `train` makes a trained model.

>>> from torchlean.data import tensor_dataset
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> line = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])
>>> trainer = Trainer(Linear(1, 1), loss=MeanSquaredError(), optimizer=SGD(0.1))
>>> trained = trainer.train(line, batch_size=4, steps=300)
>>> trained.predict([[10.0]]).round(3)
array([[21.]], dtype=float32)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import cast

from torchlean.callbacks import Callbacks, TrainReport
from torchlean.checkpoint import load_parameters
from torchlean.data.dataset import AnyDataset, TensorDataset, as_tensors
from torchlean.evaluation import Evaluation
from torchlean.execution import BackendName, Execution, Parameters
from torchlean.history import History
from torchlean.log import LogDestination
from torchlean.loops import Loop, NonFiniteStep
from torchlean.trained import Trained
from torchlean.writable import require_writable
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import Loader, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Layer
from torchlean_spec.losses import Loss
from torchlean_spec.optimizers import Optimizer
from torchlean_spec.random import require_seed
from torchlean_spec.sampling import sampled_steps
from torchlean_spec.schedules import Constant, Schedule
from torchlean_spec.shape import Shape, sizes
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat, TrainingRun


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
        loss: What is minimised; its reduction is `mean` or `sum`.
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
        TorchLeanError: `UNKNOWN_NAME` for a dtype, backend or device that does not
            exist, `UNSUPPORTED` for the device cuda, `CONTRADICTION` for a loss
            that is not reduced, `DOMAIN` for a seed out of range, `HYPERPARAMETER`
            for no threads.
    """

    model: Layer
    _: KW_ONLY
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule = field(default_factory=Constant)
    clipping: Clipping | None = None
    seed: int = 0
    dtype: NumberFormat = "float32"
    backend: BackendName = "compiled"
    strict: bool = False
    threads: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        require_seed(self.seed)
        # Its own checks are the trainer's.
        _ = self.execution

    @property
    def execution(self) -> Execution:
        """The task, and how it is computed."""
        return Execution(
            Task(self.model, self.loss),
            self.dtype,
            self.backend,
            self.strict,
            self.threads,
            self.device,
        )

    def training_run(
        self,
        dataset: AnyDataset,
        *,
        batch_size: int = 32,
        epochs: int | None = None,
        steps: int | None = None,
        shuffle: bool = True,
        drop_last: bool = True,
    ) -> TrainingRun:
        """The run that `train` would make, as a value.

        Args and errors are those of `train`.
        """
        loader = Loader(len(dataset), batch_size, shuffle, drop_last, self.seed)
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
        count = loader.batches_per_epoch * (epochs or 0) if steps is None else steps
        return TrainingRun(
            Task(self.model, self.loss),
            self.optimizer,
            loader,
            count,
            self.schedule,
            self.clipping,
            self.seed,
            self.dtype,
        )

    def train(
        self,
        dataset: AnyDataset,
        *,
        batch_size: int = 32,
        epochs: int | None = None,
        steps: int | None = None,
        shuffle: bool = True,
        drop_last: bool = True,
        held_out: AnyDataset | None = None,
        callbacks: Callbacks | None = None,
        certify: int = 0,
        log: str | os.PathLike[str] | LogDestination | None = None,
        save: str | os.PathLike[str] | None = None,
        title: str = "Training",
        notes: Sequence[str] = (),
    ) -> Trained:
        """Train the model from the parameters that the seed gives.

        Args:
            dataset: The samples to train on.
            batch_size: Samples in a batch.
            epochs: How many passes over the data; this or `steps`.
            steps: How many updates.
            shuffle: Whether each epoch has an order of its own.
            drop_last: Whether a last, shorter batch is left out of each epoch.
            held_out: Samples to evaluate before, and after each epoch.
            callbacks: What to do meanwhile.
            certify: How many steps to record for a certificate: the first, the
                last, and others drawn by the seed. Recording changes no bits.
            log: Where to write a training log, if anywhere.
            save: Where to write the parameters, if anywhere.
            title: The log's title.
            notes: The log's notes.

        Raises:
            NonFiniteLoss: If a loss is a NaN or an infinity; it names the step.
            Interrupted: After Ctrl-C.
            TorchLeanError: What the model, the data or the loader refuse, and
                `FILE_ACCESS` if a file cannot be written; before the first step.

        A run that is stopped by either of the first two, or by what a callback
        raises, has written log and parameters as far as it came.
        """
        data = as_tensors(dataset)
        training_run = self.training_run(
            data,
            batch_size=batch_size,
            epochs=epochs,
            steps=steps,
            shuffle=shuffle,
            drop_last=drop_last,
        )
        kept = None if held_out is None else as_tensors(held_out)
        destination = _destination(log)
        for path in (destination.path, save):
            if path is not None:
                require_writable(path)
        engine = self.execution.engine(training_run, data)
        hooks = callbacks or Callbacks()
        sampled = sampled_steps(training_run.steps, certify, self.seed)
        before = self.execution.evaluation(engine, data)
        loop = Loop(engine, self.execution, training_run, kept, hooks, sampled)
        loop.evaluate_held_out()

        def finish() -> Trained:
            """What the run has come to; log and parameters are written."""
            trained = self._trained(loop, data, before)
            history = trained.trained_by
            destination.write_train_log(history.to_train_log(title, notes))
            if save is not None:
                trained.save(save)
            return trained

        try:
            loop.run(before)
        except KeyboardInterrupt:
            raise Interrupted(finish()) from None
        except NonFiniteStep as error:
            raise NonFiniteLoss(str(error), finish()) from None
        except BaseException:
            finish()
            raise
        trained = finish()
        history = trained.trained_by
        hooks.train_end(TrainReport(history.steps, before, history.after))
        return trained

    def load(self, path: str | os.PathLike[str]) -> Trained:
        """Read the parameters of this trainer's model from a file of `Trained.save`.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT`
                if it is truncated or no safetensors file, `OTHER_MODEL` if it
                holds the parameters of another model or in another dtype.
        """
        execution = self.execution
        expected = {
            each.name: (self.dtype, sizes(each.shape))
            for each in self.model.parameters()
        }
        found = load_parameters(path, expected, model_digest=execution.model_digest)
        return Trained(execution, cast("Parameters", found))

    def _trained(
        self, loop: Loop, data: TensorDataset[Shape, Targets], before: Evaluation
    ) -> Trained:
        after = self.execution.evaluation(loop.engine, data)
        history = History(
            loop.training_run,
            data,
            loop.losses.copy(),
            before,
            after,
            tuple(loop.evaluations),
            tuple(loop.records),
        )
        state = loop.engine.state()
        return Trained(self.execution, state.parameters, state.slots, history)


def _destination(log: str | os.PathLike[str] | LogDestination | None) -> LogDestination:
    if isinstance(log, LogDestination):
        return log
    return LogDestination() if log is None else LogDestination.json(log)
