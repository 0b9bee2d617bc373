"""Laws of optimizers: each one is its equation, whatever its options.

The equations stand here once more, over decimals of 60 digits, in the words of the
papers. A record is run for a few steps over bounded numbers, and must hold what
its equation gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law
from torchlean_proofs.laws.operations_applied import DOUBLE, agree
from torchlean_spec.exact import exact
from torchlean_spec.numbers import Bounded, BoundedSystem
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    ElementOptimizer,
    RMSProp,
    coefficients_at,
)
from torchlean_spec.optimizers.common import AdamEpsilonPlace, BufferOf, EpsilonPlace

PRECISION = 60
STEPS = 3
"""How many steps a record is run for."""

State = dict[str, Decimal]
Equation = Callable[[ElementOptimizer, int, Decimal, Decimal, State], Decimal]
"""From step, parameter and gradient to the parameter; changes the state."""


def number(record: ElementOptimizer, field: str) -> Decimal:
    """A hyperparameter of a record."""
    value = exact(getattr(record, field))
    return Decimal(value.numerator) / Decimal(value.denominator)


def sgd(
    record: ElementOptimizer, t: int, p: Decimal, g: Decimal, state: State
) -> Decimal:
    """Gradient descent, with everything that the record may ask for."""
    rate, mu = number(record, "learning_rate"), number(record, "momentum")
    assert isinstance(record, SGD)
    g = g + number(record, "weight_decay") * p
    if mu == 0:
        return p - rate * g
    undampened = t == 1 and record.first_buffer == "gradient"
    take = Decimal(1) if undampened else 1 - number(record, "dampening")
    pushed = rate * g if record.buffer_of == "steps" else take * g
    buffer = state["buffer"] = mu * state["buffer"] + pushed
    ahead = pushed + mu * buffer if record.nesterov else buffer
    return p - (ahead if record.buffer_of == "steps" else rate * ahead)


def adam(
    record: ElementOptimizer, t: int, p: Decimal, g: Decimal, state: State
) -> Decimal:
    """Adam, AMSGrad and AdamW."""
    assert isinstance(record, Adam | AdamW)
    rate, epsilon = number(record, "learning_rate"), number(record, "epsilon")
    beta1, beta2 = number(record, "beta1"), number(record, "beta2")
    decay = number(record, "weight_decay")
    if isinstance(record, AdamW):
        p = p - rate * decay * p
    else:
        g = g + decay * p
    m = state["first"] = beta1 * state["first"] + (1 - beta1) * g
    v = state["second"] = beta2 * state["second"] + (1 - beta2) * g**2
    c1, c2 = 1 - beta1**t, 1 - beta2**t
    unbiased = v / c2
    if record.amsgrad:
        compared = unbiased if record.maximum_of == "unbiased-second" else v
        v = state["largest"] = max(state["largest"], compared)
        unbiased = v if record.maximum_of == "unbiased-second" else v / c2
    if record.epsilon_place == "uncorrected":
        return p - rate * c2.sqrt() / c1 * m / (v.sqrt() + epsilon)
    if record.epsilon_place == "inside-root":
        return p - rate * (m / c1) / (unbiased + epsilon).sqrt()
    return p - rate * (m / c1) / (unbiased.sqrt() + epsilon)


def rmsprop(
    record: ElementOptimizer, t: int, p: Decimal, g: Decimal, state: State
) -> Decimal:
    """RMSProp, centred and with momentum where the record says so."""
    assert isinstance(record, RMSProp)
    rate, epsilon = number(record, "learning_rate"), number(record, "epsilon")
    keep, mu = number(record, "decay"), number(record, "momentum")
    v = state["second"] = keep * state["second"] + (1 - keep) * g**2
    if record.centered:
        a = state["mean"] = keep * state["mean"] + (1 - keep) * g
        v = v - a**2
    inside = record.epsilon_place == "inside-root"
    divisor = (v + epsilon).sqrt() if inside else v.sqrt() + epsilon
    if mu == 0:
        return p - rate * g / divisor
    pushed = rate * g / divisor if record.buffer_of == "steps" else g / divisor
    buffer = state["buffer"] = mu * state["buffer"] + pushed
    return p - (buffer if record.buffer_of == "steps" else rate * buffer)


def adagrad(
    record: ElementOptimizer, t: int, p: Decimal, g: Decimal, state: State
) -> Decimal:
    """AdaGrad, its rate decaying."""
    assert isinstance(record, AdaGrad)
    rate, epsilon = number(record, "learning_rate"), number(record, "epsilon")
    rate = rate / (1 + (t - 1) * number(record, "learning_rate_decay"))
    s = state["total"] = state["total"] + g**2
    inside = record.epsilon_place == "inside-root"
    return p - rate * g / ((s + epsilon).sqrt() if inside else s.sqrt() + epsilon)


def adadelta(
    record: ElementOptimizer, t: int, p: Decimal, g: Decimal, state: State
) -> Decimal:
    """Adadelta."""
    assert isinstance(record, Adadelta)
    rate, epsilon = number(record, "learning_rate"), number(record, "epsilon")
    keep = number(record, "decay")
    v = state["second"] = keep * state["second"] + (1 - keep) * g**2
    move = (state["change"] + epsilon).sqrt() / (v + epsilon).sqrt() * g
    gathered = rate * move if record.change_of == "steps" else move
    state["change"] = keep * state["change"] + (1 - keep) * gathered**2
    return p - rate * move


@dataclass(frozen=True)
class Kind:
    """An optimizer's records, one for each set of options, and its equation."""

    name: str
    """Of the record's class."""
    equation: Equation
    records: tuple[ElementOptimizer, ...]


RATE, EPSILON, DECAY = "0.125", "0.001", "0.25"
PLACES: tuple[EpsilonPlace, ...] = ("outside-root", "inside-root")
ADAM_PLACES: tuple[AdamEpsilonPlace, ...] = (*PLACES, "uncorrected")
BUFFERS: tuple[tuple[int | str, BufferOf], ...] = (
    (0, "gradients"),
    ("0.9", "gradients"),
    ("0.9", "steps"),
)
GATHERED: tuple[BufferOf, ...] = ("gradients", "steps")
KINDS = (
    Kind(
        "SGD",
        sgd,
        (
            SGD(RATE),
            SGD(RATE, weight_decay=DECAY),
            SGD(RATE, momentum="0.9"),
            SGD(RATE, momentum="0.9", weight_decay=DECAY),
            SGD(RATE, momentum="0.9", dampening="0.1"),
            SGD(RATE, momentum="0.9", dampening="0.1", first_buffer="gradient"),
            SGD(RATE, momentum="0.9", nesterov=True),
            SGD(RATE, momentum="0.9", buffer_of="steps"),
            SGD(RATE, momentum="0.9", nesterov=True, buffer_of="steps"),
        ),
    ),
    Kind(
        "Adam",
        adam,
        tuple(
            Adam(RATE, epsilon=EPSILON, weight_decay=decay, epsilon_place=place)
            for decay in (0, DECAY)
            for place in ADAM_PLACES
        ),
    ),
    Kind(
        "Adam.amsgrad",
        adam,
        (
            Adam(RATE, epsilon=EPSILON, amsgrad=True),
            Adam(RATE, epsilon=EPSILON, amsgrad=True, epsilon_place="inside-root"),
            Adam(RATE, epsilon=EPSILON, amsgrad=True, epsilon_place="uncorrected"),
            Adam(RATE, epsilon=EPSILON, amsgrad=True, maximum_of="unbiased-second"),
            AdamW(RATE, epsilon=EPSILON, amsgrad=True, weight_decay=DECAY),
        ),
    ),
    Kind(
        "AdamW",
        adam,
        tuple(
            AdamW(RATE, epsilon=EPSILON, weight_decay=decay, epsilon_place=place)
            for decay in (0, DECAY)
            for place in ADAM_PLACES
        ),
    ),
    Kind(
        "RMSProp",
        rmsprop,
        tuple(
            RMSProp(
                RATE,
                epsilon=EPSILON,
                momentum=mu,
                centered=centered,
                epsilon_place=place,
                buffer_of=buffer,
            )
            for mu, buffer in BUFFERS
            for centered in (False, True)
            for place in PLACES
        ),
    ),
    Kind(
        "AdaGrad",
        adagrad,
        tuple(
            AdaGrad(RATE, start, EPSILON, decay, place)
            for start in (0, "0.1")
            for decay in (0, DECAY)
            for place in PLACES
        ),
    ),
    Kind(
        "Adadelta",
        adadelta,
        tuple(
            Adadelta(RATE, epsilon=EPSILON, change_of=gathered) for gathered in GATHERED
        ),
    ),
)
"""Every optimizer, under every option that changes its equation."""

RECORDS = tuple(record for kind in KINDS for record in kind.records)


@dataclass(frozen=True)
class Walk:
    """A record, where it starts, and the gradients that it meets."""

    record: ElementOptimizer
    parameter: Fraction
    gradients: tuple[Fraction, ...]

    def __repr__(self) -> str:
        gradients = ", ".join(map(str, self.gradients))
        return f"{self.record!r} from {self.parameter} along {gradients}"


def walks(
    records: Sequence[ElementOptimizer], count: int = 4
) -> Callable[[Draws], Iterator[Walk]]:
    """Some walks of each record."""
    return lambda draws: (
        Walk(record, draws.fraction(), draws.fractions(STEPS))
        for record in records
        for _ in range(count)
    )


Moved = tuple[Bounded, tuple[Bounded, ...]]
Stepper = Callable[
    [BoundedSystem, ElementOptimizer, int, Bounded, Bounded, tuple[Bounded, ...]], Moved
]


def step_of(
    system: BoundedSystem,
    record: ElementOptimizer,
    step: int,
    parameter: Bounded,
    gradient: Bounded,
    state: tuple[Bounded, ...],
) -> Moved:
    """One step of a record, as training takes it."""
    coefficient = coefficients_at(record, system, step)
    return record.update(system, coefficient, parameter, gradient, state)


def path(stepper: Stepper, walk: Walk) -> list[tuple[Bounded, ...]]:
    """Parameter and state after each step of a walk, over bounded numbers."""
    parameter = DOUBLE.constant(walk.parameter)
    state = walk.record.initial_state(DOUBLE)
    found: list[tuple[Bounded, ...]] = []
    for step, gradient in enumerate(walk.gradients, 1):
        given = DOUBLE.constant(gradient)
        parameter, state = stepper(DOUBLE, walk.record, step, parameter, given, state)
        found.append((parameter, *state))
    return found


def defined_path(equation: Equation, walk: Walk) -> list[tuple[Decimal, ...]]:
    """Parameter and state after each step of a walk, by the equation."""
    record = walk.record
    start = getattr(record, "initial_accumulator", 0)
    state = dict.fromkeys(record.state_names, Decimal(str(start)))
    found = []
    with localcontext(Context(prec=PRECISION)):
        p = _decimal(walk.parameter)
        for step, gradient in enumerate(walk.gradients, 1):
            p = equation(record, step, p, _decimal(gradient), state)
            found.append((p, *(state[name] for name in record.state_names)))
    return found


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def late(
    system: BoundedSystem,
    record: ElementOptimizer,
    step: int,
    parameter: Bounded,
    gradient: Bounded,
    state: tuple[Bounded, ...],
) -> Moved:
    """A step that takes itself for the next one."""
    return step_of(system, record, step + 1, parameter, gradient, state)


def faster(
    system: BoundedSystem,
    record: ElementOptimizer,
    step: int,
    parameter: Bounded,
    gradient: Bounded,
    state: tuple[Bounded, ...],
) -> Moved:
    """A step at a rate that is 1/64 too large."""
    rate = exact(record.learning_rate) * Fraction(65, 64)
    coefficient = coefficients_at(record, system, step, rate)
    return record.update(system, coefficient, parameter, gradient, state)


def forgetful(
    system: BoundedSystem,
    record: ElementOptimizer,
    step: int,
    parameter: Bounded,
    gradient: Bounded,
    state: tuple[Bounded, ...],
) -> Moved:
    """A step that leaves the state as it was."""
    moved, _ = step_of(system, record, step, parameter, gradient, state)
    return moved, state


def equation_law(kind: Kind) -> Law:
    """The law that an optimizer is its equation."""
    base = kind.name.split(".")[0]
    mutants: dict[str, Stepper] = {"a rate that is 1/64 too large": faster}
    if kind.equation is not sgd:
        mutants["the state stays as it was"] = forgetful
    if kind.equation is adam:
        mutants["steps counted from 2"] = late

    @law(
        f"optimizers.{kind.name}.equation",
        objects=f"optimizers.{base}",
        evidence=Evidence.SEARCHED,
        subject=step_of,
        mutants=mutants,
        cases=walks(kind.records),
    )
    def is_its_equation(stepper: Stepper, walk: Walk) -> bool:
        expected = defined_path(kind.equation, walk)
        return all(
            agree(found, DOUBLE.constant(Fraction(value)))
            for row, wanted in zip(path(stepper, walk), expected, strict=True)
            for found, value in zip(row, wanted, strict=True)
        )

    sentence = f"{STEPS} steps of `{kind.name}` are what its equation gives."
    return replace(is_its_equation, sentence=sentence)


EQUATIONS = tuple(map(equation_law, KINDS))
"""One law for each optimizer."""
