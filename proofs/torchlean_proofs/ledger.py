"""The ledger: every law with its evidence, as a committed file and in words.

The file `ledger.json` beside this module holds what examining every law gave:
sentences, evidence, numbers of examples, witnesses, mutants refuted; neither times
nor facts about a machine. A test makes it anew and compares; after a law has changed,
`python -m torchlean_proofs.ledger` writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from torchlean_proofs.laws import all_laws
from torchlean_proofs.laws.law import Examination, Law, examine
from torchlean_spec.description import Json
from torchlean_spec.errors import Reason, TorchLeanError

PATH = Path(__file__).with_name("ledger.json")
"""The committed ledger."""

THEOREMS = Path(__file__).with_name("theorems.json")
"""The committed theorems; `proving` makes them."""

TRUSTED = (
    "the tracer, held to the compiled kernels by replay on a million bit patterns each",
    "Python's meaning of the code that is traced",
    "the solver (Z3) where it says that a violation is impossible",
    "Numba and LLVM, for what the replay does not reach",
    "the processor's arithmetic, which is taken to be that of IEEE 754",
)
"""What every theorem rests on beside its own assumptions."""

WITNESS_LENGTH = 120
"""How much of a witness is written."""


def law_named(identifier: str) -> Law:
    """The law with an identifier.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.

    >>> law_named("shape.size").sentence
    '`Dim(n, rest)` holds n times as many numbers as `rest`, and a scalar one.'
    """
    for each in all_laws():
        if each.identifier == identifier:
            return each
    raise TorchLeanError(
        Reason.UNKNOWN_NAME,
        f"expected the name of a law such as 'shape.size', got {identifier!r}",
    )


def entry(found: Examination) -> dict[str, Json]:
    """What the ledger says of one law."""
    witness = written(found.witness)
    if len(witness) > WITNESS_LENGTH:
        witness = witness[:WITNESS_LENGTH] + "..."
    return {
        "id": found.law.identifier,
        "sentence": found.law.sentence,
        "objects": list(found.law.objects),
        "evidence": str(found.law.evidence),
        "examples": found.examples,
        "witness": witness,
        "mutants": list(found.law.mutants),
        "refuted": len(found.refuted),
    }


def written(value: object) -> str:
    """A witness as text that is the same on every machine.

    >>> from fractions import Fraction
    >>> written((len, [Fraction(1, 3), 2.0]))
    '(len, [1/3, 2.0])'
    """
    if isinstance(value, tuple | list):
        inside = ", ".join(map(written, value))
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, dict):
        pairs = (f"{written(k)}: {written(v)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Fraction):
        return str(value)
    for name in ("__name__", "name"):
        if type(value).__repr__ is object.__repr__ or callable(value):
            return str(getattr(value, name, type(value).__name__))
    # Functions inside records have places in memory, which no file may hold.
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def made(progress: Callable[[Examination], None] = lambda found: None) -> list[Json]:
    """The ledger, by examining every law.

    Args:
        progress: What to call after each law.
    """
    entries: list[Json] = []
    for each in all_laws():
        found = examine(each)
        progress(found)
        entries.append(entry(found))
    return entries


def as_text(entries: list[Json]) -> str:
    """The ledger's file."""
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def committed() -> str:
    """The text of the ledger that is kept beside this module."""
    return PATH.read_text(encoding="utf-8")


def listed() -> list[str]:
    """The ledger in words: one line a law, and one that counts them."""
    entries = json.loads(committed())
    width = max(len(each["id"]) for each in entries)
    said = [
        f"{each['id']:{width}}  {_evidence(each):24} {each['sentence']}"
        for each in entries
    ]
    refuted = sum(each["refuted"] for each in entries)
    said.append(f"{len(entries)} laws, which refute {refuted} mutants")
    return [*said, "", *theorems_listed()]


def theorems() -> list[dict[str, Json]]:
    """The committed theorems."""
    entries: list[dict[str, Json]] = json.loads(THEOREMS.read_text("utf-8"))
    return entries


def theorems_listed() -> list[str]:
    """The theorems: a line each, one that counts them, and what they trust."""
    entries = theorems()
    width = max(len(str(each["id"])) for each in entries)
    said = [
        f"{each['id']:{width}}  {each['level']!s:12} {each['sentence']}"
        for each in entries
    ]
    proved = sum(each["level"] == "proved" for each in entries)
    said.append(
        f"{proved} theorems proved, and {len(entries) - proved} true by definition: "
        "both sides are the same graph"
    )
    return [*said, *(f"  trusted: {each}" for each in TRUSTED)]


def theorem_shown(each: dict[str, Json]) -> list[str]:
    """One theorem in words, with what it rests on."""
    said = [f"{each['id']}: {each['sentence']}", f"  level     {each['level']}"]
    said += [f"  speaks of {name}" for name in _texts(each["objects"])]
    said += [f"  assumes   {name}" for name in _texts(each["assumes"])]
    said.append(f"  refutes   {each['refuted']} mutants")
    return said + [f"  trusts    {name}" for name in TRUSTED]


def _texts(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def shown(identifier: str) -> list[str]:
    """One law in words, or one theorem.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    for theorem in theorems():
        if theorem["id"] == identifier:
            return theorem_shown(theorem)
    law_named(identifier)
    each = next(e for e in json.loads(committed()) if e["id"] == identifier)
    said = [f"{each['id']}: {each['sentence']}"]
    said.append(f"  evidence  {_evidence(each)}")
    said += [f"  speaks of torchlean_spec.{name}" for name in each["objects"]]
    said.append(f"  witness   {each['witness']}")
    said += [f"  refutes   {name}" for name in each["mutants"]]
    return said


def _evidence(each: dict[str, Json]) -> str:
    return f"{each['evidence']}, {each['examples']} cases"


def check(identifier: str | None = None) -> bool:
    """Examine every law, or one, and say what came of it.

    Returns:
        Whether all of them are kept.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    wanted = all_laws() if identifier is None else (law_named(identifier),)
    broken = 0
    for each in wanted:
        found = examine(each)
        print(verdict(found), flush=True)
        broken += not found.kept
    print(f"{len(wanted) - broken} of {len(wanted)} laws are kept")
    return broken == 0


def verdict(found: Examination) -> str:
    """What came of examining a law, in one line."""
    name = found.law.identifier
    if not found.examples:
        return f"broken  {name}: no case satisfies its premise"
    if found.counterexample is not None:
        return f"broken  {name}: does not hold of {found.counterexample!r}"
    if found.survivors or not found.law.mutants:
        survivors = ", ".join(found.survivors) or "there is none"
        return f"broken  {name}: rejects not every mutant: {survivors}"
    return f"kept    {name}: {found.examples} cases, {len(found.refuted)} mutants"


if __name__ == "__main__":
    PATH.write_text(as_text(made(lambda found: print(verdict(found)))), "utf-8")
