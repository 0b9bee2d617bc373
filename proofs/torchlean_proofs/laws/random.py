"""Laws of random words, integers below a bound, and permutations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from types import FunctionType

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import random
from torchlean_spec.errors import Reason
from torchlean_spec.random import (
    LARGEST_SEED,
    MASK,
    MULTIPLIERS,
    STREAM_LENGTH,
    Cursor,
    Key,
    Stream,
)
from torchlean_spec.random import Counter as Block

KNOWN_ANSWERS: tuple[tuple[Block, Key, Block], ...] = (
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (MASK, MASK, MASK, MASK),
        (MASK, MASK),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)
"""The vectors that its authors published: counter, key, words (Random123, kat)."""


def rounds(
    counter: Block,
    key: Key,
    count: int = 10,
    increments: tuple[int, int] = (0x9E3779B9, 0xBB67AE85),
    crossed: bool = False,
) -> Block:
    """Philox with something wrong; right as it stands."""
    c0, c1, c2, c3 = counter
    for number in range(count):
        k0, k1 = ((k + number * w) & MASK for k, w in zip(key, increments, strict=True))
        first, second = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        if crossed:
            first, second = second, first
        c0, c1 = (second >> 32) ^ c1 ^ k0, second & MASK
        c2, c3 = (first >> 32) ^ c3 ^ k1, first & MASK
    return c0, c1, c2, c3


@law(
    "random.philox",
    objects="random.philox",
    evidence=Evidence.EXHAUSTIVE,
    subject=random.philox,
    mutants={
        "nine rounds": lambda counter, key: rounds(counter, key, 9),
        "eleven rounds": lambda counter, key: rounds(counter, key, 11),
        "one key for all rounds": lambda counter, key: rounds(
            counter, key, increments=(0, 0)
        ),
        "increments exchanged": lambda counter, key: rounds(
            counter, key, increments=(0xBB67AE85, 0x9E3779B9)
        ),
        "products crossed": lambda counter, key: rounds(counter, key, crossed=True),
        "the key's halves exchanged": lambda counter, key: random.philox(
            counter, key[::-1]
        ),
    },
    cases=lambda draws: iter(KNOWN_ANSWERS),
)
def known_answers(
    philox: Callable[[Block, Key], Block], case: tuple[Block, Key, Block]
) -> bool:
    """Philox4x32-10 gives the words that its authors published."""
    counter, key, answer = case
    return philox(counter, key) == answer


def somewhere(draws: Draws, most: int = 9) -> tuple[int, int, int, int]:
    """A seed, a stream, a start and a count, the ends of their ranges among them."""
    seed = draws.choice((0, 1, 2**32, LARGEST_SEED, draws.integer(0, 2**32 - 1)))
    stream = draws.choice((0, 2**32, 2**64 - 1, draws.integer(0, 2**32 - 1)))
    count = draws.integer(0, most)
    last = STREAM_LENGTH - count
    start = draws.choice((0, 4 * 2**32 - 2, last, draws.integer(0, 4096)))
    return seed, stream, start, count


@law(
    "random.words",
    objects="random.words random.word random.philox",
    evidence=Evidence.SEARCHED,
    subject=random.words,
    mutants={
        "from the block's first word": lambda seed, stream, start, count: random.words(
            seed, stream, start - start % 4, count
        ),
        "the seed's upper half dropped": lambda seed, stream, start, count: (
            random.words(seed & MASK, stream, start, count)
        ),
        "the stream's upper half dropped": lambda seed, stream, start, count: (
            random.words(seed, stream & MASK, start, count)
        ),
        "the block's upper half dropped": lambda seed, stream, start, count: [
            random.word(seed, stream, (start + i) % 2**34) for i in range(count)
        ],
        "backwards": lambda seed, stream, start, count: random.words(
            seed, stream, start, count
        )[::-1],
    },
    cases=lambda draws: itertools.chain(
        repeat(60, lambda: somewhere(draws)),
        [(7, 5, 4 * 1023 + 1, 4100)],  # Longer than what is computed together.
    ),
)
def words_by_blocks(
    words: Callable[[int, int, int, int], list[int]], case: tuple[int, int, int, int]
) -> bool:
    """Words in a row are the words one by one: word i is of block i // 4."""
    seed, stream, start, count = case
    expected: list[int] = []
    for index in range(start, start + count):
        block, place = divmod(index, 4)
        counter = (block % 2**32, block // 2**32, stream % 2**32, stream // 2**32)
        expected.append(random.philox(counter, (seed % 2**32, seed // 2**32))[place])
    return words(seed, stream, start, count) == expected


@law(
    "random.streams",
    objects="random.stream random.Stream",
    evidence=Evidence.EXHAUSTIVE,
    subject=random.stream,
    mutants={
        "kind and ordinal added": lambda kind, ordinal: int(kind) + ordinal,
        "16 bits for the ordinal": lambda kind, ordinal: (int(kind) << 16) | ordinal,
        "one stream for all ordinals": lambda kind, ordinal: int(kind) << 32,
    },
    cases=lambda draws: itertools.combinations(
        itertools.product(Stream, (0, 1, 2, 2**16, 2**32 - 1)), 2
    ),
)
def streams_apart(
    stream: Callable[[Stream, int], int],
    pair: tuple[tuple[Stream, int], tuple[Stream, int]],
) -> bool:
    """Different uses of a seed read different streams, all below 2^64."""
    first, second = stream(*pair[0]), stream(*pair[1])
    return first != second and max(first, second) < 2**64


WORDS = (0, 1, 255, 256, 257, 2**31 - 1, 2**31, 2**31 + 256, 2**32 - 256, 2**32 - 1)


@law(
    "random.units",
    objects="random.unit random.signed_unit",
    evidence=Evidence.SEARCHED,
    subject=(random.unit, random.signed_unit),
    mutants={
        "all 32 bits": (
            lambda word: Fraction(word, 2**32),
            lambda word: Fraction(word, 2**31) - 1,
        ),
        "the lower bits": (
            lambda word: Fraction(word % 2**24, 2**24),
            lambda word: Fraction(word % 2**24, 2**23) - 1,
        ),
        "1 included": (
            lambda word: Fraction(word >> 8, 2**24 - 1),
            lambda word: Fraction(word >> 8, 2**23) - 1,
        ),
        "the signed one in [-1/2, 1/2)": (
            random.unit,
            lambda word: random.unit(word) - Fraction(1, 2),
        ),
    },
    cases=lambda draws: itertools.chain(
        WORDS, repeat(50, lambda: draws.integer(0, 2**32 - 1))
    ),
)
def units(
    both: tuple[Callable[[int], Fraction], Callable[[int], Fraction]], word: int
) -> bool:
    """A unit is the word's upper 24 bits over 2^24; the signed one twice it less 1."""
    unit, signed = both[0](word), both[1](word)
    return unit == Fraction(word // 2**8, 2**24) and signed == 2 * unit - 1


# INTEGERS BELOW A BOUND


class _Tape(Cursor):
    """A cursor that reads given words."""

    __slots__ = ("left",)

    def __init__(self, words: Sequence[int]) -> None:
        super().__init__(0, 0)
        self.left = list(words)

    def word(self) -> int:
        return self.left.pop(0)


def _modulo(cursor: Cursor, bound: int) -> int:
    return cursor.word() % bound


def _unrefused(cursor: Cursor, bound: int) -> int:
    return cursor.word() * bound >> 32


def _threshold_off_by_one(cursor: Cursor, bound: int) -> int:
    while True:
        product = cursor.word() * bound
        if product & MASK > 2**32 % bound:
            return product >> 32


Below = Callable[[Cursor, int], int]


def preimages(bound: int, answer: int) -> range:
    """The words whose product with the bound has `answer` as its upper half."""
    low = -(-(answer << 32) // bound)
    high = -(-((answer + 1) << 32) // bound)
    return range(low, high)


@law(
    "random.below",
    objects="random.Cursor.below",
    evidence=Evidence.SEARCHED,
    subject=Cursor.below,
    mutants={
        "word modulo bound": _modulo,
        "nothing refused": _unrefused,
        "one more refused": _threshold_off_by_one,
    },
    cases=lambda draws: itertools.chain(
        range(1, 65),
        (1000, 2**31 + 1, 3 * 2**30, 2**32 - 1, 2**32),
        repeat(20, lambda: draws.integer(65, 2**32 - 1)),
    ),
)
def unbiased(below: Below, bound: int) -> bool:
    """Every answer has as many words as any other; the words left over are refused.

    The words of an answer are consecutive, and those refused are the first of
    them, so that the ends of each run decide. Up to 64 answers, all are tried.
    """
    share = 2**32 // bound
    some = {0, 1, bound // 2, bound - 2, bound - 1}
    for answer in range(bound) if bound <= 64 else some:
        run = preimages(bound, answer)
        # All but the last `share` of the answer's words are refused.
        accepted, refused = run[-share:], run[:-share]
        for word in {accepted[0], accepted[-1]}:
            if below(_Tape([word, 0xFFFFFFFF]), bound) != answer:
                return False
            if _used(below, word, bound) != 1:
                return False
        if refused and _used(below, refused[-1], bound) != 2:
            return False
    return True


def _used(below: Below, word: int, bound: int) -> int:
    """How many words are read where `word` comes first, then an accepted one."""
    tape = _Tape([word, 0xFFFFFFFF, 0xFFFFFFFF])
    below(tape, bound)
    return 3 - len(tape.left)


@law(
    "random.cursor",
    objects="random.Cursor.below random.Cursor.word random.Cursor.position",
    evidence=Evidence.SEARCHED,
    subject=Cursor,
    mutants={
        "a cursor that starts over": lambda seed, stream, position=0: Cursor(
            seed, stream
        ),
        "a cursor of one stream": lambda seed, stream, position=0: Cursor(
            seed, 0, position
        ),
    },
    cases=lambda draws: repeat(30, lambda: somewhere(draws, 5)),
    premise=lambda case: case[2] + 40 < STREAM_LENGTH,
)
def cursors_anywhere(
    cursor: Callable[[int, int, int], Cursor], case: tuple[int, int, int, int]
) -> bool:
    """A cursor reads the words of its stream in order, from any position on."""
    seed, stream, start, _ = case
    reader = cursor(seed, stream, start)
    read = [reader.word() for _ in range(20)]
    in_order = read == random.words(seed, stream, start, 20)
    drawn = [reader.below(10) for _ in range(5)]
    again = Cursor(seed, stream, start + 20)
    return in_order and drawn == [again.below(10) for _ in range(5)]


@law(
    "random.below_refuses",
    objects="random.Cursor.below",
    evidence=Evidence.EXHAUSTIVE,
    subject=Cursor.below,
    mutants={
        "clamped": lambda cursor, bound: Cursor.below(cursor, min(max(bound, 1), 9)),
        "from 0 on": lambda cursor, bound: bound and Cursor.below(cursor, bound),
    },
    cases=lambda draws: iter((-1, 0, 2**32 + 1, 2**64)),
)
def refused_bounds(below: Below, bound: int) -> bool:
    """A bound that is not from 1 to 2^32 is refused."""
    return refuses(Reason.DOMAIN, lambda: below(Cursor(0, 0), bound))


# PERMUTATIONS

Permutation = Callable[[int, int, int], Sequence[int]]


def _upwards(seed: int, stream: int, count: int) -> Sequence[int]:
    cursor, order = Cursor(seed, stream), list(range(count))
    for place in range(count - 1):
        other = place + cursor.below(count - place)
        order[place], order[other] = order[other], order[place]
    return order


def _seeds(draws: Draws) -> Iterator[tuple[int, int, int]]:
    return ((draws.integer(0, 99), draws.integer(0, 99), n) for n in range(40))


@law(
    "random.permutation",
    objects="random.permutation",
    evidence=Evidence.SEARCHED,
    subject=random.permutation,
    mutants={
        "places drawn, not exchanged": lambda seed, stream, count: [
            Cursor(seed, stream, i).below(count) for i in range(count)
        ],
        "nothing moved": lambda seed, stream, count: tuple(range(count)),
        "one short": lambda seed, stream, count: random.permutation(
            seed, stream, max(count - 1, 0)
        ),
        "from the first place up": _upwards,
    },
    cases=_seeds,
)
def permutations(permutation: Permutation, case: tuple[int, int, int]) -> bool:
    """Each number once, placed by exchanges from the last place down."""
    seed, stream, count = case
    cursor, order = Cursor(seed, stream), list(range(count))
    for left in range(count, 1, -1):
        place = cursor.below(left)
        # The last of the places left and the drawn one change their entries.
        last, drawn = order[left - 1], order[place]
        order[place], order[left - 1] = last, drawn
    found = permutation(seed, stream, count)
    return sorted(found) == list(range(count)) and list(found) == order


class _Unscripted(LookupError):
    """A draw that the script does not foresee."""

    def __init__(self, bound: int) -> None:
        super().__init__(bound)
        self.bound = bound


def outcomes(
    permutation: Permutation, count: int, script: tuple[int, ...] = (), weight: int = 1
) -> Iterator[tuple[tuple[int, ...], Fraction]]:
    """Every way in which a shuffle's draws may fall, each with its probability.

    The function's own code is run, with a cursor that reads the draws off a script;
    where the script ends, it goes on in as many ways as the draw has answers.
    """

    class Scripted:
        def __init__(self, seed: int, stream: int) -> None:
            self.drawn = 0

        def below(self, bound: int) -> int:
            self.drawn += 1
            if self.drawn > len(script):
                raise _Unscripted(bound)
            return script[self.drawn - 1]

    assert isinstance(permutation, FunctionType)
    names = {**permutation.__globals__, "Cursor": Scripted}
    try:
        found = FunctionType(permutation.__code__, names)(0, 0, count)
        yield tuple(found), Fraction(1, weight)
    except _Unscripted as draw:
        for answer in range(draw.bound):
            longer = (*script, answer)
            yield from outcomes(permutation, count, longer, weight * draw.bound)


def _never_in_place(seed: int, stream: int, count: int) -> Sequence[int]:
    cursor, order = Cursor(seed, stream), list(range(count))
    for last in range(count - 1, 0, -1):
        place = cursor.below(last)
        order[last], order[place] = order[place], order[last]
    return order


def _with_any_place(seed: int, stream: int, count: int) -> Sequence[int]:
    cursor, order = Cursor(seed, stream), list(range(count))
    for last in range(count):
        place = cursor.below(count)
        order[last], order[place] = order[place], order[last]
    return order


@law(
    "random.permutation_uniform",
    objects="random.permutation",
    evidence=Evidence.EXHAUSTIVE,
    subject=random.permutation,
    mutants={
        "no number stays in its place": _never_in_place,
        "exchanged with any place": _with_any_place,
    },
    cases=lambda draws: iter(range(6)),
)
def uniform_permutations(permutation: Permutation, count: int) -> bool:
    """For every generator, and if its draws are fair each permutation as likely.

    Of up to five numbers: every way in which the draws may fall is tried.
    """
    shares: dict[tuple[int, ...], Fraction] = {}
    for order, probability in outcomes(permutation, count):
        shares[order] = shares.get(order, Fraction(0)) + probability
    everyone = set(itertools.permutations(range(count)))
    fair = Fraction(1, len(everyone))
    return set(shares) == everyone and all(share == fair for share in shares.values())
