r"""Elementary functions between rigorous bounds, by integer arithmetic alone.

Each function takes a nonzero argument `mantissa * 2^exponent` inside its domain
and answers two integers and an exponent, `(lower, upper, scale)`, such that

\[ \mathrm{lower} \cdot 2^{\mathrm{scale}} \le f(x) \le
   \mathrm{upper} \cdot 2^{\mathrm{scale}}, \]

the two a relative distance below \(2^{-\mathrm{bits}}\) apart. A caller that has
to round asks for more bits until both bounds round alike (Ziv's strategy): an
elementary function of a nonzero rational is irrational, so that ends.

Inside, a number is an integer times `2^-width`, each operation truncates, and the
error is counted in units of `2^-width`; the counts stand beside the code.

Sources: Ziv, *Fast evaluation of elementary mathematical functions with correctly
rounded last bit*, ACM TOMS 17(3), 1991; Brent and Zimmermann, *Modern Computer
Arithmetic*, 2010, chapter 4; Abramowitz and Stegun 7.1.6 for the error function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache

from torchlean_spec.errors import Reason, TorchLeanError

Bounds = tuple[int, int, int]
"""`(lower, upper, scale)`: the number lies between the first two times 2^scale."""

Enclosure = Callable[[int, int, int], Bounds]
"""From `(mantissa, exponent, bits)` of a nonzero argument to bounds."""

LARGEST_EXPONENT = 24
"""`exp` refuses arguments of at least `2^LARGEST_EXPONENT`."""


def shift(value: int, places: int) -> int:
    """`floor(value * 2^places)`."""
    return value << places if places >= 0 else value >> -places


def _inverse_tangents(terms: tuple[tuple[int, int], ...], sign: int, width: int) -> int:
    """The sum of `factor * arctan(1/n)`, or of `arctanh` where the sign is 1.

    Each term of each series is truncated: 64 bits more than asked for leave an
    error below one unit for any width that fits into memory.
    """
    one = 1 << (width + 64)
    total = 0
    for factor, n in terms:
        power, index, partial, signed = one // n, 1, 0, 1
        while power:
            partial += signed * (power // index)
            power //= n * n
            index += 2
            signed *= sign
        total += factor * partial
    return total >> 64


@cache
def _log_of_two(width: int) -> int:
    """`log(2)`, at most 1 unit too small or too large."""
    return _inverse_tangents(((18, 26), (-2, 4801), (8, 8749)), 1, width)


@cache
def _pi(width: int) -> int:
    """`pi`, at most 1 unit too small or too large (Machin's formula)."""
    return _inverse_tangents(((16, 5), (-4, 239)), -1, width)


@cache
def _two_over_root_pi(width: int) -> int:
    """`2 / sqrt(pi)`, at most 2 units too small or too large."""
    return math.isqrt((1 << (3 * width + 18)) // _pi(width + 16))


def _exponential(mantissa: int, exponent: int, width: int) -> tuple[int, int, int]:
    """`exp(x)` as `(value, error, scale)`, the value between 2^width and 2^(width+1).

    `x = k log(2) + r` with `0 <= r < log(2)`; the series is summed for `r / 2^s`
    and squared s times.
    """
    fine = width + max(mantissa.bit_length() + exponent, 0) + 2
    quotient, remainder = divmod(shift(mantissa, exponent + fine), _log_of_two(fine))
    halvings = 2 + math.isqrt(width) // 3
    # 3 units: the truncated x, k times the error of log(2), and this shift.
    reduced = remainder >> (fine - width + halvings)
    term = reduced
    value = (1 << width) + term
    count = 1
    while term:
        count += 1
        term = (term * reduced >> width) // count
        value += term
    # Less than 3 units a term, 4 for what follows the last, 4 for the argument;
    # each squaring doubles the relative error and adds one unit, and y < 2.01.
    for _ in range(halvings):
        value = value * value >> width
    return value, (3 * count + 10) << (halvings + 1), quotient - width


def _exp(mantissa: int, exponent: int, bits: int) -> Bounds:
    width = bits + 16 + math.isqrt(bits) // 2
    value, error, scale = _exponential(mantissa, exponent, width)
    return value - error, value + error, scale


def _like_identity(mantissa: int, exponent: int, bits: int) -> Bounds:
    """Bounds on `x (1 + d)` with `|d| <= |x| < 2^-(bits + 2)`."""
    reach = abs(mantissa)
    shifted = mantissa << (bits + 2)
    return shifted - reach, shifted + reach, exponent - bits - 2


def _expm1(mantissa: int, exponent: int, bits: int) -> Bounds:
    magnitude = mantissa.bit_length() + exponent
    if magnitude < -bits - 2:
        return _like_identity(mantissa, exponent, bits)
    if mantissa < 0 and magnitude > bits.bit_length() + 2:
        one = 1 << (bits + 2)
        return -one, 1 - one, -bits - 2
    width = bits + 20 + math.isqrt(bits) // 2 + max(-magnitude, 0)
    value, error, scale = _exponential(mantissa, exponent, width)
    places = scale + width
    # Truncation costs one unit, on either bound.
    lower = shift(value - error, places) - (1 << width)
    upper = shift(value + error, places) - (1 << width) + 1
    return lower, upper, -width


def _log(mantissa: int, exponent: int, bits: int) -> Bounds:
    r"""`log(x)` for x > 0: \(k \log 2 + 2\,\mathrm{artanh}((f-1)/(f+1))\)."""
    length = mantissa.bit_length()
    if mantissa * mantissa >> (2 * length - 1) == 0:
        length -= 1
    power = length + exponent
    difference = mantissa - (1 << length)
    lost = length - difference.bit_length() if power == 0 else 0
    width = bits + 12 + bits.bit_length() + lost
    ratio = (abs(difference) << width) // (mantissa + (1 << length))
    square = ratio * ratio >> width
    term = total = ratio
    index = 1
    while term:
        index += 2
        term = term * square >> width
        total += term // index
    total = 2 * total if difference >= 0 else -2 * total
    extra = abs(power).bit_length() + 1
    total += power * _log_of_two(width + extra) >> extra
    # Below 1.5 units a term (there are index/2), doubled; 10 for all the rest.
    error = 2 * index + 10
    return total - error, total + error, -width


def _log1p(mantissa: int, exponent: int, bits: int) -> Bounds:
    magnitude = mantissa.bit_length() + exponent
    if magnitude < -bits - 2:
        return _like_identity(mantissa, exponent, bits)
    if exponent >= 0:
        return _log((mantissa << exponent) + 1, 0, bits)
    return _log(mantissa + (1 << -exponent), exponent, bits)


def _tanh(mantissa: int, exponent: int, bits: int) -> Bounds:
    r"""For x > 0: \(t / (t + 2)\) with \(t = e^{2x} - 1\)."""
    magnitude = mantissa.bit_length() + exponent
    if 2 * magnitude < -bits - 2:
        # 0 < x - tanh(x) < x^3 / 3.
        places = bits + 2
        shifted = mantissa << places
        return shifted - mantissa, shifted, exponent - places
    if magnitude > bits.bit_length() + 1:
        one = 1 << (bits + 2)
        return one - 1, one, -bits - 2
    below, above, scale = _expm1(mantissa, exponent + 1, bits + 4)
    one = 1 << (bits + 8 + max(-magnitude, 0))
    two = 2 << -scale
    lower = below * one // (below + two)
    upper = above * one // (above + two) + 1
    return lower, upper, 1 - one.bit_length()


def _erf(mantissa: int, exponent: int, bits: int) -> Bounds:
    r"""For x > 0, by a sum of positive terms.

    \[ \mathrm{erf}(x) = \frac{2}{\sqrt\pi}\, x\, e^{-x^2}
       \sum_{n \ge 0} \frac{(2x^2)^n}{1 \cdot 3 \cdots (2n+1)} \]
    """
    square, square_exponent = mantissa * mantissa, 2 * exponent
    if square.bit_length() + square_exponent > bits.bit_length() + 1:
        # 0 < 1 - erf(x) < exp(-x^2) < 2^-(bits + 2).
        one = 1 << (bits + 2)
        return one - 1, one, -bits - 2
    width = bits + 24 + bits.bit_length()
    doubled = shift(square, square_exponent + 1 + width)
    term = total = 1 << width
    index = 1
    while term:
        index += 2
        term = (term * doubled >> width) // index
        total += term
    # Each term is off by 2 units, and by as much again, relatively, for every
    # step before it: at most 2 index units in all for each 1 of the sum.
    error = (2 * index + 16) * ((total >> width) + 1)
    bell, bell_error, bell_scale = _exponential(-square, square_exponent, width)
    slope = _two_over_root_pi(width)
    lower = mantissa * (total - error) * (bell - bell_error) * (slope - 2)
    upper = mantissa * (total + error) * (bell + bell_error) * (slope + 2)
    return lower, upper, exponent + bell_scale - 2 * width


def _odd(function: Enclosure) -> Enclosure:
    def enclosure(mantissa: int, exponent: int, bits: int) -> Bounds:
        if mantissa > 0:
            return function(mantissa, exponent, bits)
        lower, upper, scale = function(-mantissa, exponent, bits)
        return -upper, -lower, scale

    return enclosure


def _sqrt(mantissa: int, exponent: int, bits: int) -> Bounds:
    places = max(2 * bits + 4 - mantissa.bit_length(), 0)
    places += (exponent - places) % 2
    root = math.isqrt(mantissa << places)
    exact = root * root == mantissa << places
    return root, root if exact else root + 1, (exponent - places) // 2


ENCLOSURES: dict[str, Enclosure] = {
    "exp": _exp,
    "expm1": _expm1,
    "log": _log,
    "log1p": _log1p,
    "tanh": _odd(_tanh),
    "erf": _odd(_erf),
    "sqrt": _sqrt,
}
"""Each function, for nonzero dyadic arguments inside its domain."""

_AT_ZERO = {"exp": 1, "expm1": 0, "log1p": 0, "tanh": 0, "erf": 0, "sqrt": 0}
_LOWER_END = {"log": 0, "log1p": -1}


def enclose(name: str, x: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Two rationals around an elementary function of a rational.

    Args:
        name: `exp`, `expm1`, `log`, `log1p`, `tanh`, `erf` or `sqrt`.
        x: The argument.
        bits: The bounds are relatively closer than about `2^-bits`. They are
            equal where the exact value is known to be rational.

    Raises:
        TorchLeanError: `DOMAIN` if the function is not defined at x, or is `exp`
            of a number too large to be written down.

    >>> lower, upper = enclose("exp", Fraction(1), 80)
    >>> lower < upper, float(lower), float(upper)
    (True, 2.718281828459045, 2.718281828459045)
    """
    _require_domain(name, x)
    if x == 0:
        return Fraction(_AT_ZERO[name]), Fraction(_AT_ZERO[name])
    if name == "log" and x == 1:
        return Fraction(0), Fraction(0)
    function = ENCLOSURES[name]
    if x.denominator & (x.denominator - 1) == 0:
        lower, upper, scale = function(
            x.numerator, 1 - x.denominator.bit_length(), bits
        )
        return _dyadic(lower, scale), _dyadic(upper, scale)
    return _between(name, x, bits)


def _between(name: str, x: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """The functions increase, so dyadic neighbours of x bound the value at x.

    Beside a zero of `log` and an end of a domain the value is steep; the
    neighbours are chosen so close that this does not matter.
    """
    near = min(abs(x), abs(x - 1) or abs(x), abs(x + 1) or abs(x))
    depth = near.denominator.bit_length() - near.numerator.bit_length()
    places = 2 * bits + 4 + 2 * max(depth, 0)
    below = (x.numerator << places) // x.denominator
    lower, _, lower_scale = ENCLOSURES[name](below, -places, bits + 2)
    _, upper, upper_scale = ENCLOSURES[name](below + 1, -places, bits + 2)
    return _dyadic(lower, lower_scale), _dyadic(upper, upper_scale)


def _dyadic(mantissa: int, scale: int) -> Fraction:
    return Fraction(shift(mantissa, max(scale, 0)), 1 << max(-scale, 0))


def _require_domain(name: str, x: Fraction) -> None:
    limit = 2**LARGEST_EXPONENT
    if (name == "exp" and abs(x) >= limit) or (name == "expm1" and x >= limit):
        size = " in size" if name == "exp" else ""
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected an argument of {name} below 2^{LARGEST_EXPONENT}{size}, "
            f"got {float(x)}",
        )
    if (name in _LOWER_END and x <= _LOWER_END[name]) or (name == "sqrt" and x < 0):
        raise TorchLeanError(
            Reason.DOMAIN, f"expected an argument inside the domain of {name}, got {x}"
        )
