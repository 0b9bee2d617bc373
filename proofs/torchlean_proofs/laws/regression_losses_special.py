"""Laws of losses at special values, and at values that could overflow on the way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law
from torchlean_proofs.laws.operations_applied import meaning_of
from torchlean_proofs.laws.regression_losses import DELTA, of_elements
from torchlean_spec.numbers import BINARY32, BINARY64
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations import activations as forms
from torchlean_spec.operations import regression_losses as losses
from torchlean_spec.operations.operation import Attribute, Meaning
from torchlean_spec.shape import Shape, vector
from torchlean_spec.tensor import Tensor

INF, NAN = math.inf, math.nan

Lookup = Callable[[str], Meaning]
"""From the name of a loss to its meaning."""

ATTRIBUTES: Mapping[str, Mapping[str, Attribute]] = {
    "huber": {"delta": DELTA},
    "smooth_l1": {"beta": DELTA},
}

SPECIAL: tuple[tuple[str, float, float, float], ...] = (
    ("mean_squared_error", INF, 0.0, INF),
    ("mean_squared_error", -INF, 1.0, INF),
    ("mean_squared_error", INF, INF, NAN),
    ("mean_squared_error", 1.0, NAN, NAN),
    ("mean_absolute_error", INF, 0.0, INF),
    ("mean_absolute_error", INF, INF, NAN),
    ("mean_absolute_error", NAN, 0.0, NAN),
    ("huber", -INF, 0.0, INF),
    ("huber", INF, INF, NAN),
    ("huber", NAN, 0.0, NAN),
    ("smooth_l1", -INF, 0.0, INF),
    ("smooth_l1", INF, INF, NAN),
    ("smooth_l1", NAN, 0.0, NAN),
    ("log_cosh", INF, 0.0, INF),
    ("log_cosh", -INF, 0.0, INF),
    ("log_cosh", INF, INF, NAN),
    ("log_cosh", NAN, 0.0, NAN),
    ("hinge", INF, 1.0, 0.0),
    ("hinge", -INF, 1.0, INF),
    ("hinge", INF, -1.0, INF),
    ("hinge", INF, 0.0, NAN),
    ("hinge", NAN, 1.0, NAN),
    ("poisson_with_log_rates", -INF, 0.0, 0.0),
    ("poisson_with_log_rates", -INF, 2.0, INF),
    ("poisson_with_log_rates", INF, 0.0, INF),
    ("poisson_with_log_rates", INF, 2.0, NAN),
    ("poisson_with_log_rates", NAN, 0.0, NAN),
    ("poisson", 0.0, 0.0, 0.0),
    ("poisson", 0.0, 2.0, INF),
    ("poisson", INF, 0.0, INF),
    ("poisson", INF, 2.0, NAN),
    ("poisson", -1.0, 2.0, NAN),
    ("poisson", NAN, 0.0, NAN),
    ("binary_cross_entropy", 0.0, 0.0, 0.0),
    ("binary_cross_entropy", 0.0, 1.0, INF),
    ("binary_cross_entropy", 1.0, 0.0, INF),
    ("binary_cross_entropy", 2.0, 0.5, NAN),
    ("binary_cross_entropy", NAN, 0.5, NAN),
    ("binary_cross_entropy_with_logits", INF, 0.0, NAN),
    ("binary_cross_entropy_with_logits", INF, 1.0, NAN),
    ("binary_cross_entropy_with_logits", -INF, 1.0, INF),
    ("binary_cross_entropy_with_logits", NAN, 0.0, NAN),
)
"""A loss, a prediction, a target, and the loss at them, by definition."""


def _at(system: NumberSystem[A], meaning: Meaning, name: str, p: float, t: float) -> A:
    shape: Shape = vector(1)
    both = [Tensor(shape, (system.from_float(x),)) for x in (p, t)]
    attributes = Attributes(reduction="sum", **ATTRIBUTES.get(name, {}))
    (found,) = meaning(system, attributes, Operands(both)).values
    return found


def replacing(name: str, formula: object) -> Lookup:
    """The losses, of which one has another formula."""
    return lambda wanted: of_elements(formula) if wanted == name else meaning_of(wanted)


def _dropping_nan(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    """`1 - p t` where it is above 0, else 0; so that a NaN becomes 0."""
    zero, rest = s.constant(0), s.constant(1) - p * t
    return s.where(s.less(zero, rest), rest, zero)


def _exponentials(s: NumberSystem[A], a: Attributes, p: A, t: A) -> A:
    """`log((e^d + e^-d) / 2)`."""
    d = p - t
    return s.log(s.constant(Fraction(1, 2)) * (s.exp(d) + s.exp(-d)))


@law(
    "regression_losses.special",
    objects=" ".join(
        dict.fromkeys(f"operations.{name}.meaning" for name, *_ in SPECIAL)
    ),
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of,
    mutants={
        "a hinge of 0 at NaN": replacing("hinge", _dropping_nan),
        "a Poisson loss of NaN without an event": replacing(
            "poisson", lambda s, a, p, t: p - t * s.log(p)
        ),
        "0 times a logarithm of minus infinity": replacing(
            "poisson_with_log_rates", lambda s, a, p, t: s.exp(p) - t * p
        ),
        "a log-cosh that is near where it is NaN": replacing(
            "log_cosh",
            lambda s, a, p, t: s.where(
                s.less_equal(s.constant(1), s.absolute(p - t)),
                losses.log_cosh(s, a, p, t),
                s.constant(0),
            ),
        ),
        "a Huber loss of 0 at NaN": replacing(
            "huber",
            lambda s, a, p, t: s.where(
                s.less(s.constant(0), s.absolute(p - t)),
                losses.huber(s, a, p, t),
                s.constant(0),
            ),
        ),
    },
    cases=lambda draws: iter(SPECIAL),
)
def special_values(lookup: Lookup, case: tuple[str, float, float, float]) -> bool:
    """At infinities, NaN and certainties, each loss has the value of its definition."""
    name, p, t, expected = case
    found = float(_at(BINARY64, lookup(name), name, p, t))
    return found == expected or (found != found and expected != expected)


# NO INFINITY ON THE WAY


@dataclass(frozen=True, slots=True)
class Large:
    """A loss at a prediction and a target."""

    name: str
    prediction: Fraction
    target: Fraction

    @property
    def bound(self) -> Fraction:
        """What the loss does not exceed, in exact numbers."""
        return BOUNDS[self.name](self.prediction, self.target)


LOGARITHM = 104
"""No logarithm of a number of binary32 is larger in size."""

Bound = Callable[[Fraction, Fraction], Fraction]
BOUNDS: Mapping[str, Bound] = {
    "mean_squared_error": lambda p, t: (p - t) ** 2,
    "mean_absolute_error": lambda p, t: abs(p - t),
    "huber": lambda p, t: DELTA * abs(p - t),
    "smooth_l1": lambda p, t: abs(p - t),
    "log_cosh": lambda p, t: abs(p - t),
    "hinge": lambda p, t: 1 + abs(p * t),
    "binary_cross_entropy_with_logits": lambda p, t: abs(p) * (1 + abs(t)) + 1,
    "poisson": lambda p, t: p + t * LOGARITHM,
    "poisson_with_log_rates": lambda p, t: (
        abs(t * p) + Fraction(3) ** max(math.ceil(p), 0)
    ),
}
"""Of each loss, something that is at least as large."""

SIZES = tuple(Fraction(2) ** power for power in (-149, -20, 0, 3, 6, 60, 100, 126))
LARGEST = (2 - Fraction(2) ** -23) * Fraction(2) ** 127


def large_uses(draws: Draws) -> Iterator[Large]:
    """Numbers of every size, as far as a loss is defined for them."""
    signed = [Fraction(0), *SIZES, *(-size for size in SIZES)]
    for name in BOUNDS:
        shares = [Fraction(0), Fraction(1, 2), Fraction(1)]
        predictions = SIZES if name == "poisson" else signed
        if name == "poisson_with_log_rates":
            predictions = [p for p in signed if p <= 64]
        targets = signed
        if name == "binary_cross_entropy_with_logits":
            targets = shares
        if name.startswith("poisson"):
            targets = [Fraction(0), *SIZES[2:]]
        for p, t in itertools.product(predictions, targets):
            yield Large(name, p, t)


@law(
    "regression_losses.finite",
    objects=" ".join(f"operations.{name}.meaning" for name in BOUNDS),
    evidence=Evidence.SEARCHED,
    subject=meaning_of,
    mutants={
        "a softplus that overflows": replacing(
            "binary_cross_entropy_with_logits",
            lambda s, a, x, t: s.log1p(s.exp(x)) - x * t,
        ),
        "the logarithm of the cosine": replacing("log_cosh", _exponentials),
        "softplus of both sides": replacing(
            "binary_cross_entropy_with_logits",
            lambda s, a, x, t: (
                t * s.log1p(s.exp(-x)) + (s.constant(1) - t) * forms.softplus(s, a, x)
            ),
        ),
        "Huber's by a square root": replacing(
            "huber",
            lambda s, a, p, t: s.sqrt(s.constant(1) + (p - t) * (p - t)),
        ),
        "a hinge of squares": replacing(
            "hinge",
            lambda s, a, p, t: losses.hinge(s, a, (p * p) * t, t) / s.absolute(p),
        ),
    },
    cases=large_uses,
    premise=lambda case: 2 * case.bound <= LARGEST,
)
def no_needless_infinity(lookup: Lookup, case: Large) -> bool:
    """Where the exact loss is far within binary32, nothing overflows on the way."""
    p, t = float(case.prediction), float(case.target)
    found = float(_at(BINARY32, lookup(case.name), case.name, p, t))
    return math.isfinite(found)
