"""The documents say what is so: dependencies, decisions, deviations."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEFECTS = range(51)
"""The defects of the original, B0 to B50."""

SHEET = """
| id | the original | torchlean | why | told apart by |
|---|---|---|---|---|
| B0 | prints | reads | lost | `tests/test_a.py::test_one`, `tests/test_a.py::test_b` |
| B1 | no | no | no | not built: there is no device |
"""

Row = tuple[str, list[str]]


def rows(text: str) -> Iterator[Row]:
    """The rows of a sheet: the id, and the five cells of each."""
    for line in text.splitlines():
        if match := re.match(r"\| (B\d+) \|", line):
            yield match[1], [cell.strip() for cell in line.strip("|").split(" | ")]


def complaints(root: Path, text: str, wanted: list[str]) -> list[str]:
    """What is wrong with a sheet: missing rows, empty cells, absent tests."""
    found = []
    seen = [name for name, _ in rows(text)]
    if seen != wanted:
        found.append(f"expected the rows {wanted}, got {seen}")
    for name, cells in rows(text):
        if len(cells) != 5 or not all(cells):
            found.append(f"{name}: expected five filled cells, got {len(cells)}")
            continue
        tests = re.findall(r"`([^`]+\.py)::(\w+)`", cells[4])
        if not tests and not re.match(r"(not built|declined): \w", cells[4]):
            found.append(f"{name}: expected a test or a reason, got {cells[4]}")
        for path, test in tests:
            if test not in functions(root / path):
                found.append(f"{name}: expected a test {path}::{test}, got none")
    return found


def functions(path: Path) -> set[str]:
    """The names of a module's functions; none if there is no module."""
    if not path.is_file():
        return set()
    body = ast.parse(path.read_text("utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


def test_every_defect_of_the_original_is_decided() -> None:
    """B0 to B50 each have a row, and every test that a row names exists."""
    text = (ROOT / "docs" / "deviations.md").read_text("utf-8")
    wanted = [f"B{number}" for number in DEFECTS]
    assert "\n".join(complaints(ROOT, text, wanted)) == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("| B1 |", "| B2 |", "expected the rows ['B0', 'B1'], got ['B0', 'B2']"),
        (
            "test_b",
            "test_c",
            "B0: expected a test tests/test_a.py::test_c, got none",
        ),
        ("reads", "", "B0: expected five filled cells, got 5"),
        (
            "not built: there",
            "perhaps there",
            "B1: expected a test or a reason, got perhaps there is no device",
        ),
        ("| lost ", "", "B0: expected five filled cells, got 4"),
    ],
)
def test_a_wrong_sheet_is_found(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """A missing row, an empty cell, a test that does not exist: one sentence each."""
    (tmp_path / "tests").mkdir()
    module = "def test_one(): ...\n\n\ndef test_b(): ...\n"
    (tmp_path / "tests" / "test_a.py").write_text(module)
    assert complaints(tmp_path, SHEET, ["B0", "B1"]) == []
    assert complaints(tmp_path, SHEET.replace(old, new), ["B0", "B1"]) == [message]


@pytest.mark.parametrize(
    ("tree", "package"),
    [
        ("spec", "torchlean_spec"),
        ("runtime", "torchlean"),
        ("proofs", "torchlean_proofs"),
    ],
)
def test_what_a_tree_says_of_itself_exists(tree: str, package: str) -> None:
    """Each file and folder that a tree's README names is there."""
    page = (ROOT / tree / "README.md").read_text("utf-8")
    named = re.findall(r"`([\w/]+(?:\.py|/))`", page)
    absent = [name for name in named if not (ROOT / tree / package / name).exists()]
    assert named
    assert absent == []


def pages_with_examples() -> list[Path]:
    """The pages of the documentation that have Python to run."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    return [page for page in pages if "```python\n" in page.read_text("utf-8")]


def test_there_are_pages_with_examples() -> None:
    """They are found where they are looked for."""
    assert "logs.md" in [page.name for page in pages_with_examples()]


@pytest.mark.parametrize("page", pages_with_examples(), ids=lambda page: page.name)
def test_a_page_keeps_its_word(page: Path, tmp_path: Path) -> None:
    """Its Python runs as it stands, and prints what it says."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "tests/run_readme.py"), str(page)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_page_of_evidence_counts_what_the_ledger_has() -> None:
    """So many laws, so many theorems, so many of them proved or by definition."""
    folder = ROOT / "proofs" / "torchlean_proofs"
    laws = json.loads((folder / "ledger.json").read_text("utf-8"))
    theorems = json.loads((folder / "theorems.json").read_text("utf-8"))
    proved = sum(each["level"] == "proved" for each in theorems)
    page = " ".join((ROOT / "docs" / "evidence.md").read_text("utf-8").split())
    assert f"{len(laws)} of them) are statements" in page
    assert f"{len(theorems)}) hold for all inputs. {proved} of them" in page
    assert f"{len(theorems) - proved} are true *by definition*" in page


def test_every_dependency_has_a_reason() -> None:
    """The page of dependencies names what the project declares, and nothing else."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = declared["project"]
    wanted = [
        *declared["build-system"]["requires"],
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
        *declared["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[<>=\[]", one)[0] for one in wanted}
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE))
    assert rows | {"hatchling"} == names
    assert "`hatchling`" in page


def test_every_decision_is_listed_and_has_its_three_parts() -> None:
    """The list of decisions is whole, and each says context, decision, consequence."""
    folder = ROOT / "docs" / "decisions"
    listing = (folder / "README.md").read_text("utf-8")
    files = sorted(folder.glob("[0-9]*.md"))
    assert [int(path.name[:3]) for path in files] == list(range(1, len(files) + 1))
    expected = []
    for path in files:
        title, *_ = path.read_text("utf-8").splitlines()
        assert title.startswith(f"# {path.name[:3]} ")
        expected.append(f"- [{path.name[:3]}]({path.name}) {title[6:]}")
        parts = re.findall(r"^\*\*(\w+)\.\*\*", path.read_text("utf-8"), re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequence"]
    assert re.findall(r"^- .*$", listing, re.MULTILINE) == expected
