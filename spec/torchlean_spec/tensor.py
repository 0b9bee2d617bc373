"""An immutable tensor over any number, indexed by its shape.

>>> from torchlean_spec.shape import matrix
>>> table = Tensor(matrix(2, 3), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
>>> table.rows()[1]
(4.0, 5.0, 6.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import S, Shape, require_same, size, sizes

V = TypeVar("V")
W = TypeVar("W")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Tensor(Generic[V, S]):
    """Numbers (or class indices) in row-major order, and their shape.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the shape holds another count.
    """

    shape: S
    values: tuple[V, ...]

    def __post_init__(self) -> None:
        if len(self.values) != size(self.shape):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected {size(self.shape)} values for shape {self.shape}, "
                f"got {len(self.values)}",
            )

    def rows(self) -> list[tuple[V, ...]]:
        """The runs along the innermost axis, in order; one run for a scalar.

        >>> from torchlean_spec.shape import matrix
        >>> Tensor(matrix(2, 0), ()).rows()
        [(), ()]
        """
        extents = sizes(self.shape)
        width = extents[-1] if extents else 1
        count = math.prod(extents[:-1])
        return [self.values[i * width : (i + 1) * width] for i in range(count)]

    def map(self, function: Callable[[V], W]) -> Tensor[W, S]:
        """Apply a function to each value."""
        return Tensor(self.shape, tuple(map(function, self.values)))


def zip_with(
    what: str,
    function: Callable[[V, W], U],
    left: Tensor[V, S],
    right: Tensor[W, Shape],
) -> Tensor[U, S]:
    """Combine two tensors of equal shape, value by value.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the shapes differ.
    """
    require_same(what, left.shape, right.shape)
    return Tensor(left.shape, tuple(map(function, left.values, right.values)))


def of_any_shape(tensor: Tensor[V, S]) -> Tensor[V, Shape]:
    """The same tensor for those who do not know its shape beforehand.

    Shapes are invariant in the type, so that no two sizes are taken for one.
    """
    shape: Shape = tensor.shape
    return Tensor(shape, tensor.values)


def filled(shape: S, value: V) -> Tensor[V, S]:
    """The tensor that holds one value everywhere."""
    return Tensor(shape, (value,) * size(shape))
