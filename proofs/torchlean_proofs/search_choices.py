"""Losses, optimizers, schedules and clippings for the grammar of valid runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from hypothesis import strategies as st

from torchlean_spec import losses, optimizers, schedules
from torchlean_spec.clipping import (
    ClipGlobalNorm,
    ClipNorm,
    ClipPercentile,
    Clipping,
    ClipRange,
    ClipValue,
)
from torchlean_spec.losses import Loss
from torchlean_spec.optimizers import ElementOptimizer, Optimizer, PartOptimizer
from torchlean_spec.schedules import Schedule


def tenths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Decimals with one digit after the point."""
    return st.integers(low, high).map(lambda n: Decimal(n) / 10)


# LOSSES


def _weighted(classes: int) -> st.SearchStrategy[tuple[Decimal, ...] | None]:
    return st.none() | st.tuples(*[tenths(1, 30)] * classes)


def _reduction() -> st.SearchStrategy[losses.Reduction]:
    return st.sampled_from(("mean", "sum"))


LossOf = Callable[[int], st.SearchStrategy[Loss]]
"""From the number of classes to losses."""

LOSSES: Mapping[str, LossOf] = {
    "mean squared error": lambda c: st.builds(losses.MeanSquaredError, _reduction()),
    "mean absolute error": lambda c: st.builds(losses.MeanAbsoluteError, _reduction()),
    "huber": lambda c: st.builds(losses.Huber, tenths(1, 20), _reduction()),
    "smooth L1": lambda c: st.builds(losses.SmoothL1, tenths(1, 20), _reduction()),
    "binary cross-entropy of logits": lambda c: st.builds(
        losses.BinaryCrossEntropy, st.just(True), _reduction()
    ),
    "binary cross-entropy of probabilities": lambda c: st.builds(
        losses.BinaryCrossEntropy, st.just(False), _reduction()
    ),
    "cross-entropy of classes": lambda c: st.builds(
        losses.CrossEntropy,
        st.just("index"),
        st.sampled_from((None, -1)),
        _weighted(c),
        tenths(0, 3),
        _reduction(),
    ),
    "cross-entropy of distributions": lambda c: st.builds(
        losses.CrossEntropy,
        st.just("distribution"),
        st.none(),
        _weighted(c),
        tenths(0, 3),
        _reduction(),
    ),
    "negative log-likelihood": lambda c: st.builds(
        losses.NegativeLogLikelihood,
        st.sampled_from((None, -1)),
        _weighted(c),
        _reduction(),
    ),
    "negative log-likelihood of distributions": lambda c: st.builds(
        losses.NegativeLogLikelihood,
        st.none(),
        _weighted(c),
        _reduction(),
        st.just("distribution"),
    ),
    "hinge": lambda c: st.builds(losses.Hinge, _reduction()),
    "log-cosh": lambda c: st.builds(losses.LogCosh, _reduction()),
    "poisson of logarithms": lambda c: st.builds(
        losses.Poisson, st.just(True), _reduction()
    ),
    "poisson of rates": lambda c: st.builds(
        losses.Poisson, st.just(False), _reduction()
    ),
    "cosine similarity": lambda c: st.builds(
        losses.CosineSimilarity, tenths(1, 9), _reduction()
    ),
    "cross-entropy of probabilities": lambda c: st.builds(
        losses.CrossEntropyOfProbabilities, tenths(0, 2), _reduction()
    ),
}
"""The losses, each with its options."""

# OPTIMIZERS

RATES = st.sampled_from((Decimal("0.001"), Decimal("0.03"), Decimal("0.5")))
KEPT = st.sampled_from((Decimal("0.5"), Decimal("0.9"), Decimal("0.999")))
EPSILONS = st.sampled_from((Decimal("1e-8"), Decimal("1e-3")))
DECAYS = st.sampled_from((Decimal(0), Decimal("0.01"), Decimal("0.3")))
PLACES = st.sampled_from(("outside-root", "inside-root"))
ADAM_PLACES = st.sampled_from(("outside-root", "inside-root", "uncorrected"))
GATHERED = st.sampled_from(("gradients", "steps"))


def _adam(
    kind: type[ElementOptimizer], amsgrad: bool
) -> st.SearchStrategy[ElementOptimizer]:
    return st.builds(
        kind,
        learning_rate=RATES,
        beta1=KEPT,
        beta2=KEPT,
        epsilon=EPSILONS,
        weight_decay=DECAYS,
        amsgrad=st.just(amsgrad),
        epsilon_place=ADAM_PLACES if not amsgrad else PLACES,
        maximum_of=st.sampled_from(("second", "unbiased-second"))
        if amsgrad
        else st.just("second"),
    )


ELEMENTWISE: Mapping[str, st.SearchStrategy[ElementOptimizer]] = {
    "sgd": st.builds(optimizers.SGD, RATES, weight_decay=DECAYS),
    "momentum": st.builds(
        optimizers.SGD,
        RATES,
        momentum=KEPT,
        dampening=st.sampled_from((Decimal(0), Decimal("0.1"))),
        weight_decay=DECAYS,
        first_buffer=st.sampled_from(("zero", "gradient")),
    )
    | st.builds(optimizers.SGD, RATES, momentum=KEPT, buffer_of=st.just("steps")),
    "nesterov": st.builds(
        optimizers.SGD,
        RATES,
        momentum=KEPT,
        nesterov=st.just(True),
        weight_decay=DECAYS,
        buffer_of=GATHERED,
    ),
    "adam": _adam(optimizers.Adam, False),
    "amsgrad": _adam(optimizers.Adam, True) | _adam(optimizers.AdamW, True),
    "adamw": _adam(optimizers.AdamW, False),
    "rmsprop": st.builds(
        optimizers.RMSProp,
        RATES,
        KEPT,
        EPSILONS,
        st.sampled_from((Decimal(0), Decimal("0.9"))),
        st.booleans(),
        PLACES,
        GATHERED,
    ),
    "adagrad": st.builds(
        optimizers.AdaGrad, RATES, tenths(0, 2), EPSILONS, tenths(0, 3), PLACES
    ),
    "adadelta": st.builds(optimizers.Adadelta, RATES, KEPT, EPSILONS, GATHERED),
}
"""The optimizers of single elements, each with its options."""


def grouped(
    of_matrices: st.SearchStrategy[PartOptimizer],
) -> st.SearchStrategy[Optimizer]:
    """Groups: an optimizer for matrices, and any other for the rest."""
    others = st.one_of(*ELEMENTWISE.values())
    words = st.sampled_from(("matrices", ("matrices",), "*weight"))
    return st.builds(
        optimizers.ParameterGroups,
        st.builds(optimizers.ParameterGroup, of_matrices, words),
        st.builds(optimizers.ParameterGroup, others, st.just("rest")),
    )


MUON = st.builds(
    optimizers.Muon,
    RATES,
    KEPT,
    st.booleans(),
    DECAYS,
    st.integers(1, 5),
    EPSILONS,
    st.sampled_from(("none", "rows-over-columns", "root-mean-square")),
    st.sampled_from(("newton-schulz", "newton-schulz", "identity")),
)

PROJECTED = st.builds(
    optimizers.ProjectedSGD,
    RATES,
    st.just(optimizers.IdentityProjection())
    | st.builds(
        optimizers.LowRankProjection,
        st.integers(1, 4),
        st.integers(1, 2),
        st.integers(0, 99),
        st.sampled_from((Decimal("0.001"), Decimal("0.1"))),
    ),
)

OPTIMIZERS: Mapping[str, st.SearchStrategy[Optimizer]] = {
    **ELEMENTWISE,
    "groups": grouped(st.one_of(*ELEMENTWISE.values())),
    "muon": grouped(MUON),
    "projected": grouped(PROJECTED),
}
"""The optimizers, each with its options."""

PAIRS = tuple((loss, optimizer) for loss in LOSSES for optimizer in OPTIMIZERS)
"""Every loss with every optimizer."""

# SCHEDULES AND CLIPPING


def _plain_schedules() -> st.SearchStrategy[Schedule]:
    return st.one_of(
        st.just(schedules.Constant()),
        st.builds(schedules.StepDecay, st.integers(1, 3), tenths(1, 9)),
        st.builds(schedules.Exponential, tenths(1, 9)),
        st.builds(schedules.Cosine, st.integers(1, 9), tenths(0, 1)),
        st.builds(schedules.PeriodicCosine, st.integers(1, 3), tenths(0, 1)),
        st.builds(schedules.RateFinder, st.integers(1, 9), tenths(1, 30)),
        st.builds(schedules.Cyclic, tenths(0, 9), st.integers(1, 3)),
        st.builds(
            schedules.OneCycle,
            st.integers(1, 9),
            initial_divisor=tenths(10, 90),
            anneal=st.sampled_from(("cosine", "linear")),
            final_at=st.just("total"),
        ),
        st.builds(schedules.Table, st.lists(tenths(0, 9), min_size=1, max_size=4)),
    )


SCHEDULES: st.SearchStrategy[Schedule] = st.one_of(
    _plain_schedules(),
    st.builds(schedules.WarmUp, st.integers(1, 3), tenths(1, 3), _plain_schedules()),
    st.builds(schedules.PerEpoch, _plain_schedules(), st.integers(1, 3)),
)
"""Every schedule, alone and inside another."""

NORMS = st.sampled_from((1, 2, "infinity"))
CLIPPINGS: st.SearchStrategy[Clipping | None] = st.one_of(
    st.none(),
    st.builds(ClipValue, tenths(1, 20)),
    st.builds(ClipRange, tenths(1, 20).map(lambda limit: -limit), tenths(0, 20)),
    st.builds(ClipPercentile, st.integers(0, 100)),
    st.builds(ClipNorm, tenths(1, 20), NORMS, EPSILONS),
    st.builds(ClipGlobalNorm, tenths(1, 20), NORMS, EPSILONS),
)
"""Every clipping, and none."""
