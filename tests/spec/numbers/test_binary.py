"""Binary numbers against NumPy, against integers, and against exact rationals."""

import math
import operator
import random
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean_spec.numbers import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    FLOAT8_E4M3FN,
    FLOAT8_E5M2,
    Binary,
    BinaryNumber,
)
from torchlean_spec.numbers.elementary import enclose

Floats = NDArray[np.floating]

TYPES: dict[str, tuple[type[np.floating], type[np.unsignedinteger]]] = {
    "binary16": (np.float16, np.uint16),
    "binary32": (np.float32, np.uint32),
    "binary64": (np.float64, np.uint64),
}
QUICK = {
    "binary16": BINARY16,
    "binary32": BINARY32,
    "binary64": BINARY64,
    "bfloat16": BFLOAT16,
    "float8_e5m2": FLOAT8_E5M2,
    "float8_e4m3fn": FLOAT8_E4M3FN,
}
OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
FUNCTIONS = ["exp", "expm1", "log", "log1p", "tanh", "erf"]


def by_integers(system: Binary) -> Binary:
    """The same format without Python floats."""
    wanted = system.format
    return Binary(
        wanted.exponent_bits,
        wanted.precision,
        infinities=wanted.infinities,
        by_integers=True,
    )


BOTH_WAYS = [
    pytest.param(system, id=f"{name} {way}")
    for name in TYPES
    for way, system in (
        ("by floats", QUICK[name]),
        ("by integers", by_integers(QUICK[name])),
    )
]


def samples(name: str, count: int, seed: int) -> Floats:
    """Random patterns, ordinary numbers, and every kind of special one."""
    kind, bits = TYPES[name]
    generator = np.random.default_rng(seed)
    top = np.iinfo(bits).max
    found = generator.integers(0, top, count, bits, endpoint=True).view(kind)
    found[::3] = generator.normal(size=len(found[::3])).astype(kind)
    limits = np.finfo(kind)
    least, tiny, largest = limits.smallest_subnormal, limits.tiny, limits.max
    special = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1,
        -1,
        3,
        least,
        -least,
        tiny,
        largest,
    ]
    special += [np.nextafter(tiny, kind(0)), np.nextafter(kind(1), kind(2)), -largest]
    found[::11] = generator.choice(np.array(special, kind), len(found[::11]))
    return found


def patterns(name: str, values: Floats) -> list[int]:
    """The bits, with one pattern for NaN."""
    kind, bits = TYPES[name]
    canonical = np.where(np.isnan(values), np.array(np.nan, kind), values)
    return [
        int(each)
        for each in np.abs(canonical, where=np.isnan(values), out=canonical).view(bits)
    ]


def numbers(system: Binary, values: Floats) -> list[BinaryNumber]:
    """The numbers of a NumPy array of the same format."""
    return [system.from_float(float(each)) for each in values]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("system", BOTH_WAYS)
def test_arithmetic_has_the_bits_of_numpy(system: Binary, name: str) -> None:
    """Sums, differences, products and quotients, of numbers of every kind."""
    operation = OPERATORS[name]
    left = samples(system.name, 3000, 1)
    right = samples(system.name, 3000, 2)
    with np.errstate(all="ignore"):
        expected = patterns(system.name, operation(left, right))
    pairs = zip(numbers(system, left), numbers(system, right), strict=True)
    assert [operation(x, y).bits for x, y in pairs] == expected


@pytest.mark.parametrize("system", BOTH_WAYS)
def test_roots_signs_and_order_have_the_bits_of_numpy(system: Binary) -> None:
    """Square root, absolute value, negation, and the three comparisons."""
    left = samples(system.name, 3000, 3)
    right = samples(system.name, 3000, 4)
    xs, ys = numbers(system, left), numbers(system, right)
    with np.errstate(all="ignore"):
        roots = patterns(system.name, np.sqrt(left))
    assert [system.sqrt(x).bits for x in xs] == roots
    assert [system.absolute(x).bits for x in xs] == patterns(system.name, np.abs(left))
    assert [(-x).bits for x in xs] == patterns(system.name, -left)
    pairs = list(zip(xs, ys, strict=True))
    assert [system.less(x, y) for x, y in pairs] == (left < right).tolist()
    assert [system.less_equal(x, y) for x, y in pairs] == (left <= right).tolist()
    assert [system.equal(x, y) for x, y in pairs] == (left == right).tolist()


@pytest.mark.parametrize("system", BOTH_WAYS)
def test_extremes_keep_nan_and_order_zeros(system: Binary) -> None:
    """Where neither is NaN and the two differ, the extremes are NumPy's."""
    left = samples(system.name, 2000, 5)
    right = samples(system.name, 2000, 6)
    xs, ys = numbers(system, left), numbers(system, right)
    zeros = (left == 0) & (right == 0)
    negative = np.signbit(left), np.signbit(right)
    larger = np.where(zeros & ~(negative[0] & negative[1]), 0, np.maximum(left, right))
    smaller = np.where(
        zeros & (negative[0] | negative[1]), -0.0, np.minimum(left, right)
    )
    kind = TYPES[system.name][0]
    pairs = list(zip(xs, ys, strict=True))
    found = [system.maximum(x, y).bits for x, y in pairs]
    assert found == patterns(system.name, larger.astype(kind))
    found = [system.minimum(x, y).bits for x, y in pairs]
    assert found == patterns(system.name, smaller.astype(kind))


@pytest.mark.parametrize("system", [BINARY16, by_integers(BINARY16)])
def test_every_half_is_converted_and_rooted_as_by_numpy(system: Binary) -> None:
    """All 65536 patterns of binary16: value, bits, sign, root, wider, narrower."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    xs = [system.from_bits(bits) for bits in range(2**16)]
    canonical = patterns("binary16", halves)
    assert [x.bits for x in xs] == canonical
    back = np.array([float(x) for x in xs])
    assert np.array_equal(back, halves.astype(np.float64), equal_nan=True)
    assert [system.from_float(each).bits for each in back.tolist()] == canonical
    assert [(-x).bits for x in xs] == patterns("binary16", -halves)
    assert [system.absolute(x).bits for x in xs] == patterns("binary16", np.abs(halves))
    with np.errstate(invalid="ignore"):
        roots = patterns("binary16", np.sqrt(halves))
    assert [system.sqrt(x).bits for x in xs] == roots
    wider = patterns("binary32", halves.astype(np.float32))
    assert [BINARY32.convert(x).bits for x in xs] == wider
    assert [system.convert(BINARY32.convert(x)).bits for x in xs] == canonical


@pytest.mark.parametrize("system", [BINARY16, by_integers(BINARY16)])
def test_ties_between_halves_go_to_even(system: Binary) -> None:
    """Each number half way between two of binary16, and its neighbours."""
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float64)
    middle = (halves[:-1] + halves[1:]) / 2
    for values in (middle, np.nextafter(middle, 0), np.nextafter(middle, 1e9), -middle):
        expected = patterns("binary16", values.astype(np.float16))
        assert [system.from_float(each).bits for each in values.tolist()] == expected


@pytest.mark.parametrize("source", [BINARY64, by_integers(BINARY64)])
@pytest.mark.parametrize("name", ["binary16", "binary32"])
def test_narrowing_has_the_bits_of_numpy(source: Binary, name: str) -> None:
    """From binary64 to a narrower format, overflow and underflow included."""
    values = samples("binary64", 4000, 7)
    with np.errstate(all="ignore"):
        values[1::2] = (values[1::2] % 2.0**18) * 2.0**-16
        expected = patterns(name, values.astype(TYPES[name][0]))
    converted = [QUICK[name].convert(x).bits for x in numbers(source, values)]
    assert converted == expected


def test_bfloat16_is_binary32_rounded_to_its_upper_half() -> None:
    """Rounding the lower 16 bits away, ties to even, by integer arithmetic."""
    values = samples("binary32", 4000, 8)
    values = values[np.isfinite(values)]
    bits = values.view(np.uint32).astype(np.uint64)
    expected = ((bits + 0x7FFF + (bits >> np.uint64(16) & np.uint64(1))) >> 16).tolist()
    assert [BFLOAT16.from_float(float(each)).bits for each in values] == expected


@pytest.mark.parametrize("name", QUICK)
def test_floats_and_integers_give_the_same_bits(name: str) -> None:
    """Every operation on random patterns, by the quick way and by the plain one."""
    quick, plain = QUICK[name], by_integers(QUICK[name])
    chance = random.Random(name)
    width = quick.format.exponent_bits + quick.format.precision
    for _ in range(1500):
        triple = [chance.getrandbits(width) for _ in range(3)]
        if chance.random() < 0.5:
            # Exponents close to each other, so that sums round and cancel.
            shift = quick.format.precision - 1
            field = (chance.getrandbits(width) >> shift) << shift
            triple = [field ^ (bits & ((1 << (shift + 1)) - 1)) for bits in triple]
        x, y, z = map(quick.from_bits, triple)
        a, b, c = map(plain.from_bits, triple)
        for operation in OPERATORS.values():
            assert operation(x, y) == operation(a, b)
        fused = quick.fused_multiply_add(x, y, z)
        assert fused == plain.fused_multiply_add(a, b, c)
        assert quick.sqrt(x) == plain.sqrt(a)
        assert -x == -a
        assert quick.absolute(x) == plain.absolute(a)
        assert quick.maximum(x, y) == plain.maximum(a, b)
        assert quick.minimum(x, y) == plain.minimum(a, b)
        assert quick.less(x, y) == plain.less(a, b)
        assert quick.less_equal(x, y) == plain.less_equal(a, b)
        assert quick.equal(x, x) == plain.equal(a, a)


@pytest.mark.parametrize("name", QUICK)
def test_functions_by_floats_and_by_integers_agree(name: str) -> None:
    """The elementary functions of random patterns."""
    quick, plain = QUICK[name], by_integers(QUICK[name])
    chance = random.Random(name)
    width = quick.format.exponent_bits + quick.format.precision
    for _ in range(200):
        bits = chance.getrandbits(width)
        for function in FUNCTIONS:
            expected = getattr(plain, function)(plain.from_bits(bits))
            assert getattr(quick, function)(quick.from_bits(bits)) == expected


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("count", [0, 1, 5, 31, 32, 33, 100, 1024, 1025, 2500])
def test_sums_by_floats_and_by_integers_agree(name: str, count: int) -> None:
    """The strict tree by long vectors and by single additions; zeros and signs too."""
    quick, plain = QUICK[name], by_integers(QUICK[name])
    chance = random.Random(count)
    values = [chance.choice([-0.0, chance.gauss(0, 1)]) for _ in range(count)]
    factors = [chance.choice([0.0, 1e5, chance.gauss(0, 9)]) for _ in range(count)]
    xs, ys = ([quick.from_float(each) for each in run] for run in (values, factors))
    us, vs = ([plain.from_float(each) for each in run] for run in (values, factors))
    assert quick.sum(xs) == plain.sum(us)
    assert quick.dot(xs, ys) == plain.dot(us, vs)
    assert quick.inner_products([xs, ys], [ys, xs, xs]) == (
        plain.inner_products([us, vs], [vs, us, us])
    )


def test_products_without_rows_or_terms() -> None:
    """No row gives nothing, no terms give +0."""
    assert BINARY32.inner_products([], [[]]) == []
    assert BINARY32.inner_products([[]], []) == []
    zero = BINARY32.from_float(0.0)
    assert BINARY32.inner_products([[], []], [[], [], []]) == [zero] * 6
    assert BINARY32.sum([-zero] * 40) == zero


def is_nearest(system: Binary, found: BinaryNumber, exact: Fraction) -> bool:
    """Whether no neighbour is nearer, and of two as near this is the even one."""
    distance = abs(Fraction(float(found)) - exact)
    for step in (-1, 1):
        if found.bits + step < 0:
            continue
        neighbour = system.from_bits(found.bits + step)
        if math.isfinite(float(neighbour)):
            other = abs(Fraction(float(neighbour)) - exact)
            if other < distance or (other == distance and found.bits % 2):
                return False
    return True


@pytest.mark.parametrize(
    "system", [BINARY16, BINARY32, BFLOAT16, by_integers(BINARY32)]
)
def test_a_fused_multiply_add_rounds_once(system: Binary) -> None:
    """The result is the number nearest to the exact x y + z."""
    chance = random.Random(10)
    for _ in range(1000):
        x, y = (system.from_float(chance.gauss(0, 1)) for _ in range(2))
        near = chance.choice([-float(x) * float(y), chance.gauss(0, 2.0**-10)])
        z = system.from_float(near)
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        found = system.fused_multiply_add(x, y, z)
        if exact == 0:
            assert float(found) == 0
        else:
            assert is_nearest(system, found, exact)


def test_a_fused_multiply_add_differs_from_two_roundings() -> None:
    """The product's lower bits survive where the sum cancels its upper ones."""
    x = BINARY32.from_float(1 + 2.0**-23)
    z = BINARY32.from_float(-(1 + 2.0**-22))
    assert float(BINARY32.fused_multiply_add(x, x, z)) == 2.0**-46
    assert float(x * x + z) == 0.0


@pytest.mark.parametrize(
    "values",
    [
        (math.inf, 0.0, 1.0, math.nan),
        (math.inf, 1.0, -math.inf, math.nan),
        (2.0, 3.0, math.inf, math.inf),
        (math.nan, 1.0, 1.0, math.nan),
        (0.0, -1.0, 0.0, 0.0),
        (0.0, -1.0, -0.0, -0.0),
        (2.0, 3.0, -6.0, 0.0),
    ],
)
@pytest.mark.parametrize("system", [BINARY32, by_integers(BINARY32), BINARY64])
def test_a_fused_multiply_add_of_specials(
    system: Binary, values: tuple[float, float, float, float]
) -> None:
    """Infinities, NaN, and the signs of exact zeros."""
    x, y, z, expected = map(system.from_float, values)
    assert system.fused_multiply_add(x, y, z) == expected


FORMATS = [BINARY16, BFLOAT16, BINARY32, BINARY64, by_integers(BINARY32)]


@pytest.mark.parametrize("system", FORMATS, ids=lambda each: each.name)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_elementary_functions_are_correctly_rounded(system: Binary, name: str) -> None:
    """No neighbour is nearer to the value, which is known to 200 bits."""
    chance = random.Random(name)
    function = getattr(system, name)
    for _ in range(300):
        size = 2.0 ** chance.randint(-30, 6)
        value = chance.choice([chance.uniform(-1, 1) * size, 1 + size / 2**7])
        x = system.from_float(abs(value) if name == "log" else max(value, -0.99))
        found = function(x)
        argument = Fraction(float(x))
        if argument == 0 or (name == "log" and argument == 1):
            continue
        lower, upper = enclose(name, argument, 200)
        if lower < Fraction(float(system.format.largest)):
            assert is_nearest(system, found, (lower + upper) / 2)
        else:
            assert float(found) == math.inf


@pytest.mark.parametrize("system", FORMATS, ids=lambda each: each.name)
def test_elementary_functions_at_their_edges(system: Binary) -> None:
    """Zeros keep their signs; poles, domains and infinities are IEEE 754's."""
    expected = {
        "exp": [1.0, 1.0, math.inf, 0.0, math.e, 1 / math.e],
        "expm1": [0.0, -0.0, math.inf, -1.0, math.e - 1, 1 / math.e - 1],
        "log": [-math.inf, -math.inf, math.inf, math.nan, 0.0, math.nan],
        "log1p": [0.0, -0.0, math.inf, math.nan, math.log(2), -math.inf],
        "tanh": [0.0, -0.0, 1.0, -1.0, math.tanh(1), math.tanh(-1)],
        "erf": [0.0, -0.0, 1.0, -1.0, math.erf(1), math.erf(-1)],
    }
    arguments = [0.0, -0.0, math.inf, -math.inf, 1.0, -1.0, math.nan]
    for name, answers in expected.items():
        function = getattr(system, name)
        found = [function(system.from_float(x)) for x in arguments]
        assert found[:4] == [system.from_float(each) for each in answers[:4]]
        assert float(found[6]) != float(found[6])
        for answer, value in zip(found[4:6], answers[4:], strict=True):
            near = system.from_float(value)
            assert answer == near or abs(answer.bits - near.bits) == 1


@pytest.mark.parametrize(
    ("x", "exp"),
    [
        (88.72283, 3.4027985e38),
        (88.72284, math.inf),
        (-103.97208, 2.0**-149),
        (-103.972084, 0.0),
        (1e38, math.inf),
        (-1e38, 0.0),
        (2.0**-149, 1.0),
    ],
)
def test_binary32_exp_where_it_overflows_and_underflows(x: float, exp: float) -> None:
    """The last finite value, the least positive one, and what lies beyond."""
    for system in (BINARY32, by_integers(BINARY32)):
        found = system.exp(system.from_float(x))
        assert found == system.from_float(exp)
