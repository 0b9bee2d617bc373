"""Large rows are cut by their sizes alone, and threads change no bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from torchlean.compiler.parallel import shared_out
from torchlean.cpu.registry import Mode
from torchlean.data import tensor_dataset
from torchlean.engine import Engine
from torchlean.plan import Row, Together
from torchlean_spec.data import Loader
from torchlean_spec.layers import Linear, ReLU, Sequential
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import Adam
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

GENERATOR = np.random.default_rng(9)


def pieces(row: Row) -> int:
    """Into how many pieces a row is cut."""
    found = shared_out(row, Mode.FAST)
    return len(found.rows) if isinstance(found, Together) else 1


def relu(size: int) -> Row:
    """A row of one loop."""
    return Row.of("relu", x="x", out="y", size=size)


def product(m: int, k: int, n: int) -> Row:
    """A row of a matrix product."""
    return Row.of("matmul", a="a", b="b", out="c", m=m, k=k, n=n)


def test_small_rows_stay_whole() -> None:
    """Below twice what is worth a piece, a row is one piece."""
    assert pieces(relu(2**16 - 1)) == 1
    assert pieces(relu(2**16)) == 2
    assert pieces(product(32, 64, 64)) == 1
    assert pieces(product(32, 256, 127)) == 1
    assert pieces(product(32, 256, 128)) == 2


def test_large_rows_have_so_many_pieces_at_most() -> None:
    """Handing out more costs more than it brings."""
    assert pieces(relu(10**8)) == 16
    assert pieces(product(4096, 512, 512)) == 16


def test_kernels_that_cannot_be_cut_stay_whole() -> None:
    """Whatever their size."""
    row = Row.of("transpose_matrix", x="x", out="y", rows=4096, columns=4096)
    assert shared_out(row, Mode.FAST) is row


@pytest.mark.parametrize("strict", [False, True])
def test_threads_change_no_bits(strict: bool) -> None:
    """A step of a network whose rows are cut, on one thread and on several."""
    model = Sequential(Linear(300, 256), ReLU(), Linear(256, 100))
    inputs = GENERATOR.standard_normal((256, 300))
    data = tensor_dataset(inputs, GENERATOR.integers(0, 100, 256), classes=100)
    run = TrainingRun(Task(model, CrossEntropy()), Adam(), Loader(256, 128), steps=4)

    def bits(threads: int) -> list[Any]:
        engine = Engine(run, data, strict=strict, threads=threads)
        assert "together:" in engine.plan_text().split("\n")
        losses = engine.run(4)
        state = engine.state().parameters
        return [losses.tobytes(), *(each.tobytes() for each in state.values())]

    assert bits(1) == bits(2) == bits(3)
