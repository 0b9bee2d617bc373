"""What a task's name stands for, and losses of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from torchlean.data import AnyTensors, tensor_dataset, two_moons
from torchlean.loading import load
from torchlean.tasks import TaskName, loss_of
from torchlean.trained import Trained
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, Sequential, Tanh
from torchlean_spec.losses import CrossEntropy, Loss, MeanSquaredError, Reduction
from torchlean_spec.metrics import Count
from torchlean_spec.operations import Kind
from torchlean_spec.optimizers import SGD
from torchlean_spec.program import Value
from torchlean_spec.shape import Shape

MOONS = two_moons(60)
ONE_HOT = tensor_dataset(MOONS.inputs, np.eye(2)[MOONS.targets])
SOFT = tensor_dataset(MOONS.inputs, 0.8 * np.eye(2)[MOONS.targets] + 0.1)
LINE = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])
MODEL = Sequential(Linear(2, 8), Tanh(), Linear(8, 2))
MARKED = tensor_dataset([[0.0], [1.0]], [0, -1], classes=2, ignore_index=-1)


def bits(trained: Trained) -> dict[str, bytes]:
    """The parameters, to the bit."""
    return {name: array.tobytes() for name, array in trained.parameters.items()}


@pytest.mark.parametrize(
    ("task", "dataset", "loss"),
    [
        ("regression", LINE, MeanSquaredError()),
        ("classification", MOONS, CrossEntropy()),
        ("cross-entropy", MOONS, CrossEntropy()),
        ("classification", ONE_HOT, CrossEntropy("distribution")),
        ("cross-entropy", ONE_HOT, CrossEntropy("distribution")),
        ("cross-entropy", SOFT, CrossEntropy("distribution")),
        ("classification", MARKED, CrossEntropy(ignore_index=-1)),
        ("regression", None, MeanSquaredError()),
        ("classification", None, CrossEntropy()),
    ],
)
def test_a_task_is_the_loss_that_the_data_ask_for(
    task: TaskName, dataset: AnyTensors | None, loss: Loss
) -> None:
    """Indices, one-hot rows and probabilities have losses of their own."""
    assert loss_of(task, dataset) == loss


@pytest.mark.parametrize(
    ("task", "loss", "dataset"),
    [
        ("classification", CrossEntropy(), MOONS),
        ("classification", CrossEntropy("distribution"), ONE_HOT),
        ("cross-entropy", CrossEntropy("distribution"), SOFT),
    ],
)
def test_a_task_trains_as_its_loss(
    task: TaskName, loss: Loss, dataset: AnyTensors, tmp_path: Path
) -> None:
    """To the bit, and so do the loss given as a task and the file read back."""
    named = Trainer(MODEL, task=task, optimizer=SGD("0.1"))
    first = named.train(dataset, batch_size=10, steps=9, save=tmp_path / "file")
    for spelled in (
        Trainer(MODEL, loss=loss, optimizer=SGD("0.1")),
        Trainer(MODEL, task=loss, optimizer=SGD("0.1")),
    ):
        assert bits(spelled.train(dataset, batch_size=10, steps=9)) == bits(first)
    for read in (named.load(tmp_path / "file"), load(tmp_path / "file")):
        assert read.evaluate(dataset) == first.after


def test_one_hot_rows_are_counted_as_their_classes() -> None:
    """A row is right when the largest output is where its one is."""
    trainer = Trainer(MODEL, task="classification", optimizer=SGD("0.1"))
    trained = trainer.train(ONE_HOT, batch_size=10, steps=30)
    right = trained.predict_class(MOONS.inputs) == MOONS.targets
    assert trained.after.count == Count(int(right.sum()), 60)
    assert trained.accuracy(ONE_HOT) == right.sum() / 60
    soft = Trainer(MODEL, task="cross-entropy").train(SOFT, batch_size=10, steps=1)
    assert soft.after.count is None
    assert soft.evaluate(ONE_HOT).count is not None


def test_the_default_optimizer_is_the_originals() -> None:
    """Plain descent with a rate of 0.01."""
    plain = Trainer(MODEL, task="classification")
    assert plain.optimizer == SGD("0.01")
    spelled = replace(plain, optimizer=SGD("0.01", momentum=0))
    asked = {"batch_size": 10, "steps": 5}
    assert bits(plain.train(MOONS, **asked)) == bits(spelled.train(MOONS, **asked))  # type: ignore[arg-type]


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: Trainer(MODEL),
        Reason.CONTRADICTION,
        "expected a task or a loss, got neither",
    ),
    (
        lambda: Trainer(MODEL, task="regression", loss=MeanSquaredError()),
        Reason.CONTRADICTION,
        "expected a task or a loss, got 'regression' and a loss",
    ),
    (
        lambda: Trainer(MODEL, task="clustering"),  # type: ignore[arg-type]
        Reason.UNKNOWN_NAME,
        "expected a task named regression, classification, cross-entropy, or a loss, "
        "got 'clustering'",
    ),
    (
        lambda: loss_of("classification", SOFT),
        Reason.CONTRADICTION,
        "sample 0: expected class indices or one-hot rows to classify, "
        "got the row [0.9, 0.1]",
    ),
    (
        lambda: loss_of("classification", LINE),
        Reason.CONTRADICTION,
        "sample 1: expected class indices or one-hot rows to classify, got the row [3]",
    ),
    (
        lambda: Trainer(MODEL, task=MeanSquaredError("none")),
        Reason.CONTRADICTION,
        "a task needs a scalar loss: expected reduction 'mean' or 'sum', got 'none'",
    ),
]


@pytest.mark.parametrize(("action", "reason", "message"), REFUSED)
def test_refusals(action: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        action()
    assert (refused.value.reason, str(refused.value)) == (reason, message)


@dataclass(frozen=True)
class Mine:
    """A squared error of one's own, from the operations."""

    reduction: Reduction = "mean"

    @property
    def target_kind(self) -> Kind:
        """Numbers."""
        return Kind.REAL

    def target_shape(self, prediction: Shape, /) -> Shape:
        """The prediction's."""
        return prediction

    def apply(self, prediction: Value, target: Value, /) -> Value:
        """The mean or the sum of the squares of the differences."""
        squares = (prediction - target) * (prediction - target)
        return squares.apply("mean" if self.reduction == "mean" else "sum", axes=(0, 1))


POINTS = tensor_dataset(
    np.linspace(-2, 2, 1030).reshape(-1, 1), np.linspace(-2, 2, 1030) ** 2
)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_loss_of_ones_own_trains(reduction: Reduction, tmp_path: Path) -> None:
    """It is evaluated as the spec's loss is, over all samples however they are cut."""
    model = Sequential(Linear(1, 8), Tanh(), Linear(8, 1))
    mine, known = (
        Trainer(model, loss=loss, dtype="float64", optimizer=SGD("0.0001"))
        for loss in (Mine(reduction), MeanSquaredError(reduction))
    )
    ours = mine.train(POINTS, batch_size=103, steps=40, save=tmp_path / "file")
    theirs = known.train(POINTS, batch_size=103, steps=40)
    assert ours.after.loss < ours.before.loss
    # The same numbers, but for the order of a few roundings.
    assert np.float32(ours.before.loss) == np.float32(theirs.before.loss)
    assert np.float32(ours.after.loss) == np.float32(theirs.after.loss)
    read = mine.load(tmp_path / "file")
    assert bits(read) == bits(ours)
    assert read.evaluate(POINTS) == ours.after
    with pytest.raises(TorchLeanError) as refused:
        load(tmp_path / "file")
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == (
        f"{tmp_path / 'file'}: expected a loss of the spec, got Mine, "
        "which no file describes (Trainer.load reads the parameters)"
    )
    resumed = mine.train(POINTS, batch_size=103, steps=60, resume=tmp_path / "file")
    assert bits(resumed) == bits(mine.train(POINTS, batch_size=103, steps=60))
