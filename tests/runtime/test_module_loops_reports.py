"""What loops over modules print, write and count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.runtime.module_runs import (
    BATCHES,
    MODEL,
    TASK,
    assert_same,
    loader_of,
)
from tests.runtime.runs import CLASSES, INPUTS

from torchlean.callbacks import (
    on_step,
    on_train_end,
)
from torchlean.data import BatchLoader, tensor_dataset
from torchlean.log import LogDestination, TrainLog
from torchlean.module import Module
from torchlean.module_loops import (
    accuracy_one_hot_batch_loader,
    mean_loss_batch_loader,
    mean_loss_dataset,
    mean_loss_module_loader,
    train_module_loader_steps_curve,
    train_module_loader_steps_logged,
    train_module_loader_steps_report,
    train_module_stream_steps_curve,
    train_module_stream_steps_report,
)
from torchlean.runner import Runner
from torchlean.stream import StepBatchStream
from torchlean_spec.batches import Position
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import Adam
from torchlean_spec.task import Task


def test_reports_print_what_they_return(capsys: pytest.CaptureFixture[str]) -> None:
    """A line before and one after, or one at the end; hooks run between."""
    said = on_train_end(lambda report: print("hook"))
    module = Module(TASK)
    report, _ = train_module_loader_steps_report(module, Adam(), 3, loader_of(), said)
    assert capsys.readouterr().out.splitlines() == [
        f"mean_loss(train(before)) = {report.before.loss!r}",
        "hook",
        f"mean_loss(train(after)) = {report.after.loss!r}",
    ]
    stream = StepBatchStream.cycle(BATCHES)
    report = train_module_stream_steps_report(module, Adam(), 3, stream, said)
    assert capsys.readouterr().out.splitlines() == [
        "hook",
        f"  steps=3 loss0={report.before.loss!r} loss1={report.after.loss!r}",
    ]


def test_curves_are_the_losses_of_the_steps() -> None:
    """Counted from 1, before each update; hooks run beside."""
    heard: list[tuple[int, float]] = []
    hooks = on_step(lambda event: heard.append((event.step, event.loss)))
    module = Module(TASK)
    report, curve = train_module_stream_steps_curve(
        module, Adam(), 3, StepBatchStream.cycle(BATCHES), hooks
    )
    assert list(zip(curve.steps, curve.values, strict=True)) == heard
    assert list(curve.steps) == [1, 2, 3] and report.steps == 3
    heard.clear()
    report, advanced, curve = train_module_loader_steps_curve(
        module, Adam(), 5, loader_of(), hooks
    )
    assert list(zip(curve.steps, curve.values, strict=True)) == heard
    assert (report.steps, advanced.position) == (5, Position(2, 1))


def test_logged_losses_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The curve as a log, and a line that says where; or none, and a line for that."""
    path = tmp_path / "logs" / "log.json"
    losses: list[float] = []
    report, advanced = train_module_loader_steps_logged(
        Module(TASK),
        Adam(),
        3,
        loader_of(),
        LogDestination.json(path),
        "three steps",
        on_step(lambda event: losses.append(event.loss)),
        notes=["a note"],
        series_name="squared error",
    )
    written = TrainLog.read_json(path)
    assert (written.title, list(written.steps)) == ("three steps", [1, 2, 3])
    assert list(written.notes) == ["a note"]
    assert written.series[0].name == "squared error"
    assert list(written.series[0].values) == losses
    assert (report.steps, advanced.position) == (3, Position(1, 1))
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"  wrote TrainLog JSON: {path}"
    )
    disabled = LogDestination.disabled()
    train_module_loader_steps_logged(
        Module(TASK), Adam(), 1, loader_of(), disabled, "none"
    )
    assert capsys.readouterr().out.splitlines()[-1] == "  TrainLog JSON disabled"


def test_a_log_that_cannot_be_written_is_refused_before_the_first_step(
    tmp_path: Path,
) -> None:
    """The parameters are untouched."""
    module = Module(TASK)
    start = module.parameters
    with pytest.raises(TorchLeanError) as refused:
        train_module_loader_steps_logged(
            module, Adam(), 3, loader_of(), LogDestination.json(tmp_path), "none"
        )
    assert refused.value.reason is Reason.FILE_ACCESS
    assert_same(module.parameters, start)


def test_losses_and_scores_of_loaders_are_of_their_data() -> None:
    """All samples, whatever the batches; in evaluation, or in a runner's mode."""
    rows = tensor_dataset(INPUTS, np.eye(3)[CLASSES.targets])
    runner = Runner(Module(Task(MODEL, CrossEntropy("distribution"))))
    loader, wanted = BatchLoader(rows, 8), runner.mean_loss(rows)
    assert mean_loss_module_loader(runner, loader) == wanted
    assert mean_loss_batch_loader(runner, loader) == wanted
    assert mean_loss_dataset(runner, rows) == wanted
    assert accuracy_one_hot_batch_loader(runner, loader) == (
        runner.accuracy_one_hot(rows)
    )
    assert accuracy_one_hot_batch_loader(runner, loader).total == 20
    runner.train_mode()
    assert mean_loss_module_loader(runner, loader) == wanted
    assert mean_loss_batch_loader(runner, loader) != wanted
    assert mean_loss_dataset(runner, rows) == mean_loss_batch_loader(runner, loader)
