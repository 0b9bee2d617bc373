"""Losses of rows of classes as functions of NumPy arrays; see `loss_functions`.

Classes lie along the last axis. A label that is no class is refused wherever it
stands, unless it is the one to be ignored: it never costs 0 in silence, as in the
original, and it never reads another row.

>>> logits = np.zeros((2, 4))
>>> cross_entropy_rows(logits, np.array([0, 3]), "none")
array([1.38629436, 1.38629436])
>>> negative_log_likelihood_index(np.array([-1.0, -2.0]), 1)
array(2.)
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as whole
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from torchlean.loss_functions import Target, value
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter
from torchlean_spec.losses import CrossEntropy, Loss, NegativeLogLikelihood, Reduction
from torchlean_spec.operations import Kind

F = TypeVar("F", bound=np.float32 | np.float64)
Labels = NDArray[np.integer[Any]]


def _of_rows(
    loss: Loss, scores: NDArray[F], target: Target, strict: bool
) -> NDArray[F]:
    """A loss of rows, whatever axes stand before the classes."""
    if np.ndim(scores) == 0:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected scores of shape [.., classes], got a single number",
        )
    leading = np.shape(scores)[:-1]
    given: NDArray[Any] = np.asarray(target)
    wanted = leading if loss.target_kind is Kind.INDEX else np.shape(scores)
    if given.shape != wanted:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected a target of shape {list(wanted)}, got {list(given.shape)}",
        )
    count = int(np.prod(leading, dtype=np.int64))
    table = np.reshape(scores, (count, np.shape(scores)[-1]))
    found = value(
        loss, table, given.reshape(count, *given.shape[len(leading) :]), strict=strict
    )
    return found.reshape(leading) if loss.reduction == "none" else found


# ROWS OF PROBABILITIES AS TARGETS


def negative_log_likelihood_one_hot(
    log_probabilities: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    class_weights: Sequence[Hyperparameter] | None = None,
    strict: bool = False,
) -> NDArray[F]:
    """`-sum_c t_c l_c` of each row; the mean is over rows.

    Args:
        log_probabilities: `[.., classes]`.
        target: Rows of the same shape, one-hot or any other distribution.
        reduction: `mean`, `sum` or `none`.
        class_weights: One for each class.
        strict: Whether every bit shall be the spec's.

    >>> logs = np.log(np.array([[0.5, 0.5], [0.25, 0.75]]))
    >>> negative_log_likelihood_one_hot(logs, np.array([[1.0, 0], [1, 0]]), "none")
    array([0.69314718, 1.38629436])
    """
    loss = NegativeLogLikelihood(None, class_weights, reduction, "distribution")
    return _of_rows(loss, log_probabilities, target, strict)


def cross_entropy_one_hot(
    logits: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    class_weights: Sequence[Hyperparameter] | None = None,
    label_smoothing: Hyperparameter = 0,
    strict: bool = False,
) -> NDArray[F]:
    """`-sum_c t_c log softmax(x)_c` of each row; the mean is over rows.

    Args:
        logits: `[.., classes]`.
        target: Rows of the same shape, one-hot or any other distribution.
        reduction: `mean`, `sum` or `none`.
        class_weights: One for each class.
        label_smoothing: The share that is spread evenly over the classes.
        strict: Whether every bit shall be the spec's.

    >>> float(cross_entropy_one_hot(np.array([0.0, 0.0]), np.array([0.0, 1.0])))
    0.6931471805599453
    """
    loss = CrossEntropy("distribution", None, class_weights, label_smoothing, reduction)
    return _of_rows(loss, logits, target, strict)


# ONE CLASS AS THE TARGET


def negative_log_likelihood_index(
    log_probabilities: NDArray[F], index: int, *, strict: bool = False
) -> NDArray[F]:
    """`-l` at the class of a vector of log-probabilities.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for an index that is no class.
    """
    return negative_log_likelihood_of_class(log_probabilities, index, strict=strict)


def cross_entropy_index(
    logits: NDArray[F], index: int, *, strict: bool = False
) -> NDArray[F]:
    """`-log softmax(x)` at the class of a vector of logits.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for an index that is no class.

    >>> float(cross_entropy_index(np.array([0.0, 1000.0]), 0))
    1000.0
    """
    return cross_entropy_of_class(logits, index, strict=strict)


def negative_log_likelihood_of_class(
    log_probabilities: NDArray[F],
    index: int,
    *,
    ignore_index: int | None = None,
    strict: bool = False,
) -> NDArray[F]:
    """`-l` at the class of a vector of log-probabilities; 0 for `ignore_index`.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for any other index that is no class.

    >>> scores = np.array([-1.0, -2.0])
    >>> float(negative_log_likelihood_of_class(scores, 7, ignore_index=7))
    0.0
    """
    loss = NegativeLogLikelihood(ignore_index, None, "sum")
    return _of_class(loss, log_probabilities, index, ignore_index, strict)


def cross_entropy_of_class(
    logits: NDArray[F],
    index: int,
    *,
    ignore_index: int | None = None,
    strict: bool = False,
) -> NDArray[F]:
    """`-log softmax(x)` at the class of a vector of logits; 0 for `ignore_index`.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for any other index that is no class.
    """
    loss = CrossEntropy("index", ignore_index, reduction="sum")
    return _of_class(loss, logits, index, ignore_index, strict)


def _of_class(
    loss: Loss, scores: NDArray[F], index: int, ignored: int | None, strict: bool
) -> NDArray[F]:
    """The loss of one row."""
    if np.ndim(scores) != 1:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected scores of shape [classes], got {list(np.shape(scores))}",
        )
    classes, target = len(scores), whole(index)
    if classes and target != ignored and not 0 <= target < classes:
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"expected a class from 0 to {classes - 1}, got {target}",
        )
    return value(loss, scores.reshape(1, -1), np.array([target]), strict=strict)


# ROWS OF CLASSES


def row_target_flat_indices(rows: int, classes: int, target: Labels) -> Labels:
    """The place of each row's class in a table that is laid out row by row.

    Args:
        rows: How many rows the table has.
        classes: How many classes a row has.
        target: One class for each row.

    Returns:
        `row classes + class` of each row, as int64.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless there is one class for each row,
            `CLASS_OUT_OF_RANGE` for one that is none. (The original lets it name an
            entry of a later row: its B7.)

    >>> row_target_flat_indices(3, 4, np.array([0, 3, 1]))
    array([0, 7, 9])
    """
    given = np.asarray(target)
    if given.shape != (rows,) or not np.issubdtype(given.dtype, np.integer):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected one class for each of the {rows} rows, got {given.dtype} of "
            f"shape {list(given.shape)}",
        )
    wrong = (given < 0) | (given >= classes)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"row {row}: expected a class from 0 to {classes - 1}, got {given[row]}",
        )
    places: Labels = np.arange(rows, dtype=np.int64) * classes + given.astype(np.int64)
    return places


def negative_log_likelihood_rows(
    log_probabilities: NDArray[F],
    target: Labels,
    reduction: Reduction = "mean",
    *,
    ignore_index: int | None = None,
    class_weights: Sequence[Hyperparameter] | None = None,
    strict: bool = False,
) -> NDArray[F]:
    """`-w l` at each row's class.

    Args:
        log_probabilities: `[.., classes]`.
        target: `[..]`, a class for each row.
        reduction: `mean` divides by the rows that count, or by their weights.
        ignore_index: The label of rows that do not count.
        class_weights: One for each class.
        strict: Whether every bit shall be the spec's.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a label that is no class.

    >>> logs = np.array([[-1.0, -2.0], [-3.0, -4.0]])
    >>> float(negative_log_likelihood_rows(logs, np.array([1, -1]), ignore_index=-1))
    2.0
    """
    loss = NegativeLogLikelihood(ignore_index, class_weights, reduction)
    return _of_rows(loss, log_probabilities, target, strict)


def cross_entropy_rows(
    logits: NDArray[F],
    target: Labels,
    reduction: Reduction = "mean",
    *,
    ignore_index: int | None = None,
    class_weights: Sequence[Hyperparameter] | None = None,
    label_smoothing: Hyperparameter = 0,
    strict: bool = False,
) -> NDArray[F]:
    """`-w log softmax(x)` at each row's class.

    Args:
        logits: `[.., classes]`.
        target: `[..]`, a class for each row.
        reduction: `mean` divides by the rows that count, or by their weights.
        ignore_index: The label of rows that do not count.
        class_weights: One for each class.
        label_smoothing: The share that is spread evenly over the classes.
        strict: Whether every bit shall be the spec's.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a label that is no class.
    """
    loss = CrossEntropy(
        "index", ignore_index, class_weights, label_smoothing, reduction
    )
    return _of_rows(loss, logits, target, strict)
