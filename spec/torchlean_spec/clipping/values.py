"""Clipping element by element: by limits, or by a tensor's own percentile.

>>> ClipValue(1).name, ClipRange(-1, 2).name, ClipPercentile(90).name
('clip-value', 'clip-range', 'clip-percentile')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torchlean_spec.clipping.common import Clip
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, decimal, exact, within
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.order_statistics import order_statistic
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor


@dataclass(frozen=True, slots=True)
class ClipValue:
    """Each element brought into `[-limit, limit]`: `min(max(g, -limit), limit)`.

    A NaN stays a NaN, and infinities become the limits. The same in PyTorch, Optax
    and Keras; `ClipRange` has two limits.

    Args:
        limit: The largest absolute value, above 0.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the range.

    Source: the original's `NN/Runtime/Optim/GradientUtils.lean`, clipByValue.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.shape import vector
    >>> (clipped,) = ClipValue(1).clip(FLOAT, [Tensor(vector(3), (-3.0, 0.5, 1.5))])
    >>> clipped.values
    (-1.0, 0.5, 1.0)
    """

    limit: Hyperparameter

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", within("limit", self.limit, "above 0"))

    @property
    def name(self) -> str:
        """`clip-value`."""
        return "clip-value"

    def clip(
        self, system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients."""
        limit = system.constant(exact(self.limit))

        def bounded(value: A) -> A:
            return system.minimum(system.maximum(value, -limit), limit)

        return tuple(gradient.map(bounded) for gradient in gradients)

    def alternatives(self) -> list[tuple[str, Clip]]:
        """None: there is nothing to round."""
        return []


@dataclass(frozen=True, slots=True)
class ClipRange:
    """Each element brought into `[lowest, highest]`.

        g <- min(max(g, lowest), highest)

    A NaN stays a NaN, and infinities become the limits. The same in Keras's `clip`
    and JAX's; the original takes any two limits, here 0 lies between them, so that
    a gradient of 0 stays 0.

    Args:
        lowest: The least value, at most 0.
        highest: The largest value, at least 0, and above `lowest`.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: the original's `NN/Runtime/Optim/GradientUtils.lean`, clipByValue.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.shape import vector
    >>> bounds = ClipRange("-0.5", 2)
    >>> (clipped,) = bounds.clip(FLOAT, [Tensor(vector(3), (-3.0, 0.5, 2.5))])
    >>> clipped.values
    (-0.5, 0.5, 2.0)
    """

    lowest: Hyperparameter
    highest: Hyperparameter

    def __post_init__(self) -> None:
        lowest, highest = decimal(self.lowest), decimal(self.highest)
        if not lowest <= 0 <= highest or lowest == highest:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected two limits with 0 between them, got {self.lowest} and "
                f"{self.highest}",
            )
        object.__setattr__(self, "lowest", lowest)
        object.__setattr__(self, "highest", highest)

    @property
    def name(self) -> str:
        """`clip-range`."""
        return "clip-range"

    def clip(
        self, system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients."""
        lowest = system.constant(exact(self.lowest))
        highest = system.constant(exact(self.highest))

        def bounded(value: A) -> A:
            return system.minimum(system.maximum(value, lowest), highest)

        return tuple(gradient.map(bounded) for gradient in gradients)

    def alternatives(self) -> list[tuple[str, Clip]]:
        """None: there is nothing to round."""
        return []


@dataclass(frozen=True, slots=True)
class ClipPercentile:
    """Each tensor brought within a percentile of its own absolute values.

        s = |g| in ascending order, n elements
        b = s[floor(percentile * (n - 1) / 100)]
        g <- min(max(g, -b), b)

    So at most the share `1 - percentile / 100` of a tensor changes. With 100 nothing
    does, with 0 all elements get the smallest absolute value. A NaN anywhere makes
    every element of its tensor a NaN. A tensor without elements stays.

    The original reads a percentile above 100 as 100; here it is refused. PyTorch,
    Optax and Keras have no such clipping; AutoClip clips the norm at a percentile of
    the norms so far.

    Args:
        percentile: In [0, 100].

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the range.

    Source: the original's `NN/Runtime/Optim/GradientUtils.lean`, clipByPercentile.

    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.shape import vector
    >>> median = ClipPercentile(50)
    >>> (clipped,) = median.clip(FLOAT, [Tensor(vector(3), (-3.0, 0.5, 2.0))])
    >>> clipped.values
    (-2.0, 0.5, 2.0)
    """

    percentile: Hyperparameter

    def __post_init__(self) -> None:
        percentile = within("percentile", self.percentile, "at least 0")
        if percentile > 100:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected percentile at most 100, got {self.percentile}",
            )
        object.__setattr__(self, "percentile", percentile)

    @property
    def name(self) -> str:
        """`clip-percentile`."""
        return "clip-percentile"

    def place(self, size: int) -> int:
        """Where the bound stands among so many absolute values in ascending order.

        >>> ClipPercentile("12.5").place(9)
        1
        """
        return int(exact(self.percentile) * (size - 1) / 100)

    def clip(
        self, system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients."""
        return tuple(self._clipped(system, gradient) for gradient in gradients)

    def _clipped(
        self, system: NumberSystem[A], gradient: Tensor[A, Shape]
    ) -> Tensor[A, Shape]:
        if not gradient.values:
            return gradient
        sizes = list(map(system.absolute, gradient.values))
        bound = order_statistic(system, sizes, self.place(len(sizes)))

        def bounded(value: A) -> A:
            return system.minimum(system.maximum(value, -bound), bound)

        return gradient.map(bounded)

    def alternatives(self) -> list[tuple[str, Clip]]:
        """None: there is nothing to round."""
        return []
