"""Losses of one shape, and their derivatives, against the spec."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype, Mode
from torchlean_spec.numbers import BINARY32

Array = NDArray[Any]
REGRESSION: dict[str, dict[str, Fraction]] = {
    "mean_squared_error": {},
    "mean_absolute_error": {},
    "huber": {"delta": Fraction(13, 10)},
    "smooth_l1": {"beta": Fraction(7, 10)},
    "binary_cross_entropy_with_logits": {},
    "binary_cross_entropy": {},
    "hinge": {},
    "poisson_with_log_rates": {},
    "poisson": {},
    "log_cosh": {},
}
ONE = numpy.array([1], numpy.float32)


def rounded(*values: Fraction | int) -> Array:
    """Exact constants as binary32 numbers."""
    numbers = [BINARY32.to_float(BINARY32.constant(value)) for value in values]
    return numpy.array(numbers, numpy.float32)


def regression_arguments(name: str, size: int, numbers: Any) -> tuple[Any, Any, Any]:
    """Predictions, targets and constants for a loss."""
    prediction, target = numbers(size, 1), numbers(size, 2)
    if name == "binary_cross_entropy":
        prediction = (numpy.abs(numbers(size, 3)) % 1).astype(numpy.float32)
    if name.startswith("binary"):
        target = (numpy.abs(target) % 1).astype(numpy.float32)
        target[: size // 3] = (numpy.arange(size // 3) % 2).astype(numpy.float32)
    if name.startswith("poisson"):
        target = numpy.floor(numpy.abs(target) % 5).astype(numpy.float32)
    if name == "poisson":
        prediction = numpy.abs(prediction)
    values = [x for v in REGRESSION[name].values() for x in (v, v / 2)]
    return prediction, target, rounded(*values)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", list(REGRESSION))
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_value_and_derivative_in_one_row_agree_with_the_spec(
    name: str,
    mode: Mode,
    reduction: str,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """The fused row of each loss: bits in strict mode, within bounds in fast mode."""
    for size in (1, 5, 40, 1030):
        prediction, target, constants = regression_arguments(name, size, numbers)
        twice = 2 if name == "mean_squared_error" else 1
        factor = Fraction(twice, size if reduction == "mean" else 1)
        loss, out = numpy.empty(1, numpy.float32), numpy.empty_like(prediction)
        arguments: dict[str, Any] = {
            "prediction": prediction,
            "target": target,
            "constants": constants,
            "factor": rounded(factor),
        }
        call(
            f"{name}_with_gradient",
            mode=mode,
            loss=loss,
            out=out,
            size=size,
            mean=int(reduction == "mean"),
            **arguments,
        )
        attributes: dict[str, Any] = REGRESSION[name] | {"reduction": reduction}
        slope = (f"{name}_gradient", prediction, target, ONE.reshape(()))
        if mode is Mode.STRICT:
            assert same_bits(loss, meaning.bits(name, prediction, target, **attributes))
            assert same_bits(out, meaning.bits(*slope, **attributes))
        assert meaning.refused(loss, name, prediction, target, **attributes) == []
        assert meaning.refused(out, *slope, **attributes) == []


@pytest.mark.parametrize("name", list(REGRESSION))
def test_unreduced_losses_and_their_derivatives_have_the_bits_of_the_spec(
    name: str,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Values element by element, and derivatives with an upstream for each."""
    prediction, target, constants = regression_arguments(name, 50, numbers)
    out, upstream = numpy.empty_like(prediction), numbers(50, 9)
    arguments: dict[str, Any] = {
        "prediction": prediction,
        "target": target,
        "constants": constants,
        "out": out,
        "size": 50,
    }
    attributes: dict[str, Any] = REGRESSION[name] | {"reduction": "none"}
    call(name, mode=Mode.STRICT, **arguments)
    assert same_bits(out, meaning.bits(name, prediction, target, **attributes))
    factor = rounded(2 if name == "mean_squared_error" else 1)
    call(
        f"{name}_gradient",
        mode=Mode.STRICT,
        factor=factor,
        upstream=upstream,
        upstreams=50,
        **arguments,
    )
    slope = (f"{name}_gradient", prediction, target, upstream)
    assert same_bits(out, meaning.bits(*slope, **attributes))


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", list(REGRESSION))
def test_a_loss_cut_at_blocks_has_the_bits_of_the_whole(
    name: str, mode: Mode, numbers: Callable[..., Array]
) -> None:
    """Blocks of 1024 summed afterwards give the same loss and derivative."""
    size = 1024 * 35
    prediction, target, constants = regression_arguments(name, size, numbers)
    arguments: dict[str, Any] = {
        "prediction": prediction,
        "target": target,
        "constants": constants,
        "factor": ONE,
    }
    loss, again = numpy.empty(1, numpy.float32), numpy.empty(1, numpy.float32)
    out, out_again = numpy.empty_like(prediction), numpy.empty_like(prediction)
    sums = numpy.empty(35, numpy.float32)
    call(
        f"{name}_with_gradient",
        mode=mode,
        loss=loss,
        out=out,
        size=size,
        mean=1,
        **arguments,
    )
    call(
        f"{name}_blocks_with_gradient",
        mode=mode,
        sums=sums,
        out=out_again,
        blocks=35,
        **arguments,
    )
    call("mean_last", mode=mode, x=sums, out=again, outer=1, count=35, divisor=size)
    if mode is Mode.STRICT:
        assert again[0] == loss[0]
    assert numpy.array_equal(out, out_again)


GRID = numpy.array(
    [
        *[0, -0.0, 1, -1, numpy.inf, -numpy.inf, numpy.nan, 0.5, 1e-45, -1e-20, 0.999],
        *[1e-8, 2, 88.7, 89, -104, 3e38, -3e38, 1.0000001, 16777216],
    ],
    numpy.float32,
)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", list(REGRESSION))
def test_special_values_are_those_of_the_spec(
    name: str,
    mode: Mode,
    meaning: Any,
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Every pair of zeros, infinities, NaN and extremes: losses and derivatives."""
    size = GRID.size**2
    prediction, target = numpy.repeat(GRID, GRID.size), numpy.tile(GRID, GRID.size)
    constants = rounded(*(x for v in REGRESSION[name].values() for x in (v, v / 2)))
    out = numpy.empty_like(prediction)
    arguments: dict[str, Any] = {
        "prediction": prediction,
        "target": target,
        "constants": constants,
        "out": out,
        "size": size,
    }
    attributes: dict[str, Any] = REGRESSION[name] | {"reduction": "none"}
    call(name, mode=mode, **arguments)
    expected = meaning.bits(name, prediction, target, **attributes)
    assert (numpy.isnan(out) == numpy.isnan(expected)).all()
    assert meaning.refused(out, name, prediction, target, **attributes) == []
    if mode is Mode.STRICT:
        assert same_bits(out, expected)
    slope = (f"{name}_gradient", prediction, target, numpy.ones_like(prediction))
    factor = rounded(2 if name == "mean_squared_error" else 1)
    call(
        slope[0],
        mode=mode,
        factor=factor,
        upstream=ONE,
        upstreams=1,
        **arguments,
    )
    expected = meaning.bits(*slope, **attributes)
    assert (numpy.isnan(out) == numpy.isnan(expected)).all()
    if mode is Mode.STRICT:
        assert same_bits(out, expected)


@pytest.mark.parametrize("name", list(REGRESSION))
def test_special_values_in_float64_are_honest(name: str, meaning: Any) -> None:
    """The same pairs, beside what overflows in that format only, in fast mode."""
    wide = [5e-324, -1e-200, 709.7, 710.0, -746.0, 1e308, -1e308, 1e160]
    grid = numpy.concatenate([GRID.astype(numpy.float64), wide])
    prediction, target = numpy.repeat(grid, grid.size), numpy.tile(grid, grid.size)
    halves = [x for v in REGRESSION[name].values() for x in (v, v / 2)]
    constants = numpy.array([float(each) for each in halves])
    out = numpy.empty_like(prediction)
    arguments: dict[str, Any] = {
        "prediction": prediction,
        "target": target,
        "constants": constants,
        "out": out,
        "size": prediction.size,
        "dtype": Dtype.FLOAT64,
    }
    attributes: dict[str, Any] = REGRESSION[name] | {"reduction": "none"}
    call(name, **arguments)
    assert meaning.refused(out, name, prediction, target, **attributes) == []
    one = numpy.ones(1)
    factor = numpy.array([2.0 if name == "mean_squared_error" else 1.0])
    call(f"{name}_gradient", factor=factor, upstream=one, upstreams=1, **arguments)
    slope = (f"{name}_gradient", prediction, target, numpy.ones_like(prediction))
    assert meaning.refused(out, *slope, **attributes) == []
