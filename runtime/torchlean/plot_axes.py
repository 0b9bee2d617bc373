"""The axes of a plot in text: where a value stands, and round numbers beside it.

>>> axis = value_axis([0.0, 0.4, 2.0], rows=9, scale="linear")
>>> axis.share(0.5), axis.labels(9)
(0.25, {8: '0.0', 6: '0.5', 4: '1.0', 2: '1.5', 0: '2.0'})
>>> value_axis([0.001, 20.0], rows=9, scale="auto").is_logarithmic
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from torchlean_spec.errors import Reason, TorchLeanError

Scale = Literal["auto", "linear", "log"]
"""How values are placed: linearly, by their logarithms, or as suits them."""

WIDE = 20
"""Positive values that differ by more than this factor suit a logarithmic scale."""

LONG = 12
"""Labels of more characters are rounded."""

_ROUND = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The vertical axis: from the least value, below, to the largest."""

    low: float
    high: float
    is_logarithmic: bool
    ticks: tuple[tuple[Fraction, str], ...]
    """Round values from low to high, and how each is written."""

    @property
    def label_width(self) -> int:
        """The characters of the longest label."""
        return max(len(label) for _, label in self.ticks)

    def share(self, value: float) -> float:
        """Where a value stands, from 0 at the bottom to 1 at the top.

        No range of binary64 numbers is too wide or too narrow.
        """
        low, high = self.low, self.high
        if self.is_logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        if math.isinf(high - low):
            low, high, value = low / 2, high / 2, value / 2
        # Neighbours may have one logarithm.
        share = (value - low) / (high - low) if low < high else 0.5
        # A tick may lie half a unit of the last place outside.
        return min(max(share, 0.0), 1.0)

    def labels(self, rows: int) -> dict[int, str]:
        """The label of each row that has one, rows counted from the top."""
        found: dict[int, str] = {}
        for value, label in self.ticks:
            up = round(self.share(float(value)) * (rows - 1))
            found.setdefault(rows - 1 - up, label)
        return found


def value_axis(values: Sequence[float], rows: int, scale: Scale) -> ValueAxis:
    """The axis for some finite values.

    Args:
        values: At least one.
        rows: The lines that the axis has.
        scale: See `Scale`.

    Raises:
        TorchLeanError: `DOMAIN` for values that are not positive on a logarithmic
            scale, `UNKNOWN_NAME` for another scale.
    """
    if scale not in ("auto", "linear", "log"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected a scale 'auto', 'linear' or 'log', got {scale!r}",
        )
    low, high = min(values), max(values)
    is_logarithmic = scale == "log" or (scale == "auto" and 0 < low < high / WIDE)
    if is_logarithmic and low <= 0:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected positive values for a logarithmic scale, got {low!r}",
        )
    # A value stands for the decimal that it shows, so that 0.1 has the tick 0.1.
    ends, wanted = (Fraction(repr(low)), Fraction(repr(high))), max(2, rows // 2)
    if is_logarithmic:
        ticks = _powers(*ends, wanted)
        labels = [_written(tick) for tick in ticks]
    else:
        ticks = _multiples(*ends, wanted) if low < high else []
        labels = _alike(ticks)
    if len(ticks) < 2 or max(map(len, labels)) > LONG:
        # No round values lie between neighbours: the ends themselves, to the digit.
        ticks = list(dict.fromkeys(ends))
        labels = [f"{float(tick):.17g}" for tick in ticks]
        short = [f"{float(tick):.6g}" for tick in ticks]
        labels = short if len(set(short)) == len(ticks) else labels
    return ValueAxis(low, high, is_logarithmic, tuple(zip(ticks, labels, strict=True)))


def _multiples(low: Fraction, high: Fraction, wanted: int) -> list[Fraction]:
    """Multiples of 1, 2 or 5 times a power of ten; about so many."""
    least = (high - low) / wanted
    power = Fraction(10) ** math.floor(_logarithm(least))
    step = next(p * power for p in (*_ROUND, 10, 20) if p * power >= least)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [number * step for number in range(first, last + 1)]


def _powers(low: Fraction, high: Fraction, wanted: int) -> list[Fraction]:
    """Powers of ten, some of them where there are many; if few, 2 and 5 times too."""
    powers = range(math.floor(_logarithm(low)) - 1, math.ceil(_logarithm(high)) + 2)
    within = [
        (factor, factor * Fraction(10) ** power)
        for power in powers
        for factor in _ROUND
        if low <= factor * Fraction(10) ** power <= high
    ]
    tens = [tick for factor, tick in within if factor == 1]
    if len(tens) > 2:
        return tens[:: -(-len(tens) // wanted)]
    return [tick for _, tick in within]


def _alike(ticks: Sequence[Fraction]) -> list[str]:
    """Labels of one form: with so many decimals, or with an exponent."""
    exact = [_decimal(tick) for tick in ticks]
    decimals = max((_decimals(each) for each in exact), default=0)
    plain = [f"{each:.{decimals}f}" for each in exact]
    largest = max(map(abs, exact), default=Decimal(0))
    if decimals <= 6 and largest < 10**6:
        return plain
    return [_written(tick) for tick in ticks]


def _written(tick: Fraction) -> str:
    """A round number in its shortest form.

    >>> _written(Fraction(1, 50)), _written(Fraction(5, 10**7)), _written(Fraction(0))
    ('0.02', '5e-7', '0')
    """
    exact = _decimal(tick)
    if exact == 0 or Decimal("0.0001") <= abs(exact) < 10**6:
        return f"{exact:f}"
    return f"{exact:e}".replace("e+", "e")


def _decimal(tick: Fraction) -> Decimal:
    """A round number as a decimal without trailing zeros."""
    wide = Context(prec=60)
    return wide.divide(Decimal(tick.numerator), Decimal(tick.denominator)).normalize(
        wide
    )


def _decimals(exact: Decimal) -> int:
    """How many digits stand behind the point."""
    exponent = exact.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _logarithm(value: Fraction) -> float:
    """The decimal logarithm of a positive number, however large or small."""
    return math.log10(value.numerator) - math.log10(value.denominator)


def step_label(step: int) -> str:
    """A step as it is written below its column; a very long one is rounded.

    >>> step_label(250), step_label(10**400), step_label(15 * 10**29)
    ('250', '1e400', '1.5e30')
    """
    if step < 10**LONG:
        return str(step)
    digits, exponent = f"{Decimal(step):.3e}".split("e+")
    return f"{digits.rstrip('0').rstrip('.')}e{exponent}"
