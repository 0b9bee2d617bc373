"""The committed theorems are those that the code has, and they hold."""

from __future__ import annotations

import pytest

from torchlean_proofs.__main__ import main
from torchlean_proofs.evidence.theorem import Theorem, prove
from torchlean_proofs.ledger import TRUSTED, shown, theorems, theorems_listed
from torchlean_proofs.proving import entry, theorem_named, untold
from torchlean_proofs.theorems import all_theorems

MUTANTS = 1
"""How many mutants of each function are refuted here; `make prove` tries all."""


@pytest.mark.parametrize("theorem", all_theorems(), ids=lambda each: each.identifier)
def test_a_theorem_holds_and_is_what_is_committed(theorem: Theorem) -> None:
    """Its obligations are discharged; statement, code and queries are as written."""
    found = prove(theorem, MUTANTS)
    assert found.failed == ()
    assert found.refuted
    assert not (found.survivors and theorem.tells_all)
    sampled = {"refuted", "unreached"}
    written = {each["id"]: each for each in theorems()}[theorem.identifier]
    fresh = entry(found)
    assert {k: v for k, v in fresh.items() if k not in sampled} == {
        k: v for k, v in written.items() if k not in sampled
    }
    assert written["refuted"] != 0


def test_a_mutant_that_no_theorem_tells_is_named() -> None:
    """A theorem that says a part leaves mutants, and one that says all takes them."""
    whole, part = (
        prove(theorem_named(f"optimizers.sgd.{name}")) for name in ("kernel", "odd")
    )
    assert part.kept and part.survivors
    assert untold([whole, part]) == []
    assert untold([part])[0].startswith("optimizers.sgd.odd: sgd, ")


def test_nothing_else_is_theorems() -> None:
    """A theorem that is gone is gone from the file, and none stands there twice."""
    assert [each["id"] for each in theorems()] == [
        each.identifier for each in all_theorems()
    ]


def test_the_list_counts_what_is_proved() -> None:
    """Equations of one graph with itself are counted apart."""
    said = theorems_listed()
    *lines, count = said[: -len(TRUSTED)]
    proved = sum(" proved " in line for line in lines)
    assert count == (
        f"{proved} theorems proved, and {len(lines) - proved} true by definition: "
        "both sides are the same graph"
    )


def test_a_theorem_is_shown_with_what_it_rests_on() -> None:
    """Its assumptions, and what every theorem trusts."""
    said = shown("optimizers.adam.orders")
    assert said[0].startswith("optimizers.adam.orders: Every admitted order")
    assert "  level     proved" in said
    assert "  assumes   reals" in said
    assert said[-1] == f"  trusts    {TRUSTED[-1]}"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """It proves one theorem with every mutant; an unknown name is one sentence."""
    assert main(["prove", "optimizers.sgd.kernel"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("kept    optimizers.sgd.kernel: definitional, ")
    assert printed.endswith("1 of 1 theorems are kept\n")
    assert main(["prove", "nothing"]) == 2
    assert capsys.readouterr().err == (
        "torchlean: expected the name of a theorem such as 'optimizers.sgd.kernel', "
        "got 'nothing'\n"
    )
