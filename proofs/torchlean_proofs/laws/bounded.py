"""Laws of bounded numbers: they hold what honest rounding gives, and little more."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, repeat
from torchlean_proofs.laws.rounding import OPERATIONS
from torchlean_spec.numbers import Bounded, BoundedSystem, NumberSystem, bounded
from torchlean_spec.numbers import outcomes as sets
from torchlean_spec.numbers.binary import BINARY32, BINARY64
from torchlean_spec.numbers.floating import divide
from torchlean_spec.numbers.system import A


@dataclass(frozen=True)
class Widened:
    """Bounded numbers whose radii are some number of times the right ones."""

    factor: float = 1.0
    name: str = "float32"

    @property
    def system(self) -> BoundedSystem:
        """The right system."""
        return bounded(self.name)

    def excess(self, allowed: Bounded, answer: float) -> float:
        """The excess, with the wrong radius."""
        return allowed.excess(answer) / self.factor


UNARY = ("sqrt", "exp", "expm1", "log", "log1p", "tanh", "erf")


def evaluations(draws: Draws) -> Iterator[tuple[str, tuple[float, ...]]]:
    """An operation, and operands for it."""
    for name in (*OPERATIONS, *UNARY):
        for _ in range(40):
            pair = draws.float32(), draws.float32()
            if name in UNARY:
                small = float(BINARY32.constant(draws.positive(3)))
                pair = small, small
            yield name, pair


def evaluated(system: NumberSystem[A], name: str, values: Sequence[float]) -> A:
    """One operation over a number system."""
    x, y = map(system.from_float, values)
    if name in OPERATIONS:
        binary: A = OPERATIONS[name](x, y)
        return binary
    unary: A = getattr(system, name)(x)
    return unary


@law(
    "bounded.holds_one_operation",
    objects="numbers.bounded.BoundedSystem numbers.bounded_number.Bounded "
    "numbers.allowance.allowance numbers.carriers.FloatCarrier",
    evidence=Evidence.SEARCHED,
    subject=Widened(),
    mutants={"radii halved": Widened(0.5)},
    cases=evaluations,
)
def bounded_holds_one_operation(
    judge: Widened, case: tuple[str, tuple[float, ...]]
) -> bool:
    """A correctly rounded operation lies in the allowed set."""
    allowed = evaluated(judge.system, *case)
    return judge.excess(allowed, float(evaluated(BINARY32, *case))) <= 1


@law(
    "bounded.is_tight",
    objects="numbers.bounded.BoundedSystem numbers.bounded_number.Bounded "
    "numbers.allowance.allowance numbers.allowance.declared",
    evidence=Evidence.SEARCHED,
    subject=Widened(),
    mutants={"radii times four": Widened(4.0)},
    cases=evaluations,
    premise=lambda case: abs(float(evaluated(BINARY32, *case))) > 0,
)
def bounded_is_tight(judge: Widened, case: tuple[str, tuple[float, ...]]) -> bool:
    """What is four steps of the format away from the right answer is not allowed."""
    allowed = evaluated(judge.system, *case)
    right = evaluated(BINARY32, *case)
    others = [float(BINARY32.from_bits(right.bits + step)) for step in (-4, 4)]
    return all(judge.excess(allowed, other) > 1 for other in others)


def expression(
    system: NumberSystem[A], values: Sequence[float], turns: Sequence[int]
) -> A:
    """`sqrt(sum of x_i^2) / (1 + |sum of x_i + y_i|)`, summed in the order of turns."""
    half = len(values) // 2
    order = sorted(range(half), key=lambda i: turns[i])
    x = [system.from_float(values[i]) for i in order]
    y = [system.from_float(values[half + i]) for i in order]
    total = system.sum([a + b for a, b in zip(x, y, strict=True)])
    return system.sqrt(system.dot(x, x)) / (system.constant(1) + system.absolute(total))


@law(
    "bounded.holds_any_order",
    objects="numbers.bounded.BoundedSystem numbers.bounded_sums.Sums "
    "numbers.bounded_number.Bounded numbers.allowance.growth",
    evidence=Evidence.SEARCHED,
    subject=Widened(),
    mutants={"radii a sixty-fourth": Widened(1 / 64)},
    cases=lambda draws: repeat(
        60,
        lambda: (
            [draws.float32() for _ in range(2 * 24)],
            [draws.integer(0, 10**6) for _ in range(24)],
        ),
    ),
)
def bounded_holds_any_order(
    judge: Widened, case: tuple[Sequence[float], Sequence[int]]
) -> bool:
    """An expression with sums in any order lies in the allowed set."""
    values, turns = case
    allowed = expression(judge.system, values, range(len(turns)))
    return judge.excess(allowed, float(expression(BINARY32, values, turns))) <= 1


@law(
    "bounded.wide",
    objects="numbers.bounded.BoundedSystem numbers.carriers.DecimalCarrier",
    evidence=Evidence.SEARCHED,
    subject=Widened(1.0, "float64"),
    mutants={"radii halved": Widened(0.5, "float64")},
    cases=evaluations,
)
def bounded_holds_wide_operations(
    judge: Widened, case: tuple[str, tuple[float, ...]]
) -> bool:
    """The same of binary64, whose centres are decimals of 50 digits."""
    allowed = evaluated(judge.system, *case)
    return judge.excess(allowed, float(evaluated(BINARY64, *case))) <= 1


@law(
    "bounded.choice",
    objects="numbers.bounded.BoundedSystem",
    evidence=Evidence.SEARCHED,
    subject=lambda system, condition, x, y: system.where(condition, x, y),
    mutants={
        "an undecided condition takes the first": lambda system, condition, x, y: x,
        "an undecided condition takes the second": lambda system, condition, x, y: y,
    },
    cases=lambda draws: repeat(50, lambda: (draws.float32(), draws.float32())),
)
def bounded_choice(where: Callable[..., Bounded], case: tuple[float, float]) -> bool:
    """Where a comparison is undecided, the answers of both branches are allowed."""
    system = bounded("float32")
    x, y = map(system.from_float, case)
    third = system.constant(Fraction(1, 3))
    undecided = system.less(third, third * system.constant(1))
    both = where(system, undecided, x, y)
    first = where(system, system.less(x, x), y, x)
    return both.admits(case[0]) and both.admits(case[1]) and first.admits(case[0])


SPECIALS = (math.nan, -math.inf, -2.0, -0.0, 0.0, 4.0, math.inf)


def _python(name: str, x: float, y: float) -> float:
    return divide(x, y) if name == "/" else OPERATIONS[name](x, y)


@law(
    "bounded.outcomes",
    objects="numbers.outcomes.Outcomes numbers.outcomes.combine "
    "numbers.outcomes.outcome_of",
    evidence=Evidence.EXHAUSTIVE,
    subject=sets.combine,
    mutants={
        "NaN never": lambda name, x, y: sets.Outcomes(
            *(getattr(sets.combine(name, x, y), f) for f in ("finite", "plus", "minus"))
        ),
    },
    cases=lambda draws: itertools.product(OPERATIONS, SPECIALS, SPECIALS),
)
def outcomes_hold_special_values(
    combine: Callable[[str, sets.Outcomes, sets.Outcomes], sets.Outcomes],
    case: tuple[str, float, float],
) -> bool:
    """What IEEE 754 answers of special operands is among the outcomes."""
    name, x, y = case
    found = combine(name, sets.outcome_of(x), sets.outcome_of(y))
    answer = _python(name, x, y)
    if math.isnan(answer):
        return found.undefined
    if math.isinf(answer):
        return found.plus if answer > 0 else found.minus
    return found.finite is not None and found.finite[0] <= answer <= found.finite[1]
