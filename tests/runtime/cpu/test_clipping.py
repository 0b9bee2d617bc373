"""Clipping kernels: the spec's bits in strict mode, within its bounds in fast mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Mode
from torchlean_spec.clipping import (
    ClipGlobalNorm,
    ClipNorm,
    ClipPercentile,
    ClipRange,
    ClipValue,
)
from torchlean_spec.numbers import BINARY32, bounded
from torchlean_spec.shape import vector
from torchlean_spec.tensor import Tensor

Array = NDArray[Any]
SEGMENTS = [(0, 5), (16, 1500), (1600, 33)]
SPAN = 1700
NORMS: dict[Any, int] = {1: 1, 2: 2, "infinity": 0}


def tensors_of(system: Any, gradient: Array) -> list[Tensor[Any, Any]]:
    """The segments of an arena as tensors of a number system."""
    return [
        Tensor(
            vector(count),
            tuple(system.from_float(float(v)) for v in gradient[start : start + count]),
        )
        for start, count in SEGMENTS
    ]


def clip_by_kernels(record: Any, gradient: Array, mode: Mode) -> None:
    """Clip an arena in place, by the three rows."""
    segments = numpy.array(SEGMENTS, numpy.int64).reshape(-1)
    sums = numpy.empty(3, numpy.float32)
    limits = numpy.array([float(record.maximum), float(record.epsilon)], numpy.float32)
    norm = NORMS[record.norm]
    given: dict[str, Any] = {"mode": mode, "gradient": gradient, "tensors": 3}
    call("tensor_norms", segments=segments, out=sums, span=SPAN, norm=norm, **given)
    shared: dict[str, Any] = {"mode": mode, "sums": sums, "limits": limits}
    shared |= {"tensors": 3, "norm": norm}
    if isinstance(record, ClipGlobalNorm):
        scale = numpy.empty(2, numpy.float32)
        call("global_scale", scale=scale, **shared)
        call("scale_gradients", mode=mode, scale=scale, gradient=gradient, size=SPAN)
    else:
        scales = numpy.empty(6, numpy.float32)
        call("tensor_scales", scales=scales, **shared)
        call("scale_tensors", scales=scales, segments=segments, span=SPAN, **given)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("norm", list(NORMS))
@pytest.mark.parametrize("maximum", ["0.5", "40", "1e6"])
@pytest.mark.parametrize("kind", [ClipNorm, ClipGlobalNorm])
def test_clipping_by_norm_agrees_with_the_spec(
    kind: Any, maximum: str, norm: Any, mode: Mode, numbers: Callable[..., Array]
) -> None:
    """Tensors by themselves and together, in each norm, inside and outside."""
    record = kind(maximum, norm=norm, epsilon="0.001")
    gradient = numbers(SPAN, 3)
    clipped = gradient.copy()
    clip_by_kernels(record, clipped, mode)
    systems: list[Any] = [bounded("float32")]
    if mode is Mode.STRICT:
        systems.append(BINARY32)
    for system in systems:
        expected = record.clip(system, tensors_of(system, gradient))
        for (start, count), tensor in zip(SEGMENTS, expected, strict=True):
            found = [float(value) for value in clipped[start : start + count]]
            if system is BINARY32:
                assert found == [system.to_float(value) for value in tensor.values]
            else:
                pairs = zip(tensor.values, found, strict=True)
                assert all(value.admits(answer) for value, answer in pairs)


def test_clipping_by_value_has_the_bits_of_the_spec(
    numbers: Callable[..., Array], same_bits: Callable[[Array, Array], bool]
) -> None:
    """Infinities become the limits, and a NaN stays."""
    gradient = numbers(100, special=True)
    clipped = gradient.copy()
    limit = numpy.array([0.75], numpy.float32)
    call("clip_value", limit=limit, gradient=clipped, size=100)
    values = tuple(BINARY32.from_float(float(value)) for value in gradient)
    (expected,) = ClipValue("0.75").clip(BINARY32, [Tensor(vector(100), values)])
    found = [BINARY32.to_float(value) for value in expected.values]
    assert same_bits(clipped, numpy.array(found, numpy.float32))


def test_a_nan_anywhere_reaches_every_gradient(numbers: Callable[..., Array]) -> None:
    """As the spec says of a norm that is not a number."""
    gradient = numbers(SPAN)
    gradient[3] = numpy.nan
    clip_by_kernels(ClipGlobalNorm(1), gradient, Mode.FAST)
    assert numpy.isnan(gradient).all()


def test_clipping_by_two_limits_has_the_bits_of_the_spec(
    numbers: Callable[..., Array], same_bits: Callable[[Array, Array], bool]
) -> None:
    """Infinities become the limits, and a NaN stays."""
    gradient = numbers(100, special=True)
    clipped = gradient.copy()
    limits = numpy.array([-0.25, 0.75], numpy.float32)
    call("clip_range", limits=limits, gradient=clipped, size=100)
    values = tuple(BINARY32.from_float(float(value)) for value in gradient)
    record = ClipRange("-0.25", "0.75")
    (expected,) = record.clip(BINARY32, [Tensor(vector(100), values)])
    found = [BINARY32.to_float(value) for value in expected.values]
    assert same_bits(clipped, numpy.array(found, numpy.float32))


def clip_by_percentile(
    percentile: str, gradient: Array, segments: list[tuple[int, int]]
) -> None:
    """Clip an arena in place, by the one row."""
    record = ClipPercentile(percentile)
    triples = [
        (start, count, record.place(count) if count else 0) for start, count in segments
    ]
    longest = max(count for _, count in segments)
    call(
        "clip_percentile",
        segments=numpy.array(triples, numpy.int64).reshape(-1),
        sizes=numpy.empty(longest, gradient.dtype),
        gradient=gradient,
        span=len(gradient),
        longest=longest,
        tensors=len(segments),
    )


def expected_by_percentile(
    percentile: str, gradient: Array, segments: list[tuple[int, int]]
) -> Array:
    """The same by sorting whole tensors."""
    expected = gradient.copy()
    for start, count in segments:
        if count:
            own = expected[start : start + count]
            ordered = numpy.sort(numpy.abs(own))
            bound = ordered[ClipPercentile(percentile).place(count)]
            own[:] = numpy.minimum(numpy.maximum(own, -bound), bound)
    return expected


@pytest.mark.parametrize("percentile", ["0", "12.5", "50", "90", "99.9", "100"])
@pytest.mark.parametrize("shape", ["numbers", "ties", "rising", "falling", "zeros"])
def test_clipping_by_percentile_selects_the_right_size(
    percentile: str, shape: str, numbers: Callable[..., Array]
) -> None:
    """Of mixed, equal and sorted sizes, in tensors of 0, 1 and more elements."""
    segments = [*SEGMENTS, (1640, 2), (1650, 3), (SPAN - 1, 1), (40, 0)]
    gradient = {
        "numbers": numbers(SPAN, 3),
        "ties": numpy.round(numbers(SPAN, 3) * 2),
        "rising": numpy.arange(SPAN, dtype=numpy.float32),
        "falling": -numpy.arange(SPAN, dtype=numpy.float32)[::-1].copy(),
        "zeros": numpy.zeros(SPAN, numpy.float32),
    }[shape]
    clipped = gradient.copy()
    clip_by_percentile(percentile, clipped, segments)
    assert (clipped == expected_by_percentile(percentile, gradient, segments)).all()


@pytest.mark.parametrize("percentile", ["0", "40", "100"])
def test_clipping_by_percentile_has_the_bits_of_the_spec(
    percentile: str,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Zeros of both signs and infinities among the numbers."""
    gradient = numbers(60, 3)
    gradient[:6] = [0.0, -0.0, numpy.inf, -numpy.inf, 5e-45, -0.0]
    clipped = gradient.copy()
    clip_by_percentile(percentile, clipped, [(0, 60)])
    values = tuple(BINARY32.from_float(float(value)) for value in gradient)
    record = ClipPercentile(percentile)
    (expected,) = record.clip(BINARY32, [Tensor(vector(60), values)])
    found = [BINARY32.to_float(value) for value in expected.values]
    assert same_bits(clipped, numpy.array(found, numpy.float32))


def test_a_nan_reaches_its_tensor_and_no_other(numbers: Callable[..., Array]) -> None:
    """As the spec says of an order of what is not a number."""
    gradient = numbers(SPAN)
    gradient[3] = numpy.nan
    clip_by_percentile("50", gradient, SEGMENTS)
    assert numpy.isnan(gradient[:5]).all()
    assert not numpy.isnan(gradient[5:]).any()
