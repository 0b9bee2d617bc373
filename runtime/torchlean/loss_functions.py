"""Losses as functions of NumPy arrays, computed by the kernels that train models.

`value` and `value_and_gradient` take any loss of the spec; the other functions name
one each. Arguments are (prediction, target). float32 and float64 predictions stay in
their format, and the target is rounded to it. A mean or a sum is an array of shape
`[]`, which `float` reads. With `strict` every bit is the spec's.

Losses of rows of classes stand in `class_loss_functions`.

>>> p, t = np.array([1.0, 4.0]), np.array([0.0, 2.0])
>>> float(mean_squared_error(p, t))
2.5
>>> loss, slope = value_and_gradient(Huber(delta=1), p, t)
>>> float(loss), slope
(1.0, array([0.5, 0.5]))
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from torchlean.compiler import layout as names
from torchlean.compiler.loss import compile_loss, traced
from torchlean.compiler.single import OPERAND
from torchlean.cpu.registry import Dtype, Mode
from torchlean.inference import machine_of
from torchlean.targets import wanted_by
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CosineSimilarity,
    CrossEntropyOfProbabilities,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    Reduction,
    SmoothL1,
)
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import LOSS

F = TypeVar("F", bound=np.float32 | np.float64)
"""float32 or float64."""

Target = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]

KEPT = 64
"""How many plans are kept, of a loss and a shape each."""

SMALL = 2**16
"""Plans for at most so many numbers are kept, with their memory."""


class _Prepared:
    """A loss of one shape with its memory; one call at a time."""

    def __init__(
        self, loss: Loss, shape: Shape, dtype: str, strict: bool, with_gradient: bool
    ) -> None:
        mode = Mode.STRICT if strict else Mode.FAST
        compiled = compile_loss(loss, shape, Dtype(dtype), mode, with_gradient)
        self._arrays = {
            name: np.empty(buffer.extent, "int64" if buffer.holds_integers else dtype)
            for name, buffer in compiled.plan.buffers.items()
            if buffer.outside
        }
        self._machine = machine_of(compiled, self._arrays, None)
        program = traced(loss, shape)
        self._sizes = sizes(program.shape(program.outputs[LOSS]))
        self._lock = Lock()

    def run(self, prediction: NDArray[Any], target: NDArray[Any]) -> list[NDArray[Any]]:
        """The loss, and then its gradient if it was asked for."""
        with self._lock:
            self._arrays[f"{OPERAND}prediction"][:] = prediction.reshape(-1)
            self._arrays[f"{OPERAND}target"][:] = target.reshape(-1)
            self._machine.run(1)
            found = [self._arrays[names.LOSS].reshape(self._sizes).copy()]
            if names.GRADIENTS in self._arrays:
                gradient = self._arrays[names.GRADIENTS]
                found.append(gradient.reshape(prediction.shape).copy())
            return found


Prepare = Callable[[Loss, Shape, str, bool, bool], _Prepared]
_kept = cast(Prepare, lru_cache(KEPT)(_Prepared))


def _run(
    loss: Loss,
    prediction: NDArray[Any],
    target: NDArray[Any],
    strict: bool,
    with_gradient: bool,
) -> list[NDArray[Any]]:
    """Check the operands, and run a plan that fits them."""
    is_array = isinstance(prediction, np.ndarray)
    if not is_array or prediction.dtype.name not in ("float32", "float64"):
        got = prediction.dtype if is_array else type(prediction).__name__
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected a prediction that is an array of float32 or float64, got {got}",
        )
    shape = shape_of(prediction.shape)
    wanted = wanted_by(loss, shape)
    prepare = _kept if prediction.size <= SMALL else _Prepared
    prepared = prepare(loss, shape, prediction.dtype.name, strict, with_gradient)
    wanted.check(np.asarray(target))
    return prepared.run(prediction, np.asarray(target))


def value(
    loss: Loss, prediction: NDArray[F], target: Target, *, strict: bool = False
) -> NDArray[F]:
    """The value of a loss.

    Args:
        loss: Which loss, with its options and its reduction.
        prediction: An array of float32 or float64.
        target: Numbers or class indices, in the shape that the loss wants.
        strict: Whether every bit shall be the spec's.

    Returns:
        An array of the prediction's format: of shape `[]` for a mean or a sum, else
        of the shape of the unreduced losses.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for arrays that do not fit,
            `CLASS_OUT_OF_RANGE` for a label that is no class, `EMPTY_DATA` for rows
            of no class, `UNSUPPORTED` for strict float64 of a loss with elementary
            functions.

    >>> value(LogCosh("none"), np.array([0.0, -1e300]), np.zeros(2))
    array([0.e+000, 1.e+300])
    """
    (found,) = _run(loss, prediction, target, strict, with_gradient=False)
    return found


def value_and_gradient(
    loss: Loss, prediction: NDArray[F], target: Target, *, strict: bool = False
) -> tuple[NDArray[F], NDArray[F]]:
    """The value of a loss, and its derivative in the prediction.

    Args:
        loss: Which loss; its reduction is `mean` or `sum`.
        prediction: An array of float32 or float64.
        target: Numbers or class indices, in the shape that the loss wants.
        strict: Whether every bit shall be the spec's.

    Raises:
        TorchLeanError: As `value`; `CONTRADICTION` for a loss that is not reduced.

    >>> p = np.array([[2.0, 0.0]], np.float32)
    >>> value_and_gradient(Hinge("sum"), p, np.array([[1.0, -1.0]]))[1]
    array([[0., 1.]], dtype=float32)
    """
    if loss.reduction == "none":
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "a gradient needs a scalar loss: expected reduction 'mean' or 'sum', "
            "got 'none'",
        )
    found, gradient = _run(loss, prediction, target, strict, with_gradient=True)
    return found, gradient


# OF TWO ARRAYS OF ONE SHAPE


def mean_squared_error(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    strict: bool = False,
) -> NDArray[F]:
    """`(p - t)^2`; the mean is over elements.

    >>> float(mean_squared_error(np.array([3.0]), np.array([1.0]), "sum"))
    4.0
    """
    return value(MeanSquaredError(reduction), prediction, target, strict=strict)


def mean_absolute_error(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    strict: bool = False,
) -> NDArray[F]:
    """`|p - t|`; the mean is over elements.

    >>> float(mean_absolute_error(np.array([3.0, 1.0]), np.array([1.0, 1.0])))
    1.0
    """
    return value(MeanAbsoluteError(reduction), prediction, target, strict=strict)


def huber(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    delta: Hyperparameter = 1,
    strict: bool = False,
) -> NDArray[F]:
    """`d^2 / 2` where |d| <= delta, else `delta (|d| - delta / 2)`.

    What the original calls so is `smooth_l1` with `beta=delta`.

    >>> float(huber(np.array([4.0]), np.array([0.0]), delta=2))
    6.0
    """
    return value(Huber(delta, reduction), prediction, target, strict=strict)


def smooth_l1(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    beta: Hyperparameter = 1,
    strict: bool = False,
) -> NDArray[F]:
    """`d^2 / (2 beta)` where |d| < beta, else `|d| - beta / 2`.

    >>> float(smooth_l1(np.array([4.0]), np.array([0.0]), beta=2))
    3.0
    """
    return value(SmoothL1(beta, reduction), prediction, target, strict=strict)


def log_cosh(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    strict: bool = False,
) -> NDArray[F]:
    """`log cosh(p - t)`, accurate near 0 and far from it.

    >>> float(log_cosh(np.array([1e-9]), np.array([0.0])))
    5e-19
    """
    return value(LogCosh(reduction), prediction, target, strict=strict)


def binary_cross_entropy_with_logits(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    strict: bool = False,
) -> NDArray[F]:
    """`-t log s - (1 - t) log(1 - s)` with s the sigmoid of the prediction.

    >>> x = np.array([1000.0, -1000.0])
    >>> binary_cross_entropy_with_logits(x, np.array([1.0, 1.0]), "none")
    array([   0., 1000.])
    """
    loss = BinaryCrossEntropy(True, reduction)
    return value(loss, prediction, target, strict=strict)


def binary_cross_entropy(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    strict: bool = False,
) -> NDArray[F]:
    """`-t log p - (1 - t) log(1 - p)` of probabilities; nothing is cut off.

    >>> binary_cross_entropy(np.array([1.0, 0.0]), np.array([1.0, 1.0]), "none")
    array([-0., inf])
    """
    loss = BinaryCrossEntropy(False, reduction)
    return value(loss, prediction, target, strict=strict)


def hinge(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    strict: bool = False,
) -> NDArray[F]:
    """`max(0, 1 - p t)` of scores, for targets -1 and 1.

    >>> hinge(np.array([2.0, 0.5]), np.array([1.0, -1.0]), "none")
    array([0. , 1.5])
    """
    return value(Hinge(reduction), prediction, target, strict=strict)


def poisson(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    log_input: bool = True,
    strict: bool = False,
) -> NDArray[F]:
    """`e^p - t p` of logarithms of rates, or `p - t log p` of the rates themselves.

    >>> float(poisson(np.array([0.0]), np.array([3.0])))
    1.0
    """
    return value(Poisson(log_input, reduction), prediction, target, strict=strict)


# OF TWO ARRAYS OF ROWS


def cosine_similarity(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    epsilon: Hyperparameter = "1e-8",
    strict: bool = False,
) -> NDArray[F]:
    """1 less the cosine of the angle between the rows; the mean is over rows.

    >>> float(cosine_similarity(np.array([3.0, 4.0]), np.array([-4.0, 3.0])))
    1.0
    """
    loss = CosineSimilarity(epsilon, reduction)
    return value(loss, prediction, target, strict=strict)


def cross_entropy_probabilities(
    prediction: NDArray[F],
    target: Target,
    reduction: Reduction = "mean",
    *,
    epsilon: Hyperparameter = "1e-6",
    strict: bool = False,
) -> NDArray[F]:
    """`-sum_c t_c log p_c`, p cut to [epsilon, 1 - epsilon]; the mean is over rows.

    >>> rows, hot = np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([[1.0, 0], [0, 1]])
    >>> cross_entropy_probabilities(rows, hot, "none", epsilon=0)
    array([ 0.69314718, -0.        ])
    """
    loss = CrossEntropyOfProbabilities(epsilon, reduction)
    return value(loss, prediction, target, strict=strict)
