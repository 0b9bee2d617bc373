"""How a model was trained, and the log that tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchlean.data.dataset import TensorDataset
from torchlean.evaluation import Evaluation
from torchlean.log import BLUE, Series, TrainLog
from torchlean.state import RecordedStep
from torchlean_spec.data import Targets
from torchlean_spec.shape import Shape
from torchlean_spec.training import TrainingRun

LOGGED_ROWS = 1000
"""A log has a row for each step, or, of a longer run, about so many rows."""

ORANGE, GREEN = "#f28e2b", "#59a14f"


@dataclass(frozen=True, eq=False)
class History:
    """How a model was trained."""

    training_run: TrainingRun
    dataset: TensorDataset[Shape, Targets]
    """The training samples."""
    losses: NDArray[np.float64]
    """Of each step's batch, before its update; as many as steps were made."""
    before: Evaluation
    """The training samples before the first update."""
    after: Evaluation
    """The same samples after the last one."""
    held_out: tuple[tuple[int, Evaluation], ...]
    """Evaluations of the held-out samples, each after so many steps."""
    records: tuple[RecordedStep, ...]
    """The steps that were recorded for a certificate."""
    updates: int
    """How many updates the parameters have had in all; one fewer than steps, where
    the loss of the last one was not finite."""
    start: int = 0
    """How many of them the run had made before, where it was taken up again."""
    seeded: bool = True
    """Whether the run began with the parameters that its seed gives."""
    streamed: bool = False
    """Whether the batches came from a stream: then the data set is the samples that
    were evaluated, and the held-out ones are the same."""

    @property
    def steps(self) -> int:
        """How many steps were made, those before the run was taken up included.

        Fewer than planned in a run that was stopped.
        """
        return self.start + len(self.losses)

    def to_train_log(
        self, title: str = "Training", notes: Sequence[str] = ()
    ) -> TrainLog:
        """The log: in the row of a step, what was known when the step was made.

        That is the loss of the step's batch, before its update, and the latest
        evaluation of the held-out samples, if there are any. A run of more than
        `LOGGED_ROWS` steps leaves rows out, evenly; the last step has a row.
        """
        made = len(self.losses)
        every = -(-made // LOGGED_ROWS) if made else 1
        rows = [s for s in range(self.start + 1, self.steps + 1) if s % every == 0]
        if made and rows[-1:] != [self.steps]:
            rows.append(self.steps)
        losses = tuple(float(self.losses[row - 1 - self.start]) for row in rows)
        series = [Series("loss", losses, BLUE)]
        if self.held_out:
            latest = self._latest(rows)
            losses = tuple(each.loss for each in latest)
            series.append(Series("held_out_loss", losses, ORANGE))
            if latest and all(each.count for each in latest):
                shares = tuple(each.accuracy for each in latest)
                series.append(Series("held_out_accuracy", shares, GREEN))
        return TrainLog(title, tuple(rows), tuple(series), tuple(notes))

    def _latest(self, rows: Sequence[int]) -> list[Evaluation]:
        """For each row, the held-out evaluation that was made last."""
        found = []
        place = 0
        for row in rows:
            while place + 1 < len(self.held_out) and self.held_out[place + 1][0] <= row:
                place += 1
            found.append(self.held_out[place][1])
        return found
