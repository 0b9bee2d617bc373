"""The theorems as a committed file and in words, and proving them anew.

`theorems.json` beside this module, which `ledger` reads, holds what proving every
theorem with every mutant gave: sentence, level, the digests of the code that it covers
and of each query, how many mutants were refuted; neither times nor facts about a
machine. A level that falls, a statement or covered code that changes, shows as a change
of the file.

    python -m torchlean_proofs prove            every theorem, every mutant
    python -m torchlean_proofs prove --write    and write the file
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from fnmatch import fnmatch

from torchlean_proofs.evidence.syntax import digest_of, mutants
from torchlean_proofs.evidence.theorem import Proof, Theorem, prove
from torchlean_proofs.ledger import THEOREMS
from torchlean_proofs.ledger import theorems as ledger_theorems
from torchlean_proofs.theorems import all_theorems
from torchlean_spec.description import Json
from torchlean_spec.errors import Reason, TorchLeanError


def theorem_named(identifier: str) -> Theorem:
    """The theorem with an identifier.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.

    >>> theorem_named("derivatives.relu").objects
    ('spec.operations.relu', 'spec.operations.relu_gradient')
    """
    for each in all_theorems():
        if each.identifier == identifier:
            return each
    raise TorchLeanError(
        Reason.UNKNOWN_NAME,
        "expected the name of a theorem such as 'optimizers.sgd.kernel', "
        f"got {identifier!r}",
    )


def entry(found: Proof) -> dict[str, Json]:
    """What the file says of one theorem."""
    theorem = found.theorem
    return {
        "id": theorem.identifier,
        "sentence": theorem.sentence,
        "level": str(found.level),
        "objects": list(theorem.objects),
        "covers": {name: digest_of(each) for name, each in theorem.covers.items()},
        "assumes": list(theorem.assumes),
        "queries": dict(sorted(found.queries.items())),
        "refuted": len(found.refuted),
        "unreached": len(found.unreached),
        "equivalent": dict(theorem.equivalent),
    }


def made(
    most_mutants: int | None = None, progress: Callable[[Proof], None] = lambda _: None
) -> list[Proof]:
    """Prove every theorem.

    Args:
        most_mutants: How many mutants of each function to try; all by default.
        progress: What to call after each theorem.
    """
    found = []
    for each in all_theorems():
        proof = prove(each, most_mutants)
        progress(proof)
        found.append(proof)
    return found


def as_text(entries: Iterable[dict[str, Json]]) -> str:
    """The file."""
    return json.dumps(list(entries), indent=1, ensure_ascii=False) + "\n"


def verdict(found: Proof) -> str:
    """What came of proving a theorem, in one line."""
    name = found.theorem.identifier
    if found.failed:
        return f"broken  {name}: {found.failed[0]}"
    if not found.refuted:
        return f"broken  {name}: no mutant was refuted"
    if not found.kept:
        return f"broken  {name}: not told from the code: {found.survivors[0]}"
    return f"kept    {name}: {found.level}, {len(found.refuted)} mutants refuted"


def untold(proofs: Iterable[Proof]) -> list[str]:
    """The mutants that no theorem tells from the code, nor calls equivalent.

    A theorem that says a part of what its code does need not refute every mutant; a
    theorem that says all of it does so for the same function.
    """
    told: set[tuple[str, str]] = set()
    left: dict[tuple[str, str], str] = {}
    for each in proofs:
        covers = each.theorem.covers
        digests = {name: digest_of(function) for name, function in covers.items()}
        for name in (*each.refuted, *each.survivors):
            function, _, why = name.partition(", ")
            key = digests[function], why
            if name in each.refuted:
                told.add(key)
            else:
                left[key] = f"{each.theorem.identifier}: {name}"
        for function, digest in digests.items():
            told |= {(digest, why) for why in _equivalent(each.theorem, function)}
    return [what for key, what in left.items() if key not in told]


def _equivalent(theorem: Theorem, function: str) -> list[str]:
    """Why mutants of a function are said to change nothing."""
    return [
        why
        for why, _ in mutants(theorem.covers[function])
        if any(fnmatch(f"{function}, {why}", each) for each in theorem.equivalent)
    ]


def check(identifier: str | None, write: bool = False) -> bool:
    """Prove every theorem, or one, with every mutant, and say what came of it.

    Args:
        identifier: The theorem's name; all of them by default.
        write: Whether to write the file, if all are kept.

    Returns:
        Whether all are kept, and say what the file says.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """

    def tell(found: Proof) -> None:
        print(verdict(found), flush=True)

    if identifier is None:
        proofs = made(progress=tell)
    else:
        proofs = [prove(theorem_named(identifier))]
        tell(proofs[0])
    everywhere = untold(proofs) if identifier is None else []
    for what in everywhere:
        print(f"broken  {what}: no theorem tells it from the code")
    kept = all(each.kept for each in proofs) and not everywhere
    if write and kept and identifier is None:
        THEOREMS.write_text(as_text(map(entry, proofs)), "utf-8")
    said = {each["id"]: each for each in ledger_theorems()}
    changed = [p for p in proofs if said.get(p.theorem.identifier) != entry(p)]
    for each in changed:
        print(f"changed {each.theorem.identifier}: theorems.json says otherwise")
    print(f"{sum(each.kept for each in proofs)} of {len(proofs)} theorems are kept")
    return kept and not changed
