from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.lean_random import (
    initial_uniform,
    initial_units,
    key_of,
    next_seed,
    order_of_epoch,
    orders,
    shuffle,
    splitmix64,
    uniform,
    xavier_limit,
)


def test_keys() -> None:
    """SplitMix64, keys and seeds have the original's values."""
    assert splitmix64(0) == 0xE220A8397B1DCDAF
    assert key_of(0, 0) == 16294208416658607535
    assert key_of(1, 0) == key_of(0, 1) == 10451216379200822465
    assert [next_seed(0, counter) for counter in range(4)] == [
        7960286522194355700,
        13757245211066428519,
        13819372491320860226,
        12918135221727111561,
    ]


def test_uniform() -> None:
    """The numbers of a key have the original's values."""
    assert uniform(key_of(0, 0), 4) == [
        0.30117025575600564,
        0.6844469008501619,
        0.30876562278717756,
        0.23146131495013833,
    ]


def test_shuffles() -> None:
    """A shuffle has the original's order and leaves the original's next seed."""
    assert shuffle(0, 5) == (229283573, (0, 4, 2, 1, 3))
    assert shuffle(42, 10) == (1535244752, (5, 6, 4, 2, 1, 0, 8, 9, 3, 7))


def test_epochs() -> None:
    """Order and seed both carry over from one epoch to the next."""
    expected = [(0, 4, 2, 1, 3), (3, 1, 4, 0, 2), (4, 0, 3, 2, 1)]
    assert list(islice(orders(0, 5), 3)) == expected
    assert [order_of_epoch(0, 5, epoch) for epoch in range(3)] == expected
    second, places = shuffle(229283573, 5)
    assert second == 551188310
    assert tuple(expected[0][place] for place in places) == expected[1]
    assert shuffle(second, 5)[0] == 1381971571


def test_initial_units() -> None:
    """The generator of initial parameters has the original's values."""
    assert initial_units(0, 4) == [
        0.23606797284446657,
        0.278566908556968,
        0.8195337599609047,
        0.6678668977692723,
    ]


@pytest.mark.parametrize(
    ("seed", "fan_in", "fan_out", "expected"),
    [
        (next_seed(0, 0), 2, 8, [-0.34918436967913025, 0.6095068161633985]),
        (
            next_seed(0, 2),
            8,
            1,
            [-0.403544263668305, -0.25476012573857054, -0.18152014678440276],
        ),
    ],
)
def test_first_parameters_of_the_quickstart(
    seed: int, fan_in: int, fan_out: int, expected: list[float]
) -> None:
    """The weights of the original's first example have the original's values."""
    limit = xavier_limit(fan_in, fan_out)
    assert initial_uniform(seed, len(expected), -limit, limit) == expected


def test_neighbouring_seeds_share_parameters() -> None:
    """The original's seeds overlap (B17): this is why they are not the default."""
    assert next_seed(7, 1) == next_seed(8, 0)


@given(st.integers(0, 2**64 - 1), st.integers(0, 80))
def test_shuffle_is_a_permutation(seed: int, count: int) -> None:
    """A shuffle of the original holds each place once."""
    assert sorted(shuffle(seed, count)[1]) == list(range(count))


def test_too_many_places() -> None:
    """Where keys could repeat, the order would depend on the sort: refused."""
    with pytest.raises(TorchLeanError) as caught:
        shuffle(0, 2**31)
    assert caught.value.reason is Reason.DOMAIN
    assert str(caught.value) == (
        "expected a count from 0 to 2147483647, got 2147483648"
    )
