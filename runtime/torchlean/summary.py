"""How a run went, in three numbers, and the log that says so.

>>> summary = TrainSummary(steps=200, before=2.25, after=3e-7)
>>> print(summary)
steps=200 loss0=2.25 loss1=3e-07
>>> summary.to_train_log("digits").series[0].values
(2.25, 3e-07)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsFloat, TextIO

from torchlean.callbacks import TrainReport
from torchlean.json_layout import Dialect
from torchlean.log import LogDestination, TrainLog
from torchlean.report_lines import Style, log_line, summary_line


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """The steps of a run, and its loss before the first and after the last.

    Source: the original's `TrainSummary` (Facade/Trainer), which keeps the losses as
    texts of six decimals and fails on NaN when it writes a log
    (`docs/deviations.md`, B2).
    """

    steps: int
    before: float
    after: float
    metric: str = "loss"
    """What the two numbers are."""

    @staticmethod
    def of(report: TrainReport) -> TrainSummary:
        """The summary of a run that came to its end."""
        return TrainSummary(report.steps, report.before.loss, report.after.loss)

    def __str__(self) -> str:
        return self.summary()

    def summary(
        self,
        *,
        learning_rate: SupportsFloat | None = None,
        style: Style = "torchlean",
    ) -> str:
        """The summary as a line; see `report_lines.summary_line`."""
        return summary_line(
            self.steps,
            self.before,
            self.after,
            metric=self.metric,
            learning_rate=learning_rate,
            style=style,
        )

    def print_summary(
        self, *, file: TextIO | None = None, style: Style = "torchlean"
    ) -> None:
        """Print the line, to the standard output unless told otherwise."""
        print(self.summary(style=style), file=file)

    def to_train_log(
        self, title: str = "Training", notes: Iterable[str] = ()
    ) -> TrainLog:
        """The log of the two points."""
        return TrainLog.before_after_loss(
            title, self.steps, self.before, self.after, notes=notes
        )

    def write_log(
        self,
        destination: LogDestination,
        title: str = "Training",
        notes: Iterable[str] = (),
        *,
        dialect: Dialect = "torchlean",
        file: TextIO | None = None,
    ) -> None:
        """Write the log of the two points if one is wanted, and print where it went.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be written.
        """
        destination.write_train_log(self.to_train_log(title, notes), dialect)
        print(log_line(destination), file=file)
