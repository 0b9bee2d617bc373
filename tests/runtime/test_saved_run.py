"""What a file says of its run: written, read back, compared."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from torchlean.saved_run import SavedRun, parts_of
from torchlean_spec.batches import Position
from torchlean_spec.clipping import ClipNorm
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import SGD, Adam
from torchlean_spec.schedules import Cosine
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

RUN = TrainingRun(
    Task(Linear(2, 2), CrossEntropy(label_smoothing="0.1")),
    Adam("0.003"),
    Loader(10, 4, seed=3),
    7,
    Cosine(7),
    ClipNorm(1),
    5,
    "float64",
    Position(2, 1),
)
SAVED = SavedRun(parts_of(RUN), 5, (2,), ("left", "right"), "ab12", False)


def test_what_is_written_is_read_back() -> None:
    """Every field, the task and the places of the loader."""
    read = SavedRun.from_text("file", SAVED.to_text())
    assert read == SAVED
    assert read.task("file") == RUN.task
    assert read.loss == RUN.task.loss
    assert read.number_format == "float64"
    assert read.position == Position(2, 1)
    # Two batches in an epoch: five steps from batch 1 of epoch 2.
    assert read.next_position == Position(5, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        SAVED.to_text()[:-1],
        '{"steps": 3}',
        replace(SAVED, parts={}).to_text(),
        replace(SAVED, parts={**SAVED.parts, "colour": 3}).to_text(),
    ],
)
def test_what_is_no_such_text(text: str) -> None:
    """One sentence shows how it begins."""
    with pytest.raises(TorchLeanError) as refused:
        SavedRun.from_text("a file", text)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == (
        f"a file: expected the description of a run, got {text[:40]!r}"
    )


def test_a_field_of_another_kind_is_refused() -> None:
    """A number where a list belongs."""
    written = json.loads(SAVED.to_text())
    with pytest.raises(TorchLeanError) as refused:
        SavedRun.from_text("a file", json.dumps({**written, "input_shape": 3}))
    assert refused.value.reason is Reason.FILE_FORMAT


CHANGED: list[tuple[TrainingRun, str]] = [
    (
        replace(RUN, task=Task(Linear(2, 2), CrossEntropy())),
        "loss CrossEntropy(), got one with CrossEntropy(label_smoothing=0.1)",
    ),
    (
        replace(RUN, optimizer=SGD("0.1")),
        "optimizer SGD(learning_rate=0.1), got one with Adam(learning_rate=0.003)",
    ),
    (
        replace(RUN, schedule=Cosine(8)),
        "schedule Cosine(total=8), got one with Cosine(total=7)",
    ),
    (
        replace(RUN, clipping=None),
        "clipping None, got one with ClipNorm(maximum=1)",
    ),
    (
        replace(RUN, position=Position(0, 1)),
        "position Position(batch=1), got one with Position(epoch=2, batch=1)",
    ),
    (replace(RUN, seed=6), "seed 6, got one with 5"),
    (
        replace(RUN, number_format="float32"),
        "number format float32, got one with float64",
    ),
]


@pytest.mark.parametrize(("run", "difference"), CHANGED)
def test_another_run_is_named(run: TrainingRun, difference: str) -> None:
    """The part that differs, ours and theirs."""
    with pytest.raises(TorchLeanError) as refused:
        SAVED.require_same("here", run)
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == f"here: expected a run with the {difference}"


def test_a_longer_run_is_the_same() -> None:
    """The length is no part of what must agree."""
    SAVED.require_same("here", replace(RUN, steps=70))
