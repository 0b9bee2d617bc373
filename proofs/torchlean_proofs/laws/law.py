"""What a law is: a statement that is run over cases, and aimed at mutants.

A law is a function of the object that it speaks of. It must hold of the object
itself in every case, its premise must hold in some case (the witness), and each of
its mutants, wrong variants of the object, must fail in some case. A law that
cannot tell right from wrong therefore cannot stand in the ledger.

>>> @law(
...     "example.doubling",
...     objects="example.double",
...     evidence=Evidence.SEARCHED,
...     subject=lambda x: 2 * x,
...     mutants={"squares instead": lambda x: x * x},
...     cases=lambda draws: (draws.integer(0, 9) for _ in range(20)),
... )
... def doubling(double, x):
...     'Twice a number is the number added to itself.'
...     return double(x) == x + x
>>> found = examine(doubling)
>>> found.kept, found.examples, len(found.refuted)
(True, 20, 1)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar, cast

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.random import Cursor

X = TypeVar("X")
C = TypeVar("C")


class Evidence(StrEnum):
    """What stands behind a law, strongest first, and honestly named."""

    PROVED = "proved"
    """For all inputs, by a solver or by exact algebra."""

    EXHAUSTIVE = "exhaustive"
    """Every input of a finite domain was tried."""

    IDENTITY_TESTED = "identity-tested"
    """An identity of rational functions, tried at exact rational points."""

    SEARCHED = "searched"
    """Tried at points that a fixed generator draws."""


@dataclass(frozen=True, slots=True)
class Law:
    """A statement about some objects, its evidence and its mutants."""

    identifier: str
    """Never changes, and is never given to another law."""
    sentence: str
    objects: tuple[str, ...]
    """The dotted names of what the law speaks of."""
    evidence: Evidence
    subject: object
    """What the law is aimed at: the object itself."""
    mutants: Mapping[str, object]
    """Wrong variants of the subject, each named by what is wrong with it."""
    cases: Callable[[Draws], Iterable[object]]
    premise: Callable[[object], bool]
    holds: Callable[[object, object], bool]


def law(
    identifier: str,
    *,
    objects: str,
    evidence: Evidence,
    subject: X,
    mutants: Mapping[str, object],
    cases: Callable[[Draws], Iterable[C]],
    premise: Callable[[C], bool] | None = None,
) -> Callable[[Callable[[X, C], bool]], Law]:
    """Make a law of a function from a subject and a case to whether it holds.

    The function's docstring is the law's sentence. A subject that raises does not
    hold. The types are checked here and then forgotten.

    Args:
        identifier: The law's name for ever, such as `shape.size`.
        objects: The dotted names, within `torchlean_spec`, of what it speaks of.
        evidence: What stands behind it.
        subject: The object that it is aimed at.
        mutants: Wrong variants of the subject, which the law must reject.
        cases: The cases to try, from a source of fixed draws.
        premise: Which cases the statement speaks of; all by default.
    """

    def entered(holds: Callable[[X, C], bool]) -> Law:
        return Law(
            identifier,
            " ".join((holds.__doc__ or "").split()),
            tuple(objects.split()),
            evidence,
            subject,
            dict(mutants),
            cast(Callable[["Draws"], Iterable[object]], cases),
            cast(Callable[[object], bool], premise or (lambda case: True)),
            cast(Callable[[object, object], bool], holds),
        )

    return entered


@dataclass(frozen=True, slots=True)
class Examination:
    """What came of running a law."""

    law: Law
    examples: int
    """In how many cases the premise held."""
    witness: object
    """The first of them."""
    counterexample: object
    """A case in which the law does not hold; None if there is none."""
    refuted: Mapping[str, object]
    """For each mutant that was refuted, the case in which it fails."""

    @property
    def survivors(self) -> tuple[str, ...]:
        """The mutants that the law cannot tell from the object."""
        return tuple(name for name in self.law.mutants if name not in self.refuted)

    @property
    def kept(self) -> bool:
        """Whether the law holds, of something, and rejects every mutant."""
        rejects = bool(self.law.mutants) and not self.survivors
        return self.counterexample is None and self.examples > 0 and rejects


def examine(law: Law) -> Examination:
    """Run a law over its cases, and aim it at its mutants."""
    cases = [case for case in law.cases(Draws(law.identifier)) if law.premise(case)]
    refuted: dict[str, object] = {}
    for name, mutant in law.mutants.items():
        fails = (case for case in cases if not _holds(law, mutant, case))
        for case in fails:
            refuted[name] = case
            break
    counterexample = next((c for c in cases if not law.holds(law.subject, c)), None)
    witness = cases[0] if cases else None
    return Examination(law, len(cases), witness, counterexample, refuted)


def _holds(law: Law, subject: object, case: object) -> bool:
    """Whether a law holds of a mutant, which may raise instead of answering."""
    try:
        return law.holds(subject, case)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return False


class Draws:
    """Cases from the spec's own generator, seeded by the law's name."""

    def __init__(self, identifier: str) -> None:
        seed = hashlib.sha256(identifier.encode()).digest()[:8]
        self._cursor = Cursor(int.from_bytes(seed, "little"), 0)

    def integer(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + self._cursor.below(high - low + 1)

    def choice(self, values: Sequence[C]) -> C:
        """One of some values."""
        return values[self.integer(0, len(values) - 1)]

    def fraction(self, reach: int = 4) -> Fraction:
        """A rational from `-reach` to `reach` with a small denominator, never 0."""
        denominator = self.integer(1, 12)
        numerator = self.integer(1, reach * denominator)
        return Fraction(self.choice((1, -1)) * numerator, denominator)

    def positive(self, reach: int = 4) -> Fraction:
        """A rational above 0, up to `reach`."""
        return abs(self.fraction(reach))

    def share(self) -> Fraction:
        """A rational in [0, 1) with a denominator of at most 12."""
        denominator = self.integer(1, 12)
        return Fraction(self.integer(0, denominator - 1), denominator)

    def fractions(self, count: int, reach: int = 4) -> tuple[Fraction, ...]:
        """Some rationals."""
        return tuple(self.fraction(reach) for _ in range(count))

    def float32(self) -> float:
        """A binary32 number of a magnitude from 2^-20 to 2^20."""
        significand = self.integer(2**23, 2**24 - 1)
        exponent = self.integer(-20, 20) - 23
        return self.choice((1.0, -1.0)) * significand * 2.0**exponent

    def extents(
        self, most: int = 3, largest: int = 4, least: int = 0
    ) -> tuple[int, ...]:
        """The sizes along up to `most` axes, each from `least` to `largest`."""
        rank = self.integer(0, most)
        return tuple(self.integer(least, largest) for _ in range(rank))


def repeat(count: int, case: Callable[[], C]) -> Iterator[C]:
    """The same draw, a number of times."""
    return (case() for _ in range(count))


def refuses(reason: Reason, action: Callable[[], object]) -> bool:
    """Whether an action is refused, for a reason."""
    try:
        action()
    except TorchLeanError as error:
        return error.reason is reason
    return False
