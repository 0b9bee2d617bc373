"""Losses of whole rows, and their derivatives, against the spec."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype, Mode
from torchlean_spec.numbers import BINARY32

Array = NDArray[Any]
COSINE, CLAMPED = "cosine_similarity", "cross_entropy_of_probabilities"
CASES = [
    (COSINE, Fraction("1e-8")),
    (COSINE, Fraction(2)),
    (CLAMPED, Fraction(0)),
    (CLAMPED, Fraction("0.2")),
]
EXTENTS = [(1, 1), (5, 3), (3, 70), (2, 1300), (0, 3)]
ONE = numpy.array([1], numpy.float32)


def rounded(*values: Fraction | int) -> Array:
    """Exact constants as binary32 numbers."""
    numbers = [BINARY32.to_float(BINARY32.constant(value)) for value in values]
    return numpy.array(numbers, numpy.float32)


def arguments_of(name: str, epsilon: Fraction, p: Array, t: Array) -> dict[str, Any]:
    """What every kernel of a loss takes."""
    clamps = {"clamps": rounded(epsilon, 1 - epsilon)}
    constants = {"epsilon": rounded(epsilon)} if name == COSINE else clamps
    rows, width = p.shape
    return {"prediction": p, "target": t, "rows": rows, "width": width} | constants


def only_cosine(name: str, **given: Array) -> dict[str, Any]:
    """Buffers that the kernels of one of the losses take."""
    return given if name == COSINE else {}


def operands(
    name: str, rows: int, width: int, numbers: Callable[..., Array]
) -> tuple[Array, Array]:
    """Rows of numbers, or of shares with certain ones among them."""
    p, t = numbers(rows * width, 1), numbers(rows * width, 2)
    if name == CLAMPED:
        p, t = numpy.abs(p) % 1, numpy.abs(t) % 1
        p[::5], p[1::5], t[::3] = 0, 1, 0
    return p.reshape(rows, width), t.reshape(rows, width)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(("name", "epsilon"), CASES)
def test_losses_of_rows_and_their_derivatives_agree_with_the_spec(
    name: str,
    epsilon: Fraction,
    mode: Mode,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Bits in strict mode, within bounds in fast mode, alone and both at once."""
    attributes: dict[str, Any] = {"epsilon": epsilon, "reduction": "none"}
    for rows, width in EXTENTS:
        p, t = operands(name, rows, width, numbers)
        given = arguments_of(name, epsilon, p, t) | {"mode": mode}
        losses, again = numpy.empty((2, rows), numpy.float32)
        out, slopes, scratch = numpy.empty((3, rows, width), numpy.float32)
        first: dict[str, Any] = {"scratch": scratch} | only_cosine(name, out=out)
        call(f"{name}_rows", row_losses=losses, **first, **given)
        upstream = numbers(rows, 9)
        extra = only_cosine(name, scratch=scratch)
        call(
            f"{name}_gradient",
            factor=ONE,
            upstream=upstream,
            upstreams=rows,
            out=slopes,
            **extra,
            **given,
        )
        value = (name, p, t)
        slope = (f"{name}_gradient", p, t, upstream)
        assert meaning.refused(losses, *value, **attributes) == []
        assert meaning.refused(slopes, *slope, **attributes) == []
        if mode is Mode.STRICT:
            assert same_bits(losses, meaning.bits(*value, **attributes))
            assert same_bits(slopes, meaning.bits(*slope, **attributes))
        factor = rounded(Fraction(1, max(rows, 1)))
        call(
            f"{name}_rows_with_gradient",
            factor=factor,
            row_losses=again,
            out=out,
            **extra,
            **given,
        )
        assert numpy.array_equal(losses, again, equal_nan=True)
        mean = attributes | {"reduction": "mean"}
        whole = (f"{name}_gradient", p, t, ONE.reshape(()))
        assert meaning.refused(out, *whole, **mean) == []
        if mode is Mode.STRICT:
            assert same_bits(out, meaning.bits(*whole, **mean))


SPECIAL_ROWS = numpy.array(
    [
        [0, 0, 0],
        [-0.0, 0, 1e-45],
        [numpy.nan, 1, 0],
        [numpy.inf, 1, 0],
        [-numpy.inf, 0, 1],
        [3e38, 3e38, -3e38],
        [1e-30, 1e-30, 0],
        [1, 0, 0],
        [0.5, 0.5, 0],
    ],
    numpy.float32,
)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(("name", "epsilon"), CASES)
def test_special_rows_are_those_of_the_spec(
    name: str,
    epsilon: Fraction,
    mode: Mode,
    meaning: Any,
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Rows of zeros, infinities, NaN and extremes, each with each."""
    count = len(SPECIAL_ROWS)
    p, t = numpy.repeat(SPECIAL_ROWS, count, 0), numpy.tile(SPECIAL_ROWS, (count, 1))
    attributes: dict[str, Any] = {"epsilon": epsilon, "reduction": "none"}
    given = arguments_of(name, epsilon, p, t) | {"mode": mode}
    losses = numpy.empty(len(p), numpy.float32)
    out, scratch = numpy.empty_like(p), numpy.empty_like(p)
    extra = only_cosine(name, scratch=scratch)
    call(
        f"{name}_rows_with_gradient",
        factor=ONE,
        row_losses=losses,
        out=out,
        **extra,
        **given,
    )
    value = (name, p, t)
    slope = (f"{name}_gradient", p, t, numpy.ones(len(p), "f4"))
    assert meaning.refused(losses, *value, **attributes) == []
    assert meaning.refused(out, *slope, **attributes) == []
    if mode is Mode.STRICT:
        assert same_bits(losses, meaning.bits(*value, **attributes))
        assert same_bits(out, meaning.bits(*slope, **attributes))


@pytest.mark.parametrize(("name", "epsilon"), CASES)
def test_special_rows_in_float64_are_honest(
    name: str, epsilon: Fraction, meaning: Any
) -> None:
    """The same, and rows whose squares overflow or vanish in that format."""
    wide = numpy.array([[1e300, -1e308, 1e10], [1e-300, 1e-308, 0]])
    rows = numpy.concatenate([SPECIAL_ROWS.astype(numpy.float64), wide])
    count = len(rows)
    p, t = numpy.repeat(rows, count, 0), numpy.tile(rows, (count, 1))
    given = arguments_of(name, epsilon, p, t)
    for each in ("epsilon", "clamps"):
        if each in given:
            pair = (epsilon,) if each == "epsilon" else (epsilon, 1 - epsilon)
            given[each] = numpy.array([float(value) for value in pair])
    losses, out, scratch = numpy.empty(len(p)), numpy.empty_like(p), numpy.empty_like(p)
    call(
        f"{name}_rows_with_gradient",
        dtype=Dtype.FLOAT64,
        factor=numpy.ones(1),
        row_losses=losses,
        out=out,
        **only_cosine(name, scratch=scratch),
        **given,
    )
    attributes: dict[str, Any] = {"epsilon": epsilon, "reduction": "none"}
    assert meaning.refused(losses, name, p, t, **attributes) == []
    slope = (f"{name}_gradient", p, t, numpy.ones(len(p)))
    assert meaning.refused(out, *slope, **attributes) == []


@pytest.mark.parametrize(("name", "epsilon"), CASES)
def test_rows_cut_in_pieces_have_the_bits_of_the_whole(
    name: str, epsilon: Fraction, numbers: Callable[..., Array]
) -> None:
    """A loss that is shared out to threads does not depend on where it is cut."""
    p, t = operands(name, 11, 7, numbers)
    for mode in Mode:
        losses, out = numpy.empty((2, 11), "f4"), numpy.empty((2, 11, 7), "f4")
        for number, cuts in enumerate(([0, 11], [0, 4, 5, 11])):
            for first, last in pairwise(cuts):
                given = arguments_of(name, epsilon, p[first:last], t[first:last])
                scratch = numpy.empty((last - first, 7), "f4")
                call(
                    f"{name}_rows_with_gradient",
                    mode=mode,
                    factor=ONE,
                    row_losses=losses[number, first:last],
                    out=out[number, first:last],
                    **only_cosine(name, scratch=scratch),
                    **given,
                )
        assert numpy.array_equal(losses[0], losses[1], equal_nan=True)
        assert numpy.array_equal(out[0], out[1], equal_nan=True)
