"""A run with its settings, its metrics, and the files that it made.

The records of the Lean original (`NN/Runtime/Training/Log.lean`) as immutable
values: each `push` and `log` returns a new one. They end as a `TrainLog`.

>>> log = ExperimentLog(RunInfo(name="digits", config=(ConfigEntry("seed", "7"),)))
>>> log = log.log(1, "loss", 2.5).log(1, "accuracy", 0.5).log(2, "loss", 2.25)
>>> train_log = log.to_train_log()
>>> train_log.steps, train_log.series[1].values
((1, 2), (0.5, nan))
>>> train_log.notes
('project=torchlean', 'run_name=digits', 'config.seed=7')
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from torchlean.log import BLUE, Series, TrainLog, natural_steps
from torchlean_spec.errors import Reason, TorchLeanError


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """One setting of a run, as text."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a run made."""

    name: str
    path: str
    kind: str = "file"
    description: str = ""

    def note(self) -> str:
        """The line that stands for it in a log's notes.

        >>> Artifact("curve", "runs/curve.png", "image").note()
        'artifact.curve=runs/curve.png kind=image'
        """
        kind = f" kind={self.kind}" if self.kind else ""
        description = f" desc={self.description}" if self.description else ""
        return f"artifact.{self.name}={self.path}{kind}{description}"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a run is called, and its settings."""

    project: str = "torchlean"
    name: str = ""
    run_id: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    config: tuple[ConfigEntry, ...] = ()

    def notes(self) -> tuple[str, ...]:
        """The lines that stand for it in a log's notes; empty fields have none."""
        fields = {
            "project": self.project,
            "run_name": self.name,
            "run_id": self.run_id,
            "group": self.group,
            "tags": ",".join(self.tags),
        }
        named = [f"{key}={value}" for key, value in fields.items() if value]
        return (*named, *(f"config.{entry.key}={entry.value}" for entry in self.config))


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """Several metrics over common steps, a whole row at a time."""

    steps: tuple[int, ...] = ()
    series: tuple[Series, ...] = ()
    missing: frozenset[tuple[int, int]] = frozenset()
    """Where nothing was logged, and NaN stands for it: (row, metric), from 0."""

    @staticmethod
    def empty(metrics: Iterable[tuple[str, str]]) -> MetricHistory:
        """The history without rows of the given metrics: (name, colour) pairs."""
        return MetricHistory((), tuple(Series(name, (), c) for name, c in metrics))

    def push(self, step: int, values: Sequence[float]) -> MetricHistory:
        """The history with one more row.

        Args:
            step: The number of updates made before.
            values: One value for each metric, in their order.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if there are more or fewer values than
                metrics. (The original drops such a row without a word:
                `docs/deviations.md`, B48.) `DOMAIN` for a negative step.
        """
        if len(values) != len(self.series):
            names = ", ".join(one.name for one in self.series) or "none"
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"step {step}: expected {len(self.series)} values ({names}), "
                f"got {len(values)}",
            )
        grown = tuple(
            one.push(value) for one, value in zip(self.series, values, strict=True)
        )
        return MetricHistory(self.steps + natural_steps((step,)), grown, self.missing)

    def record(self, step: int, name: str, value: float, color: str) -> MetricHistory:
        """The history in which one metric has one more value.

        It joins the last row if that row is of the same step and has no value of
        this metric yet; otherwise a new row begins. Metrics without a value in a
        row are NaN there, so that steps and values stay aligned. (The original
        appends a step for each metric: `docs/deviations.md`, B27.)
        """
        history = self
        if all(one.name != name for one in history.series):
            history = history._with_metric(name, color)
        position = [one.name for one in history.series].index(name)
        row = len(history.steps) - 1
        if history.steps[-1:] != (step,) or (row, position) not in history.missing:
            history, row = history._with_row(step), row + 1
        series = tuple(
            one.with_last(value) if place == position else one
            for place, one in enumerate(history.series)
        )
        return MetricHistory(history.steps, series, history.missing - {(row, position)})

    def _with_metric(self, name: str, color: str) -> MetricHistory:
        """The history with one more metric, which nothing was logged of."""
        rows, place = len(self.steps), len(self.series)
        return MetricHistory(
            self.steps,
            (*self.series, Series(name, (math.nan,) * rows, color)),
            self.missing | {(row, place) for row in range(rows)},
        )

    def _with_row(self, step: int) -> MetricHistory:
        """The history with one more row, in which nothing was logged."""
        grown = self.push(step, [math.nan] * len(self.series))
        row = len(self.steps)
        return replace(
            grown,
            missing=self.missing | {(row, place) for place in range(len(self.series))},
        )

    def to_train_log(self, title: str, notes: Iterable[str] = ()) -> TrainLog:
        """The log of these metrics."""
        return TrainLog(title, self.steps, self.series, tuple(notes))


@dataclass(frozen=True, slots=True)
class ExperimentLog:
    """A run: what it is, its metrics, its files, its notes."""

    run: RunInfo = RunInfo()
    history: MetricHistory = MetricHistory()
    artifacts: tuple[Artifact, ...] = ()
    notes: tuple[str, ...] = ()

    @staticmethod
    def init(run: RunInfo, metrics: Iterable[tuple[str, str]] = ()) -> ExperimentLog:
        """The log of a run that is about to begin.

        Args:
            run: What it is.
            metrics: What `log_row` shall be given: (name, colour) pairs.

        >>> log = ExperimentLog.init(RunInfo(), [("loss", "#4e79a7")])
        >>> log.log_row(1, [0.5]).to_train_log().curve("loss").values
        (0.5,)
        """
        return ExperimentLog(run, MetricHistory.empty(metrics))

    def log(
        self, step: int, name: str, value: float, color: str = BLUE
    ) -> ExperimentLog:
        """The log with one more value of one metric; see `MetricHistory.record`."""
        return replace(self, history=self.history.record(step, name, value, color))

    def log_row(self, step: int, values: Sequence[float]) -> ExperimentLog:
        """The log with one more row of all metrics; see `MetricHistory.push`."""
        return replace(self, history=self.history.push(step, values))

    def add_artifact(self, artifact: Artifact) -> ExperimentLog:
        """The log with one more file."""
        return replace(self, artifacts=(*self.artifacts, artifact))

    def to_train_log(self, title: str = "") -> TrainLog:
        """Everything as a `TrainLog`: run, notes and files become its notes.

        Args:
            title: The title; if blank, the run's name, or else "Training".
        """
        files = tuple(artifact.note() for artifact in self.artifacts)
        return self.history.to_train_log(
            title or self.run.name or "Training",
            (*self.run.notes(), *self.notes, *files),
        )
