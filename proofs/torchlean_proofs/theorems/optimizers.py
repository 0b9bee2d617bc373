"""Optimizers: kernels say what the spec says, and so do other orders of evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from torchlean.backend import STEP, TABLE_START, Kernel, Mode, kernel_named
from torchlean_proofs.evidence.evaluation import values
from torchlean_proofs.evidence.hyperparameters import ranges, symbolic_coefficients
from torchlean_proofs.evidence.kernels import PLACE, trace
from torchlean_proofs.evidence.rebinding import called, with_globals_throughout
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.syntax import Function
from torchlean_proofs.evidence.term import (
    Term,
    equal,
    integer,
    less,
    less_equal,
    number,
    real,
    substituted,
    variables,
)
from torchlean_proofs.evidence.theorem import Covered, Obligation, Theorem
from torchlean_spec.numbers import FLOAT
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    ElementOptimizer,
    RMSProp,
)
from torchlean_spec.optimizers.common import EpsilonPlace

SQUARES = ("second", "total", "change", "largest")
"""State that is a mean or a sum of squares, and so at least 0."""


def records() -> Iterator[ElementOptimizer]:
    """One record for each equation that there is."""
    for decay in (0, "0.5"):
        yield SGD("0.1", weight_decay=decay)
        yield SGD("0.1", momentum="0.5", weight_decay=decay)
        yield SGD("0.1", momentum="0.5", nesterov=True, weight_decay=decay)
        yield SGD("0.1", momentum="0.5", dampening="0.5", weight_decay=decay)
        for ahead in (False, True):
            yield SGD("0.1", momentum="0.5", nesterov=ahead, buffer_of="steps")
    places = ("outside-root", "inside-root", "uncorrected")
    for place, largest in product(places, (None, "second", "unbiased-second")):
        if (place, largest) == ("uncorrected", "unbiased-second"):
            continue
        choices: dict[str, Any] = {
            "epsilon_place": place,
            "amsgrad": largest is not None,
        }
        if largest is not None:
            choices["maximum_of"] = largest
        yield Adam(**choices)
        yield Adam(weight_decay="0.5", **choices)
        yield AdamW(**choices)
    inner: tuple[EpsilonPlace, ...] = ("outside-root", "inside-root")
    for under in inner:
        yield AdaGrad("0.1", epsilon_place=under)
        for centered in (False, True):
            for kept in ("0", "0.5"):
                record = RMSProp("0.1", centered=centered, momentum=kept)
                yield replace(record, epsilon_place=under)
    yield Adadelta("0.1")


def element(optimizer: ElementOptimizer) -> tuple[Term, Term, tuple[Term, ...]]:
    """An element's parameter, gradient and state."""
    names = optimizer.state_names
    return real("p"), real("g"), tuple(real(name) for name in names)


def known_of_state(optimizer: ElementOptimizer) -> tuple[Term, ...]:
    """What every reachable state satisfies."""
    squares = [name for name in optimizer.state_names if name in SQUARES]
    return tuple(less_equal(number(0), real(name)) for name in squares)


def rules_of(optimizer: ElementOptimizer) -> dict[str, Function]:
    """The functions that say what a record's step is."""
    return dict(called(type(optimizer).update, "torchlean_spec.optimizers"))


def objects_of(covered: Covered) -> tuple[str, ...]:
    """The dotted names of functions of the spec."""
    return tuple(
        f"spec.{each.__module__.partition('.')[2]}.{each.__name__}"
        for each in covered.values()
    )


def spec_step(
    optimizer: ElementOptimizer, coefficient: Mapping[str, Term], covers: Covered
) -> dict[str, Term]:
    """What the spec makes of an element: its parameter and state."""
    rule = with_globals_throughout(type(optimizer).update, **covers)
    after, state = rule(optimizer, SYMBOLS, coefficient, *element(optimizer))
    return {"p": after, **dict(zip(optimizer.state_names, state, strict=True))}


STAY = {
    "keep": less_equal,
    "take": less_equal,
    "unbias": less,
    "epsilon": less,
}
"""Which coefficients are at least 0, and which above it, by how their names begin."""


def known_of_coefficients(names: tuple[str, ...]) -> tuple[Term, ...]:
    """What the coefficients of every step satisfy."""
    return tuple(
        STAY[begin](number(0), real(name))
        for name in names
        for begin in STAY
        if name.startswith(begin)
    )


@dataclass(frozen=True, slots=True)
class KernelStep:
    """What a kernel makes of an element."""

    after: Mapping[str, Term]
    """The parameter `p` and the state after the step."""
    places: tuple[Obligation, ...]
    """That the loop ends at the size, and that columns are read in the step's row."""


def kernel_step(kernel: Kernel, body: Function, names: tuple[str, ...]) -> KernelStep:
    """Run a kernel's body over an element, the table's columns by their names."""
    arguments = kernel.arguments
    traced = trace(
        body,
        buffers=tuple(
            a.name for a in arguments if a.is_buffer and not a.holds_integers
        ),
        integers=tuple(a.name for a in arguments if not a.is_buffer),
        integer_buffers=tuple(a.name for a in arguments if a.holds_integers),
    )
    row = integer(f"control[{STEP}]") - integer(f"control[{TABLE_START}]")
    end = equal(traced.bound, integer("size"))
    found = [Obligation("the loop's end", end, is_of_form=True)]
    put: dict[Term, Term] = {}
    used = {str(each.number) for each in variables(*traced.written.values())}
    for name, place in traced.places.items():
        if name not in used:
            continue
        buffer = name.partition("[")[0]
        if buffer == "coefficients":
            column = _column(place, len(names))
            goal = equal(place, row * len(names) + column)
            found.append(Obligation(f"column {column}", goal, is_of_form=True))
            put[real(name)] = real(names[column])
        else:
            goal = equal(place, PLACE)
            found.append(Obligation(f"{buffer} at its place", goal, is_of_form=True))
            put[real(name)] = real(LETTERS.get(buffer, buffer))
    after = {
        LETTERS.get(name, name): substituted(each, put)
        for name, each in traced.written.items()
    }
    return KernelStep(after, tuple(found))


LETTERS = {"parameter": "p", "gradient": "g"}
"""What the elements of two buffers are called."""


def _column(place: Term, width: int) -> int:
    """The column that a place is in, in the first row of the table.

    Raises:
        LookupError: If the place is in another row.
    """
    integers = {str(each.number): 0 for each in variables(place)}
    (found,) = values([place], FLOAT, integers)
    if not 0 <= found < width:
        raise LookupError(f"expected a column from 0 to {width - 1}, got {found}")
    return int(found)


def kernel_says_the_spec(optimizer: ElementOptimizer) -> Theorem:
    """The theorem that an optimizer's kernel computes what the spec does."""
    kernel = kernel_named(optimizer.variant, Mode.STRICT)
    names = optimizer.coefficient_names
    coefficient = {name: real(name) for name in names}

    def obligations(covers: Covered) -> list[Obligation]:
        functions = {name: each for name, each in covers.items() if name != "kernel"}
        wanted = spec_step(optimizer, coefficient, functions)
        found = kernel_step(kernel, covers["kernel"], names)
        known = (*known_of_state(optimizer), *known_of_coefficients(names))
        return [
            *found.places,
            *(
                Obligation(
                    f"{name} after the step", equal(found.after[name], each), known
                )
                for name, each in wanted.items()
            ),
        ]

    return Theorem(
        f"optimizers.{optimizer.variant}.kernel",
        f"For every element of every size, one step of the kernel {optimizer.variant} "
        "is the spec's step.",
        {"kernel": kernel.body, **rules_of(optimizer)},
        (f"runtime.cpu.{optimizer.variant}", *objects_of(rules_of(optimizer))),
        obligations,
        ("reals", "buffers do not overlap"),
        equivalent=SAME_OVER_THE_REALS,
    )


def orders_agree(optimizer: ElementOptimizer) -> Theorem:
    """The theorem that other orders of evaluation are the same over the reals."""
    coefficient = symbolic_coefficients(optimizer, alternatives=True)
    rules = optimizer.alternatives()
    covered: dict[str, Function] = {}
    for name, rule in rules:
        covered |= called(rule, "torchlean_spec.optimizers")
        if not covered:
            covered[name] = rule

    def obligations(covers: Covered) -> list[Obligation]:
        wanted = spec_step(optimizer, coefficient, {})
        found = []
        for name, rule in rules:
            over_terms = with_globals_throughout(covers.get(name, rule), **covers)
            after, state = over_terms(SYMBOLS, coefficient, *element(optimizer))
            states = zip(optimizer.state_names, state, strict=True)
            for what, each in {"p": after, **dict(states)}.items():
                known = (*known_of_state(optimizer), *ranges(each, wanted[what]))
                goal = equal(each, wanted[what])
                found.append(Obligation(f"{name}: {what} after the step", goal, known))
        return found

    return Theorem(
        f"optimizers.{optimizer.variant}.orders",
        f"Every admitted order of evaluation of {optimizer.variant} gives the same "
        "step over the reals, for all hyperparameters and steps.",
        covered,
        objects_of(covered),
        obligations,
        equivalent=SAME_OVER_THE_REALS,
    )


SAME_OVER_THE_REALS = {
    "*: form became *": "another order of the same mean or quotient",
    "*: *_form became *": "another order of the same mean, root or quotient",
    "*: quotient became *": "another order of the same quotient",
    "rmsprop_with_options, 35:12: left out": "a quotient instead of a reciprocal",
    "_divisor, *: epsilon_place became *": "the root corrected before, not after it",
}
"""Mutants that choose another of the orders that agree."""


def theorems() -> Iterator[Theorem]:
    """The theorems of this topic."""
    known = {each.variant: each for each in records()}
    yield from map(kernel_says_the_spec, known.values())
    yield from (orders_agree(each) for each in known.values() if each.alternatives())
