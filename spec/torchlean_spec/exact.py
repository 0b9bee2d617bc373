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
from collections.abc import Callable
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
            return _fraction(written)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError):
        pass
    raise TorchLeanError(
        Reason.HYPERPARAMETER, f"expected a finite number, got {value}"
    )


@lru_cache(maxsize=1024)
def _fraction(written: Decimal | Fraction | int | str) -> Fraction:
    return Fraction(written)


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


def positive(name: str, value: Hyperparameter) -> Fraction:
    """The hyperparameter as a fraction, if it is above 0.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for what is no number or not above 0.

    >>> positive("ratio", "1/3")
    Fraction(1, 3)
    """
    try:
        number = exact(value)
    except TorchLeanError as error:
        raise TorchLeanError(error.reason, f"{name}: {error}") from None
    if number <= 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER, f"expected {name} above 0, got {value}"
        )
    return number


def power(base: Exact, exponent: int, root: int = 1) -> Fraction:
    """The power `base ** (exponent / root)` of a non-negative base; 0 to the 0 is 1.

    Exact where the value is rational and has up to `EXACT_BITS` bits, else with a
    relative error below 2^-PRECISION, by repeated squaring of truncated integers.

    Raises:
        TorchLeanError: `DOMAIN` for a negative base or exponent, for a root below
            1, and for a power of at least 2^LARGEST_EXPONENT.

    >>> power(Fraction(9, 10), 2)
    Fraction(81, 100)
    >>> float(power(Fraction(999, 1000), 100_000))
    3.538527688343442e-44
    >>> power(8, 2, 3), float(power(2, 1, 2))
    (Fraction(4, 1), 1.4142135623730951)
    """
    real = Fraction(base)
    if real < 0 or exponent < 0 or root < 1:
        raise TorchLeanError(
            Reason.DOMAIN,
            "expected a power of a non-negative base and exponent, "
            f"got ({base}) ** ({exponent if root == 1 else f'{exponent}/{root}'})",
        )
    common = math.gcd(exponent, root)
    exponent, root = exponent // common, root // common
    rooted = real if root == 1 else _rational_root(real, root)
    if rooted is not None:
        numerator, denominator = rooted.numerator, rooted.denominator
        widest = max(numerator, denominator).bit_length()
        if numerator == 0 or rooted == 1 or exponent * widest <= EXACT_BITS:
            return rooted**exponent

    # n truncated products, and the truncated base n times, err by less than
    # 2n * 2^(1 - bits) in all.
    bits = PRECISION + exponent.bit_length() + 8
    if rooted is not None:
        factor, scale = _mantissa(rooted, bits)
    else:
        factor, scale = _irrational_root(real, root, bits)
    mantissa, scale = _truncated_power(factor, scale, exponent, bits)
    magnitude = mantissa.bit_length() + scale
    if magnitude > LARGEST_EXPONENT:
        shown = str(exponent) if root == 1 else f"({Fraction(exponent, root)})"
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected a power below 2^{LARGEST_EXPONENT}, got ({base}) ** {shown}",
        )
    if magnitude <= -LARGEST_EXPONENT:
        return Fraction(0)
    return _scaled(mantissa, scale)


def _mantissa(real: Fraction, bits: int) -> tuple[int, int]:
    """A rational above 0 as `mantissa * 2^scale`, rounded down to so many bits."""
    shift = bits + real.denominator.bit_length() - real.numerator.bit_length()
    scaled = real.numerator << shift if shift >= 0 else real.numerator >> -shift
    return _truncate(scaled // real.denominator, -shift, bits)


def _truncated_power(
    factor: int, factor_scale: int, exponent: int, bits: int
) -> tuple[int, int]:
    """`(factor * 2^factor_scale) ** exponent`, each product rounded down."""
    mantissa, scale = factor, factor_scale
    for binary_digit in bin(exponent)[3:]:
        mantissa, scale = _truncate(mantissa * mantissa, 2 * scale, bits)
        if binary_digit == "1":
            mantissa, scale = _truncate(mantissa * factor, scale + factor_scale, bits)
    return mantissa, scale


def _rational_root(real: Fraction, root: int) -> Fraction | None:
    """The root of a rational of at least 0, if it is rational."""
    upper, lower = (_whole_root(n, root) for n in (real.numerator, real.denominator))
    return None if upper is None or lower is None else Fraction(upper, lower)


def _whole_root(number: int, root: int) -> int | None:
    """The root of a whole number of at least 0, if it is whole."""
    if number < 2 or root == 1:
        return number
    if number.bit_length() <= root:
        return None
    low, high = 1, 1 << -(-number.bit_length() // root)
    # low^root <= number < (high + 1)^root all the while.
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**root <= number else (low, middle - 1)
    return low if low**root == number else None


@lru_cache(maxsize=64)
def _irrational_root(real: Fraction, root: int, bits: int) -> tuple[int, int]:
    """`real ** (1 / root)` as `mantissa * 2^scale`, relative error below 2^-bits.

    Newton's iteration `x <- x * (1 + (real / x^root - 1) / root)`: a relative error
    e becomes at most root * e^2. It begins with an error of some 2^-50 of the
    logarithm, which the root divides, and so converges for every root.
    """
    work = bits + root.bit_length() + 16
    logarithm = math.log2(real.numerator) - math.log2(real.denominator)
    whole_part = round(logarithm / root)
    rest = (logarithm / root - whole_part) * math.log(2)
    mantissa, scale = _mantissa(1 + Fraction(math.expm1(rest)), work)
    scale += whole_part
    target, target_scale = _mantissa(real, work)
    correction = 1
    while correction:
        powered, powered_scale = _truncated_power(mantissa, scale, root, work)
        shift = target_scale - powered_scale + work
        quotient = (target << shift if shift >= 0 else target >> -shift) // powered
        correction = (quotient - (1 << work)) // root
        mantissa += mantissa * correction >> work
        # What the truncations left uncertain is no reason to go on.
        correction >>= work - bits - 4
        correction = 0 if correction == -1 else correction
    return _truncate(mantissa, scale, work)


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

    def power(self, base: Exact, exponent: A, root: int = 1, /) -> A:
        """A non-negative constant to the power of a count over a whole number."""
        ...

    def of_count(self, function: Callable[[int], Fraction], count: A, /) -> A:
        """What a function of a count gives."""
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

    def power(self, base: Exact, exponent: Fraction, root: int = 1, /) -> Fraction:
        """See the function `power`."""
        return power(base, int(exponent), root)

    def of_count(
        self, function: Callable[[int], Fraction], count: Fraction, /
    ) -> Fraction:
        """The function's value."""
        return function(int(count))

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
