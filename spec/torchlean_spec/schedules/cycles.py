"""Schedules that rise and fall: in cycles, or once.

>>> from torchlean_spec.schedules.common import rate_at
>>> triangle = Cyclic(maximum=1, step_size=2)
>>> [str(rate_at(triangle, 0, update)) for update in range(6)]
['0', '1/2', '1', '1/2', '0', '1/2']
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import (
    ExactArithmetic,
    Hyperparameter,
    exact,
    whole,
    within,
)
from torchlean_spec.numbers.system import A
from torchlean_spec.optimizers.common import choose

CyclicMode = Literal["triangular", "triangular2", "exp_range"]
"""Whether each cycle is as high as the first, half as high as the one before, or
lower by a factor in each update."""

Anneal = Literal["cosine", "linear"]
"""Along what curve a rate goes from one value to another."""

FinalAt = Literal["last-update", "total"]
"""Whether the final rate is that of update `total - 1`, the run's last, or that of
update `total`."""

DividesOf = Literal["initial", "maximum"]
"""Which rate the final divisor divides."""


@dataclass(frozen=True, slots=True)
class Cyclic:
    """A rate that rises from the base rate to a maximum and falls back, for ever.

        c = floor(k / (2 * step_size))                     the cycle
        x = (k - 2 * step_size * c) / step_size            in [0, 2)
        rate(k) = base + height(k) * min(x, 2 - x)

        height(k) = maximum - base                         triangular
        height(k) = (maximum - base) / 2^c                 triangular2
        height(k) = (maximum - base) * gamma^k             exp_range

    At the start of every cycle the rate is the base rate. PyTorch's CyclicLR is
    the same with `step_size_up = step_size_down`, and also cycles the momentum,
    which nothing here does; Optax and Keras have no such schedule. The original
    reads a step size of 0 as constant, and an unknown mode as triangular; here both
    are refused. Its TriangularCycle is the mode `triangular`.

    Args:
        maximum: The rate at the top of the first cycle (with `exp_range`, before
            the factor), at least 0.
        step_size: Updates of half a cycle, at least 1.
        mode: How the height changes.
        gamma: The factor of each update, above 0; for `exp_range` only.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, `UNKNOWN_NAME` for
            another mode, `CONTRADICTION` for a gamma that the mode does not take,
            and `DOMAIN` from `rate` where a power outgrows every number format.

    Source: Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017,
    section 3 (arXiv:1506.01186); the original's
    `NN/Runtime/Optim/Schedulers.lean`, Cyclic and TriangularCycle.

    >>> from torchlean_spec.schedules.common import rate_at
    >>> halving = Cyclic(maximum=1, step_size=1, mode="triangular2")
    >>> [str(rate_at(halving, 0, update)) for update in range(7)]
    ['0', '1', '0', '1/2', '0', '1/4', '0']
    """

    maximum: Hyperparameter
    step_size: int
    mode: CyclicMode = "triangular"
    gamma: Hyperparameter = 1

    def __post_init__(self) -> None:
        maximum = within("maximum", self.maximum, "at least 0")
        whole("step_size", self.step_size, 1)
        choose("mode", self.mode, CyclicMode)
        gamma = within("gamma", self.gamma, "above 0")
        if self.mode != "exp_range" and gamma != 1:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected a gamma of 1 in the mode {self.mode}, got {gamma}",
            )
        object.__setattr__(self, "maximum", maximum)
        object.__setattr__(self, "gamma", gamma)

    @property
    def name(self) -> str:
        """`cyclic`."""
        return "cyclic"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The base rate, and the share of the height above it."""
        period = 2 * self.step_size
        cycle = arithmetic.quotient(update, period)
        since = update - arithmetic.constant(period) * cycle
        x = since / arithmetic.constant(self.step_size)
        share = arithmetic.minimum(x, arithmetic.constant(2) - x)
        height = arithmetic.constant(exact(self.maximum)) - base_rate
        if self.mode == "triangular2":
            height = height * arithmetic.power(Fraction(1, 2), cycle)
        elif self.mode == "exp_range":
            height = height * arithmetic.power(exact(self.gamma), update)
        return base_rate + height * share


@dataclass(frozen=True, slots=True)
class OneCycle:
    """One rise to the base rate and one fall far below where it began.

        initial = base / initial_divisor
        final   = initial / final_divisor, or base / final_divisor
        two phases:    initial -> base -> final
        three phases:  initial -> base -> initial -> final

    The base rate is the maximum. Phase i leads from the border `e[i]` to
    `e[i+1]`, with `x` the share of it that is over:

        rate = a + (b - a) * x                             linear
        rate = b + (a - b) * (1 + cos(pi * x)) / 2         cosine

    where a and b are the phase's rates. Borders, with w = 0 where the final rate is
    that of update `total`, and w = 1 where it is that of the last update:

        two phases:    0, rise * total - w, total - w
        three phases:  0, rise * total - w, 2 * rise * total - 2 * w, total - w

    After the last border the rate stays at `final`.

    PyTorch's OneCycleLR is the default, where its borders rise; where they do not,
    it divides by zero or leaves a phase out, and here they are refused. It refuses
    updates after the last, and also cycles the momentum, which nothing here does.
    The original's OneCycle is linear, with `final_at="total"` and
    `final_of="maximum"`; Optax's cosine_onecycle_schedule divides the maximum too,
    and ends at update `total`. Keras has none.

    Args:
        total: Updates of the cycle, at least 1.
        rise: The share of the updates in which the rate rises (PyTorch's
            `pct_start`), in [0, 1).
        initial_divisor: The maximum over the first rate, above 0.
        final_divisor: The initial rate over the last, or the maximum over it.
        final_of: What the final divisor divides.
        anneal: Along what curve the rate changes.
        three_phase: Whether the fall stops at the initial rate.
        final_at: Which update has the final rate.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges, and where the borders
            do not rise; `UNKNOWN_NAME` for another word.

    Source: Smith and Topin, *Super-Convergence*, 2018 (arXiv:1708.07120); the
    original's `NN/Runtime/Optim/Schedulers.lean`, OneCycle and OneCycleLR.

    >>> from torchlean_spec.schedules.common import rate_at
    >>> cycle = OneCycle(
    ...     4, "0.5", 2, 4, "maximum", anneal="linear", final_at="total"
    ... )
    >>> [str(rate_at(cycle, 1, update)) for update in range(6)]
    ['1/2', '3/4', '1', '5/8', '1/4', '1/4']
    """

    total: int
    rise: Hyperparameter = "0.3"
    initial_divisor: Hyperparameter = 25
    final_divisor: Hyperparameter = 10_000
    final_of: DividesOf = "initial"
    anneal: Anneal = "cosine"
    three_phase: bool = False
    final_at: FinalAt = "last-update"

    def __post_init__(self) -> None:
        whole("total", self.total, 1)
        for name in ("initial_divisor", "final_divisor"):
            number = within(name, getattr(self, name), "above 0")
            object.__setattr__(self, name, number)
        object.__setattr__(self, "rise", within("rise", self.rise, "in [0, 1)"))
        choose("final_of", self.final_of, DividesOf)
        choose("anneal", self.anneal, Anneal)
        choose("final_at", self.final_at, FinalAt)
        borders = self.borders
        if not all(x < y for x, y in pairwise(borders)):
            shown = ", ".join(str(float(border)) for border in borders)
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected phases whose borders rise from 0, got {shown}",
            )

    @property
    def name(self) -> str:
        """`one-cycle`."""
        return "one-cycle"

    @property
    def borders(self) -> tuple[Fraction, ...]:
        """Where the phases begin and end, in updates, from 0 on."""
        early = 1 if self.final_at == "last-update" else 0
        top = exact(self.rise) * self.total - early
        middle = (2 * top,) if self.three_phase else ()
        return (Fraction(0), top, *middle, Fraction(self.total - early))

    @property
    def multiples(self) -> tuple[Fraction, ...]:
        """The rates at the borders, in units of the base rate."""
        initial = 1 / exact(self.initial_divisor)
        divided = initial if self.final_of == "initial" else Fraction(1)
        final = divided / exact(self.final_divisor)
        middle = (initial,) if self.three_phase else ()
        return (initial, Fraction(1), *middle, final)

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The rate of the phase that the update lies in."""
        borders = list(map(arithmetic.constant, self.borders))
        multiples = list(map(arithmetic.constant, self.multiples))
        elapsed = arithmetic.minimum(update, borders[-1])
        found = multiples[-1]
        # From the last phase to the first, each chosen up to where it ends.
        for phase in range(len(borders) - 1, 0, -1):
            begin, end = borders[phase - 1], borders[phase]
            share = (elapsed - begin) / (end - begin)
            pair = (multiples[phase - 1], multiples[phase])
            inside = annealed(self.anneal, arithmetic, *pair, share)
            found = arithmetic.where(arithmetic.less(elapsed, end), inside, found)
        return base_rate * found


def annealed(
    anneal: Anneal, arithmetic: ExactArithmetic[A], first: A, last: A, share: A
) -> A:
    """What lies a share of the way between two values, along a curve.

    >>> from torchlean_spec.exact import EXACT
    >>> shares = [Fraction(part, 3) for part in range(4)]
    >>> ends = (Fraction(0), Fraction(1))
    >>> [str(annealed("cosine", EXACT, *ends, share)) for share in shares]
    ['0', '1/4', '3/4', '1']
    """
    if anneal == "linear":
        return first + (last - first) * share
    one, half = arithmetic.constant(1), arithmetic.constant(Fraction(1, 2))
    left = (one + arithmetic.cosine_of_half_turns(share)) * half
    return last + (first - last) * left
