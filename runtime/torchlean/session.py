"""One call of `train`: from a run and where it begins to a trained model and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from torchlean.beginning import Beginning
from torchlean.callbacks import Callbacks, StepEvent
from torchlean.data.dataset import TensorDataset
from torchlean.evaluation import Evaluation
from torchlean.execution import Execution
from torchlean.history import History
from torchlean.log import LogDestination
from torchlean.loops import Loop
from torchlean.probes import Probe
from torchlean.report_lines import is_logged, mean_loss_line, step_line
from torchlean.run_config import FilePath
from torchlean.trained import Trained
from torchlean.writable import require_writable
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.sampling import sampled_steps
from torchlean_spec.shape import Shape
from torchlean_spec.training import NumberFormat, TrainingRun

Data = TensorDataset[Shape, Targets]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a run leaves behind, and what it prints."""

    log: LogDestination = field(default_factory=LogDestination)
    save: FilePath | None = None
    title: str = "Training"
    notes: Sequence[str] = ()
    probes: Sequence[Probe] = ()
    log_every: int = 0
    """Steps between two losses that are printed; 0 prints none."""

    def __post_init__(self) -> None:
        if self.log_every < 0:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected log_every of at least 0, got {self.log_every}",
            )

    def require_writable(self) -> None:
        """Refuse files that cannot be written, before there is anything to write.

        Raises:
            TorchLeanError: `FILE_ACCESS`.
        """
        for path in (self.log.path, self.save):
            if path is not None:
                require_writable(path)

    def say(self, when: str, evaluation: Evaluation, asked: Trained) -> None:
        """Print what was asked for before or after a run: the mean loss, the probes."""
        if self.log_every:
            print(mean_loss_line(when, evaluation.loss))
        if self.probes:
            asked.probe(self.probes, f"predictions({when})")

    def write(self, trained: Trained) -> None:
        """Write the log and the parameters of a run, as far as they are wanted.

        Raises:
            TorchLeanError: `FILE_ACCESS` if a file cannot be written.
        """
        log = trained.trained_by.to_train_log(self.title, self.notes)
        self.log.write_train_log(log)
        if self.save is not None:
            trained.save(self.save)

    def callbacks(self, number_format: NumberFormat) -> Callbacks:
        """What prints the losses of some steps, as numbers of the run's format."""
        if not self.log_every:
            return Callbacks()

        def on_step(event: StepEvent) -> None:
            if is_logged(event.step, self.log_every):
                print(step_line(event.step, np.dtype(number_format).type(event.loss)))

        return Callbacks(on_step=on_step)


class Session:
    """A run under way, with what it is to leave behind.

    Args:
        execution: The task, and how it is computed.
        training_run: What to run.
        dataset: The samples.
        held_out: Samples to evaluate before, and after each epoch.
        callbacks: What to do meanwhile.
        certify: How many steps to record.
        outputs: What it leaves and prints.
        beginning: Where it begins.
    """

    def __init__(
        self,
        execution: Execution,
        training_run: TrainingRun,
        dataset: Data,
        held_out: Data | None,
        callbacks: Callbacks,
        certify: int,
        outputs: Outputs,
        beginning: Beginning,
    ) -> None:
        self._execution = execution
        self._dataset = dataset
        self._outputs = outputs
        self._seeded = beginning.seeded
        engine = execution.engine(training_run, dataset)
        beginning.apply(engine)
        self._before = execution.evaluation(engine, dataset)
        drawn = sampled_steps(training_run.steps, certify, training_run.seed)
        self._loop = Loop(
            engine,
            execution,
            training_run,
            held_out,
            callbacks + outputs.callbacks(training_run.number_format),
            tuple(step for step in drawn if step > engine.step),
            engine.step,
        )
        self._loop.evaluate_held_out()
        asked = Trained(execution, engine.state().parameters)
        outputs.say("before", self._before, asked)

    def run(self) -> None:
        """Make all steps; raises what `Loop.run` raises."""
        self._loop.run(self._before)

    def finish(self) -> Trained:
        """What the run has come to; log and parameters are written.

        Raises:
            TorchLeanError: `FILE_ACCESS` if a file cannot be written.
        """
        loop = self._loop
        after = self._execution.evaluation(loop.engine, self._dataset)
        state = loop.engine.state()
        history = History(
            loop.training_run,
            self._dataset,
            loop.losses.copy(),
            self._before,
            after,
            tuple(loop.evaluations),
            tuple(loop.records),
            state.step,
            loop.start,
            self._seeded,
        )
        trained = Trained(self._execution, state.parameters, state.slots, history)
        self._outputs.write(trained)
        return trained

    def conclude(self, trained: Trained) -> None:
        """Print the end of a run that came to it."""
        self._outputs.say("after", trained.after, trained)
