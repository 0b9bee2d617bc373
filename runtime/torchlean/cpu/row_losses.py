"""Losses of whole rows, between two vectors along the last axis.

Each loss has three kernels, of its name and a suffix:

* `_rows`: the unreduced losses, one for each row;
* `_gradient`: the derivative, times `upstream * factor`;
* `_rows_with_gradient`: the unreduced losses, and the derivative times `factor`; it
  can be cut between rows.

`factor` is the exact constant of the spec, rounded once: 1/rows for a mean.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals, helper, shared
from torchlean.cpu.registry import kernel
from torchlean.cpu.summation import dot_of, sum_of

TABLES = {"prediction": "rows*width", "target": "rows*width"}
MOVING = {"prediction": "width", "target": "width", "row_losses": "1"}
IN_PAIRS = MOVING | {"scratch": "width", "out": "width"}


@helper
def both_factors(upstream: Reals, factor: Reals, row: int, upstreams: int) -> float:
    """What a row's derivative is multiplied by; without upstreams they count as 1."""
    if upstreams == 0:
        return factor[0]
    return upstream[row if upstreams > 1 else 0] * factor[0]


# COSINE SIMILARITY


@helper
def row_scale(
    x: Reals, start: int, width: int, epsilon: Reals, system: Arithmetic
) -> float:
    """The size of a row's largest entry, or epsilon if that is larger."""
    largest = system.constant(0)
    for j in range(start, start + width):
        largest = system.maximum(largest, system.absolute(x[j]))
    return system.maximum(largest, epsilon[0])


@helper
def row_norm(
    x: Reals,
    start: int,
    width: int,
    scale: float,
    shares: Reals,
    system: Arithmetic,
) -> float:
    """The length of a row divided by its scale; the divided row is left in `shares`."""
    for j in range(start, start + width):
        shares[j] = x[j] / scale
    return system.sqrt(dot_of(shares, start, shares, start, width, system))


@shared
def cosine_rows(
    prediction: Reals,
    target: Reals,
    epsilon: Reals,
    factor: Reals,
    upstream: Reals,
    row_losses: Reals,
    scratch: Reals,
    out: Reals,
    rows: int,
    width: int,
    losses: int,
    upstreams: int,
    wanted: int,
    system: Arithmetic,
) -> None:
    """Losses of rows, if `losses` is 1, and derivatives in `out`, if `wanted` is 1."""
    zero, one = system.constant(0), system.constant(1)
    for row in range(rows):
        start = row * width
        scale = row_scale(prediction, start, width, epsilon, system)
        norm = row_norm(prediction, start, width, scale, out, system)
        shortest = epsilon[0] / scale
        length = system.maximum(norm, shortest)
        other = row_scale(target, start, width, epsilon, system)
        breadth = row_norm(target, start, width, other, scratch, system)
        breadth = system.maximum(breadth, epsilon[0] / other)
        for j in range(start, start + width):
            out[j] = out[j] / length
            scratch[j] = scratch[j] / breadth
        cosine = dot_of(out, start, scratch, start, width, system)
        if losses != 0:
            row_losses[row] = one - cosine
        if wanted != 0:
            longer = system.where(system.less(shortest, norm), one, zero)
            along = longer * cosine
            both = both_factors(upstream, factor, row, upstreams)
            for j in range(start, start + width):
                slope = ((along * out[j] - scratch[j]) / length) / scale
                out[j] = slope * both


@kernel(
    reads=TABLES | {"epsilon": "1"},
    writes={"row_losses": "rows", "scratch": "rows*width", "out": "rows*width"},
    varies=True,
    shard_axis="rows",
    shard_steps=IN_PAIRS,
)
def cosine_similarity_rows(
    prediction: Reals,
    target: Reals,
    epsilon: Reals,
    row_losses: Reals,
    scratch: Reals,
    out: Reals,
    rows: int,
    width: int,
    system: Arithmetic,
) -> None:
    """`1 - p.t / (max(|p|, epsilon) max(|t|, epsilon))` of each row."""
    cosine_rows(
        prediction,
        target,
        epsilon,
        epsilon,
        epsilon,
        row_losses,
        scratch,
        out,
        rows,
        width,
        1,
        0,
        0,
        system,
    )


@kernel(
    reads=TABLES | {"epsilon": "1", "factor": "1", "upstream": "upstreams"},
    writes={"scratch": "rows*width", "out": "rows*width"},
    varies=True,
)
def cosine_similarity_gradient(
    prediction: Reals,
    target: Reals,
    epsilon: Reals,
    factor: Reals,
    upstream: Reals,
    scratch: Reals,
    out: Reals,
    rows: int,
    width: int,
    upstreams: int,
    system: Arithmetic,
) -> None:
    """`(c p' - t') / max(|p|, epsilon)`, times `upstream * factor`."""
    cosine_rows(
        prediction,
        target,
        epsilon,
        factor,
        upstream,
        scratch,
        scratch,
        out,
        rows,
        width,
        0,
        upstreams,
        1,
        system,
    )


@kernel(
    reads=TABLES | {"epsilon": "1", "factor": "1"},
    writes={"row_losses": "rows", "scratch": "rows*width", "out": "rows*width"},
    varies=True,
    shard_axis="rows",
    shard_steps=IN_PAIRS,
)
def cosine_similarity_rows_with_gradient(
    prediction: Reals,
    target: Reals,
    epsilon: Reals,
    factor: Reals,
    row_losses: Reals,
    scratch: Reals,
    out: Reals,
    rows: int,
    width: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses, and the derivative of the reduced one."""
    cosine_rows(
        prediction,
        target,
        epsilon,
        factor,
        factor,
        row_losses,
        scratch,
        out,
        rows,
        width,
        1,
        0,
        1,
        system,
    )


# CROSS-ENTROPY OF PROBABILITIES


@helper
def clamped_term(
    p: float, t: float, least: float, most: float, system: Arithmetic
) -> float:
    """`t log p`, of p cut to [least, most]; of weight 0 it is 0."""
    zero = system.constant(0)
    term = t * system.log(system.maximum(system.minimum(p, most), least))
    return system.where(system.equal(t, zero), zero, term)


@helper
def clamped_slope(
    p: float, t: float, least: float, most: float, system: Arithmetic
) -> float:
    """`-t / p` within [least, most], else 0."""
    zero, one = system.constant(0), system.constant(1)
    cut = system.maximum(system.minimum(p, most), least)
    none = system.equal(t, zero)
    inner = -(t / system.where(none, one, cut))
    below = system.where(system.less(p, least), zero, inner)
    return system.where(system.less(most, p), zero, below)


@kernel(
    reads=TABLES | {"clamps": "2"},
    writes={"row_losses": "rows", "scratch": "rows*width"},
    elementary=True,
    shard_axis="rows",
    shard_steps=MOVING | {"scratch": "width"},
)
def cross_entropy_of_probabilities_rows(
    prediction: Reals,
    target: Reals,
    clamps: Reals,
    row_losses: Reals,
    scratch: Reals,
    rows: int,
    width: int,
    system: Arithmetic,
) -> None:
    """`-sum_c t_c log q_c` of each row; `clamps` are epsilon and 1 - epsilon."""
    least, most = clamps[0], clamps[1]
    for i in range(rows * width):
        scratch[i] = clamped_term(prediction[i], target[i], least, most, system)
    for row in range(rows):
        row_losses[row] = -sum_of(scratch, row * width, width, system)


@kernel(
    reads=TABLES | {"clamps": "2", "factor": "1", "upstream": "upstreams"},
    writes={"out": "rows*width"},
)
def cross_entropy_of_probabilities_gradient(
    prediction: Reals,
    target: Reals,
    clamps: Reals,
    factor: Reals,
    upstream: Reals,
    out: Reals,
    rows: int,
    width: int,
    upstreams: int,
    system: Arithmetic,
) -> None:
    """`-t / p` where p was not cut, times `upstream * factor`."""
    least, most = clamps[0], clamps[1]
    for row in range(rows):
        both = both_factors(upstream, factor, row, upstreams)
        for i in range(row * width, row * width + width):
            slope = clamped_slope(prediction[i], target[i], least, most, system)
            out[i] = slope * both


@kernel(
    reads=TABLES | {"clamps": "2", "factor": "1"},
    writes={"row_losses": "rows", "out": "rows*width"},
    elementary=True,
    shard_axis="rows",
    shard_steps=MOVING | {"out": "width"},
)
def cross_entropy_of_probabilities_rows_with_gradient(
    prediction: Reals,
    target: Reals,
    clamps: Reals,
    factor: Reals,
    row_losses: Reals,
    out: Reals,
    rows: int,
    width: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses, and the derivative of the reduced one."""
    least, most, scale = clamps[0], clamps[1], factor[0]
    for i in range(rows * width):
        out[i] = clamped_term(prediction[i], target[i], least, most, system)
    for row in range(rows):
        row_losses[row] = -sum_of(out, row * width, width, system)
    for i in range(rows * width):
        slope = clamped_slope(prediction[i], target[i], least, most, system)
        out[i] = slope * scale
