"""Reports of a runner: its losses, accuracies and predictions, printed in lines.

The nine functions of the original's `train.Advanced.Report`
(`NN/API/Public/Training/Core.lean:779`), with its lines (`report_lines.py`). Every
number is one of evaluation, in which random layers rest, whatever the runner's mode
is; the mode is the same afterwards. So a label means one number: before or after
training, through a runner or a module, over a data set or a loader's
(`docs/deviations.md`, B21, B26 and B43).

>>> from torchlean.runner import instantiate
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.task import Task
>>> runner = instantiate(Task(Linear(1, 1), MeanSquaredError()))
>>> runner.set_parameters({"weight": [[2.0]], "bias": [1.0]})
>>> report_mean_loss(runner, [([[0.0], [1.0]], [[1.0], [1.0]])], "before")
mean_loss(before) = 2.0
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean import metrics
from torchlean.data.loader import BatchLoader
from torchlean.module import Module, Samples
from torchlean.report_lines import (
    Style,
    accuracy_line,
    class_probe_line,
    mean_loss_line,
    no_prediction_line,
)
from torchlean.runner import Runner
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape

P = TypeVar("P")

Loader = BatchLoader[Shape, Targets]


@dataclass(frozen=True, slots=True, eq=False)
class ClassProbe:
    """One input whose class is asked for."""

    name: str
    """What it is called in the line that is printed."""
    input: ArrayLike
    """One input, without the batch axis."""
    expected: int
    """The class that it is of."""

    def to_batched(self, batch: int) -> NDArray[Any]:
        """A batch of so many copies of the input, `[batch, ..]`.

        Raises:
            TorchLeanError: `BATCH_SIZE` for a negative number.

        >>> ClassProbe("corner", [1.0, 2.0], 0).to_batched(3).shape
        (3, 2)
        """
        if batch < 0:
            raise TorchLeanError(
                Reason.BATCH_SIZE, f"expected a batch of at least 0 copies, got {batch}"
            )
        one = np.asarray(self.input)
        return np.broadcast_to(one, (batch, *one.shape))


def report_probes(
    title: str,
    probes: Iterable[P],
    line_of: Callable[[P], str],
    *,
    file: TextIO | None = None,
) -> None:
    """Print a title, and below it a line for each probe.

    Args:
        title: The first line.
        probes: What is asked for.
        line_of: The line of a probe.
        file: Where to; the standard output by default, here and below.

    >>> report_probes("squares", [2, 3], lambda number: f"  {number**2}")
    squares
      4
      9
    """
    _print([title], file)
    for probe in probes:
        _print([line_of(probe)], file)


def report_mean_loss(
    runner: Runner,
    dataset: Samples,
    label: str,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """Print the mean loss of all samples.

    Args:
        runner: What computes it.
        dataset: The samples.
        label: What the number is called.
        file: Where to.
        style: How numbers are printed; see `report_lines.shown`.

    Raises:
        TorchLeanError: As `Runner.mean_loss`.
    """
    with runner.with_mode("eval"):
        loss = runner.mean_loss(dataset)
    _print([mean_loss_line(label, loss, style)], file)


def report_mean_loss_loader(
    runner: Runner,
    loader: Loader,
    label: str,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """Print the mean loss of a loader's samples, each of them counted once.

    The samples of a last, shorter batch count too, and the order is of no account.

    Raises:
        TorchLeanError: As `Runner.mean_loss`.
    """
    report_mean_loss(runner, loader, label, file=file, style=style)


def report_mean_loss_module_loader(
    module: Module,
    loader: Loader,
    label: str,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """Print the mean loss of a loader's samples, through a module alone.

    Raises:
        TorchLeanError: As `Module.mean_loss`.
    """
    loss = module.mean_loss(loader, "eval")
    _print([mean_loss_line(label, loss, style)], file)


def report_class_probes(
    runner: Runner,
    probes: Iterable[ClassProbe],
    title: str = "predictions",
    include_logits: bool = False,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """Print a title, and the class that is predicted for each probe.

    Args:
        runner: What predicts.
        probes: What is asked for.
        title: The first line.
        include_logits: Whether the scores stand in the line as well.
        file: Where to.
        style: How scores are printed.

    Raises:
        TorchLeanError: As `Runner.predict`, before anything is printed.
    """
    _report_classes(runner, probes, 1, title, include_logits, file, style)


def report_class_probes_batched_from_single(
    runner: Runner,
    batch: int,
    probes: Iterable[ClassProbe],
    title: str = "predictions",
    include_logits: bool = False,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """As `report_class_probes`, each input copied over a batch; of its first row.

    Args:
        runner: What predicts.
        batch: How many copies are predicted at once; of none there is no prediction.
        probes: What is asked for.
        title: The first line.
        include_logits: Whether the scores stand in the line as well.
        file: Where to.
        style: How scores are printed.

    Raises:
        TorchLeanError: `BATCH_SIZE` for a negative batch, else as `Runner.predict`,
            before anything is printed.
    """
    _report_classes(runner, probes, batch, title, include_logits, file, style)


def report_loss_accuracy_one_hot(
    runner: Runner,
    dataset: Samples,
    label: str,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """Print the mean loss of all samples, and how many classes are right.

    Args:
        runner: What computes them.
        dataset: The samples; their targets are one-hot rows.
        label: What the numbers are called.
        file: Where to.
        style: How numbers are printed.

    Raises:
        TorchLeanError: As `Runner.mean_loss` and `Runner.accuracy_one_hot`, before
            anything is printed; `CONTRADICTION` for batches that can be gone through
            only once.
    """
    if isinstance(dataset, Iterator):
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected batches that can be gone through twice, for the loss and for "
            f"the accuracy, got {type(dataset).__name__}",
        )
    with runner.with_mode("eval"):
        loss = runner.mean_loss(dataset)
        count = runner.accuracy_one_hot(dataset)
    _print([mean_loss_line(label, loss, style), accuracy_line(label, count)], file)


def report_loss_accuracy_one_hot_batched(
    runner: Runner,
    batches: Samples,
    label: str,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """As `report_loss_accuracy_one_hot`, over batches; each row counts.

    Raises:
        TorchLeanError: As `report_loss_accuracy_one_hot`.
    """
    report_loss_accuracy_one_hot(runner, batches, label, file=file, style=style)


def report_loss_accuracy_one_hot_loader(
    runner: Runner,
    loader: Loader,
    label: str,
    *,
    file: TextIO | None = None,
    style: Style = "torchlean",
) -> None:
    """As `report_loss_accuracy_one_hot`, over a loader's samples, each counted once.

    Raises:
        TorchLeanError: As `report_loss_accuracy_one_hot`.
    """
    report_loss_accuracy_one_hot(runner, loader, label, file=file, style=style)


def _report_classes(
    runner: Runner,
    probes: Iterable[ClassProbe],
    batch: int,
    title: str,
    include_logits: bool,
    file: TextIO | None,
    style: Style,
) -> None:
    lines = [title]
    with runner.with_mode("eval"):
        for probe in probes:
            inputs = probe.to_batched(batch)
            if not len(inputs):
                lines.append(no_prediction_line(probe.name))
                continue
            logits = runner.predict_batch(inputs)
            predicted = int(metrics.classes(logits[:1])[0]) if logits.size else None
            shown = logits[0] if include_logits else None
            lines.append(
                class_probe_line(
                    probe.name, probe.expected, predicted, logits=shown, style=style
                )
            )
    _print(lines, file)


def _print(lines: Iterable[str], file: TextIO | None) -> None:
    for line in lines:
        print(line, file=file)
