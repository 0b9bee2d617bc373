"""Every operation on intervals encloses what the spec computes exactly."""

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from torchlean.columns import enclosed
from torchlean.intervals import INTERVALS, Interval, rounded
from torchlean.rounding import nearest
from torchlean_spec.exact import EXACT

COUNT = 1000
GENERATOR = random.Random(20_261_122)
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Overflow and invalid operations are answered by infinite radii."""
    with np.errstate(all="ignore"):
        yield


def column(values: Sequence[Fraction]) -> Interval:
    """The column of exact reals."""
    middles = [float(enclosed(value).high) for value in values]
    errors = [abs(Fraction(m) - v) for m, v in zip(middles, values, strict=True)]
    radii = [np.nextafter(float(error), np.inf) if error else 0.0 for error in errors]
    return Interval(np.array(middles), np.array(radii))


def whole(values: Sequence[int]) -> Interval:
    """Binary64 numbers, known to be exact."""
    return INTERVALS.counts(np.array(values, np.float64))


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
    found: Interval, wanted: Sequence[Fraction], share: float = 1.0
) -> None:
    """Each exact value lies in its interval, and most intervals are narrow."""
    middles, radii = np.broadcast_arrays(found.middle, found.radius)
    narrow = 0
    for middle, radius, exactly in zip(middles, radii, wanted, strict=True):
        if np.isfinite(radius):
            distance = abs(Fraction(float(middle)) - exactly)
            assert distance <= Fraction(float(radius))
            narrow += Fraction(float(radius)) <= abs(exactly) / 2**40
    assert narrow >= share * len(wanted)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_arithmetic(operation: str) -> None:
    """Sums, differences, products and quotients are enclosed."""
    x, y = reals(), [value or Fraction(1, 3) for value in reals()]
    work = OPERATIONS[operation]
    wanted = [work(a, b) for a, b in zip(x, y, strict=True)]
    assert_encloses(work(column(x), column(y)), wanted, share=0.9)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_arithmetic_of_exact_numbers(operation: str) -> None:
    """Of binary64 numbers, what is no binary64 number has a radius."""
    x = [GENERATOR.randint(0, 10 ** (k % 22)) for k in range(COUNT)]
    y = [GENERATOR.randint(1, 10 ** (k % 15)) for k in range(COUNT)]
    exactly = [Fraction(float(a)) for a in x]
    work = OPERATIONS[operation]
    wanted = [work(a, Fraction(b)) for a, b in zip(exactly, y, strict=True)]
    assert_encloses(work(whole(x), whole(y)), wanted, share=0.95)


def test_tiny_products_and_quotients_are_enclosed() -> None:
    """Underflow is covered, of exact factors as well."""
    tiny = [Fraction(3, 2**k) for k in range(500, 600)]
    exact = INTERVALS.counts(np.array([float(value) for value in tiny]))
    for given in (exact, column(tiny)):
        assert_encloses(given * given, [value * value for value in tiny], 0)
        huge = INTERVALS.constant(Fraction(3) ** 330)
        assert_encloses(given / huge, [value / Fraction(3) ** 330 for value in tiny], 0)


def test_a_quotient_by_what_may_be_zero_is_undecided() -> None:
    """Where the divisor's interval holds 0, the radius is infinite."""
    third = INTERVALS.constant(Fraction(1, 3))
    nothing = third * INTERVALS.constant(3) - INTERVALS.constant(1)
    assert np.isinf((third / nothing).radius)
    assert np.isinf((whole([1]) / whole([0])).radius).all()


def test_exact_answers_have_radius_zero() -> None:
    """Whole numbers and floats whose results are floats stay exact."""
    steps = whole(range(1, 101))
    half = INTERVALS.constant(Fraction(1, 2))
    for found in (
        steps * half + steps,
        steps / INTERVALS.constant(64),
        INTERVALS.cosine_of_half_turns(steps * half),
        INTERVALS.quotient(steps, 7),
    ):
        assert not np.any(found.radius)


def test_square_roots() -> None:
    """Roots are enclosed; that of a zero which is known is zero."""
    x = [*reals(positive=True), Fraction(9, 4)]
    wanted = [EXACT.square_root(value) for value in x]
    assert_encloses(INTERVALS.square_root(column(x)), wanted, share=0.95)
    assert not np.any(INTERVALS.square_root(whole([0])).radius)
    assert np.isinf(INTERVALS.square_root(whole([-1])).radius).all()


@pytest.mark.parametrize("base", ["0", "1", "1/2", "9/10", "0.9999", "1.001"])
@pytest.mark.parametrize("root", [1, 2, 17])
@pytest.mark.parametrize("first", [0, 3, 5000])
def test_powers(base: str, root: int, first: int) -> None:
    """Powers to consecutive counts, to slower ones and to roots are enclosed."""
    counts = list(range(first, first + 300))
    real = Fraction(base)
    wanted = [EXACT.power(real, Fraction(count), root) for count in counts]
    share = 0 if real == 0 else 0.9 if 300 + first < 700 * root else 0
    assert_encloses(INTERVALS.power(real, whole(counts), root), wanted, share)
    slower = [count // 13 for count in counts]
    wanted = [EXACT.power(real, Fraction(count), root) for count in slower]
    assert_encloses(INTERVALS.power(real, whole(slower), root), wanted, 0)


def test_cosines() -> None:
    """Cosines of angles around the circle and beyond are enclosed."""
    x = [Fraction(k, 731) for k in range(-200, 2200)]
    wanted = [EXACT.cosine_of_half_turns(value) for value in x]
    assert_encloses(INTERVALS.cosine_of_half_turns(column(x)), wanted, share=0.95)


def test_comparisons() -> None:
    """The smaller and the larger of two are enclosed, of equal ones as well."""
    x, y = reals(), reals()
    x[:100] = y[:100]
    lower = [min(a, b) for a, b in zip(x, y, strict=True)]
    upper = [max(a, b) for a, b in zip(x, y, strict=True)]
    assert_encloses(INTERVALS.minimum(column(x), column(y)), lower, share=0.95)
    assert_encloses(INTERVALS.maximum(column(x), column(y)), upper, share=0.95)


def test_an_undecided_comparison_gives_the_hull() -> None:
    """Where it is open which of two is smaller, both are enclosed."""
    tenth = INTERVALS.constant(Fraction(1, 10))
    product = tenth * INTERVALS.constant(3)
    given = INTERVALS.constant(Fraction(3, 10))
    choice = INTERVALS.less(product, given)
    assert bool(choice.possible) and not bool(choice.certain)
    found = INTERVALS.where(choice, INTERVALS.constant(1), INTERVALS.constant(2))
    for value in (1, 2):
        assert abs(value - float(found.middle)) <= float(found.radius)


def test_functions_of_counts() -> None:
    """A function is asked once for each count, and its values are enclosed."""
    asked = []

    def inverse(count: int) -> Fraction:
        asked.append(count)
        return Fraction(1, 3 + count)

    counts = [5, 0, 5, 2, 0]
    wanted = [Fraction(1, 3 + count) for count in counts]
    assert_encloses(INTERVALS.of_count(inverse, whole(counts)), wanted)
    assert sorted(asked) == [0, 2, 5]


def test_rounding() -> None:
    """A decided rounding is that of the exact value, ties and tiny ones included."""
    ties = [1 + Fraction(2 * k + 1, 2**24) for k in range(50)]
    tiny = [Fraction(k, 2**150) for k in range(100)]
    exactly = INTERVALS.counts(np.array([float(value) for value in (*ties, *tiny)]))
    values, decided = rounded(exactly, np.float32)
    assert np.all(decided)
    wanted = np.array([nearest(v, "float32") for v in (*ties, *tiny)], np.float32)
    assert values.tobytes() == wanted.tobytes()
    x = reals()
    values, decided = rounded(column(x), np.float32)
    wanted = np.array([nearest(value, "float32") for value in x], np.float32)
    assert values[decided].tobytes() == wanted[decided].tobytes()
    assert np.count_nonzero(decided) >= 0.99 * len(x)


def test_too_wide_an_interval_is_not_rounded() -> None:
    """Where the two ends round differently, nothing is decided."""
    between = Interval(np.array([1 + 2.0**-24]), np.array([2.0**-60]))
    _, decided = rounded(between, np.float32)
    assert not np.any(decided)
