"""Reports of a runner: the original's lines, and numbers of evaluation alone."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest

from torchlean.data import BatchLoader, tensor_dataset
from torchlean.module import Module
from torchlean.options import Options
from torchlean.report_runner import (
    ClassProbe,
    report_class_probes,
    report_class_probes_batched_from_single,
    report_loss_accuracy_one_hot,
    report_loss_accuracy_one_hot_batched,
    report_loss_accuracy_one_hot_loader,
    report_mean_loss,
    report_mean_loss_loader,
    report_mean_loss_module_loader,
    report_probes,
)
from torchlean.runner import Runner, instantiate
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Linear, Sequential
from torchlean_spec.losses import CrossEntropy, MeanSquaredError
from torchlean_spec.task import Task

# Of five samples the third is wrong: its largest output is the second.
INPUTS = [[2.0, 0.0], [0.0, 1.0], [0.0, 3.0], [4.0, 0.0], [1.0, 0.5]]
ONE_HOT = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]
SAMPLES = tensor_dataset(INPUTS, ONE_HOT)
BATCHES = [(INPUTS[:2], ONE_HOT[:2]), (INPUTS[2:], ONE_HOT[2:])]
LOADER = BatchLoader(SAMPLES, 2, shuffle=True, drop_last=True, seed=3)
# The squared differences of outputs and targets add up to 20.25, over ten numbers.
LOSS = "mean_loss(test) = 2.025"
ACCURACY = "accuracy(test) = 4/5"

PROBES = [
    ClassProbe("left", [3.0, 0.5], 0),
    ClassProbe("right", [0.25, 0.5], 0),
    ClassProbe("tie", [1.0, 1.0], 1),
]


@pytest.fixture
def runner() -> Runner:
    """A runner in mode train of a model that gives its inputs, dropout aside.

    In mode train dropout takes outputs away or doubles them, so that any number
    that is not one of evaluation is another one.
    """
    model = Sequential(Linear(2, 2), Dropout("0.5"))
    made = instantiate(Task(model, MeanSquaredError()), Options(seed=1))
    made.set_parameters({"0.weight": [[1.0, 0.0], [0.0, 1.0]], "0.bias": [0.0, 0.0]})
    made.train_mode()
    return made


def printed(report: Callable[..., None], *arguments: object, **more: object) -> str:
    """What a report prints to a file that is given."""
    file = io.StringIO()
    report(*arguments, file=file, **more)
    return file.getvalue()


def test_training_gives_other_numbers(runner: Runner) -> None:
    """The model is one whose losses and classes depend on the mode."""
    assert runner.mean_loss(SAMPLES) != 2.025
    assert not np.array_equal(runner.predict_batch(INPUTS), INPUTS)


def test_probes_have_a_title_and_lines() -> None:
    """Whatever the probes are, their line is asked for, in order."""
    asked: list[int] = []

    def line(number: int) -> str:
        asked.append(number)
        return f"  n={number}"

    assert printed(report_probes, "probes", [3, 1], line) == "probes\n  n=3\n  n=1\n"
    assert asked == [3, 1]
    assert printed(report_probes, "none", [], line) == "none\n"


@pytest.mark.parametrize(
    ("report", "samples"),
    [
        (report_mean_loss, SAMPLES),
        (report_mean_loss, BATCHES),
        (report_mean_loss, LOADER),
        (report_mean_loss_loader, LOADER),
    ],
    ids=["data set", "batches", "a loader's data set", "loader"],
)
def test_a_mean_loss_is_of_all_samples(
    runner: Runner, report: Callable[..., None], samples: object
) -> None:
    """In evaluation, however they are batched; the mode is the same afterwards."""
    assert printed(report, runner, samples, "test") == f"{LOSS}\n"
    lean = printed(report, runner, samples, "test", style="lean")
    assert lean == "mean_loss(test) = 2.025000\n"
    assert runner.is_training


def test_a_module_reports_what_its_runner_does(runner: Runner) -> None:
    """Over a loader, in evaluation."""
    module: Module = runner.module
    said = printed(report_mean_loss_module_loader, module, LOADER, "test")
    assert said == f"{LOSS}\n"
    lean = printed(report_mean_loss_module_loader, module, LOADER, "x", style="lean")
    assert lean == "mean_loss(x) = 2.025000\n"


@pytest.mark.parametrize(
    ("report", "samples"),
    [
        (report_loss_accuracy_one_hot, SAMPLES),
        (report_loss_accuracy_one_hot_batched, BATCHES),
        (report_loss_accuracy_one_hot_loader, LOADER),
    ],
    ids=["data set", "batches", "loader"],
)
def test_loss_and_accuracy_are_of_all_samples(
    runner: Runner, report: Callable[..., None], samples: object
) -> None:
    """Two lines, in evaluation; the mode is the same afterwards."""
    assert printed(report, runner, samples, "test") == f"{LOSS}\n{ACCURACY}\n"
    lean = printed(report, runner, samples, "test", style="lean")
    assert lean == f"mean_loss(test) = 2.025000\n{ACCURACY}\n"
    assert runner.is_training


def test_batches_that_come_once_are_refused(runner: Runner) -> None:
    """The loss would use them up; nothing is printed."""
    file = io.StringIO()
    with pytest.raises(TorchLeanError) as refused:
        report_loss_accuracy_one_hot_batched(runner, iter(BATCHES), "test", file=file)
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == (
        "expected batches that can be gone through twice, for the loss and for the "
        "accuracy, got list_iterator"
    )
    assert file.getvalue() == ""


def test_targets_that_are_no_one_hot_rows_are_refused(runner: Runner) -> None:
    """Before anything is printed, and the mode is the same afterwards."""
    wrong = tensor_dataset(INPUTS, [[0.5, 0.5]] * 5)
    file = io.StringIO()
    with pytest.raises(TorchLeanError) as refused:
        report_loss_accuracy_one_hot(runner, wrong, "test", file=file)
    assert refused.value.reason is Reason.CLASS_OUT_OF_RANGE
    assert file.getvalue() == ""
    assert runner.is_training


def test_class_probes(runner: Runner) -> None:
    """A title, and for each the expected and the predicted class; ties go first."""
    assert printed(report_class_probes, runner, PROBES) == (
        "predictions\n"
        "  left: expected=0 predicted=0\n"
        "  right: expected=0 predicted=1\n"
        "  tie: expected=1 predicted=0\n"
    )
    assert runner.is_training


def test_class_probes_with_their_scores(runner: Runner) -> None:
    """In the digits of the model's own format, or with six decimals."""
    some = [ClassProbe("p", [0.1, 0.25], 1)]
    assert printed(report_class_probes, runner, some, "now", include_logits=True) == (
        "now\n  p: expected=1 predicted=1 logits=[0.1, 0.25]\n"
    )
    assert printed(report_class_probes, runner, some, "now", True, style="lean") == (
        "now\n  p: expected=1 predicted=1 logits=[0.100000, 0.250000]\n"
    )


def test_class_probes_in_batches(runner: Runner) -> None:
    """Each is copied over the batch, and the first row is reported."""
    batched = report_class_probes_batched_from_single
    single = printed(report_class_probes, runner, PROBES, "t", include_logits=True)
    for batch in (1, 3):
        said = printed(batched, runner, batch, PROBES, "t", include_logits=True)
        assert said == single
    assert printed(batched, runner, 2, []) == "predictions\n"
    assert runner.is_training


def test_a_batch_of_none_has_no_prediction(runner: Runner) -> None:
    """The line says so; less than none is refused."""
    batched = report_class_probes_batched_from_single
    assert printed(batched, runner, 0, PROBES[:1]) == (
        "predictions\n  left: batch=0 (no prediction)\n"
    )
    with pytest.raises(TorchLeanError) as refused:
        batched(runner, -1, PROBES)
    assert refused.value.reason is Reason.BATCH_SIZE
    assert str(refused.value) == "expected a batch of at least 0 copies, got -1"


def test_a_probe_is_copied_over_a_batch() -> None:
    """Every row is the input."""
    assert PROBES[0].to_batched(2).tolist() == [[3.0, 0.5], [3.0, 0.5]]
    assert PROBES[0].to_batched(0).shape == (0, 2)


def test_a_probe_of_another_shape_is_refused(runner: Runner) -> None:
    """Nothing is printed of those before it, and the mode is the same afterwards."""
    file = io.StringIO()
    wrong = [PROBES[0], ClassProbe("wrong", [1.0, 2.0, 3.0], 0)]
    with pytest.raises(TorchLeanError) as refused:
        report_class_probes(runner, wrong, file=file)
    assert refused.value.reason is Reason.SHAPE_MISMATCH
    assert file.getvalue() == ""
    assert runner.is_training


def test_reports_are_for_people(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a file they go to the standard output."""
    report_probes("title", [1], str)
    report_mean_loss(runner, SAMPLES, "a")
    report_mean_loss_loader(runner, LOADER, "b")
    report_mean_loss_module_loader(runner.module, LOADER, "c")
    report_class_probes(runner, PROBES[:1])
    report_class_probes_batched_from_single(runner, 1, PROBES[:1])
    report_loss_accuracy_one_hot(runner, SAMPLES, "d")
    report_loss_accuracy_one_hot_batched(runner, BATCHES, "e")
    report_loss_accuracy_one_hot_loader(runner, LOADER, "f")
    assert capsys.readouterr().out.splitlines() == [
        "title",
        "1",
        *(f"mean_loss({label}) = 2.025" for label in "abc"),
        *("predictions", "  left: expected=0 predicted=0") * 2,
        *(
            line
            for label in "def"
            for line in (f"mean_loss({label}) = 2.025", f"accuracy({label}) = 4/5")
        ),
    ]


def test_a_classifier_of_indices_is_reported() -> None:
    """Its mean loss has a line; its accuracy is not one of one-hot rows."""
    made = instantiate(Task(Linear(2, 2), CrossEntropy()))
    made.set_parameters({"weight": [[0.0, 0.0], [0.0, 0.0]], "bias": [0.0, 0.0]})
    labelled = tensor_dataset(INPUTS, [0, 1, 0, 0, 0])
    lean = printed(report_mean_loss, made, labelled, "test", style="lean")
    assert lean == "mean_loss(test) = 0.693147\n"
    with pytest.raises(TorchLeanError) as refused:
        report_loss_accuracy_one_hot(made, labelled, "test")
    assert refused.value.reason is Reason.CONTRADICTION
