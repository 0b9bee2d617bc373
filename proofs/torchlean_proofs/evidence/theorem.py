"""A theorem: obligations that a solver discharges, and that wrong code does not.

A theorem is a function of the code that it covers. Aimed at the code itself, each of
its obligations must be impossible to violate; aimed at a wrong variant of the code, one
must be violated, at a point that ordinary evaluation confirms. Its premises must be
satisfiable, and nothing in it may divide by zero or take a root below zero.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatch
from fractions import Fraction
from typing import cast

from torchlean_proofs.evidence import solver
from torchlean_proofs.evidence.evaluation import values
from torchlean_proofs.evidence.solver import Answer
from torchlean_proofs.evidence.syntax import Function, digest_of, mutants
from torchlean_proofs.evidence.term import (
    Sort,
    Term,
    equal,
    in_order,
    less,
    less_equal,
    number,
    variables,
)
from torchlean_spec.numbers import Bounded, bounded
from torchlean_spec.numbers.ternary import Ternary

POINTS = 60
"""Points at which a violation is looked for before the solver is asked."""

FINE = bounded("float128")
"""Evaluation with rigorous bounds, so that what differs there does differ."""


class Level(StrEnum):
    """What a theorem rests on."""

    PROVED = "proved"
    """A solver refuted every violation, for all reals."""

    DEFINITIONAL = "definitional"
    """Both sides are the same graph: the code says what the spec says."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """Where the premises hold, the goal must."""

    name: str
    goal: Term
    premises: tuple[Term, ...] = ()
    is_of_form: bool = False
    """Whether it is about the code's form, such as which element is read."""


Covered = Mapping[str, Function]
"""The functions that a theorem covers, by the name that it calls them."""


@dataclass(frozen=True, slots=True)
class Theorem:
    """A statement for all inputs, and the code that it is about."""

    identifier: str
    sentence: str
    covers: Covered
    objects: tuple[str, ...]
    """The dotted names of what it covers."""
    obligations: Callable[[Covered], Sequence[Obligation]]
    assumes: tuple[str, ...] = ("reals",)
    """What the statement takes for granted, in words."""
    tells_all: bool = True
    """Whether it must refute every mutant by itself; otherwise some, and the others
    are refuted by theorems that say all that the code does."""
    equivalent: Mapping[str, str] = field(default_factory=dict)
    """Mutants that change nothing, by patterns of their names, each with the reason."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of proving a theorem."""

    theorem: Theorem
    level: Level
    queries: Mapping[str, str]
    """The digest of the query of each obligation that needed one."""
    failed: tuple[str, ...]
    """The obligations that were not discharged, each with what the solver said."""
    refuted: Mapping[str, Mapping[str, Fraction]]
    """For each mutant, where it violates an obligation."""
    unreached: tuple[str, ...]
    """The mutants that leave the same graph: what they change is never run."""
    survivors: tuple[str, ...]
    """The mutants that no obligation tells from the code."""

    @property
    def kept(self) -> bool:
        """Whether everything was discharged, and every or some mutant refuted."""
        told = not self.survivors or not self.theorem.tells_all
        return not self.failed and told and bool(self.refuted)


def prove(theorem: Theorem, most_mutants: int | None = None) -> Proof:
    """Discharge the obligations, and aim them at the mutants.

    Args:
        theorem: The theorem.
        most_mutants: How many mutants of each function to refute, chosen by the
            code's digest; all by default.
    """
    obligations = list(theorem.obligations(theorem.covers))
    queries: dict[str, str] = {}
    failed = _discharge(obligations, queries)
    same = all(each.is_of_form or _is_same_graph(each) for each in obligations)
    refuted: dict[str, Mapping[str, Fraction]] = {}
    survivors, unreached = [], []
    for function, why, covers in _mutated(theorem, most_mutants is not None):
        name = f"{function}, {why}"
        done = sum(each.startswith(f"{function}, ") for each in refuted)
        if most_mutants is not None and done >= most_mutants:
            continue
        wrong = _obligations(theorem, covers)
        changed = [each for each in wrong or [] if each not in obligations]
        where = {} if wrong is None else violation(changed)
        if wrong is not None and not changed:
            unreached.append(name)
        elif where is not None:
            refuted[name] = where
        elif not any(fnmatch(name, each) for each in theorem.equivalent):
            survivors.append(name)
    level = Level.DEFINITIONAL if same else Level.PROVED
    found = refuted, tuple(unreached), tuple(survivors)
    return Proof(theorem, level, queries, tuple(failed), *found)


def _is_same_graph(each: Obligation) -> bool:
    """Whether the two sides of an equation are one graph."""
    goal = each.goal
    return goal.operator == "equal" and goal.arguments[0] is goal.arguments[1]


def _discharge(obligations: Sequence[Obligation], queries: dict[str, str]) -> list[str]:
    """The obligations that could not be discharged; queries are noted."""
    failed = []
    for each in obligations:
        if solver.ask(each.premises).answer is not Answer.POSSIBLE:
            failed.append(f"{each.name}: its premises were not shown satisfiable")
        for one in [each, *definedness(each)]:
            if _is_same_graph(one):
                continue
            text = solver.query([*one.premises, ~one.goal])
            found = solver.answered(text)
            if found.answer is Answer.IMPOSSIBLE:
                queries[one.name] = solver.digest_of(text)
            else:
                failed.append(f"{one.name}: {found.answer}")
    return failed


def definedness(each: Obligation) -> Iterator[Obligation]:
    """That the divisors of an obligation are not 0, and its roots not of less."""
    zero = number(0)
    for node in in_order([each.goal, *each.premises]):
        if node.operator == "divide" and node.sort is Sort.REAL:
            goal = ~equal(node.arguments[1], zero)
            name = f"{each.name}: {node.arguments[1]} is not 0"
        elif node.operator == "sqrt":
            goal = less_equal(zero, node.arguments[0])
            name = f"{each.name}: {node.arguments[0]} is at least 0"
        elif node.operator == "log":
            goal = less(zero, node.arguments[0])
            name = f"{each.name}: {node.arguments[0]} is above 0"
        else:
            continue
        yield Obligation(name, goal, each.premises)


def _mutated(theorem: Theorem, shuffled: bool) -> Iterator[tuple[str, str, Covered]]:
    """The covered functions, one of them wrong: which one, and what is wrong."""
    for name, function in theorem.covers.items():
        wrong = list(mutants(function))
        if shuffled:
            random.Random(digest_of(function)).shuffle(wrong)
        for why, mutant in wrong:
            yield name, why, {**theorem.covers, name: mutant}


FIRST_POINTS = 6
"""Points that are tried of every obligation, before more of any."""

CRASHES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a mutant may raise that is no number any more."""


def _obligations(theorem: Theorem, covers: Covered) -> list[Obligation] | None:
    """The obligations of wrong code; nothing where it cannot be run any more."""
    try:
        return list(theorem.obligations(covers))
    except (*CRASHES, NameError):
        return None


def violation(obligations: Sequence[Obligation]) -> Mapping[str, Fraction] | None:
    """Where one of the obligations is violated; nothing if none ever is."""
    open_ones = [each for each in obligations if not _is_same_graph(each)]
    for points in (FIRST_POINTS, POINTS):
        for each in open_ones:
            if (found := searched(each, points)) is not None:
                return found
    for each in open_ones:
        asked = solver.ask([*each.premises, ~each.goal])
        names = [str(one.number) for one in variables(each.goal, *each.premises)]
        point = {name: asked.values.get(name, Fraction(0)) for name in names}
        if asked.answer is Answer.POSSIBLE and violates(each, point):
            return point
    return None


def searched(each: Obligation, points: int) -> Mapping[str, Fraction] | None:
    """A point that violates an obligation, among so many that are drawn."""
    draw = random.Random(each.name)
    wanted = list(variables(each.goal, *each.premises))
    ranges = [_range(one, each.premises) for one in wanted]
    for _ in range(points):
        point = {
            str(one.number): _drawn(draw, one.sort, *between)
            for one, between in zip(wanted, ranges, strict=True)
        }
        if violates(each, point):
            return point
    return None


def _range(variable: Term, premises: Sequence[Term]) -> tuple[Fraction, Fraction]:
    """The bounds that the premises put on a variable by itself."""
    low, high = Fraction(-4), Fraction(4)
    for each in premises:
        if each.operator in ("less", "less_equal"):
            left, right = each.arguments
            if right is variable and left.operator == "constant":
                low = max(low, Fraction(left.number))
            if left is variable and right.operator == "constant":
                high = min(high, Fraction(right.number))
    return low, high


def _drawn(draw: random.Random, sort: Sort, low: Fraction, high: Fraction) -> Fraction:
    """A number strictly between two bounds, with few binary digits; any integer."""
    if sort is Sort.INTEGER:
        return Fraction(draw.randrange(-64, 64))
    return low + (high - low) * Fraction(draw.randrange(1, 256), 256)


def violates(each: Obligation, point: Mapping[str, Fraction]) -> bool:
    """Whether ordinary evaluation says that premises hold and the goal does not."""
    given: dict[str, Bounded | int] = {
        str(one.number): int(point[str(one.number)])
        if one.sort is Sort.INTEGER
        else FINE.constant(point[str(one.number)])
        for one in variables(each.goal, *each.premises)
    }
    try:
        found = values([*each.premises, each.goal], FINE, given)
    except (ArithmeticError, ValueError):
        return False
    *premises, goal = (_decided(cast(Ternary | bool, each)) for each in found)
    return all(each is True for each in premises) and goal is False


def _decided(condition: Ternary | bool) -> bool | None:
    """What a condition comes to; nothing where bounds leave it open."""
    if isinstance(condition, bool):
        return condition
    return {Ternary.YES: True, Ternary.NO: False}.get(condition)
