"""Elementary functions in binary32, which vectorise: no tables, no branches.

The compiler has no vector library to call, so these are polynomials and bit
operations, written so that eight or sixteen elements go through them at once.

In fast mode they are within one unit in the last place: `exp`, `log` and `log1p`
compute in binary32, the others in binary64 with short polynomials. In strict mode they
compute in binary64 and round once, which is correct rounding for every argument there
is: the few that binary64 does not decide are listed.

Measured over all 2^32 arguments, with fused multiply-add
(`python -m torchlean.cpu.measure_elementary`), in units in the last place:

    fast    exp 0.8732   expm1 0.5104   log 0.8265   log1p 0.8883   tanh 0.5068
            erf 0.5405
    strict  0.5: none wrong, of 532 arguments whose values lie within a relative
            2^-48 of the middle between two numbers
"""

from __future__ import annotations

from collections.abc import Callable

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
    split_exponent,
    tanh_to_the_last_place,
    wide_erf,
    wide_exp,
    wide_expm1,
    wide_log,
    wide_log1p,
    wide_tanh,
    wide_two_to,
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


@helper
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


@helper
def bounded(x: float, low: float, high: float, wide: Arithmetic) -> float:
    """X between two numbers; a NaN stays."""
    x = wide.where(wide.less(x, low), low, x)
    return wide.where(wide.less(high, x), high, x)


SQRT_HALF_BITS = 0x3F3504F3
SMALLEST_NORMAL = 1.1754943508222875e-38
LIFT = 8388608.0
"""2^23: makes a subnormal number normal."""


@helper
def log_of_parts(system: Arithmetic, f: float, lost: float, exponent: float) -> float:
    """`exponent ln 2 + log(1 + f + lost)`, `lost` far below f."""
    z2 = f * f
    p = system.constant(7.0376836292e-2)
    p = system.multiply_add(p, f, system.constant(-1.1514610310e-1))
    p = system.multiply_add(p, f, system.constant(1.1676998740e-1))
    p = system.multiply_add(p, f, system.constant(-1.2420140846e-1))
    p = system.multiply_add(p, f, system.constant(1.4249322787e-1))
    p = system.multiply_add(p, f, system.constant(-1.6668057665e-1))
    p = system.multiply_add(p, f, system.constant(2.0000714765e-1))
    p = system.multiply_add(p, f, system.constant(-2.4999993993e-1))
    p = system.multiply_add(p, f, system.constant(3.3333331174e-1))
    y = system.multiply_add(p * f, z2, lost)
    y = system.multiply_add(exponent, system.constant(LN2_LOW), y)
    y = system.multiply_add(z2, system.constant(-0.5), y)
    return system.multiply_add(exponent, system.constant(LN2_HIGH), f + y)


@helper
def outside_fast_log(system: Arithmetic, x: float, pole: float, answer: float) -> float:
    """Minus infinity at the pole, NaN below; infinity and NaN stay."""
    infinity = number_of(0x7F800000)
    answer = system.where(system.less(x, infinity), answer, x)
    answer = system.where(system.equal(x, pole), -infinity, answer)
    return system.where(system.less(x, pole), number_of(0x7FC00000), answer)


def log_fast(system: Arithmetic, x: float) -> float:
    """`log x = e ln 2 + log m` with m from sqrt(1/2) to sqrt(2)."""
    zero, one = system.constant(0), system.constant(1)
    tiny = system.less(x, system.constant(SMALLEST_NORMAL))
    bits = bits_of(system.where(tiny, x * system.constant(LIFT), x))
    shift = (bits - SQRT_HALF_BITS) >> EXPONENT_BITS
    f = number_of(bits - (shift << EXPONENT_BITS)) - one
    exponent = number_of(shift + MAGIC_BITS) - system.constant(MAGIC)
    exponent = exponent - system.where(tiny, system.constant(23), zero)
    answer = log_of_parts(system, f, zero, exponent)
    return outside_fast_log(system, x, zero, answer)


def log1p_fast(system: Arithmetic, x: float) -> float:
    """`log(1 + x)`: what rounding 1 + x has cost is given back."""
    one = system.constant(1)
    total = one + x
    bits = bits_of(total)
    shift = (bits - SQRT_HALF_BITS) >> EXPONENT_BITS
    head = number_of(bits - (shift << EXPONENT_BITS)) - one
    # A total above 2^30 has lost nothing that counts.
    tail = (x - (total - one)) * two_to(-min(shift, 30))
    f = head + tail
    lost = (head - f) + tail
    exponent = number_of(shift + MAGIC_BITS) - system.constant(MAGIC)
    answer = log_of_parts(system, f, lost, exponent)
    answer = system.where(system.equal(x, system.constant(0)), x, answer)
    return outside_fast_log(system, x, -one, answer)


ERF_NEAR = 1.0
"""Up to here `erf` is a polynomial, beyond it comes from `exp`."""


@helper
def short_expm1(wide: Arithmetic, x: float) -> float:
    """`e^x - 1` within a relative 2^-30, for x from -50 to 50."""
    n, r = split_exponent(x, wide)
    scale = wide_two_to(n)
    p = 0.00019890980869750327
    p = wide.multiply_add(p, r, 0.0013933641031986701)
    p = wide.multiply_add(p, r, 0.008333310934448869)
    p = wide.multiply_add(p, r, 0.04166646500604005)
    p = wide.multiply_add(p, r, 0.16666666681614256)
    p = wide.multiply_add(p, r, 0.5000000013457727)
    tail = wide.multiply_add(p, r * r, r)
    return wide.multiply_add(tail, scale, scale - 1.0)


def tanh_fast(system: Arithmetic, x: float) -> float:
    """`t / (t + 2)` with `t = e^(2|x|) - 1`."""
    wide = system.wide
    argument = widen(x)
    size = bounded(wide.absolute(argument), 0.0, 10.0, wide)
    t = short_expm1(wide, 2.0 * size)
    answer = t / (t + 2.0)
    answer = wide.where(wide.less(argument, 0.0), -answer, answer)
    return narrow(wide.where(wide.equal(argument, 0.0), argument, answer))


def erf_fast(system: Arithmetic, x: float) -> float:
    """`x + x p(x^2)` near zero, else `1 - e^(-x^2) q(1 / (|x| + 2))`."""
    wide = system.wide
    argument = widen(x)
    size = bounded(wide.absolute(argument), 0.0, 4.0, wide)
    z = size * size
    p = 7.875875062685488e-05
    p = wide.multiply_add(p, z, -0.000801686428716587)
    p = wide.multiply_add(p, z, 0.005189087423433974)
    p = wide.multiply_add(p, z, -0.026854212010626412)
    p = wide.multiply_add(p, z, 0.11283594715160218)
    p = wide.multiply_add(p, z, -0.37612626666720334)
    p = wide.multiply_add(p, z, 0.12837916584835093)
    near = wide.multiply_add(p, size, size)
    t = 1.0 / (size + 2.0)
    p = -3.432347396924675
    p = wide.multiply_add(p, t, -1.8260863988446772)
    p = wide.multiply_add(p, t, 6.455920853461253)
    p = wide.multiply_add(p, t, 0.811963299543454)
    p = wide.multiply_add(p, t, 1.3230285348114388)
    p = wide.multiply_add(p, t, 0.547268680168792)
    p = wide.multiply_add(p, t, 0.0006051183909673803)
    bell = short_expm1(wide, -z) + 1.0
    far = wide.multiply_add(bell, -p, 1.0)
    answer = wide.where(wide.less(size, ERF_NEAR), near, far)
    answer = wide.where(wide.less(argument, 0.0), -answer, answer)
    return narrow(wide.where(wide.equal(argument, 0.0), argument, answer))


def expm1_fast(system: Arithmetic, x: float) -> float:
    """`e^x - 1`."""
    wide = system.wide
    argument = bounded(widen(x), -30.0, 90.0, wide)
    answer = short_expm1(wide, argument)
    return narrow(wide.where(wide.equal(argument, 0.0), argument, answer))


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
    answer = narrow(outside_log(widen(x), 0.0, wide_log(widen(x), wide), wide))
    # The five arguments of 2^32 that binary64 does not decide.
    answer = corrected(system, x, 0.011794382706284523, -4.440131664276123, answer)
    answer = corrected(system, x, 9.472636222839355, 2.2484071254730225, answer)
    answer = corrected(system, x, 58037908.0, 17.87660789489746, answer)
    answer = corrected(system, x, 1.2783783694984994e23, 53.20505142211914, answer)
    return corrected(system, x, 5.498306075456329e28, 66.17682647705078, answer)


@helper
def corrected(
    system: Arithmetic, x: float, argument: float, value: float, answer: float
) -> float:
    """The value at one argument, else the answer."""
    hit = system.equal(x, system.constant(argument))
    return system.where(hit, system.constant(value), answer)


def log1p_strict(system: Arithmetic, x: float) -> float:
    """`log(1 + x)`, correctly rounded."""
    wide = system.wide
    answer = narrow(outside_log(widen(x), -1.0, wide_log1p(widen(x), wide), wide))
    # The eight arguments of 2^32 that binary64 does not decide.
    answer = corrected(system, x, 7.152559078349441e-07, 7.152556804612686e-07, answer)
    answer = corrected(system, x, 8.583093404013198e-06, 8.583057024225127e-06, answer)
    answer = corrected(system, x, 8.472636222839355, 2.2484071254730225, answer)
    answer = corrected(system, x, 1.2783783694984994e23, 53.20505142211914, answer)
    answer = corrected(system, x, 5.498306075456329e28, 66.17682647705078, answer)
    answer = corrected(
        system, x, -7.152555667744309e-07, -7.152557941481064e-07, answer
    )
    answer = corrected(
        system, x, -8.583044291299302e-06, -8.583080671087373e-06, answer
    )
    return corrected(system, x, -0.0021787146106362343, -0.0021810915786772966, answer)


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


Elementary = Callable[[Arithmetic, float], float]

FUNCTIONS: dict[tuple[str, Mode], Elementary] = {
    ("exp", Mode.FAST): exp_fast,
    ("exp", Mode.STRICT): exp_strict,
    ("log", Mode.FAST): log_fast,
    ("log", Mode.STRICT): log_strict,
    ("expm1", Mode.FAST): expm1_fast,
    ("expm1", Mode.STRICT): expm1_strict,
    ("log1p", Mode.FAST): log1p_fast,
    ("log1p", Mode.STRICT): log1p_strict,
    ("tanh", Mode.FAST): tanh_fast,
    ("tanh", Mode.STRICT): tanh_strict,
    ("erf", Mode.FAST): erf_fast,
    ("erf", Mode.STRICT): erf_strict,
}
"""The elementary functions of binary32, by name and mode."""

WIDE_FUNCTIONS: dict[str, Elementary] = {"tanh": tanh_to_the_last_place}
"""Functions of binary64 that the C library has less accurately; fast mode alone."""
