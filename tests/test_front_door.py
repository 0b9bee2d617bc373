"""`import torchlean` is cheap, complete, and the same to Python and to mypy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import torchlean as tl

SOURCE = Path(tl.__file__)


def promised() -> dict[str, str]:
    """The public names as mypy reads them, each with the module it comes from."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(SOURCE.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            found |= {a.asname: f"{node.module}" for a in node.names if a.asname}
    return found


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def loaded_after(code: str, *packages: str) -> str:
    """Which of some packages a fresh interpreter has imported after a line."""
    wanted = f"{{name.partition('.')[0] for name in sys.modules}} & set({packages})"
    return run(f"import sys\n{code}\nprint(sorted({wanted}))")


def test_mypy_and_python_see_the_same_names() -> None:
    """What is imported for type checkers is what `dir` lists, and nothing else."""
    assert sorted([*promised(), "__version__"]) == dir(tl)


@pytest.mark.parametrize("name", sorted(promised()))
def test_every_name_is_there(name: str) -> None:
    """Each public name is the object of that name in the module it is said to be of."""
    home = promised()[name]
    module = __import__(home, fromlist=[name])
    assert getattr(tl, name) is getattr(module, name)


def test_another_name_is_refused_as_python_does() -> None:
    """An attribute that does not exist is an `AttributeError`."""
    with pytest.raises(AttributeError) as refused:
        tl.Trianer  # type: ignore[attr-defined]  # noqa: B018
    assert str(refused.value) == "module 'torchlean' has no attribute 'Trianer'"


def test_the_import_is_lazy() -> None:
    """The import alone brings neither NumPy nor Numba nor the spec."""
    packages = ("numpy", "numba", "llvmlite", "torchlean_spec", "tqdm")
    assert loaded_after("import torchlean", *packages) == "[]"


def test_descriptions_need_no_arrays() -> None:
    """Models, losses, optimizers and schedules are described without NumPy."""
    code = (
        "import torchlean as tl\n"
        "tl.nn.Sequential(tl.nn.Linear(2, 1)), tl.loss.Huber(), tl.optim.Adam()\n"
        "tl.schedule.Cosine(10), tl.clipping.ClipNorm(1)"
    )
    assert loaded_after(code, "numpy", "numba", "llvmlite") == "[]"


def test_the_faces_are_the_specs_records() -> None:
    """A layer, a loss or an optimizer of `tl` is the spec's own record."""
    code = (
        "import torchlean as tl\n"
        "print({type(each).__module__.partition('.')[0] for each in"
        " (tl.nn.ReLU(), tl.loss.CrossEntropy(), tl.optim.SGD(1))})"
    )
    assert run(code) == "{'torchlean_spec'}"
