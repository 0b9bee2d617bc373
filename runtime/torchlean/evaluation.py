"""What a model makes of a data set: its loss and, for classes, what it got right.

>>> result = Evaluation(loss=0.25, count=Count(correct=9, total=10))
>>> result.accuracy
0.9
>>> print(result)
mean loss 0.2500, accuracy 90.0 % (9 of 10)
"""

from __future__ import annotations

from dataclasses import dataclass

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A data set's loss in evaluation, all samples as one batch."""

    loss: float
    count: Count | None = None
    """How many classes were right; none where the targets are numbers."""
    reduction: str = "mean"
    """Whether the loss is a mean or a sum over the samples."""

    @property
    def accuracy(self) -> float:
        """The share that was right, from 0 to 1.

        Raises:
            TorchLeanError: `CONTRADICTION` where the targets are numbers.
        """
        if self.count is None:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected class indices as targets for an accuracy, got numbers",
            )
        return float(self.count.share)

    def __str__(self) -> str:
        kind = "mean loss" if self.reduction == "mean" else "sum of losses"
        shown = f"{kind} {self.loss:.4f}"
        if self.count is None:
            return shown
        return (
            f"{shown}, accuracy {100 * self.accuracy:.1f} % "
            f"({self.count.correct} of {self.count.total})"
        )
