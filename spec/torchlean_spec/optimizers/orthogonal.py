"""Newton and Schulz: the orthogonal matrix nearest in direction, by products alone.

A matrix `U S V^T` becomes about `U V^T`: an odd polynomial of a matrix acts on its
singular values alone, and the quintic here moves those of (0, 1] into the interval
from 0.68 to 1.21 in about five steps.

>>> from torchlean_spec.numbers import FLOAT
>>> from torchlean_spec.shape import matrix
>>> turned = orthogonalized(FLOAT, Tensor(matrix(1, 2), (3.0, 4.0)), 5, Fraction(0))
>>> [round(value, 4) for value in turned.values]
[0.4179, 0.5571]
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import cast

from torchlean_spec.numbers.bounded import BoundedSystem
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.linear import columns_of
from torchlean_spec.optimizers.orthogonal_bounds import enclosed
from torchlean_spec.shape import Shape, sizes
from torchlean_spec.tensor import Tensor

QUINTIC = (Fraction("3.4445"), Fraction("-4.7750"), Fraction("2.0315"))
"""The coefficients of x, x^3 and x^5."""


def orthogonalized(
    system: NumberSystem[A], x: Tensor[A, Shape], steps: int, epsilon: Fraction
) -> Tensor[A, Shape]:
    r"""The matrix after some steps, from its quotient by its Frobenius norm.

        X <- x / (sqrt(sum of x * x) + epsilon)
        A <- X X^T,  B <- b A + c (A A),  X <- a X + B X         `steps` times

    for a matrix with no more rows than columns; otherwise `A <- X^T X` and
    `X <- a X + X B`, which is the same of the transposed matrix.

    Edges: a matrix of zeros stays one, if epsilon is above 0, and is otherwise NaN.
    A norm that overflows gives zeros, so that squares that overflow lose the step.

    Over bounded numbers the equations are not run number by number: after five
    steps anything would be allowed, since the errors of one matrix's elements belong
    together. `optimizers/orthogonal_bounds.py` bounds them by norms.

    Args:
        system: The number system.
        x: A matrix.
        steps: How many steps.
        epsilon: Added to the norm.

    Source: Jordan, Jin, Boza, You, Cesista, Newhouse and Bernstein, *Muon: an
    optimizer for hidden layers in neural networks*, 2024; Bernstein and Newhouse,
    *Old Optimizer, New Norm*, 2024, section 3 (arXiv:2409.20325).
    """
    norm = system.sqrt(system.dot(x.values, x.values)) + system.constant(epsilon)
    found = _enclosed(system, x, norm, steps)
    if found is not None:
        return found
    turned = x.map(lambda value: value / norm)
    for _ in range(steps):
        turned = quintic_step(system, turned)
    return turned


def _enclosed(
    system: NumberSystem[A], x: Tensor[A, Shape], norm: A, steps: int
) -> Tensor[A, Shape] | None:
    """The matrix after some steps, if it is one of bounded numbers."""
    known: object = system
    if not isinstance(known, BoundedSystem):
        return None
    given = cast("Tensor[Bounded, Shape]", x)
    rows, columns = sizes(x.shape)
    wide = rows <= columns
    lines = given.rows() if wide else columns_of(given)
    found = enclosed(known, lines, cast("Bounded", norm), QUINTIC, steps)
    turned = found if wide else zip(*found, strict=True)
    values = tuple(value for line in turned for value in line)
    return cast("Tensor[A, Shape]", Tensor(x.shape, values))


def quintic_step(system: NumberSystem[A], x: Tensor[A, Shape]) -> Tensor[A, Shape]:
    """One step of the quintic."""
    a, b, c = (system.constant(each) for each in QUINTIC)
    rows, columns = sizes(x.shape)
    wide = rows <= columns
    short = x.rows() if wide else columns_of(x)
    gram = system.inner_products(short, short)
    lines = _lines(gram, len(short))
    squared = system.inner_products(lines, _turned(lines))
    mixed = [b * g + c * s for g, s in zip(gram, squared, strict=True)]
    inner = _lines(mixed, len(short))
    left, right = (inner, columns_of(x)) if wide else (x.rows(), _turned(inner))
    products = system.inner_products(left, right)
    pairs = zip(x.values, products, strict=True)
    return Tensor(x.shape, tuple(a * value + product for value, product in pairs))


def _lines(values: Sequence[A], width: int) -> list[Sequence[A]]:
    """The rows of a square matrix."""
    return [values[i * width : (i + 1) * width] for i in range(width)]


def _turned(lines: Sequence[Sequence[A]]) -> list[Sequence[A]]:
    """The columns of a square matrix."""
    return [[line[j] for line in lines] for j in range(len(lines))]
