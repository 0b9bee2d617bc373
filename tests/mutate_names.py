"""Replace each function of the table by a wrong one, and see its tests go red.

For every row of `docs/lean-api.md` that names something of ours, the thing is replaced
by a wrong one of the same signature: a function whose answer is altered, or that does
nothing if it answers nothing; a record that keeps another value than it was given; a
property that says something else. Then the tests that the row names must fail, and
without the replacement they must pass.

    python -m tests.mutate_names [NAME ..]

prints the names whose tests stay green, and ends with 1 if there are any. Each mutant
lives in a process of its own, forked after everything is imported.
"""

from __future__ import annotations

import contextlib
import copy
import enum
import functools
import importlib
import inspect
import os
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from typing import IO, Any

import numpy as np
import pytest
from tests.lean_table import DECLINED, PAGE, Row, resolve, rows

import torchlean
import torchlean_proofs
import torchlean_spec

GREEN, RED, BROKEN = 0, (1, 2), 99
"""What pytest returns for tests that pass, and for failures or errors; and what a
process ends with that pytest did not end."""


def wrong(value: object) -> object:
    """Another value of the same kind, where there is one.

    >>> wrong(3), wrong(False), wrong("a"), wrong((1, 2)), wrong(None)
    (4, True, 'a?', (2, 2), 0)
    """
    if isinstance(value, enum.Enum):
        return next(each for each in type(value) if each is not value)
    if isinstance(value, bool | np.bool_):
        return not value
    if isinstance(value, int | Fraction | Decimal):
        return value + 1
    if isinstance(value, float):
        return 2 * value + 1 if np.isfinite(value) else 0.0
    if isinstance(value, str):
        return f"{value}?"
    if isinstance(value, np.ndarray):
        return ~value if value.dtype == bool else value + 1
    return _wrong_collection(value)


def _wrong_collection(value: object) -> object:
    """The same for what holds several values."""
    if isinstance(value, tuple):
        changed = (wrong(value[0]), *value[1:]) if value else (0,)
        return type(value)(*changed) if hasattr(value, "_fields") else changed
    if isinstance(value, list):
        return [wrong(value[0]), *value[1:]] if value else [0]
    if isinstance(value, dict):
        first = next(iter(value), None)
        return {**value, first: wrong(value.get(first))}
    if is_dataclass(value) and not isinstance(value, type):
        return _wrong_record(value)
    if hasattr(value, "__enter__"):
        return contextlib.nullcontext()
    if isinstance(value, Iterator):
        return iter(())
    return 0 if value is None else None


def _wrong_record(record: Any) -> object:
    """A copy with its fields changed; nothing if there is no field to change."""
    changed = copy.copy(record)
    altered = [_alter(changed, each.name) for each in fields(record)]
    return changed if any(altered) else None


def _alter(record: object, name: str) -> bool:
    """Change a field in place, if it holds something that can be changed."""
    before = getattr(record, name)
    if isinstance(before, type):
        return False
    after = mutant(before) if callable(before) else wrong(before)
    if after is None:
        return False
    object.__setattr__(record, name, after)
    return True


def mutant(original: Any) -> Any:
    """A wrong thing of the same signature; nothing for what cannot be called."""
    if isinstance(original, property):
        getter = original.fget
        assert getter is not None
        return property(lambda self: wrong(getter(self)))
    if isinstance(original, staticmethod | classmethod):
        return type(original)(mutant(original.__func__))
    if isinstance(original, type):
        return _mutant_of_class(original)
    if callable(original) and type(original).__module__ != "typing":
        return _mutant_of_function(original)
    return None


def _mutant_of_function(original: Callable[..., object]) -> Callable[..., object]:
    silent = inspect.signature(original).return_annotation in (None, "None")

    @functools.wraps(original)
    def replaced(*arguments: object, **named: object) -> object:
        return None if silent else wrong(original(*arguments, **named))

    return replaced


def _mutant_of_class(original: type) -> Callable[..., None] | None:
    """A constructor that keeps another value than it was given."""
    if not is_dataclass(original) or not fields(original):
        return None
    build: Callable[..., None] = original.__init__

    @functools.wraps(build)
    def replaced(self: object, *arguments: object, **named: object) -> None:
        build(self, *arguments, **named)
        any(_alter(self, each.name) for each in fields(original))

    return replaced


def put(path: str) -> bool:
    """Replace what a name of ours stands for by a wrong one, everywhere.

    Returns:
        Whether there is something to replace: types alone are not.
    """
    holder, name = resolve(path.rpartition(".")[0]), path.rpartition(".")[2]
    found = resolve(path)
    if isinstance(holder, type):
        owner = next(each for each in holder.__mro__ if name in vars(each))
        if (replaced := mutant(vars(owner)[name])) is None:
            return False
        setattr(owner, name, replaced)
        return True
    if (replaced := mutant(found)) is None:
        return False
    if isinstance(found, type):
        found.__init__ = replaced  # type: ignore[misc]
        return True
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("torchlean"):
            for key in [key for key, held in vars(module).items() if held is found]:
                setattr(module, key, replaced)
    return True


def can_be_replaced(path: str) -> bool:
    """Whether a name stands for something that has a wrong form."""
    holder, name = resolve(path.rpartition(".")[0]), path.rpartition(".")[2]
    if isinstance(holder, type):
        owner = next(each for each in holder.__mro__ if name in vars(each))
        return mutant(vars(owner)[name]) is not None
    return mutant(resolve(path)) is not None


def import_everything() -> None:
    """Import all of our modules, so that a fork has nothing left to import."""
    for package in (torchlean, torchlean_spec, torchlean_proofs):
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not each.name.endswith("__main__"):
                importlib.import_module(each.name)


Job = tuple[tuple[str, ...], str | None]
"""Some tests, and what is replaced by a wrong one meanwhile, if anything."""

Outcome = tuple[int, str]
"""What pytest returns and prints."""


def outcome(tests: tuple[str, ...], path: str | None) -> Outcome:
    """What becomes of some tests, with a mutant or without."""
    ((_, found),) = outcomes([(tests, path)])
    return found


def outcomes(jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
    """What becomes of each job, as they end; as many at once as there are cores.

    Each is a fork of this process, which has no threads.
    """
    running: dict[int, tuple[Job, IO[str]]] = {}
    for job in jobs:
        if len(running) == (os.cpu_count() or 1):
            yield _ended(running)
        printed = tempfile.TemporaryFile("w+", encoding="utf-8")
        if (child := os.fork()) == 0:
            code = BROKEN
            try:
                code = _run(*job, printed)
            finally:
                # Whatever happened, this is not the process that goes on.
                os._exit(code)
        running[child] = job, printed
    while running:
        yield _ended(running)


def _ended(running: dict[int, tuple[Job, IO[str]]]) -> tuple[Job, Outcome]:
    """The next job to end."""
    child, status = os.wait()
    job, printed = running.pop(child)
    with printed:
        printed.seek(0)
        return job, (os.waitstatus_to_exitcode(status), printed.read())


def _run(tests: tuple[str, ...], path: str | None, printed: IO[str]) -> int:
    """Run the tests in this process; what they print goes to a file."""
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        if path is not None:
            put(path)
        # Everything is imported before pytest can rewrite what it would.
        warned = "ignore::pytest.PytestAssertRewriteWarning"
        quiet = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-W", warned]
        code = int(pytest.main([*quiet, *tests]))
    printed.flush()
    return code


def complaints_of(listed: Sequence[Row]) -> Iterator[str]:
    """What is wrong with the tests of some rows, as it is found."""
    groups = {row.tests: row.original for row in listed}
    for (tests, _), (code, printed) in outcomes((each, None) for each in groups):
        if code != GREEN:
            yield f"{groups[tests]}: its tests are not green\n{printed}"
    names = {(row.tests, row.ours): row.original for row in listed}
    for (tests, path), (code, _) in outcomes((row.tests, row.ours) for row in listed):
        if code not in RED:
            assert path is not None
            original = names[tests, path]
            yield f"{original}: {path} is wrong and its tests stay green"


def main(names: list[str]) -> int:
    """Judge the rows with the given names, or all; 1 if a mutant lives."""
    began = time.monotonic()
    import_everything()
    listed = [row for row in rows(PAGE.read_text("utf-8")) if row.ours != DECLINED]
    chosen = [row for row in listed if not names or row.original in names]
    mutable = [row for row in chosen if can_be_replaced(row.ours)]
    living = 0
    for complaint in complaints_of(mutable):
        print(complaint, flush=True)
        living += 1
    seconds = time.monotonic() - began
    print(
        f"{len(mutable) - living} of {len(mutable)} wrong names were seen; "
        f"{len(chosen) - len(mutable)} are types alone ({seconds:.0f} s)"
    )
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
