"""The verifier refuses plans that were damaged, wherever the damage is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.runtime.compiler.programs import small_run

from torchlean.compiler import memory
from torchlean.compiler.assembly import Compiled
from torchlean.compiler.lower import compile_step
from torchlean.cpu.registry import Mode
from torchlean.plan import Place, Plan, Row, verify
from torchlean_spec.errors import Reason, TorchLeanError


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
