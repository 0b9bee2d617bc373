"""CSV files that are written: every number is read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean_spec.errors import Reason, TorchLeanError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(columns=st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=5))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, columns: list[tuple[float, float]]
) -> None:
    """The same numbers to the bit, under the same names, which may need quotes."""
    path = tmp_path_factory.getbasetemp() / "written.csv"
    first, second = zip(*columns, strict=True)
    data.write_csv(path, {'a, "b"': first, "c": second})
    found = data.csv_dataset(path, header=True)
    assert repr(found.inputs[:, 0].tolist()) == repr(list(first))
    assert repr(found.targets[:, 0].tolist()) == repr(list(second))
    assert found.feature_names == ('a, "b"',)


def test_predictions_have_the_columns_of_the_original(tmp_path: Path) -> None:
    """Number, place from 0 to 1, input, target, prediction."""
    path = tmp_path / "p.csv"
    data.write_prediction_csv(path, [[0.0], [2.0], [4.0]], [[1], [2], [3]], [1, 2, 2.5])
    assert path.read_text() == (
        "i,x,input,target,prediction\n"
        "0,0.0,0.0,1.0,1.0\n"
        "1,0.5,2.0,2.0,2.0\n"
        "2,1.0,4.0,3.0,2.5\n"
    )


def test_one_prediction_stands_at_zero(tmp_path: Path) -> None:
    """A single row has no span to divide by."""
    path = tmp_path / "p.csv"
    data.write_prediction_csv(path, [3.0], [1], [2])
    assert path.read_text().splitlines()[1] == "0,0.0,3.0,1.0,2.0"


@pytest.mark.parametrize("other", [[1.0, 2.0], [[1.0]]])
def test_columns_of_different_lengths_are_refused(
    tmp_path: Path, other: list[float]
) -> None:
    """The sentence has the shapes of all columns, and no file is written."""
    path = tmp_path / "w.csv"
    with pytest.raises(TorchLeanError) as refused:
        data.write_csv(path, {"a": [1.0], "b": other})
    shapes = {"a": [1], "b": list(np.shape(other))}
    assert str(refused.value) == (
        f"expected columns of one length, got the shapes {shapes}"
    )
    assert refused.value.reason is Reason.SHAPE_MISMATCH
    assert not path.exists()
