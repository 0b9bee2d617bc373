"""Certificates of runs with further schedules and clippings, through their files."""

from __future__ import annotations

from fractions import Fraction

import pytest

from torchlean_proofs.certify import certify
from torchlean_proofs.report import lines
from torchlean_proofs.strict import strict_certificate
from torchlean_spec.certificate import from_text, to_text
from torchlean_spec.clipping import ClipPercentile, Clipping, ClipRange
from torchlean_spec.data import Loader
from torchlean_spec.layers import Linear
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import Adam
from torchlean_spec.schedules import (
    Custom,
    Cyclic,
    OneCycle,
    RateFinder,
    Schedule,
    Table,
    WarmUp,
)
from torchlean_spec.sources import Source
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

SOURCE = Source("two-moons", part="training", held_out="0.25", count=40, seed=3)


def run_with(schedule: Schedule, clipping: Clipping | None = None) -> TrainingRun:
    """A run of seven steps."""
    task = Task(Linear(2, 2), CrossEntropy())
    return TrainingRun(task, Adam("0.01"), Loader(30, 8), 7, schedule, clipping)


@pytest.mark.parametrize(
    ("schedule", "clipping"),
    [
        (WarmUp(2, then=Cyclic("0.05", 2, "triangular2")), ClipPercentile(60)),
        (OneCycle(7), ClipRange("-0.1", "0.2")),
        (RateFinder(6, 1000), ClipPercentile(0)),
    ],
    ids=repr,
)
def test_runs_with_further_parts_are_certified(
    schedule: Schedule, clipping: Clipping
) -> None:
    """The strict run lies within the allowances, read back from its file."""
    run = run_with(schedule, clipping)
    written = to_text(strict_certificate(run, SOURCE.load(), (1, 4, 7), SOURCE))
    read = from_text(written)
    assert read.certificate.training_run == run
    report = certify(read.certificate)
    assert report.certified, lines(report)


def test_a_function_is_certified_by_the_table_of_its_rates() -> None:
    """The certificate of a run whose schedule is a function holds all its rates."""
    run = run_with(Custom(lambda update: Fraction(1, 10 * (update + 1))))
    written = to_text(strict_certificate(run, SOURCE.load(), (1, 4, 7), SOURCE))
    read = from_text(written)
    wanted = tuple(Fraction(1, 10 * step) for step in range(1, 8))
    assert read.certificate.training_run.schedule == Table(wanted)
    report = certify(read.certificate)
    assert report.certified, lines(report)
