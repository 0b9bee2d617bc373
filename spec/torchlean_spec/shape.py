"""Shapes: `Scalar`, or `Dim(size, rest)`, outermost dimension first.

A shape is a list of sizes, built like Lean's inductive `Shape` (the original's
`NN/Spec/Core/Shape.lean`), so that a function can be polymorphic in the rest of
a shape: `Dim[N, S]`. A size may be zero. The shape of a batch of 32 images of
784 pixels has the type `Dim[Literal[32], Dim[Literal[784], Scalar]]`, and mypy
infers it from plain ints, with no annotation by the user:

>>> batch = Dim(32, vector(784))
>>> batch
[32, 784]
>>> size(batch), rank(batch)
(25088, 2)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from torchlean_spec.errors import Reason, TorchLeanError

Size = Literal[0] | int
"""A size. A bound that mentions a literal makes mypy keep the literals of plain
ints; the `int` beside it admits sizes that are known only at run time."""


class Shape:
    """Either `Scalar` or `Dim`; nothing else."""

    __slots__ = ()


N = TypeVar("N", bound=Size)
M = TypeVar("M", bound=Size)
K = TypeVar("K", bound=Size)
S = TypeVar("S", bound=Shape)
T = TypeVar("T", bound=Shape)


@dataclass(frozen=True, slots=True, repr=False)
class Scalar(Shape):
    """The shape of a single number: no axes, size 1."""

    def __repr__(self) -> str:
        return "[]"


@dataclass(frozen=True, slots=True, repr=False)
class Dim(Shape, Generic[N, S]):
    """`extent` copies of the shape `rest`, along a new outermost axis.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the extent is negative.
    """

    extent: N
    rest: S

    def __post_init__(self) -> None:
        if self.extent < 0:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected a size of at least 0, got {int(self.extent)}",
            )

    def __repr__(self) -> str:
        return str(list(sizes(self)))


Vector = Dim[N, Scalar]
Matrix = Dim[N, Dim[M, Scalar]]


def vector(n: N) -> Dim[N, Scalar]:
    """The shape of n numbers."""
    return Dim(n, Scalar())


def matrix(n: N, m: M) -> Dim[N, Dim[M, Scalar]]:
    """The shape of n rows of m numbers."""
    return Dim(n, Dim(m, Scalar()))


def shape_of(extents: Sequence[int]) -> Shape:
    """The shape with the given sizes, outermost first.

    >>> shape_of([2, 3])
    [2, 3]
    """
    built: Shape = Scalar()
    for extent in reversed(extents):
        built = Dim(int(extent), built)
    return built


def sizes(shape: Shape) -> tuple[int, ...]:
    """The sizes along the axes, outermost first; the inverse of `shape_of`."""
    found: list[int] = []
    while isinstance(shape, Dim):
        found.append(shape.extent)
        shape = shape.rest
    return tuple(found)


def size(shape: Shape) -> int:
    """How many numbers the shape holds: the product of its sizes, 1 for `Scalar`."""
    return math.prod(sizes(shape))


def rank(shape: Shape) -> int:
    """How many axes the shape has."""
    return len(sizes(shape))


def axis_of(shape: Shape, axis: int) -> int:
    """The axis counted from the outermost; a negative one counts from the innermost.

    Raises:
        TorchLeanError: `AXIS_OUT_OF_RANGE` if there is no such axis.

    >>> axis_of(matrix(2, 3), -1)
    1
    """
    count = rank(shape)
    if not -count <= axis < count:
        raise TorchLeanError(
            Reason.AXIS_OUT_OF_RANGE,
            f"expected an axis of {shape} from {-count} to {count - 1}, got {axis}",
        )
    return axis % count


def without_axis(shape: Shape, axis: int) -> Shape:
    """The shape that a reduction along `axis` leaves.

    >>> without_axis(shape_of([2, 3, 4]), 1)
    [2, 4]
    """
    position = axis_of(shape, axis)
    extents = sizes(shape)
    return shape_of(extents[:position] + extents[position + 1 :])


def permute(shape: Shape, permutation: Sequence[int]) -> Shape:
    """The shape whose axis i is the axis `permutation[i]` of the given one.

    Raises:
        TorchLeanError: `AXIS_OUT_OF_RANGE` if it is not a permutation of the axes.

    >>> permute(shape_of([2, 3, 4]), [2, 0, 1])
    [4, 2, 3]
    """
    extents = sizes(shape)
    if sorted(permutation) != list(range(len(extents))):
        raise TorchLeanError(
            Reason.AXIS_OUT_OF_RANGE,
            f"expected a permutation of the {len(extents)} axes of {shape}, "
            f"got {list(permutation)}",
        )
    return shape_of([extents[axis] for axis in permutation])


def concatenate(first: Shape, second: Shape, axis: int = 0) -> Shape:
    """The shape of two tensors laid end to end along `axis`.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the other axes differ.

    >>> concatenate(matrix(2, 3), matrix(5, 3))
    [7, 3]
    """
    position = axis_of(first, axis)
    ours, theirs = list(sizes(first)), list(sizes(second))
    joined = list(ours)
    if len(ours) == len(theirs):
        joined[position] = theirs[position] + ours[position]
        ours[position] = theirs[position]
    if ours != theirs:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected shapes that agree beside axis {position}, "
            f"got {first} and {second}",
        )
    return shape_of(joined)


def broadcast_axes(source: Shape, target: Shape) -> tuple[int, ...]:
    """The axes of `target` along which `source` is repeated.

    Shapes are aligned at the innermost axis, as in NumPy: an axis of `source`
    either equals the axis of `target` or has size 1, and axes that `source`
    lacks stand on the outside. The target is named; there is no search for a
    common shape. (The original also aligns at the outermost axis, which is
    ambiguous for square targets: `docs/deviations.md`, B29.)

    Raises:
        TorchLeanError: `SHAPE_MISMATCH`, naming both shapes.

    >>> broadcast_axes(matrix(1, 3), shape_of([5, 2, 3]))
    (0, 1)
    """
    ours, theirs = sizes(source), sizes(target)
    missing = len(theirs) - len(ours)
    repeated = list(range(missing))
    fits = missing >= 0
    for position, extent in enumerate(ours if fits else ()):
        wanted = theirs[missing + position]
        if extent != wanted:
            repeated.append(missing + position)
            fits = fits and extent == 1
    if not fits:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected a shape that can be broadcast to {target}, got {source}",
        )
    return tuple(repeated)


def require_same(what: str, expected: Shape, given: Shape) -> None:
    """Refuse, unless two shapes are equal.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH`, naming both shapes.
    """
    if sizes(expected) != sizes(given):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH, f"{what}: expected shape {expected}, got {given}"
        )


def strides(shape: Shape) -> tuple[int, ...]:
    """How far apart neighbours along each axis are in row-major order.

    >>> strides(shape_of([2, 3, 4]))
    (12, 4, 1)
    """
    extents = sizes(shape)
    return tuple(math.prod(extents[axis + 1 :]) for axis in range(len(extents)))
