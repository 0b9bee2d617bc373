"""Every operation on columns encloses what the spec computes exactly."""

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from torchlean.columns import Column, enclosed
from torchlean.enclosures import ENCLOSURES, Dtype, rounded
from torchlean.rounding import nearest
from torchlean_spec.exact import EXACT
from torchlean_spec.training import NumberFormat

COUNT = 1000
GENERATOR = random.Random(20_240_501)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Overflow and invalid operations are answered by infinite radii."""
    with np.errstate(all="ignore"):
        yield


def column(values: Sequence[Fraction]) -> Column:
    """The column of exact reals."""
    each = [enclosed(value) for value in values]
    return Column(
        np.array([one.high for one in each]),
        np.array([one.low for one in each]),
        np.array([one.radius for one in each]),
    )


def reals(positive: bool = False) -> list[Fraction]:
    """Rationals of many sizes, some of them floats, some whole, some zero."""
    found = []
    for number in range(COUNT):
        value = Fraction(
            GENERATOR.randint(0 if number % 50 == 0 else 1, 10 ** (1 + number % 30)),
            10 ** GENERATOR.randint(0, 30),
        )
        if number % 5 == 0:
            value = Fraction(float(value))
        if number % 7 == 0:
            value = Fraction(int(value))
        found.append(value if positive or GENERATOR.random() < 0.5 else -value)
    return found


def assert_encloses(
    found: Column, wanted: Sequence[Fraction], share: float = 1.0
) -> None:
    """Each exact value lies in its enclosure, and most enclosures are narrow."""
    shape = (len(wanted),)
    ends = [np.broadcast_to(each, shape) for each in (found.high, found.low)]
    radii = np.broadcast_to(found.radius, shape)
    narrow = 0
    for high, low, radius, exactly in zip(*ends, radii, wanted, strict=True):
        if np.isfinite(radius):
            distance = abs(Fraction(float(high)) + Fraction(float(low)) - exactly)
            assert distance <= Fraction(float(radius))
            narrow += Fraction(float(radius)) <= abs(exactly) / 2**60
    assert narrow >= share * len(wanted)


@pytest.mark.parametrize("operation", ["+", "-", "*", "/"])
def test_arithmetic(operation: str) -> None:
    """Sums, differences, products and quotients are enclosed."""
    x, y = reals(), [value or Fraction(1, 3) for value in reals()]
    work: Callable[[Any, Any], Any] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
    }[operation]
    wanted = [work(a, b) for a, b in zip(x, y, strict=True)]
    assert_encloses(work(column(x), column(y)), wanted, share=0.95)


def test_a_quotient_by_what_may_be_zero_is_undecided() -> None:
    """Where the divisor's enclosure holds 0, the radius is infinite."""
    third = ENCLOSURES.constant(Fraction(1, 3))
    nothing = third * ENCLOSURES.constant(3) - ENCLOSURES.constant(1)
    assert np.isinf((third / nothing).radius)


def test_exact_answers_have_radius_zero() -> None:
    """Whole numbers and floats whose results are floats stay exact."""
    steps = ENCLOSURES.count(1, 100)
    half = ENCLOSURES.constant(Fraction(1, 2))
    for found in (
        steps * half + steps,
        steps / ENCLOSURES.constant(64),
        ENCLOSURES.square_root(steps * steps),
        ENCLOSURES.cosine_of_half_turns(steps * half),
        ENCLOSURES.quotient(steps, 7),
    ):
        assert not found.radius.any()
        assert not found.low.any()


def test_square_roots() -> None:
    """Roots are enclosed, exactly those of squares included."""
    x = [*reals(positive=True), Fraction(0), Fraction(9, 4)]
    wanted = [EXACT.square_root(value) for value in x]
    assert_encloses(ENCLOSURES.square_root(column(x)), wanted)


@pytest.mark.parametrize("base", [0, 1, "1/2", "9/10", "0.9999", "1.001"])
def test_powers(base: int | str) -> None:
    """Powers to consecutive counts, and to slower ones, are enclosed."""
    steps = ENCLOSURES.count(3, COUNT)
    real = Fraction(base)
    wanted = [EXACT.power(real, Fraction(step)) for step in range(3, 3 + COUNT)]
    assert_encloses(ENCLOSURES.power(real, steps), wanted, share=0.9)
    slower = ENCLOSURES.quotient(steps, 13)
    wanted = [EXACT.power(real, Fraction(step // 13)) for step in range(3, 3 + COUNT)]
    assert_encloses(ENCLOSURES.power(real, slower), wanted)


def test_powers_to_fractions() -> None:
    """Powers to counts over a whole number are enclosed, exact ones included."""
    for base, root in (("2", 2), ("1/3", 17), ("100000", 1000), ("1/256", 8)):
        steps, real = ENCLOSURES.count(3, COUNT), Fraction(base)
        counts = range(3, 3 + COUNT)
        wanted = [EXACT.power(real, Fraction(step), root) for step in counts]
        # Powers of 1/256 to more than 997 / 8 are below the least normal number.
        share = 0.95 if root == 8 else 1
        assert_encloses(ENCLOSURES.power(real, steps, root), wanted, share)


def test_functions_of_counts() -> None:
    """What a function gives for each count is enclosed."""
    counts = ENCLOSURES.counts(np.array([5.0, 0.0, 5.0, 2.0]))
    found = ENCLOSURES.of_count(lambda count: Fraction(1, 3 + count), counts)
    assert_encloses(found, [Fraction(1, 3 + count) for count in (5, 0, 5, 2)])


def test_cosines() -> None:
    """Cosines of angles around the circle and beyond are enclosed."""
    x = [Fraction(k, 731) for k in range(-200, 2200)]
    wanted = [EXACT.cosine_of_half_turns(value) for value in x]
    assert_encloses(ENCLOSURES.cosine_of_half_turns(column(x)), wanted)


def test_comparisons() -> None:
    """The smaller and the larger of two are enclosed, of equal ones as well."""
    x, y = reals(), reals()
    x[:100] = y[:100]
    lower = [min(a, b) for a, b in zip(x, y, strict=True)]
    upper = [max(a, b) for a, b in zip(x, y, strict=True)]
    assert_encloses(ENCLOSURES.minimum(column(x), column(y)), lower, share=0.95)
    assert_encloses(ENCLOSURES.maximum(column(x), column(y)), upper, share=0.95)


def test_an_undecided_comparison_gives_the_hull() -> None:
    """Where it is open which of two is smaller, both are enclosed."""
    tenth = ENCLOSURES.constant(Fraction(1, 10))
    product = tenth * ENCLOSURES.constant(3)
    given = ENCLOSURES.constant(Fraction(3, 10))
    choice = ENCLOSURES.less(product, given)
    assert bool(choice.possible) and not bool(choice.certain)
    one, two = ENCLOSURES.constant(1), ENCLOSURES.constant(2)
    for decision in (choice, choice & choice, choice | choice):
        assert_encloses(ENCLOSURES.where(decision, one, two), [Fraction(1)], 0)
        assert_encloses(ENCLOSURES.where(decision, one, two), [Fraction(2)], 0)


@pytest.mark.parametrize("number_format", ["float32", "float64"])
def test_rounding(number_format: NumberFormat) -> None:
    """A decided rounding is that of the exact value, ties and tiny ones included."""
    ties = [1 + Fraction(2 * k + 1, 2**24) for k in range(50)]
    ties += [1 + Fraction(2 * k + 1, 2**53) for k in range(50)]
    tiny = [Fraction(k, 2**150) for k in range(100)]
    x = [*reals(), *ties, *tiny]
    dtype: Dtype = np.float32 if number_format == "float32" else np.float64
    values, decided = rounded(column(x), dtype)
    assert decided.all()
    wanted = np.array([nearest(value, number_format) for value in x], dtype)
    assert values.tobytes() == wanted.tobytes()


def test_too_wide_an_enclosure_is_not_rounded() -> None:
    """Where the two ends round differently, nothing is decided."""
    between = Column(np.array([1.0]), np.array([2.0**-24]), np.array([2.0**-60]))
    values, decided = rounded(between, np.float32)
    assert not decided.any()
    assert values.dtype == np.float32
