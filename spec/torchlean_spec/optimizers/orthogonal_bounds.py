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

An error of the norm alone moves all singular values by one factor. Such an error d
costs at most \(d \sqrt m K\), where K is the largest \(|x f_j'(x)|\) on [0, 1.01] for j
steps, which is below \(1.6^j\) (the law `optimizers.orthogonal_spreads` tries it).

The roundings of one step, with g(n) the growth of n roundings, in any order of every
sum and fused or not, for the shorter side m and the longer n of an honest X that is
off by e from the centres C, whose largest singular value is at most s:

    A = X X^T      d1 = g(n) ||C| |C|^T|;             A is off by 2 s e + e^2 + d1
    B = b A + c A^2    d2 = |b| d1 + |c| d1^2 + g(m+3) (|b| |A| + |c| ||A| |A||)
    a X + B X      E = s d2 + g(m+3) (a |X| + ||B| |X||)

Norms are Frobenius', and those of the honest matrices are at most those of the centres
and what they are off by; of `b A + c A^2` the slope is at most |b|, since no eigenvalue
of A exceeds 1.47.

Every element may be off by the norm of the whole error. That is generous: in
binary32 some 0.001 for a matrix of 4 by 2 and 0.05 for one of 64 by 64, whose
elements are about 0.1, and from 100 to 200 rows on anything is allowed; in binary64 it
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

LARGEST_QUOTIENT = 1.01
"""What singular values are at most in the beginning, roundings included."""

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


def spread(steps: int) -> float:
    """More than the largest `|x f'(x)|` of some steps over [0, 1.01]."""
    return 1.6**steps


def enclosed(
    system: BoundedSystem,
    lines: Sequence[Sequence[Bounded]],
    norm: Bounded,
    quintic: Quintic,
    steps: int,
) -> list[list[Bounded]]:
    """The matrix after some steps, each element with the norm of its error.

    Args:
        system: The bounded numbers of the target format.
        lines: A matrix with no more rows than columns.
        norm: What it is divided by; at least its own norm.
        quintic: The coefficients of x, x^3 and x^5.
        steps: How many steps.

    Returns:
        The matrix; anything is allowed where no bound is known: if something may
        not be finite, or the roundings are so large that singular values may leave
        [0, 1.21].
    """
    number = type(norm)
    carrier = number.carrier
    own, common = _quotient_errors(lines, norm)
    anything = [[number.of(ANYTHING)] * len(line) for line in lines]
    if not own + common < math.inf:
        return anything
    error = own * slope(steps, quintic) + common * math.sqrt(len(lines)) * spread(steps)
    with carrier.context():
        x = [[value.centre / norm.centre for value in line] for line in lines]
        off = own + common * _norm(x)
        largest = _norm(x) + off
        if not largest <= LARGEST_QUOTIENT:
            return anything
        for left in reversed(range(steps)):
            x, local = _step(system, quintic, x, min(largest, _norm(x) + off), off)
            if not local <= ROOM:
                return anything
            error += local * (slope(left, quintic) if left else 1.0)
            off, largest = off * STEEPEST + local, LARGEST_VALUE
        radius = carrier.above(Fraction(error * INFLATION))
        return [[number(value, radius) for value in line] for line in x]


def _quotient_errors(
    lines: Sequence[Sequence[Bounded]], norm: Bounded
) -> tuple[float, float]:
    """How far quotients by the norm may be off by themselves, and by one factor."""
    every = [value for line in lines for value in line]
    rule = type(norm).division
    least = float(norm.centre) - float(norm.radius)
    if not 0.0 < least < math.inf:
        return math.inf, math.inf
    widths = math.hypot(*(float(value.radius) for value in every))
    size = math.hypot(*(float(value.centre) for value in every)) + widths
    tiny = max(float(rule.exact_tiny), SMALLEST) * math.sqrt(len(every))
    unit = float(rule.exact_unit) + 4 * float(type(norm).carrier.error)
    own = (widths + unit * size) / least + tiny
    return own * INFLATION, float(norm.radius) / least * INFLATION


def _norm(x: Sequence[Sequence[Real]]) -> float:
    """A little more than Frobenius' norm."""
    return math.hypot(*(float(value) for line in x for value in line)) * INFLATION


Floats = list[list[float]]


def _products(left: Floats, right: Floats) -> Floats:
    """The inner products of rows with rows."""
    return [[sum(map(mul, u, v)) for v in right] for u in left]


def _sizes(x: Floats) -> Floats:
    return [list(map(abs, line)) for line in x]


def _step(
    system: BoundedSystem, quintic: Quintic, x: Lines, s: float, off: float
) -> tuple[Lines, float]:
    """One step of the centres, and a bound of an honest step's roundings.

    Args:
        system: The bounded numbers of the target format.
        quintic: The coefficients.
        x: The centres, of whose sides the first is the shorter one.
        s: The largest singular value.
        off: How far an honest matrix is from the centres, in Frobenius' norm.
    """
    carrier = type(system.constant(0)).carrier
    gram, inner, moved = _exact_step(carrier, x, quintic)
    a, b, c = (abs(float(each)) for each in quintic)
    of_long, of_short = _growths(system, len(x), len(x[0]))
    floats = [list(map(float, line)) for line in x]
    sizes, mixed = _sizes(floats), _sizes([list(map(float, line)) for line in inner])
    squares = _sizes([list(map(float, line)) for line in gram])
    size = _norm(x)
    beside = (2 * s + off) * off
    first = of_long * (_norm(_products(sizes, sizes)) + (2 * size + off) * off)
    gram_size, gram_off = _norm(gram), beside + first
    squared = _norm(_products(squares, squares)) + (2 * gram_size + gram_off) * gram_off
    second = b * first + c * first * first
    second += of_short * (b * (gram_size + gram_off) + c * squared)
    inner_off = b * beside + second
    turned = [list(column) for column in zip(*sizes, strict=True)]
    last = _norm(_products(mixed, turned)) + inner_off * (size + off)
    last += _norm(inner) * off
    tiny = max(float(system.format.half_smallest), SMALLEST)
    underflow = 128.0 * len(x) * len(x) * len(x[0]) * tiny
    found = s * second + of_short * (a * (size + off) + last) + underflow
    return moved, found * INFLATION


def _growths(system: BoundedSystem, short: int, long: int) -> tuple[float, float]:
    """The growth of the longer sums' roundings, and of the shorter ones' and three.

    Those of the centres' own arithmetic are added.
    """
    carrier = type(system.constant(0)).carrier
    unit = system.format.unit_roundoff
    share = (unit + 4 * carrier.error) / unit
    grown = [growth(system.format, count) * share for count in (long, short + 3)]
    return float(grown[0]) * INFLATION, float(grown[1]) * INFLATION


def _exact_step(
    carrier: Carrier, x: Lines, quintic: Quintic
) -> tuple[Lines, Lines, Lines]:
    """`X X^T`, `b A + c A^2` and `a X + B X` in the carrier's own arithmetic."""
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
    after = [
        [a * value + product for value, product in zip(*pair, strict=True)]
        for pair in zip(x, moved, strict=True)
    ]
    return gram, inner, after
