"""Laws of the gradients of activations: rules, and the operations in them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from torchlean_proofs.laws.activations import PIECEWISE, TOPIC, uses
from torchlean_proofs.laws.operations_derivatives import Rule, gradient_law, rule_law
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes
from torchlean_spec.operations import activations as forms
from torchlean_spec.operations.activations import (
    GELU_CUBIC,
    INVERSE_SQUARE_ROOT_OF_TWO_PI,
    SQUARE_ROOT_OF_HALF,
    SQUARE_ROOT_OF_TWO_OVER_PI,
)
from torchlean_spec.operations.operation import Use
from torchlean_spec.operations.operation import Value as AnyValue

# GRADIENTS


def _without_the_three(
    system: NumberSystem[A], attributes: Attributes, /, *values: A
) -> A:
    """The gradient of the tanh form, the power rule left out of `x^3`."""
    x, upstream = values
    one, half = system.constant(1), system.constant(Fraction(1, 2))
    root, cubic = map(system.constant, (SQUARE_ROOT_OF_TWO_OVER_PI, GELU_CUBIC))
    t = system.tanh(root * (x + cubic * (x * x * x)))
    slope = root * (one + cubic * (x * x))
    return upstream * (half * (one + t) + half * x * (one - t * t) * slope)


_IGNORED = "upstream ignored"

GRADIENTS = (
    gradient_law(
        TOPIC,
        "relu",
        uses("relu"),
        {
            _IGNORED: lambda s, a, x, u: s.where(
                s.less(s.constant(0), x), s.constant(1), s.constant(0)
            ),
            "1 at the kink": lambda s, a, x, u: s.where(
                s.less(x, s.constant(0)), s.constant(0), u
            ),
            "below 0": lambda s, a, x, u: s.where(
                s.less(x, s.constant(0)), u, s.constant(0)
            ),
        },
        rational=True,
    ),
    gradient_law(
        TOPIC,
        "leaky_relu",
        uses("leaky_relu"),
        {
            "upstream ignored below 0": lambda s, a, x, u: s.where(
                s.less(s.constant(0), x), u, s.constant(a.exact("slope"))
            ),
            "1 at the kink": lambda s, a, x, u: s.where(
                s.less(x, s.constant(0)), s.constant(a.exact("slope")) * u, u
            ),
            "times the operand": lambda s, a, x, u: s.where(
                s.less(s.constant(0), x), u, s.constant(a.exact("slope")) * u * x
            ),
        },
        rational=True,
    ),
    gradient_law(
        TOPIC,
        "elu",
        uses("elu"),
        {
            "without alpha": lambda s, a, x, u: s.where(
                s.less(s.constant(0), x), u, u * s.exp(x)
            ),
            "value for slope": lambda s, a, x, u: s.where(
                s.less(s.constant(0), x),
                u,
                u * s.constant(a.exact("alpha")) * s.expm1(x),
            ),
            "1 at the kink": lambda s, a, x, u: s.where(
                s.less(x, s.constant(0)),
                u * s.constant(a.exact("alpha")) * s.exp(x),
                u,
            ),
        },
    ),
    gradient_law(
        TOPIC,
        "sigmoid",
        uses("sigmoid"),
        {
            _IGNORED: lambda s, a, y, u: y * (s.constant(1) - y),
            "the second factor dropped": lambda s, a, y, u: u * y,
            "as of tanh": lambda s, a, y, u: u * (s.constant(1) - y * y),
            "the other sign": lambda s, a, y, u: u * y * (y - s.constant(1)),
        },
        of_result=True,
    ),
    gradient_law(
        TOPIC,
        "tanh",
        uses("tanh"),
        {
            _IGNORED: lambda s, a, y, u: s.constant(1) - y * y,
            "not squared": lambda s, a, y, u: u * (s.constant(1) - y),
            "as of sigmoid": lambda s, a, y, u: u * y * (s.constant(1) - y),
            "the other sign": lambda s, a, y, u: u * (y * y - s.constant(1)),
        },
        of_result=True,
    ),
    gradient_law(
        TOPIC,
        "softplus",
        uses("softplus"),
        {
            _IGNORED: lambda s, a, x, u: forms.sigmoid(s, a, x),
            "of -x": lambda s, a, x, u: u * forms.sigmoid(s, a, -x),
            "as of ReLU": lambda s, a, x, u: s.where(
                s.less(s.constant(0), x), u, s.constant(0)
            ),
        },
    ),
    gradient_law(
        TOPIC,
        "silu",
        uses("silu"),
        {
            _IGNORED: lambda s, a, x, u: forms.silu_gradient(s, a, x, s.constant(1)),
            "first term only": lambda s, a, x, u: u * forms.sigmoid(s, a, x),
            "second term only": lambda s, a, x, u: forms.sigmoid_gradient(
                s, a, forms.sigmoid(s, a, x), u * x
            ),
            "the inner sign": lambda s, a, x, u: (
                forms.sigmoid(s, a, x)
                * u
                * (s.constant(1) - x * (s.constant(1) - forms.sigmoid(s, a, x)))
            ),
        },
    ),
    gradient_law(
        TOPIC,
        "gelu",
        uses("gelu"),
        {
            _IGNORED: lambda s, a, x, u: forms.gelu_gradient(s, a, x, s.constant(1)),
            "without the density": lambda s, a, x, u: (
                u
                * s.constant(Fraction(1, 2))
                * (s.constant(1) + s.erf(x * s.constant(SQUARE_ROOT_OF_HALF)))
            ),
            "density of variance 1/2": lambda s, a, x, u: (
                u
                * (
                    s.constant(Fraction(1, 2))
                    * (s.constant(1) + s.erf(x * s.constant(SQUARE_ROOT_OF_HALF)))
                    + x * s.constant(INVERSE_SQUARE_ROOT_OF_TWO_PI) * s.exp(-(x * x))
                )
            ),
            "as of the tanh form": forms.gelu_tanh_gradient,
        },
    ),
    gradient_law(
        TOPIC,
        "gelu_tanh",
        uses("gelu_tanh"),
        {
            _IGNORED: lambda s, a, x, u: forms.gelu_tanh_gradient(
                s, a, x, s.constant(1)
            ),
            "the cubic term's factor 3 forgotten": _without_the_three,
            "as of the exact form": forms.gelu_gradient,
        },
    ),
)


# RULES


def of_operand(gradient: str) -> Rule:
    """A wrong rule: the gradient of the operand, not of the result."""
    return lambda use: [use.operands[0].apply(gradient, use.upstream)]


def of_result(gradient: str) -> Rule:
    """A wrong rule: the gradient of the result, not of the operand."""
    return lambda use: [use.result.apply(gradient, use.upstream, **use.attributes)]


def exchanged(gradient: str, result: bool = False) -> Rule:
    """A wrong rule: upstream and operand in each other's place."""

    def rule(use: Use) -> list[AnyValue | None]:
        given = use.result if result else use.operands[0]
        return [use.upstream.apply(gradient, given, **use.attributes)]

    return rule


WRONG_RULES: Mapping[str, Mapping[str, Rule]] = {
    "relu": {"upstream and operand exchanged": exchanged("relu_gradient")},
    "leaky_relu": {"upstream and operand exchanged": exchanged("leaky_relu_gradient")},
    "elu": {"of the result": of_result("elu_gradient")},
    "sigmoid": {"of the operand": of_operand("sigmoid_gradient")},
    "tanh": {"of the operand": of_operand("tanh_gradient")},
    "softplus": {"of the result": of_result("softplus_gradient")},
    "silu": {"of the result": of_result("silu_gradient")},
    "gelu": {"of the result": of_result("gelu_gradient")},
    "gelu_tanh": {"of the result": of_result("gelu_tanh_gradient")},
}

RULES = tuple(
    rule_law(TOPIC, name, uses(name), rational=name in PIECEWISE, mutants=mutants)
    for name, mutants in WRONG_RULES.items()
)
