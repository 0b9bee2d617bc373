"""Clipping: bounds that hold exactly, gradients left alone, edges, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest

from torchlean_spec.clipping import (
    ClipGlobalNorm,
    ClipNorm,
    ClipPercentile,
    Clipping,
    ClipRange,
    ClipValue,
    Norm,
    l2_norm,
    l2_norm_squared,
    norm_of,
)
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.shape import Shape, matrix, shape_of, vector
from torchlean_spec.tensor import Tensor

Exacts = list[Tensor[Fraction, Shape]]
Floats = list[Tensor[float, Shape]]


def exacts(*rows: Sequence[int | Fraction]) -> Exacts:
    """Vectors of rationals."""
    return [Tensor(vector(len(row)), tuple(map(Fraction, row))) for row in rows]


def floats(*rows: Sequence[float]) -> Floats:
    """Vectors of floats."""
    return [Tensor(vector(len(row)), tuple(row)) for row in rows]


def bits(tensors: Sequence[Tensor[float, Shape]]) -> list[list[str]]:
    """Every value with its sign, so that -0.0 is not 0.0 and a NaN equals itself."""
    return [[value.hex() for value in tensor.values] for tensor in tensors]


# Norms 3, 4 and 12, which together are 13.
TRIPLE = exacts([1, -2, 2], [4], [0, -12])
CLIPPINGS: list[Clipping] = [
    ClipValue(2),
    ClipNorm(2),
    ClipNorm(2, norm=1),
    ClipNorm(2, norm="infinity"),
    ClipGlobalNorm(2),
    ClipGlobalNorm(2, norm=1),
    ClipGlobalNorm(2, norm="infinity", epsilon="0.5"),
    ClipRange("-1.5", 2),
    ClipPercentile(100),
]


def test_values_are_brought_into_the_limits() -> None:
    """Larger values become the limit of their sign; others stay."""
    clipped = ClipValue("1.5").clip(RATIONAL, TRIPLE)
    bound = Fraction(3, 2)
    assert [tensor.values for tensor in clipped] == [
        (1, -bound, bound),
        (bound,),
        (0, -bound),
    ]


def test_values_are_brought_between_two_limits() -> None:
    """Each sign has a limit of its own."""
    clipped = ClipRange(-1, "1.5").clip(RATIONAL, TRIPLE)
    bound = Fraction(3, 2)
    assert [tensor.values for tensor in clipped] == [(1, -1, bound), (bound,), (0, -1)]
    none_above = ClipRange(-3, 0).clip(RATIONAL, TRIPLE)
    assert [tensor.values for tensor in none_above] == [(0, -2, 0), (0,), (0, -3)]


@pytest.mark.parametrize(
    ("percentile", "bound"),
    [(0, 1), (24, 1), (25, 2), ("49.9", 2), (50, 3), (75, 4), ("99.99", 4), (100, 9)],
)
def test_a_percentile_is_a_place_among_the_sizes(
    percentile: int | str, bound: int
) -> None:
    """The place is rounded down, and everything larger becomes what stands there."""
    given = exacts([-3, 9, 1, -4, 2])
    (clipped,) = ClipPercentile(percentile).clip(RATIONAL, given)
    wanted = tuple(max(-bound, min(bound, value)) for value in (-3, 9, 1, -4, 2))
    assert clipped.values == wanted


def test_each_tensor_has_its_own_percentile() -> None:
    """One element is its own every percentile."""
    clipped = ClipPercentile(50).clip(RATIONAL, TRIPLE)
    assert clipped == tuple(exacts([1, -2, 2], [4], [0, 0]))


def test_a_nan_makes_its_tensor_one_under_a_percentile() -> None:
    """What is sorted with a NaN has no order."""
    tensors = floats([1.0, math.nan, 2.0], [0.5, math.inf, -3.0])
    clipped = ClipPercentile(50).clip(FLOAT, tensors)
    assert bits(clipped) == bits(floats([math.nan] * 3, [0.5, 3.0, -3.0]))


def test_the_norms_of_one_tensor() -> None:
    """The sum of squares and its root."""
    (tensor,) = exacts([2, -3, 6])
    assert l2_norm_squared(RATIONAL, tensor) == 49
    assert l2_norm(RATIONAL, tensor) == 7


def test_each_tensor_has_its_own_norm() -> None:
    """A tensor above the maximum gets that norm, in its direction; others stay."""
    clipped = ClipNorm(4).clip(RATIONAL, TRIPLE)
    assert clipped == tuple(exacts([1, -2, 2], [4], [0, -4]))


def test_all_tensors_have_one_global_norm() -> None:
    """All are scaled by one factor, the maximum over their common norm."""
    clipped = ClipGlobalNorm("6.5").clip(RATIONAL, TRIPLE)
    half = Fraction(1, 2)
    assert clipped == tuple(exacts([half, -1, 1], [2], [0, -6]))


@pytest.mark.parametrize(
    ("norm", "size"), [(1, Fraction(21)), (2, Fraction(13)), ("infinity", Fraction(12))]
)
def test_a_clipped_global_norm_is_the_maximum(norm: Norm, size: Fraction) -> None:
    """Afterwards the norm is the maximum, whichever norm it is."""
    assert norm_of(RATIONAL, norm, TRIPLE) == size
    clipped = ClipGlobalNorm(5, norm).clip(RATIONAL, TRIPLE)
    assert norm_of(RATIONAL, norm, clipped) == 5
    untouched = ClipGlobalNorm(size, norm).clip(RATIONAL, TRIPLE)
    assert untouched == tuple(TRIPLE)


def test_one_tensor_makes_no_difference_between_the_norms() -> None:
    """The norm of one tensor is the global norm."""
    for tensor in TRIPLE:
        assert ClipNorm(2).clip(RATIONAL, [tensor]) == (
            ClipGlobalNorm(2).clip(RATIONAL, [tensor])
        )


def test_epsilon_is_added_to_the_norm() -> None:
    """With an epsilon, the factor is the maximum over norm and epsilon."""
    clipped = ClipGlobalNorm(7, epsilon=1).clip(RATIONAL, TRIPLE)
    assert clipped == tuple(exacts([Fraction(1, 2), -1, 1], [2], [0, -6]))
    within_the_epsilon = ClipGlobalNorm("13.5", epsilon=1).clip(RATIONAL, TRIPLE)
    assert norm_of(RATIONAL, 2, within_the_epsilon) == 13 * Fraction(27, 28)


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=str)
def test_shapes_stay(clipping: Clipping) -> None:
    """Each gradient keeps its shape, empty ones and none at all included."""
    tensors: Exacts = [
        Tensor(matrix(2, 2), tuple(map(Fraction, (0, 3, 4, 0)))),
        Tensor(shape_of([0, 3]), ()),
        Tensor(shape_of([]), (Fraction(12),)),
    ]
    clipped = clipping.clip(RATIONAL, tensors)
    assert [each.shape for each in clipped] == [each.shape for each in tensors]
    assert clipping.clip(RATIONAL, []) == ()


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=str)
def test_zeros_and_small_gradients_stay_to_the_bit(clipping: Clipping) -> None:
    """Zeros of both signs and gradients within the bound are not touched."""
    zeros = floats([0.0, -0.0], [-0.0])
    small = floats([0.1, -0.3], [5e-324, -0.0])
    assert bits(clipping.clip(FLOAT, zeros)) == bits(zeros)
    assert bits(clipping.clip(FLOAT, small)) == bits(small)
    assert clipping.clip(RATIONAL, exacts([0, 0], [0])) == tuple(exacts([0, 0], [0]))


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=str)
def test_alternatives_are_equal_over_the_rationals(clipping: Clipping) -> None:
    """Other orders of evaluation differ in nothing but their roundings."""
    for tensors in (TRIPLE, exacts([0], [0, 0]), exacts([Fraction(3, 10), 0], [0])):
        wanted = clipping.clip(RATIONAL, tensors)
        for _, alternative in clipping.alternatives():
            assert alternative(RATIONAL, tensors) == wanted


def test_what_is_at_the_bound_stays_in_every_order() -> None:
    """A norm equal to the maximum changes no bit, although 0.01 / 0.29 * 0.29 does."""
    tensors = floats([0.01, 0.29])
    assert 0.01 / 0.29 * 0.29 != 0.01
    for maximum in (0.29, 0.3):
        both = (ClipNorm(maximum, "infinity"), ClipGlobalNorm(maximum, "infinity"))
        for clipping in both:
            assert bits(clipping.clip(FLOAT, tensors)) == bits(tensors)
            for _, alternative in clipping.alternatives():
                assert bits(alternative(FLOAT, tensors)) == bits(tensors)


def test_alternatives_have_names() -> None:
    """The orders that are admitted are listed by name."""
    named = {
        clipping.name: [name for name, _ in clipping.alternatives()]
        for clipping in CLIPPINGS
    }
    assert named == {
        "clip-value": [],
        "clip-norm": ["optax", "keras", "reciprocal"],
        "clip-global-norm": ["flat", "torch", "optax", "keras"],
        "clip-range": [],
        "clip-percentile": [],
    }


def test_a_nan_spreads_through_a_norm_and_not_through_a_limit() -> None:
    """A norm that is a NaN makes NaNs of all that it scales."""
    tensors = floats([1.0, math.nan], [0.5])
    assert bits(ClipValue(0.5).clip(FLOAT, tensors)) == bits(
        floats([0.5, math.nan], [0.5])
    )
    assert bits(ClipNorm(9).clip(FLOAT, tensors)) == (
        bits(floats([math.nan, math.nan], [0.5]))
    )
    assert bits(ClipGlobalNorm(9).clip(FLOAT, tensors)) == (
        bits(floats([math.nan, math.nan], [math.nan]))
    )


@pytest.mark.parametrize("norm", [1, 2, "infinity"])
def test_an_infinite_gradient_silences_the_finite_ones(norm: Norm) -> None:
    """An infinite norm makes finite elements 0 and infinite ones NaN."""
    tensors = floats([math.inf, -1.0], [2.0])
    clipped = ClipGlobalNorm(1, norm).clip(FLOAT, tensors)
    assert bits(clipped) == bits(floats([math.nan, -0.0], [0.0]))
    assert bits(ClipValue(3).clip(FLOAT, tensors)) == bits(floats([3.0, -1.0], [2.0]))


def test_squares_that_overflow_lose_the_step() -> None:
    """A finite gradient whose square overflows is clipped to 0 by norm 2."""
    tensors = floats([1e200], [1.0])
    assert bits(ClipGlobalNorm(1).clip(FLOAT, tensors)) == bits(floats([0.0], [0.0]))
    kept = ClipGlobalNorm(1, norm="infinity").clip(FLOAT, tensors)
    assert bits(kept) == bits(floats([1.0], [1e-200]))


def test_pytorch_adds_a_millionth() -> None:
    """The dialect `torch` has an epsilon of 1e-6, the others none."""
    assert ClipGlobalNorm.with_dialect("torch", 1) == ClipGlobalNorm(1, epsilon=1e-6)
    assert ClipNorm.with_dialect("torch", 1) == ClipNorm(1, epsilon=1e-6)
    assert ClipGlobalNorm.with_dialect("keras", 1) == ClipGlobalNorm(1)
    assert ClipNorm.with_dialect("lean", 1) == ClipNorm(1)


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (
            lambda: ClipValue(0),
            Reason.HYPERPARAMETER,
            "expected limit above 0, got 0",
        ),
        (
            lambda: ClipRange(1, 2),
            Reason.HYPERPARAMETER,
            "expected two limits with 0 between them, got 1 and 2",
        ),
        (
            lambda: ClipRange(0, 0),
            Reason.HYPERPARAMETER,
            "expected two limits with 0 between them, got 0 and 0",
        ),
        (
            lambda: ClipPercentile(101),
            Reason.HYPERPARAMETER,
            "expected percentile at most 100, got 101",
        ),
        (
            lambda: ClipPercentile(-1),
            Reason.HYPERPARAMETER,
            "expected percentile at least 0, got -1",
        ),
        (
            lambda: ClipNorm(-1),
            Reason.HYPERPARAMETER,
            "expected maximum above 0, got -1",
        ),
        (
            lambda: ClipGlobalNorm(1, epsilon=-1),
            Reason.HYPERPARAMETER,
            "expected epsilon at least 0, got -1",
        ),
        (
            lambda: ClipNorm(1, norm=True),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected norm to be one of 1, 2, infinity, got True",
        ),
        (
            lambda: ClipGlobalNorm.with_dialect("jax", 1),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected dialect to be one of torch, keras, optax, lean, got jax",
        ),
    ],
)
def test_bad_fields_are_refused(
    make: Callable[[], Clipping], reason: Reason, message: str
) -> None:
    """Each refusal names the field, its range and the value."""
    with pytest.raises(TorchLeanError) as refusal:
        make()
    assert str(refusal.value) == message
    assert refusal.value.reason == reason
