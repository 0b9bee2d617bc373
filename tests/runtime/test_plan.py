"""Plans: what they print, how rows are cut, what is refused, how they are encoded."""

from __future__ import annotations

import re

import pytest

from torchlean.cpu.registry import ROW_WORDS, Dtype, Mode
from torchlean.plan import (
    ALIGNMENT,
    Buffer,
    Place,
    Plan,
    Row,
    Together,
    cut,
    encode,
    verify,
)
from torchlean_spec.errors import Reason, TorchLeanError

BUFFERS = [
    Buffer("x", 100, initial=True),
    Buffer("y", 100),
    Buffer("z", 100),
    Buffer("index", 8, holds_integers=True, initial=True),
]


def plan_of(*rows: Row | Together) -> Plan:
    """A plan over the buffers of this file."""
    return Plan.of(Dtype.FLOAT32, Mode.FAST, BUFFERS, rows)


def refusal(*rows: Row | Together) -> str:
    """What the verifier says against a plan."""
    with pytest.raises(TorchLeanError) as caught:
        verify(plan_of(*rows))
    assert caught.value.reason is Reason.CONTRADICTION
    return str(caught.value)


def relu(x: str | Place, out: str | Place, size: int) -> Row:
    """A row of the simplest kernel."""
    return Row.of("relu", x=x, out=out, size=size)


def test_buffers_begin_at_cache_lines_and_do_not_overlap() -> None:
    """Each buffer follows the one before, at the next multiple of 64 bytes."""
    plan = plan_of()
    offsets = [buffer.offset for buffer in plan.buffers.values()]
    assert offsets == [0, 448, 896, 1344]
    assert all(offset % ALIGNMENT == 0 for offset in offsets)
    assert plan.arena_bytes == 1408


def test_two_buffers_of_one_name_are_refused() -> None:
    """A name stands for one buffer."""
    with pytest.raises(
        TorchLeanError,
        match=re.escape("expected buffers of different names, got 'x' twice"),
    ):
        Plan.of(Dtype.FLOAT32, Mode.FAST, [Buffer("x", 1), Buffer("x", 2)], [])


def test_a_plan_prints_its_buffers_and_rows() -> None:
    """Every stretch that a row touches can be read off."""
    rows = (relu("x", "y", 100), Together((relu("y", Place("z", 4), 3),)))
    assert str(plan_of(*rows)).splitlines() == [
        "float32 fast, arena of 1408 bytes",
        "x[100] at 0, initial",
        "y[100] at 448",
        "z[100] at 896",
        "index#[8] at 1344, initial",
        "relu(x=x[0:100], out=y[0:100], size=100)",
        "together:",
        "  relu(x=y[0:3], out=z[4:7], size=3)",
    ]


def test_a_sound_plan_passes() -> None:
    """Rows in order, and rows together that only share what they read."""
    pieces = Together((relu("x", "y", 40), relu("x", Place("y", 40), 60)))
    verify(plan_of(pieces, relu("y", "z", 100)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            Row.of("relu", x="x", out="y"),
            "row 0, relu: expected the arguments ['x', 'out', 'size'], "
            "got ['x', 'out']",
        ),
        (
            Row.of("relu", x="x", out=3, size=1),
            "row 0, relu: expected out to be a place in a buffer, got 3",
        ),
        (
            Row.of("relu", x="x", out="y", size="z"),
            "row 0, relu: expected size to be an integer, "
            "got Place(buffer='z', start=0)",
        ),
        (
            relu("x", "nowhere", 1),
            "row 0, relu: expected out in a buffer of the plan, "
            "got Place(buffer='nowhere', start=0)",
        ),
        (
            relu("x", "index", 1),
            "row 0, relu: expected out in a buffer of numbers, got index of integers",
        ),
        (
            relu("x", Place("y", 50), 51),
            "row 0, relu: expected out within y[0:100], got [50:101]",
        ),
        (
            relu("x", Place("y", -1), 5),
            "row 0, relu: expected out within y[0:100], got [-1:4]",
        ),
        (
            relu("x", Place("x", 99), 100),
            "row 0, relu: expected out within x[0:100], got [99:199]",
        ),
        (
            relu("x", Place("x", 9), 10),
            "row 0, relu: expected x and out in disjoint memory, "
            "got x[0:10] and [9:19]",
        ),
        (
            relu("y", "z", 1),
            "row 0, relu: expected x written before it is read, "
            "got y[0:1] not yet written",
        ),
        (
            Together((relu("x", "y", 10), relu("x", Place("y", 9), 10))),
            "row 0, relu: expected out and out in disjoint memory, "
            "got y[0:10] and [9:19]",
        ),
        (
            Together((relu("x", "y", 10), relu("y", "z", 10))),
            "row 0, relu: expected out and x in disjoint memory, "
            "got y[0:10] and [0:10]",
        ),
    ],
)
def test_an_unsound_row_is_refused_by_name(row: Row | Together, message: str) -> None:
    """The whole message of each refusal."""
    assert refusal(row) == message


def test_memory_counts_as_written_only_where_it_was() -> None:
    """Two stretches that touch make one; a gap between them is found."""
    halves = (relu("x", "y", 50), relu("x", Place("y", 50), 50))
    verify(plan_of(*halves, relu("y", "z", 100)))
    gap = (relu("x", "y", 50), relu("x", Place("y", 51), 49))
    assert refusal(*gap, relu("y", "z", 100)) == (
        "row 2, relu: expected x written before it is read, "
        "got y[0:100] not yet written"
    )


def test_an_unknown_kernel_is_refused() -> None:
    """Its name is quoted."""
    with pytest.raises(TorchLeanError) as caught:
        verify(plan_of(Row.of("rel", x="x", out="y", size=1)))
    assert str(caught.value) == (
        "expected the name of a fast CPU kernel such as 'relu', got 'rel'"
    )


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 1000])
def test_pieces_cover_the_row_once(pieces: int) -> None:
    """The pieces follow one another, and their number is at most what was asked."""
    whole = relu(Place("x", 5), "y", 90)
    parts = cut(whole, Mode.FAST, pieces)
    assert len(parts) <= pieces
    begin = 0
    for part in parts:
        assert part.arguments["x"] == Place("x", 5 + begin)
        assert part.arguments["out"] == Place("y", begin)
        begin += part.integers()["size"]
    assert begin == 90


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 784, 1000])
@pytest.mark.parametrize("pieces", [1, 2, 8, 16])
def test_pieces_are_as_equal_as_their_units_allow(size: int, pieces: int) -> None:
    """They differ by one unit at most, and what is no whole unit goes to the last."""
    parts = cut(relu("x", "y", size), Mode.FAST, pieces, multiple=16)
    sizes = [part.integers()["size"] for part in parts]
    assert sum(sizes) == size
    assert len(sizes) == max(min(pieces, size // 16), 1)
    whole = [each // 16 for each in sizes]
    assert max(whole) - min(whole) <= 1
    assert all(each % 16 == 0 for each in sizes[:-1])


def test_pieces_that_may_stop_the_run_share_its_control_block() -> None:
    """They all set it to the same; but none may run beside a row that writes it."""
    control = Buffer("control", 16, holds_integers=True, initial=True)
    gathering = Row.of(
        "gather_rows_by_order", order="index", control="control", data="x", out="y",
        samples=10, places=8, width=10, batch=4, offset=0,
    )  # fmt: skip
    first, second = cut(gathering, Mode.FAST, 2)
    assert second.integers()["offset"] == 2
    assert second.arguments["out"] == Place("y", 20)
    verify(Plan.of(Dtype.FLOAT32, Mode.FAST, [*BUFFERS, control], [first, second]))
    pieces = Together((first, second))
    verify(Plan.of(Dtype.FLOAT32, Mode.FAST, [*BUFFERS, control], [pieces]))
    advance = Row.of("advance", control="control", batch=1)
    beside = Together((first, advance))
    with pytest.raises(TorchLeanError) as caught:
        verify(Plan.of(Dtype.FLOAT32, Mode.FAST, [*BUFFERS, control], [beside]))
    assert str(caught.value) == (
        "row 0, advance: expected control and control in disjoint memory, "
        "got control[0:16] and [0:16]"
    )


def test_rows_of_matrices_are_cut_between_rows() -> None:
    """Each buffer moves by its own step, and the weight stays."""
    layer = Row.of(
        "linear", x="x", weight="w", bias="b", out="y", rows=10, inputs=3, outputs=2
    )
    first, second = cut(layer, Mode.FAST, 2, multiple=4)
    assert first.integers()["rows"] == 4
    assert second.arguments == dict(layer.arguments) | {
        "rows": 6,
        "x": Place("x", 12),
        "out": Place("y", 8),
    }


def test_integers_move_with_the_pieces_where_the_kernel_says_so() -> None:
    """A piece of dropout knows the place of its first element."""
    whole = Row.of(
        "dropout", x="x", draw="d", factor="f", out="y", size=10, first=3, total=50,
        threshold=7, stream=1,
    )  # fmt: skip
    pieces = cut(whole, Mode.FAST, 2)
    assert [piece.integers()["first"] for piece in pieces] == [3, 8]


def test_a_row_that_cannot_be_cut_stays_whole() -> None:
    """As does a row of no elements."""
    row = Row.of("advance", control="control", batch=1)
    assert cut(row, Mode.FAST, 4) == (row,)
    nothing = relu("x", "y", 0)
    assert cut(nothing, Mode.FAST, 4) == (nothing,)


def test_a_table_holds_addresses_and_integers() -> None:
    """Rows that run together stand behind the others, and a row points to them."""
    group = Together((relu("x", "y", 3), relu("x", Place("y", 3), 4)))
    plan = plan_of(relu("x", Place("z", 2), 5), group)
    addresses = {"x": 1000, "y": 2000, "z": 3000, "index": 4000}
    encoded = encode(plan, addresses, {"relu": 77, "together": 88}, 99)
    table, rows = encoded.table, encoded.rows
    assert rows == 2 and table.shape == (4, ROW_WORDS)
    assert table[0, :4].tolist() == [77, 1000, 3008, 5]
    behind = table.ctypes.data + 2 * table.strides[0]
    assert table[1, :4].tolist() == [88, behind, 2, 99]
    assert table[2, :4].tolist() == [77, 1000, 2000, 3]
    assert table[3, :4].tolist() == [77, 1000, 2012, 4]
