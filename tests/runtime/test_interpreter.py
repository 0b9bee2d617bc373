"""The machine: steps, stops, threads, and the eager backend, which shares its bits."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy
import pytest

from torchlean.cpu import running
from torchlean.cpu.registry import Dtype, Mode
from torchlean.interpreter import RETRY, WORTH_HELP, Machine, Pace, aligned_zeros
from torchlean.plan import ALIGNMENT, Buffer, Place, Plan, Row, Together, cut
from torchlean_spec.errors import Reason, TorchLeanError

CONTROL = Buffer("control", running.CONTROL_WORDS, holds_integers=True, initial=True)


def counting_plan() -> Plan:
    """Each step adds x to the total, keeps it as the loss, and advances."""
    buffers = [
        CONTROL,
        Buffer("x", 1, initial=True),
        Buffer("total", 1, initial=True),
        Buffer("losses", 4, initial=True),
    ]
    rows = [
        Row.of("accumulate", x="x", total="total", size=1),
        Row.of(
            "record_loss", loss="total", losses="losses", control="control", capacity=4
        ),
        Row.of("advance", control="control", batch=3),
    ]
    return Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, rows)


def test_steps_are_counted_and_losses_kept() -> None:
    """Three steps and then one more leave what four steps leave."""
    machine = Machine(counting_plan())
    machine.array("x")[0] = 2
    assert machine.run(3) == 3
    assert machine.run(1) == 1
    assert machine.array("losses").tolist() == [2, 4, 6, 8]
    assert machine.control[running.STEP] == 4
    assert machine.control[running.POSITION] == 12
    assert machine.control[running.STATUS] == 0


def test_losses_beyond_their_array_are_not_written() -> None:
    """A run that is longer than its array of losses goes on."""
    machine = Machine(counting_plan())
    machine.array("x")[0] = 1
    machine.control[running.LOSS_START] = 2
    assert machine.run(7) == 7
    assert machine.array("losses").tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize("value", [numpy.inf, -numpy.inf, numpy.nan])
def test_a_loss_that_is_not_finite_stops_the_run_within_its_step(value: float) -> None:
    """The rows behind the loss are not run, and the loss is kept."""
    machine = Machine(counting_plan())
    machine.array("x")[0] = 1
    machine.run(2)
    machine.array("x")[0] = value
    assert machine.run(5) == 0
    assert machine.control[running.STATUS] == running.STOPPED_NOT_FINITE
    assert machine.control[running.STEP] == 2
    assert not numpy.isfinite(machine.array("losses")[2])


def test_the_first_rows_alone_can_be_run() -> None:
    """What stands behind them waits; runs of any length may follow one another."""
    machine = Machine(counting_plan())
    machine.array("x")[0] = 2
    assert machine.run(1, rows=2) == 1
    assert machine.array("losses").tolist() == [2, 0, 0, 0]
    assert machine.control[running.STEP] == 0
    assert machine.run(1) == 1
    assert machine.run(2, rows=1) == 2
    assert machine.run(1) == 1
    assert machine.array("losses").tolist() == [4, 10, 0, 0]
    assert machine.control[running.STEP] == 2


def wide_plan(pieces: int, size: int = 5000) -> Plan:
    """A long elementwise row in pieces, and one behind it that reads them all."""
    buffers = [
        Buffer("x", size, initial=True),
        Buffer("y", size),
        Buffer("z", size),
        Buffer("sum", 1),
    ]
    first = Row.of("square", x="x", out="y", size=size)
    second = Row.of("sqrt", x="y", out="z", size=size)
    rows: list[Row | Together] = [
        Together(cut(first, Mode.FAST, pieces)),
        Together(cut(second, Mode.FAST, pieces)),
        Row.of("sum_last", x="z", out="sum", outer=1, count=size),
    ]
    return Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, rows)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("pieces", [1, 2, 4, 33])
def test_threads_and_pieces_change_no_bits(threads: int, pieces: int) -> None:
    """Every piece is run once in every step, whoever runs it."""
    machine = Machine(wide_plan(pieces), threads=threads)
    x = numpy.random.default_rng(0).standard_normal(5000).astype(numpy.float32)
    machine.array("x")[:] = x
    assert machine.run(200) == 200
    assert numpy.array_equal(machine.array("z"), numpy.sqrt(x * x))
    alone = Machine(wide_plan(1), threads=1)
    alone.array("x")[:] = x
    alone.run(1)
    assert machine.array("sum")[0] == alone.array("sum")[0]


def test_each_piece_is_run_exactly_once() -> None:
    """Additions in place would show a piece that is skipped or run twice."""
    size = 4096
    buffers = [Buffer("x", size, initial=True), Buffer("total", size, initial=True)]
    row = Row.of("accumulate", x="x", total="total", size=size)
    group = Together(cut(row, Mode.FAST, 64))
    plan = Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [group])
    machine = Machine(plan, threads=3)
    machine.array("x")[:] = 1
    assert machine.run(1000) == 1000
    assert numpy.all(machine.array("total") == 1000)


def shares(threads: int, rows: int) -> list[list[int]]:
    """Which additions each thread of a pool calls, if each keeps to its share."""
    size = 16
    buffers = [Buffer("x", size, initial=True), Buffer("total", size, initial=True)]
    row = Row.of("accumulate", x="x", total="total", size=size)
    group = Together(cut(row, Mode.FAST, rows))
    plan = Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [group])
    machine = Machine(plan, threads=threads)
    machine._pool[running.THREADS] = threads
    machine.run_row(0)
    tickets = machine._pool[running.TICKETS :: running.LINE][:threads]
    ends = [int(ticket) >> 32 for ticket in tickets]
    return [list(range(a, b)) for a, b in itertools.pairwise([0, *ends])]


@pytest.mark.parametrize(("threads", "rows"), [(1, 4), (2, 4), (2, 5), (3, 8), (4, 4)])
def test_each_thread_has_a_share_of_a_group(threads: int, rows: int) -> None:
    """The shares follow one another and differ by one row; all of them are called."""
    found = shares(threads, rows)
    assert [row for share in found for row in share] == list(range(rows))
    sizes = [len(share) for share in found]
    assert max(sizes) - min(sizes) <= 1


def test_one_thread_calls_what_the_others_leave() -> None:
    """A pool whose workers never come is run to the end by its first thread."""
    size = 64
    buffers = [Buffer("x", size, initial=True), Buffer("total", size, initial=True)]
    row = Row.of("accumulate", x="x", total="total", size=size)
    group = Together(cut(row, Mode.FAST, 5))
    machine = Machine(Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [group]), threads=4)
    machine._pool[running.THREADS] = 4
    machine.array("x")[:] = 1
    machine.run_row(0)
    assert numpy.all(machine.array("total") == 1)
    assert machine._pool[running.DONE] == 5


def test_no_thread_outlives_a_run() -> None:
    """The machine's threads end with the call that started them."""
    before = threading.active_count()
    machine = Machine(wide_plan(8), threads=3)
    machine.run(2)
    assert threading.active_count() == before


def test_rows_one_by_one_give_the_bits_of_the_interpreter() -> None:
    """The eager backend is the same rows, called one at a time."""
    plans = [wide_plan(4), counting_plan()]
    for plan in plans:
        compiled, eager = Machine(plan), Machine(plan)
        for machine in (compiled, eager):
            machine.array("x")[:] = numpy.arange(machine.array("x").size) + 0.1
        compiled.run(2)
        for _ in range(2):
            for position in range(len(plan.rows)):
                eager.run_row(position)
        for name in plan.buffers:
            assert numpy.array_equal(compiled.array(name), eager.array(name))


def test_buffers_outside_are_used_where_they_are() -> None:
    """The machine reads and writes the caller's arrays, and copies nothing."""
    buffers = [Buffer("x", 3, initial=True, outside=True), Buffer("y", 3, outside=True)]
    row = Row.of("relu", x="x", out="y", size=3)
    plan = Plan.of(Dtype.FLOAT64, Mode.FAST, buffers, [row])
    x, y = numpy.array([-1.0, 2.0, 3.0]), numpy.empty(3)
    machine = Machine(plan, {"x": x, "y": y})
    machine.run(1)
    assert y.tolist() == [0, 2, 3]
    x[0] = 5
    machine.run(1)
    assert y.tolist() == [5, 2, 3]
    assert machine.array("x").ctypes.data == x.ctypes.data


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ({}, "nothing"),
        ({"x": numpy.zeros(3)}, "float64 of size 3"),
        ({"x": numpy.zeros(4, numpy.float32)}, "float32 of size 4"),
        ({"x": numpy.zeros(6, numpy.float32)[::2]}, "float32 of size 3"),
    ],
)
def test_an_outside_array_that_does_not_fit_is_refused(given: Any, got: str) -> None:
    """The whole message."""
    buffers = [Buffer("x", 3, initial=True, outside=True), Buffer("y", 3)]
    row = Row.of("relu", x="x", out="y", size=3)
    plan = Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [row])
    with pytest.raises(TorchLeanError) as caught:
        Machine(plan, given)
    assert caught.value.reason is Reason.SHAPE_MISMATCH
    assert str(caught.value) == (
        f"expected 3 contiguous elements of float32 for the buffer x, got {got}"
    )


def test_an_unsound_plan_is_refused_before_it_runs() -> None:
    """The machine verifies every plan."""
    row = Row.of("relu", x="x", out=Place("x", 1), size=2)
    buffers = [Buffer("x", 3, initial=True)]
    with pytest.raises(TorchLeanError) as caught:
        Machine(Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [row]))
    assert caught.value.reason is Reason.CONTRADICTION


def test_strict_binary64_refuses_elementary_functions() -> None:
    """They are not proved to be correctly rounded there."""
    buffers = [Buffer("x", 1, initial=True), Buffer("y", 1)]
    row = Row.of("exp", x="x", out="y", size=1)
    with pytest.raises(TorchLeanError) as caught:
        Machine(Plan.of(Dtype.FLOAT64, Mode.STRICT, buffers, [row]))
    assert caught.value.reason is Reason.UNSUPPORTED
    assert str(caught.value) == (
        "expected a dtype and a mode that the kernel exp is made for, "
        "got float64 in strict mode"
    )


def test_arenas_begin_at_cache_lines() -> None:
    """At every size, also of nothing."""
    for size in (0, 1, 63, 64, 1000):
        arena = aligned_zeros(size)
        assert arena.size == size
        assert arena.ctypes.data % ALIGNMENT == 0 or size == 0


def choices(alone: float, helped: float, calls: int) -> list[bool]:
    """Which calls of a hundred steps start threads, given both ways' seconds."""
    pace, found = Pace(), []
    for _ in range(calls):
        found.append(pace.prefers_help(100))
        pace.note(found[-1], 100, 100 * (helped if found[-1] else alone))
    return found


def test_both_ways_are_tried_and_the_faster_one_is_kept() -> None:
    """The slower way is tried again at each thirty-second call."""
    with_help = choices(alone=0.002, helped=0.001, calls=2 * RETRY)
    assert with_help[:2] == [True, False]
    assert with_help[2:].count(False) == 2
    alone = choices(alone=0.001, helped=0.002, calls=2 * RETRY)
    assert alone[:2] == [True, False]
    assert alone[2:].count(True) == 2


def test_a_way_that_has_become_faster_is_taken_up() -> None:
    """When the other programs end, threads help again."""
    pace = Pace()
    for _ in range(RETRY):
        helped = pace.prefers_help(100)
        pace.note(helped, 100, 0.4 if helped else 0.2)
    found = []
    for _ in range(8 * RETRY):
        helped = pace.prefers_help(100)
        found.append(helped)
        pace.note(helped, 100, 0.1 if helped else 0.2)
    assert found[-RETRY:].count(True) == RETRY - 1


def test_threads_that_were_asked_for_are_started() -> None:
    """However slow they are; only calls that are too short go alone."""
    pace = Pace(asked_for=True)
    pace.note(False, 100, 100 * WORTH_HELP)
    pace.note(True, 100, 900 * WORTH_HELP)
    assert all(pace.prefers_help(100) for _ in range(2 * RETRY))
    short = Pace(asked_for=True)
    short.note(False, 1, WORTH_HELP / 100)
    assert not short.prefers_help(1)
    assert short.prefers_help(1000)


def test_short_calls_start_no_threads() -> None:
    """What takes less than some milliseconds is done before threads have begun."""
    pace = Pace()
    pace.note(False, 10, 10 * WORTH_HELP / 1000)
    assert not pace.prefers_help(900)
    assert pace.prefers_help(1100)
