"""Initial parameters: records, and what each says a parameter starts as.

Every initializer draws its elements independently and uniformly from an interval,
which may depend on the layer's fans and may be a single point. Element i
(row-major) of parameter number k reads word i of the stream `PARAMETERS` with
ordinal k, so any parameter can be made by itself. With `t = 2 unit(word) - 1`
(`signed_unit`), a multiple of 2^-23 in [-1, 1) that binary32 holds exactly, the
element is

    constant(t) * constant(half_width)                        midpoint 0
    constant(midpoint) + constant(t) * constant(half_width)   any other midpoint
    constant(midpoint)                                        half width 0

with one rounding for each operation. `dialect="lean"` gives the numbers of the
original, which computes them in binary64.

>>> XavierUniform().interval(fan_in=5, fan_out=1)
(Fraction(0, 1), Fraction(1, 1))
>>> FanInUniform().interval(fan_in=64, fan_out=10)
(Fraction(0, 1), Fraction(1, 8))
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from fractions import Fraction

from torchlean_spec import lean_random
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, exact, square_root
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.random import (
    Dialect,
    Stream,
    require_dialect,
    signed_unit,
    stream,
    words,
)
from torchlean_spec.shape import S, size
from torchlean_spec.tensor import Tensor, filled


class Initializer(ABC):
    """What a parameter starts as; each record below is one."""

    __slots__ = ()

    @abstractmethod
    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """The midpoint of the interval and half its width, before rounding.

        An irrational half width is truncated with a relative error below 2^-256,
        far below what any number format can see.

        Args:
            fan_in: how many inputs each output of the layer depends on.
            fan_out: how many outputs each input of the layer contributes to.

        Raises:
            TorchLeanError: `HYPERPARAMETER` if the interval depends on a fan
                that is not positive.
        """

    def lean_interval(self, fan_in: int, fan_out: int) -> tuple[float, float] | None:
        """The original's lower and upper end, where its dialect is asked for."""
        return None

    def initialize(
        self,
        system: NumberSystem[A],
        shape: S,
        fan_in: int,
        fan_out: int,
        seed: int,
        parameter_number: int,
    ) -> Tensor[A, S]:
        """The initial value of one parameter.

        Args:
            system: the number system of the run.
            shape: the parameter's shape.
            fan_in: how many inputs each output of the layer depends on.
            fan_out: how many outputs each input of the layer contributes to.
            seed: the seed of the run, from 0 to 2^64 - 1.
            parameter_number: the parameter's place in the model, counted from 0.

        Raises:
            TorchLeanError: `HYPERPARAMETER` for a fan that is not positive,
                `DOMAIN` for a seed or a number out of range.
        """
        ends = self.lean_interval(fan_in, fan_out)
        if ends is not None:
            own_seed = lean_random.next_seed(seed, parameter_number)
            drawn = lean_random.initial_uniform(own_seed, size(shape), *ends)
            return Tensor(shape, tuple(map(system.from_float, drawn)))

        midpoint, half_width = self.interval(fan_in, fan_out)
        if half_width == 0:
            return filled(shape, system.constant(midpoint))
        scale = system.constant(half_width)
        numbers = words(
            seed, stream(Stream.PARAMETERS, parameter_number), 0, size(shape)
        )
        offsets = [system.constant(signed_unit(each)) * scale for each in numbers]
        if midpoint == 0:
            return Tensor(shape, tuple(offsets))
        centre = system.constant(midpoint)
        return Tensor(shape, tuple(centre + offset for offset in offsets))


@dataclass(frozen=True, slots=True)
class Zeros(Initializer):
    """Every element is +0."""

    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """The point 0."""
        return Fraction(0), Fraction(0)


@dataclass(frozen=True, slots=True)
class Ones(Initializer):
    """Every element is 1."""

    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """The point 1."""
        return Fraction(1), Fraction(0)


@dataclass(frozen=True, slots=True)
class Constant(Initializer):
    """Every element is one exact real, rounded once.

    Raises:
        TorchLeanError: `HYPERPARAMETER` unless the value is finite.

    >>> Constant(0.1)
    Constant(value=Fraction(1, 10))
    """

    value: Hyperparameter

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", exact(self.value))

    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """The point `value`."""
        return exact(self.value), Fraction(0)


@dataclass(frozen=True, slots=True)
class Uniform(Initializer):
    """Uniform in [low, high), up to the rounding of the two ends.

    Raises:
        TorchLeanError: `HYPERPARAMETER` if an end is not finite, or low > high.

    >>> Uniform(-0.5, 1).interval(fan_in=1, fan_out=1)
    (Fraction(1, 4), Fraction(3, 4))
    """

    low: Hyperparameter
    high: Hyperparameter
    dialect: Dialect = field(default="torchlean", kw_only=True)

    def __post_init__(self) -> None:
        require_dialect(self.dialect)
        low, high = exact(self.low), exact(self.high)
        if low > high:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected a lower end of at most {high}, got {low}",
            )
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """The ends' mean, and half their difference."""
        low, high = exact(self.low), exact(self.high)
        return (low + high) / 2, (high - low) / 2

    def lean_interval(self, fan_in: int, fan_out: int) -> tuple[float, float] | None:
        """The ends in binary64."""
        if self.dialect != "lean":
            return None
        return float(exact(self.low)), float(exact(self.high))


@dataclass(frozen=True, slots=True)
class XavierUniform(Initializer):
    """Uniform within `gain * sqrt(6 / (fan_in + fan_out))` of 0.

    The variance `2 / (fan_in + fan_out)` is a compromise between keeping the
    variance of the activations, going forward, and of the gradients, going back.
    The original draws the weights of its linear layers so.

    Source: Glorot, Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS 2010, equation 16.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative gain; `CONTRADICTION` for
            a gain other than 1 in the original's dialect, which has none.
    """

    gain: Hyperparameter = 1
    dialect: Dialect = field(default="torchlean", kw_only=True)

    def __post_init__(self) -> None:
        require_dialect(self.dialect)
        gain = exact(self.gain)
        if gain < 0:
            raise TorchLeanError(
                Reason.HYPERPARAMETER, f"expected a gain of at least 0, got {gain}"
            )
        if self.dialect == "lean" and gain != 1:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected a gain of 1 in the dialect lean, got {gain}",
            )
        object.__setattr__(self, "gain", gain)

    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """Around 0."""
        fans = _positive(fan_in, "fan-in") + _positive(fan_out, "fan-out")
        return Fraction(0), exact(self.gain) * square_root(Fraction(6, fans))

    def lean_interval(self, fan_in: int, fan_out: int) -> tuple[float, float] | None:
        """The same limit in binary64."""
        if self.dialect != "lean":
            return None
        fans = _positive(fan_in, "fan-in"), _positive(fan_out, "fan-out")
        limit = lean_random.xavier_limit(*fans)
        return -limit, limit


@dataclass(frozen=True, slots=True)
class KaimingUniform(Initializer):
    """Uniform within `sqrt(6 / ((1 + negative_slope^2) fan_in))` of 0.

    The variance keeps the mean square of the activations through a ReLU layer,
    or through a LeakyReLU layer with that slope. The gain `sqrt(2 / (1 +
    negative_slope^2))` is irrational in general, so the record holds the slope.

    Source: He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015,
    equations 10 and 15.

    Raises:
        TorchLeanError: `HYPERPARAMETER` unless the slope is finite;
            `CONTRADICTION` for a slope in the original's dialect, which has none.
    """

    negative_slope: Hyperparameter = 0
    dialect: Dialect = field(default="torchlean", kw_only=True)

    def __post_init__(self) -> None:
        require_dialect(self.dialect)
        slope = exact(self.negative_slope)
        if self.dialect == "lean" and slope != 0:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected a negative slope of 0 in the dialect lean, got {slope}",
            )
        object.__setattr__(self, "negative_slope", slope)

    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """Around 0."""
        spread = (1 + exact(self.negative_slope) ** 2) * _positive(fan_in, "fan-in")
        return Fraction(0), square_root(6 / spread)

    def lean_interval(self, fan_in: int, fan_out: int) -> tuple[float, float] | None:
        """The same limit in binary64."""
        if self.dialect != "lean":
            return None
        limit = lean_random.kaiming_limit(_positive(fan_in, "fan-in"))
        return -limit, limit


@dataclass(frozen=True, slots=True)
class FanInUniform(Initializer):
    """Uniform within `1 / sqrt(fan_in)` of 0.

    PyTorch's default for the weight and the bias of a linear layer. It writes the
    weight's limit as He's with `negative_slope = sqrt(5)`: sqrt(6 / (6 fan_in)).
    The bias shares the limit because it acts as one more weight, whose input is
    always 1; its fan-in is the weight's, the number of the layer's inputs.

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998, section 4.6,
    whose standard deviation `1 / sqrt(fan_in)` is here the limit.
    """

    def interval(self, fan_in: int, fan_out: int) -> tuple[Fraction, Fraction]:
        """Around 0."""
        return Fraction(0), square_root(Fraction(1, _positive(fan_in, "fan-in")))


def _positive(fan: int, name: str) -> int:
    if fan < 1:
        raise TorchLeanError(
            Reason.HYPERPARAMETER, f"expected a {name} of at least 1, got {fan}"
        )
    return fan
