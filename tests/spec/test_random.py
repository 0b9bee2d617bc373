from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.random import (
    Cursor,
    Stream,
    permutation,
    philox,
    signed_unit,
    stream,
    unit,
    word,
    words,
)

FULL = 0xFFFFFFFF
SEEDS = st.integers(0, 2**64 - 1)
STREAMS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        (
            (0, 0, 0, 0),
            (0, 0),
            (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ),
        (
            (FULL, FULL, FULL, FULL),
            (FULL, FULL),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_published_vectors(
    counter: tuple[int, int, int, int],
    key: tuple[int, int],
    expected: tuple[int, int, int, int],
) -> None:
    """Philox4x32-10 gives the published known answers."""
    assert philox(counter, key) == expected


# Ours, for other implementations: seed 0123456789abcdef, ordinal 3, the words from
# 2^34 - 3 on, which cross from one upper half of the block counter to the next.
GOLDEN = {
    Stream.PARAMETERS: (
        0xCFF10C94,
        0x6F266B60,
        0x62933067,
        0x21807333,
        0xD9107D2B,
        0x7E8C6F34,
    ),
    Stream.SHUFFLE: (
        0x8F57A06F,
        0x474E5B4E,
        0xEF6924A7,
        0xB82EA4E2,
        0x6BBA7F39,
        0x6ADEE77F,
    ),
    Stream.DROPOUT: (
        0xB7D5B2A6,
        0x8F9BCF5C,
        0x64C08F08,
        0xB6277B67,
        0x1CB960AB,
        0x6A5D37BE,
    ),
    Stream.SPLIT: (
        0x4CA579A2,
        0xC0BE9D46,
        0x368D3DFF,
        0x45AECFFC,
        0xCE9D4C38,
        0x0C2504A9,
    ),
    Stream.SYNTHETIC: (
        0x5898A0A3,
        0x0541944E,
        0x254AC0DE,
        0x71D0D61D,
        0xA05B9A7F,
        0xE824C3B6,
    ),
    Stream.SKETCH: (
        0x406696F0,
        0x7675360F,
        0x766709C5,
        0x1FAE9D8A,
        0xE8717647,
        0xDC63D21C,
    ),
}


@pytest.mark.parametrize("kind", list(Stream))
def test_golden_words(kind: Stream) -> None:
    """Every kind of stream has its own words, fixed for good."""
    found = words(0x0123456789ABCDEF, stream(kind, 3), start=2**34 - 3, count=6)
    assert tuple(found) == GOLDEN[kind]


def test_golden_permutations() -> None:
    """Shuffles and splits are fixed for good."""
    assert permutation(42, stream(Stream.SHUFFLE), 10) == (7, 8, 6, 5, 4, 2, 0, 9, 1, 3)
    assert permutation(2**64 - 1, stream(Stream.SPLIT), 10) == (
        7,
        3,
        1,
        0,
        9,
        2,
        8,
        5,
        6,
        4,
    )


def test_golden_bounded_integers() -> None:
    """A bound of 3 * 2^30 refuses a quarter of the words, in a fixed way."""
    cursor = Cursor(seed=5, stream=9)
    assert [cursor.below(3 * 2**30) for _ in range(8)] == [
        1949464306,
        756305424,
        2228246111,
        1923667829,
        784534489,
        1038058501,
        1635847265,
        1170983970,
    ]
    assert cursor.position == 10


@given(SEEDS, STREAMS, st.integers(0, 2**66 - 40), st.integers(0, 40))
def test_words_are_words(seed: int, number: int, start: int, count: int) -> None:
    """The fast way to many words agrees with the definition of one."""
    expected = [word(seed, number, start + offset) for offset in range(count)]
    assert words(seed, number, start, count) == expected


def test_words_across_runs() -> None:
    """Nothing changes where one run of blocks ends and the next one starts."""
    found = words(11, 12, start=1, count=10_000)
    assert found == words(11, 12, 1, 5000) + words(11, 12, 5001, 5000)
    assert found[4094] == word(11, 12, 4095)
    assert found[4095] == word(11, 12, 4096)


@pytest.mark.parametrize(
    ("block", "counter"),
    [
        (2**32 - 1, (FULL, 0, 6, 5)),
        (2**32, (0, 1, 6, 5)),
        (2**64 - 1, (FULL, FULL, 6, 5)),
    ],
)
def test_counter_layout(block: int, counter: tuple[int, int, int, int]) -> None:
    """The block fills the counter's lower words, the stream its upper ones."""
    expected = philox(counter, (4, 3))
    number = (5 << 32) | 6
    found = [word((3 << 32) | 4, number, 4 * block + place) for place in range(4)]
    assert tuple(found) == expected


def test_streams_have_distinct_numbers() -> None:
    """A stream's number holds its kind above and its ordinal below."""
    assert {kind.name: int(kind) for kind in Stream} == {
        "PARAMETERS": 1,
        "SHUFFLE": 2,
        "DROPOUT": 3,
        "SPLIT": 4,
        "SYNTHETIC": 5,
        "SKETCH": 6,
    }
    assert stream(Stream.SHUFFLE, 9) == 2 * 2**32 + 9


@given(st.integers(0, FULL))
def test_unit(drawn: int) -> None:
    """A unit is the word's upper 24 bits, in [0, 1), and exact in binary32."""
    value = unit(drawn)
    assert 0 <= value < 1
    assert value == Fraction(drawn - drawn % 256, 2**32)
    assert (value * 2**24).denominator == 1
    assert signed_unit(drawn) == 2 * value - 1


@given(SEEDS, STREAMS, st.integers(0, 2**66 - 1), st.integers(0, 50))
def test_cursor_reads_words_in_order(
    seed: int, number: int, start: int, count: int
) -> None:
    """A cursor gives the words from its position on, each once."""
    count = min(count, 2**66 - start)
    cursor = Cursor(seed, number, start)
    assert [cursor.word() for _ in range(count)] == words(seed, number, start, count)
    assert cursor.position == start + count


@given(SEEDS, st.integers(1, 2**32))
def test_below_is_in_range(seed: int, bound: int) -> None:
    """A bounded integer lies from 0 to the bound less one."""
    cursor = Cursor(seed, 0)
    assert all(0 <= cursor.below(bound) < bound for _ in range(5))


def test_below_accepts_equally_many_words_for_each_answer() -> None:
    """The rule leaves the same number of words for every answer.

    Shown on the rule itself with words of 8 bits, for every bound: the word w
    answers the upper half of w * bound unless its lower half is below
    256 mod bound.
    """
    for bound in range(1, 257):
        answers = Counter(
            product // 256
            for product in range(0, 256 * bound, bound)
            if product % 256 >= 256 % bound
        )
        assert answers == dict.fromkeys(range(bound), 256 // bound)


def test_below_follows_the_rule() -> None:
    """`below` is that rule on words of 32 bits."""
    bound = 3 * 2**30
    expected = [
        each * bound >> 32
        for each in words(5, 9, 0, 64)
        if each * bound % 2**32 >= 2**32 % bound
    ]
    cursor = Cursor(5, 9)
    assert [cursor.below(bound) for _ in expected] == expected
    assert len(expected) < 64


@given(SEEDS, STREAMS, st.integers(0, 60))
def test_permutation(seed: int, number: int, count: int) -> None:
    """A permutation holds each index once."""
    assert sorted(permutation(seed, number, count)) == list(range(count))


def test_every_choice_gives_another_permutation() -> None:
    """Fisher and Yates reach each of the 120 orders by one row of choices."""

    def reached(choices: tuple[int, ...]) -> tuple[int, ...]:
        order = list(range(5))
        for last, place in zip(range(4, 0, -1), choices, strict=True):
            order[last], order[place] = order[place], order[last]
        return tuple(order)

    rows = [
        (a, b, c, d)
        for a in range(5)
        for b in range(4)
        for c in range(3)
        for d in range(2)
    ]
    assert len({reached(row) for row in rows}) == 120
    cursor = Cursor(8, 1)
    drawn = tuple(cursor.below(bound) for bound in (5, 4, 3, 2))
    assert permutation(8, 1, 5) == reached(drawn)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: word(-1, 0, 0),
            "expected a seed from 0 to 18446744073709551615, got -1",
        ),
        (
            lambda: word(0, 2**64, 0),
            "expected a stream from 0 to 18446744073709551615, "
            "got 18446744073709551616",
        ),
        (
            lambda: words(0, 0, 2**66 - 1, 2),
            "expected 2 words within 0 to 73786976294838206463, "
            "got them from 73786976294838206463",
        ),
        (lambda: words(0, 0, 0, -1), "expected a count of at least 0, got -1"),
        (
            lambda: stream(Stream.SPLIT, -1),
            "expected the ordinal of a stream from 0 to 4294967295, got -1",
        ),
        (
            lambda: Cursor(0, 0).below(0),
            "expected a bound from 1 to 4294967296, got 0",
        ),
        (
            lambda: permutation(0, 0, -1),
            "expected a count from 0 to 4294967296, got -1",
        ),
    ],
)
def test_refusals(call: object, message: str) -> None:
    """What is out of range is refused, with the range."""
    assert callable(call)
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert str(caught.value) == message
    assert caught.value.reason is Reason.DOMAIN
