"""Optimizers: what their steps keep, and how they are related to one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from torchlean_proofs.evidence.hyperparameters import ranges, symbolic_coefficients
from torchlean_proofs.evidence.rebinding import called, with_globals_throughout
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.syntax import Function
from torchlean_proofs.evidence.term import (
    Term,
    equal,
    less,
    less_equal,
    number,
    real,
)
from torchlean_proofs.evidence.theorem import Covered, Obligation, Theorem
from torchlean_proofs.theorems.optimizers import (
    SQUARES,
    known_of_state,
    objects_of,
    records,
    rules_of,
)
from torchlean_spec.optimizers import (
    SGD,
    Adam,
    AdamW,
    ElementOptimizer,
    RMSProp,
)

ZERO = number(0)
Element = tuple[Term, Term, tuple[Term, ...]]
"""A parameter, its gradient and its state."""


def step(
    optimizer: ElementOptimizer,
    covers: Covered,
    element: Element,
    coefficient: Mapping[str, Term],
) -> dict[str, Term]:
    """An element's parameter `p` and state after the spec's step."""
    rule = with_globals_throughout(type(optimizer).update, **covers)
    after, state = rule(optimizer, SYMBOLS, coefficient, *element)
    return {"p": after, **dict(zip(optimizer.state_names, state, strict=True))}


def element_of(optimizer: ElementOptimizer, state: str = "") -> Element:
    """Symbols for an element; with `state`, all of its state is called so."""
    names = optimizer.state_names
    return real("p"), real("g"), tuple(real(state or name) for name in names)


def _theorem(
    optimizer: ElementOptimizer,
    name: str,
    sentence: str,
    goals: Callable[[Covered], Sequence[tuple[str, Term]]],
    premises: tuple[Term, ...] = (),
) -> Theorem:
    """A theorem about the step of one equation, which others say in full."""

    def obligations(covers: Covered) -> list[Obligation]:
        known = (*known_of_state(optimizer), *premises)
        return [
            Obligation(what, goal, (*known, *ranges(goal)))
            for what, goal in goals(covers)
        ]

    rules = rules_of(optimizer)
    return Theorem(
        f"optimizers.{optimizer.variant}.{name}",
        sentence,
        rules,
        objects_of(rules),
        obligations,
        tells_all=False,
    )


def odd(optimizer: ElementOptimizer) -> Theorem:
    """A step is odd: the opposite element makes the opposite step."""
    coefficient = symbolic_coefficients(optimizer)
    p, g, state = element_of(optimizer)
    opposite = tuple(
        each if name in SQUARES else -each
        for name, each in zip(optimizer.state_names, state, strict=True)
    )

    def goals(covers: Covered) -> list[tuple[str, Term]]:
        there = step(optimizer, covers, (p, g, state), coefficient)
        back = step(optimizer, covers, (-p, -g, opposite), coefficient)
        return [
            (name, equal(back[name], each if name in SQUARES else -each))
            for name, each in there.items()
        ]

    return _theorem(
        optimizer,
        "odd",
        f"The opposite parameter, gradient and buffers make {optimizer.variant} take "
        "the opposite step, and leave the same squares.",
        goals,
    )


def keeps_squares(optimizer: ElementOptimizer) -> Theorem:
    """Means and sums of squares stay at least 0."""
    coefficient = symbolic_coefficients(optimizer)

    def goals(covers: Covered) -> list[tuple[str, Term]]:
        after = step(optimizer, covers, element_of(optimizer), coefficient)
        return [
            (name, less_equal(ZERO, each))
            for name, each in after.items()
            if name in SQUARES
        ]

    return _theorem(
        optimizer,
        "squares",
        f"The squares that {optimizer.variant} keeps stay at least 0, for every "
        "gradient; by induction they are so at all steps.",
        goals,
    )


def moves_alike(optimizer: ElementOptimizer) -> Theorem:
    """Without decay, the move does not depend on where the parameter is."""
    coefficient = symbolic_coefficients(optimizer)
    p, g, state = element_of(optimizer)

    def goals(covers: Covered) -> list[tuple[str, Term]]:
        here = step(optimizer, covers, (p, g, state), coefficient)
        there = step(optimizer, covers, (p + real("shift"), g, state), coefficient)
        there["p"] = there["p"] - real("shift")
        return [(name, equal(there[name], each)) for name, each in here.items()]

    return _theorem(
        optimizer,
        "translation",
        f"The step of {optimizer.variant} is the same wherever the parameter is.",
        goals,
    )


def rests(optimizer: ElementOptimizer) -> Theorem:
    """Without gradient and momentum, an undecayed parameter stays."""
    coefficient = symbolic_coefficients(optimizer)
    p, _, state = element_of(optimizer)
    still = tuple(
        each if name in SQUARES else ZERO
        for name, each in zip(optimizer.state_names, state, strict=True)
    )

    def goals(covers: Covered) -> list[tuple[str, Term]]:
        after = step(optimizer, covers, (p, ZERO, still), coefficient)
        return [("p", equal(after["p"], p))]

    return _theorem(
        optimizer,
        "rest",
        f"Where gradient and momentum are 0, {optimizer.variant} leaves the "
        "parameter as it is.",
        goals,
    )


def moves_with_the_rate(optimizer: ElementOptimizer) -> Theorem:
    """A rate of 0 moves nothing; twice the rate moves twice as far."""
    names = optimizer.coefficient_names
    rate = next(name for name in names if name in ("rate", "corrected_rate"))
    coefficient = symbolic_coefficients(optimizer)
    element = element_of(optimizer)

    def goals(covers: Covered) -> list[tuple[str, Term]]:
        once = step(optimizer, covers, element, coefficient)["p"]
        doubled = {**coefficient, rate: coefficient[rate] + coefficient[rate]}
        twice = step(optimizer, covers, element, doubled)["p"]
        still = step(optimizer, covers, element, {**coefficient, rate: ZERO})["p"]
        p = element[0]
        return [
            ("twice the rate", equal(twice - p, (once - p) + (once - p))),
            ("no rate", equal(still, p)),
        ]

    return _theorem(
        optimizer,
        "rate",
        f"The move of {optimizer.variant} is in proportion to the rate.",
        goals,
    )


def same_as(
    name: str,
    sentence: str,
    special: ElementOptimizer,
    plain: ElementOptimizer,
    changed: Mapping[str, Term],
    *premises: Term,
) -> Theorem:
    """A step is another's where some coefficients have certain values."""
    coefficient = {**symbolic_coefficients(special), **changed}
    other = {**symbolic_coefficients(plain), **coefficient}

    def obligations(covers: Covered) -> list[Obligation]:
        wanted = step(plain, {}, element_of(plain), other)
        rule = with_globals_throughout(type(special).update, **covers)
        after, state = rule(special, SYMBOLS, coefficient, *element_of(special))
        found = {"p": after, **dict(zip(special.state_names, state, strict=True))}
        known = (*known_of_state(special), *premises)
        return [
            Obligation(
                what, equal(found[what], each), (*known, *ranges(each, found[what]))
            )
            for what, each in wanted.items()
        ]

    rules = dict(called(type(special).update, "torchlean_spec.optimizers"))
    covered: dict[str, Function] = {**rules}
    return Theorem(
        f"optimizers.{name}",
        sentence,
        covered,
        objects_of({**rules, **rules_of(plain)}),
        obligations,
        tells_all=False,
    )


def identities() -> Iterator[Theorem]:
    """Special cases that are other optimizers."""
    pushed = SGD("0.1", momentum="0.5")
    yield same_as(
        "momentum.without_memory",
        "A momentum that keeps nothing is plain gradient descent.",
        pushed,
        SGD("0.1"),
        {"keep": ZERO},
    )
    yield same_as(
        "nesterov.without_memory",
        "Nesterov's momentum that keeps nothing is plain gradient descent.",
        replace(pushed, nesterov=True),
        SGD("0.1"),
        {"keep": ZERO},
    )
    yield same_as(
        "dampened.undampened",
        "Dampened momentum that takes the whole gradient is momentum.",
        replace(pushed, dampening="0.5"),
        pushed,
        {"take": number(1)},
    )
    for place in ("outside-root", "inside-root", "uncorrected"):
        suffix = place.replace("-", "_")
        yield same_as(
            f"adamw.undecayed_{suffix}",
            f"AdamW that keeps the whole parameter is Adam, epsilon {place}.",
            AdamW(epsilon_place=place),
            Adam(epsilon_place=place),
            {"keep_parameter": number(1)},
        )
        yield same_as(
            f"adam.undecayed_{suffix}",
            f"Adam with a coupled decay of 0 is Adam without, epsilon {place}.",
            Adam(weight_decay="0.5", epsilon_place=place),
            Adam(epsilon_place=place),
            {"decay": ZERO},
        )
    for decayed in (
        SGD("0.1", weight_decay="0.5"),
        replace(pushed, weight_decay="0.5"),
    ):
        yield same_as(
            f"{decayed.variant}.undecayed",
            f"{decayed.variant} with a decay of 0 is the same without decay.",
            decayed,
            replace(decayed, weight_decay=0),
            {"decay": ZERO},
        )
    for centered in (False, True):
        held = RMSProp("0.1", momentum="0.5", centered=centered)
        yield same_as(
            f"{held.variant}.without_memory",
            f"{held.variant} whose momentum keeps nothing is RMSProp without it.",
            held,
            replace(held, momentum=0),
            {"momentum": ZERO},
        )


def bounded_first_step() -> Theorem:
    """Adam's first step is no longer than the rate."""
    adam = Adam()
    coefficient = {
        **symbolic_coefficients(adam),
        "unbias1": number(1) / (number(1) - real("beta1")),
        "unbias2": number(1) / (number(1) - real("beta2")),
    }
    p, g, _ = element_of(adam)

    def obligations(covers: Covered) -> list[Obligation]:
        after = step(adam, covers, (p, g, (ZERO, ZERO)), coefficient)
        move = after["p"] - p
        known = ranges(move)
        rate = real("learning_rate")
        return [
            Obligation("not above the rate", less_equal(move, rate), known),
            Obligation("not below it", less_equal(-rate, move), known),
        ]

    rules = rules_of(adam)
    return Theorem(
        "optimizers.adam.first_step",
        "The first step of Adam is at most the learning rate, whatever the gradient.",
        rules,
        objects_of(rules),
        obligations,
        tells_all=False,
    )


def moments_stay_bounded() -> Theorem:
    """The invariant behind Adam's bound, `m^2 <= c v`, passes from step to step."""
    adam = Adam()
    coefficient = symbolic_coefficients(adam)
    c, beta1, beta2 = real("c"), real("beta1"), real("beta2")
    one = number(1)

    def obligations(covers: Covered) -> list[Obligation]:
        m, v = real("first"), real("second")
        after = step(adam, covers, element_of(adam), coefficient)
        first, second = after["first"], after["second"]
        rest = one - beta1
        following = (beta1 * beta1 / beta2) * c + rest * rest / (one - beta2)
        goal = less_equal(first * first, following * second)
        known = (
            less_equal(m * m, c * v),
            less_equal(ZERO, c),
            less_equal(ZERO, v),
            less(ZERO, beta2),
            *ranges(goal),
        )
        return [Obligation("the invariant after the step", goal, known)]

    rules = rules_of(adam)
    return Theorem(
        "optimizers.adam.invariant",
        "If m^2 <= c v before a step of Adam, then m^2 <= c' v after it, with "
        "c' = (beta1^2 / beta2) c + (1 - beta1)^2 / (1 - beta2).",
        rules,
        objects_of(rules),
        obligations,
        tells_all=False,
    )


def theorems() -> Iterator[Theorem]:
    """The theorems of this topic."""
    known = {each.variant: each for each in records()}
    for each in known.values():
        yield odd(each)
        if set(each.state_names) & set(SQUARES):
            yield keeps_squares(each)
        if not set(each.coefficient_names) & {"decay", "keep_parameter"}:
            yield moves_alike(each)
            yield rests(each)
        if each.variant in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop"):
            yield moves_with_the_rate(each)
    yield from identities()
    yield bounded_first_step()
    yield moments_stay_bounded()
