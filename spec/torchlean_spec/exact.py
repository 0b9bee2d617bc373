"""Exact hyperparameters, and the arithmetic of what depends on them alone.

A hyperparameter is an exact real: `0.1` means 1/10, whatever the number format.
What is computed from hyperparameters and the step (a power of beta, a scheduled
rate) is computed exactly, or to a relative error below 2^-256 where the exact
value is irrational or unwieldy, in integer arithmetic; the number format then
rounds it once.

Such equations are written over an `ExactArithmetic[A]`: `EXACT` gives their
meaning, and a runtime may evaluate the same text over whole columns of steps.

>>> exact(0.1), exact("1e-3"), exact(2)
(Fraction(1, 10), Fraction(1, 1000), Fraction(2, 1))
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal, Protocol

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, Condition, Exact

Hyperparameter = Decimal | Fraction | int | float | str
"""What a user may write for an exact real; `exact` says which real is meant."""

PRECISION = 256
"""Functions without a short exact value err by less than 2^-PRECISION, relatively."""

EXACT_BITS = 2048
"""A power whose numerator and denominator have at most so many bits is exact."""

LARGEST_EXPONENT = 32768
"""Powers below 2^-LARGEST_EXPONENT are answered by zero, those of at least
2^LARGEST_EXPONENT are refused; binary128 needs exponents from -16494 to 16384."""


def exact(value: Hyperparameter) -> Fraction:
    """The exact real that a hyperparameter means.

    A float means the decimal that its repr shows, so that 0.1 is 1/10 and not
    the binary number nearest to it. A string is a decimal or a fraction.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a NaN, an infinity, a bool, or a
            string that is no number.

    >>> exact(0.1) == exact("1/10") == exact(Decimal("0.1"))
    True
    """
    written = float.__repr__(value) if isinstance(value, float) else value
    try:
        if not isinstance(written, bool):
            return Fraction(written)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError):
        pass
    raise TorchLeanError(
        Reason.HYPERPARAMETER, f"expected a finite number, got {value}"
    )


def decimal(value: Hyperparameter) -> Decimal:
    """The exact real as a decimal in its shortest form, for records and files.

    Raises:
        TorchLeanError: `HYPERPARAMETER` if it is no finite number, or has no
            finite decimal expansion (1/3).

    >>> decimal(0.50), decimal(Fraction(1, 8)), decimal(1e2)
    (Decimal('0.5'), Decimal('0.125'), Decimal('100'))
    """
    real = exact(value)
    rest, places = real.denominator, 0
    for prime in (2, 5):
        power_of_prime = 0
        while rest % prime == 0:
            rest //= prime
            power_of_prime += 1
        places = max(places, power_of_prime)
    if rest != 1:
        raise TorchLeanError(
            Reason.HYPERPARAMETER, f"expected a finite decimal, got {value}"
        )
    digits = str(abs(real.numerator) * 10**places // real.denominator)
    sign = 1 if real < 0 else 0
    return Decimal((sign, tuple(map(int, digits)), -places))


Range = Literal["in [0, 1)", "at least 0", "above 0"]
"""Where a hyperparameter must lie, in the words of the error."""


def within(name: str, value: Hyperparameter, wanted: Range) -> Decimal:
    """The hyperparameter as a decimal, if it lies in its range.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for what is no finite decimal or lies
            outside.

    >>> within("beta1", 0.9, "in [0, 1)")
    Decimal('0.9')
    >>> within("beta1", 1.5, "in [0, 1)")
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected beta1 in [0, 1), got 1.5
    """
    try:
        number = decimal(value)
    except TorchLeanError as error:
        raise TorchLeanError(error.reason, f"{name}: {error}") from None
    above = number > 0 if wanted == "above 0" else number >= 0
    if not above or (wanted == "in [0, 1)" and number >= 1):
        raise TorchLeanError(
            Reason.HYPERPARAMETER, f"expected {name} {wanted}, got {value}"
        )
    return number


def whole(name: str, value: int, smallest: int) -> int:
    """A count that is at least `smallest`.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for less, and for what is no `int`.

    >>> whole("step_size", 0, 1)
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected step_size of at least 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < smallest:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected {name} of at least {smallest}, got {value}",
        )
    return value


def power(base: Exact, exponent: int) -> Fraction:
    """The power `base ** exponent` of a non-negative base; 0 to the 0 is 1.

    Exact up to `EXACT_BITS` bits, beyond them with a relative error below
    2^-PRECISION, by repeated squaring of truncated integers.

    Raises:
        TorchLeanError: `DOMAIN` for a negative base or exponent, and for a power
            of at least 2^LARGEST_EXPONENT.

    >>> power(Fraction(9, 10), 2)
    Fraction(81, 100)
    >>> float(power(Fraction(999, 1000), 100_000))
    3.538527688343442e-44
    """
    real = Fraction(base)
    if real < 0 or exponent < 0:
        raise TorchLeanError(
            Reason.DOMAIN,
            "expected a power of a non-negative base and exponent, "
            f"got ({base}) ** ({exponent})",
        )
    numerator, denominator = real.numerator, real.denominator
    widest = max(numerator, denominator).bit_length()
    if numerator == 0 or real == 1 or exponent * widest <= EXACT_BITS:
        return real**exponent

    # n truncated products, and the truncated base n times, err by less than
    # 2n * 2^(1 - bits) in all.
    bits = PRECISION + exponent.bit_length() + 8
    shift = bits + denominator.bit_length() - numerator.bit_length()
    scaled = numerator << shift if shift >= 0 else numerator >> -shift
    factor, factor_scale = _truncate(scaled // denominator, -shift, bits)
    mantissa, scale = factor, factor_scale
    for binary_digit in bin(exponent)[3:]:
        mantissa, scale = _truncate(mantissa * mantissa, 2 * scale, bits)
        if binary_digit == "1":
            mantissa, scale = _truncate(mantissa * factor, scale + factor_scale, bits)

    magnitude = mantissa.bit_length() + scale
    if magnitude > LARGEST_EXPONENT:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected a power below 2^{LARGEST_EXPONENT}, got ({base}) ** {exponent}",
        )
    if magnitude <= -LARGEST_EXPONENT:
        return Fraction(0)
    return _scaled(mantissa, scale)


def square_root(x: Exact) -> Fraction:
    """The square root: exact of a rational's square, else truncated.

    Raises:
        TorchLeanError: `DOMAIN` below zero.

    >>> square_root(Fraction(4, 9))
    Fraction(2, 3)
    >>> float(square_root(2))
    1.4142135623730951
    """
    real = Fraction(x)
    if real < 0:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected the square root of at least 0, got {x}"
        )
    upper, lower = math.isqrt(real.numerator), math.isqrt(real.denominator)
    if upper * upper == real.numerator and lower * lower == real.denominator:
        return Fraction(upper, lower)
    missing = real.denominator.bit_length() - real.numerator.bit_length()
    shift = PRECISION + 2 + max(0, missing // 2 + 1)
    root = math.isqrt((real.numerator << 2 * shift) // real.denominator)
    return _scaled(root, -shift)


def cosine_of_half_turns(x: Exact) -> Fraction:
    """The cosine of `pi * x`; exact at every multiple of 1/2 and of 1/3.

    The argument is first reduced to an eighth of a turn; then the series of the
    cosine or, near the cosine's zero, of the sine is summed.

    >>> [str(cosine_of_half_turns(Fraction(x, 6))) for x in (0, 2, 3, 4, 6, 12)]
    ['1', '1/2', '0', '-1/2', '-1', '1']
    >>> float(cosine_of_half_turns(Fraction(1, 4)))
    0.7071067811865476
    """
    turned = Fraction(x) % 2
    if turned > 1:
        turned = 2 - turned
    if turned > Fraction(1, 2):
        return -cosine_of_half_turns(1 - turned)
    if turned in (0, Fraction(1, 3), Fraction(1, 2)):
        return {0: Fraction(1), Fraction(1, 3): Fraction(1, 2)}.get(turned, Fraction(0))
    near_zero = turned > Fraction(1, 4)
    angle = Fraction(1, 2) - turned if near_zero else turned
    # |angle| >= 1 / (2 * denominator), so that these bits keep the relative error.
    bits = -(-(PRECISION + 32 + turned.denominator.bit_length()) // 64) * 64
    radians = _pi(bits) * angle.numerator // angle.denominator
    squared = radians * radians >> bits
    term = radians if near_zero else 1 << bits
    total, index = term, 1 if near_zero else 0
    while term:
        term = -((term * squared >> bits) // ((index + 1) * (index + 2)))
        total += term
        index += 2
        if abs(term) <= 1:
            break
    return _scaled(total, -bits)


def _truncate(mantissa: int, scale: int, bits: int) -> tuple[int, int]:
    """The same `mantissa * 2^scale`, rounded down to so many bits."""
    excess = mantissa.bit_length() - bits
    return (mantissa >> excess, scale + excess) if excess > 0 else (mantissa, scale)


def _scaled(mantissa: int, scale: int) -> Fraction:
    """The rational `mantissa * 2^scale`."""
    return Fraction(mantissa << scale if scale > 0 else mantissa, 1 << max(0, -scale))


@lru_cache(maxsize=16)
def _pi(bits: int) -> int:
    """`pi * 2^bits` within 1, by Machin's formula."""
    guarded = bits + 16

    def inverse_tangent(inverse: int) -> int:
        term = total = (1 << guarded) // inverse
        divisor, sign = 1, 1
        while term:
            term //= inverse * inverse
            divisor, sign = divisor + 2, -sign
            total += sign * (term // divisor)
        return total

    return (16 * inverse_tangent(5) - 4 * inverse_tangent(239)) >> 16


class ExactArithmetic(Protocol[A]):
    """What equations of hyperparameters and steps are written over.

    Values of type `A` are added, subtracted, multiplied and divided by Python's
    operators. Steps and other counts are values as well: whole numbers, which
    every instance holds exactly. There is no `if` and no loop over a step, so
    that `A` may be a column of steps, each enclosed between two floats.
    """

    def constant(self, value: Exact, /) -> A:
        """The value that an exact real stands for."""
        ...

    def power(self, base: Exact, exponent: A, /) -> A:
        """A non-negative constant to the power of a count."""
        ...

    def square_root(self, x: A, /) -> A:
        """Square root of a value of at least 0."""
        ...

    def cosine_of_half_turns(self, x: A, /) -> A:
        """The cosine of `pi * x`."""
        ...

    def quotient(self, count: A, divisor: int, /) -> A:
        """A count divided by a positive whole number, rounded down."""
        ...

    def minimum(self, x: A, y: A, /) -> A:
        """The smaller of two values."""
        ...

    def maximum(self, x: A, y: A, /) -> A:
        """The larger of two values."""
        ...

    def less(self, x: A, y: A, /) -> Condition:
        """Whether x < y; of counts it is always decided."""
        ...

    def where(self, condition: Condition, chosen: A, otherwise: A, /) -> A:
        """`chosen` if the condition holds, else `otherwise`; a total selection."""
        ...


class ExactFractions:
    """The arithmetic of rationals: the meaning of every equation written over it."""

    def constant(self, value: Exact, /) -> Fraction:
        """The exact real itself."""
        return Fraction(value)

    def power(self, base: Exact, exponent: Fraction, /) -> Fraction:
        """See the function `power`."""
        return power(base, int(exponent))

    def square_root(self, x: Fraction, /) -> Fraction:
        """See the function `square_root`."""
        return square_root(x)

    def cosine_of_half_turns(self, x: Fraction, /) -> Fraction:
        """See the function `cosine_of_half_turns`."""
        return cosine_of_half_turns(x)

    def quotient(self, count: Fraction, divisor: int, /) -> Fraction:
        """The whole part of the quotient."""
        return Fraction(count // divisor)

    def minimum(self, x: Fraction, y: Fraction, /) -> Fraction:
        """The smaller rational."""
        return min(x, y)

    def maximum(self, x: Fraction, y: Fraction, /) -> Fraction:
        """The larger rational."""
        return max(x, y)

    def less(self, x: Fraction, y: Fraction, /) -> bool:
        """Whether x < y."""
        return x < y

    def where(
        self, condition: Condition, chosen: Fraction, otherwise: Fraction, /
    ) -> Fraction:
        """`chosen` if the condition holds, else `otherwise`."""
        return chosen if condition else otherwise


EXACT = ExactFractions()
"""The one instance; `EXACT.constant(step)` makes a step of an int."""
