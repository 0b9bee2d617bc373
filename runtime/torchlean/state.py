"""What a run carries and what it records, as arrays in their logical shapes.

>>> import numpy as np
>>> state = State(3, {"weight": np.ones((1, 2), np.float32)}, {})
>>> state.to_spec().parameters["weight"]
Tensor(shape=[1, 2], values=(1.0, 1.0))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean_spec import certificate
from torchlean_spec import training as spec
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.tensor import Tensor

Array = NDArray[Any]
Tensors = Mapping[str, Array]
"""One array for each parameter, by its name."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What a run carries from one step to the next."""

    step: int
    """How many updates were made."""
    parameters: Tensors
    slots: Mapping[str, Tensors]
    """For each number that the optimizer keeps, one array for each parameter."""

    def to_spec(self) -> spec.State[float]:
        """The spec's state of the same numbers."""
        slots = {name: to_spec(tensors) for name, tensors in self.slots.items()}
        return spec.State(self.step, to_spec(self.parameters), slots)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedStep:
    """One step: what went in, what each phase gave, what came out."""

    number: int
    """Counted from 1."""
    before: State
    indices: Array
    """The samples of the batch."""
    loss: float
    gradients: Tensors
    clipped: Tensors
    after: State

    def to_spec(self) -> certificate.RecordedStep:
        """The spec's record of the same numbers, as a certificate holds it."""
        return certificate.RecordedStep(
            self.number,
            self.before.to_spec(),
            self.loss,
            to_spec(self.gradients),
            to_spec(self.clipped),
            self.after.to_spec(),
        )


def to_spec(tensors: Tensors) -> dict[str, Tensor[float, Shape]]:
    """The spec's tensors of the same numbers."""
    return {
        name: Tensor(shape_of(np.shape(array)), tuple(array.ravel().tolist()))
        for name, array in tensors.items()
    }
