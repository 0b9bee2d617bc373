"""Projected descent: bases from gradients, and what lies in their span."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.description import from_json, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.numbers import FLOAT, bounded
from torchlean_spec.optimizers import (
    IdentityProjection,
    LowRankProjection,
    ProjectedSGD,
    coefficients_at,
    exact_coefficients,
    parts_of,
)
from torchlean_spec.optimizers.projection import orthonormal_rows, signs
from torchlean_spec.optimizers.tensors import initial_tensors, update_tensor
from torchlean_spec.random import Stream, stream, word
from torchlean_spec.shape import Shape, shape_of, sizes, vector
from torchlean_spec.tensor import Tensor

THRESHOLD = Fraction(1, 1000)


def tensor(extents: tuple[int, ...], *values: float) -> Tensor[float, Shape]:
    """A tensor of floats."""
    return Tensor(shape_of(extents), values)


def moved(
    rule: ProjectedSGD, gradient: Tensor[float, Shape], steps: int = 1
) -> tuple[Tensor[float, Shape], tuple[Tensor[float, Shape], ...]]:
    """Zeros, and no basis, after some steps with one gradient."""
    parameter = gradient.map(lambda value: 0.0)
    state = initial_tensors(rule, FLOAT, gradient.shape)
    for step in range(1, steps + 1):
        found = coefficients_at(rule, FLOAT, step)
        parameter, state = update_tensor(
            rule, FLOAT, found, step, parameter, gradient, state
        )
    return parameter, state


def test_signs_are_bits_of_the_words_of_one_stream() -> None:
    """Row after row, minus where a word's highest bit is set."""
    drawn = [word(9, stream(Stream.SKETCH), index) for index in range(12)]
    flat = [sign for row in signs(9, 3, 4) for sign in row]
    assert flat == [-1 if each >> 31 else 1 for each in drawn]
    assert {abs(each) for each in flat} == {1}
    assert signs(9, 2, 6) != signs(8, 2, 6)


def test_the_basis_of_a_gradient_by_hand() -> None:
    """The first vector is the first sum of columns, made a unit."""
    rule = ProjectedSGD(1, LowRankProjection(1, seed=7))
    assert signs(7, 1, 3) == [(1, 1, 1)]
    gradient = tensor((2, 3), 1.0, 1.0, 1.0, 2.0, 1.0, 1.0)
    after, (basis,) = moved(rule, gradient)
    assert basis == tensor((1, 2), 3 / 5, 4 / 5)
    taken = [0.6 * 1 + 0.8 * 2, 0.6 * 1 + 0.8 * 1, 0.6 * 1 + 0.8 * 1]
    expected = [-q * t for q in (3 / 5, 4 / 5) for t in taken]
    assert after == tensor((2, 3), *expected)


def test_of_a_tall_gradient_the_columns_are_taken() -> None:
    """A transposed gradient has the same basis, and moves the transposed way."""
    rule = ProjectedSGD(1, LowRankProjection(2, seed=3))
    wide = tensor((2, 4), 1.0, 2.0, -1.0, 0.5, 0.25, -3.0, 2.0, 1.0)
    tall = tensor((4, 2), *(wide.values[i * 4 + j] for j in range(4) for i in range(2)))
    (p, kept), (q, also) = moved(rule, wide), moved(rule, tall)
    assert kept == also
    assert q.values == tuple(p.values[i * 4 + j] for j in range(4) for i in range(2))


def test_dependent_rows_are_dropped() -> None:
    """What is new by less than the threshold is nothing: noise makes no direction."""
    rows = [(3.0, 0.0, 4.0), (6.0, 0.0, 8.0), (0.0, 0.0, 0.0), (0.0, 2.0, 0.0)]
    zeros = (0.0, 0.0, 0.0)
    found = orthonormal_rows(FLOAT, rows, THRESHOLD)
    assert found == [(0.6, 0.0, 0.8), zeros, zeros, (0.0, 1.0, 0.0)]
    nearly = [(1.0, 0.0), (1.0, 1e-4)]
    assert orthonormal_rows(FLOAT, nearly, THRESHOLD)[1] == (0.0, 0.0)
    assert orthonormal_rows(FLOAT, nearly, Fraction(1, 10**5))[1][1] == 1.0


def test_a_basis_stays_until_it_is_refreshed() -> None:
    """With three steps from one basis to the next, step 4 makes another one."""
    rule = ProjectedSGD("0.1", LowRankProjection(1, update_interval=3))
    first, other = (
        tensor((2, 2), 1.0, 0.0, 0.0, 0.0),
        tensor((2, 2), 0.0, 0.0, 0.0, 1.0),
    )
    state = initial_tensors(rule, FLOAT, first.shape)
    bases = []
    for step, gradient in enumerate((first, other, other, other, first), 1):
        found = coefficients_at(rule, FLOAT, step)
        state = rule.next_state(FLOAT, found, step, gradient, state)
        bases.append(tuple(map(abs, state[0].values)))
    assert bases == [(1.0, 0.0)] * 3 + [(0.0, 1.0)] * 2


def test_a_gradient_of_low_rank_is_taken_whole() -> None:
    """Two directions are enough for a gradient that has no more."""
    left, right = (
        ((1.0, 2.0, -1.0), (0.5, 0.0, 3.0)),
        ((2.0, 1.0, 0.0, 1.0), (1.0, 1.0, 4.0, -2.0)),
    )
    values = [
        sum(left[k][i] * right[k][j] for k in range(2))
        for i in range(3)
        for j in range(4)
    ]
    gradient = tensor((3, 4), *values)
    after, (basis,) = moved(ProjectedSGD(1, LowRankProjection(3)), gradient)
    assert sum(any(row) for row in basis.rows()) == 2
    system = bounded("float64")
    given = gradient.map(system.from_float)
    rule = ProjectedSGD(1, LowRankProjection(3))
    zeros = initial_tensors(rule, system, given.shape)
    coefficient = coefficients_at(rule, system, 1)
    start = given.map(lambda value: system.constant(0))
    sets, _ = update_tensor(rule, system, coefficient, 1, start, given, zeros)
    pairs = zip(sets.values, gradient.values, strict=True)
    assert all(each.admits(-value) for each, value in pairs)
    assert all(
        each.admits(v) for each, v in zip(sets.values, after.values, strict=True)
    )


def test_the_identity_takes_everything() -> None:
    """Of any shape, and with nothing kept."""
    rule = ProjectedSGD("0.5")
    gradient = tensor((3,), 1.0, -2.0, 4.0)
    assert moved(rule, gradient) == (tensor((3,), -0.5, 1.0, -2.0), ())
    assert rule.takes(vector(3))
    assert rule == ProjectedSGD("0.5", IdentityProjection())


def test_no_more_directions_than_there_are() -> None:
    """The basis of a narrow matrix has as many vectors as its shorter side."""
    rule = ProjectedSGD(1, LowRankProjection(8))
    shapes = [rule.state_shapes(shape_of(each)) for each in ((3, 20), (20, 3), (9, 9))]
    assert [sizes(each) for (each,) in shapes] == [(3, 3), (3, 3), (8, 9)]


def test_edges() -> None:
    """Zeros move nothing, and a NaN is not hidden."""
    rule = ProjectedSGD(1, LowRankProjection(2))
    zeros = tensor((2, 3), *(0.0,) * 6)
    after, (basis,) = moved(rule, zeros)
    assert set(after.values) == set(basis.values) == {0.0}
    after, _ = moved(rule, tensor((2, 3), 1.0, math.nan, 0.0, 1.0, 2.0, 3.0))
    assert any(map(math.isnan, after.values))


@pytest.mark.parametrize(
    ("rule", "variant", "kept"),
    [
        (ProjectedSGD("0.1"), "projected_sgd", ()),
        (
            ProjectedSGD("0.1", LowRankProjection(4, 10, 3, "0.01")),
            "projected_sgd_low_rank",
            ("basis",),
        ),
    ],
)
def test_variants(rule: ProjectedSGD, variant: str, kept: tuple[str, ...]) -> None:
    """The record says what it keeps, and is written and read back."""
    assert (rule.name, rule.variant) == ("projected_sgd", variant)
    assert rule.state_names == kept
    assert exact_coefficients(rule, 5) == {"rate": Fraction(1, 10)}
    assert from_json(to_json(rule)) == rule


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (
            lambda: ProjectedSGD(-1),
            Reason.HYPERPARAMETER,
            "expected learning_rate at least 0, got -1",
        ),
        (
            lambda: LowRankProjection(0),
            Reason.HYPERPARAMETER,
            "expected rank of at least 1, got 0",
        ),
        (
            lambda: LowRankProjection(1, 0),
            Reason.HYPERPARAMETER,
            "expected update_interval of at least 1, got 0",
        ),
        (
            lambda: LowRankProjection(1, seed=-1),
            Reason.DOMAIN,
            f"expected a seed from 0 to {2**64 - 1}, got -1",
        ),
        (
            lambda: LowRankProjection(1, threshold=1),
            Reason.HYPERPARAMETER,
            "expected threshold in [0, 1), got 1",
        ),
        (
            lambda: parts_of(
                ProjectedSGD(1, LowRankProjection(1)), Linear(3, 2).parameters()
            ),
            Reason.CONTRADICTION,
            "bias: expected a matrix for projected_sgd, got shape [2]; ParameterGroups "
            "can give it another optimizer",
        ),
    ],
)
def test_what_is_refused(
    make: Callable[[], object], reason: Reason, message: str
) -> None:
    """Each refusal is one sentence."""
    with pytest.raises(TorchLeanError) as refused:
        make()
    assert refused.value.reason is reason
    assert str(refused.value) == message
