"""Queries to a solver, each in a process that can be killed.

A query is a list of conditions that must hold together; the answer is that they cannot
(`IMPOSSIBLE`), that they can, with values that show it (`POSSIBLE`), or that the solver
does not know. The text is SMT-LIB 2, so that any solver reads it; ours is Z3, from
the extra `proofs`.

A root is a number of its own, at least 0, whose square is the argument. Of other
functions the solver knows that equal arguments have equal values, and what a theorem
assumes.
"""

from __future__ import annotations

import atexit
import hashlib
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from typing import IO

from torchlean_proofs.evidence.term import Sort, Term, in_order
from torchlean_spec.errors import Reason, TorchLeanError

SECONDS = 20.0
"""How long one query may take."""

SORTS = {Sort.REAL: "Real", Sort.INTEGER: "Int", Sort.TRUTH: "Bool"}

WORDS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "div",
    "modulo": "mod",
    "negate": "-",
    "less": "<",
    "less_equal": "<=",
    "equal": "=",
    "and": "and",
    "or": "or",
    "not": "not",
    "where": "ite",
}
"""The operators that the language has; `div` and `mod` for positive divisors."""

FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "erf")
"""Functions of which the solver knows nothing but what it is told."""


class Answer(StrEnum):
    """What a solver says of some conditions."""

    IMPOSSIBLE = "impossible"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer, and the values that show it, where the solver wrote any."""

    answer: Answer
    values: Mapping[str, Fraction]


def is_available() -> bool:
    """Whether the solver is installed."""
    return find_spec("z3") is not None


def query(conditions: Sequence[Term]) -> str:
    """The SMT-LIB text that asks whether some conditions can hold together."""
    lines = ["(set-option :produce-models true)"]
    lines += [f"(declare-fun |{name}()| (Real) Real)" for name in FUNCTIONS]
    roots: list[str] = []
    for each in in_order(conditions):
        name = f"t{each.place}"
        kind = SORTS[each.sort]
        if each.operator == "variable":
            lines.append(f"(declare-const {_quoted(str(each.number))} {kind})")
        elif each.operator == "sqrt":
            (inside,) = map(_reference, each.arguments)
            lines.append(f"(declare-const {name} Real)")
            roots.append(f"(and (<= 0 {name}) (= (* {name} {name}) {inside}))")
        elif each.operator != "constant":
            lines.append(f"(define-fun {name} () {kind} {_written(each)})")
    lines += [f"(assert {each}) ; a root" for each in roots]
    lines += [f"(assert {_reference(each)})" for each in conditions]
    return "\n".join([*_renumbered(lines), "(check-sat)"]) + "\n"


def _renumbered(lines: list[str]) -> list[str]:
    """The same text with its names counted from 0, whatever was made before it."""
    names: dict[str, str] = {}
    out = []
    for line in lines:
        words = line.replace("(", "( ").replace(")", " )").split(" ")
        for place, word in enumerate(words):
            if word[:1] == "t" and word[1:].isdigit():
                words[place] = names.setdefault(word, f"t{len(names)}")
        out.append(" ".join(words).replace("( ", "(").replace(" )", ")"))
    return out


def _quoted(name: str) -> str:
    """A variable's name; bars keep brackets and dots out of the way."""
    return f"|{name}|"


def _reference(each: Term) -> str:
    if each.operator == "variable":
        return _quoted(str(each.number))
    if each.operator == "constant":
        return _constant(each)
    return f"t{each.place}"


def _constant(each: Term) -> str:
    value = Fraction(each.number)
    if each.sort is Sort.TRUTH:
        return "true" if value else "false"
    size = str(abs(value.numerator))
    if each.sort is Sort.REAL:
        size = f"(/ {size}.0 {value.denominator}.0)"
    return f"(- {size})" if value < 0 else size


def _written(each: Term) -> str:
    """A term by its arguments' names."""
    inside = list(map(_reference, each.arguments))
    if each.operator == "absolute":
        return f"(ite (<= 0 {inside[0]}) {inside[0]} (- {inside[0]}))"
    if each.operator in ("maximum", "minimum"):
        first, second = inside if each.operator == "maximum" else inside[::-1]
        return f"(ite (<= {first} {second}) {inside[1]} {inside[0]})"
    word = WORDS.get(each.operator, f"|{each.operator}()|")
    return f"({word} {' '.join(inside)})"


def digest_of(text: str) -> str:
    """A digest of a query."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def ask(conditions: Sequence[Term], seconds: float = SECONDS) -> Finding:
    """Whether some conditions can hold together; unknown after some seconds.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` without a solver.
    """
    return answered(query(conditions), seconds)


@cache
def answered(text: str, seconds: float = SECONDS) -> Finding:
    """What the solver says to a query; each is asked once.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` without a solver.
    """
    if not is_available():
        raise TorchLeanError(
            Reason.MISSING_DEPENDENCY,
            "expected Z3, which proves theorems, to be installed "
            "(pip install torchlean[proofs]), got no such package",
        )
    return _WORKER.ask(text, seconds)


class _Worker:
    """A solver in a process of its own; a new one after each that was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, text: str, seconds: float) -> Finding:
        """Send a query, and wait so long for the answer."""
        process = self._process
        if process is None or process.poll() is not None:
            self.stop()
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "torchlean_proofs.evidence.solving"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{len(text)}\n{text}")
        process.stdin.flush()
        line = _line_within(process.stdout, seconds)
        if not line:
            self.stop()
            return Finding(Answer.UNKNOWN, {})
        return _finding(line)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            # Waits for the end, and closes the pipes.
            self._process.communicate()
            self._process = None


def _line_within(output: IO[str], seconds: float) -> str:
    """The next line of an output; nothing if it takes too long."""
    ready, _, _ = select.select([output], [], [], seconds)
    return output.readline() if ready else ""


def _finding(line: str) -> Finding:
    """An answer and its values, from a line such as `sat |x|=1/2`."""
    answer, *pairs = line.strip().split("\t")
    named = {"sat": Answer.POSSIBLE, "unsat": Answer.IMPOSSIBLE}
    values = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        values[name] = Fraction(value)
    return Finding(named.get(answer, Answer.UNKNOWN), values)


_WORKER = _Worker()
atexit.register(_WORKER.stop)
