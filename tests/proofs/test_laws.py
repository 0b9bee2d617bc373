"""The laws: each is kept, each rejects its mutants, and the ledger says so."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from functools import cache

import pytest

from torchlean_proofs import ledger
from torchlean_proofs.__main__ import laws_command
from torchlean_proofs.laws import TOPICS, all_laws, laws_of
from torchlean_proofs.laws.law import Evidence, Examination, Law, examine, law
from torchlean_spec.description import RECORDS
from torchlean_spec.errors import TorchLeanError
from torchlean_spec.operations import OPERATIONS

LAWS = {each.identifier: each for each in all_laws()}


@cache
def examined(identifier: str) -> Examination:
    return examine(LAWS[identifier])


@pytest.mark.parametrize("identifier", LAWS)
def test_laws_are_kept(identifier: str) -> None:
    """The law holds in every case, of something, and rejects every mutant."""
    found = examined(identifier)
    assert ledger.verdict(found).startswith("kept")
    assert found.kept


def test_the_ledger_is_what_the_laws_say() -> None:
    """Made anew, the committed ledger is the same to the letter."""
    entries = [ledger.entry(examined(each)) for each in LAWS]
    assert ledger.as_text(list(entries)) == ledger.committed(), (
        "after a law has changed: python -m torchlean_proofs.ledger"
    )


def test_identifiers_are_given_once() -> None:
    """No two laws share a name."""
    counted = Counter(each.identifier for each in all_laws())
    assert [name for name, count in counted.items() if count > 1] == []


def test_sentences_are_sentences() -> None:
    """Every law says what it says in words, and ends with a full stop."""
    assert [each for each in LAWS if not LAWS[each].sentence.endswith(".")] == []


def test_every_topic_has_laws() -> None:
    """No file of laws is empty."""
    assert [topic for topic in TOPICS if not laws_of(topic)] == []


def resolves(name: str) -> bool:
    """Whether a dotted name within `torchlean_spec` is that of an object."""
    if name.startswith("operations.") and name.split(".")[1] in OPERATIONS:
        return name.split(".")[2:] in ([], ["meaning"], ["derivative"])
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(
                ".".join(["torchlean_spec", *parts[:split]])
            )
        except ModuleNotFoundError:
            continue
        for part in parts[split:]:
            if not hasattr(found, part):
                annotated = getattr(found, "__annotations__", {})
                return part in annotated
            found = getattr(found, part)
        return True
    return False


def test_laws_speak_of_objects_that_exist() -> None:
    """Every dotted name in the ledger is that of an object of the spec."""
    spoken = {name for each in all_laws() for name in each.objects}
    assert sorted(name for name in spoken if not resolves(name)) == []


def wanted() -> list[str]:
    """The objects that the spec is made of, by their dotted names."""
    found = [f"operations.{name}.meaning" for name in OPERATIONS]
    found += [
        f"operations.{name}.derivative"
        for name, operation in OPERATIONS.items()
        if operation.derivative
    ]
    for record in RECORDS.values():
        place = record.__module__.removeprefix("torchlean_spec.").split(".")[0]
        if place in PLACES and record.__name__ not in HELPERS:
            found.append(f"{place}.{record.__name__}")
    return sorted(set(found))


PLACES = (
    "layers",
    "losses",
    "initializers",
    "optimizers",
    "schedules",
    "clipping",
    "data",
    "task",
    "training",
)
"""The modules whose records describe runs."""

HELPERS = ("Parameter", "Context", "AdamForm")
"""Records that are no part of a description."""

WORDS = """
    shape.size shape.rank shape.axis_of shape.permute shape.concatenate
    shape.broadcast_axes numbers.rational.Rational numbers.binary.Binary
    numbers.bounded.BoundedSystem numbers.dual.Dual numbers.floating.Floating
    program.trace program.gradient program.evaluate metrics.accuracy metrics.top_k
    metrics.confusion_matrix schedules.rate_at clipping.norm_of random.philox
    random.permutation random.words data.split data.Loader.batches
    data.Dataset.digest task.training_program training.run training.initial_state
    training.batch_of training.backward training.clip training.update
    description.to_json description.from_json
"""
"""Functions and systems that have to be spoken of beside the records."""


def test_every_object_of_the_spec_has_a_law() -> None:
    """Operations, layers, losses, optimizers and all the rest are spoken of."""
    spoken = {name for each in all_laws() for name in each.objects}
    spoken |= {name.rpartition(".")[0] for name in spoken}
    assert [each for each in (*wanted(), *WORDS.split()) if each not in spoken] == []


# WHAT A LAW MAY NOT BE


def made(holds: bool, mutant: bool, cases: int = 1) -> Law:
    """A law that holds of its subject, and of its mutant, as told."""

    @law(
        "test.law",
        objects="shape.size",
        evidence=Evidence.SEARCHED,
        subject=holds,
        mutants={"mutant": mutant},
        cases=lambda draws: range(cases),
    )
    def follows(subject: bool, case: int) -> bool:
        """What the subject says, holds."""
        return subject

    return follows


def examination(holds: bool, mutant: bool, cases: int = 1) -> Examination:
    return examine(made(holds, mutant, cases))


def test_a_law_that_rejects_its_mutants_is_kept() -> None:
    """The witness is the first case; each refuted mutant has a counterexample."""
    found = examination(True, False, 3)
    assert found.kept
    assert (found.witness, found.examples, dict(found.refuted)) == (0, 3, {"mutant": 0})
    assert ledger.verdict(found) == "kept    test.law: 3 cases, 1 mutants"


def test_a_law_that_rejects_nothing_is_not_kept() -> None:
    """A law that cannot tell right from wrong is broken."""
    found = examination(True, True)
    assert not found.kept
    assert ledger.verdict(found) == (
        "broken  test.law: rejects not every mutant: mutant"
    )


def test_a_law_that_does_not_hold_is_not_kept() -> None:
    """A counterexample is shown."""
    found = examination(False, False)
    assert not found.kept
    assert ledger.verdict(found) == "broken  test.law: does not hold of 0"


def test_a_law_of_nothing_is_not_kept() -> None:
    """A premise that nothing satisfies proves nothing."""
    found = examination(True, False, 0)
    assert not found.kept
    assert ledger.verdict(found) == "broken  test.law: no case satisfies its premise"


# THE COMMAND


def test_the_command_lists_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    """Each law takes one line, and the last line counts them."""
    assert laws_command([]) == 0
    said = capsys.readouterr().out.splitlines()
    said = said[: said.index("")]
    entries = json.loads(ledger.committed())
    assert len(said) == len(entries) + 1
    refuted = sum(each["refuted"] for each in entries)
    assert said[-1] == f"{len(entries)} laws, which refute {refuted} mutants"


def test_the_command_shows_a_law(capsys: pytest.CaptureFixture[str]) -> None:
    """Sentence, evidence, objects, witness and mutants are shown."""
    assert laws_command(["show", "shape.strides"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "shape.strides: Along the strides, the elements are numbered in row-major "
        "order.",
        "  evidence  exhaustive, 85 cases",
        "  speaks of torchlean_spec.shape.strides",
        "  witness   ()",
        "  refutes   column-major",
    ]


def test_the_command_checks_a_law(capsys: pytest.CaptureFixture[str]) -> None:
    """Checking runs the law again."""
    assert laws_command(["check", "shape.size"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "kept    shape.size: 85 cases, 2 mutants",
        "1 of 1 laws are kept",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "laws: expected the name of a law to show, got none"),
        (["list", "a"], "laws: expected no name after list, got 'a'"),
    ],
)
def test_wrong_usage_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command line that makes no sense gives exit code 2."""
    assert laws_command(words) == 2
    expected = f"torchlean: {said} (torchlean laws --help)\n"
    assert capsys.readouterr().err == expected


def test_unknown_laws_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """A law that does not exist gives exit code 2."""
    assert laws_command(["show", "shape.colour"]) == 2
    assert capsys.readouterr().err == (
        "torchlean: expected the name of a law such as 'shape.size', "
        "got 'shape.colour'\n"
    )
    with pytest.raises(TorchLeanError):
        ledger.law_named("shape.colour")
