"""Elementary functions in binary64, for results that are rounded to binary32.

Their relative errors are a few units of 2^-53, so that one rounding to binary32
gives the correctly rounded answer for all but a few arguments; `rounded` lists
those. Additions and multiplications only, each rounded by itself, so that every
machine computes the same bits.

Polynomials: Taylor's for `exp` and the inverse hyperbolic tangent; for the error
function interpolation at Chebyshev nodes of values that the spec encloses.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, helper
from torchlean.cpu.primitives import wide_bits_of, wide_number_of

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693147180369123816490
"""The upper 32 bits of ln 2: times an exponent, it is exact."""
LN2_LOW = 1.90821492927058770002e-10
MAGIC = 6755399441055744.0
"""1.5 2^52: adding it rounds to an integer, which then stands in the lowest bits."""
MAGIC_BITS = 0x4338000000000000
EXPONENT_BITS = 52
EXPONENT_BIAS = 1023
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD


@helper
def wide_two_to(n: int) -> float:
    """2^n, of a normal exponent."""
    return wide_number_of((n + EXPONENT_BIAS) << EXPONENT_BITS)


@helper
def expm1_tail(r: float) -> float:
    """`(e^r - 1 - r) / r^2` for |r| <= ln(2)/2."""
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    return p


@helper
def artanh_tail(z: float) -> float:
    """`(artanh(s)/s - 1) / z` with z = s^2, for |s| <= 0.172."""
    p = 0.047619047619047616
    p = p * z + 0.05263157894736842
    p = p * z + 0.058823529411764705
    p = p * z + 0.06666666666666667
    p = p * z + 0.07692307692307693
    p = p * z + 0.09090909090909091
    p = p * z + 0.1111111111111111
    p = p * z + 0.14285714285714285
    p = p * z + 0.2
    p = p * z + 0.3333333333333333
    return p


@helper
def erf_near(z: float) -> float:
    """`erf(x) / x` with z = x^2, for |x| <= 1."""
    p = -7.795898827002142e-10
    p = p * z + 1.3720064546777686e-08
    p = p * z - 1.6208483801871705e-07
    p = p * z + 1.6447424703317362e-06
    p = p * z - 1.492473690741966e-05
    p = p * z + 0.00012055294904839707
    p = p * z - 0.0008548325975389692
    p = p * z + 0.0052239776071164225
    p = p * z - 0.02686617064323777
    p = p * z + 0.11283791670945006
    p = p * z - 0.37612638903183543
    p = p * z + 1.1283791670955126
    return p


@helper
def erfc_far(t: float) -> float:
    """`erfc(x) e^(x^2)` with t = 1 / (x + 2), for x from 1 to 4."""
    p = -121.64793708231073
    p = p * t + 184.9132480875423
    p = p * t + 154.2339143170594
    p = p * t - 614.6593224945582
    p = p * t + 664.8798649832846
    p = p * t - 366.68474103130814
    p = p * t + 115.09256761708373
    p = p * t - 30.184569646135778
    p = p * t + 7.973617223494451
    p = p * t + 2.1412590144345693
    p = p * t + 2.03664439411103
    p = p * t + 1.1245614619875925
    p = p * t + 0.564332310541215
    p = p * t - 2.449802451764576e-06
    return p


@helper
def split_exponent(x: float, wide: Arithmetic) -> tuple[int, float]:
    """`n` and `r` with `x = n ln 2 + r` and |r| <= ln(2)/2."""
    shifted = x * LOG2_E + MAGIC
    n = wide_bits_of(shifted) - MAGIC_BITS
    whole = shifted - MAGIC
    return n, (x - whole * LN2_HIGH) - whole * LN2_LOW


@helper
def wide_exp(x: float, wide: Arithmetic) -> float:
    """`e^x` for x from -200 to 200."""
    n, r = split_exponent(x, wide)
    return ((expm1_tail(r) * (r * r) + r) + 1.0) * wide_two_to(n)


@helper
def wide_expm1(x: float, wide: Arithmetic) -> float:
    """`e^x - 1` for x from -50 to 200."""
    n, r = split_exponent(x, wide)
    scale = wide_two_to(n)
    tail = expm1_tail(r) * (r * r)
    # Of small x the last bits of r count: nothing is added to it but the tail.
    answer = (tail + r) * scale + (scale - 1.0)
    return wide.where(wide.equal(x, 0.0), x, answer)


@helper
def wide_log_of(mantissa_less_one: float, exponent: int) -> float:
    """`exponent ln 2 + log(1 + f)`, f from sqrt(1/2) - 1 to sqrt(2) - 1."""
    f = mantissa_less_one
    s = f / (2.0 + f)
    z = s * s
    tail = artanh_tail(z) * z
    e = wide_number_of(exponent + MAGIC_BITS) - MAGIC
    return e * LN2_HIGH + (e * LN2_LOW + (2.0 * s + 2.0 * (s * tail)))


@helper
def wide_log(x: float, wide: Arithmetic) -> float:
    """`log x` for x normal, positive and finite."""
    bits = wide_bits_of(x)
    exponent = (bits - SQRT_HALF_BITS) >> EXPONENT_BITS
    mantissa = wide_number_of(bits - (exponent << EXPONENT_BITS))
    return wide_log_of(mantissa - 1.0, exponent)


@helper
def wide_log1p(x: float, wide: Arithmetic) -> float:
    """`log(1 + x)` for a finite binary32 number x above -1."""
    bits = wide_bits_of(1.0 + x)
    exponent = (bits - SQRT_HALF_BITS) >> EXPONENT_BITS
    mantissa = wide_number_of(bits - (exponent << EXPONENT_BITS))
    near = exponent == 0
    f = wide.where(near, x, mantissa - 1.0)
    return wide.where(wide.equal(x, 0.0), x, wide_log_of(f, exponent))


@helper
def wide_tanh(x: float, wide: Arithmetic) -> float:
    """Hyperbolic tangent."""
    size = wide.absolute(x)
    size = wide.where(wide.less(20.0, size), 20.0, size)
    power = wide_expm1(2.0 * size, wide)
    answer = power / (power + 2.0)
    signed = wide.where(wide.less(x, 0.0), -answer, answer)
    return wide.where(wide.equal(x, 0.0), x, signed)


@helper
def tanh_to_the_last_place(wide: Arithmetic, x: float) -> float:
    """Hyperbolic tangent in binary64 itself, within one unit in the last place.

    `t / (t + 2)` with `t = e^(2|x|) - 1`, where t and the denominator are pairs of a
    number and what rounding it has cost, and the quotient is corrected once.
    """
    size = wide.absolute(x)
    size = wide.where(wide.less(20.0, size), 20.0, size)
    shifted = (2.0 * size) * LOG2_E + MAGIC
    n = wide_bits_of(shifted) - MAGIC_BITS
    whole = shifted - MAGIC
    above = 2.0 * size - whole * LN2_HIGH
    r = above - whole * LN2_LOW
    r_lost = (above - r) - whole * LN2_LOW
    # t = 2^n (q + q_lost) + (2^n - 1)
    tail = expm1_tail(r) * (r * r) + r_lost
    q = r + tail
    q_lost = (r - q) + tail
    scale = wide_two_to(n)
    high, low = q * scale, scale - 1.0
    t = high + low
    part = t - high
    t_lost = ((high - (t - part)) + (low - part)) + q_lost * scale
    below = t + 2.0
    part = below - t
    below_lost = ((t - (below - part)) + (2.0 - part)) + t_lost
    quotient = t / below
    rest = wide.multiply_add(-quotient, below, t) + (t_lost - quotient * below_lost)
    answer = quotient + rest / below
    signed = wide.where(wide.less(x, 0.0), -answer, answer)
    return wide.where(wide.equal(x, 0.0), x, signed)


@helper
def wide_erf(x: float, wide: Arithmetic) -> float:
    """Error function of a binary32 number."""
    size = wide.absolute(x)
    size = wide.where(wide.less(4.0, size), 4.0, size)
    z = size * size
    near = size * erf_near(z)
    far = 1.0 - wide_exp(-z, wide) * erfc_far(1.0 / (size + 2.0))
    answer = wide.where(wide.less(size, 1.0), near, far)
    signed = wide.where(wide.less(x, 0.0), -answer, answer)
    return wide.where(wide.equal(x, 0.0), x, signed)
