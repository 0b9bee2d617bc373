"""The original's generators, to the bit: what `dialect="lean"` means.

The original draws from three unrelated generators: SplitMix64 keys for masks and
for the seeds of the layers, one linear congruential generator for initial
parameters, another for shuffles. They are here so that runs of the original can
be repeated; new runs use `torchlean_spec.random`, whose streams do not overlap.

All of them compute in binary64, as the original does before it casts to the
scalar type of the run; every operation used here is rounded correctly, so that
the bits depend on no library.

>>> uniform(key_of(seed=0, counter=0), 2)
[0.30117025575600564, 0.6844469008501619]
>>> shuffle(seed=0, count=5)
(229283573, (0, 4, 2, 1, 3))
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

from torchlean_spec.errors import Reason, TorchLeanError

MASK = 2**64 - 1
GOLDEN_GAMMA = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio, made odd: SplitMix64's increment."""

SHUFFLE_MODULUS = 2**31


def splitmix64(value: int) -> int:
    """Scramble 64 bits; a bijection.

    Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators",
    OOPSLA 2014; the original's `NN/Runtime/Autograd/TorchLean/Random.lean`.

    >>> hex(splitmix64(0))
    '0xe220a8397b1dcdaf'
    """
    mixed = (value + GOLDEN_GAMMA) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return mixed ^ (mixed >> 31)


def key_of(seed: int, counter: int) -> int:
    """The key of the draw number `counter`.

    It depends on `seed + counter` alone, so that neighbouring seeds share their
    keys (`docs/deviations.md`, B17).

    >>> key_of(1, 0) == key_of(0, 1) == 10451216379200822465
    True
    """
    return splitmix64((seed + counter) & MASK)


def next_seed(seed: int, counter: int) -> int:
    """The seed of a model's parameter number `counter`.

    >>> next_seed(0, 0)
    7960286522194355700
    """
    return splitmix64((seed + counter + GOLDEN_GAMMA) & MASK)


def uniform(key: int, count: int) -> list[float]:
    """The first numbers of a key: `(splitmix64(key + i) mod 2^32) / 2^32`."""
    return [
        (splitmix64((key + index) & MASK) % 2**32) / 2**32 for index in range(count)
    ]


def initial_units(seed: int, count: int) -> list[float]:
    """Numbers in [0, 1) for initial parameters, from a linear generator.

    The state starts at `seed` and becomes `(1664525 s + 1013904223) mod 2^32`
    before each number, which is the state divided by 2^32. The original starts
    again for each element, so that a tensor takes quadratic time (B19); the
    numbers are the same.

    Source: the original's `NN/Runtime/Autograd/Torch/Utils.lean:41`.

    >>> initial_units(seed=0, count=2)
    [0.23606797284446657, 0.278566908556968]
    """
    units = []
    state = seed % 2**32
    for _ in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        units.append(state / 2**32)
    return units


def initial_uniform(seed: int, count: int, low: float, high: float) -> list[float]:
    """Initial parameters `low + r (high - low)`, in binary64, in that order.

    >>> initial_uniform(seed=0, count=2, low=-1.0, high=1.0)
    [-0.5278640543110669, -0.44286618288606405]
    """
    width = high - low
    return [low + each * width for each in initial_units(seed, count)]


def xavier_limit(fan_in: int, fan_out: int) -> float:
    """The original's bound `sqrt(6 / (fan_in + fan_out))`, in binary64."""
    return math.sqrt(6.0 / (float(fan_in) + float(fan_out)))


def kaiming_limit(fan_in: int) -> float:
    """The original's bound `sqrt(6 / fan_in)`, in binary64."""
    return math.sqrt(6.0 / float(fan_in))


def shuffle(seed: int, count: int) -> tuple[int, tuple[int, ...]]:
    """Sort the places 0, ..., count - 1 by keys from a linear generator.

    The state starts at `seed`; for each place in order it becomes
    `(1103515245 s + 12345) mod 2^31`, which is the place's key. The last state
    is the seed of the next shuffle.

    Source: the original's `NN/Runtime/Autograd/Train/Dataset.lean:34`.

    Raises:
        TorchLeanError: `DOMAIN` for 2^31 places or more: only below that are the
            keys distinct.
    """
    if not 0 <= count < SHUFFLE_MODULUS:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected a count from 0 to {SHUFFLE_MODULUS - 1}, got {count}",
        )
    keys = []
    state = seed
    for _ in range(count):
        state = (1103515245 * state + 12345) % SHUFFLE_MODULUS
        keys.append(state)
    return state, tuple(sorted(range(count), key=keys.__getitem__))


def orders(seed: int, count: int) -> Iterator[tuple[int, ...]]:
    """The order of the samples in each epoch, without end.

    Each epoch permutes the order of the epoch before, with the seed that the
    shuffle before left.

    >>> list(islice(orders(seed=0, count=5), 3))
    [(0, 4, 2, 1, 3), (3, 1, 4, 0, 2), (4, 0, 3, 2, 1)]
    """
    order = tuple(range(count))
    while True:
        seed, places = shuffle(seed, count)
        order = tuple(order[place] for place in places)
        yield order


def order_of_epoch(seed: int, count: int, epoch: int) -> tuple[int, ...]:
    """The order in one epoch, counted from 0; takes `epoch + 1` shuffles.

    >>> order_of_epoch(seed=0, count=5, epoch=2)
    (4, 0, 3, 2, 1)
    """
    return next(islice(orders(seed, count), epoch, None))
