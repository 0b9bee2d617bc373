"""`torchlean operations`: every operation, what it has, and what is missing."""

from __future__ import annotations

import pytest

from torchlean.cli import main, operations
from torchlean.cli.operations import cpu_modes, known_rows, missing_of
from torchlean_spec.operations import OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_cpu_kernels(name: str) -> None:
    """In fast and in strict mode."""
    assert cpu_modes(name) == ("fast", "strict")


def test_nothing_but_cuda_is_missing() -> None:
    """Each operation has meaning, derivative, laws with mutants, and CPU kernels."""
    lacking = {str(row["operation"]): missing_of(row) for row in known_rows()}
    assert lacking == {name: ["CUDA kernel"] for name in OPERATIONS}


def test_the_table_has_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Headings, a rule, the operations in order, and a line that counts."""
    assert main(["operations"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == list(operations.HEAD)
    assert [line.split()[0] for line in lines[2:-2]] == list(OPERATIONS)
    assert lines[-1].startswith(f"{len(OPERATIONS)} operations; missing: ")


def test_one_operation_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    """Its meaning, its kernels, its laws by name."""
    assert main(["operations", "relu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "relu(x): `x` where x > 0, else +0; a NaN stays a NaN."
    assert lines[1:4] == [
        "  derivative  rule",
        "  CPU kernel  fast, strict",
        "  CUDA kernel none",
    ]
    assert lines[4].startswith("  law         ")
    assert lines[-1] == "  missing     CUDA kernel"


def test_an_unknown_operation_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, exit code 2."""
    assert main(["operations", "rleu"]) == 2
    assert capsys.readouterr().err == (
        "torchlean: expected the name of an operation such as 'add', got 'rleu'\n"
    )
