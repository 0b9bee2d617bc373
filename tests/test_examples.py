"""Every example runs, in a folder of its own, without a warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def test_there_are_examples() -> None:
    """The folder is where it is looked for."""
    assert [path.name for path in EXAMPLES] == ["digits.py", "own_data.py"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    """It ends well, and says something."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout


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
