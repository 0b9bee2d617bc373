"""Losses as descriptions; their equations are the operations of the same names.

Arguments are (prediction, target), as in the original. `reduction` is `mean`,
`sum` or `none`; training needs one of the first two. A mean is over elements, and
for the losses named in `ROW_LOSSES` over rows.

>>> from torchlean_spec.shape import matrix
>>> CrossEntropy().target_shape(matrix(32, 10))
[32]
>>> MeanSquaredError().target_shape(matrix(32, 1))
[32, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, exact
from torchlean_spec.operations import Kind
from torchlean_spec.operations.operation import Attribute
from torchlean_spec.operations.regression_losses import require_reduction
from torchlean_spec.program import Value
from torchlean_spec.shape import Shape, rank, sizes, vector

Reduction = Literal["mean", "sum", "none"]

Targets = Literal["index", "distribution"]
"""What the targets of rows of classes are: class indices, or rows of probabilities."""


class Loss(Protocol):
    """What a loss must say of itself."""

    @property
    def reduction(self) -> Reduction:
        """What becomes of the elements' losses."""
        ...

    @property
    def target_kind(self) -> Kind:
        """Whether targets are numbers or class indices."""
        ...

    def target_shape(self, prediction: Shape, /) -> Shape:
        """The shape of the targets for a prediction's shape, batch axis included."""
        ...

    def apply(self, prediction: Value, target: Value, /) -> Value:
        """The loss, built from operations."""
        ...


class _Elementwise:
    """A loss whose target has the prediction's shape."""

    __slots__ = ()
    operation = ""
    reduction: Reduction

    @property
    def target_kind(self) -> Kind:
        """Numbers."""
        return Kind.REAL

    def target_shape(self, prediction: Shape, /) -> Shape:
        """The prediction's shape."""
        return prediction

    def attributes(self) -> dict[str, Attribute]:
        """The operation's attributes beside the reduction."""
        return {}

    def apply(self, prediction: Value, target: Value, /) -> Value:
        """The operation of the same name."""
        return prediction.apply(
            self.operation, target, reduction=self.reduction, **self.attributes()
        )


def _positive(name: str, value: Hyperparameter) -> Fraction:
    if not exact(value) > 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER, f"expected {name} above 0, got {value}"
        )
    return exact(value)


@dataclass(frozen=True)
class MeanSquaredError(_Elementwise):
    """`(p - t)^2`."""

    reduction: Reduction = "mean"
    operation = "mean_squared_error"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)


@dataclass(frozen=True)
class MeanAbsoluteError(_Elementwise):
    """`|p - t|`; the derivative at 0 is 0."""

    reduction: Reduction = "mean"
    operation = "mean_absolute_error"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)


@dataclass(frozen=True)
class Huber(_Elementwise):
    """Quadratic within delta of the target, linear beyond it (Huber 1964).

    What the original calls Huber's is `SmoothL1(beta=delta)` (its B50).
    """

    delta: Hyperparameter = 1
    reduction: Reduction = "mean"
    operation = "huber"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)
        object.__setattr__(self, "delta", _positive("delta", self.delta))

    def attributes(self) -> dict[str, Attribute]:
        """`delta`."""
        return {"delta": exact(self.delta)}


@dataclass(frozen=True)
class SmoothL1(_Elementwise):
    """Huber's loss divided by its threshold (Girshick 2015, equation 3)."""

    beta: Hyperparameter = 1
    reduction: Reduction = "mean"
    operation = "smooth_l1"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)
        object.__setattr__(self, "beta", _positive("beta", self.beta))

    def attributes(self) -> dict[str, Attribute]:
        """`beta`."""
        return {"beta": exact(self.beta)}


@dataclass(frozen=True)
class BinaryCrossEntropy(_Elementwise):
    """Cross-entropy of two classes, of logits (the default) or of probabilities."""

    from_logits: bool = True
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)

    @property
    def operation(self) -> str:  # type: ignore[override]
        """The operation for logits or for probabilities."""
        suffix = "_with_logits" if self.from_logits else ""
        return f"binary_cross_entropy{suffix}"


@dataclass(frozen=True)
class Hinge(_Elementwise):
    """`max(0, 1 - p t)` of a score p, for targets -1 and 1 (Cortes and Vapnik 1995)."""

    reduction: Reduction = "mean"
    operation = "hinge"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)


@dataclass(frozen=True)
class Poisson(_Elementwise):
    """`e^p - t p` of the logarithm p of a rate, for counts t; or of the rate itself.

    With `log_input` false it is `p - t log p`, for rates p of at least 0. Both leave
    out `log t!`, which does not depend on the prediction.

    >>> Poisson(log_input=False).operation
    'poisson'
    """

    log_input: bool = True
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)

    @property
    def operation(self) -> str:  # type: ignore[override]
        """The operation for logarithms of rates or for rates."""
        return "poisson_with_log_rates" if self.log_input else "poisson"


@dataclass(frozen=True)
class LogCosh(_Elementwise):
    """`log cosh(p - t)`: half a square near 0, `|p - t| - log 2` far from it."""

    reduction: Reduction = "mean"
    operation = "log_cosh"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)


@dataclass(frozen=True)
class CosineSimilarity(_Elementwise):
    """1 less the cosine of the angle between prediction and target, row by row.

    A row lies along the last axis; the mean is over rows. Lengths below epsilon
    count as epsilon. (PyTorch's default is 1e-8 too.)

    Raises:
        TorchLeanError: `HYPERPARAMETER` unless epsilon is above 0.
    """

    epsilon: Hyperparameter = "1e-8"
    reduction: Reduction = "mean"
    operation = "cosine_similarity"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)
        object.__setattr__(self, "epsilon", _positive("epsilon", self.epsilon))

    def attributes(self) -> dict[str, Attribute]:
        """`epsilon`."""
        return {"epsilon": exact(self.epsilon)}


@dataclass(frozen=True)
class CrossEntropyOfProbabilities(_Elementwise):
    """`-sum_c t_c log p_c` of rows of probabilities, cut to [epsilon, 1 - epsilon].

    Targets are rows of probabilities too, such as one-hot rows; the mean is over
    rows. The derivative is that of the cut loss: 0 where a probability was cut. With
    an epsilon of 0 nothing is cut: an impossible class of the target then costs
    infinitely much. Of logits, `CrossEntropy` is the loss to take.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for an epsilon outside [0, 1/2).
    """

    epsilon: Hyperparameter = "1e-6"
    reduction: Reduction = "mean"
    operation = "cross_entropy_of_probabilities"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)
        if not 0 <= exact(self.epsilon) < Fraction(1, 2):
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected epsilon in [0, 1/2), got {self.epsilon}",
            )
        object.__setattr__(self, "epsilon", exact(self.epsilon))

    def attributes(self) -> dict[str, Attribute]:
        """`epsilon`."""
        return {"epsilon": exact(self.epsilon)}


def _class_weights(
    given: Sequence[Hyperparameter] | None,
) -> tuple[Fraction, ...] | None:
    if given is None:
        return None
    weights = tuple(exact(weight) for weight in given)
    if min(weights, default=Fraction(0)) < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected class_weights of at least 0, got {float(min(weights))}",
        )
    return weights


def _require_targets(targets: str, ignore_index: int | None) -> None:
    if targets not in ("index", "distribution"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected targets 'index' or 'distribution', got {targets!r}",
        )
    if targets == "distribution" and ignore_index is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected ignore_index with index targets only, "
            f"got {ignore_index} with distributions",
        )


def _row_target(prediction: Shape) -> Shape:
    if rank(prediction) != 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected a prediction of shape [batch, classes], got {prediction}",
        )
    return vector(sizes(prediction)[0])


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of logits `[batch, classes]`.

    Targets are class indices `[batch]`, or with `targets="distribution"` rows of
    probabilities `[batch, classes]` (one-hot rows are the special case). See
    `operations/classification_losses.py` for the equations and denominators.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a smoothing outside [0, 1] or a
            negative weight; `CONTRADICTION` for an ignored index of distributions.
    """

    targets: Targets = "index"
    ignore_index: int | None = None
    class_weights: Sequence[Hyperparameter] | None = None
    label_smoothing: Hyperparameter = 0
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)
        smoothing = exact(self.label_smoothing)
        if not 0 <= smoothing <= 1:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected label_smoothing in [0, 1], got {self.label_smoothing}",
            )
        _require_targets(self.targets, self.ignore_index)
        object.__setattr__(self, "label_smoothing", smoothing)
        object.__setattr__(self, "class_weights", _class_weights(self.class_weights))

    @property
    def target_kind(self) -> Kind:
        """Indices or distributions."""
        return Kind.INDEX if self.targets == "index" else Kind.REAL

    def target_shape(self, prediction: Shape, /) -> Shape:
        """`[batch]` for indices, the prediction's shape for distributions."""
        rows = _row_target(prediction)
        return rows if self.targets == "index" else prediction

    def apply(self, prediction: Value, target: Value, /) -> Value:
        """The operation for this kind of target."""
        attributes: dict[str, Attribute] = {"reduction": self.reduction}
        if exact(self.label_smoothing):
            attributes["label_smoothing"] = exact(self.label_smoothing)
        if self.class_weights is not None:
            attributes["class_weights"] = tuple(map(exact, self.class_weights))
        if self.targets == "distribution":
            return prediction.apply("cross_entropy_probabilities", target, **attributes)
        if self.ignore_index is not None:
            attributes["ignore_index"] = self.ignore_index
        return prediction.apply("cross_entropy", target, **attributes)


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """`-l` at the target class, of log-probabilities `[batch, classes]`.

    With `targets="distribution"` the targets are rows of probabilities, such as
    one-hot rows, and the loss of a row is `-sum_c w_c t_c l_c`.

    Raises:
        TorchLeanError: `CONTRADICTION` for an ignored index of distributions.
    """

    ignore_index: int | None = None
    class_weights: Sequence[Hyperparameter] | None = None
    reduction: Reduction = "mean"
    targets: Targets = "index"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)
        _require_targets(self.targets, self.ignore_index)
        object.__setattr__(self, "class_weights", _class_weights(self.class_weights))

    @property
    def target_kind(self) -> Kind:
        """Indices or distributions."""
        return Kind.INDEX if self.targets == "index" else Kind.REAL

    def target_shape(self, prediction: Shape, /) -> Shape:
        """`[batch]` for indices, the prediction's shape for distributions."""
        rows = _row_target(prediction)
        return rows if self.targets == "index" else prediction

    def apply(self, prediction: Value, target: Value, /) -> Value:
        """The operation for this kind of target."""
        attributes: dict[str, Attribute] = {"reduction": self.reduction}
        if self.class_weights is not None:
            attributes["class_weights"] = tuple(map(exact, self.class_weights))
        name = "negative_log_likelihood"
        if self.targets == "distribution":
            return prediction.apply(f"{name}_probabilities", target, **attributes)
        if self.ignore_index is not None:
            attributes["ignore_index"] = self.ignore_index
        return prediction.apply(name, target, **attributes)


ROW_LOSSES = (
    CosineSimilarity,
    CrossEntropy,
    CrossEntropyOfProbabilities,
    NegativeLogLikelihood,
)
"""The losses that have one term for each row, and not for each element."""
