"""Laws of gradient clipping: bounds, directions, edges, orders of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses
from torchlean_proofs.laws.operations_applied import DOUBLE, all_agree
from torchlean_spec.clipping import (
    Clip,
    ClipGlobalNorm,
    ClipNorm,
    ClipPercentile,
    Clipping,
    ClipRange,
    ClipValue,
    Norm,
    l2_norm,
    l2_norm_squared,
    norm_of,
)
from torchlean_spec.errors import Reason
from torchlean_spec.exact import exact
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.numbers.floating import FLOAT
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.shape import Shape, vector
from torchlean_spec.tensor import Tensor

Gradients = tuple[Tensor[Fraction, Shape], ...]
TRIPLES = ((3, 4), (5, 12), (8, 15), (20, 21), (0, 0))
"""Numbers whose squares add up to a square, so that their norm is rational."""


@dataclass(frozen=True)
class Clipped:
    """A clipping and the gradients that it is given."""

    clipping: Clipping
    gradients: Gradients

    def __repr__(self) -> str:
        rows = [list(map(str, each.values)) for each in self.gradients]
        return f"{self.clipping!r} of {rows}"


def pair(draws: Draws) -> Tensor[Fraction, Shape]:
    """Two numbers with a rational norm."""
    scale = draws.fraction(2)
    values = tuple(scale * each for each in draws.choice(TRIPLES))
    return Tensor(vector(len(values)), values)


NORMS: tuple[Norm, ...] = (1, 2, "infinity")


def one_tensor(make: Callable[..., Clipping]) -> Callable[[Draws], Iterator[Clipped]]:
    """Clippings by each norm, and a tensor."""
    return lambda draws: (
        Clipped(make(Fraction(draws.integer(1, 40)), norm), (pair(draws),))
        for norm in NORMS
        for _ in range(20)
    )


def several(make: Callable[..., Clipping]) -> Callable[[Draws], Iterator[Clipped]]:
    """Clippings, and tensors whose common norm is rational: copies of one, four."""

    def drawn(draws: Draws) -> Iterator[Clipped]:
        for norm in NORMS:
            for _ in range(20):
                first = pair(draws)
                turned = Tensor(first.shape, tuple(-v for v in first.values[::-1]))
                tensors = (first, turned, turned, first)
                yield Clipped(make(Fraction(draws.integer(1, 40)), norm), tensors)

    return drawn


Apply = Callable[[Clipping, Gradients], Gradients]


def applied(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The clipped gradients, exactly."""
    return clipping.clip(RATIONAL, gradients)


def unclipped(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping that does nothing."""
    return gradients


def halved(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping that halves everything, small gradients too."""
    return tuple(each.map(lambda v: v / 2) for each in applied(clipping, gradients))


def by_value(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping by value instead of by norm."""
    assert isinstance(clipping, ClipNorm | ClipGlobalNorm)
    return ClipValue(clipping.maximum).clip(RATIONAL, gradients)


def values_of(gradients: Sequence[Tensor[Fraction, Shape]]) -> list[Fraction]:
    """All elements, tensor after tensor."""
    return [value for each in gradients for value in each.values]


def limits(draws: Draws) -> Iterator[Clipped]:
    """Clippings by value, and gradients on both sides of the limit."""
    for _ in range(40):
        limit = Fraction(draws.integer(1, 40), 20)
        values = (*draws.fractions(5), limit, -limit, Fraction(0))
        yield Clipped(ClipValue(limit), (Tensor(vector(8), values),))


@law(
    "clipping.value",
    objects="clipping.ClipValue",
    evidence=Evidence.SEARCHED,
    subject=applied,
    mutants={"nothing": unclipped, "halved": halved},
    cases=limits,
)
def clipped_by_value(apply: Apply, case: Clipped) -> bool:
    """Each element becomes the nearest one within the limit."""
    assert isinstance(case.clipping, ClipValue)
    limit = exact(case.clipping.limit)
    expected = [max(-limit, min(limit, v)) for v in values_of(case.gradients)]
    return values_of(apply(case.clipping, case.gradients)) == expected


def ranges(draws: Draws) -> Iterator[Clipped]:
    """Clippings by two limits, and gradients on all sides of both."""
    for _ in range(40):
        lowest = Fraction(-draws.integer(0, 40), 20)
        highest = Fraction(draws.integer(1, 40), 20)
        values = (*draws.fractions(5), lowest, highest, Fraction(0))
        yield Clipped(ClipRange(lowest, highest), (Tensor(vector(8), values),))


def one_limit(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping by the upper limit alone."""
    assert isinstance(clipping, ClipRange)
    return ClipRange(-10, clipping.highest).clip(RATIONAL, gradients)


@law(
    "clipping.range",
    objects="clipping.ClipRange",
    evidence=Evidence.SEARCHED,
    subject=applied,
    mutants={"nothing": unclipped, "halved": halved, "one limit": one_limit},
    cases=ranges,
)
def clipped_by_range(apply: Apply, case: Clipped) -> bool:
    """Each element becomes the nearest one between the limits."""
    assert isinstance(case.clipping, ClipRange)
    lowest, highest = exact(case.clipping.lowest), exact(case.clipping.highest)
    expected = [max(lowest, min(highest, v)) for v in values_of(case.gradients)]
    return values_of(apply(case.clipping, case.gradients)) == expected


def percentiles(draws: Draws) -> Iterator[Clipped]:
    """Clippings by percentile, and tensors of several sizes with equal elements."""
    for _ in range(60):
        percentile = Fraction(draws.integer(0, 200), 2)
        tensors: list[Tensor[Fraction, Shape]] = []
        for _ in range(2):
            values = draws.fractions(draws.integer(1, 9))
            values += tuple(-value for value in values[:2])
            tensors.append(Tensor(vector(len(values)), values))
        yield Clipped(ClipPercentile(percentile), tuple(tensors))


def within(bound: Fraction, tensor: Tensor[Fraction, Shape]) -> Tensor[Fraction, Shape]:
    """The nearest elements whose absolute value is at most a bound."""
    return tensor.map(lambda value: max(-bound, min(bound, value)))


def percentile_of_all(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping by a percentile of all tensors together."""
    assert isinstance(clipping, ClipPercentile)
    sizes = sorted(map(abs, values_of(gradients)))
    bound = sizes[clipping.place(len(sizes))]
    return tuple(within(bound, each) for each in gradients)


def percentile_rounded_up(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping by the next larger size."""
    assert isinstance(clipping, ClipPercentile)
    ordered = [sorted(map(abs, each.values)) for each in gradients]
    places = [clipping.place(len(sizes)) + 1 for sizes in ordered]
    pairs = zip(ordered, places, strict=True)
    bounds = [sizes[min(place, len(sizes) - 1)] for sizes, place in pairs]
    return tuple(map(within, bounds, gradients))


def percentile_of_signed(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping by a percentile of the elements, signs and all."""
    assert isinstance(clipping, ClipPercentile)
    ordered = [sorted(each.values) for each in gradients]
    bounds = [abs(values[clipping.place(len(values))]) for values in ordered]
    return tuple(map(within, bounds, gradients))


@law(
    "clipping.percentile",
    objects="clipping.ClipPercentile order_statistics.order_statistic "
    "order_statistics.sorting_network",
    evidence=Evidence.SEARCHED,
    subject=applied,
    mutants={
        "nothing": unclipped,
        "halved": halved,
        "all together": percentile_of_all,
        "rounded up": percentile_rounded_up,
        "by signed elements": percentile_of_signed,
    },
    cases=percentiles,
)
def clipped_by_percentile(apply: Apply, case: Clipped) -> bool:
    """The bound is a size of the tensor: enough sizes reach it, and not too many.

    With n elements and the place k, at least k + 1 sizes are at most the bound, and
    at least n - k are at least the bound; each element becomes the nearest within.
    """
    assert isinstance(case.clipping, ClipPercentile)
    clipped = apply(case.clipping, case.gradients)
    for before, after in zip(case.gradients, clipped, strict=True):
        sizes = [abs(value) for value in before.values]
        bound = max(abs(value) for value in after.values)
        place = exact(case.clipping.percentile) * (len(sizes) - 1) // 100
        below = sum(size <= bound for size in sizes)
        above = sum(size >= bound for size in sizes)
        enough = below >= place + 1 and above >= len(sizes) - place
        if after != within(bound, before) or bound not in sizes or not enough:
            return False
    return True


def in_norm(case: Clipped, gradients: Sequence[Tensor[Fraction, Shape]]) -> Fraction:
    """The clipping's norm of some tensors."""
    assert isinstance(case.clipping, ClipNorm | ClipGlobalNorm)
    return norm_of(RATIONAL, case.clipping.norm, gradients)


def scaled_rightly(apply: Apply, case: Clipped) -> bool:
    """Whether gradients are kept within the maximum, else scaled down to it."""
    assert isinstance(case.clipping, ClipNorm | ClipGlobalNorm)
    maximum, size = exact(case.clipping.maximum), in_norm(case, case.gradients)
    found = apply(case.clipping, case.gradients)
    if size <= maximum:
        return found == case.gradients
    expected = [value * maximum / size for value in values_of(case.gradients)]
    return values_of(found) == expected and in_norm(case, found) == maximum


@law(
    "clipping.l2_norm",
    objects="clipping.l2_norm clipping.l2_norm_squared clipping.norm_of",
    evidence=Evidence.IDENTITY_TESTED,
    subject=lambda tensor: (
        l2_norm(RATIONAL, tensor),
        l2_norm_squared(RATIONAL, tensor),
    ),
    mutants={
        "the largest size": lambda tensor: (max(map(abs, tensor.values)),) * 2,
        "not squared": lambda tensor: (l2_norm(RATIONAL, tensor),) * 2,
    },
    cases=lambda draws: (pair(draws) for _ in range(30)),
)
def l2_norms(
    norms: Callable[[Tensor[Fraction, Shape]], tuple[Fraction, Fraction]],
    tensor: Tensor[Fraction, Shape],
) -> bool:
    """The norm's square is the sum of squares, and it is the norm of order 2."""
    norm, squared = norms(tensor)
    total = sum((value * value for value in tensor.values), Fraction(0))
    return norm * norm == squared == total and norm == norm_of(RATIONAL, 2, [tensor])


@law(
    "clipping.norm",
    objects="clipping.ClipNorm clipping.norm_of",
    evidence=Evidence.IDENTITY_TESTED,
    subject=applied,
    mutants={"nothing": unclipped, "halved": halved, "by value": by_value},
    cases=one_tensor(ClipNorm),
)
def clipped_by_norm(apply: Apply, case: Clipped) -> bool:
    """A tensor within the maximum stays; another is scaled down to the maximum."""
    return scaled_rightly(apply, case)


def separately(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping of each tensor by itself."""
    assert isinstance(clipping, ClipNorm | ClipGlobalNorm)
    return ClipNorm(clipping.maximum, clipping.norm).clip(RATIONAL, gradients)


@law(
    "clipping.global_norm",
    objects="clipping.ClipGlobalNorm clipping.norm_of",
    evidence=Evidence.IDENTITY_TESTED,
    subject=applied,
    mutants={"nothing": unclipped, "halved": halved, "tensor by tensor": separately},
    cases=several(ClipGlobalNorm),
)
def clipped_by_global_norm(apply: Apply, case: Clipped) -> bool:
    """All tensors are scaled by one factor, down to the common norm's maximum."""
    return scaled_rightly(apply, case)


def together(clipping: Clipping, gradients: Gradients) -> Gradients:
    """The wrong clipping of all tensors by their common norm."""
    assert isinstance(clipping, ClipNorm | ClipGlobalNorm)
    return ClipGlobalNorm(clipping.maximum, clipping.norm).clip(RATIONAL, gradients)


@law(
    "clipping.tensor_by_tensor",
    objects="clipping.ClipNorm clipping.ClipGlobalNorm",
    evidence=Evidence.SEARCHED,
    subject=applied,
    mutants={"all together": together},
    cases=several(ClipNorm),
)
def tensor_by_tensor(apply: Apply, case: Clipped) -> bool:
    """Clipping by norm treats each tensor as global clipping treats it alone."""
    found = apply(case.clipping, case.gradients)
    alone = [together(case.clipping, (each,))[0] for each in case.gradients]
    return list(found) == alone


def every(draws: Draws) -> Iterator[Clipped]:
    """Clippings of every kind."""
    yield from limits(draws)
    yield from one_tensor(ClipNorm)(draws)
    yield from several(ClipGlobalNorm)(draws)
    yield from ranges(draws)
    yield from percentiles(draws)


@law(
    "clipping.idempotent",
    objects="clipping.ClipValue clipping.ClipNorm clipping.ClipGlobalNorm "
    "clipping.ClipRange clipping.ClipPercentile clipping.Clipping",
    evidence=Evidence.SEARCHED,
    subject=applied,
    mutants={"halved": halved},
    cases=every,
)
def idempotent(apply: Apply, case: Clipped) -> bool:
    """Clipping what is clipped changes nothing."""
    once = apply(case.clipping, case.gradients)
    return apply(case.clipping, once) == once


@law(
    "clipping.epsilon",
    objects="clipping.ClipNorm clipping.ClipGlobalNorm",
    evidence=Evidence.IDENTITY_TESTED,
    subject=applied,
    mutants={
        "epsilon forgotten": lambda clipping, gradients: applied(
            replace(clipping, epsilon=0), gradients
        )
    },
    cases=lambda draws: (
        Clipped(make(Fraction(draws.integer(1, 9)), epsilon="0.5"), (pair(draws),))
        for make in (ClipNorm, ClipGlobalNorm)
        for _ in range(20)
    ),
)
def with_epsilon(apply: Apply, case: Clipped) -> bool:
    """Epsilon is added to the norm, in the comparison and in the quotient."""
    assert isinstance(case.clipping, ClipNorm | ClipGlobalNorm)
    maximum = exact(case.clipping.maximum)
    size = in_norm(case, case.gradients) + exact(case.clipping.epsilon)
    factor = min(Fraction(1), maximum / size)
    expected = [value * factor for value in values_of(case.gradients)]
    return values_of(apply(case.clipping, case.gradients)) == expected


def same_clip(clip: Clip, clipping: Clipping, gradients: Gradients) -> bool:
    """Whether an order of evaluation gives the numbers of the clipping's own."""
    given = [each.map(DOUBLE.constant) for each in gradients]
    found, expected = clip(DOUBLE, given), clipping.clip(DOUBLE, given)
    return all(
        all_agree(left.values, right.values)
        for left, right in zip(found, expected, strict=True)
    )


def shrunk(clip: Clip) -> Clip:
    """An order of evaluation that halves."""

    def wrong(
        system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        half = system.constant(Fraction(1, 2))
        return tuple(each.map(lambda v: v * half) for each in clip(system, gradients))

    return wrong


@law(
    "clipping.alternatives",
    objects="clipping.ClipNorm clipping.ClipGlobalNorm clipping.Clip clipping.norm_of",
    evidence=Evidence.SEARCHED,
    subject=lambda clipping: [clip for _, clip in clipping.alternatives()],
    mutants={
        "halved": lambda clipping: [shrunk(clip) for _, clip in clipping.alternatives()]
    },
    cases=several(ClipGlobalNorm),
)
def orders_agree(alternatives: Callable[[Clipping], list[Clip]], case: Clipped) -> bool:
    """Every order of evaluation that a judge accepts gives the same real numbers."""
    together = case.clipping
    assert isinstance(together, ClipGlobalNorm)
    both: tuple[Clipping, Clipping] = (
        together,
        ClipNorm(together.maximum, together.norm),
    )
    return all(
        same_clip(clip, clipping, case.gradients)
        for clipping in both
        for clip in alternatives(clipping)
    )


ONES: tuple[Clipping, ...] = (
    ClipValue(1),
    ClipRange(-1, 1),
    ClipPercentile(0),
    ClipNorm(1),
    ClipGlobalNorm(1),
)
"""Each clipping with a bound that some of the gradients exceed."""


@law(
    "clipping.not_a_number",
    objects="clipping.ClipValue clipping.ClipRange clipping.ClipPercentile "
    "clipping.ClipNorm clipping.ClipGlobalNorm",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda clipping, gradients: clipping.clip(FLOAT, gradients),
    mutants={
        "NaN read as 0": lambda clipping, gradients: clipping.clip(
            FLOAT, [each.map(lambda v: 0.0 if v != v else v) for each in gradients]
        )
    },
    cases=lambda draws: ONES,
)
def not_a_number(
    clip: Callable[..., tuple[Tensor[float, Shape], ...]], clipping: Clipping
) -> bool:
    """A NaN is never clipped away, and global clipping spreads it to every element."""
    nan = float("nan")
    rows = [Tensor(vector(2), (nan, 3.0)), Tensor(vector(1), (0.5,))]
    first, second = clip(clipping, rows)
    spread = second.values[0] != second.values[0]
    return first.values[0] != first.values[0] and spread == (
        clipping.name == "clip-global-norm"
    )


BAD: tuple[tuple[type, Mapping[str, object]], ...] = (
    (ClipValue, {"limit": 0}),
    (ClipRange, {"lowest": "0.5", "highest": 1}),
    (ClipRange, {"lowest": 0, "highest": 0}),
    (ClipPercentile, {"percentile": -1}),
    (ClipPercentile, {"percentile": "100.5"}),
    (ClipNorm, {"maximum": -1}),
    (ClipGlobalNorm, {"maximum": 1, "epsilon": -1}),
)
"""Classes, and fields out of range."""


@law(
    "clipping.ranges",
    objects="clipping.ClipValue clipping.ClipRange clipping.ClipPercentile "
    "clipping.ClipNorm clipping.ClipGlobalNorm",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda record, fields: record(**fields),
    mutants={"ranges unchecked": lambda record, fields: object.__new__(record)},
    cases=lambda draws: BAD,
)
def clipping_ranges(
    make: Callable[..., object], case: tuple[type, Mapping[str, object]]
) -> bool:
    """A bound that is not above 0 is refused, and so is an unknown norm."""
    return refuses(Reason.HYPERPARAMETER, lambda: make(*case)) and refuses(
        Reason.UNKNOWN_NAME,
        lambda: ClipNorm(1, norm=3),  # type: ignore[arg-type]
    )
