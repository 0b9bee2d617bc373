"""Negative log-likelihood of rows of classes; arguments as in `class_losses`."""

from __future__ import annotations

from torchlean.cpu.class_rows import factor_of, not_a_number
from torchlean.cpu.language import Arithmetic, Indices, Reals, helper
from torchlean.cpu.registry import kernel
from torchlean.cpu.summation import sum_of


@helper
def likelihood_of(
    log_probabilities: Reals,
    start: int,
    index: int,
    class_weights: Reals,
    classes: int,
    weights: int,
    ignore_index: int,
    system: Arithmetic,
) -> float:
    """The loss of one row."""
    if index == ignore_index:
        return system.constant(0)
    if index < 0 or index >= classes:
        return not_a_number(system)
    loss = -log_probabilities[start + index]
    if weights != 0:
        loss = class_weights[index] * loss
    return loss


@kernel(
    reads={
        "log_probabilities": "rows*classes",
        "target": "rows",
        "class_weights": "weights",
    },
    writes={"row_losses": "rows"},
    integers_in=("target",),
)
def negative_log_likelihood_rows(
    log_probabilities: Reals,
    target: Indices,
    class_weights: Reals,
    row_losses: Reals,
    rows: int,
    classes: int,
    weights: int,
    ignore_index: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses: `-w l` at the target; reduced by `class_mean`."""
    for row in range(rows):
        row_losses[row] = likelihood_of(
            log_probabilities,
            row * classes,
            target[row],
            class_weights,
            classes,
            weights,
            ignore_index,
            system,
        )


@kernel(
    reads={
        "target": "rows",
        "class_weights": "weights",
        "scale": "2",
        "upstream": "upstreams",
    },
    writes={"out": "rows*classes"},
    integers_in=("target",),
)
def negative_log_likelihood_gradient(
    target: Indices,
    class_weights: Reals,
    scale: Reals,
    upstream: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    ignore_index: int,
    upstreams: int,
    system: Arithmetic,
) -> None:
    """The derivative in the log-probabilities: `-upstream w k` at the target."""
    for row in range(rows):
        start = row * classes
        index = target[row]
        for j in range(classes):
            out[start + j] = system.constant(0)
        if index != ignore_index:
            if index < 0 or index >= classes:
                for j in range(classes):
                    out[start + j] = not_a_number(system)
            else:
                weight = system.constant(1)
                if weights != 0:
                    weight = class_weights[index]
                out[start + index] = -factor_of(
                    scale, upstream, row, weight, weights, upstreams, 1
                )


@helper
def weighted_target(
    target: Reals, start: int, class_weights: Reals, c: int, weights: int
) -> float:
    """`w_c q_c`."""
    q = target[start + c]
    if weights != 0:
        q = class_weights[c] * q
    return q


@kernel(
    reads={
        "log_probabilities": "rows*classes",
        "target": "rows*classes",
        "class_weights": "weights",
    },
    writes={"row_losses": "rows", "scratch": "classes"},
    varies=True,
)
def negative_log_likelihood_probabilities_rows(
    log_probabilities: Reals,
    target: Reals,
    class_weights: Reals,
    row_losses: Reals,
    scratch: Reals,
    rows: int,
    classes: int,
    weights: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses of distributions: `-sum_c w_c q_c l_c`."""
    zero = system.constant(0)
    for row in range(rows):
        start = row * classes
        for c in range(classes):
            q = weighted_target(target, start, class_weights, c, weights)
            term = q * log_probabilities[start + c]
            scratch[c] = system.where(system.equal(q, zero), zero, term)
        row_losses[row] = -sum_of(scratch, 0, classes, system)


@kernel(
    reads={
        "target": "rows*classes",
        "class_weights": "weights",
        "scale": "2",
        "upstream": "upstreams",
    },
    writes={"out": "rows*classes"},
)
def negative_log_likelihood_probabilities_gradient(
    target: Reals,
    class_weights: Reals,
    scale: Reals,
    upstream: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    upstreams: int,
    system: Arithmetic,
) -> None:
    """The derivative in the log-probabilities: `-w_c q_c upstream k`."""
    one = system.constant(1)
    for row in range(rows):
        start = row * classes
        factor = factor_of(scale, upstream, row, one, 0, upstreams, 1)
        for c in range(classes):
            q = weighted_target(target, start, class_weights, c, weights)
            out[start + c] = -(q * factor)
