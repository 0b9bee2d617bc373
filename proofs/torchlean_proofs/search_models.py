"""Models for the grammar of valid runs: layers whose shapes fit each other."""

from __future__ import annotations

import math
from decimal import Decimal

from hypothesis import strategies as st

from torchlean_spec import initializers, layers
from torchlean_spec.initializers import Initializer
from torchlean_spec.layers import Layer, Linear, Residual, Sequential

LARGEST_SIZE = 6
"""The largest size along any axis."""

INITIALIZERS: st.SearchStrategy[Initializer] = st.one_of(
    st.builds(initializers.XavierUniform, st.sampled_from((1, Decimal("0.5")))),
    st.builds(initializers.KaimingUniform, st.sampled_from((0, Decimal("0.2")))),
    st.just(initializers.FanInUniform()),
    st.just(initializers.Uniform(Decimal("-0.5"), Decimal("0.75"))),
    st.just(initializers.Constant(Decimal("0.1"))),
    st.just(initializers.Ones()),
    st.just(initializers.Zeros()),
)
"""Every way in which a parameter may start."""

WIDTHS = st.integers(1, LARGEST_SIZE)
SLOPES = st.sampled_from((Decimal("0.01"), Decimal("0.3")))

ACTIVATIONS: st.SearchStrategy[Layer] = st.one_of(
    st.just(layers.ReLU()),
    st.just(layers.SiLU()),
    st.just(layers.Sigmoid()),
    st.just(layers.Tanh()),
    st.just(layers.Softplus()),
    st.just(layers.Softmax()),
    st.just(layers.LogSoftmax()),
    st.builds(layers.GELU, st.sampled_from(("none", "tanh"))),
    st.builds(layers.LeakyReLU, SLOPES),
    st.builds(layers.ELU, SLOPES),
    st.builds(layers.Dropout, st.sampled_from((Decimal("0.25"), Decimal(0)))),
)
"""Every layer that keeps its input's shape and has no parameters."""


def linear(inputs: int, outputs: int) -> st.SearchStrategy[Linear[int, int]]:
    """An affine map, its parameters started in any way."""
    return st.builds(
        Linear,
        st.just(inputs),
        st.just(outputs),
        st.booleans(),
        INITIALIZERS,
        INITIALIZERS,
    )


@st.composite
def hidden(draw: st.DrawFn, width: int) -> tuple[list[Layer], int]:
    """Some layers from one width on, and the width that they lead to."""
    kind = draw(st.sampled_from(("activation", "linear", "residual", "nested")))
    if kind == "activation":
        return [draw(ACTIVATIONS)], width
    if kind == "residual":
        inner = Sequential(draw(linear(width, width)), draw(ACTIVATIONS))
        return [Residual(inner)], width
    wider = draw(WIDTHS)
    found: list[Layer] = [draw(linear(width, wider))]
    if kind == "nested":
        found = [Sequential(*found, draw(ACTIVATIONS))]
    return found, wider


@st.composite
def models(
    draw: st.DrawFn, sample: tuple[int, ...], outputs: int, last: Layer | None
) -> Sequential:
    """A model from a sample's shape to some outputs, with a given last layer."""
    found: list[Layer] = []
    width = sample[-1]
    if len(sample) > 1:
        if draw(st.booleans()):
            wider = draw(WIDTHS)
            found += [draw(linear(width, wider)), draw(ACTIVATIONS)]
            sample = (*sample[:-1], wider)
        found.append(layers.Flatten())
        width = math.prod(sample)
    for _ in range(draw(st.integers(0, 3))):
        more, width = draw(hidden(width))
        found += more
    found.append(draw(linear(width, outputs)))
    return Sequential(*found, *([last] if last else []))
