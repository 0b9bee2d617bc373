"""Where a run's numbers lie: the buffers that all plans of a run share.

Parameters, gradients and each number that the optimizer keeps lie one behind the
other in one buffer each, without gaps, so that one row updates all of them. Where
there are groups of parameters, each group's lie together, for a row of their own.

>>> from torchlean_spec.layers import Linear
>>> layout = Layout.of(Linear(3, 2), frozenset({"weight"}))
>>> layout.size, layout.place("gradients", "bias")
(8, Place(buffer='gradients', start=6))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.plan import Place
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Layer
from torchlean_spec.shape import Shape, size, sizes

PARAMETERS, GRADIENTS = "parameters", "gradients"
"""The buffers of all parameters, and of the loss' derivatives in them."""

LOSS, LOSSES = "loss", "losses"
"""The loss of the current step, and those of the steps of a slice."""

PREDICTION = "prediction"
"""What the model answers, in plans that evaluate."""

RESULT = "result"
"""What an operation gives, in plans of one operation."""

INPUTS, TARGETS, ORDER = "inputs", "targets", "order"
"""The data set, and the order in which an epoch sees it."""

COEFFICIENTS = "coefficients"
"""The optimizer's coefficients, one row for each step."""

CONSTANTS, CONSTANT_INTEGERS = "constants", "constant_integers"
"""Hyperparameters, each rounded once; strides, extents and the like."""


def slot_buffer(name: str) -> str:
    """The buffer of one number that the optimizer keeps for each parameter."""
    return f"slot.{name}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One parameter's part of a flat buffer."""

    start: int
    sizes: tuple[int, ...]
    """Its logical shape."""

    transposed: bool
    """Whether its matrix lies transposed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each parameter lies in a flat buffer of all of them."""

    stretches: Mapping[str, Stretch]
    size: int

    @staticmethod
    def of(
        model: Layer, transposed: frozenset[str], order: Sequence[str] = ()
    ) -> Layout:
        """The layout of a model's parameters.

        Args:
            model: The model.
            transposed: The parameters whose matrix lies transposed.
            order: The parameters in the order in which they lie; by default the
                model's.
        """
        shapes = {each.name: each.shape for each in model.parameters()}
        return Layout.of_shapes(shapes, transposed, order)

    @staticmethod
    def of_shapes(
        shapes: Mapping[str, Shape], transposed: frozenset[str], order: Sequence[str]
    ) -> Layout:
        """The layout of one tensor for each of some parameters; see `of`."""
        starts: dict[str, int] = {}
        end = 0
        for name in order or shapes:
            starts[name] = end
            end += size(shapes[name])
        stretches = {
            name: Stretch(starts[name], sizes(shape), name in transposed)
            for name, shape in shapes.items()
        }
        return Layout(stretches, end)

    def place(self, buffer: str, name: str) -> Place:
        """Where a parameter's numbers begin in a flat buffer."""
        return Place(buffer, self.stretches[name].start)

    def span(self, names: Sequence[str]) -> tuple[int, int]:
        """Where parameters that lie together begin, and how many numbers they have."""
        parts = [self.stretches[name] for name in names]
        start = min((each.start for each in parts), default=0)
        return start, sum(math.prod(each.sizes) for each in parts)

    def read(self, flat: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Copies of all tensors in a flat buffer, each in its logical shape."""
        return {name: self._view(flat, name).copy() for name in self.stretches}

    def write(self, flat: NDArray[Any], tensors: Mapping[str, NDArray[Any]]) -> None:
        """Write tensors of logical shape into a flat buffer; see `require`."""
        self.require(tensors)
        for name, tensor in tensors.items():
            self._view(flat, name)[...] = tensor

    def require(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Refuse tensors of other names or shapes.

        Raises:
            TorchLeanError: `OTHER_MODEL` if names or shapes are not the model's.
        """
        if tensors.keys() != self.stretches.keys():
            raise TorchLeanError(
                Reason.OTHER_MODEL,
                f"expected the parameters {', '.join(self.stretches)}, "
                f"got {', '.join(tensors)}",
            )
        for name, tensor in tensors.items():
            wanted = self.stretches[name].sizes
            if np.shape(tensor) != wanted:
                raise TorchLeanError(
                    Reason.OTHER_MODEL,
                    f"{name}: expected shape {list(wanted)}, "
                    f"got {list(np.shape(tensor))}",
                )

    def _view(self, flat: NDArray[Any], name: str) -> NDArray[Any]:
        stretch = self.stretches[name]
        count = int(np.prod(stretch.sizes))
        part = flat[stretch.start : stretch.start + count]
        if stretch.transposed:
            return part.reshape(stretch.sizes[::-1]).T
        return part.reshape(stretch.sizes)
