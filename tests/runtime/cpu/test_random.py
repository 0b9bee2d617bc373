"""Random kernels: the spec's words, masks, parameters and shuffles, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype
from torchlean_spec.numbers import BINARY32
from torchlean_spec.operations.dropout import keep_threshold
from torchlean_spec.random import Stream, permutation, stream, unit, words

Array = NDArray[Any]
SEEDS = [0, 7, 2**32 + 5, 2**64 - 1]


def signed(pattern: int) -> int:
    """The signed integer of a 64-bit pattern."""
    return pattern - 2**64 if pattern >= 2**63 else pattern


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [1, 3, 4, 21, 200])
def test_dropout_has_the_bits_of_the_spec_at_every_step(
    seed: int,
    size: int,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Steps 1, 2 and a late one begin at every place within a block of words."""
    x, probability = numbers(size, special=True), Fraction(3, 10)
    factor = BINARY32.to_float(BINARY32.constant(1 / (1 - probability)))
    for step in (1, 2, 3, 4, 2**33):
        draw = numpy.array([signed(seed), step])
        out = numpy.empty_like(x)
        call(
            "dropout",
            x=x,
            draw=draw,
            factor=numpy.array([factor], numpy.float32),
            out=out,
            size=size,
            first=0,
            total=size,
            threshold=keep_threshold(probability),
            stream=stream(Stream.DROPOUT, 2),
        )
        drawn = words(seed, stream(Stream.DROPOUT, 2), (step - 1) * size, size)
        kept = numpy.array(drawn) < keep_threshold(probability)
        expected = meaning.bits("scale", x, factor=1 / (1 - probability))
        assert same_bits(out, numpy.where(kept, expected, numpy.float32(0)))


def test_dropout_is_the_operation_of_the_spec(
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """The operation as a whole, with its own threshold, factor and stream."""
    x, draw, out = numbers(50), numpy.array([9, 4]), numpy.empty(50, numpy.float32)
    call(
        "dropout",
        x=x,
        draw=draw,
        factor=numpy.array([2], numpy.float32),
        out=out,
        size=50,
        first=0,
        total=50,
        threshold=2**31,
        stream=stream(Stream.DROPOUT, 2),
    )
    expected = meaning.bits(
        "dropout",
        x,
        draw,
        probability=Fraction(1, 2),
        stream=2,
    )
    assert same_bits(out, expected)


def test_a_part_of_dropout_is_that_part_of_the_whole(
    numbers: Callable[..., Array],
) -> None:
    """Pieces of a tensor draw the words of their own places."""
    x = numbers(100)
    fixed: dict[str, Any] = {
        "draw": numpy.array([3, 5]),
        "factor": numpy.array([2], numpy.float32),
        "total": 100,
        "threshold": 2**31,
        "stream": stream(Stream.DROPOUT),
    }
    whole, pieces = numpy.empty_like(x), numpy.empty_like(x)
    call("dropout", x=x, out=whole, size=100, first=0, **fixed)
    for start, stop in ((0, 33), (33, 34), (34, 100)):
        part = pieces[start:stop]
        size = stop - start
        call("dropout", x=x[start:stop], out=part, size=size, first=start, **fixed)
    assert numpy.array_equal(whole, pieces)


@pytest.mark.parametrize("dtype", list(Dtype))
@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_parameters_have_the_bits_of_the_spec(seed: int, dtype: Dtype) -> None:
    """`constant(2 unit - 1) * constant(limit)`, two roundings at most."""
    limit = numpy.array([0.3], dtype.value)
    out = numpy.empty(50, dtype.value)
    number = stream(Stream.PARAMETERS, 4)
    call(
        "uniform",
        dtype=dtype,
        limit=limit,
        out=out,
        size=50,
        first=3,
        seed=signed(seed),
        stream=number,
    )
    units = [2 * unit(word) - 1 for word in words(seed, number, 3, 50)]
    expected = numpy.array([float(value) for value in units]).astype(dtype.value)
    assert numpy.array_equal(out, expected * limit[0])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [0, 1, 2, 5, 1000])
def test_shuffles_are_those_of_the_spec(seed: int, size: int) -> None:
    """The same permutation, word for word."""
    order = numpy.empty(size, numpy.int64)
    number = stream(Stream.SHUFFLE, 9)
    call("shuffle", order=order, size=size, seed=signed(seed), stream=number)
    assert tuple(order.tolist()) == permutation(seed, number, size)
