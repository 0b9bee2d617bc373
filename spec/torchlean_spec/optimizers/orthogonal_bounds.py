r"""What honest roundings may do to Newton and Schulz's steps, bounded by norms.

Let \(F(X) = a X + b X X^T X + c (X X^T)^2 X\), let \(X_k\) be what exact steps make
of the centres, and \(\hat X_k = F(\hat X_{k-1}) + E_k\) what an honest backend has.
Then

\[ \hat X_K - X_K = \sum_k \big( F^{K-k}(F(\hat X_{k-1}) + E_k)
   - F^{K-k}(F(\hat X_{k-1})) \big) + F^K(\hat X_0) - F^K(X_0), \]

and each difference is at most the largest slope of \(F^{K-k}\) between its ends
times \(\|E_k\|_F\). F acts on singular values by the odd polynomial
\(f(x) = a x + b x^3 + c x^5\); the derivative of such a function multiplies parts of
a direction by difference quotients of f, so that in Frobenius' norm its slope is at
most the largest \(|f'|\) over the singular values (Noferini, *A Formula for the
Fréchet Derivative of a Generalized Matrix Function*, 2017, theorem 3.10).

For the quintic of `orthogonal.py`, f maps [0, 1.21] into [0, 1.2024], so that
roundings below 0.0076 never leave [0, 1.21]. There \(|f'| \le 4.25\), and for j > 1
the slope of j steps is at most \(a^j\), which it is at 0: \(|f'| > a\) only beyond
1.17, the step before which has a slope below 1, and the step after which one below
1.7. The law `optimizers.orthogonal_slopes` tries it.

The roundings of one step, with g(n) the growth of n roundings, s the largest
singular value and p Frobenius' norm of X, are, for the shorter side m and the
longer n, in any order of every sum and fused or not:

    A = X X^T      d1 = g(n) p^2;  |A| = s p + d1
    B = b A + c A^2    d2 = |b| d1 + |c| (2 s^2 + d1) d1 + g(m+3) (|b| |A| + |c| |A|^2)
    a X + B X      E = s d2 + g(m+3) p (a + |B|);  |B| = (|b| s + |c| s^3) p + d2

Every element may be off by the norm of the whole error. That is generous: in
binary32 some 0.002 for a matrix of 4 by 2 and 0.2 for one of 64 by 64, whose
elements are about 0.1, and beyond 100 rows or so anything is allowed; in binary64 it
is `10^-9` where binary32 has 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from operator import mul

from torchlean_spec.numbers.allowance import growth
from torchlean_spec.numbers.bounded import BoundedSystem
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.numbers.carriers import Carrier, Real
from torchlean_spec.numbers.outcomes import WHOLE, Outcomes

Quintic = tuple[Fraction, Fraction, Fraction]
Lines = list[list[Real]]
"""A matrix of centres, row by row."""

LARGEST_VALUE, ROOM = 1.21, 0.0076
"""The singular values that the slopes are bounded for, and the roundings of one step
that cannot leave them."""

STEEPEST = 4.25
"""More than the largest slope of one step there."""

INFLATION = 1.0 + 2.0**-20
"""Covers the roundings of the bounds' own arithmetic."""


ANYTHING = Outcomes((-WHOLE, WHOLE), plus=True, minus=True, undefined=True)
"""Every answer."""

SMALLEST = math.ulp(0.0)
"""The least positive float."""


def slope(steps: int, quintic: Quintic) -> float:
    """More than the largest slope of some steps over [0, 1.21]."""
    if steps == 1:
        return STEEPEST
    return float(quintic[0]) ** steps * INFLATION


def enclosed(
    system: BoundedSystem,
    lines: Sequence[Sequence[Bounded]],
    quintic: Quintic,
    steps: int,
) -> list[list[Bounded]]:
    """The matrix after some steps, each element with the norm of its error.

    Args:
        system: The bounded numbers of the target format.
        lines: A matrix of a norm of at most 1, with no more rows than columns.
        quintic: The coefficients of x, x^3 and x^5.
        steps: How many steps.

    Returns:
        The matrix; anything is allowed where no bound is known: if something may
        not be finite, or the roundings are so large that singular values may leave
        [0, 1.21].
    """
    every = [value for line in lines for value in line]
    number = type(system.constant(0))
    carrier = number.carrier
    off = _norm([float(value.radius) for value in every])
    with carrier.context():
        centres = [[value.centre for value in line] for line in lines]
        size = _norm([float(value.centre) for value in every])
        largest, error = size + off, off * slope(steps, quintic)
        for step in range(1, steps + 1):
            most = min(largest, size + off)
            local = _roundings(system, quintic, centres, most, size + off)
            if not (local <= ROOM and largest <= LARGEST_VALUE):
                anything = number.of(ANYTHING)
                return [[anything] * len(line) for line in lines]
            centres = _exact_step(carrier, centres, quintic)
            size = _norm([float(value) for line in centres for value in line])
            rest = slope(steps - step, quintic) if step < steps else 1.0
            error += local * rest
            off = off * STEEPEST + local
            largest = LARGEST_VALUE
        radius = carrier.above(Fraction(error * INFLATION))
        return [[number(value, radius) for value in line] for line in centres]


def _norm(values: Sequence[float]) -> float:
    """A little more than the root of the sum of squares."""
    return math.sqrt(math.fsum(map(mul, values, values))) * INFLATION


def _roundings(
    system: BoundedSystem, quintic: Quintic, x: Lines, s: float, p: float
) -> float:
    """A bound of the roundings of one step, in Frobenius' norm.

    Args:
        system: The bounded numbers of the target format.
        quintic: The coefficients.
        x: The matrix, of whose sides the first is the shorter one.
        s: The largest singular value.
        p: Frobenius' norm.
    """
    a, b, c = (abs(float(each)) for each in quintic)
    short, long = len(x), len(x[0])
    carrier = type(system.constant(0)).carrier
    unit = system.format.unit_roundoff + 4 * carrier.error
    of_long, of_short = (
        float(growth(system.format, count) * unit / system.format.unit_roundoff)
        * INFLATION
        for count in (long, short + 3)
    )
    first = of_long * p * p
    gram = s * p + first
    second = b * first + c * (2 * s * s + first) * first
    second += of_short * (b * gram + c * gram * gram)
    inner = (b * s + c * s**3) * p + second
    tiny = max(float(system.format.half_smallest), SMALLEST)
    underflow = 128.0 * short * short * long * tiny
    found = s * second + of_short * p * (a + inner) + underflow
    return found * INFLATION


def _exact_step(carrier: Carrier, x: Lines, quintic: Quintic) -> Lines:
    """One step of the centres, in the carrier's own arithmetic."""
    a, b, c = (carrier.nearest(each) for each in quintic)
    zero = carrier.from_float(0.0)

    def products(left: Lines, right: Lines) -> Lines:
        """The inner products of rows with rows."""
        return [[sum(map(mul, u, v), zero) for v in right] for u in left]

    gram = products(x, x)
    squared = products(gram, gram)
    inner = [
        [b * g + c * s for g, s in zip(*pair, strict=True)]
        for pair in zip(gram, squared, strict=True)
    ]
    moved = products(inner, [list(column) for column in zip(*x, strict=True)])
    return [
        [a * value + product for value, product in zip(*pair, strict=True)]
        for pair in zip(x, moved, strict=True)
    ]
