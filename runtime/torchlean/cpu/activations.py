"""Activations: elementwise operations that stand between the layers of a model.

The formulas stand in the order of the spec's `operations/activations.py`, one
rounding for each operation.
"""

from __future__ import annotations

from torchlean.cpu.elementwise import elementwise
from torchlean.cpu.language import Arithmetic, Reals, helper

SQUARE_ROOT_OF_HALF = 0.70710678118654752440
SQUARE_ROOT_OF_TWO_OVER_PI = 0.79788456080286535588
INVERSE_SQUARE_ROOT_OF_TWO_PI = 0.39894228040143267794
GELU_CUBIC = 0.044715
THREE_GELU_CUBICS = 0.134145


@helper
def sigmoid_of(x: float, system: Arithmetic) -> float:
    """`1 / (1 + e^-x)`, by `e^-|x|`, which cannot overflow."""
    one = system.constant(1)
    decay = system.exp(-system.absolute(x))
    numerator = system.where(system.less(x, system.constant(0)), decay, one)
    return numerator / (one + decay)


@helper
def gelu_argument(x: float, system: Arithmetic) -> float:
    """`sqrt(2/pi) (x + 0.044715 x^3)`."""
    cubic = system.constant(GELU_CUBIC) * ((x * x) * x)
    return system.constant(SQUARE_ROOT_OF_TWO_OVER_PI) * (x + cubic)


@elementwise("x")
def relu(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x` where x > 0, else +0; a NaN stays a NaN."""
    for i in range(size):
        zero = system.constant(0)
        out[i] = system.where(system.less_equal(x[i], zero), zero, x[i])


@elementwise("x upstream")
def relu_gradient(
    x: Reals, upstream: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream` where x > 0, else +0."""
    for i in range(size):
        zero = system.constant(0)
        out[i] = system.where(system.less(zero, x[i]), upstream[i], zero)


@elementwise("x", constants="slope")
def leaky_relu(
    x: Reals, slope: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`x` where x > 0, else `slope x`."""
    slope_value = slope[0]
    for i in range(size):
        positive = system.less(system.constant(0), x[i])
        out[i] = system.where(positive, x[i], slope_value * x[i])


@elementwise("x upstream", constants="slope")
def leaky_relu_gradient(
    x: Reals, upstream: Reals, slope: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream` where x > 0, else `slope upstream`."""
    slope_value = slope[0]
    for i in range(size):
        positive = system.less(system.constant(0), x[i])
        out[i] = system.where(positive, upstream[i], slope_value * upstream[i])


@elementwise("x", constants="alpha", elementary=True)
def elu(x: Reals, alpha: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x` where x > 0, else `alpha (e^x - 1)`."""
    alpha_value = alpha[0]
    for i in range(size):
        positive = system.less(system.constant(0), x[i])
        out[i] = system.where(positive, x[i], alpha_value * system.expm1(x[i]))


@elementwise("x upstream", constants="alpha", elementary=True)
def elu_gradient(
    x: Reals, upstream: Reals, alpha: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream` where x > 0, else `upstream alpha e^x`."""
    alpha_value = alpha[0]
    for i in range(size):
        positive = system.less(system.constant(0), x[i])
        slope = alpha_value * system.exp(x[i])
        out[i] = system.where(positive, upstream[i], upstream[i] * slope)


@elementwise("x", elementary=True)
def sigmoid(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`1 / (1 + e^-x)`."""
    for i in range(size):
        out[i] = sigmoid_of(x[i], system)


@elementwise("y upstream")
def sigmoid_gradient(
    y: Reals, upstream: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream y (1 - y)`, of the result y."""
    for i in range(size):
        out[i] = upstream[i] * (y[i] * (system.constant(1) - y[i]))


@elementwise("x", elementary=True)
def tanh(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """Hyperbolic tangent."""
    for i in range(size):
        out[i] = system.tanh(x[i])


@elementwise("y upstream")
def tanh_gradient(
    y: Reals, upstream: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream (1 - y^2)`, of the result y."""
    for i in range(size):
        out[i] = upstream[i] * (system.constant(1) - y[i] * y[i])


@elementwise("x", elementary=True)
def softplus(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`log(1 + e^x)`, as `max(x, 0) + log1p(e^-|x|)`."""
    for i in range(size):
        correction = system.log1p(system.exp(-system.absolute(x[i])))
        out[i] = system.maximum(x[i], system.constant(0)) + correction


@elementwise("x upstream", elementary=True)
def softplus_gradient(
    x: Reals, upstream: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream sigmoid(x)`."""
    for i in range(size):
        out[i] = upstream[i] * sigmoid_of(x[i], system)


@elementwise("x", elementary=True)
def silu(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x sigmoid(x)`."""
    for i in range(size):
        out[i] = x[i] * sigmoid_of(x[i], system)


@elementwise("x upstream", elementary=True)
def silu_gradient(
    x: Reals, upstream: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream s (1 + x (1 - s))` with s = sigmoid(x)."""
    for i in range(size):
        one = system.constant(1)
        s = sigmoid_of(x[i], system)
        out[i] = upstream[i] * (s * (one + x[i] * (one - s)))


@elementwise("x", elementary=True)
def gelu(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x/2 (1 + erf(x / sqrt 2))`."""
    for i in range(size):
        half = x[i] * system.constant(0.5)
        error = system.erf(x[i] * system.constant(SQUARE_ROOT_OF_HALF))
        out[i] = half * (system.constant(1) + error)


@elementwise("x upstream", elementary=True)
def gelu_gradient(
    x: Reals, upstream: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`upstream (Phi(x) + x phi(x))`, the normal distribution and its density."""
    for i in range(size):
        half = system.constant(0.5)
        error = system.erf(x[i] * system.constant(SQUARE_ROOT_OF_HALF))
        distribution = half * (system.constant(1) + error)
        peak = system.constant(INVERSE_SQUARE_ROOT_OF_TWO_PI)
        density = peak * system.exp(-(half * (x[i] * x[i])))
        out[i] = upstream[i] * (distribution + x[i] * density)


@elementwise("x", elementary=True)
def gelu_tanh(x: Reals, out: Reals, size: int, system: Arithmetic) -> None:
    """`x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`."""
    for i in range(size):
        half = x[i] * system.constant(0.5)
        t = system.tanh(gelu_argument(x[i], system))
        out[i] = half * (system.constant(1) + t)


@elementwise("x upstream", elementary=True)
def gelu_tanh_gradient(
    x: Reals, upstream: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """The derivative of `gelu_tanh` by the product rule, times `upstream`."""
    for i in range(size):
        one, half = system.constant(1), system.constant(0.5)
        t = system.tanh(gelu_argument(x[i], system))
        square = system.constant(THREE_GELU_CUBICS) * (x[i] * x[i])
        slope = system.constant(SQUARE_ROOT_OF_TWO_OVER_PI) * (one + square)
        left = half * (one + t)
        right = (half * x[i]) * ((one - t * t) * slope)
        out[i] = upstream[i] * (left + right)
