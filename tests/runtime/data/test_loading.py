"""The loader for a data set, by what becomes of its last batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from torchlean import data
from torchlean_spec.errors import Reason, TorchLeanError

POINTS = data.tensor_dataset(np.arange(11.0)[:, None], range(11))


@pytest.mark.parametrize(("last", "lengths"), [("drop", [4, 4]), ("short", [4, 4, 3])])
def test_what_becomes_of_the_last_batch(
    last: Literal["drop", "short"], lengths: Sequence[int]
) -> None:
    """It is left out, or shorter, as was asked; `drop_last` says the same."""
    loader = data.batch_loader(POINTS, 4, last=last)
    assert loader == data.BatchLoader(POINTS, 4, drop_last=last == "drop")
    assert [len(labels) for _, labels in loader.epoch(0)] == lengths
    assert len(loader) == len(lengths)


def test_every_padded_batch_is_whole() -> None:
    """All rows are there, and the mask says which count."""
    loader = data.batch_loader(POINTS, 4, last="pad")
    assert [len(batch.targets) for batch in loader.epoch(0)] == [4, 4, 4]
    assert [int(batch.mask.sum()) for batch in loader.epoch(0)] == [4, 4, 3]


def test_either_form_of_data_has_the_same_batches() -> None:
    """Of the spec's data set and of the arrays come the same batches."""
    ours, theirs = (
        [labels.tolist() for _, labels in data.batch_loader(each, 3, seed=1).epoch(0)]
        for each in (POINTS, POINTS.to_spec())
    )
    assert ours == theirs


def test_another_last_is_refused() -> None:
    """The sentence has the words that are known."""
    with pytest.raises(TorchLeanError) as refused:
        data.batch_loader(POINTS, 4, last="keep")  # type: ignore[call-overload]
    assert str(refused.value) == "expected last 'drop', 'short' or 'pad', got 'keep'"
    assert refused.value.reason is Reason.UNKNOWN_NAME
