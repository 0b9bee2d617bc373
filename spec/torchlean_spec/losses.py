"""Losses as descriptions; their equations are the operations of the same names.

Arguments are (prediction, target), as in the original. `reduction` is `mean`,
`sum` or `none`; training needs one of the first two.

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
from torchlean_spec.shape import Shape, matrix, rank, sizes, vector

Reduction = Literal["mean", "sum", "none"]


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
    """Quadratic within delta of the target, linear beyond it (Huber 1964)."""

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

    targets: Literal["index", "distribution"] = "index"
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
        if self.targets not in ("index", "distribution"):
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                f"expected targets 'index' or 'distribution', got {self.targets!r}",
            )
        if self.targets == "distribution" and self.ignore_index is not None:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected ignore_index with index targets only, "
                f"got {self.ignore_index} with distributions",
            )
        object.__setattr__(self, "label_smoothing", smoothing)
        object.__setattr__(self, "class_weights", _class_weights(self.class_weights))

    @property
    def target_kind(self) -> Kind:
        """Indices or distributions."""
        return Kind.INDEX if self.targets == "index" else Kind.REAL

    def target_shape(self, prediction: Shape, /) -> Shape:
        """`[batch]` for indices, the prediction's shape for distributions."""
        rows = _row_target(prediction)
        batch, classes = sizes(prediction)
        return rows if self.targets == "index" else matrix(batch, classes)

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
    """`-l` at the target class, of log-probabilities `[batch, classes]`."""

    ignore_index: int | None = None
    class_weights: Sequence[Hyperparameter] | None = None
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        require_reduction(self.reduction)
        object.__setattr__(self, "class_weights", _class_weights(self.class_weights))

    @property
    def target_kind(self) -> Kind:
        """Class indices."""
        return Kind.INDEX

    def target_shape(self, prediction: Shape, /) -> Shape:
        """`[batch]`."""
        return _row_target(prediction)

    def apply(self, prediction: Value, target: Value, /) -> Value:
        """The operation `negative_log_likelihood`."""
        attributes: dict[str, Attribute] = {"reduction": self.reduction}
        if self.class_weights is not None:
            attributes["class_weights"] = tuple(map(exact, self.class_weights))
        if self.ignore_index is not None:
            attributes["ignore_index"] = self.ignore_index
        return prediction.apply("negative_log_likelihood", target, **attributes)
