"""Training logs: values, their JSON, and where they go."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.logs import LOG, train_logs

from torchlean.experiment import ExperimentLog, RunInfo
from torchlean.log import (
    Curve,
    CurveEndpoints,
    LogDestination,
    Series,
    TrainLog,
    parse_train_log,
)
from torchlean_spec.errors import Reason, TorchLeanError

LEAN_TEXT = (
    '{"title": "digits",\n'
    ' "steps": [0, 25, 50],\n'
    ' "series":\n'
    ' [{"values": [2.302585, 0.5, 0], "name": "loss", "color": "#4e79a7"},\n'
    '  {"values": ["NaN", "Infinity", 1], "name": "accuracy", "color": "#0a7"}],\n'
    ' "notes": ["dataset=digits", "batch=32"]}\n'
)


@given(train_logs())
def test_a_log_reads_back_bit_for_bit(log: TrainLog) -> None:
    """Every number survives: small ones, signed zeros, infinities, NaN."""
    assert repr(parse_train_log(log.to_json())) == repr(log)
    assert repr(parse_train_log(log.to_json(pretty=False))) == repr(log)


@given(train_logs())
def test_what_the_original_would_lose_is_digits_alone(log: TrainLog) -> None:
    """Its dialect keeps text, order and steps, and numbers to half a millionth."""
    read = parse_train_log(log.to_json("lean"))
    assert (read.title, read.steps, read.notes) == (log.title, log.steps, log.notes)
    for theirs, ours in zip(read.series, log.series, strict=True):
        assert (theirs.name, theirs.color) == (ours.name, ours.color)
        for rounded, value in zip(theirs.values, ours.values, strict=True):
            if math.isfinite(value):
                # Six decimals, and the binary64 number next to them.
                nearest = Fraction(1, 2_000_000) + Fraction(math.ulp(value)) / 2
                assert abs(Fraction(rounded) - Fraction(value)) <= nearest
            else:
                assert repr(rounded) == repr(value)


def test_a_compact_log_has_no_white_space() -> None:
    """All on one line, keys descending, and a line end behind."""
    log = TrainLog("a b", (0,), (Series("loss", (0.5,)),))
    assert log.to_json(pretty=False) == (
        '{"title":"a b","steps":[0],'
        '"series":[{"values":[0.5],"name":"loss","color":"#0a7"}],"notes":[]}\n'
    )


def test_numbers_of_numpy_are_numbers() -> None:
    """Steps and values may be NumPy's: what is kept, and written, is Python's."""
    curve = Curve().push(np.int64(1), np.float32(0.5)).push(2, np.float64(0.25))
    series = Series("a", tuple(np.ones(2, np.float32)))
    log = TrainLog("t", tuple(np.arange(2)), (series,))
    assert repr(curve) == "Curve(steps=(1, 2), values=(0.5, 0.25))"
    assert json.loads(log.to_json())["steps"] == [0, 1]
    assert json.loads(log.to_json())["series"][0]["values"] == [1.0, 1.0]


@pytest.mark.parametrize("make", [Curve, TrainLog])
def test_no_step_is_negative(make: type[Curve] | type[TrainLog]) -> None:
    """The original counts steps with natural numbers, and so do the files."""
    with pytest.raises(TorchLeanError) as refused:
        if make is Curve:
            Curve((3, -2), (0.0, 0.0))
        else:
            TrainLog("t", (3, -2))
    assert refused.value.reason is Reason.DOMAIN
    assert str(refused.value) == "expected steps of at least 0, got -2"


def test_small_losses_survive_and_the_original_loses_them() -> None:
    """A loss of 3e-7 is kept by our numbers and becomes 0 in the original's."""
    ours = parse_train_log(LOG.to_json())
    theirs = parse_train_log(LOG.to_json("lean"))
    assert ours.series[0].values == (2.302585092994046, 0.5, 3e-7)
    assert theirs.series[0].values == (2.302585, 0.5, 0.0)


def test_losses_that_are_not_finite_are_written() -> None:
    """Infinity and NaN are words in the file, in both dialects."""
    log = TrainLog.before_after_loss("diverged", 10, math.inf, math.nan)
    for text in (log.to_json(), log.to_json("lean")):
        assert '"values": ["Infinity", "NaN"]' in text
        assert repr(parse_train_log(text)) == repr(log)


def test_the_lean_dialect_is_the_original_byte_for_byte() -> None:
    """Six decimals, descending keys, 80 columns, a line end behind."""
    assert LOG.to_json("lean") == LEAN_TEXT


def test_a_file_of_the_original_is_read() -> None:
    """The reader takes the original's text, and writes it again unchanged."""
    assert parse_train_log(LEAN_TEXT).to_json("lean") == LEAN_TEXT


def test_what_the_original_lets_out_may_be_missing() -> None:
    """Title, steps, notes and colours have defaults; numbers may be strings."""
    text = '{"series": [{"name": "loss", "values": ["0.5", "-Infinity", "1e3", 2]}]}'
    values = (0.5, -math.inf, 1000.0, 2.0)
    assert parse_train_log(text) == TrainLog(series=(Series("loss", values, "#0a7"),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "training log: expected an object, got []"),
        ("{}", "training log: series: expected a list, got nothing"),
        (
            '{"series": [{"values": []}]}',
            "training log: series[0].name: expected a string, got nothing",
        ),
        (
            '{"series": [{"name": "a"}]}',
            "training log: series[0].values: expected a list, got nothing",
        ),
        (
            '{"series": [{"name": "a", "values": [1, true]}]}',
            "training log: series[0].values[1]: expected a number, got true",
        ),
        (
            '{"series": [{"name": "a", "values": ["1_0"]}]}',
            'training log: series[0].values[0]: expected a number, got "1_0"',
        ),
        (
            '{"series": [{"name": "a", "values": ["\u0663"]}]}',
            'training log: series[0].values[0]: expected a number, got "\u0663"',
        ),
        (
            '{"series": [{"name": "a", "values": ["1e999"]}]}',
            'training log: series[0].values[0]: expected a number, got "1e999"',
        ),
        (
            f'{{"series": [{{"name": "a", "values": [1{"0" * 400}]}}]}}',
            "training log: series[0].values[0]: expected a number, "
            f"got 1{'0' * 38}\u2026",
        ),
        (
            '{"series": [], "steps": [0, -1]}',
            "training log: steps[1]: expected an integer of at least 0, got -1",
        ),
        (
            '{"series": [], "notes": "a"}',
            'training log: notes: expected a list, got "a"',
        ),
        (
            '{"series": [], "title": 3}',
            "training log: title: expected a string, got 3",
        ),
        (
            '{"series": [{"name": "a", "values": [1]}], "steps": [0, 1]}',
            "training log: series 'a': expected 2 values, one for each step, got 1",
        ),
    ],
)
def test_a_file_that_is_no_log_is_refused(text: str, message: str) -> None:
    """One sentence names the place, what belongs there and what stands there."""
    with pytest.raises(TorchLeanError) as refused:
        parse_train_log(text)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["title", "steps", "series", "notes", "name", "values"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["title", "steps", "series", "notes"]), JSON))
def test_whatever_is_read_is_a_log_or_is_refused(value: dict[str, object]) -> None:
    """No JSON makes the reader fail in another way, or lose what it accepts."""
    text = json.dumps(value).replace("Infinity", "1")
    try:
        log = parse_train_log(text)
    except TorchLeanError as error:
        assert error.reason is Reason.FILE_FORMAT
        assert str(error).startswith("training log: ")
    else:
        assert repr(parse_train_log(log.to_json())) == repr(log)


@pytest.mark.parametrize("depth", [100, 330, 600])
def test_brackets_within_brackets_are_refused(depth: int) -> None:
    """However deep they are, the sentence is short."""
    with pytest.raises(TorchLeanError) as refused:
        parse_train_log(f'{{"series": {"[" * depth}{"]" * depth}}}')
    assert refused.value.reason is Reason.FILE_FORMAT
    assert len(str(refused.value)) < 120


def test_misaligned_values_are_refused() -> None:
    """A log, and a curve, hold as many values as steps."""
    with pytest.raises(TorchLeanError) as log:
        TrainLog("t", (0, 1), (Series("loss", (1.0,)),))
    assert log.value.reason is Reason.SHAPE_MISMATCH
    assert str(log.value) == (
        "series 'loss': expected 2 values, one for each step, got 1"
    )
    with pytest.raises(TorchLeanError) as curve:
        Curve((0, 1), (1.0,))
    assert str(curve.value) == "curve: expected 2 values, one for each step, got 1"


def test_a_push_leaves_the_old_curve() -> None:
    """Curves are values: pushing makes another one."""
    short = Curve().push(0, 2.0)
    assert short.push(5, 1.0) == Curve.of([(0, 2.0), (5, 1.0)])
    assert short == Curve((0,), (2.0,))


def test_a_pushed_point_is_checked() -> None:
    """A negative step is refused, and leaves the curve as it was."""
    curve = Curve().push(3, 1.0)
    with pytest.raises(TorchLeanError) as refused:
        curve.push(-1, 1.0)
    assert refused.value.reason is Reason.DOMAIN
    assert str(refused.value) == "expected steps of at least 0, got -1"
    assert curve == Curve((3,), (1.0,))


@given(st.lists(st.tuples(st.integers(min_value=0), st.floats()), max_size=8))
def test_pushing_is_building(points: list[tuple[int, float]]) -> None:
    """Point by point, or all at once: the same curve, and the same series."""
    pushed, series = Curve(), Series("loss", (), "red")
    for step, value in points:
        pushed, series = pushed.push(step, value), series.push(value)
    assert repr(pushed) == repr(Curve.of(points))
    assert repr(series) == repr(Series("loss", pushed.values, "red"))


def test_an_empty_curve_has_no_endpoints() -> None:
    """Whoever needs them says so, and is refused in one sentence."""
    assert Curve().endpoints() is None
    curve = Curve.of([(0, 2.5), (9, 0.25)])
    assert curve.endpoints() == CurveEndpoints(9, 2.5, 0.25)
    assert curve.require_endpoints("summary") == CurveEndpoints(9, 2.5, 0.25)
    with pytest.raises(TorchLeanError) as refused:
        Curve().require_endpoints("summary")
    assert refused.value.reason is Reason.EMPTY_DATA
    assert str(refused.value) == (
        "summary: expected a curve of at least 1 point, got none"
    )


def test_a_series_is_a_curve() -> None:
    """With the log's steps, or counted from 0 where there are none."""
    assert LOG.curve("loss") == Curve((0, 25, 50), LOG.series[0].values)
    bare = TrainLog(series=(Series("a", (1.0, 2.0)), Series("b", ())))
    assert bare.curve("a") == Curve((0, 1), (1.0, 2.0))
    assert bare.curve("b") == Curve()
    with pytest.raises(TorchLeanError) as refused:
        bare.curve("c")
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == "expected one of 'a', 'b', got 'c'"


def test_before_and_after_make_a_log() -> None:
    """Two points, named loss, in the original's blue."""
    log = TrainLog.before_after_loss("t", 200, 1.5, 0.5, notes=["lr=0.1"])
    assert log == TrainLog(
        "t", (0, 200), (Series("loss", (1.5, 0.5), "#4e79a7"),), ("lr=0.1",)
    )


def test_a_curve_makes_a_log() -> None:
    """It has one series, of the given name, in the original's blue unless told."""
    curve = Curve().push(1, 2.0).push(2, 1.0)
    assert curve.to_train_log("t", "loss") == TrainLog(
        "t", (1, 2), (Series("loss", (2.0, 1.0), "#4e79a7"),)
    )
    log = curve.to_train_log("t", "loss", color="red", notes=["a", "b"])
    assert (log.series[0].color, log.notes) == ("red", ("a", "b"))


def test_a_log_goes_where_it_is_sent(tmp_path: Path) -> None:
    """A path gets the file, with its folders; the words for off get none."""
    path = tmp_path / "runs" / "trainlog.json"
    LogDestination.parse_value(f" {path} ").write_train_log(LOG)
    assert repr(TrainLog.read_json(path)) == repr(LOG)
    LogDestination.json(path).write_train_log(LOG, "lean")
    assert path.read_bytes() == LEAN_TEXT.encode()
    LOG.write_json(path, "lean", pretty=False)
    assert path.read_text() == LOG.to_json("lean", pretty=False)
    for word in ("off", "false", "None", "NO", " disabled "):
        assert LogDestination.parse_value(word) == LogDestination.disabled()
    LogDestination.disabled().write_train_log(LOG)
    assert [found.name for found in tmp_path.rglob("*")] == ["runs", "trainlog.json"]


def test_an_experiment_goes_where_it_is_sent(tmp_path: Path) -> None:
    """As a training log, whose title may be given; nowhere if it is off."""
    log = ExperimentLog(RunInfo(name="digits")).log(1, "loss", 0.1)
    path = tmp_path / "log.json"
    LogDestination.json(path).write_experiment_log(log)
    assert TrainLog.read_json(path) == log.to_train_log()
    LogDestination.json(path).write_experiment_log(log, "night run", "lean")
    assert path.read_text() == log.to_train_log("night run").to_json("lean")
    LogDestination.disabled().write_experiment_log(log)
    assert [found.name for found in tmp_path.iterdir()] == ["log.json"]


def test_a_flag_that_is_missing_has_a_default() -> None:
    """The default's path, or no log; a flag that is there comes first."""
    assert LogDestination.parse(None) == LogDestination.disabled()
    assert LogDestination.parse(None, "a.json") == LogDestination.json("a.json")
    assert LogDestination.parse("b.json", "a.json").path == Path("b.json")
    assert not LogDestination.parse("off", "a.json").is_enabled
    assert LogDestination.parse("b.json").is_enabled


def test_a_blank_destination_is_refused() -> None:
    """A flag with nothing behind it is neither a path nor off."""
    with pytest.raises(TorchLeanError) as refused:
        LogDestination.parse_value("  ")
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == "expected a path for the log, or off, got nothing"


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """The path and the cause are named."""
    with pytest.raises(TorchLeanError) as refused:
        LOG.write_json(tmp_path)
    assert refused.value.reason is Reason.FILE_ACCESS
    assert str(refused.value) == (
        f"expected a file that can be written, got {tmp_path}: is a directory"
    )
