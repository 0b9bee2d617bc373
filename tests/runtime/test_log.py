"""Training logs: values, their JSON, and where they go."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.log import (
    BLUE,
    Curve,
    CurveEndpoints,
    LogDestination,
    Series,
    TrainLog,
    before_after_loss,
    parse_train_log,
    read_train_log,
    write_train_log,
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
LOG = TrainLog(
    "digits",
    (0, 25, 50),
    (
        Series("loss", (2.302585092994046, 0.5, 3e-7), BLUE),
        Series("accuracy", (math.nan, math.inf, 1.0)),
    ),
    ("dataset=digits", "batch=32"),
)


@st.composite
def train_logs(draw: st.DrawFn) -> TrainLog:
    """Any log: any floats, any text."""
    steps = draw(st.lists(st.integers(min_value=0), max_size=8))
    row = st.lists(st.floats(), min_size=len(steps), max_size=len(steps))
    series = st.builds(Series, st.text(), row.map(tuple), st.text())
    return TrainLog(
        draw(st.text()),
        tuple(steps),
        tuple(draw(st.lists(series, max_size=4))),
        tuple(draw(st.lists(st.text(), max_size=4))),
    )


@given(train_logs())
def test_a_log_reads_back_bit_for_bit(log: TrainLog) -> None:
    """Every number survives: small ones, signed zeros, infinities, NaN."""
    assert repr(parse_train_log(log.to_json())) == repr(log)


def test_small_losses_survive_and_the_original_loses_them() -> None:
    """A loss of 3e-7 is kept by our numbers and becomes 0 in the original's."""
    ours = parse_train_log(LOG.to_json())
    theirs = parse_train_log(LOG.to_json("lean"))
    assert ours.series[0].values == (2.302585092994046, 0.5, 3e-7)
    assert theirs.series[0].values == (2.302585, 0.5, 0.0)


def test_losses_that_are_not_finite_are_written() -> None:
    """Infinity and NaN are words in the file, in both dialects."""
    log = before_after_loss("diverged", 10, math.inf, math.nan)
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


def test_an_empty_curve_has_a_summary() -> None:
    """A run that logged nothing ends with a line, not with an error."""
    assert Curve().endpoints() is None
    assert Curve().summary() == "steps=0, no loss recorded"
    curve = Curve.of([(0, 2.5), (9, 0.25)])
    assert curve.endpoints() == CurveEndpoints(9, 2.5, 0.25)
    assert curve.summary() == "steps=9 loss0=2.500000 loss9=0.250000"


def test_before_and_after_make_a_log() -> None:
    """Two points, named loss, in the original's blue."""
    assert before_after_loss("t", 200, 1.5, 0.5, notes=["lr=0.1"]) == TrainLog(
        "t", (0, 200), (Series("loss", (1.5, 0.5), "#4e79a7"),), ("lr=0.1",)
    )


def test_a_log_goes_where_it_is_sent(tmp_path: Path) -> None:
    """A path gets the file, with its folders; the words for off get none."""
    path = tmp_path / "runs" / "trainlog.json"
    LogDestination.parse(f" {path} ").write(LOG)
    assert repr(read_train_log(path)) == repr(LOG)
    LogDestination.json(path).write(LOG, "lean")
    assert path.read_bytes() == LEAN_TEXT.encode()
    for word in ("off", "false", "None", "NO", " disabled "):
        assert LogDestination.parse(word) == LogDestination.disabled()
    LogDestination.disabled().write(LOG)
    assert [found.name for found in tmp_path.rglob("*")] == ["runs", "trainlog.json"]


def test_a_blank_destination_is_refused() -> None:
    """A flag with nothing behind it is neither a path nor off."""
    with pytest.raises(TorchLeanError) as refused:
        LogDestination.parse("  ")
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == "expected a path for the log, or off, got nothing"


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """The path and the cause are named."""
    with pytest.raises(TorchLeanError) as refused:
        write_train_log(tmp_path, LOG)
    assert refused.value.reason is Reason.FILE_ACCESS
    assert str(refused.value) == (
        f"expected a file that can be written, got {tmp_path}: is a directory"
    )
