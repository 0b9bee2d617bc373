"""The examples of a Markdown file are run, and a wrong number is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("run_readme.py")

GOOD = """# A title

```python
rates = [0.5, 0.25]
print("not looked at")
```

```console
$ not python
```

```python
print(sum(rates))  # prints 0.75
for rate in rates:
    print(rate)
    # prints 0.5
    # prints 0.25
```
"""


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run the examples of a text in an empty folder."""
    path = folder / "EXAMPLE.md"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), path.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_examples_that_keep_their_word_pass(tmp_path: Path) -> None:
    """Blocks share their names, and promised lines are counted."""
    done = run(tmp_path, GOOD)
    assert done.stderr == ""
    assert done.stdout == "EXAMPLE.md: 2 examples ran, 3 printed lines as shown\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "# prints 0.75",
            "# prints 0.76",
            "EXAMPLE.md, line 13: expected to print ['0.76'], got ['0.75']",
        ),
        (
            "    print(rate)\n",
            "    pass\n",
            "EXAMPLE.md, line 14: expected to print ['0.5', '0.25'], got []",
        ),
        (
            "rates = [0.5, 0.25]",
            "# prints 1\nrates = [0.5, 0.25]",
            "EXAMPLE.md, line 4: expected a statement before '1', got none",
        ),
        (
            "# prints",
            "# shows",
            "EXAMPLE.md: expected a comment '# prints', got none",
        ),
        (
            "```python",
            "```text",
            "EXAMPLE.md: expected a block fenced as python, got none",
        ),
    ],
)
def test_examples_that_do_not_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """One sentence says where, what was promised and what was printed."""
    done = run(tmp_path, GOOD.replace(old, new))
    assert done.stderr == message + "\n"
    assert done.returncode == 1


def test_an_example_that_raises_fails(tmp_path: Path) -> None:
    """The traceback shows the line of the file."""
    done = run(tmp_path, GOOD.replace("sum(rates)", "sum(None)"))
    assert done.returncode == 1
    assert 'File "EXAMPLE.md", line 13' in done.stderr
    assert "print(sum(None))  # prints 0.75" in done.stderr
