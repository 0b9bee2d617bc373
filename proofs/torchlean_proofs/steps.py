"""Judge one recorded step, phase by phase, each from its own recorded inputs.

Because each phase starts from what the run itself recorded, errors never pile up
from one phase to the next, and a wrong number is blamed on the phase that made it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torchlean_proofs.judge import (
    Comparison,
    Disagreement,
    Phase,
    compare,
    compare_bits,
    index_in,
)
from torchlean_proofs.report import StepReport
from torchlean_spec import training
from torchlean_spec.certificate import RecordedStep
from torchlean_spec.numbers import Bounded, BoundedSystem
from torchlean_spec.optimizers import (
    ElementOptimizer,
    TensorOptimizer,
    Update,
    alternative_coefficients_at,
    coefficients_at,
)
from torchlean_spec.shape import Scalar, Shape
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import Batch, State, Tensors, TrainingRun

Columns = list[tuple[Bounded, ...]]
"""The allowed sets of the parameter, and of each number that the optimizer keeps."""


@dataclass(slots=True)
class Findings:
    """What was found of one step so far."""

    step: int
    worst: float
    disagreements: list[Disagreement]

    def enter(
        self,
        phase: Phase,
        tensor: str,
        found: Comparison,
        got: Tensor[float, Shape],
        centre: float,
    ) -> None:
        """Keep one tensor's comparison, and its disagreement if there is one."""
        self.worst = max(self.worst, found.worst)
        if found.rejected:
            self.disagreements.append(
                Disagreement(
                    self.step,
                    phase,
                    tensor,
                    index_in(got.shape, found.worst_at),
                    got.values[found.worst_at],
                    centre,
                    found.worst,
                    found.rejected,
                )
            )

    def bounded(
        self,
        phase: Phase,
        tensor: str,
        allowed: Sequence[Bounded],
        got: Tensor[float, Shape],
    ) -> None:
        """Compare a tensor with its allowed sets."""
        found = compare(allowed, got.values)
        centre = float(allowed[found.worst_at].centre) if found.count else 0.0
        self.enter(phase, tensor, found, got, centre)

    def equal(
        self,
        phase: Phase,
        tensor: str,
        number_format: str,
        expected: Sequence[float],
        got: Tensor[float, Shape],
    ) -> None:
        """Compare a tensor with numbers that it must equal to the bit."""
        found = compare_bits(number_format, expected, got.values)
        centre = expected[found.worst_at] if found.count else 0.0
        self.enter(phase, tensor, found, got, centre)


def judge_step(
    system: BoundedSystem,
    training_run: TrainingRun,
    batch: Batch[Bounded],
    before: State[float] | None,
    step: RecordedStep,
) -> StepReport:
    """Judge one step.

    Args:
        system: The bounded numbers of the run's format.
        training_run: The run.
        batch: The samples of the step, derived anew.
        before: The state before the step, where it is known from elsewhere.
        step: What the run recorded.
    """
    findings = Findings(step.number, 0.0, [])
    if before is not None:
        judge_state(findings, training_run.number_format, before, step.before)
    judge_backward(findings, system, training_run, batch, step)
    judge_clip(findings, system, training_run, step)
    allowances, orders = judge_optimizer(findings, system, training_run, step)
    return StepReport(
        step.number,
        findings.worst,
        tuple(findings.disagreements),
        tuple(allowances),
        orders,
    )


def judge_state(
    findings: Findings, number_format: str, known: State[float], got: State[float]
) -> None:
    """Hold the state before a step to a known one, to the bit."""
    for name, tensor, expected in _entries(known, got):
        values = expected.values
        findings.equal(Phase.DATA, f"before.{name}", number_format, values, tensor)


def _entries(
    known: State[float], got: State[float]
) -> Iterator[tuple[str, Tensor[float, Shape], Tensor[float, Shape]]]:
    for name, tensor in got.parameters.items():
        yield f"parameter.{name}", tensor, known.parameters[name]
    for slot, tensors in got.slots.items():
        for name, tensor in tensors.items():
            yield f"{slot}.{name}", tensor, known.slots[slot][name]


def judge_backward(
    findings: Findings,
    system: BoundedSystem,
    training_run: TrainingRun,
    batch: Batch[Bounded],
    step: RecordedStep,
) -> None:
    """Hold loss and gradients to the spec, from the recorded parameters."""
    parameters = _exactly(system, step.before.parameters)
    loss, gradients = training.backward(
        system, training_run, parameters, batch, step.number
    )
    got: Tensor[float, Shape] = Tensor(Scalar(), (step.loss,))
    findings.bounded(Phase.BACKWARD, "loss", [loss], got)
    for name, gradient in step.gradients.items():
        allowed = gradients[name].values
        findings.bounded(Phase.BACKWARD, f"gradient.{name}", allowed, gradient)


def judge_clip(
    findings: Findings,
    system: BoundedSystem,
    training_run: TrainingRun,
    step: RecordedStep,
) -> None:
    """Hold the clipped gradients to the spec, from the recorded gradients.

    A run that does not clip must leave the gradients as they are, to the bit. The
    orders of evaluation of a clipping are tried one by one, each over all tensors.
    """
    clipping = training_run.clipping
    if clipping is None:
        for name, clipped in step.clipped.items():
            expected = step.gradients[name].values
            number_format = training_run.number_format
            findings.equal(
                Phase.CLIP, f"clipped.{name}", number_format, expected, clipped
            )
        return
    gradients = list(_exactly(system, step.gradients).values())
    got = list(step.clipped.values())
    orders = [clipping.clip, *(clip for _, clip in clipping.alternatives())]
    best: tuple[Key, list[Tensor[Bounded, Shape]]] | None = None
    for clip in orders:
        allowed = list(clip(system, gradients))
        pairs = zip(allowed, got, strict=True)
        found = [compare(each.values, tensor.values) for each, tensor in pairs]
        key = _key(found)
        best = min(best, (key, allowed), key=_first) if best else (key, allowed)
        if not key[0]:
            break
    if best is None:
        return
    for (name, clipped), sets in zip(step.clipped.items(), best[1], strict=True):
        findings.bounded(Phase.CLIP, f"clipped.{name}", sets.values, clipped)


Key = tuple[int, float]
"""How many elements an order of evaluation rejects, and the worst excess."""


def _key(found: Sequence[Comparison]) -> Key:
    rejected = sum(each.rejected for each in found)
    return rejected, max((each.worst for each in found), default=0.0)


def _first(pair: tuple[Key, object]) -> Key:
    return pair[0]


def judge_optimizer(
    findings: Findings,
    system: BoundedSystem,
    training_run: TrainingRun,
    step: RecordedStep,
) -> tuple[list[float], dict[str, str]]:
    """Hold parameters and state after the step to the spec.

    The orders of evaluation that the optimizer admits are tried one by one; one of
    them must explain a parameter and its state in all elements. Which one may
    differ from parameter to parameter.

    Returns:
        Each moved parameter's allowance in units of its update's size, and the
        order of evaluation that each parameter agrees with.
    """
    allowances: list[float] = []
    chosen: dict[str, str] = {}
    for part in training_run.parts:
        rule = part.optimizer
        where = (system, step.number, training_run.learning_rate(step.number, rule))
        for name in part.names:
            element = Elements.of(system, step, rule.state_names, name)
            if isinstance(rule, TensorOptimizer):
                order, columns = "spec", tensor_columns(rule, *where, step, name)
            else:
                orders = orders_of(rule, *where)
                order, columns = _agreeing(system, orders, element)
            names = ("parameter", *rule.state_names)
            for slot, sets, got in zip(names, columns, element.after, strict=True):
                findings.bounded(Phase.OPTIMIZER, f"{slot}.{name}", sets, got)
            allowances += _relative_allowances(columns[0], element.before[0])
            chosen[name] = order
    return allowances, {name: chosen[name] for name in step.before.parameters}


def tensor_columns(
    optimizer: TensorOptimizer,
    system: BoundedSystem,
    number: int,
    rate: Fraction,
    step: RecordedStep,
    name: str,
) -> Columns:
    """The allowed sets of one parameter and of its state, by a rule for tensors.

    The state is judged from the recorded state before the step, and the parameter
    from the recorded state after it, so that the state's roundings do not pile up
    in the parameter's allowance.
    """
    enter = system.from_float
    coefficients = coefficients_at(optimizer, system, number, rate)
    gradient = step.clipped[name].map(enter)
    slots = optimizer.state_names
    before = tuple(step.before.slots[slot][name].map(enter) for slot in slots)
    after = tuple(step.after.slots[slot][name].map(enter) for slot in slots)
    kept = optimizer.next_state(system, coefficients, number, gradient, before, after)
    parameter = step.before.parameters[name].map(enter)
    moved = optimizer.next_parameter(system, coefficients, parameter, gradient, after)
    return [moved.values, *(each.values for each in kept)]


def orders_of(
    optimizer: ElementOptimizer, system: BoundedSystem, step: int, rate: Fraction
) -> list[Order]:
    """Every order of evaluation that an optimizer admits; the spec's comes first."""
    where = (optimizer, system, step, rate)
    others = alternative_coefficients_at(*where)
    canonical = Order("spec", optimizer.update, coefficients_at(*where))
    rest = [Order(name, rule, others) for name, rule in optimizer.alternatives()]
    return [canonical, *rest]


@dataclass(frozen=True, slots=True)
class Order:
    """One order of evaluation of an optimizer, with the coefficients it takes."""

    name: str
    rule: Update
    coefficients: Mapping[str, Bounded]


@dataclass(frozen=True, slots=True)
class Elements:
    """One parameter's elements before and after an update."""

    before: tuple[tuple[Bounded, ...], ...]
    """The parameter, and each number that the optimizer keeps."""
    gradient: tuple[Bounded, ...]
    after: tuple[Tensor[float, Shape], ...]

    @staticmethod
    def of(
        system: BoundedSystem, step: RecordedStep, slots: Sequence[str], name: str
    ) -> Elements:
        """The elements that a step recorded of one parameter."""
        before = [step.before.parameters[name]]
        before += [step.before.slots[slot][name] for slot in slots]
        after = [step.after.parameters[name]]
        after += [step.after.slots[slot][name] for slot in slots]
        enter = system.from_float
        return Elements(
            tuple(tuple(map(enter, tensor.values)) for tensor in before),
            tuple(map(enter, step.clipped[name].values)),
            tuple(after),
        )


def _agreeing(
    system: BoundedSystem, orders: Sequence[Order], elements: Elements
) -> tuple[str, Columns]:
    """The first order that explains all elements, else the nearest one."""
    for order in orders:
        columns = _columns(system, order, elements, patient=False)
        if columns is not None:
            return order.name, columns
    tried = [(o.name, _columns(system, o, elements, patient=True)) for o in orders]
    whole = [(name, columns) for name, columns in tried if columns is not None]

    def key(pair: tuple[str, Columns]) -> Key:
        got = zip(pair[1], elements.after, strict=True)
        return _key([compare(sets, tensor.values) for sets, tensor in got])

    return min(whole, key=key)


def _columns(
    system: BoundedSystem, order: Order, elements: Elements, patient: bool
) -> Columns | None:
    """The allowed sets of one order; nothing at the first rejection unless patient."""
    rule, coefficients = order.rule, order.coefficients
    rows: list[tuple[Bounded, ...]] = []
    after = zip(*(tensor.values for tensor in elements.after), strict=True)
    states = zip(*elements.before[1:], strict=True)
    kept = states if len(elements.before) > 1 else ((),) * len(elements.gradient)
    given = zip(elements.before[0], elements.gradient, kept, after, strict=True)
    for parameter, gradient, state, got in given:
        updated, state_after = rule(system, coefficients, parameter, gradient, state)
        row = (updated, *state_after)
        if not patient:
            for allowed, value in zip(row, got, strict=True):
                if allowed.excess(value) > 1.0:
                    return None
        rows.append(row)
    if not rows:
        return [()] * len(elements.after)
    return list(zip(*rows, strict=True))


def _relative_allowances(
    allowed: Sequence[Bounded], before: Sequence[Bounded]
) -> list[float]:
    """Radius over size of the update, of each parameter that moves."""
    found: list[float] = []
    for after, start in zip(allowed, before, strict=True):
        size = abs(float(after.centre) - float(start.centre))
        if 0.0 < size < math.inf:
            found.append(float(after.radius) / size)
    return found


def _exactly(system: BoundedSystem, tensors: Tensors[float]) -> Tensors[Bounded]:
    """Recorded numbers as bounded ones without any allowance."""
    return {name: tensor.map(system.from_float) for name, tensor in tensors.items()}
