"""Descent along projected gradients: the identity, or a basis of low rank.

>>> ProjectedSGD("0.1").variant, ProjectedSGD("0.1", LowRankProjection(4)).variant
('projected_sgd', 'projected_sgd_low_rank')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from torchlean_spec.exact import (
    ExactArithmetic,
    Hyperparameter,
    exact,
    whole,
    within,
)
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.linear import columns_of
from torchlean_spec.optimizers.common import normalise
from torchlean_spec.random import Stream, require_seed, stream, words
from torchlean_spec.shape import Shape, matrix, rank, sizes
from torchlean_spec.tensor import Tensor

BASIS = "basis"
"""What a projection of low rank keeps: a row for each vector of the basis."""

SIGN_BIT = 1 << 31
"""Of a random word; a sign is minus where it is set."""


@dataclass(frozen=True, slots=True)
class IdentityProjection:
    """The gradient as it is."""


@dataclass(frozen=True, slots=True)
class LowRankProjection:
    """The gradient's part in the span of a few directions, found in itself.

    Every `update_interval` steps, from step 1 on, a new basis is made of the
    gradient H of that step, taken with no more rows than columns (transposed if it
    has more): `rank` random sums of its columns, made orthonormal.

        y_k = H w_k,  w_k of random signs           k = 1, ..., rank
        v = y_k;  v <- v - sum over j < k of (q_j . v) q_j, twice
        q_k = v / |v|      if |v| > threshold |y_k|, otherwise zero

    Twice is enough for vectors that are orthogonal up to rounding. What is left of
    a sum that depends on those before it is rounding noise: below the threshold it
    is dropped, so that a gradient of lower rank has a basis of lower rank, and no
    answer hangs on noise.

    The paper takes the first singular vectors, which random sums are near to if the
    singular values fall (Halko, Martinsson and Tropp, section 1.5); those of equal
    singular values are arbitrary, while these are determined by seed and gradient.

    Args:
        rank: How many directions, at least 1; no more than the shorter side are used.
        update_interval: Steps from one basis to the next, at least 1.
        seed: Of the random signs.
        threshold: The share of a sum that must be new, in [0, 1).

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `DOMAIN` for a seed out
            of range.

    Source: Zhao, Zhang, Chen, Wang, Anandkumar and Tian, *GaLore: Memory-Efficient
    LLM Training by Gradient Low-Rank Projection*, 2024, section 3.3
    (arXiv:2403.03507); Halko, Martinsson and Tropp, *Finding Structure with
    Randomness*, 2011, algorithm 4.1; Giraud, Langou and Rozloznik, *The loss of
    orthogonality in the Gram-Schmidt orthogonalization process*, 2005.

    >>> LowRankProjection(0)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected rank of at least 1, got 0
    """

    rank: int
    update_interval: int = 200
    seed: int = 0
    threshold: Hyperparameter = "0.001"

    def __post_init__(self) -> None:
        whole("rank", self.rank, 1)
        whole("update_interval", self.update_interval, 1)
        require_seed(self.seed)
        threshold = within("threshold", self.threshold, "in [0, 1)")
        object.__setattr__(self, "threshold", threshold)

    def refreshes(self, step: int) -> bool:
        """Whether a step, counted from 1, begins with a new basis.

        >>> [step for step in range(1, 9) if LowRankProjection(1, 3).refreshes(step)]
        [1, 4, 7]
        """
        return (step - 1) % self.update_interval == 0

    def vectors(self, shape: Shape) -> int:
        """How many vectors the basis of a shape has, those that are zero included."""
        return min(self.rank, *sizes(shape))


Projection = IdentityProjection | LowRankProjection
"""What is taken of a gradient."""


def signs(seed: int, count: int, length: int) -> list[tuple[int, ...]]:
    """So many rows of random signs: bits of consecutive words of one stream.

    >>> signs(seed=7, count=2, length=3)
    [(1, 1, 1), (-1, 1, -1)]
    """
    drawn = words(seed, stream(Stream.SKETCH), 0, count * length)
    found = [-1 if word & SIGN_BIT else 1 for word in drawn]
    return [tuple(found[i * length : (i + 1) * length]) for i in range(count)]


def orthonormal_rows(
    system: NumberSystem[A],
    rows: Sequence[Sequence[A]],
    threshold: Fraction,
    found: Sequence[Sequence[A]] = (),
) -> list[tuple[A, ...]]:
    """Gram and Schmidt, twice, from the first row on; see `LowRankProjection`.

    Args:
        system: The number system.
        rows: The rows that are to be made orthonormal.
        threshold: The share of a row that must be new.
        found: The answer, where it is known: each row is then made orthogonal to
            the known rows before it, so that roundings do not pile up.
    """
    limit, one, zero = (system.constant(each) for each in (threshold, 1, 0))
    basis: list[tuple[A, ...]] = []
    for place, row in enumerate(rows):
        left = tuple(row)
        known = found[:place] if found else basis
        for _ in range(2 if known else 0):
            left = _without(system, known, left)
        before = system.sqrt(system.dot(row, row))
        after = system.sqrt(system.dot(left, left))
        kept = system.less(limit * before, after)
        # Both branches are evaluated, so that nothing is divided by zero.
        divisor = system.where(kept, after, one)
        basis.append(tuple(system.where(kept, v / divisor, zero) for v in left))
    return basis


def _without(
    system: NumberSystem[A], known: Sequence[Sequence[A]], row: tuple[A, ...]
) -> tuple[A, ...]:
    """The row less its shares along orthonormal rows, which are added up in order."""
    along = [system.dot(each, row) for each in known]
    shadow = [along[0] * q for q in known[0]]
    for share, each in zip(along[1:], known[1:], strict=True):
        shadow = [s + share * q for s, q in zip(shadow, each, strict=True)]
    return tuple(v - s for v, s in zip(row, shadow, strict=True))


@dataclass(frozen=True, slots=True)
class ProjectedSGD:
    """Gradient descent along what a projection takes of the gradient.

        p <- p - rate * lift(project(g))

    With the identity it is `SGD`. With a basis Q of low rank, whose rows are q_k,
    `project(g)` is `Q H` and `lift(r)` is `Q^T r`, of the gradient H with no more
    rows than columns, transposed back in the end.

    Where others differ: GaLore runs Adam on the projected gradient, whose moments
    then need less memory, and scales the lifted step; here nothing but the basis is
    kept. The original takes any pair of functions and brings the identity.

    Args:
        learning_rate: The rate, at least 0.
        projection: What is taken of a gradient; of low rank it is for matrices only.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the range.

    Source: Zhao and others, *GaLore*, 2024, definition 3.6 (arXiv:2403.03507); the
    original's `NN/Runtime/Optim/Optimizers.lean:552`.

    >>> ProjectedSGD(-1)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected learning_rate at least 0, got -1
    """

    learning_rate: Hyperparameter
    projection: Projection = field(default_factory=IdentityProjection)

    def __post_init__(self) -> None:
        normalise(self, learning_rate="at least 0")

    @property
    def name(self) -> str:
        """`projected_sgd`."""
        return "projected_sgd"

    @property
    def variant(self) -> str:
        """`projected_sgd[_low_rank]`."""
        low = isinstance(self.projection, LowRankProjection)
        return "projected_sgd_low_rank" if low else "projected_sgd"

    @property
    def state_names(self) -> tuple[str, ...]:
        """`basis`, unless everything is taken."""
        return (BASIS,) if isinstance(self.projection, LowRankProjection) else ()

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """`rate`."""
        return ("rate",)

    def coefficients(
        self, arithmetic: ExactArithmetic[A], step: A, learning_rate: A, /
    ) -> dict[str, A]:
        """`rate`."""
        return {"rate": learning_rate}

    def takes(self, shape: Shape, /) -> bool:
        """Any shape with the identity; a matrix's with a basis."""
        return isinstance(self.projection, IdentityProjection) or rank(shape) == 2

    def state_shapes(self, shape: Shape, /) -> tuple[Shape, ...]:
        """A row of the shorter side's length for each vector of the basis."""
        if isinstance(self.projection, IdentityProjection):
            return ()
        return (matrix(self.projection.vectors(shape), min(sizes(shape))),)

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
        """The basis after the step; each row of it from the rows before it."""
        chosen = self.projection
        if isinstance(chosen, IdentityProjection) or not chosen.refreshes(step):
            return state
        rows = _rows_of(gradient)
        drawn = signs(chosen.seed, chosen.vectors(gradient.shape), len(rows[0]))
        sketch = [tuple(map(system.constant, each)) for each in drawn]
        sums = system.inner_products(sketch, rows)
        lines = [sums[i : i + len(rows)] for i in range(0, len(sums), len(rows))]
        known = found[0].rows() if found else ()
        basis = orthonormal_rows(system, lines, exact(chosen.threshold), known)
        values = tuple(value for line in basis for value in line)
        return (Tensor(state[0].shape, values),)

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
        direction = gradient
        if isinstance(self.projection, LowRankProjection):
            direction = _projected(system, gradient, state[0])
        rate = coefficient["rate"]
        pairs = zip(parameter.values, direction.values, strict=True)
        return Tensor(parameter.shape, tuple(p - rate * d for p, d in pairs))


def _rows_of(gradient: Tensor[A, Shape]) -> list[tuple[A, ...]]:
    """The rows of a gradient or, where they are more, its columns."""
    rows, columns = sizes(gradient.shape)
    return gradient.rows() if rows <= columns else columns_of(gradient)


def _projected(
    system: NumberSystem[A], gradient: Tensor[A, Shape], basis: Tensor[A, Shape]
) -> Tensor[A, Shape]:
    """What lies in the span of the basis: `Q^T (Q H)`."""
    rows, columns = sizes(gradient.shape)
    wide, long = rows <= columns, max(rows, columns)
    others = columns_of(gradient) if wide else gradient.rows()
    taken = system.inner_products(basis.rows(), others)
    coordinates = [taken[place::long] for place in range(long)]
    vectors = columns_of(basis)
    if wide:
        lifted = system.inner_products(vectors, coordinates)
    else:
        lifted = system.inner_products(coordinates, vectors)
    return Tensor(gradient.shape, tuple(lifted))
