"""Kernels that pick and place rows, and what stops them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype, Mode
from torchlean.cpu.running import POSITION, STATUS, STOPPED_INDEX
from torchlean.interpreter import Machine
from torchlean.plan import Buffer, Plan, Row, Together, cut

Array = NDArray[Any]


@pytest.fixture
def control() -> Array:
    """A control block at the beginning of a run."""
    return numpy.zeros(16, numpy.int64)


def test_a_batch_is_gathered_in_the_epoch_s_order(control: Array) -> None:
    """The rows that the order names, from the position on, with an offset."""
    data = numpy.arange(12, dtype=numpy.float32).reshape(6, 2)
    labels, order = numpy.arange(6) * 10, numpy.array([5, 3, 1, 0, 2, 4])
    out, picked = numpy.empty((2, 2), numpy.float32), numpy.empty(2, numpy.int64)
    control[POSITION] = 1
    sizes: dict[str, Any] = {"samples": 6, "places": 6, "batch": 2, "offset": 1}
    given: dict[str, Any] = {"order": order, "control": control} | sizes
    call("gather_rows_by_order", data=data, out=out, width=2, **given)
    call("gather_indices_by_order", data=labels, out=picked, width=1, **given)
    assert out.tolist() == [[2, 3], [0, 1]]
    assert picked.tolist() == [10, 0]
    assert control[STATUS] == 0


def test_a_batch_in_pieces_is_the_whole_batch(control: Array) -> None:
    """A piece begins further on in the order; each of them may stop the run."""
    row = Row.of(
        "gather_rows_by_order", order="order", control="control", data="data",
        out="out", samples=50, places=60, width=3, batch=40, offset=5,
    )  # fmt: skip
    buffers = [
        Buffer("order", 60, holds_integers=True, initial=True),
        Buffer("control", 16, holds_integers=True, initial=True),
        Buffer("data", 150, initial=True),
        Buffer("out", 120),
    ]
    pieces = Together(cut(row, Mode.FAST, 3))
    machine = Machine(Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [pieces]), threads=2)
    order = numpy.random.default_rng(2).integers(0, 50, 60)
    machine.array("order")[:] = order
    machine.array("data")[:] = numpy.arange(150)
    machine.control[POSITION] = 10
    assert machine.run(1) == 1
    data = numpy.arange(150).reshape(50, 3)
    found = machine.array("out").reshape(40, 3)
    assert numpy.array_equal(found, data[order[15:55]])
    machine.array("order")[54] = 50
    assert machine.run(1) == 0
    assert machine.control[STATUS] == STOPPED_INDEX


def test_the_order_may_be_longer_than_the_data(control: Array) -> None:
    """The orders of several epochs stand one behind the other."""
    control[POSITION] = 2
    picked = numpy.empty(2, numpy.int64)
    call(
        "gather_indices_by_order", order=numpy.array([0, 1, 1, 0]), control=control,
        data=numpy.array([7, 8]), out=picked, samples=2, places=4, width=1, batch=2,
        offset=0,
    )  # fmt: skip
    assert picked.tolist() == [8, 7]
    assert control[STATUS] == 0


@pytest.mark.parametrize("position", [-1, 5, 2**62])
def test_a_batch_beyond_the_order_stops_the_run(control: Array, position: int) -> None:
    """A position from which the batch does not fit is refused, not read."""
    control[POSITION] = position
    call(
        "gather_rows_by_order",
        order=numpy.arange(6),
        control=control,
        data=numpy.zeros(6, numpy.float32),
        out=numpy.empty(2, numpy.float32),
        samples=6,
        places=6,
        width=1,
        batch=2,
        offset=0,
    )
    assert control[STATUS] == STOPPED_INDEX


@pytest.mark.parametrize("wrong", [-1, 3, 2**62])
def test_indices_out_of_range_stop_the_run(control: Array, wrong: int) -> None:
    """Each of the kernels that take indices refuses one that names no row."""
    index = numpy.array([0, wrong])
    x, pair = numpy.zeros(3, numpy.float32), numpy.zeros(2, numpy.float32)
    out = numpy.empty(6, numpy.float32)
    call(
        "gather_rows", x=x, index=index, control=control, out=out[:2], rows=3, width=1,
        count=2,
    )  # fmt: skip
    assert control[STATUS] == STOPPED_INDEX
    control[STATUS] = 0
    call(
        "scatter_add_rows", x=pair, index=index, control=control, scratch=pair.copy(),
        out=out[:3], rows=3, width=1, count=2,
    )  # fmt: skip
    assert control[STATUS] == STOPPED_INDEX
    control[STATUS] = 0
    call("one_hot", index=index, control=control, out=out, count=2, classes=3)
    assert control[STATUS] == STOPPED_INDEX


@pytest.mark.parametrize("mode", list(Mode))
def test_gathering_scattering_and_one_hot_agree_with_the_spec(
    mode: Mode,
    control: Array,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Rows that are picked often, once and never."""
    x, index = numbers(12).reshape(4, 3), numpy.array([2, 0, 2, 2, 1])
    out = numpy.empty((5, 3), numpy.float32)
    given: dict[str, Any] = {"mode": mode, "index": index, "control": control}
    call("gather_rows", x=x, out=out, rows=4, width=3, count=5, **given)
    assert same_bits(out, meaning.bits("gather_rows", x, index))
    upstream, back = numbers(15, 3).reshape(5, 3), numpy.empty_like(x)
    call(
        "scatter_add_rows",
        x=upstream,
        scratch=numpy.empty(5, numpy.float32),
        out=back,
        rows=4,
        width=3,
        count=5,
        **given,
    )
    if mode is Mode.STRICT:
        expected = meaning.bits("scatter_add_rows", upstream, index, rows=4)
        assert same_bits(back, expected)
    assert meaning.refused(back, "scatter_add_rows", upstream, index, rows=4) == []
    hot = numpy.empty((5, 4), numpy.float32)
    call("one_hot", out=hot, count=5, classes=4, **given)
    assert same_bits(hot, meaning.bits("one_hot", index, classes=4))
