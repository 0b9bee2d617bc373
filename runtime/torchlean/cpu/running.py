"""The interpreter of plans, its threads, and the rows that keep a run's books.

A *plan* is a table of rows; the interpreter calls each row's kernel with the row's
address, row after row, step after step. What changes from step to step stands in
the *control block*, a few 64-bit integers in memory, which rows read and advance.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals, helper
from torchlean.cpu.primitives import (
    atomic_add,
    atomic_load,
    atomic_store,
    call_kernel,
    pause,
    words_at,
    yield_processor,
)
from torchlean.cpu.registry import ROW_WORDS, Dtype, kernel

CONTROL_WORDS = 16
"""64-bit integers in a control block."""

STEP = 0
"""Updates made so far in the whole run: the number of the next one, from 0."""
POSITION = 1
"""Where the next batch begins in the epoch's order."""
STATUS = 2
"""0, or why the run stopped: one of the `STOPPED_...`."""
TABLE_START = 3
"""The update whose coefficients are the first row of the coefficient table."""
LOSS_START = 4
"""The update whose loss is the first of the array of losses."""

STOPPED_NOT_FINITE = 1
"""A loss was a NaN or an infinity; the step's update was not made."""
STOPPED_INDEX = 2
"""An index lay outside the rows that it chooses from."""

ROW_BYTES = 8 * ROW_WORDS

LINE = 8
"""64-bit integers in a cache line: what threads write stands on different ones."""

THREADS = 0
"""Of a pool: how many threads it has, the one that runs the plan included."""
TABLE = LINE
"""Of a pool: the address of the rows to call."""
DONE = 2 * LINE
"""Of a pool: how many of the rows have been called to their end."""
STOP = 3 * LINE
"""Of a pool: not 0 when its workers shall end."""
TICKETS = 4 * LINE
"""Of a pool, on a line for each thread: 2^32 times where its share of the rows ends,
plus the next row of the share."""

LOW = 0xFFFFFFFF
SPINS = 4000
"""Looks before a thread without work gives its core away; some 100 microseconds."""


@kernel(dtypes=(Dtype.FLOAT64,))
def interpret(
    plan: int, rows: int, control: int, steps: int, answer: int, system: Arithmetic
) -> None:
    """Run a plan for some steps, or until a row sets the status.

    Args:
        plan: The address of the first row; rows stand 128 bytes apart.
        rows: The number of rows.
        control: The address of the control block.
        steps: How often to run the rows.
        answer: Where to write the number of steps that were run to their end.
        system: Not used.
    """
    words = words_at(control)
    for step in range(steps):
        for place in range(plan, plan + rows * ROW_BYTES, ROW_BYTES):
            call_kernel(words_at(place)[0], place)
            if words[STATUS] != 0:
                words_at(answer)[0] = step
                return
    words_at(answer)[0] = steps


@kernel(dtypes=(Dtype.FLOAT64,))
def together(table: int, rows: int, pool: int, system: Arithmetic) -> None:
    """Call rows that touch disjoint memory, on as many threads as the pool has.

    The rows and the memory that each of them touches do not depend on the number
    of threads, so the bits do not either.

    Args:
        table: The address of the first of the rows.
        rows: Their number, below 2^31.
        pool: The address of the pool's words.
        system: Not used.
    """
    words = words_at(pool)
    threads = words[THREADS]
    words[TABLE] = table
    atomic_store(words, DONE, 0)
    # One word says which row of a share is next and where the share ends, so that a
    # worker that comes late cannot take a row of the next group for one of this.
    for thread in range(threads):
        first, last = rows * thread // threads, rows * (thread + 1) // threads
        atomic_store(words, TICKETS + thread * LINE, (last << 32) + first)
    call_waiting_rows(words, 0)
    # Giving the core away could cost a whole time slice; rows end within microseconds.
    while atomic_load(words, DONE) < rows:
        pause()


@helper
def call_waiting_rows(words: Indices, own: int) -> None:
    """Call the rows of a thread's share, then what is left of the others' shares.

    A row's share depends on its place in the group alone: so what one row leaves in
    the cache of a core is met there by the rows of the next groups.
    """
    threads = words[THREADS]
    for turn in range(threads):
        share = TICKETS + (own + turn) % threads * LINE
        while True:
            ticket = atomic_load(words, share)
            if ticket & LOW >= ticket >> 32:
                break
            ticket = atomic_add(words, share, 1)
            row = ticket & LOW
            if row >= ticket >> 32:
                break
            place = words[TABLE] + row * ROW_BYTES
            call_kernel(words_at(place)[0], place)
            atomic_add(words, DONE, 1)


@kernel(dtypes=(Dtype.FLOAT64,))
def work(pool: int, own: int, system: Arithmetic) -> None:
    """What each further thread does: call rows of groups until told to stop.

    Args:
        pool: The address of the pool's words.
        own: The thread's number, from 1.
        system: Not used.
    """
    words = words_at(pool)
    idle = 0
    while atomic_load(words, STOP) == 0:
        ticket = atomic_load(words, TICKETS + own * LINE)
        if ticket & LOW < ticket >> 32:
            call_waiting_rows(words, own)
            idle = 0
        elif idle < SPINS:
            idle += 1
            pause()
        else:
            yield_processor()


@kernel(updates={"control": "16"}, integers_in=("control",), dtypes=(Dtype.FLOAT64,))
def advance(control: Indices, batch: int, system: Arithmetic) -> None:
    """Count one update, and move on in the epoch's order by one batch."""
    control[STEP] = control[STEP] + 1
    control[POSITION] = control[POSITION] + batch


@kernel(
    reads={"loss": "1"},
    updates={"control": "16", "losses": "capacity"},
    integers_in=("control",),
)
def record_loss(
    loss: Reals,
    losses: Reals,
    control: Indices,
    capacity: int,
    system: Arithmetic,
) -> None:
    """Keep the step's loss; stop the run before the update if it is not finite."""
    value = loss[0]
    place = control[STEP] - control[LOSS_START]
    if 0 <= place < capacity:
        losses[place] = value
    if not value - value == system.constant(0):
        control[STATUS] = STOPPED_NOT_FINITE
