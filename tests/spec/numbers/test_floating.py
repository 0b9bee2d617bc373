"""Python floats as a number system."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from torchlean_spec.numbers import FLOAT


def test_functions_answer_where_the_library_raises() -> None:
    """Overflow, poles and arguments outside a domain give what IEEE 754 gives."""
    assert FLOAT.exp(1000.0) == math.inf
    assert FLOAT.expm1(1000.0) == math.inf
    assert FLOAT.log(0.0) == -math.inf
    assert FLOAT.log1p(-1.0) == -math.inf
    assert [
        str(answer)
        for answer in (
            FLOAT.log(-1.0),
            FLOAT.log1p(-2.0),
            FLOAT.sqrt(-1.0),
            FLOAT.exp(math.nan),
        )
    ] == ["nan"] * 4


@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        (Decimal("0.1"), 0.1),
        (Fraction(1, 3), 1 / 3),
        (2**53 + 1, 2.0**53),
        (2**53 + 3, 2.0**53 + 4),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        (Fraction(1, 2**1075), 0.0),
        (Fraction(3, 2**1075), 2.0**-1073),
    ],
)
def test_constants_are_rounded_once_to_even(
    value: Decimal | Fraction | int, nearest: float
) -> None:
    """An exact real becomes the nearest float, ties to even, subnormals included."""
    assert FLOAT.constant(value) == nearest


def test_extremes_order_zeros_and_keep_nan() -> None:
    """+0 exceeds -0, and a NaN on either side wins."""
    assert str(FLOAT.maximum(-0.0, 0.0)) == str(FLOAT.maximum(0.0, -0.0)) == "0.0"
    assert str(FLOAT.minimum(-0.0, 0.0)) == str(FLOAT.minimum(0.0, -0.0)) == "-0.0"
    for first, second in ((math.nan, 1.0), (1.0, math.nan)):
        assert math.isnan(FLOAT.maximum(first, second))
        assert math.isnan(FLOAT.minimum(first, second))
