"""One call of `train_stream`: a run whose batches are asked for one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.beginning import Beginning
from torchlean.callbacks import Callbacks, EpochEvent, StepEvent, TrainStart
from torchlean.engine import Engine
from torchlean.evaluation import Evaluation
from torchlean.execution import Execution
from torchlean.history import History
from torchlean.interrupt import DeferredInterrupt
from torchlean.loops import NonFiniteStep
from torchlean.session import Data, Outputs
from torchlean.stream import GivenBatch, StepBatchStream
from torchlean.trained import Trained
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import Optimizer
from torchlean_spec.schedules import Schedule
from torchlean_spec.training import TrainingRun

EVALUATIONS = 50
"""About how often a stream is evaluated unless told otherwise, as in the original."""

OnEvaluation = Callable[[int, Evaluation], None]
"""Takes how many steps were made, and the evaluation after them."""


def evaluated_every(steps: int, every: int) -> int:
    """Steps between two evaluations; 0 asks for about `EVALUATIONS` of them.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number.

    >>> evaluated_every(1000, 0), evaluated_every(10, 0), evaluated_every(10, 4)
    (20, 1, 4)
    """
    if every < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected a number of steps between evaluations of at least 0, "
            f"got {every}",
        )
    return every or max(1, steps // EVALUATIONS)


def stream_run(
    execution: Execution,
    optimizer: Optimizer,
    schedule: Schedule,
    clipping: Clipping | None,
    seed: int,
    steps: int,
    capacity: int,
) -> TrainingRun:
    """The run over a stream, whose batches have at most so many samples."""
    loader = Loader(capacity, capacity, shuffle=False)
    return TrainingRun(
        execution.task,
        optimizer,
        loader,
        steps,
        schedule,
        clipping,
        seed,
        execution.dtype,
    )


class StreamSession:
    """A run over a stream under way, with what it is to leave behind.

    Args:
        execution: The task, and how it is computed.
        training_run: What to run; its loader gives one batch.
        stream: The batch of each step.
        first: The batch of the first step that is to be made.
        evaluation: The samples to evaluate.
        every: Steps between two evaluations.
        on_evaluation: Told of each of them.
        callbacks: What to do meanwhile; the stream is one epoch.
        outputs: What the run leaves and prints.
        beginning: Where it begins.
    """

    def __init__(
        self,
        execution: Execution,
        training_run: TrainingRun,
        stream: StepBatchStream,
        first: GivenBatch,
        evaluation: Data,
        every: int,
        on_evaluation: OnEvaluation | None,
        callbacks: Callbacks,
        outputs: Outputs,
        beginning: Beginning,
    ) -> None:
        self._execution = execution
        self._run = training_run
        self._stream = stream
        self._next = first
        self._evaluation = evaluation
        self._every = every
        self._on_evaluation = on_evaluation
        self._callbacks = callbacks + outputs.callbacks(training_run.number_format)
        self._outputs = outputs
        self._seeded = beginning.seeded
        self._engine = self._made_engine(np.shape(first[0])[1:])
        beginning.apply(self._engine)
        self._start = self._engine.step
        self._losses: list[float] = []
        self._evaluations: list[tuple[int, Evaluation]] = []
        self._evaluate()
        outputs.say("before", self._evaluations[0][1], self._asked())

    def run(self) -> None:
        """Make all steps.

        Raises:
            NonFiniteStep: If a loss is not finite.
            TorchLeanError: What the engine refuses of a batch.
            KeyboardInterrupt: After a step in which Ctrl-C was pressed.
        """
        before = self._evaluations[0][1]
        self._callbacks.train_start(TrainStart(self._run, before, before))
        with DeferredInterrupt() as interrupt:
            while self._engine.step < self._run.steps:
                self._engine.feed(*self._next)
                self._step()
                made = self._engine.step
                if made % self._every == 0 or made == self._run.steps:
                    self._evaluate()
                interrupt.check()
                if made < self._run.steps:
                    self._next = self._stream.batch(made)
        if self._losses:
            mean = float(np.mean(self._losses))
            last = self._evaluations[-1][1]
            made = self._engine.step
            self._callbacks.epoch_end(
                EpochEvent(0, made, len(self._losses), mean, last)
            )

    def finish(self) -> Trained:
        """What the run has come to; log and parameters are written.

        Raises:
            TorchLeanError: `FILE_ACCESS` if a file cannot be written.
        """
        state = self._engine.state()
        after = self._execution.evaluation(self._engine, self._evaluation)
        history = History(
            self._run,
            self._evaluation,
            np.array(self._losses, np.float64),
            self._evaluations[0][1],
            after,
            tuple(self._evaluations),
            (),
            state.step,
            self._start,
            self._seeded,
            streamed=True,
        )
        trained = Trained(self._execution, state.parameters, state.slots, history)
        self._outputs.write(trained)
        return trained

    def conclude(self, trained: Trained) -> None:
        """Print the end of a run that came to it."""
        self._outputs.say("after", trained.after, trained)

    def _made_engine(self, sample: Sequence[int]) -> Engine:
        capacity = self._run.loader.batch_size
        blank = self._execution.blank(tuple(sample), capacity)
        return self._execution.engine(self._run, blank)

    def _asked(self) -> Trained:
        """The model as it stands, for probes."""
        return Trained(self._execution, self._engine.state().parameters)

    def _step(self) -> None:
        """Make one step, and tell of it."""
        made = self._engine.step
        try:
            (loss,) = self._engine.run(1, self._take).tolist()
        except TorchLeanError as error:
            if error.reason is not Reason.NOT_FINITE:
                raise
            raise NonFiniteStep(error.reason, str(error)) from None
        self._callbacks.step(StepEvent(0, made + 1, loss, self._rate))

    def _take(self, losses: NDArray[Any]) -> None:
        self._losses += losses.tolist()

    def _rate(self, step: int) -> float:
        return float(self._run.learning_rate(step))

    def _evaluate(self) -> None:
        found = self._execution.evaluation(self._engine, self._evaluation)
        made = self._engine.step
        self._evaluations.append((made, found))
        if self._on_evaluation is not None:
            self._on_evaluation(made, found)
