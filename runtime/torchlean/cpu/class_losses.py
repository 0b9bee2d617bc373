"""Cross-entropy of rows of classes; the negative log-likelihood is in `likelihood`.

Options are arguments, alike in every kernel:

* `class_weights` has `weights` numbers: one for each class, or none;
* `smoothing` is a pair, used if `smoothed` is 1 (else it has no elements): for
  index targets what a class that is not the target gets, `s/C`, and what the target
  gets, `1 - s + s/C`; for distributions what is kept, `1 - s`, and what each class
  gets, `s/C`;
* rows whose target is `ignore_index` do not count (a number that is no class, such
  as -1, ignores nothing);
* `scale` is a pair, made by `class_scale` (or `distribution_scale`) of the targets:
  what derivatives are multiplied by (with class weights of index targets: divided
  by), and what the mean divides by. `mean` is 1 for a mean, else 0;
* `upstream` has one number for all rows, or one for each row.

For each loss there are kernels for unreduced losses (`_rows`), for the derivative
(`_gradient`), and for both at once of a mean or a sum (`_with_gradient`). To cut a
large loss in pieces: `class_scale`, then the pieces of `_rows_with_gradient`, then
`class_mean`.

A class index out of range makes the row's loss and derivative NaN, so that the run
stops.
"""

from __future__ import annotations

from torchlean.cpu.class_rows import (
    distribution_rows,
    index_rows,
    scale_of,
)
from torchlean.cpu.language import Arithmetic, Indices, Reals, helper
from torchlean.cpu.registry import kernel
from torchlean.cpu.summation import sum_of

INDEX_READS = {
    "logits": "rows*classes",
    "target": "rows",
    "class_weights": "weights",
    "smoothing": "smoothed*2",
}
DISTRIBUTION_READS = INDEX_READS | {"target": "rows*classes"}
MOVING = {"logits": "classes", "row_losses": "1", "out": "classes"}


@kernel(
    reads={"target": "rows", "class_weights": "weights"},
    writes={"scratch": "rows", "scale": "2"},
    integers_in=("target",),
    varies=True,
)
def class_scale(
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
    """The pair `scale` of index targets."""
    scale_of(
        target,
        class_weights,
        scratch,
        scale,
        rows,
        classes,
        weights,
        ignore_index,
        mean,
        system,
    )


@helper
def set_row_scale(scale: Reals, rows: int, mean: int, system: Arithmetic) -> None:
    """The pair `scale` where every row counts alike."""
    one = system.constant(1)
    scale[0] = one
    scale[1] = one
    if mean != 0:
        scale[0] = one / system.constant(max(rows, 1))
        scale[1] = system.constant(rows)


@kernel(writes={"scale": "2"})
def distribution_scale(scale: Reals, rows: int, mean: int, system: Arithmetic) -> None:
    """The pair `scale` of distributions as targets."""
    set_row_scale(scale, rows, mean, system)


@kernel(reads={"row_losses": "rows", "scale": "2"}, writes={"loss": "1"}, varies=True)
def class_mean(
    row_losses: Reals, scale: Reals, loss: Reals, rows: int, system: Arithmetic
) -> None:
    """The sum of the rows' losses, divided as `scale` says."""
    loss[0] = sum_of(row_losses, 0, rows, system) / scale[1]


@kernel(
    reads=INDEX_READS,
    writes={"row_losses": "rows", "scratch": "rows*classes"},
    integers_in=("target",),
    elementary=True,
)
def cross_entropy_rows(
    logits: Reals,
    target: Indices,
    class_weights: Reals,
    smoothing: Reals,
    row_losses: Reals,
    scratch: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    ignore_index: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses."""
    index_rows(
        logits,
        target,
        class_weights,
        smoothing,
        smoothing,
        smoothing,
        row_losses,
        scratch,
        rows,
        classes,
        weights,
        smoothed,
        ignore_index,
        0,
        0,
        system,
    )


@kernel(
    reads=INDEX_READS | {"scale": "2", "upstream": "upstreams"},
    writes={"scratch": "rows", "out": "rows*classes"},
    integers_in=("target",),
    elementary=True,
)
def cross_entropy_gradient(
    logits: Reals,
    target: Indices,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    upstream: Reals,
    scratch: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    ignore_index: int,
    upstreams: int,
    system: Arithmetic,
) -> None:
    """The derivative in the logits, times `upstream`."""
    index_rows(
        logits,
        target,
        class_weights,
        smoothing,
        scale,
        upstream,
        scratch,
        out,
        rows,
        classes,
        weights,
        smoothed,
        ignore_index,
        upstreams,
        1,
        system,
    )


@kernel(
    reads=INDEX_READS | {"scale": "2"},
    writes={"row_losses": "rows", "out": "rows*classes"},
    integers_in=("target",),
    elementary=True,
    shard_axis="rows",
    shard_steps=MOVING | {"target": "1"},
)
def cross_entropy_rows_with_gradient(
    logits: Reals,
    target: Indices,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    row_losses: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    ignore_index: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses, and the derivative of the reduced one."""
    index_rows(
        logits,
        target,
        class_weights,
        smoothing,
        scale,
        scale,
        row_losses,
        out,
        rows,
        classes,
        weights,
        smoothed,
        ignore_index,
        0,
        1,
        system,
    )


@kernel(
    reads=INDEX_READS,
    writes={"scale": "2", "row_losses": "rows", "loss": "1", "out": "rows*classes"},
    integers_in=("target",),
    elementary=True,
)
def cross_entropy_with_gradient(
    logits: Reals,
    target: Indices,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    row_losses: Reals,
    loss: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    ignore_index: int,
    mean: int,
    system: Arithmetic,
) -> None:
    """The mean (or the sum) of the rows' losses, and its derivative."""
    scale_of(
        target,
        class_weights,
        row_losses,
        scale,
        rows,
        classes,
        weights,
        ignore_index,
        mean,
        system,
    )
    index_rows(
        logits,
        target,
        class_weights,
        smoothing,
        scale,
        scale,
        row_losses,
        out,
        rows,
        classes,
        weights,
        smoothed,
        ignore_index,
        0,
        1,
        system,
    )
    loss[0] = sum_of(row_losses, 0, rows, system) / scale[1]


@kernel(
    reads=DISTRIBUTION_READS,
    writes={"row_losses": "rows", "scratch": "rows*classes"},
    elementary=True,
)
def cross_entropy_probabilities_rows(
    logits: Reals,
    target: Reals,
    class_weights: Reals,
    smoothing: Reals,
    row_losses: Reals,
    scratch: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses, of distributions as targets."""
    distribution_rows(
        logits,
        target,
        class_weights,
        smoothing,
        smoothing,
        smoothing,
        row_losses,
        scratch,
        rows,
        classes,
        weights,
        smoothed,
        0,
        0,
        system,
    )


@kernel(
    reads=DISTRIBUTION_READS | {"scale": "2", "upstream": "upstreams"},
    writes={"scratch": "rows", "out": "rows*classes"},
    elementary=True,
)
def cross_entropy_probabilities_gradient(
    logits: Reals,
    target: Reals,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    upstream: Reals,
    scratch: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    upstreams: int,
    system: Arithmetic,
) -> None:
    """The derivative in the logits, times `upstream`."""
    distribution_rows(
        logits,
        target,
        class_weights,
        smoothing,
        scale,
        upstream,
        scratch,
        out,
        rows,
        classes,
        weights,
        smoothed,
        upstreams,
        1,
        system,
    )


@kernel(
    reads=DISTRIBUTION_READS | {"scale": "2"},
    writes={"row_losses": "rows", "out": "rows*classes"},
    elementary=True,
    shard_axis="rows",
    shard_steps=MOVING | {"target": "classes"},
)
def cross_entropy_probabilities_rows_with_gradient(
    logits: Reals,
    target: Reals,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    row_losses: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    system: Arithmetic,
) -> None:
    """The unreduced losses, and the derivative of the reduced one."""
    distribution_rows(
        logits,
        target,
        class_weights,
        smoothing,
        scale,
        scale,
        row_losses,
        out,
        rows,
        classes,
        weights,
        smoothed,
        0,
        1,
        system,
    )


@kernel(
    reads=DISTRIBUTION_READS,
    writes={"scale": "2", "row_losses": "rows", "loss": "1", "out": "rows*classes"},
    elementary=True,
)
def cross_entropy_probabilities_with_gradient(
    logits: Reals,
    target: Reals,
    class_weights: Reals,
    smoothing: Reals,
    scale: Reals,
    row_losses: Reals,
    loss: Reals,
    out: Reals,
    rows: int,
    classes: int,
    weights: int,
    smoothed: int,
    mean: int,
    system: Arithmetic,
) -> None:
    """The mean (or the sum) of the rows' losses, and its derivative."""
    set_row_scale(scale, rows, mean, system)
    distribution_rows(
        logits,
        target,
        class_weights,
        smoothing,
        scale,
        scale,
        row_losses,
        out,
        rows,
        classes,
        weights,
        smoothed,
        0,
        1,
        system,
    )
    loss[0] = sum_of(row_losses, 0, rows, system) / scale[1]
