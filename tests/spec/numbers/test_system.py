"""One test for all number systems: what the protocol promises of each."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    BINARY128,
    FLOAT,
    FLOAT8_E4M3FN,
    FLOAT8_E5M2,
    RATIONAL,
    Binary,
    Dual,
    NumberSystem,
    bounded,
)
from torchlean_spec.numbers.system import A

HALF = Fraction(1, 2)


def exact_answers(system: NumberSystem[A]) -> dict[str, float]:
    """Every operation where its answer is a small dyadic number."""
    one, two, three = (system.constant(value) for value in (1, 2, 3))
    zero, half = system.constant(0), system.constant(HALF)
    both = system.inner_products([[one, two], [three, half]], [[two, two], [zero, one]])
    answers = {
        "add": one + two,
        "subtract": half - two,
        "multiply": three * half,
        "divide": three / two,
        "negate": -three,
        "from_float": system.from_float(-1.5),
        "sqrt": system.sqrt(system.constant(4)),
        "exp": system.exp(zero),
        "expm1": system.expm1(zero),
        "log": system.log(one),
        "log1p": system.log1p(zero),
        "tanh": system.tanh(zero),
        "erf": system.erf(zero),
        "absolute": system.absolute(-half),
        "maximum": system.maximum(half, two),
        "minimum": system.minimum(half, two),
        "less": system.where(system.less(one, two), one, two),
        "not less": system.where(system.less(one, one), one, two),
        "less_equal": system.where(system.less_equal(one, one), one, two),
        "equal": system.where(system.equal(two, one + one), one, two),
        "not equal": system.where(system.equal(two, one), one, two),
        "and": system.where(system.less(one, two) & system.less(two, one), one, two),
        "or": system.where(system.less(one, two) | system.less(two, one), one, two),
        "sum": system.sum([one, two, three]),
        "sum of nothing": system.sum([]),
        "dot": system.dot([one, two, half], [two, half, two]),
        "inner products": both[0] + both[1] + both[2] + both[3],
    }
    return {name: system.to_float(answer) for name, answer in answers.items()}


EXPECTED = {
    "add": 3.0,
    "subtract": -1.5,
    "multiply": 1.5,
    "divide": 1.5,
    "negate": -3.0,
    "from_float": -1.5,
    "sqrt": 2.0,
    "exp": 1.0,
    "expm1": 0.0,
    "log": 0.0,
    "log1p": 0.0,
    "tanh": 0.0,
    "erf": 0.0,
    "absolute": 0.5,
    "maximum": 2.0,
    "minimum": 0.5,
    "less": 1.0,
    "not less": 2.0,
    "less_equal": 1.0,
    "equal": 1.0,
    "not equal": 2.0,
    "and": 2.0,
    "or": 1.0,
    "sum": 6.0,
    "sum of nothing": 0.0,
    "dot": 4.0,
    "inner products": 15.5,
}

EVERYWHERE: dict[str, Callable[[], dict[str, float]]] = {
    "float": lambda: exact_answers(FLOAT),
    "rational": lambda: exact_answers(RATIONAL),
    "binary16": lambda: exact_answers(BINARY16),
    "bfloat16": lambda: exact_answers(BFLOAT16),
    "binary32": lambda: exact_answers(BINARY32),
    "binary32 by integers": lambda: exact_answers(Binary(8, 24, by_integers=True)),
    "binary64": lambda: exact_answers(BINARY64),
    "binary128": lambda: exact_answers(BINARY128),
    "float8_e5m2": lambda: exact_answers(Binary(5, 3)),
    "binary(6, 9)": lambda: exact_answers(Binary(6, 9)),
    "bounded(float16)": lambda: exact_answers(bounded("float16")),
    "bounded(bfloat16)": lambda: exact_answers(bounded("bfloat16")),
    "bounded(float32)": lambda: exact_answers(bounded("float32")),
    "bounded(float64)": lambda: exact_answers(bounded("float64")),
    "dual(float)": lambda: exact_answers(Dual(FLOAT)),
    "dual(rational)": lambda: exact_answers(Dual(RATIONAL)),
    "dual(binary32)": lambda: exact_answers(Dual(BINARY32)),
    "dual(bounded(float32))": lambda: exact_answers(Dual(bounded("float32"))),
    "dual(dual(float))": lambda: exact_answers(Dual(Dual(FLOAT))),
}


@pytest.mark.parametrize("name", EVERYWHERE)
def test_small_answers_are_exact_in_every_system(name: str) -> None:
    """Where the exact answer is a number of the format, every system gives it."""
    expected = dict(EXPECTED)
    if name == "float8_e5m2":
        # 15.5 needs five bits; the sums 14 and 16 are on either side of it.
        expected["inner products"] = 16.0
    assert EVERYWHERE[name]() == expected


def irrational_answers(system: NumberSystem[A]) -> list[float]:
    """Every elementary function at 1/2, where none is rational."""
    half = system.constant(HALF)
    functions = (
        system.sqrt,
        system.exp,
        system.expm1,
        system.log,
        system.log1p,
        system.tanh,
        system.erf,
    )
    return [system.to_float(function(half)) for function in functions]


@pytest.mark.parametrize(
    "found",
    [
        lambda: irrational_answers(BINARY64),
        lambda: irrational_answers(BINARY128),
        lambda: irrational_answers(Binary(11, 53, by_integers=True)),
        lambda: irrational_answers(bounded("float64")),
        lambda: irrational_answers(Dual(BINARY64)),
    ],
)
def test_precise_systems_agree_on_the_elementary_functions(
    found: Callable[[], list[float]],
) -> None:
    """At 1/2 each system of 53 bits or more has the same nearest float."""
    half = 0.5
    expected = [
        math.sqrt(half),
        1.6487212707001282,
        0.6487212707001282,
        -0.6931471805599453,
        0.4054651081081644,
        0.46211715726000973,
        0.5204998778130465,
    ]
    assert found() == expected


@pytest.mark.parametrize(
    ("system", "name"),
    [
        (FLOAT, "float"),
        (RATIONAL, "rational"),
        (BINARY16, "binary16"),
        (BFLOAT16, "bfloat16"),
        (BINARY32, "binary32"),
        (BINARY64, "binary64"),
        (BINARY128, "binary128"),
        (FLOAT8_E5M2, "float8_e5m2"),
        (FLOAT8_E4M3FN, "float8_e4m3fn"),
        (Binary(6, 9), "binary(6, 9)"),
        (bounded("float32"), "bounded(float32)"),
        (Dual(Dual(FLOAT)), "dual(dual(float))"),
    ],
)
def test_each_system_says_its_name(system: NumberSystem[A], name: str) -> None:
    """The name tells systems apart in reports."""
    assert system.name == name


@pytest.mark.parametrize("system", [FLOAT, BINARY32, bounded("float32")])
def test_unequal_runs_have_no_dot_product(system: NumberSystem[A]) -> None:
    """Every system refuses a product of runs of different lengths alike."""
    one = system.constant(1)
    with pytest.raises(TorchLeanError) as caught:
        system.dot([one], [one, one])
    assert caught.value.reason is Reason.SHAPE_MISMATCH
    assert str(caught.value) == "expected two runs of equal length, got 1 and 2"
