"""Laws of the operations that move numbers and change none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, repeat
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
from torchlean_proofs.laws.operations_derivatives import Rule, parts, rule_law
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.tensor import Tensor

TOPIC = "layout"

Extents = tuple[int, ...]

# RESHAPE

SAME_SIZE: tuple[tuple[Extents, Extents], ...] = (
    ((6,), (2, 3)),
    ((2, 3), (3, 2)),
    ((2, 3), (6,)),
    ((), (1, 1)),
    ((2, 2, 2), (4, 2)),
    ((0, 3), (0,)),
)


def reshapes(draws: Draws) -> Iterator[Application]:
    """Tensors and other shapes of their size."""
    for source, target in SAME_SIZE:
        yield application(exact_table(draws, *source), target=shape_of(target))


def numbered(place: Sequence[int], extents: Sequence[int]) -> int:
    """The number of a place, counted row by row."""
    number = 0
    for i, extent in zip(place, extents, strict=True):
        number = number * extent + i
    return number


def keeps_order(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether elements of one number are equal, in the old shape and the new."""
    x = use.real(0)
    old = {numbered(p, sizes(x.shape)): element(x, p) for p in places(x.shape)}
    shape = result.shape
    new = {numbered(p, sizes(shape)): element(result, p) for p in places(shape)}
    return shape == use.attributes.shape("target") and old == new


def backwards(name: str) -> Meaning:
    """An operation whose result has its elements in reverse order."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = meaning_of(name)(system, attributes, operands)
        return Tensor(right.shape, right.values[::-1])

    return meaning


def column_major(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A reshape that reads and writes column by column."""
    x, target = operands.real(0), attributes.shape("target")

    def by_columns(shape: Shape) -> list[int]:
        order = sorted(places(shape), key=lambda place: place[::-1])
        return [numbered(place, sizes(shape)) for place in order]

    values = dict(
        zip(by_columns(target), (x.values[i] for i in by_columns(x.shape)), strict=True)
    )
    return Tensor(target, tuple(values[i] for i in range(len(values))))


# TRANSPOSE


def transposes(draws: Draws) -> Iterator[Application]:
    """Tensors of up to 3 axes, and every permutation of these."""
    for extents in ((), (3,), (2, 2), (2, 3), (2, 3, 2), (2, 2, 2)):
        for order in itertools.permutations(range(len(extents))):
            yield application(exact_table(draws, *extents), permutation=order)


def is_permuted(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether element (.., i_k, ..) is the one with index i_k on axis `order[k]`."""
    x, order = use.real(0), use.attributes.integers("permutation")
    for place in places(result.shape):
        source = [0] * len(order)
        for index, axis in zip(place, order, strict=True):
            source[axis] = index
        if element(result, place) != element(x, source):
            return False
    return sizes(result.shape) == tuple(sizes(x.shape)[axis] for axis in order)


def inverse_transpose(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A transpose by the inverse permutation."""
    order = attributes.integers("permutation")
    inverse = tuple(order.index(axis) for axis in range(len(order)))
    given = Attributes(permutation=inverse)
    return meaning_of("transpose")(system, given, operands)


def reshaped_only(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A transpose that changes the shape and moves nothing."""
    right = meaning_of("transpose")(system, attributes, operands)
    return Tensor(right.shape, operands.real(0).values)


# CONCATENATE AND SLICE

JOINED: tuple[tuple[Extents, Extents, int], ...] = (
    ((2,), (3,), 0),
    ((2, 2), (2, 2), 0),
    ((2, 2), (2, 2), 1),
    ((2, 2), (2, 1), -1),
    ((1, 2), (2, 2), -2),
    ((2, 1, 2), (2, 2, 2), 1),
    ((0, 2), (1, 2), 0),
)


def pairs(draws: Draws) -> Iterator[Application]:
    """Tensors to be laid end to end."""
    for first, second, axis in JOINED:
        yield application(
            exact_table(draws, *first), exact_table(draws, *second), axis=axis
        )


def is_joined(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether slicing at the seam gives both tensors back."""
    x, y = use.real(0), use.real(1)
    axis = use.attributes.integer("axis")
    seam, end = sizes(x.shape)[axis], sizes(x.shape)[axis] + sizes(y.shape)[axis]
    return sizes(result.shape)[axis] == end and all(
        element(result, place) == element(x, place)
        if place[axis] < seam
        else element(result, place) == element(y, _moved(place, axis, -seam))
        for place in places(result.shape)
    )


def _moved(place: Sequence[int], axis: int, by: int) -> tuple[int, ...]:
    along = range(len(place))[axis]
    return tuple(i + by if k == along else i for k, i in enumerate(place))


def in_other_order(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The second tensor before the first."""
    given = Operands(list(operands.tensors)[::-1])
    return meaning_of("concatenate")(system, attributes, given)


def end_to_end(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The right shape, filled as if the axis were the outermost."""
    right = meaning_of("concatenate")(system, attributes, operands)
    return Tensor(right.shape, operands.real(0).values + operands.real(1).values)


def slices(draws: Draws) -> Iterator[Application]:
    """Every slice of small tensors, the empty ones among them."""
    for extents, axis in (((3,), 0), ((3, 2), 0), ((2, 3), -1), ((2, 3, 2), 1)):
        extent = extents[axis]
        for start, stop in itertools.combinations_with_replacement(
            range(extent + 1), 2
        ):
            table = exact_table(draws, *extents)
            yield application(table, axis=axis, start=start, stop=stop)


def is_sliced(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether position i along the axis is position `start + i` of the operand."""
    x, given = use.real(0), use.attributes
    axis, start = given.integer("axis"), given.integer("start")
    extents = list(sizes(x.shape))
    extents[axis] = given.integer("stop") - start
    return sizes(result.shape) == tuple(extents) and all(
        element(result, place) == element(x, _moved(place, axis, start))
        for place in places(result.shape)
    )


def shifted_slice(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """As many positions, from the first one on."""
    count = attributes.integer("stop") - attributes.integer("start")
    given = Attributes(**{**attributes, "start": 0, "stop": count})
    return meaning_of("slice")(system, given, operands)


def stop_included(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """One position more, where there is one."""
    x, axis = operands.real(0), attributes.integer("axis")
    stop = min(attributes.integer("stop") + 1, sizes(x.shape)[axis])
    given = Attributes(**{**attributes, "stop": stop})
    return meaning_of("slice")(system, given, operands)


# FILL


def fills(draws: Draws) -> Iterator[Application]:
    """Constants in several shapes."""
    for extents in ((), (3,), (2, 2), (0, 2)):
        yield application(target=shape_of(extents), value=draws.fraction())


def is_filled(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether every element is the constant."""
    value = use.attributes.exact("value")
    return result.shape == use.attributes.shape("target") and all(
        each == value for each in result.values
    )


def binary64_fill(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A constant rounded to binary64 on the way."""
    right = meaning_of("fill")(system, attributes, operands)
    value = system.from_float(float(attributes.exact("value")))
    return right.map(lambda each: value)


MEANINGS = (
    exact_law(
        TOPIC,
        "reshape",
        "An element keeps its number, counted row by row.",
        keeps_order,
        reshapes,
        {"column by column": column_major, "backwards": backwards("reshape")},
    ),
    exact_law(
        TOPIC,
        "transpose",
        "Axis k of the result is axis `permutation[k]` of the operand.",
        is_permuted,
        transposes,
        {
            "the inverse permutation": inverse_transpose,
            "the shape alone": reshaped_only,
            "backwards": backwards("transpose"),
        },
    ),
    exact_law(
        TOPIC,
        "concatenate",
        "Before the seam lies the first tensor, from the seam on the second.",
        is_joined,
        pairs,
        {"the second first": in_other_order, "always the outermost axis": end_to_end},
    ),
    exact_law(
        TOPIC,
        "slice",
        "Position i of a slice is position `start + i` of the tensor.",
        is_sliced,
        slices,
        {
            "from the first on": shifted_slice,
            "the stop included": stop_included,
            "the outermost axis": with_attributes("slice", axis=0),
        },
    ),
    exact_law(
        TOPIC,
        "fill",
        "Every element is the constant, exactly.",
        is_filled,
        fills,
        {
            "zero": with_attributes("fill", value=0),
            "through binary64": binary64_fill,
            "one element": with_attributes("fill", target=shape_of([])),
        },
    ),
)


# ROUND TRIPS


def parted(draws: Draws) -> Iterator[Application]:
    """Tensors, an axis and a seam on it."""

    def drawn() -> Application:
        extents = [draws.integer(1, 3) for _ in range(draws.integer(1, 3))]
        axis = draws.integer(-len(extents), len(extents) - 1)
        seam = draws.integer(0, extents[axis])
        return application(exact_table(draws, *extents), axis=axis, stop=seam)

    return repeat(30, drawn)


@law(
    "layout.parts",
    objects="operations.slice.meaning operations.concatenate.meaning",
    evidence=Evidence.IDENTITY_TESTED,
    subject=meaning_of("slice"),
    mutants={
        "from the first on": shifted_slice,
        "the stop included": stop_included,
        "backwards": backwards("slice"),
    },
    cases=parted,
)
def put_together_again(cut: Meaning, use: Application) -> bool:
    """The two parts of a tensor, laid end to end, are the tensor."""
    x, axis = use.real(0), use.attributes.integer("axis")
    seam, end = use.attributes.integer("stop"), sizes(x.shape)[axis]
    head = exactly(cut, application(x, axis=axis, start=0, stop=seam))
    tail = exactly(cut, application(x, axis=axis, start=seam, stop=end))
    joined = application(head, tail, axis=axis)
    return exactly(meaning_of("concatenate"), joined) == x


@law(
    "layout.inverse_transpose",
    objects="operations.transpose.meaning",
    evidence=Evidence.IDENTITY_TESTED,
    subject=meaning_of("transpose"),
    mutants={
        "the shape alone": reshaped_only,
        "the inverse permutation": inverse_transpose,
    },
    cases=transposes,
)
def there_and_back(transpose: Meaning, use: Application) -> bool:
    """Two transpositions are one by the composed permutation; an inverse undoes it."""
    x, order = use.real(0), use.attributes.integers("permutation")
    inverse = tuple(order.index(axis) for axis in range(len(order)))
    moved = exactly(transpose, use)
    back = exactly(transpose, application(moved, permutation=inverse))
    twice = exactly(transpose, application(moved, permutation=order))
    composed = tuple(order[axis] for axis in order)
    at_once = [
        element(x, [place[composed.index(axis)] for axis in range(len(order))])
        for place in places(twice.shape)
    ]
    return back == x and twice.values == tuple(at_once)


# DERIVATIVES


def _upstream_reshaped(use: Use) -> AnyValue:
    return use.upstream.apply("reshape", target=use.operands[0].shape)


def _again(use: Use) -> Sequence[AnyValue | None]:
    return [use.upstream.apply("transpose", **use.attributes)]


def _ends_exchanged(use: Use) -> Sequence[AnyValue | None]:
    """The slices of upstream taken from the wrong ends."""
    axis = use.attributes.integer("axis")
    first, end = (sizes(v.shape)[axis] for v in (use.operands[0], use.result))
    along, second = axis % len(sizes(use.result.shape)), end - first
    head = use.upstream.apply("slice", axis=along, start=second, stop=end)
    tail = use.upstream.apply("slice", axis=along, start=0, stop=second)
    return [head, tail]


def _at_the_front(use: Use) -> Sequence[AnyValue | None]:
    """All zeros behind, as if every slice began at 0."""
    shape = use.operands[0].shape
    axis = use.attributes.integer("axis") % len(sizes(shape))
    extents = list(sizes(shape))
    extents[axis] -= sizes(use.upstream.shape)[axis]
    zeros = use.upstream.build("fill", target=shape_of(extents), value=0)
    return [use.upstream.apply("concatenate", zeros, axis=axis)]


def _scaled(name: str, factor: Fraction) -> Rule:
    def rule(use: Use) -> Sequence[AnyValue | None]:
        found = rule_of(name)(use)
        return [part.apply("scale", factor=factor) if part else None for part in found]

    return rule


RULES = (
    rule_law(
        TOPIC,
        "reshape",
        reshapes,
        rational=True,
        mutants={"twice": _scaled("reshape", Fraction(2))},
    ),
    rule_law(
        TOPIC,
        "transpose",
        transposes,
        rational=True,
        mutants={"transposed again": _again, "reshaped": parts(_upstream_reshaped)},
    ),
    rule_law(
        TOPIC,
        "concatenate",
        pairs,
        rational=True,
        mutants={"from the wrong ends": _ends_exchanged},
    ),
    rule_law(
        TOPIC,
        "slice",
        slices,
        rational=True,
        mutants={"always at the front": _at_the_front},
    ),
)
