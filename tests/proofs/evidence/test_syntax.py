"""Mutants differ from their function in one place and live where it lives."""

from __future__ import annotations

from collections.abc import Callable

from torchlean_proofs.evidence.syntax import carried_names, digest_of, mutants


def made(offset: int) -> Callable[[float, float], float]:
    """A function with something from around it."""

    def slope(x: float, y: float) -> float:
        """A docstring, which is no part of what the function says."""
        rise = x - offset
        return rise / y

    return slope


def other(x: float, y: float) -> float:
    """The same, written otherwise."""
    # A comment.
    rise = x - y
    return rise / y


def test_mutants_are_wrong_in_one_place() -> None:
    """Each answers otherwise somewhere, with what its function takes from around."""
    function = made(1)
    found = {why: mutant for why, mutant in mutants(function)}
    assert sorted(why.partition(": ")[2] for why in found) == [
        "- became +",
        "- has its operands exchanged",
        "/ became *",
        "/ has its operands exchanged",
        "left out",
        "x became y",
        "y became x",
    ]
    for why, mutant in found.items():
        if why.endswith("left out"):
            continue
        assert mutant(5.0, 3.0) != function(5.0, 3.0), why


def test_a_digest_is_of_what_is_said() -> None:
    """Comments do not count; operators and enclosed numbers do."""
    assert digest_of(made(1)) == digest_of(made(1))
    assert digest_of(made(1)) != digest_of(made(2))
    assert digest_of(made(1)) != digest_of(other)


def test_carried_names() -> None:
    """A name that is bound before a loop and in it, or read after it, is carried."""

    def carries(values: list[float]) -> float:
        total = 0.0
        for each in values:
            total = total + each
        return total

    def reads_after(values: list[float]) -> float:
        for each in values:
            last = each
        return last  # type: ignore[possibly-undefined]

    def keeps(values: list[float]) -> None:
        factor = 2.0
        for each in values:
            doubled = factor * each
            values.append(doubled)

    assert carried_names(carries) == ["total"]
    assert carried_names(reads_after) == ["last"]
    assert carried_names(keeps) == []
