"""The CPU machine: an arena of memory, an encoded plan, and its threads.

>>> from torchlean.cpu.registry import Dtype, Mode
>>> from torchlean.plan import Buffer, Plan, Row
>>> buffers = [Buffer("x", 3, initial=True), Buffer("y", 3)]
>>> plan = Plan.of(
...     Dtype.FLOAT32, Mode.FAST, buffers, [Row.of("relu", x="x", out="y", size=3)]
... )
>>> machine = Machine(plan)
>>> machine.array("x")[:] = [-1, 2, 3]
>>> machine.run(1)
1
>>> machine.array("y").tolist()
[0.0, 2.0, 3.0]
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy
from numpy.typing import NDArray

from torchlean.cpu import blas, running
from torchlean.cpu.registry import Dtype, Mode
from torchlean.kernel_cache import Key, address_of, function_of, warm_up
from torchlean.plan import (
    ALIGNMENT,
    Buffer,
    Encoded,
    Plan,
    Row,
    Together,
    encode,
    verify,
)
from torchlean_spec.errors import Reason, TorchLeanError

Array = NDArray[Any]
CONTROL = "control"
"""The name of the buffer that holds a plan's control block, if it has one."""
RUNTIME = ("interpret", "together", "work")
WORTH_HELP = 0.002
"""Seconds that a call must take for threads to be started for it."""
RETRY = 8
"""Calls between two trials of the slower way."""


def available_threads() -> int:
    """How many threads this process may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def aligned_zeros(size: int) -> NDArray[numpy.uint8]:
    """Zero bytes that begin at a cache line."""
    raw = numpy.zeros(size + ALIGNMENT, numpy.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]


class Pace:
    """How long a step takes alone and with further threads, and which to choose.

    Threads that share their cores with other programs make a run slower, not
    faster. So the faster way is taken, and the other tried again now and then;
    unless a number of threads was asked for: then all that is left to choose is
    not to start them for less work than that takes.
    """

    def __init__(self, asked_for: bool = False) -> None:
        self._asked_for = asked_for
        self._seconds: dict[bool, float] = {}
        self._calls = 0

    def prefers_help(self, steps: int) -> bool:
        """Whether the next call should start further threads."""
        self._calls += 1
        if min(self._seconds.values(), default=WORTH_HELP) * steps < WORTH_HELP:
            return False
        if self._asked_for:
            return True
        if len(self._seconds) < 2:
            return True not in self._seconds
        faster = self._seconds[True] < self._seconds[False]
        return faster != (self._calls % RETRY == 0)

    def note(self, helped: bool, steps: int, seconds: float) -> None:
        """Remember how long a call took; the last ones count most."""
        if steps > 0:
            new = seconds / steps
            old = self._seconds.get(helped, new)
            self._seconds[helped] = (old + new) / 2


class Machine:
    """A plan with its memory, ready to run; nothing is allocated while it runs.

    Args:
        plan: What to run; it is verified first.
        outside: The arrays of the plan's outside buffers, contiguous; they are
            used where they are, and kept alive.
        threads: How many threads run rows that stand together; the bits do not
            depend on it. By default as many as the process may use, and the machine
            goes on alone while that is faster, as on a busy computer.

    Raises:
        TorchLeanError: `CONTRADICTION` if the plan is not sound, `SHAPE_MISMATCH`
            if an outside array does not fit its buffer.
    """

    def __init__(
        self,
        plan: Plan,
        outside: Mapping[str, Array] | None = None,
        threads: int | None = None,
    ) -> None:
        verify(plan)
        self.plan = plan
        self.threads = available_threads() if threads is None else threads
        self._asked_for_threads = threads is not None
        self._arena = aligned_zeros(plan.arena_bytes)
        self._outside = dict(outside or {})
        self._idle_control = numpy.zeros(running.CONTROL_WORDS, numpy.int64)
        groups = [len(row.rows) for row in plan.rows if isinstance(row, Together)]
        # More threads than a group has rows would only wait.
        self._further_threads = min(self.threads, max(groups, default=1)) - 1
        words = running.TICKETS + running.LINE * (1 + self._further_threads)
        self._pool = aligned_zeros(8 * words).view(numpy.int64)
        self._pool[running.THREADS] = 1
        self._encoded = self._encode()
        self._answer = numpy.zeros(1, numpy.int64)
        arrays = self._encoded.table, self.control, self._answer
        table, control, answer = (each.ctypes.data for each in arrays)
        # The row by which the interpreter is called; how much to run varies.
        self._call = numpy.array([0, table, 0, control, 0, answer], numpy.int64)
        self._call_address: int = self._call.ctypes.data
        self._paces: dict[int, Pace] = {}

    def array(self, name: str) -> Array:
        """A buffer's memory as an array, shared with the machine."""
        buffer = self.plan.buffers[name]
        kind = numpy.dtype("int64" if buffer.holds_integers else self.plan.dtype.value)
        if buffer.outside:
            return self._fitting(buffer, kind)
        stop = buffer.offset + buffer.extent * kind.itemsize
        return self._arena[buffer.offset : stop].view(kind)

    @property
    def control(self) -> NDArray[numpy.int64]:
        """The control block, shared with the machine; see `cpu.running`."""
        if CONTROL in self.plan.buffers:
            return self.array(CONTROL)
        return self._idle_control

    def run(self, steps: int, rows: int | None = None) -> int:
        """Run the plan's rows so many times, or until a row sets the status.

        Python's lock is free meanwhile. The caller cuts long runs into slices.

        Args:
            steps: How often.
            rows: How many of the rows, from the first on; by default all.

        Returns:
            How many steps were run to their end.
        """
        rows = self._encoded.rows if rows is None else rows
        pace = self._paces.setdefault(rows, Pace(self._asked_for_threads))
        self._call[2], self._call[4] = rows, steps
        helped = pace.prefers_help(steps) and self._further_threads > 0
        began = time.perf_counter()
        with blas.one_thread(), self._workers(helped):
            _runtime("interpret")(self._call_address)
        done = int(self._answer[0])
        pace.note(helped, done, time.perf_counter() - began)
        return done

    def run_row(self, position: int) -> None:
        """Run one row of the plan (or one group): the eager backend, same bits."""
        place = self._encoded.table[position]
        function = self._functions[position]
        with blas.one_thread():
            function(place.ctypes.data)

    def _encode(self) -> Encoded:
        plan = self.plan
        keys = {
            row.kernel: Key(row.kernel, _dtype_of(row, plan), plan.mode)
            for row in plan.single_rows()
        }
        runtime = {name: Key(name, Dtype.FLOAT64, Mode.FAST) for name in RUNTIME}
        warm_up([*keys.values(), *runtime.values()])
        kernels = {name: address_of(key) for name, key in (keys | runtime).items()}
        self._functions = [
            _runtime("together")
            if isinstance(row, Together)
            else function_of(keys[row.kernel])
            for row in plan.rows
        ]
        addresses = {name: self.array(name).ctypes.data for name in plan.buffers}
        return encode(plan, addresses, kernels, self._pool.ctypes.data)

    def _fitting(self, buffer: Buffer, kind: numpy.dtype[Any]) -> Array:
        given = self._outside.get(buffer.name)
        if (
            given is None
            or given.dtype != kind
            or given.size != buffer.extent
            or not given.flags.c_contiguous
        ):
            got = "nothing" if given is None else f"{given.dtype} of size {given.size}"
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected {buffer.extent} contiguous elements of {kind} "
                f"for the buffer {buffer.name}, got {got}",
            )
        return given.reshape(-1)

    @contextmanager
    def _workers(self, wanted: bool) -> Iterator[None]:
        """Start the further threads, and end them: none outlives a call."""
        self._pool[:] = 0
        self._pool[running.THREADS] = 1
        if not wanted:
            yield
            return
        self._pool[running.THREADS] += self._further_threads
        rows = [
            numpy.array([0, self._pool.ctypes.data, own], numpy.int64)
            for own in range(1, self._further_threads + 1)
        ]
        work = _runtime("work")
        workers = [
            threading.Thread(target=work, args=(row.ctypes.data,), daemon=True)
            for row in rows
        ]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            self._pool[running.STOP] = 1
            for worker in workers:
                worker.join()


def _dtype_of(row: Row, plan: Plan) -> Dtype:
    """The dtype of a row's code; kernels of integers alone have but one."""
    dtypes = Key(row.kernel, plan.dtype, plan.mode).kernel.dtypes
    return plan.dtype if plan.dtype in dtypes else dtypes[0]


def _runtime(name: str) -> Any:
    return function_of(Key(name, Dtype.FLOAT64, Mode.FAST))
