"""Who may import whom, what stands where, and how long things may be.

Each check is a function from the repository's folder to the sentences that it has to
say; the repository must leave them all silent, and each is shown to speak on a small
tree with one planted fault.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "spec": "torchlean_spec",
    "runtime": "torchlean",
    "proofs": "torchlean_proofs",
}
MODULE_LINES = 500
FUNCTION_LINES = 60
PARTIES = {
    "runtime": {
        "numpy",
        "numba",
        "llvmlite",
        "tqdm",
        "safetensors",
        "sklearn",
        "matplotlib",
    },
    "proofs": {"hypothesis", "pytest", "numpy", "z3"},
}
"""What may be imported beside the standard library and typing_extensions."""

Check = Callable[[Path], list[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(root: Path, *folders: str) -> list[Path]:
    """The Python files below some folders."""
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """What a module imports, in full: (line, `package.module.name`).

    Imports inside functions count, and so do the literal arguments of
    `import_module` and `__import__`. Relative imports stay in their package.
    """
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{a.name}") for a in node.names)
        elif isinstance(node, ast.Call) and node.args:
            function, first = node.func, node.args[0]
            called = getattr(function, "attr", getattr(function, "id", ""))
            if called in ("import_module", "__import__") and isinstance(
                first, ast.Constant
            ):
                yield node.lineno, str(first.value)


def refused_imports(
    root: Path, files: list[Path], allowed: Callable[[Path, str], bool]
) -> list[str]:
    """The imports that are not allowed, as sentences."""
    return [
        f"{path.relative_to(root)}:{line}: may not import {name}"
        for path in files
        for line, name in imported(path)
        if not allowed(path, name)
    ]


def is_library(name: str, parties: set[str]) -> bool:
    """Whether a name comes from the standard library or an admitted package."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names | {"typing_extensions"} | parties


def spec_imports(root: Path) -> list[str]:
    """The spec: the standard library; mypy in the plugin only."""

    def allowed(path: Path, name: str) -> bool:
        plugin = {"mypy"} if "mypy_plugin" in path.parts else set()
        return is_library(name, {"torchlean_spec"} | plugin)

    return refused_imports(root, modules(root, "spec"), allowed)


def runtime_imports(root: Path) -> list[str]:
    """The runtime: the spec and what the project declares; never the proofs."""
    ours = {"torchlean", "torchlean_spec"}
    return refused_imports(
        root,
        modules(root, "runtime"),
        lambda _, name: is_library(name, ours | PARTIES["runtime"]),
    )


def proofs_imports(root: Path) -> list[str]:
    """The proofs: the spec; the runtime by one door; adapters, their own library."""

    def allowed(path: Path, name: str) -> bool:
        if path.parent.name == "backends" and not name.startswith("torchlean."):
            return True
        ours = {"torchlean_spec", "torchlean_proofs"}
        door = f"{name}.".startswith("torchlean.backend.")
        return door or is_library(name, ours | PARTIES["proofs"])

    return refused_imports(root, modules(root, "proofs"), allowed)


def proofs_importers(root: Path) -> list[str]:
    """Nothing imports the proofs, save what tests them."""
    folders = ("spec", "runtime", "examples", "tests/spec", "tests/runtime")
    return refused_imports(
        root,
        modules(root, *folders),
        lambda _, name: name.partition(".")[0] != "torchlean_proofs",
    )


def one_package_each(root: Path) -> list[str]:
    """Each tree holds one package and a README: the trees stand on the import path."""
    found = []
    for tree, package in PACKAGES.items():
        names = {path.name for path in (root / tree).iterdir()} - {"__pycache__"}
        if names != {package, "README.md"}:
            found.append(
                f"{tree}: must hold {package} and README.md, holds {sorted(names)}"
            )
        for name in ("__init__.py", "py.typed"):
            if not (root / tree / package / name).is_file():
                found.append(f"{tree}/{package}: must hold {name}")
    return found


def short_modules(root: Path) -> list[str]:
    """No module is over 500 lines."""
    found = []
    for path in modules(root, *PACKAGES, "tests", "benchmarks", "examples"):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > MODULE_LINES:
            found.append(
                f"{path.relative_to(root)}: {lines} lines, over {MODULE_LINES}"
            )
    return found


def short_functions(root: Path) -> list[str]:
    """No function is longer than a screen, its docstring aside.

    Functions defined inside it count by themselves: kernels are made by functions
    that hold one for each format.
    """
    found = []
    for path in modules(root, *PACKAGES, "tests", "benchmarks", "examples"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, Function) and (lines := _own(node)) > FUNCTION_LINES:
                found.append(
                    f"{path.relative_to(root)}:{node.lineno}: {node.name} "
                    f"has {lines} lines, over {FUNCTION_LINES}"
                )
    return found


def _own(function: Function) -> int:
    """A function's lines, without its docstring and the functions inside it."""
    lines = _lines(function)
    if ast.get_docstring(function) is not None:
        lines -= _lines(function.body[0])
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function):
            lines -= _lines(node)
        else:
            waiting += ast.iter_child_nodes(node)
    return lines


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstrings(root: Path) -> list[str]:
    """Every module, public definition and test says what it is."""
    found = []
    for path in modules(root, *PACKAGES, "tests"):
        module = ast.parse(path.read_text("utf-8"))
        tests = "tests" in path.relative_to(root).parts
        named: list[tuple[str, ast.Module | ast.ClassDef | Function]] = []
        named += [] if tests else [("", module)]
        named += _public(module.body, only_tests=tests)
        for name, node in named:
            if not ast.get_docstring(node):
                line = getattr(node, "lineno", 1)
                what = name or "the module"
                found.append(
                    f"{path.relative_to(root)}:{line}: {what} has no docstring"
                )
    return found


def _public(
    body: list[ast.stmt], only_tests: bool, prefix: str = ""
) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """The definitions that need a docstring, by their dotted names."""
    for node in body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        if only_tests and not node.name.startswith("test_"):
            continue
        if any("overload" in ast.unparse(one) for one in node.decorator_list):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node.body, only_tests, f"{prefix}{node.name}.")


def topic_names(root: Path) -> list[str]:
    """A topic has one name: tests mirror the modules, laws bear the topic's name."""
    found = []
    for tree, package in PACKAGES.items():
        for path in modules(root, f"tests/{tree}"):
            inside = path.relative_to(root / "tests" / tree)
            stem = inside.stem.removeprefix("test_")
            folder = root / tree / package / inside.parent
            if stem != inside.stem and not any(
                _is_module(folder, n) for n in _heads(stem)
            ):
                found.append(
                    f"tests/{tree}/{inside}: no module {stem} in {tree}/{package}"
                )
    topics = {
        name
        for tree in ("spec", "runtime")
        for path in modules(root, f"{tree}/{PACKAGES[tree]}")
        for name in (path.stem, path.parent.name)
    }
    for path in modules(root, "proofs/torchlean_proofs/laws"):
        if path.stem in ("__init__", "law"):
            continue
        if not topics & set(_heads(path.stem)):
            found.append(
                f"{path.relative_to(root)}: no topic {path.stem} in spec or runtime"
            )
    return found


def _heads(stem: str) -> list[str]:
    """`binary_special_values` may test the module `binary`: the stem's beginnings."""
    words = stem.split("_")
    return ["_".join(words[:count]) for count in range(1, len(words) + 1)]


def _is_module(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


CHECKS: list[Check] = [
    spec_imports,
    runtime_imports,
    proofs_imports,
    proofs_importers,
    one_package_each,
    short_modules,
    short_functions,
    docstrings,
    topic_names,
]

LONG_FUNCTION = f'def f():\n    """F."""\n{"    x = 0" + chr(10)}' + "    x = 1\n" * 59

PLANTED: list[tuple[Check, str, str, str]] = [
    (spec_imports, "spec/torchlean_spec/a.py", "import numpy", "may not import numpy"),
    (
        spec_imports,
        "spec/torchlean_spec/a.py",
        "def f():\n    from torchlean import log",
        "may not import torchlean.log",
    ),
    (
        spec_imports,
        "spec/torchlean_spec/a.py",
        "import mypy.plugin",
        "may not import mypy.plugin",
    ),
    (
        spec_imports,
        "spec/torchlean_spec/a.py",
        "import importlib\nimportlib.import_module('numba')",
        "may not import numba",
    ),
    (
        runtime_imports,
        "runtime/torchlean/a.py",
        "import torchlean_proofs.judge",
        "may not import torchlean_proofs.judge",
    ),
    (runtime_imports, "runtime/torchlean/a.py", "import torch", "may not import torch"),
    (
        proofs_imports,
        "proofs/torchlean_proofs/a.py",
        "from torchlean import log",
        "may not import torchlean.log",
    ),
    (
        proofs_imports,
        "proofs/torchlean_proofs/a.py",
        "import torchlean.backends",
        "may not import torchlean.backends",
    ),
    (
        proofs_imports,
        "proofs/torchlean_proofs/a.py",
        "import numba",
        "may not import numba",
    ),
    (
        proofs_imports,
        "proofs/torchlean_proofs/backends/a.py",
        "import torchlean.log",
        "may not import torchlean.log",
    ),
    (
        proofs_importers,
        "tests/runtime/test_log.py",
        "from torchlean_proofs import judge",
        "may not import torchlean_proofs.judge",
    ),
    (one_package_each, "spec/loose.py", "", "must hold torchlean_spec and README.md"),
    (
        one_package_each,
        "runtime/other/__init__.py",
        "",
        "must hold torchlean and README.md",
    ),
    (short_modules, "spec/torchlean_spec/a.py", "#\n" * 501, "501 lines, over 500"),
    (short_functions, "tests/test_a.py", LONG_FUNCTION, "f has 61 lines, over 60"),
    (docstrings, "spec/torchlean_spec/a.py", "x = 1", "the module has no docstring"),
    (
        docstrings,
        "spec/torchlean_spec/a.py",
        '"""A."""\nclass A:\n    """A."""\n    def f(self): ...',
        "A.f has no docstring",
    ),
    (
        docstrings,
        "tests/test_a.py",
        "def test_a(): ...",
        "test_a has no docstring",
    ),
    (topic_names, "tests/spec/test_optim.py", '"""A."""', "no module optim in spec/"),
    (
        topic_names,
        "tests/runtime/spec/test_log.py",
        '"""A."""',
        "no module log in runtime/",
    ),
    (
        topic_names,
        "proofs/torchlean_proofs/laws/optim.py",
        '"""A."""',
        "no topic optim in spec or runtime",
    ),
]

HARMLESS = {
    "spec/torchlean_spec/shape.py": "from typing_extensions import Self",
    "spec/torchlean_spec/mypy_plugin/__init__.py": "import mypy.plugin",
    "runtime/torchlean/log.py": "import numpy\nfrom torchlean_spec import shape",
    "proofs/torchlean_proofs/judge.py": "import torchlean.backend",
    "proofs/torchlean_proofs/a.py": "from torchlean.backend import run",
    "proofs/torchlean_proofs/b.py": "from torchlean import backend",
    "proofs/torchlean_proofs/backends/peer.py": "import torch",
    "proofs/torchlean_proofs/laws/shape.py": "from torchlean_spec import shape",
    "proofs/torchlean_proofs/laws/law.py": "from torchlean_spec import shape",
    "runtime/torchlean/kernels.py": (
        "def make():\n"
        '    """A."""\n'
        + "    def one():\n"
        + "        x = 0\n" * 40
        + "    def two():\n"
        + "        x = 0\n" * 40
    ),
    "tests/spec/test_shape_errors.py": "from torchlean_spec import shape",
    "tests/proofs/test_judge.py": "from torchlean_proofs import judge",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository without fault."""
    for folder, package in PACKAGES.items():
        (tmp_path / folder / package).mkdir(parents=True)
        (tmp_path / folder / "README.md").touch()
        (tmp_path / folder / package / "py.typed").touch()
        (tmp_path / folder / package / "__init__.py").write_text('"""A."""')
    for name, text in HARMLESS.items():
        plant(tmp_path, name, f'"""A."""\n{text}')
    return tmp_path


def plant(root: Path, name: str, text: str) -> None:
    """Write a file, its folders included."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_repository_keeps_the_rule(check: Check) -> None:
    """The check has nothing to say about this repository."""
    assert "\n".join(check(ROOT)) == ""


def test_harmless_files_are_left_alone(tree: Path) -> None:
    """No check speaks on a tree without fault."""
    assert [sentence for check in CHECKS for sentence in check(tree)] == []


@pytest.mark.parametrize(("check", "name", "text", "message"), PLANTED)
def test_a_planted_fault_is_found(
    tree: Path, check: Check, name: str, text: str, message: str
) -> None:
    """One fault, one sentence, which names it."""
    plant(tree, name, text)
    (sentence,) = check(tree)
    assert message in sentence


def test_every_check_has_a_planted_fault() -> None:
    """No check is taken on trust."""
    assert {check for check, *_ in PLANTED} == set(CHECKS)
