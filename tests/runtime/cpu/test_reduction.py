"""Sums, means, softmax and their like against the spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Mode
from torchlean_spec.numbers import BINARY32
from torchlean_spec.numbers.summation import tree_sum
from torchlean_spec.shape import shape_of

Array = NDArray[Any]
LENGTHS = [0, 1, 2, 31, 32, 33, 64, 1000, 1024, 1025, 2049, 5000]


def tree(x: Array) -> float:
    """The spec's tree over NumPy's binary32 scalars, which add as the spec's do."""
    zero: Any = numpy.float32(0)
    return float(tree_sum(zero, list(x)))


@pytest.mark.parametrize("length", [*LENGTHS, 1024 * 1024, 1024 * 1024 + 3])
def test_strict_sums_follow_the_tree_at_every_length(
    length: int, numbers: Callable[..., Array]
) -> None:
    """A strict sum has the bits of the spec's tree over binary32 numbers."""
    x = numbers(length)
    out = numpy.empty(1, numpy.float32)
    call("sum_last", mode=Mode.STRICT, x=x, out=out, outer=1, count=length)
    assert out[0] == tree(x)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("mode", list(Mode))
def test_sums_of_integers_are_exact_in_every_order(length: int, mode: Mode) -> None:
    """Where no addition rounds, no element is lost or counted twice."""
    x = (numpy.arange(2 * length) % 17 - 8).astype(numpy.float32)
    out = numpy.empty(2, numpy.float32)
    call("sum_last", mode=mode, x=x, out=out, outer=2, count=length)
    assert out.tolist() == x.reshape(2, length).sum(axis=1).tolist()


@pytest.mark.parametrize("count", [1, 2, 31, 33, 1024, 1030, 3000])
@pytest.mark.parametrize("inner", [1, 3, 16, 37])
def test_strict_sums_along_an_axis_follow_the_tree(
    count: int, inner: int, numbers: Callable[..., Array]
) -> None:
    """Columns that are summed side by side have the bits of single sums."""
    x = numbers(2 * count * inner)
    out = numpy.empty(2 * inner, numpy.float32)
    call(
        "sum_axis",
        mode=Mode.STRICT,
        x=x,
        out=out,
        outer=2,
        count=count,
        inner=inner,
    )
    columns = x.reshape(2, count, inner).transpose(0, 2, 1).reshape(2 * inner, count)
    assert out.tolist() == [tree(column) for column in columns]


def test_sums_of_blocks_summed_again_are_the_strict_sum(
    numbers: Callable[..., Array],
) -> None:
    """Cutting a sum at blocks of 1024 changes no bit of it."""
    x = numbers(1024 * 40)
    whole, sums = numpy.empty(1, numpy.float32), numpy.empty(40, numpy.float32)
    again = numpy.empty(1, numpy.float32)
    call("sum_last", mode=Mode.STRICT, x=x, out=whole, outer=1, count=x.size)
    call("sum_blocks", mode=Mode.STRICT, x=x, out=sums, blocks=40)
    call("sum_last", mode=Mode.STRICT, x=sums, out=again, outer=1, count=40)
    assert again[0] == whole[0]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_reductions_of_one_axis_agree_with_the_spec(
    name: str, axis: int, mode: Mode, meaning: Any, numbers: Callable[..., Array]
) -> None:
    """The two kernels of an axis give what the spec says, in either mode."""
    x = numbers(3 * 5 * 4, special=True).reshape(3, 5, 4)
    count, inner = x.shape[axis], int(numpy.prod(x.shape[axis + 1 :]))
    outer = x.size // count // inner
    out = numpy.empty(outer * inner, numpy.float32)
    call(f"{name}_axis", mode=mode, x=x, out=out, outer=outer, count=count, inner=inner)
    assert meaning.refused(out, name, x, axis=axis) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 10), (2, 100), (1, 2500)])
def test_strict_softmax_has_the_bits_of_the_spec(
    shape: tuple[int, int],
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Softmax, its logarithm and both derivatives, bit by bit."""
    rows, classes = shape
    x, upstream = (numbers(rows * classes, seed).reshape(shape) for seed in (1, 2))
    for name in ("softmax", "log_softmax"):
        y, out = numpy.empty_like(x), numpy.empty_like(x)
        sizes: dict[str, Any] = {"rows": rows, "classes": classes}
        call(name, mode=Mode.STRICT, x=x, out=y, **sizes)
        assert same_bits(y, meaning.bits(name, x))
        gradient = f"{name}_gradient"
        call(gradient, mode=Mode.STRICT, y=y, upstream=upstream, out=out, **sizes)
        assert same_bits(out, meaning.bits(gradient, y, upstream))


@pytest.mark.parametrize("shape", [(1, 1), (3, 10), (2, 100), (1, 2500)])
def test_fast_softmax_is_within_the_bounds_of_the_spec(
    shape: tuple[int, int], meaning: Any, numbers: Callable[..., Array]
) -> None:
    """Fast softmax and its derivatives give answers of honest arithmetic."""
    rows, classes = shape
    x, upstream = (numbers(rows * classes, seed).reshape(shape) for seed in (1, 2))
    for name in ("softmax", "log_softmax"):
        y, out = numpy.empty_like(x), numpy.empty_like(x)
        sizes: dict[str, Any] = {"rows": rows, "classes": classes}
        call(name, x=x, out=y, **sizes)
        assert meaning.refused(y, name, x) == []
        call(f"{name}_gradient", y=y, upstream=upstream, out=out, **sizes)
        assert meaning.refused(out, f"{name}_gradient", y, upstream) == []


def test_softmax_treats_infinities_as_the_spec_does(
    meaning: Any, same_bits: Callable[[Array, Array], bool]
) -> None:
    """Minus infinities get probability +0; rows with other extremes are NaN."""
    infinity = numpy.inf
    x = numpy.array(
        [[0, -infinity, 0], [infinity, 0, 0], [-infinity] * 3, [numpy.nan, 0, 0]],
        numpy.float32,
    )
    for mode in Mode:
        out = numpy.empty_like(x)
        call("softmax", mode=mode, x=x, out=out, rows=4, classes=3)
        assert same_bits(out, meaning.bits("softmax", x))


@pytest.mark.parametrize("mode", list(Mode))
def test_reducing_to_a_shape_agrees_with_the_spec(
    mode: Mode,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """`reduce_strided` sums over outer, middle and repeated axes, in order."""
    x = numbers(4 * 3 * 5 * 2).reshape(4, 3, 5, 2)
    # To [3, 1, 2]: axes 0 and 2 are summed over, 1 and 3 are kept.
    out = numpy.empty(6, numpy.float32)
    call(
        "reduce_strided",
        mode=mode,
        x=x,
        kept_table=numpy.array([3, 2, 10, 1]),
        table=numpy.array([4, 5, 30, 2]),
        out=out,
        kept_rank=2,
        rank=2,
        kept=6,
        count=20,
        span=x.size,
    )
    target = shape_of([3, 1, 2])
    if mode is Mode.STRICT:
        assert same_bits(out, meaning.bits("reduce_to", x, target=target))
    assert meaning.refused(out, "reduce_to", x, target=target) == []


def test_binary32_numbers_of_numpy_add_as_those_of_the_spec(
    numbers: Callable[..., Array],
) -> None:
    """The shortcut of this file's first tests is sound on a sample."""
    x = numbers(300)
    ours = BINARY32.sum([BINARY32.from_float(float(value)) for value in x])
    assert BINARY32.to_float(ours) == tree(x)
