"""Laws between optimizers: special cases, symmetries, orders of evaluation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_proofs.laws.operations_applied import DOUBLE, agree, all_agree
from torchlean_proofs.laws.optimizers import (
    DECAY,
    EPSILON,
    RATE,
    RECORDS,
    Moved,
    Stepper,
    Walk,
    path,
    step_of,
    walks,
)
from torchlean_spec import optimizers
from torchlean_spec.errors import Reason
from torchlean_spec.exact import exact, power
from torchlean_spec.numbers import RATIONAL, Bounded, BoundedSystem, Rational
from torchlean_spec.numbers.binary import BINARY32, BinaryNumber
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    Alternative,
    ElementOptimizer,
    RMSProp,
    Update,
    alternative_coefficients_at,
    coefficients_at,
    exact_coefficients,
)

Row = tuple[Fraction, ...]
Rule = Callable[..., tuple[Fraction, Row]]


class AnyRoot(Rational):
    """Rationals with some function or other for the square root.

    What holds of an equation here holds whatever function stands for the root, so
    that equations with roots can be compared exactly.
    """

    __slots__ = ()

    def sqrt(self, x: Fraction, /) -> Fraction:
        """An arbitrary function, positive for arguments of at least 0."""
        return (3 * x + 5) / (abs(x) + 7)


ANY_ROOT = AnyRoot()


def coefficients(names: str) -> Callable[[Draws], Mapping[str, Fraction]]:
    """Exact coefficients of some names, none of them 0."""
    return lambda draws: {name: draws.fraction() for name in names.split()}


@law(
    "optimizers.momentum_of_nothing",
    objects="optimizers.momentum optimizers.nesterov optimizers.dampened "
    "optimizers.momentum_of_steps optimizers.nesterov_of_steps optimizers.sgd",
    evidence=Evidence.IDENTITY_TESTED,
    subject=(
        optimizers.momentum,
        optimizers.nesterov,
        optimizers.dampened,
        optimizers.momentum_of_steps,
        optimizers.nesterov_of_steps,
    ),
    mutants={
        "the buffer kept whole": (
            lambda system, coefficient, p, g, state: optimizers.momentum(
                system, {**coefficient, "keep": Fraction(1)}, p, g, state
            ),
        )
    },
    cases=lambda draws: repeat(40, lambda: draws.fractions(4)),
)
def momentum_of_nothing(rules: Sequence[Rule], case: Row) -> bool:
    """Where nothing of the buffer is kept, every momentum is plain descent."""
    p, g, buffer, rate = case
    coefficient = {"keep": Fraction(0), "take": Fraction(1), "rate": rate}
    plain, _ = optimizers.sgd(RATIONAL, coefficient, p, g, ())
    moved = [rule(RATIONAL, coefficient, p, g, (buffer,))[0] for rule in rules]
    return all(each == plain for each in moved)


@law(
    "optimizers.buffers_of_steps",
    objects="optimizers.momentum optimizers.momentum_of_steps optimizers.nesterov "
    "optimizers.nesterov_of_steps",
    evidence=Evidence.IDENTITY_TESTED,
    subject=(optimizers.momentum_of_steps, optimizers.nesterov_of_steps),
    mutants={
        "the wrong way about": (
            optimizers.nesterov_of_steps,
            optimizers.momentum_of_steps,
        )
    },
    cases=lambda draws: repeat(40, lambda: draws.fractions(5)),
)
def buffers_of_steps(rules: tuple[Rule, Rule], case: Row) -> bool:
    """At one rate, a buffer of steps is the rate times a buffer of gradients."""
    p, g, buffer, rate, keep = case
    coefficient = {"keep": keep, "rate": rate}
    for rule, other in zip(
        rules, (optimizers.momentum, optimizers.nesterov), strict=True
    ):
        moved, (after,) = rule(RATIONAL, coefficient, p, g, (rate * buffer,))
        expected, (kept,) = other(RATIONAL, coefficient, p, g, (buffer,))
        if (moved, after) != (expected, rate * kept):
            return False
    return True


NAMES = "keep1 take1 keep2 take2 epsilon rate unbias1 unbias2 keep_parameter decay"


@dataclass(frozen=True)
class Element:
    """Coefficients, a parameter, a gradient and a state."""

    coefficient: Mapping[str, Fraction]
    parameter: Fraction
    gradient: Fraction
    state: Row


def elements(draws: Draws) -> Iterator[Element]:
    """Some elements, with arbitrary coefficients."""
    drawn = coefficients(NAMES)
    return repeat(
        40,
        lambda: Element(
            drawn(draws), draws.fraction(), draws.fraction(), draws.fractions(2)
        ),
    )


def updated(record: Adam | AdamW, element: Element) -> tuple[Fraction, Row]:
    """One step over rationals with any root."""
    return record.update(
        ANY_ROOT,
        element.coefficient,
        element.parameter,
        element.gradient,
        element.state,
    )


@law(
    "optimizers.adamw_decouples",
    objects="optimizers.AdamW optimizers.Adam optimizers.adam",
    evidence=Evidence.IDENTITY_TESTED,
    subject=AdamW(weight_decay=DECAY),
    mutants={"coupled decay": Adam(weight_decay=DECAY)},
    cases=elements,
)
def adamw_decouples(record: AdamW, case: Element) -> bool:
    """AdamW is Adam from a shrunk parameter; its moments never see the decay."""
    shrunk = replace(
        case, parameter=case.parameter * case.coefficient["keep_parameter"]
    )
    return updated(record, case) == updated(Adam(), shrunk)


@law(
    "optimizers.adam_couples",
    objects="optimizers.Adam optimizers.adam",
    evidence=Evidence.IDENTITY_TESTED,
    subject=Adam(weight_decay=DECAY),
    mutants={"decoupled decay": AdamW(weight_decay=DECAY)},
    cases=elements,
)
def adam_couples(record: Adam, case: Element) -> bool:
    """Adam's weight decay adds `decay * p` to the gradient, and does nothing else."""
    pulled = case.gradient + case.coefficient["decay"] * case.parameter
    return updated(record, case) == updated(Adam(), replace(case, gradient=pulled))


@law(
    "optimizers.adamw_without_decay",
    objects="optimizers.AdamW optimizers.Adam",
    evidence=Evidence.SEARCHED,
    subject=AdamW(weight_decay=0),
    mutants={"some decay": AdamW(weight_decay="0.01")},
    cases=walks([Adam()], 20),
)
def adamw_without_decay(record: AdamW, case: Walk) -> bool:
    """AdamW with a decay of 0 is Adam, to the bit in binary32."""
    return binary_path(record, case) == binary_path(Adam(), case)


def binary_path(record: ElementOptimizer, walk: Walk) -> list[BinaryNumber]:
    """Parameter and state at the end of a walk, in binary32."""
    parameter = BINARY32.constant(walk.parameter)
    state = record.initial_state(BINARY32)
    for step, gradient in enumerate(walk.gradients, 1):
        coefficient = coefficients_at(record, BINARY32, step)
        given = BINARY32.constant(gradient)
        parameter, state = record.update(BINARY32, coefficient, parameter, given, state)
    return [parameter, *state]


@law(
    "optimizers.adam_corrects_bias",
    objects="optimizers.Adam optimizers.exact_coefficients exact.power",
    evidence=Evidence.IDENTITY_TESTED,
    subject=lambda record, step: exact_coefficients(record, step),
    mutants={
        "steps counted from 0": lambda record, step: exact_coefficients(
            record, step + 1
        ),
    },
    cases=lambda draws: repeat(
        30, lambda: (draws.share(), draws.fraction(), draws.integer(1, 12))
    ),
)
def adam_corrects_bias(
    coefficients: Callable[[Adam, int], Mapping[str, Fraction]],
    case: tuple[Fraction, Fraction, int],
) -> bool:
    """Of a constant gradient g, the corrected moments are g and g^2 at every step."""
    share, g, steps = case
    beta = Fraction(int(share * 100), 100)
    record = Adam(beta1=beta, beta2=beta)
    first = second = Fraction(0)
    for step in range(1, steps + 1):
        c = coefficients(record, step)
        _, (first, second) = record.update(ANY_ROOT, c, Fraction(1), g, (first, second))
        if (first * c["unbias1"], second * c["unbias2"]) != (g, g * g):
            return False
    return True


@law(
    "optimizers.adam_first_step",
    objects="optimizers.Adam optimizers.adam",
    evidence=Evidence.IDENTITY_TESTED,
    subject=lambda record, p, g: record.update(
        RATIONAL, exact_coefficients(record, 1), p, g, record.initial_state(RATIONAL)
    )[0],
    mutants={
        "no bias correction": lambda record, p, g: record.update(
            RATIONAL,
            {**exact_coefficients(record, 1), "unbias1": Fraction(1)},
            p,
            g,
            record.initial_state(RATIONAL),
        )[0],
    },
    cases=lambda draws: repeat(40, lambda: (draws.fraction(), draws.fraction())),
)
def adam_first_step(
    moved: Callable[[Adam, Fraction, Fraction], Fraction],
    case: tuple[Fraction, Fraction],
) -> bool:
    """Adam's first step is `rate * g / (|g| + epsilon)`, exactly."""
    p, g = case
    record = Adam(RATE, epsilon=EPSILON)
    step = exact(RATE) * g / (abs(g) + exact(EPSILON))
    return moved(record, p, g) == p - step


def mirrored(walk: Walk) -> Walk:
    """The walk through the origin's other side."""
    return replace(
        walk, parameter=-walk.parameter, gradients=tuple(-g for g in walk.gradients)
    )


def drifting(
    system: BoundedSystem,
    record: ElementOptimizer,
    step: int,
    parameter: Bounded,
    gradient: Bounded,
    state: tuple[Bounded, ...],
) -> Moved:
    """A step that moves a little more, whatever the gradient is."""
    moved, after = step_of(system, record, step, parameter, gradient, state)
    return moved - system.constant(Fraction(1, 100)), after


EVERY = (
    "optimizers.SGD optimizers.Adam optimizers.AdamW optimizers.RMSProp "
    "optimizers.AdaGrad optimizers.Adadelta optimizers.Optimizer"
)
"""The optimizers that the laws below speak of."""


@law(
    "optimizers.odd",
    objects=EVERY,
    evidence=Evidence.SEARCHED,
    subject=step_of,
    mutants={"a drift": drifting},
    cases=walks(RECORDS, 2),
)
def mirror_images(stepper: Stepper, case: Walk) -> bool:
    """A negated parameter and negated gradients lead to the negated parameter."""
    ends = [path(stepper, walk)[-1][0] for walk in (case, mirrored(case))]
    return agree(ends[0], -ends[1])


def undecayed() -> list[ElementOptimizer]:
    """The records that do not shrink parameters."""
    return [each for each in RECORDS if getattr(each, "weight_decay", 0) == 0]


@law(
    "optimizers.rest",
    objects=EVERY,
    evidence=Evidence.SEARCHED,
    subject=binary_path,
    mutants={
        "zeros read as ones": lambda record, walk: binary_path(
            record, replace(walk, gradients=(Fraction(1),))
        )
    },
    cases=walks(undecayed(), 2),
)
def rest(
    binary_path: Callable[[ElementOptimizer, Walk], Sequence[BinaryNumber]], case: Walk
) -> bool:
    """Without gradients and without decay nothing moves, to the bit in binary32."""
    still = replace(case, gradients=(Fraction(0),) * len(case.gradients))
    return binary_path(case.record, still)[0] == BINARY32.constant(case.parameter)


@law(
    "optimizers.no_rate",
    objects=EVERY,
    evidence=Evidence.SEARCHED,
    subject=lambda record: replace(record, learning_rate=0),
    mutants={"the rate stays": lambda record: record},
    cases=walks(RECORDS, 1),
)
def no_rate(slowed: Callable[[ElementOptimizer], ElementOptimizer], case: Walk) -> bool:
    """At a rate of 0 nothing moves, weight decay included, to the bit in binary32."""
    end = binary_path(slowed(case.record), case)[0]
    return end == BINARY32.constant(case.parameter)


def turned_back(rule: Update) -> Update:
    """An order of evaluation that moves the wrong way."""

    def wrong(
        system: NumberSystem[A],
        coefficient: Mapping[str, A],
        parameter: A,
        gradient: A,
        state: tuple[A, ...],
        /,
    ) -> tuple[A, tuple[A, ...]]:
        moved, after = rule(system, coefficient, parameter, gradient, state)
        return parameter + (parameter - moved), after

    return wrong


@law(
    "optimizers.alternatives",
    objects=f"{EVERY} optimizers.Alternative optimizers.alternative_coefficients_at "
    "optimizers.coefficients_at optimizers.adam_forms.adam_in_form "
    "optimizers.forms.average optimizers.forms.average_of_squares "
    "optimizers.forms.rated_quotient optimizers.forms.root_with_epsilon",
    evidence=Evidence.SEARCHED,
    subject=lambda record: record.alternatives(),
    mutants={
        "the wrong way": lambda record: [
            (name, turned_back(rule)) for name, rule in record.alternatives()
        ]
    },
    cases=walks(RECORDS, 4),
)
def orders_agree(
    alternatives: Callable[[ElementOptimizer], list[Alternative]], case: Walk
) -> bool:
    """Every order of evaluation that a judge accepts gives the same real numbers."""
    record, where = case.record, (case.record, DOUBLE, len(case.gradients))
    others = alternative_coefficients_at(*where)
    p, g = DOUBLE.constant(case.parameter), DOUBLE.constant(case.gradients[0])
    given = (abs(x) for x in (*case.gradients, Fraction(1, 3)))
    state = tuple(map(DOUBLE.constant, given))[: len(record.state_names)]
    moved, after = record.update(DOUBLE, coefficients_at(*where), p, g, state)
    for _, rule in alternatives(record):
        other, other_after = rule(DOUBLE, others, p, g, state)
        if not all_agree((moved, *after), (other, *other_after)):
            return False
    return True


@law(
    "optimizers.coefficients",
    objects=f"{EVERY} optimizers.exact_coefficients exact.ExactArithmetic exact.EXACT",
    evidence=Evidence.SEARCHED,
    subject=exact_coefficients,
    mutants={
        "step 0 taken": lambda record, step: exact_coefficients(record, max(step, 1)),
        "unsorted": lambda record, step: dict(
            sorted(exact_coefficients(record, step).items(), reverse=True)
        ),
    },
    cases=lambda draws: ((each, draws.integer(1, 1000)) for each in RECORDS),
)
def the_coefficients(
    coefficients: Callable[[ElementOptimizer, int], Mapping[str, Fraction]],
    case: tuple[ElementOptimizer, int],
) -> bool:
    """Coefficients come in the order of their names, and complement each other."""
    record, step = case
    found = coefficients(record, step)
    complements = all(
        found[f"keep{i}"] + found[f"take{i}"] == 1
        for i in ("1", "2")
        if f"keep{i}" in found
    )
    unbiased = all(
        found[f"unbias{i}"] * (1 - power(found[f"keep{i}"], step)) == 1
        for i in ("1", "2")
        if f"unbias{i}" in found
    )
    named = tuple(found) == record.coefficient_names
    refused = refuses(Reason.DOMAIN, lambda: coefficients(record, 0))
    return named and complements and unbiased and refused


@law(
    "optimizers.variants",
    objects=EVERY,
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda record: record.variant,
    mutants={"the name alone": lambda record: record.name},
    cases=lambda draws: itertools.product(RECORDS, RECORDS),
)
def the_variants(
    variant: Callable[[ElementOptimizer], str],
    case: tuple[ElementOptimizer, ElementOptimizer],
) -> bool:
    """Records of one variant keep the same numbers and take the same coefficients."""
    first, second = case
    if variant(first) != variant(second):
        return True
    return (first.state_names, first.coefficient_names) == (
        second.state_names,
        second.coefficient_names,
    )


BAD: tuple[tuple[type, Mapping[str, object]], ...] = (
    (SGD, {"learning_rate": "-0.1"}),
    (SGD, {"learning_rate": 1, "momentum": 1}),
    (Adam, {"beta1": 1}),
    (Adam, {"beta2": "-0.1"}),
    (Adam, {"epsilon": "-1e-8"}),
    (AdamW, {"weight_decay": -1}),
    (RMSProp, {"decay": "1.5"}),
    (AdaGrad, {"initial_accumulator": -1}),
    (Adadelta, {"epsilon": 0}),
    (Adam, {"learning_rate": float("nan")}),
)
"""Classes, and hyperparameters out of range."""

Made = Callable[[type, Mapping[str, object]], object]


@law(
    "optimizers.ranges",
    objects=f"{EVERY} exact.within exact.exact exact.decimal",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda record, fields: record(**fields),
    mutants={"ranges unchecked": lambda record, fields: object.__new__(record)},
    cases=lambda draws: BAD,
)
def the_ranges(make: Made, case: tuple[type, Mapping[str, object]]) -> bool:
    """A hyperparameter outside its stated range is refused."""
    return refuses(Reason.HYPERPARAMETER, lambda: make(*case))
