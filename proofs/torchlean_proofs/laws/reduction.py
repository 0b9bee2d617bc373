"""Laws of sums, means and broadcasting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws
from torchlean_proofs.laws.operations_applied import (
    Application,
    application,
    element,
    exact_law,
    exact_table,
    exactly,
    meaning_of,
    places,
    rule_of,
    with_attributes,
)
from torchlean_proofs.laws.operations_derivatives import parts, rule_law
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.shape import Shape, shape_of, size, sizes
from torchlean_spec.tensor import Tensor

TOPIC = "reduction"

# SUMS AND MEANS


def reductions(draws: Draws) -> Iterator[Application]:
    """Tensors of several shapes, along every axis and along all."""
    for extents in ((3,), (2, 3), (2, 3, 2), (2, 1, 0)):
        yield application(exact_table(draws, *extents))
        for axis in range(-len(extents), len(extents)):
            yield application(exact_table(draws, *extents), axis=axis)


def of_something(draws: Draws) -> Iterator[Application]:
    """The reductions in which no element is made of nothing."""
    return (use for use in reductions(draws) if 0 not in sizes(use.operands[0].shape))


def runs(use: Application) -> tuple[Shape, list[list[Fraction]]]:
    """The reduced shape, and for each of its places the elements along the axis."""
    x = use.real(0)
    axis = use.attributes.optional_integer("axis")
    if axis is None:
        return shape_of([]), [list(x.values)]
    extents = sizes(x.shape)
    along = range(len(extents))[axis]
    reduced = shape_of([n for i, n in enumerate(extents) if i != along])
    return reduced, [
        [element(x, (*place[:along], i, *place[along:])) for i in range(extents[along])]
        for place in places(reduced)
    ]


def sums_up(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether each element is the sum of its run."""
    reduced, rows = runs(use)
    totals = tuple(sum(row, Fraction(0)) for row in rows)
    return result.shape == reduced and result.values == totals


def averages(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether each element deviates from its run by 0 in all."""
    reduced, rows = runs(use)
    if result.shape != reduced:
        return False
    pairs = zip(result.values, rows, strict=True)
    return all(sum((x - mean for x in row), Fraction(0)) == 0 for mean, row in pairs)


def by_another_count(change: int) -> Meaning:
    """A mean that divides by a wrong count."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        x = operands.real(0)
        total = meaning_of("sum")(system, attributes, operands)
        count = size(x.shape) // max(size(total.shape), 1) + change
        return total.map(lambda each: each / system.constant(count))

    return meaning


SUMS = (
    exact_law(
        TOPIC,
        "sum",
        "Each element of a sum is the sum along the axis, or of everything.",
        sums_up,
        reductions,
        {
            "always everything": with_attributes("sum", axis=None),
            "the outermost axis": with_attributes("sum", axis=0),
            "mean": meaning_of("mean"),
        },
    ),
    exact_law(
        TOPIC,
        "mean",
        "What the elements along the axis deviate from their mean adds up to 0.",
        averages,
        of_something,
        {
            "always of everything": with_attributes("mean", axis=None),
            "sum": meaning_of("sum"),
            "divided by the count less 1": by_another_count(-1),
            "divided by the count and 1": by_another_count(1),
        },
    ),
)


# BROADCASTING

PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), (2, 2)),
    ((2,), (2, 2)),
    ((2, 1), (2, 2)),
    ((1, 3), (3, 3)),
    ((3, 1), (2, 3, 2)),
    ((1, 2, 1), (2, 2, 2)),
    ((2, 2), (2, 2)),
    ((1,), (0, 2)),
)
"""Shapes that stretch to others."""


def stretches(draws: Draws) -> Iterator[Application]:
    """Tensors to be broadcast."""
    for source, target in PAIRS:
        yield application(exact_table(draws, *source), target=shape_of(target))


def shrinks(draws: Draws) -> Iterator[Application]:
    """Tensors to be reduced to the shapes that they may be broadcast from."""
    for source, target in PAIRS:
        yield application(exact_table(draws, *target), target=shape_of(source))


def source_place(place: Sequence[int], source: Shape) -> tuple[int, ...]:
    """Where an element of a broadcast tensor comes from."""
    extents = sizes(source)
    aligned = place[len(place) - len(extents) :]
    pairs = zip(aligned, extents, strict=True)
    return tuple(0 if extent == 1 else i for i, extent in pairs)


def is_stretched(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether each element is the one that it comes from."""
    x = use.real(0)
    return result.shape == use.attributes.shape("target") and all(
        element(result, place) == element(x, source_place(place, x.shape))
        for place in places(result.shape)
    )


def is_adjoint(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether <reduce_to(y), e> = <y, broadcast(e)> for each unit tensor e."""
    y = use.real(0)
    found = []
    for place in range(size(use.attributes.shape("target"))):
        unit = tuple(
            Fraction(place == i) for i in range(size(use.attributes.shape("target")))
        )
        shape = use.attributes.shape("target")
        stretched = exactly(
            meaning_of("broadcast"), application(Tensor(shape, unit), target=y.shape)
        )
        pairs = zip(stretched.values, y.values, strict=True)
        found.append(sum((a * b for a, b in pairs), Fraction(0)))
    return result.shape == use.attributes.shape("target") and result.values == tuple(
        found
    )


def repeated(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A wrong broadcast: the values over and over, whatever the axes."""
    x, target = operands.real(0), attributes.shape("target")
    count = size(target) // max(len(x.values), 1)
    return Tensor(target, x.values * count)


def each_repeated(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A wrong broadcast: each value several times, whatever the axes."""
    x, target = operands.real(0), attributes.shape("target")
    count = size(target) // max(len(x.values), 1)
    return Tensor(target, tuple(v for v in x.values for _ in range(count)))


def first_copy(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A wrong adjoint: one copy of each element, not their sum."""
    x, target = operands.real(0), attributes.shape("target")
    chosen = {
        source_place(place, target): value
        for place, value in zip(places(x.shape), x.values, strict=True)
    }
    return Tensor(target, tuple(chosen[place] for place in places(target)))


def mean_of_copies(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A wrong adjoint: the mean of the copies."""
    total = meaning_of("reduce_to")(system, attributes, operands)
    count = len(operands.real(0).values) // max(len(total.values), 1)
    return total.map(lambda each: each / system.constant(count))


BROADCASTS = (
    exact_law(
        TOPIC,
        "broadcast",
        "Aligned innermost, an element is repeated along axes of size 1 or missing.",
        is_stretched,
        stretches,
        {"over and over": repeated, "each several times": each_repeated},
    ),
    exact_law(
        TOPIC,
        "reduce_to",
        "reduce_to is the adjoint of broadcast: <reduce_to(y), x> = <y, broadcast(x)>.",
        is_adjoint,
        shrinks,
        {"one copy alone": first_copy, "the mean of the copies": mean_of_copies},
    ),
)


# DERIVATIVES


def spread(use: Use) -> AnyValue:
    """Upstream copied along innermost axes, wherever the reduced axis stood."""
    flat = use.upstream.apply("reshape", target=shape_of([size(use.upstream.shape), 1]))
    copies = size(use.operands[0].shape) // max(size(use.upstream.shape), 1)
    wide = flat.apply("broadcast", target=shape_of([size(use.upstream.shape), copies]))
    return wide.apply("reshape", target=use.operands[0].shape)


def _unscaled(use: Use) -> AnyValue:
    """The rule of a sum, where that of a mean is wanted."""
    (part,) = rule_of("sum")(use)
    assert part is not None
    return part


RULES = (
    rule_law(
        TOPIC,
        "sum",
        reductions,
        rational=True,
        mutants={"always along the innermost axis": parts(spread)},
    ),
    rule_law(
        TOPIC,
        "mean",
        of_something,
        rational=True,
        mutants={"as of a sum": parts(_unscaled)},
    ),
    rule_law(
        TOPIC,
        "broadcast",
        stretches,
        rational=True,
        mutants={
            "each derivative twice": parts(
                lambda use: use.upstream.apply("add", use.upstream).apply(
                    "reduce_to", target=use.operands[0].shape
                )
            )
        },
    ),
    rule_law(
        TOPIC,
        "reduce_to",
        shrinks,
        rational=True,
        mutants={
            "shared among the copies": parts(
                lambda use: use.upstream.apply(
                    "broadcast", target=use.operands[0].shape
                ).apply("scale", factor=Fraction(1, 2))
            )
        },
    ),
)
