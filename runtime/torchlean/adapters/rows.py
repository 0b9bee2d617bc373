"""The rows of a log, one step each, and the dictionary that W&B is shaped like.

>>> from torchlean.experiment import RunInfo
>>> log = ExperimentLog(RunInfo(name="digits")).log(1, "loss", 0.5)
>>> log = log.log(1, "accuracy", 0.75).log(2, "loss", 0.25)
>>> to_wandb_rows(log)["history"]
[{'_step': 1, 'loss': 0.5, 'accuracy': 0.75}, {'_step': 2, 'loss': 0.25}]
>>> to_wandb_rows(log)["summary"]
{'loss': 0.25, 'accuracy': 0.75, '_step': 2}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

from torchlean.experiment import ExperimentLog
from torchlean.log import TrainLog
from torchlean_spec.errors import Reason, TorchLeanError

STEP = "_step"
"""The key of a row's step."""


class WandbArtifact(TypedDict):
    """A file that a run made."""

    name: str
    type: str
    path: str
    description: str


class WandbRun(TypedDict):
    """A run as W&B has it: what `init` takes, and a row for each call of `log`."""

    project: str
    name: str
    id: str
    group: str
    tags: list[str]
    notes: str
    config: dict[str, str]
    summary: dict[str, int | float]
    history: list[dict[str, int | float]]
    artifacts: list[WandbArtifact]


def logged_rows(
    log: TrainLog | ExperimentLog,
) -> Iterator[tuple[int, list[tuple[str, float]]]]:
    """Each row's step, and the name and value of each metric that was logged in it.

    Steps are counted from 0 in a log that has none.

    Raises:
        TorchLeanError: `CONTRADICTION` if two series have one name.

    >>> from torchlean.log import Series
    >>> log = TrainLog(steps=(5,), series=(Series("loss", (0.5,)),))
    >>> list(logged_rows(log))
    [(5, [('loss', 0.5)])]
    """
    missing: frozenset[tuple[int, int]] = frozenset()
    if isinstance(log, ExperimentLog):
        missing, log = log.history.missing, log.to_train_log()
    require_different("series", [one.name for one in log.series])
    length = max((len(one.values) for one in log.series), default=0)
    for row, step in enumerate(log.steps or range(length)):
        yield (
            step,
            [
                (one.name, one.values[row])
                for place, one in enumerate(log.series)
                if row < len(one.values) and (row, place) not in missing
            ],
        )


def require_different(what: str, names: Sequence[str]) -> None:
    """Refuse a name that stands twice, where it would stand for two things.

    Raises:
        TorchLeanError: `CONTRADICTION`, naming the first.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{what}: expected different names, got two of {name!r}",
            )
        seen.add(name)


def to_wandb_rows(log: ExperimentLog) -> WandbRun:
    """A run as a dictionary with the names and the nesting that W&B has.

    Nothing is sent anywhere. `history` has a row for each step with the metrics that
    were logged, and `summary` the last value of each. Each row is what `wandb.log`
    takes; project, name, id, group, tags, notes and config are what `wandb.init`
    takes, where an empty text stands for nothing.

    Args:
        log: The run.

    Raises:
        TorchLeanError: `CONTRADICTION` if two metrics or two settings have one name,
            or a metric is called `_step`.
    """
    run = log.run
    require_different("config", [entry.key for entry in run.config])
    names = [one.name for one in log.history.series]
    if STEP in names:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"series: expected another name than {STEP!r}, which a row's step has",
        )
    history: list[dict[str, int | float]] = [
        {STEP: step, **dict(values)} for step, values in logged_rows(log)
    ]
    last = {name: value for row in history for name, value in row.items()}
    return {
        "project": run.project,
        "name": run.name,
        "id": run.run_id,
        "group": run.group,
        "tags": list(run.tags),
        "notes": "\n".join(log.notes),
        "config": {entry.key: entry.value for entry in run.config},
        "summary": {name: last[name] for name in (*names, STEP) if name in last},
        "history": history,
        "artifacts": [
            {
                "name": each.name,
                "type": each.kind,
                "path": each.path,
                "description": each.description,
            }
            for each in log.artifacts
        ],
    }
