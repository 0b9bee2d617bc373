"""Clipping kernels: the spec's bits in strict mode, within its bounds in fast mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Mode
from torchlean_spec.clipping import ClipGlobalNorm, ClipNorm, ClipValue
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
