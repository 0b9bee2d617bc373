"""The samples of a command line: where they come from, and what they are for."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean.cli.samples import samples_of
from torchlean.tasks import TaskName
from torchlean_spec.errors import Reason, TorchLeanError


def flags(**given: object) -> Namespace:
    """The flags of a command line, none of them given but these."""
    none = {"data": "", "csv": None, "header": False, "x": None, "y": None}
    return Namespace(**{**none, **given})


@pytest.mark.parametrize(
    ("task", "classes", "targets"),
    [
        (None, None, [[0.0], [2.0], [1.0]]),
        ("regression", None, [[0.0], [2.0], [1.0]]),
        ("classification", 3, [0, 2, 1]),
        ("cross-entropy", 3, [0, 2, 1]),
    ],
)
def test_the_last_column_is_what_the_task_says(
    task: TaskName | None, classes: int | None, targets: list[object], tmp_path: Path
) -> None:
    """Numbers to predict, or classes from 0 to the largest."""
    path = tmp_path / "points.csv"
    path.write_text("1,2,0\n3,4,2\n5,6,1\n")
    found = samples_of(flags(csv=path), task, 0)
    assert (found.name, found.own) == ("points", True)
    assert found.dataset.inputs.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert found.dataset.classes == classes
    assert found.dataset.targets.tolist() == targets


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        (np.array([0, 1, 1]), None, 2),
        (np.array([0, 1, 1]), "regression", None),
        (np.array([0.0, 1.0, 1.0]), None, None),
        (np.array([0.0, 1.0, 1.0]), "classification", 2),
        (np.array([0, 0, 0]), "classification", 2),
        (np.eye(3), "classification", None),
    ],
)
def test_arrays_are_what_their_numbers_are(
    targets: NDArray[Any],
    task: TaskName | None,
    classes: int | None,
    tmp_path: Path,
) -> None:
    """Whole numbers are classes, others are not, unless the task says so."""
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    np.save(tmp_path / "y.npy", targets)
    named = flags(x=tmp_path / "x.npy", y=tmp_path / "y.npy")
    found = samples_of(named, task, 0)
    assert (found.name, found.own) == ("x", True)
    assert found.dataset.classes == classes
    flat = found.dataset.targets.reshape(targets.shape)
    assert flat.tolist() == targets.tolist()


def test_the_seed_draws_the_points() -> None:
    """A named data set is nobody's own."""
    first, second = (samples_of(flags(data="two-moons"), None, s) for s in (0, 1))
    assert not first.own
    assert first.dataset.digest() != second.dataset.digest()


def test_what_is_no_class_is_refused(tmp_path: Path) -> None:
    """A number that is not whole, and one below 0."""
    path = tmp_path / "points.csv"
    for wrong, largest in (("1.5", 2), ("-1", 2)):
        path.write_text(f"1,2\n3,{wrong}\n")
        with pytest.raises(TorchLeanError) as refused:
            samples_of(flags(csv=path), "classification", 0)
        assert refused.value.reason is Reason.CLASS_OUT_OF_RANGE
        assert str(refused.value) == (
            f"targets, row 1: expected a class from 0 to {largest}, got {float(wrong)}"
        )
