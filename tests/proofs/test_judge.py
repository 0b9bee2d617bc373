"""The judge: allowed sets, edges, and disagreements in words."""

from __future__ import annotations

import math

from torchlean_proofs.judge import (
    Comparison,
    Disagreement,
    Phase,
    compare,
    compare_bits,
    index_in,
    times,
)
from torchlean_spec.numbers import bounded
from torchlean_spec.shape import Scalar, shape_of

SYSTEM = bounded("float32")
EXACT = SYSTEM.from_float(0.5)
THIRD = SYSTEM.constant(1) / SYSTEM.constant(3)
OVERFLOW = SYSTEM.exp(SYSTEM.from_float(1e4))
UNDEFINED = SYSTEM.log(SYSTEM.from_float(-1.0))


def test_the_centre_uses_nothing_of_the_allowance() -> None:
    """An exact number equal to itself is allowed and uses nothing."""
    assert compare([EXACT], [0.5]) == Comparison(1, 0, 0.0, 0)


def test_an_exact_number_allows_nothing_else() -> None:
    """Where nothing is rounded, the next number is infinitely far off."""
    assert compare([EXACT], [math.nextafter(0.5, 1)]) == Comparison(1, 1, math.inf, 0)


def test_the_worst_element_is_named() -> None:
    """Of several rejected elements the farthest one is reported."""
    step = 2.0**-24
    found = compare([THIRD] * 3, [float(THIRD.centre), 1 / 3 + step, 1 / 3 + 9 * step])
    assert (found.count, found.rejected, found.worst_at) == (3, 2, 2)
    assert found.worst == THIRD.excess(1 / 3 + 9 * step) > 1


def test_rejected_elements_are_worse_than_allowed_ones() -> None:
    """An element that uses its whole allowance hides no rejected one."""
    beyond = math.nextafter(float(THIRD.centre + THIRD.radius), 1)
    found = compare([THIRD, THIRD], [float(THIRD.centre), beyond])
    assert (found.rejected, found.worst_at) == (1, 1)


def test_nothing_compares_equal_to_nothing() -> None:
    """A tensor without elements agrees."""
    assert compare([], []) == Comparison(0, 0, 0.0, 0)


def test_nan_is_allowed_only_where_the_answer_may_be_undefined() -> None:
    """Any NaN is allowed where NaN is, and nothing else is."""
    assert compare([UNDEFINED], [math.nan]).rejected == 0
    assert compare([UNDEFINED], [0.0]).worst == math.inf
    assert compare([THIRD], [math.nan]).worst == math.inf


def test_infinities_are_allowed_only_where_the_answer_overflows() -> None:
    """An infinity is allowed with its own sign only."""
    assert compare([OVERFLOW], [math.inf]).rejected == 0
    assert compare([OVERFLOW], [-math.inf]).worst == math.inf
    assert compare([THIRD], [math.inf]).worst == math.inf


def test_the_sign_of_a_zero_counts_only_to_the_bit() -> None:
    """Bounded numbers know one zero, bits two."""
    zero = SYSTEM.constant(0)
    assert compare([zero], [-0.0]).rejected == 0
    assert compare_bits("float32", [0.0], [-0.0]).rejected == 1


def test_bits_of_nan_are_compared() -> None:
    """A NaN is equal to the same NaN, to the bit."""
    assert compare_bits("float64", [math.nan], [math.nan]).rejected == 0
    assert compare_bits("float64", [math.nan, 1.0], [math.nan, 2.0]) == Comparison(
        2, 1, math.inf, 1
    )


def test_indices_are_row_major() -> None:
    """Each place has its index; the only place of a scalar has an empty one."""
    shape = shape_of([2, 3, 4])
    assert [index_in(shape, place) for place in (0, 4, 23)] == [
        (0, 0, 0),
        (0, 1, 0),
        (1, 2, 3),
    ]
    assert index_in(Scalar(), 0) == ()


def test_a_disagreement_is_one_sentence() -> None:
    """Step, phase, tensor, index, both numbers and the excess are named."""
    found = Disagreement(
        7, Phase.OPTIMIZER, "parameter.0.weight", (3, 5), 0.25, 0.5, 316.6, 1
    )
    assert str(found) == (
        "step 7, optimizer, parameter.0.weight[3, 5]: expected 0.5, got 0.25, "
        "off by 317 times what rounding allows"
    )
    loss = Disagreement(1, Phase.BACKWARD, "loss", (), 0.25, 0.5, math.inf, 1)
    assert str(loss) == (
        "step 1, backward, loss: expected 0.5, got 0.25, "
        "off by more than nothing, where rounding allows none"
    )
    assert times(1.0625) == "1.06 times what rounding allows"
