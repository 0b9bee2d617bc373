"""How far an honest implementation may be off, operation by operation.

With u the unit roundoff and h half the least positive number of the format, one
rounding answers `v (1 + d) + e` with `|d| <= u` and `|e| <= h`; an elementary
function within k units in the last place is off by at most `2 k (u |v| + h)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.carriers import Carrier, Real
from torchlean_spec.numbers.formats import Format

DEFAULT_ULPS: Mapping[str, float] = {
    "divide": 0.5,
    "sqrt": 0.5,
    "exp": 1.0,
    "expm1": 1.0,
    "log": 1.0,
    "log1p": 1.0,
    "tanh": 1.0,
    "erf": 1.0,
}
"""Units in the last place by which an honest implementation may be off.

Sums, differences and products are always correctly rounded: 0.5.
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The factors of one operation's radius, our own errors included."""

    grow: Real
    """What multiplies the radius that the operands bring."""
    unit: Real
    """What multiplies the size of the centre."""
    tiny: Real
    """What is added."""
    exact_unit: Fraction
    """The largest relative error of the operation itself."""
    exact_tiny: Fraction
    """Its largest absolute error by gradual underflow."""


def declared(ulps: Mapping[str, float]) -> dict[str, Fraction]:
    """The default declaration with some entries replaced, exactly.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for an operation that is not in
            `DEFAULT_ULPS`, `HYPERPARAMETER` for fewer than 0.5 ulps.

    >>> declared({"exp": 2.0})["exp"]
    Fraction(2, 1)
    """
    for name, count in ulps.items():
        if name not in DEFAULT_ULPS:
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                f"expected operations among {', '.join(DEFAULT_ULPS)}, got {name}",
            )
        if not 0.5 <= count < 2**20:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected at least 0.5 ulps for {name}, got {count}",
            )
    return {name: Fraction(ulps.get(name, DEFAULT_ULPS[name])) for name in DEFAULT_ULPS}


def allowance(
    number_format: Format, carrier: Carrier, ulps: Fraction, own_error: Fraction
) -> Allowance:
    """The allowance of an operation with a declared error.

    The centre is off by at most `own_error`, relatively, and the radius itself is
    computed with fewer than 16 roundings of the carrier: the factors are larger
    than the rules ask by 256 of them, and `tiny` by `2^-40`, relatively.
    """
    slack = 1 + 256 * carrier.error
    unit = 2 * ulps * number_format.unit_roundoff
    tiny = 2 * ulps * number_format.half_smallest
    return Allowance(
        carrier.above((1 + unit) * slack),
        carrier.above((unit + 2 * own_error) * slack),
        carrier.above(tiny * (1 + Fraction(1, 2**40))),
        unit,
        tiny,
    )


def growth(number_format: Format, roundings: int) -> Fraction:
    """`(1 + u)^n - 1`, rounded up: the largest relative error of n roundings.

    For `n u < 1` it is at most `gamma(n) = n u / (1 - n u)`, and unlike gamma it
    is finite for every n.

    Source: Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed.,
    2002, lemma 3.1.
    """
    context = Context(prec=60, Emin=-99999, Emax=99999)
    unit = number_format.unit_roundoff
    base = context.divide(Decimal(unit.numerator), Decimal(unit.denominator))
    power = context.power(context.add(base, Decimal(1)), roundings)
    above = Fraction(context.subtract(power, Decimal(1)))
    return above * (1 + Fraction(1, 2**60))
