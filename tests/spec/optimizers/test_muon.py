"""Muon: its options, its edges, and what it is with the identity."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.description import from_json, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.numbers import BINARY64, FLOAT, RATIONAL
from torchlean_spec.optimizers import (
    SGD,
    Muon,
    coefficients_at,
    exact_coefficients,
    parts_of,
)
from torchlean_spec.optimizers.tensors import initial_tensors, update_tensor
from torchlean_spec.shape import Shape, matrix, vector
from torchlean_spec.tensor import Tensor

SHAPE: Shape = matrix(2, 2)
P = Tensor(SHAPE, tuple(map(Fraction, (1, -2, 3, 4))))
G = Tensor(SHAPE, tuple(map(Fraction, (1, 2, -1, 1))))


def step(muon: Muon, state: tuple[Tensor[Fraction, Shape], ...]) -> object:
    """One exact step."""
    found = exact_coefficients(muon, 1)
    return update_tensor(muon, RATIONAL, found, 1, P, G, state)


def test_the_identity_is_momentum_as_the_hand_computes() -> None:
    """Buffer, look-ahead and decay, over exact rationals; nothing is scaled."""
    buffer = (Tensor(SHAPE, (Fraction(2),) * 4),)
    after = Tensor(SHAPE, tuple(map(Fraction, (2, 3, 0, 2))))
    plain = Muon("0.1", momentum="0.5", nesterov=False, orthogonalizer="identity")
    moved = tuple(p - b / 10 for p, b in zip(P.values, after.values, strict=True))
    assert step(plain, buffer) == (Tensor(SHAPE, moved), (after,))
    ahead = Muon("0.1", momentum="0.5", weight_decay=2, orthogonalizer="identity")
    directions = [g + b / 2 for g, b in zip(G.values, after.values, strict=True)]
    moved = tuple(
        p * Fraction(8, 10) - d / 10 for p, d in zip(P.values, directions, strict=True)
    )
    assert step(ahead, buffer) == (Tensor(SHAPE, moved), (after,))


def test_the_buffer_starts_from_zero() -> None:
    """Before the first step nothing was gathered."""
    assert initial_tensors(Muon(), FLOAT, SHAPE) == (Tensor(SHAPE, (0.0,) * 4),)


def test_a_direction_of_zeros_moves_nothing() -> None:
    """Zeros are divided by epsilon; without one they are divided by zero."""
    one, zero = BINARY64.constant(1), BINARY64.constant(0)
    ones, zeros = Tensor(SHAPE, (one,) * 4), Tensor(SHAPE, (zero,) * 4)
    for epsilon, expected in (("1e-7", True), (0, False)):
        muon = Muon(epsilon=epsilon)
        found = coefficients_at(muon, BINARY64, 1)
        moved, _ = update_tensor(muon, BINARY64, found, 1, ones, zeros, (zeros,))
        assert (moved == ones) == expected
        after = [BINARY64.to_float(value) for value in moved.values]
        assert all(map(math.isnan, after)) == (not expected)


def test_directions_are_scaled_by_their_shape() -> None:
    """A tall matrix moves further, or every matrix by its longer side."""
    wide, tall = matrix(3, 12), matrix(12, 3)
    assert [Muon().scale_of(each) for each in (wide, tall)] == [1, 2]
    by_size = Muon(scale="root-mean-square")
    assert by_size.scale_of(matrix(4, 25)) == by_size.scale_of(matrix(25, 4)) == 1
    assert [Muon(scale="none").scale_of(each) for each in (wide, tall)] == [1, 1]
    assert Muon(orthogonalizer="identity").scale_of(tall) == 1


@pytest.mark.parametrize(
    ("muon", "variant", "coefficients"),
    [
        (Muon(), "muon_nesterov", ("rate", "keep")),
        (Muon(nesterov=False), "muon", ("rate", "keep")),
        (
            Muon(weight_decay="0.1"),
            "muon_nesterov_decayed",
            ("rate", "keep", "keep_parameter"),
        ),
        (
            Muon(nesterov=False, orthogonalizer="identity"),
            "muon_identity",
            ("rate", "keep"),
        ),
    ],
)
def test_variants(muon: Muon, variant: str, coefficients: tuple[str, ...]) -> None:
    """The variant says which equation a record stands for."""
    assert muon.variant == variant
    assert muon.name == "muon"
    assert muon.state_names == ("buffer",)
    assert tuple(exact_coefficients(muon, 3)) == coefficients
    assert from_json(to_json(muon)) == muon


def test_dialects() -> None:
    """The defaults of libraries, each with its own decay and scale."""
    torch, keras = Muon.with_dialect("torch"), Muon.with_dialect("keras")
    assert (torch.learning_rate, torch.weight_decay) == (
        Muon("0.001").learning_rate,
        Muon(weight_decay="0.1").weight_decay,
    )
    assert (torch.scale, keras.scale) == ("rows-over-columns", "root-mean-square")
    assert Muon.with_dialect("optax", "0.1") == Muon("0.1", epsilon="1e-8")
    lean = Muon.with_dialect("lean", "0.1")
    assert lean == Muon("0.1", nesterov=False, orthogonalizer="identity")


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (
            lambda: Muon(momentum=1),
            Reason.HYPERPARAMETER,
            "expected momentum in [0, 1), got 1",
        ),
        (
            lambda: Muon(-1),
            Reason.HYPERPARAMETER,
            "expected learning_rate at least 0, got -1",
        ),
        (
            lambda: Muon(steps=0),
            Reason.HYPERPARAMETER,
            "expected steps of at least 1, got 0",
        ),
        (
            lambda: Muon(epsilon="-1"),
            Reason.HYPERPARAMETER,
            "expected epsilon at least 0, got -1",
        ),
        (
            lambda: Muon(momentum=0),
            Reason.CONTRADICTION,
            "expected momentum above 0 with nesterov, got 0",
        ),
        (
            lambda: Muon(scale="rms"),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected scale to be one of none, rows-over-columns, root-mean-square, "
            "got rms",
        ),
        (
            lambda: Muon(orthogonalizer="svd"),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected orthogonalizer to be one of newton-schulz, identity, got svd",
        ),
        (
            lambda: Muon.with_dialect("optax"),
            Reason.HYPERPARAMETER,
            "expected a learning_rate, since the dialect optax has no default, got "
            "none",
        ),
        (
            lambda: parts_of(Muon(), Linear(3, 2).parameters()),
            Reason.CONTRADICTION,
            "bias: expected a matrix for muon, got shape [2]; ParameterGroups can give "
            "it another optimizer",
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


def test_a_model_of_matrices_alone_needs_no_groups() -> None:
    """Muon by itself is one part where every parameter is a matrix."""
    (part,) = parts_of(Muon(), Linear(3, 2, bias=False).parameters())
    assert part.names == ("weight",)
    assert not Muon().takes(vector(3))


def test_momentum_without_look_ahead_is_that_of_descent() -> None:
    """Element by element, the identity is SGD with momentum, to the bit."""
    muon = Muon("0.3", momentum="0.7", nesterov=False, orthogonalizer="identity")
    other = SGD("0.3", momentum="0.7")
    p = Tensor(SHAPE, (0.1, 0.2, -0.3, 0.4))
    g = Tensor(SHAPE, (0.7, -0.6, 0.5, 0.1))
    states = initial_tensors(muon, FLOAT, SHAPE), initial_tensors(other, FLOAT, SHAPE)
    moved = [p, p]
    for number in (1, 2, 3):
        ours = coefficients_at(muon, FLOAT, number)
        theirs = coefficients_at(other, FLOAT, number)
        moved[0], kept = update_tensor(
            muon, FLOAT, ours, number, moved[0], g, states[0]
        )
        moved[1], also = update_tensor(
            other, FLOAT, theirs, number, moved[1], g, states[1]
        )
        states = kept, also
        assert moved[0] == moved[1]
        assert kept == also
