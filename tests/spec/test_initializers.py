from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.initializers import (
    Constant,
    FanInUniform,
    Initializer,
    KaimingUniform,
    Ones,
    Uniform,
    XavierUniform,
    Zeros,
)
from torchlean_spec.numbers.floating import Floating
from torchlean_spec.numbers.rational import Rational
from torchlean_spec.random import Stream, stream, unit, word
from torchlean_spec.shape import matrix, vector

FANS = st.integers(1, 10**6)


def root(value: Decimal) -> Decimal:
    """A square root to 60 digits, by another implementation than ours."""
    with localcontext(Context(prec=60)):
        return value.sqrt()


def quotient(numerator: int | Decimal, denominator: int | Decimal) -> Decimal:
    with localcontext(Context(prec=80)):
        return Decimal(numerator) / Decimal(denominator)


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [(Zeros(), 0), (Ones(), 1), (Constant(0.1), Fraction(1, 10))],
)
def test_constants(initializer: Initializer, expected: Fraction) -> None:
    """A constant initializer holds the exact value, whatever the seed."""
    for seed in (0, 1):
        found = initializer.initialize(Rational(), matrix(2, 3), 3, 2, seed, 0)
        assert found.values == (expected,) * 6


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_elements_are_words_of_the_parameters_stream(
    seed: int, number: int, place: int
) -> None:
    """Element i is `low + (high - low) unit(word i)`, exact over the rationals."""
    low, high = Fraction(-1, 3), Fraction(5, 7)
    found = Uniform(low, high).initialize(
        Rational(), vector(place + 1), 1, 1, seed, number
    )
    drawn = unit(word(seed, stream(Stream.PARAMETERS, number), place))
    assert found.values[place] == low + (high - low) * drawn
    assert low <= found.values[place] < high


def test_one_rounding_for_each_operation() -> None:
    """Over floats: midpoint, offset and half width are rounded, then combined."""
    low, high = Fraction(-1, 3), Fraction(5, 7)
    found = Uniform(low, high).initialize(Floating(), vector(50), 1, 1, 4, 2)
    drawn = [unit(word(4, stream(Stream.PARAMETERS, 2), i)) for i in range(50)]
    centre, half_width = float((low + high) / 2), float((high - low) / 2)
    expected = [centre + float(2 * each - 1) * half_width for each in drawn]
    assert list(found.values) == expected


def test_golden_parameters() -> None:
    """The first weights of a linear layer are fixed for good."""
    found = XavierUniform().initialize(Floating(), matrix(10, 32), 32, 10, 7, 4)
    assert found.values[:4] == (
        0.09127865308566512,
        -0.24803139057270499,
        -0.33459042597939753,
        0.3429281558823665,
    )


@given(FANS, FANS)
def test_limits(fan_in: int, fan_out: int) -> None:
    """Each limit, rounded to binary64, is the published formula's."""
    limits: dict[Initializer, Decimal] = {
        XavierUniform(): root(quotient(6, fan_in + fan_out)),
        XavierUniform(2): root(quotient(24, fan_in + fan_out)),
        KaimingUniform(): root(quotient(6, fan_in)),
        KaimingUniform(2): root(quotient(6, 5 * fan_in)),
        FanInUniform(): root(quotient(1, fan_in)),
    }
    for initializer, expected in limits.items():
        midpoint, half_width = initializer.interval(fan_in, fan_out)
        assert midpoint == 0
        assert float(half_width) == float(expected)


def test_exact_limits_stay_exact() -> None:
    """A limit that is rational is not rounded before the number system sees it."""
    assert FanInUniform().interval(64, 10) == (Fraction(0), Fraction(1, 8))
    assert KaimingUniform().interval(24, 1) == (Fraction(0), Fraction(1, 2))


def test_weight_and_bias_share_the_limit() -> None:
    """A bias drawn with the weight's fans stays in the weight's interval."""
    bias = FanInUniform().initialize(Rational(), vector(100), 64, 100, 0, 1)
    assert all(abs(value) <= Fraction(1, 8) for value in bias.values)
    assert any(abs(value) > Fraction(1, 16) for value in bias.values)


@pytest.mark.parametrize(
    ("fan_in", "fan_out", "number", "expected"),
    [
        (2, 8, 0, (-0.34918436967913025, 0.6095068161633985)),
        (
            8,
            1,
            2,
            (-0.403544263668305, -0.25476012573857054, -0.18152014678440276),
        ),
    ],
)
def test_original_weights(
    fan_in: int, fan_out: int, number: int, expected: tuple[float, ...]
) -> None:
    """The weights of the original's first example have the original's values."""
    found = XavierUniform(dialect="lean").initialize(
        Floating(), matrix(fan_out, fan_in), fan_in, fan_out, 0, number
    )
    assert found.values[: len(expected)] == expected


def test_original_uniform_and_kaiming() -> None:
    """The original's other schemes read the same generator."""
    uniform = Uniform(0, 1, dialect="lean")
    kaiming = KaimingUniform(dialect="lean")
    drawn = uniform.initialize(Floating(), vector(3), 6, 1, 5, 0).values
    expected = tuple(-1.0 + each * 2.0 for each in drawn)
    assert kaiming.initialize(Floating(), vector(3), 6, 1, 5, 0).values == expected


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: Uniform(1, 0.5),
            Reason.HYPERPARAMETER,
            "expected a lower end of at most 1/2, got 1",
        ),
        (
            lambda: XavierUniform(-1),
            Reason.HYPERPARAMETER,
            "expected a gain of at least 0, got -1",
        ),
        (
            lambda: XavierUniform(2, dialect="lean"),
            Reason.CONTRADICTION,
            "expected a gain of 1 in the dialect lean, got 2",
        ),
        (
            lambda: KaimingUniform(0.5, dialect="lean"),
            Reason.CONTRADICTION,
            "expected a negative slope of 0 in the dialect lean, got 1/2",
        ),
        (
            lambda: Uniform(0, 1, dialect="numpy"),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected dialect torchlean or lean, got numpy",
        ),
        (
            lambda: FanInUniform().interval(0, 3),
            Reason.HYPERPARAMETER,
            "expected a fan-in of at least 1, got 0",
        ),
        (
            lambda: XavierUniform().interval(3, 0),
            Reason.HYPERPARAMETER,
            "expected a fan-out of at least 1, got 0",
        ),
        (
            lambda: Constant(float("nan")),
            Reason.HYPERPARAMETER,
            "expected a finite number, got nan",
        ),
    ],
)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """An initializer that says nothing definite is refused."""
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert caught.value.reason is reason
    assert str(caught.value) == message
