"""Parameters cross the edge in their logical shapes, however they lie."""

from __future__ import annotations

import numpy as np
import pytest

from torchlean.compiler.layout import Layout
from torchlean.plan import Place
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, ReLU, Sequential

MODEL = Sequential(Linear(3, 2), ReLU(), Linear(2, 4, bias=False))


def test_stretches_follow_one_another() -> None:
    """No gaps, in the order of the parameters."""
    layout = Layout.of(MODEL, frozenset({"2.weight"}))
    starts = [(name, each.start) for name, each in layout.stretches.items()]
    assert starts == [("0.weight", 0), ("0.bias", 6), ("2.weight", 8)]
    assert layout.size == 16
    assert layout.place("gradients", "2.weight") == Place("gradients", 8)


@pytest.mark.parametrize("turned", [frozenset(), frozenset({"0.weight", "2.weight"})])
def test_what_is_written_is_read(turned: frozenset[str]) -> None:
    """Tensors come back in their shapes; transposed ones lie column by column."""
    layout = Layout.of(MODEL, turned)
    flat = np.zeros(16, np.float32)
    tensors = {
        "0.weight": np.arange(6).reshape(2, 3),
        "0.bias": np.array([6, 7]),
        "2.weight": np.arange(8, 16).reshape(4, 2),
    }
    layout.write(flat, tensors)
    found = layout.read(flat)
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].tolist() == tensor.tolist()
        assert not np.shares_memory(found[name], flat)
    first = tensors["0.weight"]
    lying = first.T if "0.weight" in turned else first
    assert flat[:6].tolist() == lying.ravel().tolist()


def test_other_tensors_are_refused_before_anything_is_written() -> None:
    """A wrong shape leaves the buffer as it was."""
    layout = Layout.of(MODEL, frozenset())
    flat = np.zeros(16)
    tensors = {
        "0.weight": np.ones((2, 3)),
        "0.bias": np.ones(2),
        "2.weight": np.ones((2, 4)),
    }
    with pytest.raises(TorchLeanError) as refusal:
        layout.write(flat, tensors)
    assert refusal.value.reason is Reason.OTHER_MODEL
    assert str(refusal.value) == "2.weight: expected shape [4, 2], got [2, 4]"
    assert not flat.any()
