"""Clipping by norm: each tensor by its own, or all by their common one.

>>> ClipNorm(1).name, ClipGlobalNorm(1).name
('clip-norm', 'clip-global-norm')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce
from typing import Literal, get_args

from torchlean_spec.clipping.common import Clip
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, exact, within
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import Dialect, choose
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor

Norm = Literal[1, 2, "infinity"]
"""The sum of absolute values, the root of the sum of squares, or the largest
absolute value."""

NormForm = Literal["sum-of-sums", "flat", "norm-of-norms"]
"""A norm over several tensors: per tensor and then over tensors, over all elements
at once, or the norm of the tensors' norms."""

FactorForm = Literal["factor-first", "quotient-first", "product-first", "reciprocal"]
"""`g * (m / n)`, `(g / n) * m`, `(g * m) / n`, or `g * (m * (1 / n))`."""


@dataclass(frozen=True, slots=True)
class ClipNorm:
    """Each tensor scaled down until its norm is at most `maximum`.

        n = sqrt(sum of g * g) + epsilon
        g <- g                        if n <= maximum
        g <- g * (maximum / n)        otherwise

    What the norm of one tensor is to `ClipNorm`, the norm of all together is to
    `ClipGlobalNorm`, where the edges and the dialects are stated. Keras calls this
    one `clipnorm`.

    Args:
        maximum: The largest norm, above 0.
        norm: Which norm: 1, 2 or `infinity`.
        epsilon: Added to the norm, at least 0.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `UNKNOWN_NAME` for
            another norm.

    Source: the original's `NN/Runtime/Optim/GradientUtils.lean`, clipByNorm.

    >>> ClipNorm(5, epsilon=1e-6).maximum
    Decimal('5')
    """

    maximum: Hyperparameter
    norm: Norm = 2
    epsilon: Hyperparameter = 0

    def __post_init__(self) -> None:
        _validate(self)

    @classmethod
    def with_dialect(cls, dialect: Dialect, maximum: Hyperparameter) -> ClipNorm:
        """The choices of a library: PyTorch has an epsilon of 1e-6."""
        return cls(maximum, epsilon=_epsilon(dialect))

    @property
    def name(self) -> str:
        """`clip-norm`."""
        return "clip-norm"

    def clip(
        self, system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients."""
        return self.clip_in_form("factor-first", system, gradients)

    def clip_in_form(
        self,
        factor_form: FactorForm,
        system: NumberSystem[A],
        gradients: Sequence[Tensor[A, Shape]],
        /,
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients, by a given order of evaluation."""
        scaled = partial(_scaled, self, system, factor_form)
        return tuple(
            scaled(norm_of(system, self.norm, [each]), [each])[0] for each in gradients
        )

    def alternatives(self) -> list[tuple[str, Clip]]:
        """Other orders of the factor."""
        return [
            ("optax", partial(self.clip_in_form, "quotient-first")),
            ("keras", partial(self.clip_in_form, "product-first")),
            ("reciprocal", partial(self.clip_in_form, "reciprocal")),
        ]


@dataclass(frozen=True, slots=True)
class ClipGlobalNorm:
    """All tensors scaled down together until their common norm is at most `maximum`.

        n = sqrt(sum over tensors of the sum of g * g) + epsilon
        g <- g                        if n <= maximum
        g <- g * (maximum / n)        otherwise

    Each tensor's squares are summed by the spec's tree, and then the tensors' sums,
    in the parameters' order.

    Edges: gradients of 0 stay 0. A NaN anywhere makes every element a NaN, as in
    PyTorch, Optax and Keras. A norm that overflows makes finite elements 0 and
    infinite ones NaN, as in PyTorch; so squares that overflow lose the step.

    Where others differ: PyTorch adds 1e-6 to the norm, takes the norm of the
    tensors' norms, and multiplies by the factor even where it is 1; Optax divides
    first; Keras makes every element a NaN if the norm overflows; ONNX has no such
    operator.

    Args:
        maximum: The largest norm, above 0.
        norm: Which norm: 1, 2 or `infinity`.
        epsilon: Added to the norm, at least 0; 0 by default, since nothing is
            divided by a norm that is below the maximum.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `UNKNOWN_NAME` for
            another norm.

    Source: Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent
    neural networks*, 2013, Algorithm 1 (arXiv:1211.5063).

    >>> ClipGlobalNorm(1, norm=3)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected norm to be one of 1, 2, infinity, \
got 3
    """

    maximum: Hyperparameter
    norm: Norm = 2
    epsilon: Hyperparameter = 0

    def __post_init__(self) -> None:
        _validate(self)

    @classmethod
    def with_dialect(cls, dialect: Dialect, maximum: Hyperparameter) -> ClipGlobalNorm:
        """The choices of a library: PyTorch has an epsilon of 1e-6.

        >>> ClipGlobalNorm.with_dialect("torch", 1).epsilon
        Decimal('0.000001')
        """
        return cls(maximum, epsilon=_epsilon(dialect))

    @property
    def name(self) -> str:
        """`clip-global-norm`."""
        return "clip-global-norm"

    def clip(
        self, system: NumberSystem[A], gradients: Sequence[Tensor[A, Shape]], /
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients."""
        return self.clip_in_form("sum-of-sums", "factor-first", system, gradients)

    def clip_in_form(
        self,
        norm_form: NormForm,
        factor_form: FactorForm,
        system: NumberSystem[A],
        gradients: Sequence[Tensor[A, Shape]],
        /,
    ) -> tuple[Tensor[A, Shape], ...]:
        """The clipped gradients, by a given order of evaluation."""
        size = norm_of(system, self.norm, gradients, norm_form)
        return _scaled(self, system, factor_form, size, gradients)

    def alternatives(self) -> list[tuple[str, Clip]]:
        """Other orders of the norm and of the factor."""
        return [
            ("flat", partial(self.clip_in_form, "flat", "factor-first")),
            ("torch", partial(self.clip_in_form, "norm-of-norms", "factor-first")),
            ("optax", partial(self.clip_in_form, "sum-of-sums", "quotient-first")),
            ("keras", partial(self.clip_in_form, "sum-of-sums", "reciprocal")),
        ]


def norm_of(
    system: NumberSystem[A],
    norm: Norm,
    tensors: Sequence[Tensor[A, Shape]],
    form: NormForm = "sum-of-sums",
) -> A:
    """The norm of all elements of some tensors; 0 of none.

    >>> from torchlean_spec.numbers import RATIONAL
    >>> from torchlean_spec.shape import vector
    >>> pair = Tensor(vector(2), (Fraction(3), Fraction(-4)))
    >>> [str(norm_of(RATIONAL, norm, [pair])) for norm in (1, 2, "infinity")]
    ['7', '5', '4']
    """
    rows: list[tuple[A, ...]] = [tensor.values for tensor in tensors]
    if form == "flat":
        rows = [tuple(value for row in rows for value in row)]
    if norm == "infinity":
        sizes = [system.absolute(value) for row in rows for value in row]
        return reduce(system.maximum, sizes, system.constant(0))
    if norm == 1:
        return system.sum([system.sum(list(map(system.absolute, row))) for row in rows])
    squares = [system.dot(row, row) for row in rows]
    if form == "norm-of-norms":
        norms = [system.sqrt(square) for square in squares]
        squares = [size * size for size in norms]
    return system.sqrt(system.sum(squares))


def l2_norm_squared(system: NumberSystem[A], tensor: Tensor[A, Shape]) -> A:
    """The sum of a tensor's squares, by the spec's tree; the original's l2NormSq.

    >>> from torchlean_spec.numbers import RATIONAL
    >>> from torchlean_spec.shape import vector
    >>> pair = Tensor(vector(2), (Fraction(3), Fraction(-4)))
    >>> str(l2_norm_squared(RATIONAL, pair)), str(l2_norm(RATIONAL, pair))
    ('25', '5')
    """
    return system.dot(tensor.values, tensor.values)


def l2_norm(system: NumberSystem[A], tensor: Tensor[A, Shape]) -> A:
    """The root of the sum of a tensor's squares; the original's l2Norm."""
    return system.sqrt(l2_norm_squared(system, tensor))


def _scaled(
    record: ClipNorm | ClipGlobalNorm,
    system: NumberSystem[A],
    form: FactorForm,
    norm: A,
    gradients: Sequence[Tensor[A, Shape]],
) -> tuple[Tensor[A, Shape], ...]:
    """The gradients, scaled where the norm exceeds the maximum or is a NaN."""
    maximum = system.constant(exact(record.maximum))
    size = norm
    if record.epsilon != 0:
        size = norm + system.constant(exact(record.epsilon))
    # Both branches are evaluated, so that the divisor is kept above zero. A NaN is
    # not at most the maximum, and passes through `maximum`.
    inside = system.less_equal(size, maximum)
    divisor = system.maximum(size, maximum)
    if form == "reciprocal":
        factor = maximum * (system.constant(1) / divisor)
    else:
        factor = maximum / divisor

    def scaled(value: A) -> A:
        if form == "quotient-first":
            smaller = (value / divisor) * maximum
        elif form == "product-first":
            smaller = (value * maximum) / divisor
        else:
            smaller = value * factor
        return system.where(inside, value, smaller)

    return tuple(gradient.map(scaled) for gradient in gradients)


def _validate(record: ClipNorm | ClipGlobalNorm) -> None:
    if isinstance(record.norm, bool) or record.norm not in get_args(Norm):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected norm to be one of 1, 2, infinity, got {record.norm}",
        )
    maximum = within("maximum", record.maximum, "above 0")
    epsilon = within("epsilon", record.epsilon, "at least 0")
    object.__setattr__(record, "maximum", maximum)
    object.__setattr__(record, "epsilon", epsilon)


def _epsilon(dialect: Dialect) -> Fraction:
    choose("dialect", dialect, Dialect)
    return Fraction(1, 1_000_000) if dialect == "torch" else Fraction(0)
