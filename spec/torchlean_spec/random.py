"""Random words: a pure function of a seed, a stream and an index.

The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel Random
Numbers: As Easy as 1, 2, 3", SC 2011, section 3.3). It has no state to carry:
any word can be asked for at any time, on any machine, in any order. So initial
parameters, shuffles and dropout masks have the same bits on every backend, and
a run can be taken up at any step.

Streams keep the uses of one seed apart: each kind of use, and within a kind
each parameter, epoch or layer, reads words of its own.

>>> [f"{each:08x}" for each in words(seed=7, stream=stream(Stream.SHUFFLE), count=3)]
['36500fee', 'c9492745', '138a91f3']
>>> permutation(seed=7, stream=stream(Stream.SHUFFLE), count=5)
(4, 2, 0, 3, 1)
"""

from __future__ import annotations

import struct
from enum import IntEnum
from fractions import Fraction
from typing import Literal

from torchlean_spec.errors import Reason, TorchLeanError

Dialect = Literal["torchlean", "lean"]
"""Whose generators are meant: these, or the original's (`lean_random.py`)."""

Counter = tuple[int, int, int, int]
"""Four 32-bit words: Philox maps each counter to four random words."""

Key = tuple[int, int]
"""Two 32-bit words: each key gives another bijection of the counters."""

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
"""Odd multipliers, from the paper's table 2."""
KEY_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
"""The golden ratio and sqrt(3) - 1, in units of 2^-32; the key's Weyl sequence."""

MASK = 0xFFFFFFFF
WORDS_PER_BLOCK = 4
UNIT_BITS = 24
"""Bits of a unit: as many as a binary32 number has, so that it is exact there."""
LARGEST_SEED = 2**64 - 1
STREAM_LENGTH = 2**66
"""Words in a stream."""
LARGEST_BOUND = 2**32

_RUN = 1024
"""Blocks that are computed together; measured, larger ones leave the cache."""


class Stream(IntEnum):
    """What random words are used for; the upper half of a stream's number."""

    PARAMETERS = 1
    """Initial values; the ordinal is the parameter's number."""

    SHUFFLE = 2
    """The order of the samples; the ordinal is the epoch, counted from 0."""

    DROPOUT = 3
    """Masks; the ordinal is the number of the dropout layer."""

    SPLIT = 4
    """Which samples are held out."""

    SYNTHETIC = 5
    """Noise of made-up data sets."""

    SKETCH = 6
    """Signs by which gradients are sampled; the ordinal is 0."""


def stream(kind: Stream, ordinal: int = 0) -> int:
    """The number of a stream: `kind * 2^32 + ordinal`.

    Raises:
        TorchLeanError: `DOMAIN` if the ordinal does not fit in 32 bits.

    >>> stream(Stream.DROPOUT, 2) == 3 * 2**32 + 2
    True
    """
    if not 0 <= ordinal <= MASK:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected the ordinal of a stream from 0 to {MASK}, got {ordinal}",
        )
    return (int(kind) << 32) | ordinal


def philox(counter: Counter, key: Key) -> Counter:
    """Philox4x32-10: the four random words at a counter.

    Each round multiplies two of the words by constants, to 64 bits; the lower
    halves stay, the upper halves are mixed with the other two words and the key.

    Source: Salmon et al. 2011, section 3.3 and figure 2.

    >>> [f"{each:08x}" for each in philox((0, 0, 0, 0), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        first, second = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (second >> 32) ^ c1 ^ k0,
            second & MASK,
            (first >> 32) ^ c3 ^ k1,
            first & MASK,
        )
        k0 = (k0 + KEY_INCREMENTS[0]) & MASK
        k1 = (k1 + KEY_INCREMENTS[1]) & MASK
    return c0, c1, c2, c3


def word(seed: int, stream: int, index: int) -> int:
    """The 32-bit word number `index` of a stream.

    Word i is word i mod 4 of the block i // 4; the counter holds the block in
    its first two words and the stream in the others, the key holds the seed,
    lower halves first.

    Args:
        seed: from 0 to 2^64 - 1.
        stream: from 0 to 2^64 - 1; see `stream`.
        index: from 0 to 2^66 - 1.

    Raises:
        TorchLeanError: `DOMAIN` if one of them is out of range.

    >>> word(seed=7, stream=stream(Stream.SHUFFLE), index=2) == 0x138A91F3
    True
    """
    _require_domain(seed, stream, index, 1)
    block, place = divmod(index, WORDS_PER_BLOCK)
    counter = (block & MASK, block >> 32, stream & MASK, stream >> 32)
    return philox(counter, (seed & MASK, seed >> 32))[place]


def words(seed: int, stream: int, start: int = 0, count: int = 1) -> list[int]:
    """The words `start`, `start + 1`, ..., `start + count - 1` of a stream.

    Equal to `word` at each index, and some fifty times as fast.

    Raises:
        TorchLeanError: `DOMAIN` if an argument is out of `word`'s range.

    >>> words(1, 2, start=5, count=3) == [word(1, 2, index) for index in (5, 6, 7)]
    True
    """
    _require_domain(seed, stream, start, count)
    first = start // WORDS_PER_BLOCK
    stop = -(-(start + count) // WORDS_PER_BLOCK)
    found: list[int] = []
    for block in range(first, stop, _RUN):
        found.extend(_run(seed, stream, block, min(_RUN, stop - block)))
    skipped = start - first * WORDS_PER_BLOCK
    return found[skipped : skipped + count]


def unit(word: int) -> Fraction:
    """A number in [0, 1) from a word: its upper 24 bits, in units of 2^-24.

    Exact in binary32, so that 1 never occurs; dividing the whole word by 2^32
    would round up to 1 in binary32 (the original does: `docs/deviations.md`,
    B47).

    >>> unit(0xFFFFFFFF)
    Fraction(16777215, 16777216)
    """
    return Fraction(word >> (32 - UNIT_BITS), 1 << UNIT_BITS)


def signed_unit(word: int) -> Fraction:
    """A number in [-1, 1) from a word: `2 unit(word) - 1`, exact in binary32.

    >>> signed_unit(0), signed_unit(0x80000000)
    (Fraction(-1, 1), Fraction(0, 1))
    """
    half = 1 << (UNIT_BITS - 1)
    return Fraction((word >> (32 - UNIT_BITS)) - half, half)


class Cursor:
    """Reads the words of one stream one after another.

    The only state is the position, so a cursor can be taken up anywhere.

    >>> cursor = Cursor(seed=7, stream=stream(Stream.SHUFFLE))
    >>> [cursor.below(6) for _ in range(8)]
    [1, 4, 0, 2, 0, 4, 3, 3]
    >>> cursor.position
    8
    """

    __slots__ = ("_ahead", "_reach", "_seed", "_stream", "_used")

    def __init__(self, seed: int, stream: int, position: int = 0) -> None:
        _require_domain(seed, stream, position, 1)
        self._seed = seed
        self._stream = stream
        self._used = position
        self._ahead: list[int] = []
        self._reach = WORDS_PER_BLOCK // 2

    @property
    def position(self) -> int:
        """The index of the next word."""
        return self._used

    def word(self) -> int:
        """The next word of the stream."""
        if not self._ahead:
            # Read ahead more and more, so that few words are cheap and many fast.
            self._reach = min(2 * self._reach, WORDS_PER_BLOCK * _RUN)
            count = max(1, min(self._reach, STREAM_LENGTH - self._used))
            self._ahead = words(self._seed, self._stream, self._used, count)[::-1]
        self._used += 1
        return self._ahead.pop()

    def below(self, bound: int) -> int:
        """An integer from 0 to `bound - 1`, each equally likely.

        The upper half of the 64-bit product `word * bound`; a word whose lower
        half is less than 2^32 mod `bound` is refused and the next one taken,
        which leaves the same number of words for each answer. One word nearly
        always: at most `bound / 2^32` of them are refused.

        Source: Lemire, "Fast Random Integer Generation in an Interval", ACM
        TOMACS 29(1), 2019, section 4.

        Raises:
            TorchLeanError: `DOMAIN` unless the bound is from 1 to 2^32.
        """
        if not 1 <= bound <= LARGEST_BOUND:
            raise TorchLeanError(
                Reason.DOMAIN,
                f"expected a bound from 1 to {LARGEST_BOUND}, got {bound}",
            )
        refused = LARGEST_BOUND % bound
        while True:
            product = self.word() * bound
            if product & MASK >= refused:
                return product >> 32


def permutation(seed: int, stream: int, count: int) -> tuple[int, ...]:
    """A permutation of 0, ..., count - 1, each equally likely.

    Fisher and Yates: for `last` from count - 1 down to 1, exchange the entries
    at `last` and at a place drawn below `last + 1`.

    Source: Knuth, "The Art of Computer Programming", volume 2, section 3.4.2,
    algorithm P.

    Raises:
        TorchLeanError: `DOMAIN` unless the count is from 0 to 2^32.

    >>> permutation(seed=0, stream=stream(Stream.SHUFFLE, 1), count=6)
    (5, 3, 0, 1, 2, 4)
    """
    if not 0 <= count <= LARGEST_BOUND:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a count from 0 to {LARGEST_BOUND}, got {count}"
        )
    cursor = Cursor(seed, stream)
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        place = cursor.below(last + 1)
        order[last], order[place] = order[place], order[last]
    return tuple(order)


def require_seed(seed: int) -> None:
    """Refuse, unless a seed fits in 64 bits.

    Raises:
        TorchLeanError: `DOMAIN`.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a seed from 0 to {LARGEST_SEED}, got {seed}"
        )


def require_dialect(dialect: str) -> None:
    """Refuse, unless it is the name of a dialect of generators.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    if dialect not in ("torchlean", "lean"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"expected dialect torchlean or lean, got {dialect}"
        )


def _require_domain(seed: int, stream: int, start: int, count: int) -> None:
    require_seed(seed)
    if not 0 <= stream < 2**64:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a stream from 0 to {2**64 - 1}, got {stream}"
        )
    if count < 0:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a count of at least 0, got {count}"
        )
    if not 0 <= start <= STREAM_LENGTH - count:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected {count} words within 0 to {STREAM_LENGTH - 1}, "
            f"got them from {start}",
        )


def _run(seed: int, stream: int, block: int, count: int) -> list[int]:
    """The words of consecutive blocks, with all blocks side by side.

    Each of the four words of all blocks lies in one long Python integer, 64
    bits apart: a product of 32-bit words then fills its lane and no more, and
    one multiplication of the long integer does a round of every block.
    """
    lanes = struct.Struct(f"<{count}Q")
    ones = int.from_bytes(lanes.pack(*([1] * count)), "little")
    low = ones * MASK
    blocks = int.from_bytes(lanes.pack(*range(block, block + count)), "little")

    c0, c1 = blocks & low, (blocks >> 32) & low
    c2, c3 = ones * (stream & MASK), ones * (stream >> 32)
    k0, k1 = seed & MASK, seed >> 32
    for _ in range(ROUNDS):
        first, second = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            ((second >> 32) & low) ^ c1 ^ (ones * k0),
            second & low,
            ((first >> 32) & low) ^ c3 ^ (ones * k1),
            first & low,
        )
        k0 = (k0 + KEY_INCREMENTS[0]) & MASK
        k1 = (k1 + KEY_INCREMENTS[1]) & MASK

    found = [0] * (WORDS_PER_BLOCK * count)
    for place, long in enumerate((c0, c1, c2, c3)):
        found[place::WORDS_PER_BLOCK] = lanes.unpack(long.to_bytes(8 * count, "little"))
    return found
