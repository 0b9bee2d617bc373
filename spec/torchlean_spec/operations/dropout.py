"""Dropout: the one operation that draws random numbers, specified to the bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.operation import (
    Attributes,
    Operands,
    Operation,
    Use,
    Value,
    register,
)
from torchlean_spec.random import Stream, stream, words
from torchlean_spec.shape import Shape, require_same, shape_of, size
from torchlean_spec.tensor import Tensor

WORD_COUNT = 2**32


def keep_threshold(probability: Fraction) -> int:
    """An element is kept where its random word lies below this."""
    return math.ceil((1 - probability) * WORD_COUNT)


def _shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    require_same("dropout: draw", shape_of([2]), shapes[1])
    return shapes[0]


def dropout_meaning(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """`x / (1 - p)` where the element is kept, +0 where it is dropped.

    The draw is the pair (seed, step), the step counted from 1. Element i is kept
    where word `(step - 1) size + i` of the layer's stream lies below
    `ceil((1 - p) 2^32)`, so that each step has a mask of its own, which any
    backend can compute anew (Srivastava et al. 2014, inverted form).
    """
    x, draw = operands.real(0), operands.index(1)
    seed, step = draw.values
    probability = attributes.exact("probability")
    count = size(x.shape)
    layer = stream(Stream.DROPOUT, attributes.integer("stream"))
    drawn = words(seed, layer, start=(step - 1) * count, count=count)
    threshold = keep_threshold(probability)
    factor = system.constant(1 / (1 - probability))
    zero = system.constant(0)
    pairs = zip(x.values, drawn, strict=True)
    return Tensor(
        x.shape, tuple(v * factor if word < threshold else zero for v, word in pairs)
    )


def _rule(use: Use) -> Sequence[Value | None]:
    draw = use.operands[1]
    return [use.upstream.apply("dropout", draw, **use.attributes), None]


register(Operation("dropout", ("x", "draw#"), _shape, dropout_meaning, _rule))
