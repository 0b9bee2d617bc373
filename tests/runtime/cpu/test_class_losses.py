"""Losses of rows of classes, and their derivatives, in every option."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Mode
from torchlean_spec.numbers import BINARY32

Array = NDArray[Any]
ONE = numpy.array([1], numpy.float32)


def rounded(*values: Fraction | int) -> Array:
    """Exact constants as binary32 numbers."""
    numbers = [BINARY32.to_float(BINARY32.constant(value)) for value in values]
    return numpy.array(numbers, numpy.float32)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"ignore_index": 2},
    {"class_weights": True},
    {"label_smoothing": Fraction(1, 10)},
    {"ignore_index": 0, "class_weights": True, "label_smoothing": Fraction(3, 10)},
]


def class_arguments(
    options: dict[str, Any], rows: int, classes: int, distribution: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The kernels' optional arguments, and the operation's attributes."""
    attributes = dict(options)
    weights: list[Fraction] = []
    if options.get("class_weights"):
        weights = [Fraction(c % 4 + 1, 3) for c in range(classes)]
        attributes["class_weights"] = tuple(weights)
    smoothing = options.get("label_smoothing", Fraction(0))
    pair: list[Fraction] = []
    if smoothing:
        share = smoothing / classes
        pair = (
            [1 - smoothing, share] if distribution else [share, 1 - smoothing + share]
        )
    arguments: dict[str, Any] = {
        "class_weights": rounded(*weights),
        "smoothing": rounded(*pair),
        "rows": rows,
        "classes": classes,
        "weights": len(weights),
        "smoothed": int(bool(smoothing)),
    }
    return arguments, attributes


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy_of_classes_agrees_with_the_spec(
    mode: Mode,
    options: dict[str, Any],
    reduction: str,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Value and derivative in one row, with every option."""
    for rows, classes in ((1, 3), (7, 10), (3, 70), (2, 1300)):
        arguments, attributes = class_arguments(options, rows, classes, False)
        attributes["reduction"] = reduction
        logits = numbers(rows * classes, 3).reshape(rows, classes)
        target = numpy.arange(rows) * 7 % classes
        loss, out = numpy.empty(1, numpy.float32), numpy.empty_like(logits)
        call(
            "cross_entropy_with_gradient",
            mode=mode,
            logits=logits,
            target=target,
            scale=numpy.empty(2, numpy.float32),
            row_losses=numpy.empty(rows, numpy.float32),
            loss=loss,
            out=out,
            ignore_index=options.get("ignore_index", -1),
            mean=int(reduction == "mean"),
            **arguments,
        )
        slope = ("cross_entropy_gradient", logits, target, ONE.reshape(()))
        value = ("cross_entropy", logits, target)
        if mode is Mode.STRICT:
            assert same_bits(loss, meaning.bits(*value, **attributes))
            assert same_bits(out, meaning.bits(*slope, **attributes))
        assert meaning.refused(loss, *value, **attributes) == []
        assert meaning.refused(out, *slope, **attributes) == []


@pytest.mark.parametrize("options", OPTIONS)
def test_unreduced_cross_entropy_has_the_bits_of_the_spec(
    options: dict[str, Any],
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """The rows' losses, and the derivative with an upstream for each row."""
    rows, classes = 6, 9
    arguments, attributes = class_arguments(options, rows, classes, False)
    arguments["ignore_index"] = options.get("ignore_index", -1)
    attributes["reduction"] = "none"
    logits = numbers(rows * classes, 3).reshape(rows, classes)
    target, upstream = numpy.arange(rows) * 2 % classes, numbers(rows, 8)
    losses, out = numpy.empty(rows, numpy.float32), numpy.empty_like(logits)
    given: dict[str, Any] = {"mode": Mode.STRICT, "logits": logits, "target": target}
    call(
        "cross_entropy_rows",
        row_losses=losses,
        scratch=numpy.empty_like(logits),
        **given,
        **arguments,
    )
    expected = meaning.bits("cross_entropy", logits, target, **attributes)
    assert same_bits(losses, expected)
    call(
        "cross_entropy_gradient",
        scale=numpy.ones(2, numpy.float32),
        upstream=upstream,
        upstreams=rows,
        scratch=numpy.empty(rows, numpy.float32),
        out=out,
        **given,
        **arguments,
    )
    slope = ("cross_entropy_gradient", logits, target, upstream)
    assert same_bits(out, meaning.bits(*slope, **attributes))


def test_cross_entropy_in_pieces_has_the_bits_of_the_whole(
    numbers: Callable[..., Array],
) -> None:
    """`class_scale`, two pieces of the rows, and `class_mean`, in both modes."""
    rows, classes = 10, 12
    options = {"ignore_index": 5, "class_weights": True}
    arguments, _ = class_arguments(options, rows, classes, False)
    arguments["ignore_index"] = 5
    logits = numbers(rows * classes, 3).reshape(rows, classes)
    target = numpy.arange(rows) * 5 % classes
    for mode in Mode:
        scale, losses = numpy.empty((2, 2), numpy.float32), numpy.empty(rows, "f4")
        loss, out = (
            numpy.empty((2, 1), numpy.float32),
            numpy.empty((2, rows, classes), "f4"),
        )
        call(
            "cross_entropy_with_gradient",
            mode=mode,
            logits=logits,
            target=target,
            scale=scale[0],
            row_losses=losses,
            loss=loss[0],
            out=out[0],
            mean=1,
            **arguments,
        )
        of_targets = {
            each: arguments[each]
            for each in ("class_weights", "rows", "classes", "weights", "ignore_index")
        }
        call(
            "class_scale",
            mode=mode,
            target=target,
            scratch=numpy.empty(rows, numpy.float32),
            scale=scale[1],
            mean=1,
            **of_targets,
        )
        for start, stop in ((0, 4), (4, 10)):
            call(
                "cross_entropy_rows_with_gradient",
                mode=mode,
                logits=logits[start:stop],
                target=target[start:stop],
                scale=scale[1],
                row_losses=losses[start:stop],
                out=out[1, start:stop],
                **(arguments | {"rows": stop - start}),
            )
        call(
            "class_mean", mode=mode, row_losses=losses, scale=scale[1], loss=loss[1],
            rows=rows,
        )  # fmt: skip
        assert loss[0] == loss[1]
        assert numpy.array_equal(out[0], out[1])


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "options", [each for each in OPTIONS if "ignore_index" not in each]
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy_of_distributions_agrees_with_the_spec(
    mode: Mode,
    options: dict[str, Any],
    reduction: str,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Value and derivative in one row, with zeros among the targets."""
    for rows, classes in ((1, 3), (7, 10), (3, 70)):
        arguments, attributes = class_arguments(options, rows, classes, True)
        attributes["reduction"] = reduction
        logits = numbers(rows * classes, 3).reshape(rows, classes)
        target = (numpy.abs(numbers(rows * classes, 4)) % 1).reshape(rows, classes)
        target[:, ::3] = 0
        loss, out = numpy.empty(1, numpy.float32), numpy.empty_like(logits)
        call(
            "cross_entropy_probabilities_with_gradient",
            mode=mode,
            logits=logits,
            target=target,
            scale=numpy.empty(2, numpy.float32),
            row_losses=numpy.empty(rows, numpy.float32),
            loss=loss,
            out=out,
            mean=int(reduction == "mean"),
            **arguments,
        )
        name = "cross_entropy_probabilities"
        slope = (f"{name}_gradient", logits, target, ONE.reshape(()))
        if mode is Mode.STRICT:
            assert same_bits(loss, meaning.bits(name, logits, target, **attributes))
            assert same_bits(out, meaning.bits(*slope, **attributes))
        assert meaning.refused(loss, name, logits, target, **attributes) == []
        assert meaning.refused(out, *slope, **attributes) == []


@pytest.mark.parametrize("options", [{}, {"ignore_index": 2}, {"class_weights": True}])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_negative_log_likelihood_has_the_bits_of_the_spec(
    options: dict[str, Any],
    reduction: str,
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Its rows are reduced by the kernels that reduce those of cross-entropy."""
    rows, classes = 8, 5
    arguments, attributes = class_arguments(options, rows, classes, False)
    attributes["reduction"] = reduction
    arguments["ignore_index"] = options.get("ignore_index", -1)
    del arguments["smoothing"], arguments["smoothed"]
    given: dict[str, Any] = {"mode": Mode.STRICT}
    log_probabilities = -numpy.abs(numbers(rows * classes, 3)).reshape(rows, classes)
    target = numpy.arange(rows) * 2 % classes
    losses, scale = numpy.empty(rows, numpy.float32), numpy.empty(2, numpy.float32)
    loss, out = numpy.empty(1, numpy.float32), numpy.empty_like(log_probabilities)
    call(
        "class_scale",
        target=target,
        scratch=losses,
        scale=scale,
        mean=int(reduction == "mean"),
        **given,
        **arguments,
    )
    call(
        "negative_log_likelihood_rows",
        log_probabilities=log_probabilities,
        target=target,
        row_losses=losses,
        **given,
        **arguments,
    )
    call("class_mean", row_losses=losses, scale=scale, loss=loss, rows=rows, **given)
    call(
        "negative_log_likelihood_gradient",
        target=target,
        scale=scale,
        upstream=ONE,
        upstreams=1,
        out=out,
        **given,
        **arguments,
    )
    name = "negative_log_likelihood"
    value = meaning.bits(name, log_probabilities, target, **attributes)
    assert same_bits(loss, value)
    slope = (f"{name}_gradient", log_probabilities, target, ONE.reshape(()))
    assert same_bits(out, meaning.bits(*slope, **attributes))


@pytest.mark.parametrize("wrong", [-1, 3, 2**40, -(2**62)])
def test_a_class_out_of_range_gives_nan_and_touches_no_other_row(wrong: int) -> None:
    """The run then stops at its loss, and no memory outside is touched."""
    logits = numpy.zeros((3, 3), numpy.float32)
    arguments, _ = class_arguments({}, 3, 3, False)
    loss, out = numpy.empty(1, numpy.float32), numpy.empty_like(logits)
    losses = numpy.empty(3, numpy.float32)
    call(
        "cross_entropy_with_gradient",
        logits=logits,
        target=numpy.array([0, wrong, 2]),
        scale=numpy.empty(2, numpy.float32),
        row_losses=losses,
        loss=loss,
        out=out,
        ignore_index=-100,
        mean=1,
        **arguments,
    )
    assert numpy.isnan(loss[0])
    assert numpy.isnan(losses).tolist() == [False, True, False]
    assert numpy.isnan(out).all(axis=1).tolist() == [False, True, False]
    assert not numpy.isnan(out[[0, 2]]).any()


@pytest.mark.parametrize("mode", list(Mode))
def test_rows_of_no_class_are_not_read(mode: Mode) -> None:
    """The spec refuses them; a kernel that is called all the same gives NaN."""
    arguments, _ = class_arguments({}, 2, 0, False)
    losses, nothing = numpy.empty(2, numpy.float32), numpy.empty(0, numpy.float32)
    call(
        "cross_entropy_rows",
        mode=mode,
        logits=nothing,
        target=numpy.array([0, 1]),
        row_losses=losses,
        scratch=numpy.empty(0, numpy.float32),
        ignore_index=-100,
        **arguments,
    )
    assert numpy.isnan(losses).all()


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("options", [{}, {"class_weights": True}])
def test_likelihood_of_distributions_agrees_with_the_spec(
    mode: Mode,
    options: dict[str, Any],
    meaning: Any,
    numbers: Callable[..., Array],
    same_bits: Callable[[Array, Array], bool],
) -> None:
    """Its rows and its derivative, with impossible classes among them."""
    name = "negative_log_likelihood_probabilities"
    rows, classes = 8, 40
    arguments, attributes = class_arguments(options, rows, classes, True)
    del arguments["smoothing"], arguments["smoothed"]
    logs = -numpy.abs(numbers(rows * classes, 3)).reshape(rows, classes)
    target = (numpy.abs(numbers(rows * classes, 4)) % 1).reshape(rows, classes)
    target[:, ::3], logs[:, ::6] = 0, -numpy.inf
    losses, out = numpy.empty(rows, numpy.float32), numpy.empty_like(logs)
    scratch, upstream = numpy.empty(classes, numpy.float32), numbers(rows, 8)
    call(
        f"{name}_rows",
        mode=mode,
        log_probabilities=logs,
        target=target,
        row_losses=losses,
        scratch=scratch,
        **arguments,
    )
    call(
        f"{name}_gradient",
        mode=mode,
        target=target,
        scale=numpy.ones(2, numpy.float32),
        upstream=upstream,
        upstreams=rows,
        out=out,
        **arguments,
    )
    attributes["reduction"] = "none"
    slope = (f"{name}_gradient", logs, target, upstream)
    assert numpy.isfinite(losses).all()
    assert meaning.refused(losses, name, logs, target, **attributes) == []
    assert meaning.refused(out, *slope, **attributes) == []
    if mode is Mode.STRICT:
        assert same_bits(losses, meaning.bits(name, logs, target, **attributes))
        assert same_bits(out, meaning.bits(*slope, **attributes))
