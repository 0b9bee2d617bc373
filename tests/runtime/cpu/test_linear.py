"""Matrix products and linear layers against the spec."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu import blas, linear
from torchlean.cpu.calling import call
from torchlean.cpu.linear import prefers_blas
from torchlean.cpu.registry import Dtype, Mode

Array = NDArray[Any]
SIZES = [(1, 1, 1), (2, 3, 1), (4, 2, 8), (5, 33, 17), (16, 40, 3), (9, 70, 35)]
SUFFIXES = ["", "_blas"] if blas.found() else [""]
FACTORS: dict[str, Callable[[int, int, int], Any]] = {
    "matmul": lambda m, k, n: ((m, k), (k, n)),
    "matmul_transposed_left": lambda m, k, n: ((k, m), (k, n)),
    "matmul_transposed_right": lambda m, k, n: ((m, k), (n, k)),
}


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", list(FACTORS))
def test_strict_products_have_the_bits_of_the_spec(
    name: str,
    sizes: tuple[int, int, int],
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Each of the three products, bit by bit, at sizes around the tiles."""
    m, k, n = sizes
    left, right = FACTORS[name](m, k, n)
    a, b = numbers(m * k, 1).reshape(left), numbers(k * n, 2).reshape(right)
    out = numpy.empty(m * n, numpy.float32)
    call(name, mode=Mode.STRICT, a=a, b=b, out=out, m=m, k=k, n=n)
    assert same_bits(out, meaning.bits(name, a, b))


@pytest.mark.parametrize("terms", [1023, 1024, 1025, 2100])
def test_strict_products_of_many_terms_follow_the_tree(
    terms: int,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Sums of more than a block, in each of the three products."""
    m, n = 2, 18
    for name, factors in FACTORS.items():
        left, right = factors(m, terms, n)
        a = numbers(m * terms, 1).reshape(left)
        b = numbers(terms * n, 2).reshape(right)
        out = numpy.empty(m * n, numpy.float32)
        call(name, mode=Mode.STRICT, a=a, b=b, out=out, m=m, k=terms, n=n)
        assert same_bits(out, meaning.bits(name, a, b))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", list(FACTORS))
def test_fast_products_are_within_the_bounds_of_the_spec(
    name: str,
    sizes: tuple[int, int, int],
    suffix: str,
    meaning: Any,
    numbers: Callable[..., Array],
) -> None:
    """Each product by own tiles and by the BLAS."""
    m, k, n = sizes
    left, right = FACTORS[name](m, k, n)
    a, b = numbers(m * k, 1).reshape(left), numbers(k * n, 2).reshape(right)
    out = numpy.empty(m * n, numpy.float32)
    call(f"{name}{suffix}", a=a, b=b, out=out, m=m, k=k, n=n)
    assert meaning.refused(out, name, a, b) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", list(Dtype))
@pytest.mark.parametrize("name", list(FACTORS))
def test_products_of_integers_are_exact_at_many_sizes(
    name: str, dtype: Dtype, suffix: str
) -> None:
    """Where nothing rounds, no term is lost: every row, column and depth remainder."""
    generator = numpy.random.default_rng(3)
    for m in (1, 3, 4, 7, 8, 15, 29):
        for k in (0, 1, 5, 127, 128, 130, 257):
            for n in (1, 7, 8, 15, 16, 17, 32, 33, 47, 48, 70):
                left, right = FACTORS[name](m, k, n)
                a = generator.integers(-8, 8, left).astype(dtype.value)
                b = generator.integers(-8, 8, right).astype(dtype.value)
                out = numpy.full((m, n), numpy.nan, dtype.value)
                call(f"{name}{suffix}", dtype=dtype, a=a, b=b, out=out, m=m, k=k, n=n)
                x = a.T if name.endswith("left") else a
                y = b.T if name.endswith("right") else b
                assert numpy.array_equal(out, x @ y), (m, k, n)


@pytest.mark.parametrize("name", list(FACTORS))
def test_products_of_more_rows_than_a_block_are_exact(name: str) -> None:
    """Rows are finished in blocks of 128, and each block packs the panels anew."""
    generator = numpy.random.default_rng(3)
    for m, k, n in ((128, 130, 40), (129, 20, 64), (300, 260, 33)):
        left, right = FACTORS[name](m, k, n)
        a = generator.integers(-8, 8, left).astype(numpy.float32)
        b = generator.integers(-8, 8, right).astype(numpy.float32)
        out = numpy.full((m, n), numpy.nan, numpy.float32)
        call(name, a=a, b=b, out=out, m=m, k=k, n=n)
        x = a.T if name.endswith("left") else a
        y = b.T if name.endswith("right") else b
        assert numpy.array_equal(out, x @ y), (m, k, n)


def test_the_blas_is_left_to_what_it_does_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Large products; with long vectors, only those whose factor leaves the cache."""
    monkeypatch.setattr(blas, "found", lambda: True)
    sizes = [(1024, 784, 256), (64, 64, 64), (63, 784, 256), (128, 1024, 1024)]
    for length, expected in (
        (32, [True, True, False, True]),
        (64, [False, False, False, True]),
    ):
        monkeypatch.setattr(linear, "vector_bytes", lambda length=length: length)
        assert [prefers_blas(*each) for each in sizes] == expected
    monkeypatch.setattr(blas, "found", lambda: False)
    assert not any(prefers_blas(*each) for each in sizes)


NARROW = """
import numpy
from torchlean.cpu import lowering_tiles
from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype
lowering_tiles.vector_bytes = lambda: {width}
generator = numpy.random.default_rng(3)
for dtype in Dtype:
    for m, k, n in ((4, 130, 3), (15, 20, 33), (29, 7, 70), (9, 40, 64)):
        a = generator.integers(-8, 8, (m, k)).astype(dtype.value)
        b = generator.integers(-8, 8, (k, n)).astype(dtype.value)
        out = numpy.empty((m, n), dtype.value)
        call("matmul", dtype=dtype, a=a, b=b, out=out, m=m, k=k, n=n)
        assert numpy.array_equal(out, a @ b)
        out = numpy.empty((m, n), dtype.value)
        turned = numpy.ascontiguousarray(b.T)
        name = "matmul_transposed_right"
        call(name, dtype=dtype, a=a, b=turned, out=out, m=m, k=k, n=n)
        assert numpy.array_equal(out, a @ b)
print("exact")
"""


@pytest.mark.parametrize("width", [16, 32, 64])
def test_products_are_exact_with_vectors_of_every_length(
    width: int, tmp_path: Path
) -> None:
    """The tiles of processors with shorter vectors (LLVM cuts what is too long)."""
    found = subprocess.run(
        [sys.executable, "-c", NARROW.format(width=width)],
        env=os.environ | {"TORCHLEAN_CACHE": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout == "exact\n"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (4, 2, 8), (6, 33, 17), (16, 40, 3)])
def test_fast_linear_layers_agree_with_the_spec(
    sizes: tuple[int, int, int],
    suffix: str,
    meaning: Any,
    numbers: Callable[..., Array],
) -> None:
    """Forward and both derivatives, with the weight stored transposed."""
    rows, inputs, outputs = sizes
    extents: dict[str, Any] = {"rows": rows, "inputs": inputs, "outputs": outputs}
    x = numbers(rows * inputs, 1).reshape(rows, inputs)
    weight = numbers(outputs * inputs, 2).reshape(outputs, inputs)
    stored = numpy.ascontiguousarray(weight.T)
    bias, upstream = numbers(outputs, 3), numbers(rows * outputs, 4)
    upstream = upstream.reshape(rows, outputs)
    out, clipped = numpy.empty_like(upstream), numpy.empty_like(upstream)
    arguments: dict[str, Any] = {"x": x, "weight": stored, "bias": bias} | extents
    call(f"linear{suffix}", out=out, **arguments)
    assert meaning.refused(out, "linear", x, weight, bias) == []
    call(f"linear_relu{suffix}", out=clipped, **arguments)
    assert numpy.array_equal(clipped, numpy.where(out > 0, out, 0))
    in_x = numpy.empty_like(x)
    arguments = {"upstream": upstream, "weight": stored} | extents
    call(f"linear_input_gradient{suffix}", out=in_x, **arguments)
    assert meaning.refused(in_x, "matmul", upstream, weight) == []
    masked = numpy.empty_like(x)
    call(f"linear_input_gradient_relu{suffix}", y=x, out=masked, **arguments)
    assert numpy.array_equal(masked, numpy.where(x > 0, in_x, 0))
    in_weight, in_bias = numpy.empty_like(stored), numpy.empty_like(bias)
    call(
        f"linear_parameter_gradient{suffix}",
        x=x,
        upstream=upstream,
        weight_gradient=in_weight,
        bias_gradient=in_bias,
        **extents,
    )
    turned = numpy.ascontiguousarray(in_weight.T)
    assert meaning.refused(turned, "matmul_transposed_left", upstream, x) == []
    assert meaning.refused(in_bias, "sum", upstream, axis=0) == []


@pytest.mark.parametrize("sizes", [(1, 1, 1), (4, 2, 8), (6, 33, 17), (16, 70, 3)])
def test_strict_linear_layers_have_the_bits_of_the_spec(
    sizes: tuple[int, int, int],
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Forward and both derivatives, bit by bit."""
    rows, inputs, outputs = sizes
    extents: dict[str, Any] = {"rows": rows, "inputs": inputs, "outputs": outputs}
    x = numbers(rows * inputs, 1).reshape(rows, inputs)
    weight = numbers(outputs * inputs, 2).reshape(outputs, inputs)
    bias, upstream = numbers(outputs, 3), numbers(rows * outputs, 4)
    upstream = upstream.reshape(rows, outputs)
    out, in_x = numpy.empty_like(upstream), numpy.empty_like(x)
    arguments: dict[str, Any] = {"x": x, "weight": weight, "bias": bias} | extents
    call("linear", mode=Mode.STRICT, out=out, **arguments)
    assert same_bits(out, meaning.bits("linear", x, weight, bias))
    clipped = numpy.empty_like(upstream)
    call("linear_relu", mode=Mode.STRICT, out=clipped, **arguments)
    assert same_bits(clipped, meaning.bits("relu", out))
    arguments = {"upstream": upstream, "weight": weight} | extents
    call("linear_input_gradient", mode=Mode.STRICT, out=in_x, **arguments)
    assert same_bits(in_x, meaning.bits("matmul", upstream, weight))
    masked = numpy.empty_like(x)
    call("linear_input_gradient_relu", mode=Mode.STRICT, y=x, out=masked, **arguments)
    assert same_bits(masked, meaning.bits("relu_gradient", x, in_x))
    in_weight, in_bias = numpy.empty_like(weight), numpy.empty_like(bias)
    call(
        "linear_parameter_gradient",
        mode=Mode.STRICT,
        x=x,
        upstream=upstream,
        weight_gradient=in_weight,
        bias_gradient=in_bias,
        **extents,
    )
    expected = meaning.bits("matmul_transposed_left", upstream, x)
    assert same_bits(in_weight, expected)
    assert same_bits(in_bias, meaning.bits("sum", upstream, axis=0))


@pytest.mark.parametrize("name", ["linear_weight_gradient" + each for each in SUFFIXES])
def test_a_weight_gradient_in_pieces_is_that_of_the_whole_layer(name: str) -> None:
    """Fast mode cuts along the inputs: pieces of x keep the whole rows' stride."""
    generator = numpy.random.default_rng(3)
    x = generator.integers(-8, 8, (6, 40)).astype(numpy.float32)
    upstream = generator.integers(-8, 8, (6, 10)).astype(numpy.float32)
    out = numpy.empty((40, 10), numpy.float32)
    for start, stop in ((0, 16), (16, 40)):
        call(
            name,
            x=x.reshape(-1)[start : 5 * 40 + stop],
            upstream=upstream,
            weight_gradient=out[start:stop],
            rows=6,
            inputs=stop - start,
            outputs=10,
            stride=40,
        )
    assert numpy.array_equal(out, x.T @ upstream)


def test_a_strict_weight_gradient_in_pieces_has_the_bits_of_the_whole(
    numbers: Callable[..., Array], same_bits: Callable[[Array, Array], bool]
) -> None:
    """Strict mode cuts along the outputs, the weight's rows."""
    x, upstream = numbers(6 * 40, 1), numbers(6 * 10, 2)
    whole, pieces = (numpy.empty((10, 40), numpy.float32) for _ in range(2))
    fixed: dict[str, Any] = {"mode": Mode.STRICT, "x": x, "rows": 6, "inputs": 40}
    call(
        "linear_parameter_gradient",
        upstream=upstream,
        weight_gradient=whole,
        bias_gradient=numpy.empty(10, numpy.float32),
        outputs=10,
        **fixed,
    )
    for start, stop in ((0, 3), (3, 10)):
        call(
            "linear_weight_gradient",
            upstream=upstream[start : 5 * 10 + stop],
            weight_gradient=pieces[start:stop],
            outputs=stop - start,
            stride=10,
            **fixed,
        )
    assert same_bits(pieces, whole)


@pytest.mark.parametrize("sizes", [(1, 2, 3, 5), (6, 4, 8, 17), (16, 2, 70, 40)])
def test_layers_in_blocks_of_inputs_agree_with_the_spec(
    sizes: tuple[int, int, int, int],
    meaning: Any,
    numbers: Callable[..., Array],
) -> None:
    """The products of the blocks in one call or in several, summed with the bias."""
    rows, blocks, block, outputs = sizes
    inputs = blocks * block
    x = numbers(rows * inputs, 1).reshape(rows, inputs)
    weight = numbers(outputs * inputs, 2).reshape(outputs, inputs)
    stored, bias = numpy.ascontiguousarray(weight.T), numbers(outputs, 3)
    sums, parts = (numpy.empty((blocks, rows, outputs), numpy.float32) for _ in "12")
    common = {"rows": rows, "outputs": outputs}
    fixed: dict[str, Any] = {**common, "block": block, "stride": inputs}
    call("linear_blocks", x=x, weight=stored, out=sums, blocks=blocks, **fixed)
    for number in range(blocks):
        start, stop = number * block, (number + 1) * block
        call(
            "linear_blocks",
            x=x.reshape(-1)[start : (rows - 1) * inputs + stop],
            weight=stored[start:stop],
            out=parts[number],
            blocks=1,
            **fixed,
        )
    assert numpy.array_equal(sums, parts)
    out, clipped = (numpy.empty((rows, outputs), numpy.float32) for _ in range(2))
    given: dict[str, Any] = {"sums": sums, "bias": bias, "blocks": blocks} | common
    call("linear_of_blocks", out=out, **given)
    assert meaning.refused(out, "linear", x, weight, bias) == []
    call("linear_relu_of_blocks", out=clipped, **given)
    assert numpy.array_equal(clipped, numpy.where(out > 0, out, 0))
