"""The page of the original's names is whole and true, and its checks can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lean_table import DECLINED, PAGE, ROOT, complaints, rows, wanted
from tests.mutate_names import mutant, outcome, put, wrong

TABLE = """
| original | here | signature | what it is | shown by | differs |
|---|---|---|---|---|---|
| `loss.mse` | `tl.loss.MeanSquaredError` | `(reduction='mean')` | One. | `{0}` | B5 |
| `verify` | declined | - | Intervals are no training. | - | - |
"""
HERE = "tests/test_lean_api.py::test_every_name_of_the_original_has_its_row"


def test_every_name_of_the_original_has_its_row() -> None:
    """Each name has a row; each row a thing, its signature, a sentence and a test."""
    assert "\n".join(complaints(ROOT, PAGE.read_text("utf-8"), wanted())) == ""


def test_what_is_declined_is_not_of_the_page() -> None:
    """Only the page's surroundings are declined, and each for a reason."""
    declined = [row for row in rows(PAGE.read_text("utf-8")) if row.ours == DECLINED]
    assert not {row.original for row in declined} & set(wanted())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("loss.mse", "loss.mae", "expected a row for loss.mse, got none"),
        (
            "tl.loss.MeanSquaredError",
            "tl.loss.Missing",
            "loss.mse: expected tl.loss.Missing to exist, got nothing",
        ),
        (
            "'mean'",
            "'sum'",
            "loss.mse: expected the signature (reduction='mean'), got "
            "(reduction='sum')",
        ),
        ("One.", "", "loss.mse: expected a sentence, got ''"),
        (f"`{HERE}`", "-", "loss.mse: expected a test, got none"),
        (
            "_has_its_row",
            "_has",
            "loss.mse: expected a test "
            "tests/test_lean_api.py::test_every_name_of_the_original_has, got none",
        ),
        ("B5 ", "B99 ", "loss.mse: expected a row B99 of deviations, got none"),
        ("`verify`", "`loss.mse`", "loss.mse: expected one row, got several"),
    ],
)
def test_a_wrong_page_is_found(old: str, new: str, message: str) -> None:
    """A missing row, name, sentence or test: one sentence each."""
    page = TABLE.format(HERE)
    assert complaints(ROOT, page, ["loss.mse"]) == []
    assert complaints(ROOT, page.replace(old, new, 1), ["loss.mse"]) == [message]


def test_a_wrong_value_is_another_value() -> None:
    """What a mutant answers differs from what was answered, and is of its kind."""
    for value in (True, 3, 0.5, "a", (1, 2), [1], {"a": 1}):
        found = wrong(value)
        assert found != value
        assert type(found) is type(value)


def test_a_mutant_of_a_function_answers_otherwise() -> None:
    """It takes the same arguments; one that answers nothing does nothing."""

    def add(x: int, y: int) -> int:
        return x + y

    def note(seen: list[int]) -> None:
        seen.append(1)

    assert mutant(add)(1, y=2) == 4
    seen: list[int] = []
    mutant(note)(seen)
    assert seen == []


def test_a_test_that_cannot_fail_is_told_from_one_that_can(tmp_path: Path) -> None:
    """A mutant turns the one red and leaves the other green."""
    path = tmp_path / "test_count.py"
    path.write_text(
        "import torchlean as tl\n"
        "def test_seen():\n"
        "    assert tl.metrics.accuracy([1], [1]).correct == 1\n"
        "def test_blind():\n"
        "    assert tl.metrics.accuracy([1], [1]).total == 1\n",
        "utf-8",
    )
    seen, blind = (f"{path}::{name}" for name in ("test_seen", "test_blind"))
    assert outcome((seen, blind), None)[0] == 0
    assert outcome((seen,), "tl.metrics.accuracy")[0] == 1
    assert outcome((blind,), "tl.metrics.accuracy")[0] == 0


def test_types_alone_are_not_replaced() -> None:
    """An alias has no wrong form, and is left as it is."""
    assert not put("tl.loss.Reduction")
