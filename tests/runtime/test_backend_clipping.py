"""The backend clips as the spec does, to the bit in strict mode."""

from __future__ import annotations

import math

import numpy as np
import pytest

from torchlean.backend import CpuBackend
from torchlean_spec.backend import Buffer, Call
from torchlean_spec.clipping import (
    ClipGlobalNorm,
    ClipNorm,
    ClipPercentile,
    Clipping,
    ClipRange,
    ClipValue,
)
from torchlean_spec.description import to_json
from torchlean_spec.numbers import BINARY32, BinaryNumber
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.tensor import Tensor

GENERATOR = np.random.default_rng(20_260_728)
SHAPES = {"0": (4, 11), "1": (11,), "2": (2, 3, 5), "3": (1,), "4": (2,)}
CLIPPINGS: list[Clipping] = [
    ClipValue("0.3"),
    ClipRange("-0.2", "0.7"),
    ClipPercentile(0),
    ClipPercentile("66.6"),
    ClipPercentile(100),
    ClipNorm(1, norm=1),
    ClipNorm(2, epsilon="1e-6"),
    ClipGlobalNorm("1.5"),
    ClipGlobalNorm("0.7", norm="infinity"),
    ClipGlobalNorm(1000),
]


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=repr)
def test_strict_clipping_has_the_specs_bits(clipping: Clipping) -> None:
    """Clipping several tensors, in strict mode."""
    buffers: dict[str, Buffer] = {}
    for name, shape in SHAPES.items():
        drawn = GENERATOR.standard_normal(math.prod(shape)).astype(np.float32)
        buffers[name] = Buffer.of("float32", shape, drawn.tolist())
    call = Call("clip", {"clipping": to_json(clipping)}, buffers)
    found = CpuBackend(strict=True).run(call)
    tensors: list[Tensor[BinaryNumber, Shape]] = [
        Tensor(shape_of(each.shape), tuple(map(BINARY32.from_float, each.values())))
        for each in buffers.values()
    ]
    for name, wanted in zip(SHAPES, clipping.clip(BINARY32, tensors), strict=True):
        bits = [BINARY32.to_float(value).hex() for value in wanted.values]
        assert [value.hex() for value in found[name].values()] == bits
