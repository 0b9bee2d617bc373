"""Large rows are cut by their sizes alone, and threads change no bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from torchlean.compiler.parallel import blocks_of_inputs, entries_of, shared_out
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


def test_few_columns_count_as_a_vector_of_them() -> None:
    """They cost as much, since a vector is multiplied as a whole."""
    assert [pieces(product(1024, 128, n)) for n in (1, 10, 16, 32)] == [4, 4, 4, 8]


def test_cuts_are_whole_tiles_and_equal_for_two_threads() -> None:
    """784 rows are 98 tiles of 8: each half of the pieces has 49 of them."""
    found = shared_out(product(784, 1024, 256), Mode.FAST)
    assert isinstance(found, Together)
    rows = [row.integers()["m"] for row in found.rows]
    assert all(each % 8 == 0 for each in rows)
    assert sum(rows[:4]) == sum(rows[4:]) == 392


def test_large_rows_have_so_many_pieces_at_most() -> None:
    """Handing out more costs more than it brings."""
    assert pieces(relu(10**8)) == 8
    assert pieces(product(4096, 512, 512)) == 8


def test_pieces_are_a_power_of_two() -> None:
    """So that as many threads, or half as many, get equally many."""
    assert [pieces(relu(n * 2**15)) for n in (3, 4, 7, 8, 15)] == [2, 4, 4, 8, 8]
    assert pieces(product(784, 32, 256)) == 8


def test_neighbours_that_touch_disjoint_memory_run_at_once() -> None:
    """A short row goes along with a cut one, unless one writes what the other reads."""
    long, short = relu(2**16), Row.of("relu", x="x", out="z", size=5)
    after = Row.of("relu", x="z", out="u", size=5)
    entries = entries_of([short, long, after], Mode.FAST)
    (group, numbers), last = entries
    halves = shared_out(long, Mode.FAST)
    assert isinstance(halves, Together)
    assert group == Together((short, *halves.rows))
    assert numbers == [0, 1, 1]
    assert last == (after, [2])


def test_short_rows_are_not_worth_a_group() -> None:
    """They stay rows of their own, beside each other or beside a cut one's readers."""
    first, second = relu(5), Row.of("relu", x="x", out="z", size=5)
    assert entries_of([first, second], Mode.FAST) == [(first, [0]), (second, [1])]
    long = Row.of("relu", x="z", out="u", size=2**16)
    entries = entries_of([first, second, long], Mode.FAST)
    assert entries[:2] == [(first, [0]), (second, [1])]
    assert entries[2][1] == [2, 2]


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "blocks"),
    [
        (32, 784, 256, 4),
        (16, 784, 256, 4),
        (64, 784, 256, 2),
        (128, 784, 256, 1),  # The sums would be as large as the weight.
        (32, 785, 256, 1),  # Blocks are equal.
        (32, 786, 256, 2),
        (4, 784, 256, 1),  # Too little to do.
        (0, 784, 256, 1),
    ],
)
def test_layers_of_few_rows_are_cut_along_their_inputs(
    rows: int, inputs: int, outputs: int, blocks: int
) -> None:
    """Where each block has more weights than its sums cost."""
    assert blocks_of_inputs(rows, inputs, outputs) == blocks


def test_kernels_that_cannot_be_cut_stay_whole() -> None:
    """Whatever their size."""
    row = Row.of("transpose_matrix", x="x", out="y", rows=4096, columns=4096)
    assert shared_out(row, Mode.FAST) is row


@pytest.mark.parametrize("batch", [16, 128])
@pytest.mark.parametrize("strict", [False, True])
def test_threads_change_no_bits(strict: bool, batch: int) -> None:
    """A step of a network whose rows are cut, on one thread and on several."""
    model = Sequential(Linear(300, 256), ReLU(), Linear(256, 100))
    inputs = GENERATOR.standard_normal((256, 300))
    data = tensor_dataset(inputs, GENERATOR.integers(0, 100, 256), classes=100)
    run = TrainingRun(Task(model, CrossEntropy()), Adam(), Loader(256, batch), steps=4)

    def bits(threads: int) -> list[Any]:
        engine = Engine(run, data, strict=strict, threads=threads)
        assert "together:" in engine.plan_text().split("\n")
        losses = engine.run(4)
        state = engine.state().parameters
        return [losses.tobytes(), *(each.tobytes() for each in state.values())]

    assert bits(1) == bits(2) == bits(3)
