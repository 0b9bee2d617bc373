"""What was traced is what was compiled, to the bit, on a million patterns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torchlean.backend import Dtype, Kernel, Mode, call, kernel_table
from torchlean_proofs.evidence.adequacy import differences, patterns, replay
from torchlean_proofs.evidence.evaluation import values
from torchlean_proofs.evidence.kernels import PLACE, Traced, trace
from torchlean_proofs.evidence.term import Term, in_order, real, term, variables
from torchlean_spec.errors import TorchLeanError
from torchlean_spec.numbers import FLOAT

COUNT = 2**20
"""How many elements a kernel is run on: a million."""

ELEMENTARY = {"exp", "expm1", "log", "log1p", "tanh", "erf"}


def traced(kernel: Kernel) -> Traced | None:
    """A kernel's graph; nothing for other loops and for elementary functions."""
    arguments = kernel.arguments
    try:
        found = trace(
            kernel.body,
            buffers=tuple(
                each.name
                for each in arguments
                if each.is_buffer and not each.holds_integers
            ),
            integers=tuple(each.name for each in arguments if not each.is_buffer),
            integer_buffers=tuple(a.name for a in arguments if a.holds_integers),
        )
    except (TorchLeanError, TypeError, AttributeError):
        return None
    used = {each.operator for each in in_order(found.written.values())}
    return None if used & ELEMENTARY else found


KERNELS = {
    name: kernel
    for (name, mode), kernel in kernel_table().items()
    if mode is Mode.STRICT
    and Dtype.FLOAT32 in kernel.dtypes
    and {"size"} <= {each.name for each in kernel.arguments}
    and traced(kernel) is not None
}
"""The strict kernels that are one loop of correctly rounded operations."""


TABLE = ("table_rows", "columns")
"""The integers that say how large a table of coefficients is."""


def arguments_of(kernel: Kernel) -> dict[str, Any]:
    """A million bit patterns for each buffer; step 0 of a table of some rows."""
    integers = {each.name: 1 for each in kernel.arguments if not each.is_buffer}
    integers |= {"size": COUNT} | {name: 8 for name in integers if name in TABLE}
    given: dict[str, Any] = dict(integers)
    for seed, (name, extent) in enumerate(kernel.extents(integers).items()):
        held = next(each for each in kernel.arguments if each.name == name)
        given[name] = (
            np.zeros(extent, np.int64)
            if held.holds_integers
            else patterns(extent, "float32", seed)
        )
    return given


def replayed(found: Traced, given: dict[str, Any]) -> dict[str, Any]:
    """What the graph gives for the arguments of a call."""
    held = {}
    for name in {str(each.number) for each in variables(*found.written.values())}:
        buffer, place = name.partition("[")[0], found.places[name]
        if place is PLACE:
            held[name] = given[buffer]
        else:
            # Buffers of integers hold zeros; other integers are those of the call.
            integers = {
                str(each.number): given.get(str(each.number), 0)
                for each in variables(place)
            }
            (number,) = values([place], FLOAT, integers)
            held[name] = given[buffer][int(number)]
    return {
        name: np.broadcast_to(replay(each, held, "float32"), COUNT)
        for name, each in found.written.items()
    }


def test_the_kernels_that_are_traced() -> None:
    """Every optimizer's, and the elementwise ones of IEEE operations."""
    assert {"add", "divide", "maximum", "relu", "sqrt", "accumulate"} <= KERNELS.keys()
    assert {"sgd", "adamw", "rmsprop_centered", "adadelta"} <= KERNELS.keys()
    page = (Path(__file__).parents[3] / "docs" / "evidence.md").read_text("utf-8")
    assert f"{len(KERNELS)} kernels agree to the bit" in page


@pytest.mark.parametrize("name", KERNELS)
def test_a_graph_replays_to_the_bits_of_the_compiled_kernel(name: str) -> None:
    """On a million patterns of bits, NaN, infinities and subnormals included."""
    kernel = KERNELS[name]
    found = traced(kernel)
    assert found is not None
    given = arguments_of(kernel)
    wanted = replayed(found, given)
    call(name, mode=Mode.STRICT, dtype=Dtype.FLOAT32, **given)
    assert {each: differences(wanted[each], given[each]) for each in wanted} == (
        dict.fromkeys(wanted, 0)
    )


def test_a_subtraction_traced_as_an_addition_is_found() -> None:
    """The proof would not see it, since both sides would be traced alike."""
    kernel = KERNELS["sgd"]
    found = traced(kernel)
    assert found is not None
    (after,) = found.written.values()
    wrong = Traced({"parameter": _with_sums(after)}, found.places, found.bound)
    given = arguments_of(kernel)
    wanted = replayed(wrong, given)
    call("sgd", mode=Mode.STRICT, dtype=Dtype.FLOAT32, **given)
    assert differences(wanted["parameter"], given["parameter"]) > COUNT // 10


def _with_sums(root: Term) -> Term:
    """A graph in which every difference is a sum."""
    made: dict[int, Term] = {}
    for each in in_order([root]):
        arguments = [made[one.place] for one in each.arguments]
        operator = "add" if each.operator == "subtract" else each.operator
        made[each.place] = term(
            operator, *arguments, sort=each.sort, number=each.number
        )
    return made[root.place]


def test_elementary_functions_are_refused() -> None:
    """NumPy's last bits are not the spec's."""
    with pytest.raises(TorchLeanError) as caught:
        replay(term("exp", real("x")), {"x": np.zeros(1, np.float32)}, "float32")
    assert str(caught.value) == (
        "expected operations that IEEE 754 rounds correctly, got exp"
    )
