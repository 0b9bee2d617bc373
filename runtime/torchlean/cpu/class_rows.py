"""What the losses of rows of classes are made of; the kernels stand in `class_losses`.

One body serves every option, which are tested once a row:

* `class_weights` has `weights` numbers: one for each class, or none;
* `smoothing` is a pair, used if `smoothed` is 1: for index targets what a class
  that is not the target gets and what the target gets; for distributions the share
  that is kept and the share that each class gets;
* rows whose target is `ignore_index` do not count (a number that is no class, such
  as -1, ignores nothing).

`scale` is a pair that `class_scale` makes of the targets: what the derivatives are
multiplied by (with class weights: divided by), and what the mean divides by.

A class index out of range makes the row's loss and derivative NaN, so that the run
stops.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals, helper, routine, shared
from torchlean.cpu.primitives import local_reals
from torchlean.cpu.reduction import CHUNK, FEW, row_maximum
from torchlean.cpu.summation import sum_of


@helper
def not_a_number(system: Arithmetic) -> float:
    """NaN."""
    zero = system.constant(0)
    return zero / zero


@shared
def shifted_powers(
    logits: Reals,
    largest: Reals,
    totals: Reals,
    out: Reals,
    first: int,
    last: int,
    classes: int,
    system: Arithmetic,
) -> None:
    """Of some rows the largest logit, `e^(x - largest)` of each, and their sums."""
    for row in range(first, last):
        start = row * classes
        top = row_maximum(logits, start, classes, system)
        largest[row] = top
        for j in range(classes):
            out[start + j] = logits[start + j] - top
    for i in range(first * classes, last * classes):
        out[i] = system.exp(out[i])
    for row in range(first, last):
        totals[row - first] = row_sum(out, row * classes, classes, system)


@helper
def row_sum(x: Reals, start: int, classes: int, system: Arithmetic) -> float:
    """The sum of a row; of few classes in fast mode without a call."""
    if system.strict or classes > FEW:
        return sum_of(x, start, classes, system)
    total = system.constant(0)
    for j in range(start, start + classes):
        total = system.add_any_order(total, x[j])
    return total


@routine
def count_rows(target: Indices, rows: int, ignore_index: int) -> int:
    """How many rows count."""
    count = 0
    for row in range(rows):
        if target[row] != ignore_index:
            count += 1
    return count


@shared
def scale_of(
    target: Indices,
    class_weights: Reals,
    scratch: Reals,
    scale: Reals,
    rows: int,
    classes: int,
    weights: int,
    ignore_index: int,
    mean: int,
    system: Arithmetic,
) -> None:
    """What derivatives are multiplied or divided by, and what the mean divides by."""
    one = system.constant(1)
    scale[0] = one
    scale[1] = one
    if mean == 0:
        return
    if weights == 0:
        count = count_rows(target, rows, ignore_index)
        scale[0] = one / system.constant(max(count, 1))
        scale[1] = system.constant(count)
        return
    counted = 0
    for row in range(rows):
        index = target[row]
        if index != ignore_index:
            known = 0 <= index < classes
            scratch[counted] = class_weights[index if known else 0]
            counted += 1
    total = sum_of(scratch, 0, counted, system)
    scale[0] = total
    scale[1] = total


@helper
def factor_of(
    scale: Reals,
    upstream: Reals,
    row: int,
    weight: float,
    weights: int,
    upstreams: int,
    wanted: int,
) -> float:
    """What a row's derivative is multiplied by; without upstreams they count as 1."""
    if wanted == 0:
        return weight
    if upstreams > 0:
        weight = upstream[row if upstreams > 1 else 0] * weight
    return weight * scale[0] if weights == 0 else weight / scale[0]


@routine
def index_slope_row(
    out: Reals,
    start: int,
    classes: int,
    index: int,
    total: float,
    factor: float,
    system: Arithmetic,
) -> None:
    """`(p_c - q_c) factor` of powers that stand in `out`, q being 1 at the index."""
    power = out[start + index]
    for j in range(classes):
        out[start + j] = (out[start + j] / total) * factor
    out[start + index] = (power / total - system.constant(1)) * factor


@helper
def spread_target(
    target: Reals,
    target_start: int,
    index: int,
    class_weights: Reals,
    smoothing: Reals,
    j: int,
    weights: int,
    smoothed: int,
) -> float:
    """`w_j q_j`: of a smoothed index if `index` is not negative, else of a row."""
    if index >= 0:
        q = smoothing[1] if j == index else smoothing[0]
    elif smoothed != 0:
        q = smoothing[0] * target[target_start + j] + smoothing[1]
    else:
        q = target[target_start + j]
    if weights != 0:
        q = class_weights[j] * q
    return q


@helper
def fill_row(out: Reals, start: int, classes: int, value: float) -> None:
    """Write one number over a row."""
    for j in range(classes):
        out[start + j] = value


@shared
def spread_row(
    logits: Reals,
    target: Reals,
    target_start: int,
    index: int,
    class_weights: Reals,
    smoothing: Reals,
    out: Reals,
    start: int,
    classes: int,
    weights: int,
    smoothed: int,
    top: float,
    total: float,
    normalizer: float,
    factor: float,
    wanted: int,
    system: Arithmetic,
) -> float:
    """A row whose target is spread over the classes: its loss, and its derivative.

    `-sum_c w_c q_c l_c`, and in `out`, if wanted, `(p_c m - w_c q_c) factor` with
    `m = sum_c w_c q_c`.
    """
    zero = system.constant(0)
    for j in range(classes):
        q = spread_target(
            target, target_start, index, class_weights, smoothing, j, weights, smoothed
        )
        term = q * ((logits[start + j] - top) - normalizer)
        out[start + j] = system.where(system.equal(q, zero), zero, term)
    loss = -sum_of(out, start, classes, system)
    if wanted != 0:
        for j in range(classes):
            out[start + j] = spread_target(
                target, target_start, index, class_weights, smoothing, j, weights,
                smoothed,
            )  # fmt: skip
        mass = sum_of(out, start, classes, system)
        for j in range(classes):
            p = system.exp(logits[start + j] - top) / total
            out[start + j] = (p * mass - out[start + j]) * factor
    return loss


@shared
def index_rows(
    logits: Reals,
    target: Indices,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    upstream: Reals,
    row_losses: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    ignore_index: int,
    upstreams: int,
    wanted: int,
    system: Arithmetic,
) -> None:
    """Rows of index targets: losses, and (if wanted) derivatives in `out`."""
    chunk = max(CHUNK // max(classes, 1), 1)
    totals = local_reals(4096, system)
    normalizers = local_reals(4096, system)
    for first in range(0, rows, chunk):
        last = min(first + chunk, rows)
        shifted_powers(logits, row_losses, totals, out, first, last, classes, system)
        for i in range(last - first):
            normalizers[i] = system.log(totals[i])
        for row in range(first, last):
            start, index = row * classes, target[row]
            counts, known = index != ignore_index, 0 <= index < classes
            top, total = row_losses[row], totals[row - first]
            normalizer, weight = normalizers[row - first], system.constant(1)
            # With smoothing the weights stand in the target.
            if weights != 0 and known and smoothed == 0:
                weight = class_weights[index]
            factor = factor_of(scale, upstream, row, weight, weights, upstreams, wanted)
            if not (counts and known):
                nothing = system.constant(0) if not counts else not_a_number(system)
                row_losses[row] = nothing
                fill_row(out, start, classes, nothing)
            elif smoothed == 0:
                row_losses[row] = weight * -((logits[start + index] - top) - normalizer)
                if wanted != 0:
                    index_slope_row(out, start, classes, index, total, factor, system)
            else:
                row_losses[row] = spread_row(
                    logits, logits, 0, index, class_weights, smoothing, out, start,
                    classes, weights, smoothed, top, total, normalizer, factor,
                    wanted, system,
                )  # fmt: skip


@shared
def distribution_rows(
    logits: Reals,
    target: Reals,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    upstream: Reals,
    row_losses: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    upstreams: int,
    wanted: int,
    system: Arithmetic,
) -> None:
    """Rows of distributions as targets: losses, and derivatives if wanted."""
    chunk = max(CHUNK // max(classes, 1), 1)
    totals = local_reals(4096, system)
    one = system.constant(1)
    for first in range(0, rows, chunk):
        last = min(first + chunk, rows)
        shifted_powers(logits, row_losses, totals, out, first, last, classes, system)
        for row in range(first, last):
            start, top = row * classes, row_losses[row]
            total = totals[row - first]
            normalizer = system.log(total)
            factor = factor_of(scale, upstream, row, one, 0, upstreams, wanted)
            row_losses[row] = spread_row(
                logits, target, start, -1, class_weights, smoothing, out, start,
                classes, weights, smoothed, top, total, normalizer, factor, wanted,
                system,
            )  # fmt: skip
