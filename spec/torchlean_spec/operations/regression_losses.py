"""Losses between a prediction and a target of one shape, element by element.

Each has a formula for the value and one for the derivative in the prediction.
`reduction` says what becomes of the elements: `mean` divides their sum by their
number, `sum` adds them, `none` keeps them. The derivative is multiplied by
`upstream k`, with k = 1/number for the mean and 1 otherwise: one exact constant
(with the 2 of a square inside it), rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.activations import sigmoid
from torchlean_spec.operations.elementwise import sign_of
from torchlean_spec.operations.operation import (
    Attributes,
    Meaning,
    Operands,
    Operation,
    ShapeRule,
    Use,
    Value,
    register,
)
from torchlean_spec.shape import Scalar, Shape, require_same
from torchlean_spec.tensor import Tensor

HALF = Fraction(1, 2)


class Loss(Protocol):
    """The value at one element, or the derivative before the factor."""

    def __call__(
        self,
        system: NumberSystem[A],
        attributes: Attributes,
        prediction: A,
        target: A,
        /,
    ) -> A:
        """The number at one element."""
        ...


def squared_error(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`(p - t)^2`."""
    difference = prediction - target
    return difference * difference


def squared_error_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`p - t`; the 2 is part of the factor."""
    return prediction - target


def absolute_error(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`|p - t|`."""
    return system.absolute(prediction - target)


def absolute_error_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`sign(p - t)`, 0 where they are equal."""
    return sign_of(system, prediction - target)


def huber(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`d^2 / 2` where |d| <= delta, else `delta (|d| - delta / 2)`, with d = p - t.

    Huber 1964. The original divides by delta (its B50): that is `smooth_l1`.
    """
    delta = attributes.exact("delta")
    difference = prediction - target
    distance = system.absolute(difference)
    near = system.constant(HALF) * (difference * difference)
    far = system.constant(delta) * (distance - system.constant(delta / 2))
    within = system.less_equal(distance, system.constant(delta))
    return system.where(within, near, far)


def huber_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`d` where |d| <= delta, else `delta sign(d)`."""
    delta = system.constant(attributes.exact("delta"))
    difference = prediction - target
    within = system.less_equal(system.absolute(difference), delta)
    return system.where(within, difference, delta * sign_of(system, difference))


def smooth_l1(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`d^2 / (2 beta)` where |d| < beta, else `|d| - beta / 2` (Girshick 2015)."""
    beta = attributes.exact("beta")
    difference = prediction - target
    distance = system.absolute(difference)
    near = (system.constant(HALF) * (difference * difference)) / system.constant(beta)
    far = distance - system.constant(beta / 2)
    return system.where(system.less(distance, system.constant(beta)), near, far)


def smooth_l1_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`d / beta` where |d| < beta, else `sign(d)`."""
    beta = system.constant(attributes.exact("beta"))
    difference = prediction - target
    within = system.less(system.absolute(difference), beta)
    return system.where(within, difference / beta, sign_of(system, difference))


def logistic(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`max(x, 0) - x t + log1p(e^-|x|)`: the cross-entropy of the logit x.

    Equal to `-t log s - (1 - t) log(1 - s)` with s = sigmoid(x), and finite
    for every x; the original's unstable softplus overflows (its B5).
    """
    positive = system.maximum(prediction, system.constant(0))
    correction = system.log1p(system.exp(-system.absolute(prediction)))
    return (positive - prediction * target) + correction


def logistic_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`sigmoid(x) - t`."""
    return sigmoid(system, attributes, prediction) - target


def bernoulli(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`-t log p - (1 - t) log(1 - p)`; a term of weight 0 is 0, whatever its logarithm.

    So the loss of a certain and right prediction is 0, of a certain and wrong
    one infinite. (PyTorch cuts the logarithms off at -100.)
    """
    zero, one = system.constant(0), system.constant(1)
    other = one - target
    for_one = target * system.log(prediction)
    for_zero = other * system.log1p(-prediction)
    left = system.where(system.equal(target, zero), zero, for_one)
    right = system.where(system.equal(other, zero), zero, for_zero)
    return -(left + right)


def bernoulli_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`(1 - t) / (1 - p) - t / p`; a term of weight 0 is 0."""
    zero, one = system.constant(0), system.constant(1)
    other = one - target
    right_weight = system.equal(other, zero)
    left_weight = system.equal(target, zero)
    right = other / system.where(right_weight, one, one - prediction)
    left = target / system.where(left_weight, one, prediction)
    return right - left


def hinge(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`max(0, 1 - p t)`, for targets -1 and 1 (Cortes and Vapnik 1995)."""
    zero, one = system.constant(0), system.constant(1)
    margin = prediction * target
    return system.where(system.less_equal(one, margin), zero, one - margin)


def hinge_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`-t` where p t < 1, else 0; the derivative at the kink is 0."""
    zero, one = system.constant(0), system.constant(1)
    enough = system.less_equal(one, prediction * target)
    return system.where(enough, zero, -target)


def poisson(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`p - t log p` of a rate p: minus the log-likelihood of a count t.

    The logarithm of `t!`, which does not depend on p, is left out. A term of weight
    0 is 0: no event at a rate of 0 costs nothing, any event infinitely much. (PyTorch
    adds 1e-8 to the rate.) Rates below 0 lie outside the domain: NaN, unless the count
    is 0.
    """
    zero = system.constant(0)
    weighted = target * system.log(prediction)
    none = system.equal(target, zero)
    return prediction - system.where(none, zero, weighted)


def poisson_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`1 - t / p`; a term of weight 0 is 0."""
    one = system.constant(1)
    none = system.equal(target, system.constant(0))
    return one - target / system.where(none, one, prediction)


def poisson_with_log_rates(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`e^p - t p`: the Poisson loss of the rate `e^p`; a term of weight 0 is 0.

    It is infinite where `e^p` exceeds the format.
    """
    zero = system.constant(0)
    weighted = target * prediction
    none = system.equal(target, zero)
    return system.exp(prediction) - system.where(none, zero, weighted)


def poisson_with_log_rates_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`e^p - t`."""
    return system.exp(prediction) - target


def log_cosh(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`log cosh d` with d = p - t; it neither overflows nor cancels.

    With `a = |d|`, `u = e^-a - 1` and `w = 1 + u`: where a < 1 it is
    `log1p(u^2 / (2 w))`, since `cosh d - 1 = u^2 / (2 w)`; else
    `a + log1p(u (2 + u) / 2)`, since `cosh d = e^a (1 + w^2) / 2`. The shorter
    `a + softplus(-2 a) - log 2` has no correct digit left where d is small.
    """
    one, two = system.constant(1), system.constant(2)
    distance = system.absolute(prediction - target)
    near = system.less(distance, one)
    lost = system.expm1(-distance)
    left = system.where(near, one + lost, one)
    close = (lost * lost) / (two * left)
    wide = (lost * (two + lost)) / two
    logarithm = system.log1p(system.where(near, close, wide))
    return system.where(near, logarithm, distance + logarithm)


def log_cosh_slope(
    system: NumberSystem[A], attributes: Attributes, prediction: A, target: A, /
) -> A:
    """`tanh(p - t)`."""
    return system.tanh(prediction - target)


def reduce_values(
    system: NumberSystem[A],
    reduction: str,
    values: Sequence[A],
    shape: Shape,
    denominator: A,
) -> Tensor[A, Shape]:
    """Reduce the values of a loss; `mean` divides their sum by the denominator.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another reduction.
    """
    require_reduction(reduction)
    if reduction == "none":
        return Tensor(shape, tuple(values))
    total = system.sum(values)
    return Tensor(Scalar(), (total / denominator if reduction == "mean" else total,))


def require_reduction(reduction: str) -> str:
    """Refuse a reduction that is not `mean`, `sum` or `none`."""
    if reduction not in ("mean", "sum", "none"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected reduction 'mean', 'sum' or 'none', got {reduction!r}",
        )
    return reduction


def upstream_values(upstream: Tensor[A, Shape], count: int) -> Sequence[A]:
    """The upstream derivative of each element (or row) of an unreduced loss."""
    return upstream.values if len(upstream.values) == count else upstream.values * count


def register_loss(
    name: str,
    operands: tuple[str, str],
    value_shape: ShapeRule,
    value_meaning: Meaning,
    slope_meaning: Meaning,
) -> None:
    """Enter a loss and its derivative `<name>_gradient` into the registry.

    Args:
        name: The loss's name.
        operands: The names of prediction and target.
        value_shape: The shape of the loss, which is that of `upstream` as well.
        value_meaning: The loss.
        slope_meaning: Its derivative in the prediction, of prediction, target and
            upstream.
    """

    def slope_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
        expected = value_shape(attributes, shapes[:2])
        require_same(f"{name}: upstream", expected, shapes[2])
        return shapes[0]

    def rule(use: Use) -> Sequence[Value | None]:
        prediction, target = use.operands
        gradient = prediction.apply(
            f"{name}_gradient", target, use.upstream, **use.attributes
        )
        return [gradient, None]

    register(Operation(name, operands, value_shape, value_meaning, rule))
    register(
        Operation(
            f"{name}_gradient",
            (*operands, "upstream"),
            slope_shape,
            slope_meaning,
            None,
            "second derivatives of losses are not defined",
        )
    )


def _loss(name: str, value: Loss, slope: Loss, twice: bool = False) -> None:
    """Register a loss and its derivative."""

    def value_shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
        require_same(f"{name}: target", shapes[0], shapes[1])
        reduction = require_reduction(attributes.text("reduction"))
        return shapes[0] if reduction == "none" else Scalar()

    def value_meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        prediction, target = operands.real(0), operands.real(1)
        pairs = zip(prediction.values, target.values, strict=True)
        values = [value(system, attributes, p, t) for p, t in pairs]
        count = system.constant(len(values))
        reduction = attributes.text("reduction")
        return reduce_values(system, reduction, values, prediction.shape, count)

    def slope_meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        prediction, target = operands.real(0), operands.real(1)
        count = len(prediction.values)
        mean = attributes.text("reduction") == "mean" and count > 0
        exact = Fraction(2 if twice else 1, count if mean else 1)
        factor = system.constant(exact)
        upstream = upstream_values(operands.real(2), count)
        rows = zip(prediction.values, target.values, upstream, strict=True)
        values = (slope(system, attributes, p, t) * (u * factor) for p, t, u in rows)
        return Tensor(prediction.shape, tuple(values))

    register_loss(
        name, ("prediction", "target"), value_shape, value_meaning, slope_meaning
    )


_loss("mean_squared_error", squared_error, squared_error_slope, twice=True)
_loss("mean_absolute_error", absolute_error, absolute_error_slope)
_loss("huber", huber, huber_slope)
_loss("smooth_l1", smooth_l1, smooth_l1_slope)
_loss("binary_cross_entropy_with_logits", logistic, logistic_slope)
_loss("binary_cross_entropy", bernoulli, bernoulli_slope)
_loss("hinge", hinge, hinge_slope)
_loss("poisson_with_log_rates", poisson_with_log_rates, poisson_with_log_rates_slope)
_loss("poisson", poisson, poisson_slope)
_loss("log_cosh", log_cosh, log_cosh_slope)
