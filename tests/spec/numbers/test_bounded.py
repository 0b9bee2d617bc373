"""Bounded numbers: honest answers lie inside, wrong ones outside."""

import itertools
import math
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np
import pytest

from torchlean_spec.numbers import (
    BINARY64,
    RATIONAL,
    Binary,
    BinaryNumber,
    Bounded,
    NumberSystem,
    bounded,
    format_named,
)
from torchlean_spec.numbers.elementary import enclose
from torchlean_spec.numbers.system import A

FORMATS = ["float16", "bfloat16", "float32", "float64"]
SYSTEM = bounded("float32")


class Honest(Binary):
    """An implementation that uses, at random, each freedom that rounding gives.

    Sums are taken in a random order by a random tree, products are fused into them
    or not, and an elementary function answers either neighbour of the exact value.
    """

    def __init__(self, name: str, seed: int) -> None:
        wanted = format_named(name)
        super().__init__(wanted.exponent_bits, wanted.precision)
        self.chance = random.Random(seed)

    def _either(
        self, name: str, rounded: BinaryNumber, x: BinaryNumber
    ) -> BinaryNumber:
        value = float(rounded)
        if not 0 < abs(value) < math.inf or self.chance.random() < 0.5:
            return rounded
        lower, upper = enclose(name, Fraction(float(x)), 200)
        if lower == upper:
            return rounded
        away = (Fraction(value) < lower) == (value > 0)
        return self.from_bits(rounded.bits + (1 if away else -1))

    def exp(self, x: BinaryNumber, /) -> BinaryNumber:
        return self._either("exp", super().exp(x), x)

    def expm1(self, x: BinaryNumber, /) -> BinaryNumber:
        return self._either("expm1", super().expm1(x), x)

    def log(self, x: BinaryNumber, /) -> BinaryNumber:
        return self._either("log", super().log(x), x)

    def log1p(self, x: BinaryNumber, /) -> BinaryNumber:
        return self._either("log1p", super().log1p(x), x)

    def tanh(self, x: BinaryNumber, /) -> BinaryNumber:
        return self._either("tanh", super().tanh(x), x)

    def erf(self, x: BinaryNumber, /) -> BinaryNumber:
        return self._either("erf", super().erf(x), x)

    def sum(self, values: Sequence[BinaryNumber], /) -> BinaryNumber:
        left = list(values)
        while len(left) > 1:
            first = left.pop(self.chance.randrange(len(left)))
            second = left.pop(self.chance.randrange(len(left)))
            left.append(first + second)
        return left[0] if left else self.from_float(0.0)

    def dot(
        self, left: Sequence[BinaryNumber], right: Sequence[BinaryNumber], /
    ) -> BinaryNumber:
        pairs = list(zip(left, right, strict=True))
        self.chance.shuffle(pairs)
        chains: list[BinaryNumber] = []
        for x, y in pairs:
            if chains and self.chance.random() < 0.7:
                chains[-1] = self.fused_multiply_add(x, y, chains[-1])
            else:
                chains.append(x * y)
        return self.sum(chains)

    def inner_products(
        self,
        rows: Sequence[Sequence[BinaryNumber]],
        columns: Sequence[Sequence[BinaryNumber]],
        /,
    ) -> list[BinaryNumber]:
        return [self.dot(row, column) for row in rows for column in columns]


def softmax(system: NumberSystem[A], inputs: Sequence[A]) -> list[A]:
    """exp(x - max) over its sum."""
    top = inputs[0]
    for each in inputs:
        top = system.maximum(top, each)
    powers = [system.exp(each - top) for each in inputs]
    total = system.sum(powers)
    return [power / total for power in powers]


def log_softmax(system: NumberSystem[A], inputs: Sequence[A]) -> list[A]:
    """x - max - log(sum(exp(x - max)))."""
    top = inputs[0]
    for each in inputs:
        top = system.maximum(top, each)
    shift = system.log(system.sum([system.exp(each - top) for each in inputs]))
    return [each - top - shift for each in inputs]


def layers(system: NumberSystem[A], inputs: Sequence[A]) -> list[A]:
    """Two products with a matrix made of the inputs, tanh and relu between."""
    rows = [[*inputs[shift:], *inputs[:shift]] for shift in range(4)]
    hidden = [system.tanh(each) for each in system.inner_products(rows, rows)]
    zero = system.constant(0)
    hidden = [system.where(system.less(zero, each), each, zero) for each in hidden]
    return system.inner_products([hidden[:4], hidden[4:8]], [hidden[8:12]])


def adam(system: NumberSystem[A], inputs: Sequence[A]) -> list[A]:
    """One step of Adam for an element whose state is made of the inputs."""
    parameter, first, second, gradient = inputs[:4]
    second = second * second
    first = system.constant(Fraction(9, 10)) * first
    first = first + system.constant(Fraction(1, 10)) * gradient
    second = system.constant(Fraction(999, 1000)) * second
    second = second + system.constant(Fraction(1, 1000)) * gradient * gradient
    scale = system.sqrt(second) + system.constant(Fraction(1, 10**8))
    move = system.constant(Fraction(1, 1000)) * first / scale
    return [parameter - move, first, second]


def activations(system: NumberSystem[A], inputs: Sequence[A]) -> list[A]:
    """Everything else: erf, expm1, log1p, square roots, quotients, extremes."""
    one, half = system.constant(1), system.constant(Fraction(1, 2))
    found = []
    for x in inputs:
        size = system.absolute(x)
        found.append(
            half * x * (one + system.erf(x * system.constant(Fraction(7, 10))))
        )
        found.append(system.where(system.less(x, half), system.expm1(x), x))
        found.append(system.maximum(x, one) + system.log1p(system.exp(-size)))
        found.append(x / (one + system.sqrt(size)) - system.minimum(x, half))
        found.append(system.log1p(size) * system.log(size + half))
    return found


class Text(Protocol):
    """An equation of the spec: one source text for all systems."""

    def __call__(self, system: NumberSystem[A], inputs: Sequence[A], /) -> list[A]: ...


def over(text: Text, system: NumberSystem[A], values: Sequence[float]) -> list[A]:
    """An equation over one system, on recorded floats."""
    return text(system, [system.from_float(value) for value in values])


PROGRAMS: dict[str, Text] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "layers": layers,
    "adam": adam,
    "activations": activations,
}


def inputs_of(name: str, seed: int) -> list[float]:
    """Numbers of a format: ordinary, of wide range, or close to each other."""
    chance = random.Random(seed)
    wanted = format_named(name)
    system = Binary(wanted.exponent_bits, wanted.precision)
    kind = seed % 3
    found = []
    for _ in range(8):
        value = chance.gauss(0, 1)
        value *= 10.0 ** chance.uniform(-4, 0) if kind == 1 else 1.0
        value = 1 + value / 1000 if kind == 2 else value
        found.append(float(system.from_float(value)))
    return found


def refused(allowed: Sequence[Bounded], answers: Sequence[float]) -> list[object]:
    """The sets, and the answers outside them."""
    pairs = zip(allowed, answers, strict=True)
    return [(number, answer) for number, answer in pairs if not number.admits(answer)]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_honest_answers_lie_inside(name: str, program: str) -> None:
    """Any order, any contraction, any elementary function within an ulp."""
    for seed in range(6 if name == "float64" else 30):
        values = inputs_of(name, seed)
        allowed = over(PROGRAMS[program], bounded(name), values)
        for attempt in range(3):
            honest = Honest(name, 1000 * seed + attempt)
            answers = over(PROGRAMS[program], honest, values)
            assert refused(allowed, list(map(float, answers))) == []


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_wider_arithmetic_lies_inside(name: str, program: str) -> None:
    """Computing in binary64 and rounding once at the end is honest too."""
    wanted = format_named(name)
    narrow = Binary(wanted.exponent_bits, wanted.precision)
    for seed in range(30):
        values = inputs_of(name, seed)
        allowed = over(PROGRAMS[program], bounded(name), values)
        answers = map(narrow.convert, over(PROGRAMS[program], BINARY64, values))
        assert refused(allowed, list(map(float, answers))) == []


def polynomial(system: NumberSystem[A], inputs: Sequence[A]) -> list[A]:
    """Rational arithmetic of every kind."""
    one = system.constant(1)
    found = []
    for x, y in itertools.pairwise(inputs):
        found.append(x * y - x / (one + y * y) + system.constant(Fraction(1, 3)))
        found.append(system.maximum(x * x, y) - system.absolute(x - y))
    return [*found, system.sum(found), system.dot(found, found)]


@pytest.mark.parametrize("name", FORMATS)
def test_the_exact_value_lies_inside(name: str) -> None:
    """The same text over exact rationals gives a member of each set."""
    system = bounded(name)
    for seed in range(20):
        values = inputs_of(name, seed)
        allowed = polynomial(system, [system.from_float(v) for v in values])
        exact = polynomial(RATIONAL, [RATIONAL.from_float(v) for v in values])
        for number, value in zip(allowed, exact, strict=True):
            low, high = finite(number)
            assert low <= value <= high


def finite(number: Bounded) -> tuple[Fraction, Fraction]:
    """The finite answers of a number."""
    interval = number.all_outcomes().finite
    assert interval is not None
    return interval


def test_sums_admit_every_order_and_no_lost_term() -> None:
    """NumPy's sums in random orders lie inside; a dropped or doubled term does not."""
    generator = np.random.default_rng(3)
    for count in (2, 7, 64):
        for _ in range(40):
            signs = generator.choice([-1.0, 1.0], size=count)
            values = (signs * generator.uniform(1, 2, size=count)).astype(np.float32)
            allowed = SYSTEM.sum([SYSTEM.from_float(float(each)) for each in values])
            order = generator.permutation(values)
            assert allowed.admits(float(np.add.accumulate(order)[-1]))
            assert allowed.admits(float(np.sum(order)))
            assert not allowed.admits(float(np.add.accumulate(order[1:])[-1]))
            assert not allowed.admits(float(np.add.accumulate(order)[-1] + order[0]))


def test_a_half_precision_accumulator_lies_outside() -> None:
    """Adding up in float16 is not what float32 allows."""
    generator = np.random.default_rng(4)
    for _ in range(5):
        values = generator.uniform(0.1, 0.2, size=2048).astype(np.float32)
        allowed = SYSTEM.sum([SYSTEM.from_float(float(each)) for each in values])
        halves = np.add.accumulate(values.astype(np.float16), dtype=np.float16)
        assert not allowed.admits(float(halves[-1]))


def test_inner_products_are_dot_products() -> None:
    """The prepared rows and columns give what pairs give one by one."""
    generator = np.random.default_rng(5)
    rows, columns = (
        [[SYSTEM.from_float(float(each)) for each in row] for row in table]
        for table in generator.normal(size=(2, 5, 9)).astype(np.float32)
    )
    rows = [[SYSTEM.exp(each) for each in row] for row in rows]
    together = SYSTEM.inner_products(rows, columns)
    alone = [SYSTEM.dot(row, column) for row in rows for column in columns]
    assert [(x.centre, x.radius) for x in together] == [
        (x.centre, x.radius) for x in alone
    ]


def test_a_product_admits_the_matrix_product_of_numpy() -> None:
    """A float32 matrix product, by BLAS, lies inside; one in float16 does not."""
    generator = np.random.default_rng(6)
    left = generator.uniform(1, 2, size=(8, 48)).astype(np.float32)
    right = generator.uniform(1, 2, size=(12, 48)).astype(np.float32)
    rows, columns = (
        [[SYSTEM.from_float(float(each)) for each in row] for row in table]
        for table in (left, right)
    )
    allowed = SYSTEM.inner_products(rows, columns)
    answers = (left @ right.T).ravel()
    halves = (left.astype(np.float16) @ right.T.astype(np.float16)).ravel()
    assert all(x.admits(float(y)) for x, y in zip(allowed, answers, strict=True))
    assert not any(x.admits(float(y)) for x, y in zip(allowed, halves, strict=True))


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "erf"])
def test_a_function_admits_its_neighbours_and_no_more(name: str) -> None:
    """Of an exact argument, the floats within one ulp are admitted, others not."""
    chance = random.Random(7)
    function = getattr(SYSTEM, name)
    for _ in range(200):
        x = float(np.float32(chance.uniform(0.01, 3)))
        low, high = enclose(name, Fraction(x), 100)
        nearest = np.float32(float((low + high) / 2))
        ulp = Fraction(float(np.spacing(abs(nearest))))
        allowed = function(SYSTEM.from_float(x))
        for steps in range(-4, 5):
            answer = float(nearest) + steps * float(ulp)
            distance = abs(Fraction(answer) - (low + high) / 2)
            # At most 1 ulp must be admitted. The rule counts in units of 2 u |v|,
            # which is up to twice an ulp; beyond that nothing may be.
            if distance <= ulp:
                assert allowed.admits(answer)
            if distance > 2 * ulp:
                assert not allowed.admits(answer)


def test_more_ulps_can_be_declared() -> None:
    """A backend's own error enlarges the radius in proportion."""
    loose = bounded("float32", {"exp": 4.0})
    x = SYSTEM.exp(SYSTEM.from_float(0.7))
    y = loose.exp(loose.from_float(0.7))
    answer = math.exp(0.7) * (1 + 6 * 2.0**-24)
    assert not x.admits(answer)
    assert y.admits(answer)
    assert bounded("float32", {"exp": 4.0}) is loose


def radius_of(number: Bounded) -> Fraction:
    """The radius, exactly."""
    return number.carrier.to_fraction(number.radius)


def test_the_radius_of_one_operation_is_one_rounding() -> None:
    """u |v|, and nothing worth mentioning beside it."""
    x, y = SYSTEM.from_float(float(np.float32(1.1))), SYSTEM.from_float(2.5)
    for number in (x * y, x + y, x / y):
        low, high = finite(number)
        rounding = abs(low + high) / 2 * Fraction(1, 2**24)
        assert rounding <= radius_of(number) <= rounding * (1 + Fraction(1, 2**20))


def test_exact_operations_have_no_radius() -> None:
    """What the format holds exactly, every honest implementation gives exactly."""
    two, three = SYSTEM.from_float(2.0), SYSTEM.from_float(3.0)
    third = SYSTEM.constant(Fraction(1, 3))
    zero = SYSTEM.constant(0)
    for number in (two + three, two - three, two * three, three / two, zero * third):
        assert radius_of(number) == 0
    assert radius_of(SYSTEM.constant(Fraction(5, 8))) == 0
    assert (
        0
        < radius_of(third)
        <= Fraction(1, 3) * Fraction(1, 2**24) * (1 + Fraction(1, 2**20))
    )
    assert radius_of(two + third) > 0
    assert radius_of(SYSTEM.from_float(1.0) + SYSTEM.from_float(2.0**-100)) > 0
    assert radius_of(bounded("float32", {"divide": 1.0}).from_float(1.0)) == 0


def test_an_inexact_division_has_a_radius_even_at_exact_quotients() -> None:
    """A backend that declares an ulp for division may miss 3 / 2."""
    loose = bounded("float32", {"divide": 1.0})
    quotient = loose.from_float(3.0) / loose.from_float(2.0)
    assert quotient.admits(1.5 + 2.0**-23)
    assert not (SYSTEM.from_float(3.0) / SYSTEM.from_float(2.0)).admits(1.5 + 2.0**-23)


def test_recorded_floats_are_exact_where_the_format_holds_them() -> None:
    """A float of another format is a number that has been rounded once."""
    assert radius_of(SYSTEM.from_float(float(np.float32(0.1)))) == 0
    tenth = SYSTEM.from_float(0.1)
    assert tenth.admits(0.1)
    assert tenth.admits(float(np.float32(0.1)))
    assert radius_of(bounded("float64").from_float(0.1)) == 0


def test_a_product_below_the_least_number_keeps_its_sign() -> None:
    """The root of a square that underflows is small, and never NaN."""
    tiny = SYSTEM.from_float(2.0**-120)
    share = SYSTEM.constant(Fraction(1, 1000))
    root = SYSTEM.sqrt(share * tiny * tiny + share * tiny * tiny)
    assert root.admits(0.0)
    assert not root.admits(math.nan)
    assert not root.admits(1e-20)
    assert root.admits(2.0**-75)


def test_sums_of_one_sign_keep_it() -> None:
    """The root of a sum of tiny squares is never NaN either."""
    tiny = [SYSTEM.from_float(sign * 2.0**-120) for sign in (1, -1, 1)]
    norm = SYSTEM.sqrt(SYSTEM.dot(tiny, tiny))
    assert norm.admits(0.0)
    assert not norm.admits(math.nan)
    total = SYSTEM.sqrt(SYSTEM.sum([each * each for each in tiny]))
    assert not total.admits(math.nan)
    zeros = [SYSTEM.constant(0)] * 3
    assert radius_of(SYSTEM.dot(zeros, tiny)) == 0
