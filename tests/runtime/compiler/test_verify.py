"""The verifier refuses plans that were damaged, wherever the damage is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from tests.runtime.compiler.programs import small_run

from torchlean.compiler import memory
from torchlean.compiler.assembly import Compiled
from torchlean.compiler.lower import compile_step
from torchlean.compiler.verify import Intent, verify_intents
from torchlean.cpu.registry import Dtype, Mode, kernel_named
from torchlean.plan import Buffer, Place, Plan, Row, Together, moved, rows_of, verify
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, ReLU, Sequential


def compiled_step() -> Compiled:
    """The plan of a small run's step."""
    return compile_step(small_run(), (6,), Mode.FAST, batch=16)


def is_refused(compiled: Compiled, plan: Plan) -> bool:
    """Whether a plan in the place of the compiled one is refused."""
    try:
        verify(plan)
        replace(compiled, plan=plan).verify()
    except TorchLeanError as error:
        assert error.reason is Reason.CONTRADICTION
        return True
    return False


def with_row(plan: Plan, number: int, row: Row) -> Plan:
    """The plan with another row in the place of one."""
    return replace(plan, rows=(*plan.rows[:number], row, *plan.rows[number + 1 :]))


def rows(plan: Plan) -> Iterator[tuple[int, Row]]:
    """The rows and their numbers; a small plan has no groups."""
    for number, row in enumerate(plan.rows):
        assert isinstance(row, Row)
        yield number, row


def places(row: Row) -> list[tuple[str, Place]]:
    """The buffer arguments of a row."""
    pairs = row.arguments.items()
    return [(name, place) for name, place in pairs if isinstance(place, Place)]


def test_a_sound_plan_is_accepted() -> None:
    """What the compiler made is what it meant."""
    compiled = compiled_step()
    assert not is_refused(compiled, compiled.plan)


@pytest.mark.parametrize("shift", [-16, -1, 1, 16])
def test_a_shifted_address_is_refused(shift: int) -> None:
    """Every argument of every row, moved by some elements."""
    compiled = compiled_step()
    for number, row in rows(compiled.plan):
        for name, place in places(row):
            extents = compiled.plan.reaches(row)
            if any(e.argument == name and e.start == e.stop for e in extents):
                continue
            moved = Place(place.buffer, place.start + shift)
            changed = Row(row.kernel, {**row.arguments, name: moved})
            plan = with_row(compiled.plan, number, changed)
            assert is_refused(compiled, plan), f"{row.kernel}: {name}"


def test_swapped_operands_are_refused() -> None:
    """Every two arguments of every row, exchanged."""
    compiled = compiled_step()
    for number, row in rows(compiled.plan):
        for (first, one), (second, other) in itertools.combinations(places(row), 2):
            if one == other:
                continue  # One of the two is empty.
            swapped = {**row.arguments, first: other, second: one}
            plan = with_row(compiled.plan, number, Row(row.kernel, swapped))
            assert is_refused(compiled, plan), f"{row.kernel}: {first}, {second}"


def test_a_dropped_row_is_refused() -> None:
    """Every row, left out, also where the plan's maker forgot it too."""
    compiled = compiled_step()
    for number, row in rows(compiled.plan):
        kept = (*compiled.plan.rows[:number], *compiled.plan.rows[number + 1 :])
        plan = replace(compiled.plan, rows=kept)
        assert is_refused(compiled, plan), row.kernel
        if row.kernel in ("record_loss", "advance", "adam"):
            continue  # Nothing after them reads what they write.
        intents = (*compiled.intents[:number], *compiled.intents[number + 1 :])
        forgotten = replace(compiled, intents=intents)
        assert is_refused(forgotten, plan), row.kernel


def test_two_exchanged_rows_are_refused() -> None:
    """Each row and the next one, in the other order."""
    compiled = compiled_step()
    for number, (one, other) in enumerate(itertools.pairwise(compiled.plan.rows)):
        order = [*compiled.plan.rows]
        order[number : number + 2] = [other, one]
        assert is_refused(compiled, replace(compiled.plan, rows=tuple(order)))


def test_another_kernel_is_refused() -> None:
    """A row that calls another kernel on the same arguments."""
    compiled = compiled_step()
    number = next(n for n, row in rows(compiled.plan) if row.kernel == "linear_relu")
    row = compiled.plan.rows[number]
    assert isinstance(row, Row)
    plan = with_row(compiled.plan, number, Row("linear", row.arguments))
    with pytest.raises(TorchLeanError) as refusal:
        replace(compiled, plan=plan).verify()
    assert str(refusal.value) == (
        "row 2, linear: expected the kernel linear_relu, got linear"
    )


def test_memory_that_is_reused_too_early_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A compiler that forgets which values are alive is caught."""
    sound = memory._first_gap

    def forgetful(alive: list[tuple[int, int, int]], size: int) -> int:
        return sound(alive[1:], size)

    monkeypatch.setattr(memory, "_first_gap", forgetful)
    compiled = compiled_step()
    with pytest.raises(TorchLeanError) as refusal:
        compiled.verify()
    assert refusal.value.reason is Reason.CONTRADICTION
    assert str(refusal.value).startswith("row ")


def test_the_message_names_row_argument_and_values() -> None:
    """What is refused is said in one sentence."""
    compiled = compiled_step()
    row = compiled.plan.rows[2]
    assert isinstance(row, Row)
    wrong = Row(row.kernel, {**row.arguments, "x": Place("activations", 16)})
    with pytest.raises(TorchLeanError) as refusal:
        replace(compiled, plan=with_row(compiled.plan, 2, wrong)).verify()
    expected = compiled.intents[2].values["x"]
    target = compiled.intents[1].values["out"]
    assert str(refusal.value) == (
        f"row 2, linear_relu: expected x to be value %{expected}, "
        f"got value %{target} at activations[96]"
    )


def wide_step(batch: int) -> Compiled:
    """A plan whose layer is cut: between its rows, or along its inputs."""
    model = Sequential(Linear(512, 256), ReLU(), Linear(256, 3))
    run = small_run(model, samples=2 * batch, batch=batch)
    return compile_step(run, (512,), Mode.FAST, batch=batch)


def groups(plan: Plan) -> Iterator[tuple[int, Together]]:
    """The groups and their numbers."""
    for number, entry in enumerate(plan.rows):
        if isinstance(entry, Together):
            yield number, entry


def with_group(plan: Plan, number: int, pieces: Sequence[Row]) -> Plan:
    """The plan with other pieces in one group."""
    entries = list(plan.rows)
    entries[number] = Together(tuple(pieces))
    return replace(plan, rows=tuple(entries))


@pytest.mark.parametrize("batch", [16, 128])
def test_a_sound_plan_of_pieces_passes(batch: int) -> None:
    """Also where pieces of several rows stand in one group."""
    compiled = wide_step(batch)
    verify(compiled.plan)
    compiled.verify()
    kernels = [{row.kernel for row in group.rows} for _, group in groups(compiled.plan)]
    assert {"linear_weight_gradient", "sum_axis"} in kernels
    assert ({"linear_blocks"} in kernels) == (batch == 16)


@pytest.mark.parametrize("batch", [16, 128])
def test_a_missing_piece_is_refused(batch: int) -> None:
    """Every piece, left out, also where the plan's maker forgot it too."""
    compiled = wide_step(batch)
    before = 0
    for number, entry in enumerate(compiled.plan.rows):
        if isinstance(entry, Together):
            for place, piece in enumerate(entry.rows):
                kept = [*entry.rows[:place], *entry.rows[place + 1 :]]
                plan = with_group(compiled.plan, number, kept)
                assert is_refused(compiled, plan), piece.kernel
                if piece.kernel in ("adam", "record_loss"):
                    continue  # Nothing after them reads what they write.
                first, behind = before + place, before + place + 1
                intents = (*compiled.intents[:first], *compiled.intents[behind:])
                forgotten = replace(compiled, intents=intents)
                assert is_refused(forgotten, plan), piece.kernel
        before += len(rows_of(entry))


@pytest.mark.parametrize("batch", [16, 128])
def test_pieces_that_overlap_are_refused(batch: int) -> None:
    """Every piece, its results moved onto those of the piece before it."""
    compiled = wide_step(batch)
    for number, group in groups(compiled.plan):
        for place, piece in enumerate(group.rows):
            if place == 0 or group.rows[place - 1].kernel != piece.kernel:
                continue
            for reach in compiled.plan.reaches(piece):
                if not reach.writes:
                    continue
                moved = Place(reach.buffer, reach.start - 1)
                row = Row(piece.kernel, {**piece.arguments, reach.argument: moved})
                pieces = [*group.rows[:place], row, *group.rows[place + 1 :]]
                plan = with_group(compiled.plan, number, pieces)
                with pytest.raises(TorchLeanError, match="in disjoint memory"):
                    verify(plan)


def test_a_block_of_other_inputs_is_refused() -> None:
    """A piece that multiplies another layer's weight, or writes elsewhere."""
    compiled = wide_step(16)
    number, group = next(groups(compiled.plan))
    first, second = group.rows[:2]
    assert first.kernel == "linear_blocks"
    for name, place in (
        ("weight", Place("parameters", 512 * 256)),
        ("x", Place("activations", 16 * 512)),
        ("out", Place("activations", 0)),
    ):
        wrong = Row(second.kernel, {**second.arguments, name: place})
        pieces = [first, wrong, *group.rows[2:]]
        assert is_refused(compiled, with_group(compiled.plan, number, pieces)), name


@pytest.mark.parametrize("batch", [16, 128])
def test_pieces_of_other_parts_of_a_value_are_refused(batch: int) -> None:
    """A piece that reads what another one should, though it lies in the same value."""
    compiled = wide_step(batch)
    for number, group in groups(compiled.plan):
        for place, (first, second) in enumerate(itertools.pairwise(group.rows)):
            axis = kernel_named(second.kernel).shard_axis
            if first.kernel != second.kernel or not axis:
                continue
            behind = moved(first, Mode.FAST, first.integers()[axis]).arguments
            moving = kernel_named(second.kernel).shard_steps
            if any(behind[name] != second.arguments[name] for name in moving):
                continue  # Another row's first piece.
            for name in moving:
                arguments = {**second.arguments, name: first.arguments[name]}
                pieces = list(group.rows)
                pieces[place + 1] = Row(second.kernel, arguments)
                plan = with_group(compiled.plan, number, pieces)
                assert is_refused(compiled, plan), f"{second.kernel}: {name}"


def test_the_message_names_what_the_next_piece_should_be() -> None:
    """What is refused is said in one sentence."""
    compiled = wide_step(16)
    number, group = next(groups(compiled.plan))
    first, second = group.rows[:2]
    wrong = Row(second.kernel, {**second.arguments, "x": first.arguments["x"]})
    plan = with_group(compiled.plan, number, [first, wrong, *group.rows[2:]])
    with pytest.raises(TorchLeanError) as refusal:
        replace(compiled, plan=plan).verify()
    assert str(refusal.value) == (
        f"row {number}, linear_blocks: expected x of the next piece to be "
        f"{second.arguments['x']}, got {first.arguments['x']}"
    )


def test_a_row_that_cannot_be_cut_stands_once() -> None:
    """Two rows that are said to be one call's, of a kernel that has no pieces."""
    buffers = [Buffer("x", 6, initial=True), Buffer("y", 6)]
    half = Row.of("transpose_matrix", x="x", out="y", rows=1, columns=3)
    other = Row(half.kernel, {**half.arguments, "out": Place("y", 3)})
    plan = Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [Together((half, other))])
    verify(plan)
    intent = Intent("transpose_matrix", {"out": 1}, {"x": "x"})
    with pytest.raises(TorchLeanError) as refusal:
        verify_intents(plan, [intent, intent], [])
    assert str(refusal.value) == ("row 0, transpose_matrix: expected one row, got two")


def test_rows_of_one_group_that_are_exchanged_are_refused() -> None:
    """Each piece is held to what it is meant to do, not its neighbour's."""
    compiled = wide_step(16)
    for number, group in groups(compiled.plan):
        kernels = [row.kernel for row in group.rows]
        if len(set(kernels)) > 1:
            pieces = list(reversed(group.rows))
            plan = with_group(compiled.plan, number, pieces)
            verify(plan)
            assert is_refused(compiled, plan)
