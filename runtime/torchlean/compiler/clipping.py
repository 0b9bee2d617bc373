"""Gradient clipping: rows between the backward pass and the optimizer."""

from __future__ import annotations

import math

from torchlean.compiler.graph import Graph
from torchlean.compiler.layout import Layout
from torchlean_spec.clipping import (
    ClipGlobalNorm,
    ClipNorm,
    ClipPercentile,
    Clipping,
    ClipRange,
    ClipValue,
)
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import exact

NORM_NUMBERS = {1: 1, 2: 2, "infinity": 0}
"""How the kernels are told which norm is meant."""


def clip(graph: Graph, clipping: Clipping, layout: Layout, gradients: int) -> None:
    """Add the calls that clip all gradients in place.

    Args:
        graph: Where to add them.
        clipping: What is to be done.
        layout: Where each parameter's gradient lies.
        gradients: The value that is all gradients.

    Raises:
        TorchLeanError: `UNSUPPORTED` for a clipping that has no kernels.
    """
    if isinstance(clipping, ClipValue):
        limit = graph.constant(exact(clipping.limit))
        size = {"size": layout.size}
        graph.call("clip_value", size, limit=limit, gradient=gradients)
    elif isinstance(clipping, ClipRange):
        limits = graph.constant(exact(clipping.lowest), exact(clipping.highest))
        size = {"size": layout.size}
        graph.call("clip_range", size, limits=limits, gradient=gradients)
    elif isinstance(clipping, ClipPercentile):
        _clip_percentile(graph, clipping, layout, gradients)
    elif isinstance(clipping, ClipNorm | ClipGlobalNorm):
        _clip_norm(graph, clipping, layout, gradients)
    else:
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            f"expected a clipping by value or by norm, got {clipping.name}",
        )


def _clip_percentile(
    graph: Graph, clipping: ClipPercentile, layout: Layout, gradients: int
) -> None:
    """One call for all tensors, with room for the sizes of the longest."""
    stretches = list(layout.stretches.values())
    sizes = [math.prod(each.sizes) for each in stretches]
    triples = [
        (each.start, size, clipping.place(size) if size else 0)
        for each, size in zip(stretches, sizes, strict=True)
    ]
    segments = graph.integers(*(number for triple in triples for number in triple))
    longest = max(sizes, default=0)
    graph.call(
        "clip_percentile",
        {"span": layout.size, "longest": longest, "tensors": len(stretches)},
        segments=segments,
        sizes=graph.value(longest),
        gradient=gradients,
    )


def _clip_norm(
    graph: Graph, clipping: ClipNorm | ClipGlobalNorm, layout: Layout, gradients: int
) -> None:
    """Each tensor's sum, then factors, then products."""
    stretches = list(layout.stretches.values())
    pairs = [(each.start, math.prod(each.sizes)) for each in stretches]
    segments = graph.integers(*(number for pair in pairs for number in pair))
    limits = graph.constant(exact(clipping.maximum), exact(clipping.epsilon))
    tensors, norm = len(stretches), NORM_NUMBERS[clipping.norm]
    sums = graph.value(tensors)
    graph.call(
        "tensor_norms",
        {"span": layout.size, "tensors": tensors, "norm": norm},
        gradient=gradients,
        segments=segments,
        out=sums,
    )
    counted = {"tensors": tensors, "norm": norm}
    if isinstance(clipping, ClipGlobalNorm):
        scale = graph.value(2)
        graph.call("global_scale", counted, sums=sums, limits=limits, scale=scale)
        size = {"size": layout.size}
        graph.call("scale_gradients", size, scale=scale, gradient=gradients)
        return
    scales = graph.value(2 * tensors)
    graph.call("tensor_scales", counted, sums=sums, limits=limits, scales=scales)
    graph.call(
        "scale_tensors",
        {"span": layout.size, "tensors": tensors},
        scales=scales,
        segments=segments,
        gradient=gradients,
    )
