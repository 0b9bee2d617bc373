"""Elementary functions in binary32, which vectorise: no tables, no branches.

The compiler has no vector library to call, so these are polynomials and bit
operations, written so that eight or sixteen elements go through them at once.

`exp` and `log` in fast mode compute in binary32 and are within one unit in the last
place. All others, and both in strict mode, compute in binary64 and round once.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, helper
from torchlean.cpu.primitives import (
    bits_of,
    narrow,
    number_of,
    wide_number_of,
    widen,
)
from torchlean.cpu.registry import Mode
from torchlean.cpu.wide_math import (
    wide_erf,
    wide_exp,
    wide_expm1,
    wide_log,
    wide_log1p,
    wide_tanh,
)

LOG2_E = 1.44269504088896341
LN2_HIGH = 0.693359375
"""The upper ten bits of ln 2: times an exponent, it is exact."""
LN2_LOW = -2.12194440e-4
MAGIC = 12582912.0
"""1.5 2^23: adding it rounds to an integer, which then stands in the lowest bits."""
MAGIC_BITS = 0x4B400000
EXPONENT_BITS = 23
EXPONENT_BIAS = 127
EXP_LOWEST = -104.0
"""Below, e^x rounds to zero."""
EXP_HIGHEST = 89.0
"""Above, e^x rounds to infinity."""


@helper
def two_to(n: int) -> float:
    """2^n, of a normal exponent."""
    return number_of((n + EXPONENT_BIAS) << EXPONENT_BITS)


def exp_fast(system: Arithmetic, x: float) -> float:
    """`e^x = 2^n e^r` with n an integer and |r| <= ln(2)/2."""
    low, high = system.constant(EXP_LOWEST), system.constant(EXP_HIGHEST)
    # A NaN passes both choices.
    x = system.where(system.less(x, low), low, x)
    x = system.where(system.less(high, x), high, x)
    magic = system.constant(MAGIC)
    shifted = system.multiply_add(x, system.constant(LOG2_E), magic)
    n = bits_of(shifted) - MAGIC_BITS
    whole = shifted - magic
    low_part = system.constant(-LN2_LOW)
    above = system.multiply_add(whole, system.constant(-LN2_HIGH), x)
    r = system.multiply_add(whole, low_part, above)
    # What rounding r has cost.
    lost = system.multiply_add(whole, low_part, above - r)
    p = system.constant(1.9875691500e-4)
    p = system.multiply_add(p, r, system.constant(1.3981999507e-3))
    p = system.multiply_add(p, r, system.constant(8.3334519073e-3))
    p = system.multiply_add(p, r, system.constant(4.1665795894e-2))
    p = system.multiply_add(p, r, system.constant(1.6666665459e-1))
    p = system.multiply_add(p, r, system.constant(5.0000001201e-1))
    y = (system.multiply_add(p, r * r, lost) + r) + system.constant(1)
    # Two factors, so that 2^128 and subnormal results come out rounded once.
    half = n >> 1
    return y * two_to(half) * two_to(n - half)


SQRT_HALF_BITS = 0x3F3504F3
SMALLEST_NORMAL = 1.1754943508222875e-38
LIFT = 8388608.0
"""2^23: makes a subnormal number normal."""


def log_fast(system: Arithmetic, x: float) -> float:
    """`log x = e ln 2 + log m` with m from sqrt(1/2) to sqrt(2)."""
    zero, one, half = system.constant(0), system.constant(1), system.constant(0.5)
    tiny = system.less(x, system.constant(SMALLEST_NORMAL))
    lifted = system.where(tiny, x * system.constant(LIFT), x)
    bits = bits_of(lifted)
    exponent = (bits - SQRT_HALF_BITS) >> EXPONENT_BITS
    z = number_of(bits - (exponent << EXPONENT_BITS)) - one
    e = number_of(exponent + MAGIC_BITS) - system.constant(MAGIC)
    e = e - system.where(tiny, system.constant(23), zero)
    z2 = z * z
    p = system.constant(7.0376836292e-2)
    p = system.multiply_add(p, z, system.constant(-1.1514610310e-1))
    p = system.multiply_add(p, z, system.constant(1.1676998740e-1))
    p = system.multiply_add(p, z, system.constant(-1.2420140846e-1))
    p = system.multiply_add(p, z, system.constant(1.4249322787e-1))
    p = system.multiply_add(p, z, system.constant(-1.6668057665e-1))
    p = system.multiply_add(p, z, system.constant(2.0000714765e-1))
    p = system.multiply_add(p, z, system.constant(-2.4999993993e-1))
    p = system.multiply_add(p, z, system.constant(3.3333331174e-1))
    y = p * z * z2
    y = system.multiply_add(e, system.constant(LN2_LOW), y)
    y = system.multiply_add(z2, -half, y)
    answer = system.multiply_add(e, system.constant(LN2_HIGH), z + y)
    infinity = number_of(0x7F800000)
    # Infinity and NaN stay; zero gives minus infinity; below zero gives NaN.
    answer = system.where(system.less(x, infinity), answer, x)
    answer = system.where(system.equal(x, zero), -infinity, answer)
    return system.where(system.less(x, zero), number_of(0x7FC00000), answer)


@helper
def bounded(x: float, low: float, high: float, wide: Arithmetic) -> float:
    """X between two numbers; a NaN stays."""
    x = wide.where(wide.less(x, low), low, x)
    return wide.where(wide.less(high, x), high, x)


def exp_strict(system: Arithmetic, x: float) -> float:
    """`e^x`, correctly rounded."""
    wide = system.wide
    return narrow(wide_exp(bounded(widen(x), -110.0, 90.0, wide), wide))


def expm1_strict(system: Arithmetic, x: float) -> float:
    """`e^x - 1`, correctly rounded."""
    wide = system.wide
    return narrow(wide_expm1(bounded(widen(x), -30.0, 90.0, wide), wide))


def log_strict(system: Arithmetic, x: float) -> float:
    """Natural logarithm, correctly rounded."""
    wide = system.wide
    return narrow(outside_log(widen(x), 0.0, wide_log(widen(x), wide), wide))


def log1p_strict(system: Arithmetic, x: float) -> float:
    """`log(1 + x)`, correctly rounded."""
    wide = system.wide
    return narrow(outside_log(widen(x), -1.0, wide_log1p(widen(x), wide), wide))


@helper
def outside_log(x: float, pole: float, answer: float, wide: Arithmetic) -> float:
    """Minus infinity at the pole, NaN below; infinity and NaN stay."""
    infinity = wide_number_of(0x7FF0000000000000)
    answer = wide.where(wide.less(x, infinity), answer, x)
    answer = wide.where(wide.equal(x, pole), -infinity, answer)
    return wide.where(wide.less(x, pole), wide_number_of(0x7FF8000000000000), answer)


def tanh_strict(system: Arithmetic, x: float) -> float:
    """Hyperbolic tangent, correctly rounded."""
    return narrow(wide_tanh(widen(x), system.wide))


def erf_strict(system: Arithmetic, x: float) -> float:
    """Error function, correctly rounded."""
    return narrow(wide_erf(widen(x), system.wide))


FUNCTIONS = {
    ("exp", Mode.FAST): exp_fast,
    ("exp", Mode.STRICT): exp_strict,
    ("log", Mode.FAST): log_fast,
    ("log", Mode.STRICT): log_strict,
    ("expm1", Mode.FAST): expm1_strict,
    ("expm1", Mode.STRICT): expm1_strict,
    ("log1p", Mode.FAST): log1p_strict,
    ("log1p", Mode.STRICT): log1p_strict,
    ("tanh", Mode.FAST): tanh_strict,
    ("tanh", Mode.STRICT): tanh_strict,
    ("erf", Mode.FAST): erf_strict,
    ("erf", Mode.STRICT): erf_strict,
}
"""The elementary functions of binary32, by name and mode."""
