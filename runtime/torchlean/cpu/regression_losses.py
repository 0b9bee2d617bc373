"""Losses between a prediction and a target of one shape, element by element.

Each loss has four kernels, of its name and a suffix:

* (none): the unreduced losses;
* `_gradient`: the derivative, times `upstream * factor`;
* `_with_gradient`: value (their sum, or mean) and derivative in one pass;
* `_blocks_with_gradient`: the same of whole blocks of 1024 elements, which leaves
  the blocks' sums to be summed: it can be cut, and the sum is still the strict one.

`factor` is the exact constant of the spec, rounded once: 1/size for a mean (2/size
for squares). `constants` are the hyperparameter and its half, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable

from torchlean.cpu.activations import sigmoid_of
from torchlean.cpu.elementwise import sign_of
from torchlean.cpu.language import Arithmetic, Reals, helper
from torchlean.cpu.primitives import anywhere, local_reals
from torchlean.cpu.registry import kernel
from torchlean.cpu.summation import (
    BLOCK,
    TOWER,
    block_sum,
    clear,
    tower_add,
    tower_total,
)

Formula = Callable[[float, float, float, float, Arithmetic], float]


@helper
def squared_error(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`(p - t)^2`."""
    difference = p - t
    return difference * difference


@helper
def squared_error_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`p - t`; the 2 is part of the factor."""
    return p - t


@helper
def absolute_error(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`|p - t|`."""
    return system.absolute(p - t)


@helper
def absolute_error_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`sign(p - t)`."""
    return sign_of(p - t, system)


@helper
def huber(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`d^2 / 2` where |d| <= delta, else `delta (|d| - delta / 2)`."""
    difference = p - t
    distance = system.absolute(difference)
    near = system.constant(0.5) * (difference * difference)
    far = c * (distance - half)
    return system.where(system.less_equal(distance, c), near, far)


@helper
def huber_slope(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`d` where |d| <= delta, else `delta sign(d)`."""
    difference = p - t
    within = system.less_equal(system.absolute(difference), c)
    return system.where(within, difference, c * sign_of(difference, system))


@helper
def smooth_l1(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`d^2 / (2 beta)` where |d| < beta, else `|d| - beta / 2`."""
    difference = p - t
    distance = system.absolute(difference)
    near = (system.constant(0.5) * (difference * difference)) / c
    return system.where(system.less(distance, c), near, distance - half)


@helper
def smooth_l1_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`d / beta` where |d| < beta, else `sign(d)`."""
    difference = p - t
    within = system.less(system.absolute(difference), c)
    return system.where(within, difference / c, sign_of(difference, system))


@helper
def logistic(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`max(x, 0) - x t + log1p(e^-|x|)`."""
    positive = system.maximum(p, system.constant(0))
    correction = system.log1p(system.exp(-system.absolute(p)))
    return (positive - p * t) + correction


@helper
def logistic_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`sigmoid(x) - t`."""
    return sigmoid_of(p, system) - t


@helper
def bernoulli(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`-t log p - (1 - t) log(1 - p)`; a term of weight 0 is 0."""
    zero, one = system.constant(0), system.constant(1)
    other = one - t
    for_one = t * system.log(p)
    for_zero = other * system.log1p(-p)
    left = system.where(system.equal(t, zero), zero, for_one)
    right = system.where(system.equal(other, zero), zero, for_zero)
    return -(left + right)


@helper
def bernoulli_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`(1 - t) / (1 - p) - t / p`; a term of weight 0 is 0."""
    zero, one = system.constant(0), system.constant(1)
    other = one - t
    right = other / system.where(system.equal(other, zero), one, one - p)
    left = t / system.where(system.equal(t, zero), one, p)
    return right - left


@helper
def hinge(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`max(0, 1 - p t)`."""
    zero, one = system.constant(0), system.constant(1)
    margin = p * t
    return system.where(system.less_equal(one, margin), zero, one - margin)


@helper
def hinge_slope(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`-t` where p t < 1, else 0."""
    zero, one = system.constant(0), system.constant(1)
    return system.where(system.less_equal(one, p * t), zero, -t)


@helper
def poisson(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`p - t log p`; a term of weight 0 is 0."""
    zero = system.constant(0)
    weighted = t * system.log(p)
    return p - system.where(system.equal(t, zero), zero, weighted)


@helper
def poisson_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`1 - t / p`; a term of weight 0 is 0."""
    one = system.constant(1)
    none = system.equal(t, system.constant(0))
    return one - t / system.where(none, one, p)


@helper
def poisson_with_log_rates(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`e^p - t p`; a term of weight 0 is 0."""
    zero = system.constant(0)
    weighted = t * p
    return system.exp(p) - system.where(system.equal(t, zero), zero, weighted)


@helper
def poisson_with_log_rates_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`e^p - t`."""
    return system.exp(p) - t


@helper
def log_cosh(p: float, t: float, c: float, half: float, system: Arithmetic) -> float:
    """`log cosh (p - t)`, by `e^-|d| - 1`, which neither overflows nor cancels."""
    one, two = system.constant(1), system.constant(2)
    distance = system.absolute(p - t)
    near = system.less(distance, one)
    lost = system.expm1(-distance)
    left = system.where(near, one + lost, one)
    close = (lost * lost) / (two * left)
    wide = (lost * (two + lost)) / two
    logarithm = system.log1p(system.where(near, close, wide))
    return system.where(near, logarithm, distance + logarithm)


@helper
def log_cosh_slope(
    p: float, t: float, c: float, half: float, system: Arithmetic
) -> float:
    """`tanh(p - t)`."""
    return system.tanh(p - t)


def _loss(
    name: str,
    value: Formula,
    slope: Formula,
    constants: int = 0,
    elementary: bool = False,
) -> None:
    """Enter the four kernels of a loss."""
    reads = {"prediction": "size", "target": "size", "constants": f"{constants}"}

    def values(
        prediction: Reals,
        target: Reals,
        constants: Reals,
        out: Reals,
        size: int,
        system: Arithmetic,
    ) -> None:
        c, half = first_two(constants, system)
        for i in range(size):
            out[i] = value(prediction[i], target[i], c, half, system)

    def gradient(
        prediction: Reals,
        target: Reals,
        constants: Reals,
        factor: Reals,
        upstream: Reals,
        out: Reals,
        size: int,
        upstreams: int,
        system: Arithmetic,
    ) -> None:
        c, half = first_two(constants, system)
        scale = factor[0]
        if upstreams == 1:
            both = upstream[0] * scale
            for i in range(size):
                out[i] = slope(prediction[i], target[i], c, half, system) * both
        else:
            for i in range(size):
                both = upstream[i] * scale
                out[i] = slope(prediction[i], target[i], c, half, system) * both

    def with_gradient(
        prediction: Reals,
        target: Reals,
        constants: Reals,
        factor: Reals,
        loss: Reals,
        out: Reals,
        size: int,
        mean: int,
        system: Arithmetic,
    ) -> None:
        c, half = first_two(constants, system)
        scale = factor[0]
        tower = local_reals(96, system)
        clear(tower, 0, TOWER, system)
        blocks = (size + BLOCK - 1) // BLOCK
        for block in range(blocks):
            first = block * BLOCK
            last = min(first + BLOCK, size)
            for i in range(first, last):
                out[i] = value(prediction[i], target[i], c, half, system)
            total = block_sum(anywhere(out), first, last - first, system)
            tower_add(tower, block, total, system)
            for i in range(first, last):
                out[i] = slope(prediction[i], target[i], c, half, system) * scale
        answer = tower_total(tower, blocks, system)
        if mean != 0:
            answer = answer / system.constant(size)
        loss[0] = answer

    def blocks_with_gradient(
        prediction: Reals,
        target: Reals,
        constants: Reals,
        factor: Reals,
        sums: Reals,
        out: Reals,
        blocks: int,
        system: Arithmetic,
    ) -> None:
        c, half = first_two(constants, system)
        scale = factor[0]
        for block in range(blocks):
            first = block * BLOCK
            for i in range(first, first + BLOCK):
                out[i] = value(prediction[i], target[i], c, half, system)
            sums[block] = block_sum(anywhere(out), first, BLOCK, system)
            for i in range(first, first + BLOCK):
                out[i] = slope(prediction[i], target[i], c, half, system) * scale

    @helper
    def first_two(buffer: Reals, system: Arithmetic) -> tuple[float, float]:
        if constants == 2:
            return buffer[0], buffer[1]
        return system.constant(0), system.constant(0)

    moving = dict.fromkeys(["prediction", "target", "out"], "1")
    kernel(
        name=name,
        reads=reads,
        writes={"out": "size"},
        elementary=elementary,
        shard_axis="size",
        shard_steps=moving,
    )(values)
    kernel(
        name=f"{name}_gradient",
        reads=reads | {"factor": "1", "upstream": "upstreams"},
        writes={"out": "size"},
        elementary=elementary,
    )(gradient)
    kernel(
        name=f"{name}_with_gradient",
        reads=reads | {"factor": "1"},
        writes={"loss": "1", "out": "size"},
        varies=True,
        elementary=elementary,
    )(with_gradient)
    whole = dict.fromkeys(["prediction", "target"], f"blocks*{BLOCK}")
    kernel(
        name=f"{name}_blocks_with_gradient",
        reads=reads | whole | {"factor": "1"},
        writes={"sums": "blocks", "out": f"blocks*{BLOCK}"},
        varies=True,
        elementary=elementary,
        shard_axis="blocks",
        shard_steps=dict.fromkeys(moving, f"{BLOCK}") | {"sums": "1"},
    )(blocks_with_gradient)


_loss("mean_squared_error", squared_error, squared_error_slope)
_loss("mean_absolute_error", absolute_error, absolute_error_slope)
_loss("huber", huber, huber_slope, constants=2)
_loss("smooth_l1", smooth_l1, smooth_l1_slope, constants=2)
_loss("binary_cross_entropy_with_logits", logistic, logistic_slope, elementary=True)
_loss("binary_cross_entropy", bernoulli, bernoulli_slope, elementary=True)
_loss("hinge", hinge, hinge_slope)
_loss(
    "poisson_with_log_rates",
    poisson_with_log_rates,
    poisson_with_log_rates_slope,
    elementary=True,
)
_loss("poisson", poisson, poisson_slope, elementary=True)
_loss("log_cosh", log_cosh, log_cosh_slope, elementary=True)
