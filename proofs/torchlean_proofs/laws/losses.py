"""Laws of losses as descriptions: the operations that they are.

What these operations mean is said in `regression_losses` and
`classification_losses`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, refuses
from torchlean_spec import losses
from torchlean_spec.errors import Reason
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CosineSimilarity,
    CrossEntropy,
    CrossEntropyOfProbabilities,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    NegativeLogLikelihood,
    Poisson,
    Reduction,
    SmoothL1,
)
from torchlean_spec.operations import Attributes, Kind
from torchlean_spec.program import Input, Node, Program, Value, trace
from torchlean_spec.shape import Scalar, Shape, matrix, shape_of, sizes, vector

REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")
ROWS, CLASSES = 2, 3
PREDICTION: Shape = matrix(ROWS, CLASSES)


def traced(loss: Loss) -> Program:
    """The program of a loss alone."""
    target = Input(loss.target_shape(PREDICTION), loss.target_kind)

    def forward(prediction: Value, target: Value) -> Mapping[str, Value]:
        return {"loss": loss.apply(prediction, target)}

    return trace(forward, {"prediction": Input(PREDICTION), "target": target})


def is_operation(loss: Loss, operation: str, attributes: Attributes) -> bool:
    """Whether a loss is one operation, of its prediction and its target."""
    reduction = attributes.text("reduction")
    rows = vector(ROWS) if loss.target_kind is Kind.INDEX else PREDICTION
    by_rows = isinstance(loss, losses.ROW_LOSSES)
    unreduced = vector(ROWS) if by_rows else rows
    shape = unreduced if reduction == "none" else Scalar()
    node = Node(operation, attributes, (0, 1), shape)
    return traced(loss).nodes == (node,) and loss.reduction == reduction


# OF TWO TENSORS


@dataclass(frozen=True, slots=True)
class Setting:
    """A reduction and a threshold."""

    reduction: Reduction
    threshold: Fraction


def settings(draws: Draws) -> Iterator[Setting]:
    """Every reduction, with several thresholds."""
    return (
        Setting(reduction, draws.positive(3))
        for reduction in REDUCTIONS
        for _ in range(3)
    )


Make = Callable[[Setting], Loss]


def elementwise_law(
    name: str,
    make: Make,
    operation: str,
    mutants: Mapping[str, Make],
    threshold: str | None = None,
    identifier: str | None = None,
    most: Fraction = Fraction(3),
) -> Law:
    """The law of a loss whose target has the prediction's shape.

    Args:
        name: The loss's record.
        make: The loss of a setting.
        operation: The operation that it is.
        mutants: Wrong losses.
        threshold: What the operation calls the threshold, if it has one.
        identifier: The law's name, where it is not the record's.
        most: The largest threshold.
    """

    def holds(make: Make, case: Setting) -> bool:
        loss = make(case)
        given = {threshold: case.threshold} if threshold else {}
        attributes = Attributes(reduction=case.reduction, **given)
        fits = loss.target_shape(PREDICTION) == PREDICTION
        real = loss.target_kind is Kind.REAL
        return fits and real and is_operation(loss, operation, attributes)

    holds.__doc__ = f"{name} is the operation `{operation}`, reduced as it says."
    return law(
        identifier or f"losses.{name}",
        objects=f"losses.{name}",
        evidence=Evidence.SEARCHED,
        subject=make,
        mutants={"the default reduction": lambda c: always_mean(make, c), **mutants},
        cases=lambda draws: (
            replace(each, threshold=each.threshold * most / 3)
            for each in settings(draws)
        ),
    )(holds)


def always_mean(make: Make, case: Setting) -> Loss:
    """A loss that takes no notice of the reduction."""
    return make(replace(case, reduction="mean"))


ELEMENTWISE = (
    elementwise_law(
        "MeanSquaredError",
        lambda c: MeanSquaredError(c.reduction),
        "mean_squared_error",
        {"absolute": lambda c: MeanAbsoluteError(c.reduction)},
    ),
    elementwise_law(
        "MeanAbsoluteError",
        lambda c: MeanAbsoluteError(c.reduction),
        "mean_absolute_error",
        {"squared": lambda c: MeanSquaredError(c.reduction)},
    ),
    elementwise_law(
        "Huber",
        lambda c: Huber(c.threshold, c.reduction),
        "huber",
        {
            "delta 1": lambda c: Huber(reduction=c.reduction),
            "smooth L1": lambda c: SmoothL1(c.threshold, c.reduction),
        },
        "delta",
    ),
    elementwise_law(
        "SmoothL1",
        lambda c: SmoothL1(c.threshold, c.reduction),
        "smooth_l1",
        {
            "beta 1": lambda c: SmoothL1(reduction=c.reduction),
            "Huber": lambda c: Huber(c.threshold, c.reduction),
        },
        "beta",
    ),
    elementwise_law(
        "BinaryCrossEntropy",
        lambda c: BinaryCrossEntropy(reduction=c.reduction),
        "binary_cross_entropy_with_logits",
        {"of probabilities": lambda c: BinaryCrossEntropy(False, c.reduction)},
    ),
    elementwise_law(
        "BinaryCrossEntropy",
        lambda c: BinaryCrossEntropy(False, c.reduction),
        "binary_cross_entropy",
        {"of logits": lambda c: BinaryCrossEntropy(True, c.reduction)},
        identifier="losses.BinaryCrossEntropy.probabilities",
    ),
    elementwise_law(
        "Hinge",
        lambda c: Hinge(c.reduction),
        "hinge",
        {"of differences": lambda c: MeanAbsoluteError(c.reduction)},
    ),
    elementwise_law(
        "LogCosh",
        lambda c: LogCosh(c.reduction),
        "log_cosh",
        {"with a corner": lambda c: MeanAbsoluteError(c.reduction)},
    ),
    elementwise_law(
        "Poisson",
        lambda c: Poisson(reduction=c.reduction),
        "poisson_with_log_rates",
        {"of rates": lambda c: Poisson(False, c.reduction)},
    ),
    elementwise_law(
        "Poisson",
        lambda c: Poisson(False, c.reduction),
        "poisson",
        {"of logarithms": lambda c: Poisson(True, c.reduction)},
        identifier="losses.Poisson.rates",
    ),
    elementwise_law(
        "CosineSimilarity",
        lambda c: CosineSimilarity(c.threshold, c.reduction),
        "cosine_similarity",
        {"the default epsilon": lambda c: CosineSimilarity(reduction=c.reduction)},
        "epsilon",
    ),
    elementwise_law(
        "CrossEntropyOfProbabilities",
        lambda c: CrossEntropyOfProbabilities(c.threshold, c.reduction),
        "cross_entropy_of_probabilities",
        {
            "the default epsilon": lambda c: CrossEntropyOfProbabilities(
                reduction=c.reduction
            ),
            "of logits": lambda c: CrossEntropy("distribution", reduction=c.reduction),
        },
        "epsilon",
        most=Fraction(1, 3),
    ),
)


# OF ROWS OF CLASSES


@dataclass(frozen=True, slots=True)
class Options:
    """What a loss of rows may be told, `None` for nothing."""

    reduction: Reduction
    distribution: bool
    ignored: int | None
    weights: tuple[Fraction, ...] | None
    smoothing: Fraction

    def attributes(self) -> Attributes:
        """What the operation is told: no more than was said."""
        given: dict[str, int | tuple[Fraction, ...] | Fraction | str] = {}
        given["reduction"] = self.reduction
        if self.ignored is not None:
            given["ignore_index"] = self.ignored
        if self.weights is not None:
            given["class_weights"] = self.weights
        if self.smoothing:
            given["label_smoothing"] = self.smoothing
        return Attributes(**given)

    def cross_entropy(self) -> CrossEntropy:
        """The loss with these options."""
        return CrossEntropy(
            "distribution" if self.distribution else "index",
            self.ignored,
            self.weights,
            self.smoothing,
            self.reduction,
        )

    def likelihood(self) -> NegativeLogLikelihood:
        """The negative log-likelihood with these options."""
        return NegativeLogLikelihood(
            self.ignored,
            self.weights,
            self.reduction,
            "distribution" if self.distribution else "index",
        )


def options(draws: Draws) -> Iterator[Options]:
    """Every combination of options that exclude each other not."""
    weights = tuple(draws.positive(3) for _ in range(CLASSES))
    for reduction, distribution, ignored, weighted, smoothing in itertools.product(
        REDUCTIONS,
        (False, True),
        (None, 0, -100),
        (None, weights),
        (Fraction(0), Fraction(1, 10)),
    ):
        if not (distribution and ignored is not None):
            yield Options(reduction, distribution, ignored, weighted, smoothing)


MakeRows = Callable[[Options], Loss]


@law(
    "losses.CrossEntropy",
    objects="losses.CrossEntropy",
    evidence=Evidence.EXHAUSTIVE,
    subject=Options.cross_entropy,
    mutants={
        "the default reduction": lambda c: replace(c, reduction="mean").cross_entropy(),
        "nothing ignored": lambda c: replace(c, ignored=None).cross_entropy(),
        "no weights": lambda c: replace(c, weights=None).cross_entropy(),
        "no smoothing": lambda c: replace(c, smoothing=Fraction(0)).cross_entropy(),
        "always indices": lambda c: replace(c, distribution=False).cross_entropy(),
        "of log-probabilities": Options.likelihood,
    },
    cases=options,
)
def cross_entropies(make: MakeRows, case: Options) -> bool:
    """Cross-entropy is the operation for its kind of target, with all its options.

    Tried for every combination of options.
    """
    loss = make(case)
    shape = PREDICTION if case.distribution else vector(ROWS)
    kind = Kind.REAL if case.distribution else Kind.INDEX
    name = "cross_entropy_probabilities" if case.distribution else "cross_entropy"
    return (
        loss.target_shape(PREDICTION) == shape
        and loss.target_kind is kind
        and is_operation(loss, name, case.attributes())
    )


@law(
    "losses.NegativeLogLikelihood",
    objects="losses.NegativeLogLikelihood",
    evidence=Evidence.EXHAUSTIVE,
    subject=Options.likelihood,
    mutants={
        "the default reduction": lambda c: replace(c, reduction="mean").likelihood(),
        "nothing ignored": lambda c: replace(c, ignored=None).likelihood(),
        "no weights": lambda c: replace(c, weights=None).likelihood(),
        "always indices": lambda c: replace(c, distribution=False).likelihood(),
        "of logits": Options.cross_entropy,
    },
    cases=options,
    premise=lambda case: not case.smoothing,
)
def likelihoods(make: MakeRows, case: Options) -> bool:
    """Negative log-likelihood is the operation for its kind of target, with options."""
    loss = make(case)
    shape = PREDICTION if case.distribution else vector(ROWS)
    kind = Kind.REAL if case.distribution else Kind.INDEX
    suffix = "_probabilities" if case.distribution else ""
    name = f"negative_log_likelihood{suffix}"
    return (
        loss.target_shape(PREDICTION) == shape
        and loss.target_kind is kind
        and is_operation(loss, name, case.attributes())
    )


# WHAT IS REFUSED


CHECKED = (
    "Huber",
    "SmoothL1",
    "CosineSimilarity",
    "CrossEntropyOfProbabilities",
    "CrossEntropy",
    "NegativeLogLikelihood",
)
"""The losses that have options that can be wrong."""


class Lenient:
    """The losses, of which one lets everything pass."""

    def __init__(self, name: str) -> None:
        for each in CHECKED:
            setattr(self, each, getattr(losses, each))
        setattr(self, name, lambda *given, **named: None)


REFUSED: tuple[tuple[str, Mapping[str, object], Reason], ...] = (
    ("Huber", {"delta": 0}, Reason.HYPERPARAMETER),
    ("Huber", {"reduction": "median"}, Reason.UNKNOWN_NAME),
    ("SmoothL1", {"beta": -1}, Reason.HYPERPARAMETER),
    ("CrossEntropy", {"label_smoothing": Fraction(11, 10)}, Reason.HYPERPARAMETER),
    ("CrossEntropy", {"label_smoothing": -1}, Reason.HYPERPARAMETER),
    ("CrossEntropy", {"class_weights": (1, -1)}, Reason.HYPERPARAMETER),
    ("CrossEntropy", {"targets": "rows"}, Reason.UNKNOWN_NAME),
    (
        "CrossEntropy",
        {"targets": "distribution", "ignore_index": 0},
        Reason.CONTRADICTION,
    ),
    ("NegativeLogLikelihood", {"class_weights": (-1,)}, Reason.HYPERPARAMETER),
    (
        "NegativeLogLikelihood",
        {"targets": "distribution", "ignore_index": 0},
        Reason.CONTRADICTION,
    ),
    ("CosineSimilarity", {"epsilon": 0}, Reason.HYPERPARAMETER),
    (
        "CrossEntropyOfProbabilities",
        {"epsilon": Fraction(1, 2)},
        Reason.HYPERPARAMETER,
    ),
    ("CrossEntropyOfProbabilities", {"epsilon": -1}, Reason.HYPERPARAMETER),
)


@law(
    "losses.refused",
    objects=" ".join(f"losses.{name}" for name in CHECKED),
    evidence=Evidence.EXHAUSTIVE,
    subject=losses,
    mutants={f"any {name}": Lenient(name) for name in CHECKED},
    cases=lambda draws: iter(REFUSED),
)
def refused_losses(
    module: object, case: tuple[str, Mapping[str, object], Reason]
) -> bool:
    """A threshold not above 0, a smoothing outside [0, 1], a negative weight: no."""
    name, given, reason = case
    return refuses(reason, lambda: getattr(module, name)(**given))


@law(
    "losses.rows",
    objects="losses.CrossEntropy losses.NegativeLogLikelihood",
    evidence=Evidence.EXHAUSTIVE,
    subject=(CrossEntropy(), NegativeLogLikelihood()),
    mutants={
        "any shape": (MeanSquaredError(), NegativeLogLikelihood()),
        "any shape, of log-probabilities": (CrossEntropy(), MeanSquaredError()),
    },
    cases=lambda draws: iter(((), (3,), (2, 3, 4))),
)
def refused_predictions(both: tuple[Loss, Loss], extents: tuple[int, ...]) -> bool:
    """Losses of rows refuse predictions that are no matrix."""
    shape, (first, second) = shape_of(extents), both
    return (
        len(sizes(shape)) != 2
        and refuses(Reason.SHAPE_MISMATCH, lambda: first.target_shape(shape))
        and refuses(Reason.SHAPE_MISMATCH, lambda: second.target_shape(shape))
    )
