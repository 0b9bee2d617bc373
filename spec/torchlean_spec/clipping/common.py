"""What every clipping offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor


class Clip(Protocol):
    """A function on the gradients of all parameters, over any number system."""

    def __call__(
        self, system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients."""
        ...


class Clipping(Protocol):
    """An immutable record that says how gradients are clipped."""

    @property
    def name(self) -> str:
        """The clipping's name, such as `clip-norm`."""
        ...

    def clip(
        self, system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients, in the order of strict bits."""
        ...

    def alternatives(self) -> list[tuple[str, Clip]]:
        """Orders of evaluation that are admitted beside `clip`, by name."""
        ...
