"""A NumPy array and its shape as a type: `Tensor[float32, Dim[N, S]]`.

The array's sizes are held against the shape once, where the tensor is built; from
then on the shape is a witness that mypy reads.

>>> from torchlean_spec.shape import matrix
>>> batch = Tensor(np.ones((2, 3), np.float32), matrix(2, 3))
>>> batch
Tensor(float32, [2, 3])
>>> np.sum(batch)
np.float32(6.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from torchlean_spec import tensor as spec
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import S, Shape, T, shape_of, sizes

DT = TypeVar("DT", bound=np.generic)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Tensor(Generic[DT, S]):
    """An array that is known to have a shape.

    Args:
        array: The numbers. They are not copied; the tensor's own view of them
            cannot be written to.
        shape: The shape they must have.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH`, naming both shapes.

    >>> Tensor(np.zeros(4), shape_of([2, 2]))
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected an array of shape [2, 2], got [4]
    """

    array: NDArray[DT]
    shape: S

    def __post_init__(self) -> None:
        if self.array.shape != sizes(self.shape):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected an array of shape {self.shape}, "
                f"got {list(self.array.shape)}",
            )
        view = self.array.view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    @staticmethod
    def of(array: NDArray[DT]) -> Tensor[DT, Shape]:
        """The tensor with whatever shape the array has.

        >>> Tensor.of(np.zeros((2, 5), np.float32)).shape
        [2, 5]
        """
        return Tensor(array, shape_of(array.shape))

    def with_shape(self, shape: T) -> Tensor[DT, T]:
        """The same numbers, known to have a shape; checked.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH`, naming both shapes.
        """
        return Tensor(self.array, shape)

    def to_spec(self) -> spec.Tensor[float, S]:
        """The spec's tensor of the same numbers.

        >>> Tensor(np.array([0.5]), shape_of([1])).to_spec()
        Tensor(shape=[1], values=(0.5,))
        """
        flat: Sequence[float] = self.array.ravel().tolist()
        return spec.Tensor(self.shape, tuple(flat))

    def __array__(
        self, dtype: np.dtype[np.generic] | None = None, copy: bool | None = None
    ) -> NDArray[np.generic]:
        """What NumPy reads where it is given the tensor."""
        converted: NDArray[np.generic] = np.asarray(self.array, dtype)
        return converted.copy() if copy else converted

    def __repr__(self) -> str:
        return f"Tensor({self.array.dtype}, {self.shape})"
