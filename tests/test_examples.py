"""Every example runs, in a folder of its own, without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGE = ROOT / "docs" / "examples.md"


def promised() -> dict[str, str]:
    """What the page says that each example prints."""
    pattern = r"^## `examples/(\w+\.py)`\n.*?^```text\n(.*?)^```$"
    text = PAGE.read_text("utf-8")
    return dict(re.findall(pattern, text, re.MULTILINE | re.DOTALL))


def without_measures(text: str) -> str:
    """The text without the numbers that depend on the machine.

    >>> without_measures("loss -1.5e-05, 7 of 10 right, 70 %, step 3")
    'loss #, # of 10 right, # %, step 3'
    """
    text = re.sub(r"-?\d+(\.\d+)?e[+-]?\d+|-?\d+\.\d+", "#", text)
    return re.sub(r"\d+(?= of | %)", "#", text)


def test_every_example_is_on_the_page() -> None:
    """In the folder where it is looked for, and no other."""
    assert set(promised()) == {path.name for path in EXAMPLES}
    assert len(EXAMPLES) > 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_prints_what_the_page_says(path: Path, tmp_path: Path) -> None:
    """It ends well, without a warning; measured numbers aside, each line is there."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert without_measures(done.stdout) == without_measures(promised()[path.name])


def test_the_readme_keeps_its_word(tmp_path: Path) -> None:
    """Its Python runs as it stands, and prints what it says."""
    root = Path(__file__).parents[1]
    script = root / "tests" / "run_readme.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(root / "README.md")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
