"""Laws of shapes: sizes, axes, permutation, concatenation, broadcasting."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses
from torchlean_spec import shape
from torchlean_spec.errors import Reason
from torchlean_spec.shape import Dim, Scalar, Shape, shape_of, size, sizes

Extents = tuple[int, ...]

SMALL = [
    extents for rank in range(4) for extents in itertools.product(range(4), repeat=rank)
]
"""The sizes of every shape of up to 3 axes, each of at most 3."""


def small(draws: Draws) -> Iterator[Extents]:
    """Every small shape."""
    return iter(SMALL)


def with_axis(draws: Draws) -> Iterator[tuple[Extents, int]]:
    """Every small shape, and an axis from -4 to 3."""
    return itertools.product(SMALL, range(-4, 4))


def permuted(draws: Draws) -> Iterator[tuple[Extents, Extents]]:
    """Every small shape, and every permutation of its axes."""
    return (
        (extents, order)
        for extents in SMALL
        for order in itertools.permutations(range(len(extents)))
    )


def pairs(draws: Draws) -> Iterator[tuple[Extents, Extents]]:
    """Every pair of a shape of up to 2 axes and a small one."""
    return itertools.product([each for each in SMALL if len(each) < 3], SMALL)


@law(
    "shape.sizes",
    objects="shape.shape_of shape.sizes shape.Dim shape.Scalar",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape_of,
    mutants={
        "innermost axis first": lambda extents: shape_of(extents[::-1]),
        "axes of size 1 dropped": lambda extents: shape_of(
            [extent for extent in extents if extent != 1]
        ),
    },
    cases=small,
)
def the_sizes(shape_of: Callable[[Sequence[int]], Shape], extents: Extents) -> bool:
    """The shape with given sizes has those sizes; equal sizes make equal shapes."""
    made = shape_of(extents)
    return sizes(made) == extents and made == shape_of(sizes(made))


@law(
    "shape.size",
    objects="shape.size shape.Dim shape.Scalar",
    evidence=Evidence.EXHAUSTIVE,
    subject=size,
    mutants={
        "sum of the sizes": lambda given: sum(sizes(given)),
        "scalars are empty": lambda given: (
            math.prod(sizes(given)) if sizes(given) else 0
        ),
    },
    cases=small,
)
def the_size(size: Callable[[Shape], int], extents: Extents) -> bool:
    """`Dim(n, rest)` holds n times as many numbers as `rest`, and a scalar one."""
    rest = shape_of(extents)
    return size(Scalar()) == 1 and all(
        size(Dim(n, rest)) == n * size(rest) for n in range(4)
    )


@law(
    "shape.axis",
    objects="shape.axis_of shape.rank",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape.axis_of,
    mutants={
        "negative axes refused": lambda given, axis: (
            axis if 0 <= axis < shape.rank(given) else shape.axis_of(given, 99)
        ),
        "any axis taken": lambda given, axis: axis % max(shape.rank(given), 1),
    },
    cases=with_axis,
)
def the_axis(axis_of: Callable[[Shape, int], int], case: tuple[Extents, int]) -> bool:
    """Axis -k is axis `rank - k`, and an axis that does not exist is refused."""
    (extents, axis), count = case, shape.rank(shape_of(case[0]))
    if not -count <= axis < count:
        return refuses(
            Reason.AXIS_OUT_OF_RANGE, lambda: axis_of(shape_of(extents), axis)
        )
    return axis_of(shape_of(extents), axis) == range(count)[axis]


@law(
    "shape.without_axis",
    objects="shape.without_axis",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape.without_axis,
    mutants={
        "the axis kept with size 1": lambda given, axis: shape_of(
            [
                1 if i == shape.axis_of(given, axis) else n
                for i, n in enumerate(sizes(given))
            ]
        ),
        "the outermost axis": lambda given, axis: shape.without_axis(given, 0),
    },
    cases=with_axis,
    premise=lambda case: -len(case[0]) <= case[1] < len(case[0]),
)
def without_an_axis(
    without_axis: Callable[[Shape, int], Shape], case: tuple[Extents, int]
) -> bool:
    """What is left after an axis is removed are the other axes, in order."""
    extents, axis = case
    position = range(len(extents))[axis]
    left = extents[:position] + extents[position + 1 :]
    return sizes(without_axis(shape_of(extents), axis)) == left


@law(
    "shape.permute",
    objects="shape.permute",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape.permute,
    mutants={
        "inverse permutation": lambda given, order: shape.permute(
            given, [list(order).index(axis) for axis in range(len(order))]
        ),
        "nothing": lambda given, order: given,
    },
    cases=permuted,
)
def permuting(
    permute: Callable[[Shape, Sequence[int]], Shape], case: tuple[Extents, Extents]
) -> bool:
    """Axis i of the permuted shape is axis `permutation[i]`; the size stays."""
    extents, order = case
    found = permute(shape_of(extents), order)
    return size(found) == size(shape_of(extents)) and sizes(found) == tuple(
        extents[axis] for axis in order
    )


def _joined(first: Extents, second: Extents, axis: int) -> Extents | None:
    """What laying end to end must give, or nothing where the other axes differ."""
    if len(first) != len(second):
        return None
    if first[:axis] != second[:axis] or first[axis + 1 :] != second[axis + 1 :]:
        return None
    return (*first[:axis], first[axis] + second[axis], *first[axis + 1 :])


@law(
    "shape.concatenate",
    objects="shape.concatenate",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape.concatenate,
    mutants={
        "always along the outermost axis": lambda x, y, axis: shape.concatenate(x, y),
        "other axes of the first": lambda x, y, axis: shape_of(
            [n + sizes(y)[i] if i == axis else n for i, n in enumerate(sizes(x))]
        ),
    },
    cases=pairs,
)
def concatenating(
    concatenate: Callable[[Shape, Shape, int], Shape], case: tuple[Extents, Extents]
) -> bool:
    """The sizes along the axis add up; shapes that differ elsewhere are refused."""
    first, second = shape_of(case[0]), shape_of(case[1])
    for axis in range(len(case[0])):
        expected = _joined(*case, axis)
        if expected is None:
            action = lambda a=axis: concatenate(first, second, a)  # noqa: E731
            if not refuses(Reason.SHAPE_MISMATCH, action):
                return False
        elif sizes(concatenate(first, second, axis)) != expected:
            return False
    return True


def _stretched(source: Extents, target: Extents) -> Extents | None:
    """The axes that must be repeated, or nothing where the shapes do not fit."""
    missing = len(target) - len(source)
    if missing < 0:
        return None
    padded = (None,) * missing + source
    pairs = list(zip(padded, target, strict=True))
    if any(ours not in (None, 1, theirs) for ours, theirs in pairs):
        return None
    return tuple(i for i, (ours, theirs) in enumerate(pairs) if ours != theirs)


@law(
    "shape.broadcast",
    objects="shape.broadcast_axes",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape.broadcast_axes,
    mutants={
        "aligned at the outermost axis": lambda source, target: shape.broadcast_axes(
            shape_of(sizes(source) + (1,) * (shape.rank(target) - shape.rank(source))),
            target,
        ),
        "any size may stretch": lambda source, target: tuple(
            range(shape.rank(target) - shape.rank(source))
        ),
    },
    cases=pairs,
)
def broadcasting(
    broadcast_axes: Callable[[Shape, Shape], Extents], case: tuple[Extents, Extents]
) -> bool:
    """Aligned innermost, an axis is repeated where it is missing or 1, else equal."""
    source, target = shape_of(case[0]), shape_of(case[1])
    expected = _stretched(*case)
    if expected is None:
        return refuses(Reason.SHAPE_MISMATCH, lambda: broadcast_axes(source, target))
    return broadcast_axes(source, target) == expected


@law(
    "shape.strides",
    objects="shape.strides",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape.strides,
    mutants={
        "column-major": lambda given: tuple(
            math.prod(sizes(given)[:axis]) for axis in range(shape.rank(given))
        ),
    },
    cases=small,
)
def the_strides(strides: Callable[[Shape], Extents], extents: Extents) -> bool:
    """Along the strides, the elements are numbered in row-major order."""
    steps = strides(shape_of(extents))
    places = itertools.product(*map(range, extents))
    found = [sum(i * s for i, s in zip(p, steps, strict=True)) for p in places]
    return found == list(range(size(shape_of(extents))))


@law(
    "shape.require_same",
    objects="shape.require_same",
    evidence=Evidence.EXHAUSTIVE,
    subject=shape.require_same,
    mutants={
        "nothing is refused": lambda what, expected, given: None,
        "only the size counts": lambda what, expected, given: shape.require_same(
            what, shape.vector(size(expected)), shape.vector(size(given))
        ),
    },
    cases=pairs,
)
def requiring_the_same(
    require_same: Callable[[str, Shape, Shape], None], case: tuple[Extents, Extents]
) -> bool:
    """Two shapes are refused exactly where their sizes differ."""
    expected, given = shape_of(case[0]), shape_of(case[1])
    action = lambda: require_same("it", expected, given)  # noqa: E731
    return refuses(Reason.SHAPE_MISMATCH, action) == (case[0] != case[1])
