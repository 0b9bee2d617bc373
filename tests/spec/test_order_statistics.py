"""Order statistics: every place of every order, ties, NaNs, bounded numbers."""

from itertools import permutations, product

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import FLOAT, bounded
from torchlean_spec.order_statistics import order_statistic, sorting_network


@pytest.mark.parametrize("size", range(10))
def test_the_network_sorts_all_zeros_and_ones(size: int) -> None:
    """So it sorts everything, by the 0-1 principle."""
    pairs = list(sorting_network(size))
    assert all(0 <= i < j < size for i, j in pairs)
    for given in product((0, 1), repeat=size):
        ordered = list(given)
        for i, j in pairs:
            if ordered[i] > ordered[j]:
                ordered[i], ordered[j] = ordered[j], ordered[i]
        assert ordered == sorted(given)


def test_every_place_of_every_order() -> None:
    """The answer is what sorting gives, ties included."""
    for values in permutations((3.0, -1.0, 0.5, 0.5)):
        for place, wanted in enumerate((-1.0, 0.5, 0.5, 3.0)):
            assert order_statistic(FLOAT, values, place) == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_a_nan_anywhere_is_the_answer(size: int) -> None:
    """Wherever it stands, and whatever place is asked for."""
    for where, place in product(range(size), range(size)):
        values = [float(number) for number in range(size)]
        values[where] = float("nan")
        found = order_statistic(FLOAT, values, place)
        assert found != found


def test_bounded_numbers_may_stand_in_several_places() -> None:
    """Where the order is undecided, the answer admits both."""
    system = bounded("float32")
    third = system.constant(1) / system.constant(3)
    near = system.from_float(0.3333333432674408)
    values = [system.constant(1), third, near]
    middle = order_statistic(system, values, 1)
    assert middle.admits(0.3333333432674408)
    assert order_statistic(system, values, 2).admits(1.0)
    assert not middle.admits(1.0)


@pytest.mark.parametrize("place", [-1, 2])
def test_a_place_outside_is_refused(place: int) -> None:
    """There are as many places as values."""
    with pytest.raises(TorchLeanError) as refusal:
        order_statistic(FLOAT, [1.0, 2.0], place)
    assert refusal.value.reason is Reason.DOMAIN
    assert str(refusal.value) == (
        f"expected a place from 0 to 1 in a sorted list, got {place}"
    )
