"""Muon: momentum whose matrices are made orthogonal before each step.

>>> Muon().variant, Muon(orthogonalizer="identity", nesterov=False).variant
('muon_nesterov', 'muon_identity')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import (
    ExactArithmetic,
    Hyperparameter,
    exact,
    square_root,
    whole,
)
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import (
    Dialect,
    choose,
    normalise,
    rate_or_default,
)
from torchlean_spec.optimizers.orthogonal import orthogonalized
from torchlean_spec.shape import Shape, rank, sizes
from torchlean_spec.tensor import Tensor

Orthogonalizer = Literal["newton-schulz", "identity"]
"""What is done to the direction before the step."""

Scale = Literal["none", "rows-over-columns", "root-mean-square"]
"""What an orthogonal direction of R rows and C columns is multiplied by: 1,
`sqrt(max(1, R / C))`, or `0.2 sqrt(max(R, C))`."""


@dataclass(frozen=True, slots=True)
class Muon:
    """Muon, for parameters that are matrices.

    With momentum `mu`, weight decay `w`, and the buffer zero at first:

        b <- mu * b + g
        d = b                                    Nesterov: g + mu * b
        o = the orthogonal matrix near d         `optimizers/orthogonal.py`
        p <- p * (1 - rate * w) - rate * (scale * o)

    A vector is no matrix, and embeddings and the last layer are better left to
    another optimizer, as the authors say: `ParameterGroups` is for that. With the
    identity for the orthogonalizer the direction is taken as it is, unscaled, and
    the rule is `SGD` with momentum.

    Where others differ: PyTorch decays by 0.1 at a rate of 0.001 and has the same
    buffer; Keras and Optax gather a mean of gradients instead of their sum (the
    directions are the same, but for epsilon), Keras scales by the root mean square.
    Most round the steps to bfloat16, here they have the run's format. The original
    takes any orthogonalizer and brings none (`orthogonalizer="identity"`).

    Defaults: the authors'.

    Args:
        learning_rate: The rate, at least 0: about the size of the step's largest
            singular value.
        momentum: How much of the buffer is kept, in [0, 1).
        nesterov: Whether to look ahead along the buffer.
        weight_decay: The decay at rate 1, at least 0; decoupled from the gradient.
        steps: How many steps the orthogonalizer makes, at least 1.
        epsilon: Added to the direction's norm, at least 0; with 0, a direction of
            zeros gives NaN.
        scale: What an orthogonal direction is multiplied by.
        orthogonalizer: What is done to the direction.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `UNKNOWN_NAME` for
            another word, `CONTRADICTION` for Nesterov without momentum.

    Source: Jordan, Jin, Boza, You, Cesista, Newhouse and Bernstein, *Muon: an
    optimizer for hidden layers in neural networks*, 2024; scaled by the root mean
    square: Liu and others, *Muon is Scalable for LLM Training*, 2025, section 2.2
    (arXiv:2502.16982); the original's `NN/Runtime/Optim/Optimizers.lean:610`.

    >>> Muon(steps=0)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected steps of at least 1, got 0
    """

    learning_rate: Hyperparameter = "0.02"
    momentum: Hyperparameter = "0.95"
    nesterov: bool = True
    weight_decay: Hyperparameter = 0
    steps: int = 5
    epsilon: Hyperparameter = "1e-7"
    scale: Scale = "rows-over-columns"
    orthogonalizer: Orthogonalizer = "newton-schulz"

    def __post_init__(self) -> None:
        normalise(
            self,
            learning_rate="at least 0",
            momentum="in [0, 1)",
            weight_decay="at least 0",
            epsilon="at least 0",
        )
        whole("steps", self.steps, 1)
        choose("scale", self.scale, Scale)
        choose("orthogonalizer", self.orthogonalizer, Orthogonalizer)
        if self.nesterov and self.momentum == 0:
            raise TorchLeanError(
                Reason.CONTRADICTION, "expected momentum above 0 with nesterov, got 0"
            )

    @classmethod
    def with_dialect(
        cls, dialect: Dialect, learning_rate: Hyperparameter | None = None
    ) -> Muon:
        """The defaults and choices of a library.

        >>> Muon.with_dialect("torch").weight_decay
        Decimal('0.1')
        """
        choose("dialect", dialect, Dialect)
        rates = {"torch": "0.001", "keras": "0.001", "optax": None, "lean": None}
        decays = {"torch": "0.1", "keras": "0.004", "optax": "0", "lean": "0"}
        return cls(
            rate_or_default(dialect, learning_rate, rates[dialect]),
            nesterov=dialect != "lean",
            weight_decay=decays[dialect],
            epsilon="1e-8" if dialect == "optax" else "1e-7",
            scale="root-mean-square" if dialect == "keras" else "rows-over-columns",
            orthogonalizer="identity" if dialect == "lean" else "newton-schulz",
        )

    @property
    def name(self) -> str:
        """`muon`."""
        return "muon"

    @property
    def variant(self) -> str:
        """`muon[_identity][_nesterov][_decayed]`."""
        identity = "_identity" if self.orthogonalizer == "identity" else ""
        nesterov = "_nesterov" if self.nesterov else ""
        decayed = "_decayed" if self.weight_decay != 0 else ""
        return f"muon{identity}{nesterov}{decayed}"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`buffer`."""
        return ("buffer",)

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """`rate`, `keep`, and `keep_parameter` if weights decay."""
        decay = ("keep_parameter",) if self.weight_decay != 0 else ()
        return ("rate", "keep", *decay)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`rate`; `keep = momentum`; `keep_parameter = 1 - rate * weight_decay`."""
        decay = learning_rate * arithmetic.constant(exact(self.weight_decay))
        found = {
            "rate": learning_rate,
            "keep": arithmetic.constant(exact(self.momentum)),
            "keep_parameter": arithmetic.constant(1) - decay,
        }
        return {name: found[name] for name in self.coefficient_names}

    def takes(self, shape: Shape, /) -> bool:
        """Whether it is a matrix's."""
        return rank(shape) == 2

    def state_shapes(self, shape: Shape, /) -> tuple[Shape, ...]:
        """The parameter's own."""
        return (shape,)

    def scale_of(self, shape: Shape, /) -> Fraction:
        """What an orthogonal direction of a shape is multiplied by.

        >>> from torchlean_spec.shape import matrix
        >>> Muon().scale_of(matrix(8, 2)), Muon().scale_of(matrix(2, 8))
        (Fraction(2, 1), Fraction(1, 1))
        """
        rows, columns = sizes(shape)
        if self.scale == "none" or self.orthogonalizer == "identity":
            return Fraction(1)
        if self.scale == "rows-over-columns":
            return square_root(max(Fraction(1), Fraction(rows, columns)))
        return square_root(max(rows, columns)) / 5

    def next_state(
        self,
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        step: int,
        gradient: Tensor[A, Shape],
        state: tuple[Tensor[A, Shape], ...],
        found: tuple[Tensor[A, Shape], ...] = (),
        /,
    ) -> tuple[Tensor[A, Shape], ...]:
        """The buffer after the step."""
        (buffer,) = state
        keep = coefficient["keep"]
        pairs = zip(buffer.values, gradient.values, strict=True)
        return (Tensor(buffer.shape, tuple(keep * b + g for b, g in pairs)),)

    def next_parameter(
        self,
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: Tensor[A, Shape],
        gradient: Tensor[A, Shape],
        state: tuple[Tensor[A, Shape], ...],
        /,
    ) -> Tensor[A, Shape]:
        """The parameter after the step."""
        (direction,) = state
        if self.nesterov:
            keep = coefficient["keep"]
            pairs = zip(gradient.values, direction.values, strict=True)
            ahead = tuple(g + keep * b for g, b in pairs)
            direction = Tensor(parameter.shape, ahead)
        if self.orthogonalizer == "newton-schulz":
            epsilon = exact(self.epsilon)
            direction = orthogonalized(system, direction, self.steps, epsilon)
        scale, rate = (
            system.constant(self.scale_of(parameter.shape)),
            coefficient["rate"],
        )
        before = parameter.values
        if self.weight_decay != 0:
            before = tuple(p * coefficient["keep_parameter"] for p in before)
        moved = zip(before, direction.values, strict=True)
        return Tensor(parameter.shape, tuple(p - rate * (scale * o) for p, o in moved))
