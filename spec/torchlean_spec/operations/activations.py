"""Activations: elementwise operations that stand between the layers of a model.

The formula of each stands in a function over a `NumberSystem`, in the order in
which strict mode evaluates it: one rounding for each operation written.

>>> from torchlean_spec.numbers import FLOAT
>>> softplus(FLOAT, Attributes(), 0.0)
0.6931471805599453
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.elementwise import elementwise
from torchlean_spec.operations.operation import (
    Attributes,
    DerivativeRule,
    Use,
    Value,
)

SQUARE_ROOT_OF_HALF = Decimal("0.70710678118654752440084436210484903928483593768847")
SQUARE_ROOT_OF_TWO_OVER_PI = Decimal(
    "0.79788456080286535587989211986876373695171726232987"
)
INVERSE_SQUARE_ROOT_OF_TWO_PI = Decimal(
    "0.39894228040143267793994605993438186847585863116493"
)
GELU_CUBIC = Decimal("0.044715")
"""The cubic coefficient of the approximation (Hendrycks and Gimpel 2016)."""


def relu(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x` where x > 0, else +0; a NaN stays a NaN."""
    (x,) = values
    zero = system.constant(0)
    return system.where(system.less_equal(x, zero), zero, x)


def relu_gradient(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`upstream` where x > 0, else +0; the derivative at the kink is 0."""
    x, upstream = values
    zero = system.constant(0)
    return system.where(system.less(zero, x), upstream, zero)


def leaky_relu(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x` where x > 0, else `slope x`."""
    (x,) = values
    slope = system.constant(attributes.exact("slope"))
    return system.where(system.less(system.constant(0), x), x, slope * x)


def leaky_relu_gradient(
    system: NumberSystem[A], attributes: Attributes, /, *values: A
) -> A:
    """`upstream` where x > 0, else `slope upstream`."""
    x, upstream = values
    slope = system.constant(attributes.exact("slope"))
    return system.where(system.less(system.constant(0), x), upstream, slope * upstream)


def elu(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x` where x > 0, else `alpha (e^x - 1)` (Clevert et al. 2015, equation 15)."""
    (x,) = values
    alpha = system.constant(attributes.exact("alpha"))
    positive = system.less(system.constant(0), x)
    return system.where(positive, x, alpha * system.expm1(x))


def elu_gradient(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`upstream` where x > 0, else `upstream alpha e^x`."""
    x, upstream = values
    alpha = system.constant(attributes.exact("alpha"))
    positive = system.less(system.constant(0), x)
    return system.where(positive, upstream, upstream * (alpha * system.exp(x)))


def sigmoid(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`1 / (1 + e^-x)`, by `e^-|x|`, which cannot overflow."""
    (x,) = values
    one = system.constant(1)
    decay = system.exp(-system.absolute(x))
    numerator = system.where(system.less(x, system.constant(0)), decay, one)
    return numerator / (one + decay)


def sigmoid_gradient(
    system: NumberSystem[A], attributes: Attributes, /, *values: A
) -> A:
    """`upstream y (1 - y)`, of the result y."""
    y, upstream = values
    return upstream * (y * (system.constant(1) - y))


def tanh(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """Hyperbolic tangent."""
    return system.tanh(values[0])


def tanh_gradient(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`upstream (1 - y^2)`, of the result y."""
    y, upstream = values
    return upstream * (system.constant(1) - y * y)


def softplus(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`log(1 + e^x)`, as `max(x, 0) + log1p(e^-|x|)`, which cannot overflow."""
    (x,) = values
    correction = system.log1p(system.exp(-system.absolute(x)))
    return system.maximum(x, system.constant(0)) + correction


def softplus_gradient(
    system: NumberSystem[A], attributes: Attributes, /, *values: A
) -> A:
    """`upstream sigmoid(x)`."""
    x, upstream = values
    return upstream * sigmoid(system, attributes, x)


def silu(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x sigmoid(x)` (Elfwing et al. 2018); NaN at minus infinity."""
    (x,) = values
    return x * sigmoid(system, attributes, x)


def silu_gradient(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`upstream s (1 + x (1 - s))` with s = sigmoid(x)."""
    x, upstream = values
    one = system.constant(1)
    s = sigmoid(system, attributes, x)
    return upstream * (s * (one + x * (one - s)))


def gelu(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x/2 (1 + erf(x / sqrt 2))` (Hendrycks and Gimpel 2016, section 2)."""
    (x,) = values
    half_root = system.constant(SQUARE_ROOT_OF_HALF)
    half = x * system.constant(Decimal("0.5"))
    return half * (system.constant(1) + system.erf(x * half_root))


def gelu_gradient(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`upstream (Phi(x) + x phi(x))`, the normal distribution and its density."""
    x, upstream = values
    half = system.constant(Decimal("0.5"))
    half_root = system.constant(SQUARE_ROOT_OF_HALF)
    distribution = half * (system.constant(1) + system.erf(x * half_root))
    peak = system.constant(INVERSE_SQUARE_ROOT_OF_TWO_PI)
    density = peak * system.exp(-(half * (x * x)))
    return upstream * (distribution + x * density)


def gelu_tanh(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, the approximation of GELU."""
    (x,) = values
    half = x * system.constant(Decimal("0.5"))
    return half * (system.constant(1) + system.tanh(_gelu_argument(system, x)))


def gelu_tanh_gradient(
    system: NumberSystem[A], attributes: Attributes, /, *values: A
) -> A:
    """The derivative of `gelu_tanh` by the product rule, times `upstream`."""
    x, upstream = values
    one, half = system.constant(1), system.constant(Decimal("0.5"))
    t = system.tanh(_gelu_argument(system, x))
    slope = system.constant(SQUARE_ROOT_OF_TWO_OVER_PI) * (
        one + system.constant(3 * GELU_CUBIC) * (x * x)
    )
    left = half * (one + t)
    right = (half * x) * ((one - t * t) * slope)
    return upstream * (left + right)


def _gelu_argument(system: NumberSystem[A], x: A) -> A:
    cubic = system.constant(GELU_CUBIC) * ((x * x) * x)
    return system.constant(SQUARE_ROOT_OF_TWO_OVER_PI) * (x + cubic)


def _of_input(gradient: str) -> DerivativeRule:
    """The derivative is the operation `gradient` of the operand."""

    def rule(use: Use) -> Sequence[Value | None]:
        return [use.operands[0].apply(gradient, use.upstream, **use.attributes)]

    return rule


def _of_result(gradient: str) -> DerivativeRule:
    """The derivative is the operation `gradient` of the result."""

    def rule(use: Use) -> Sequence[Value | None]:
        return [use.result.apply(gradient, use.upstream)]

    return rule


_SECOND = "second derivatives of activations are not defined"

elementwise("relu", "x", relu, _of_input("relu_gradient"))
elementwise("leaky_relu", "x", leaky_relu, _of_input("leaky_relu_gradient"))
elementwise("elu", "x", elu, _of_input("elu_gradient"))
elementwise("sigmoid", "x", sigmoid, _of_result("sigmoid_gradient"))
elementwise("tanh", "x", tanh, _of_result("tanh_gradient"))
elementwise("softplus", "x", softplus, _of_input("softplus_gradient"))
elementwise("silu", "x", silu, _of_input("silu_gradient"))
elementwise("gelu", "x", gelu, _of_input("gelu_gradient"))
elementwise("gelu_tanh", "x", gelu_tanh, _of_input("gelu_tanh_gradient"))

elementwise("relu_gradient", "x upstream", relu_gradient, None, _SECOND)
elementwise("leaky_relu_gradient", "x upstream", leaky_relu_gradient, None, _SECOND)
elementwise("elu_gradient", "x upstream", elu_gradient, None, _SECOND)
elementwise("sigmoid_gradient", "y upstream", sigmoid_gradient, None, _SECOND)
elementwise("tanh_gradient", "y upstream", tanh_gradient, None, _SECOND)
elementwise("softplus_gradient", "x upstream", softplus_gradient, None, _SECOND)
elementwise("silu_gradient", "x upstream", silu_gradient, None, _SECOND)
elementwise("gelu_gradient", "x upstream", gelu_gradient, None, _SECOND)
elementwise("gelu_tanh_gradient", "x upstream", gelu_tanh_gradient, None, _SECOND)
