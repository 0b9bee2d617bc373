"""TensorBoard's event files: known bytes, and what is written is read again."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.adapters import ScalarEvent, read_tensorboard, write_tensorboard
from torchlean.adapters.messages import field
from torchlean.adapters.records import frame
from torchlean.experiment import ExperimentLog
from torchlean.log import Curve, Series, TrainLog
from torchlean_spec.errors import Reason, TorchLeanError

NAME = "events.out.tfevents.torchlean"
LOSS = Curve.of([(0, 2.5), (300, 1e-7)]).to_train_log("Training", "loss")


@st.composite
def named_logs(draw: st.DrawFn) -> TrainLog:
    """Any log whose series have different names."""
    steps = draw(st.lists(st.integers(0, 2**63 - 1), max_size=5))
    names = draw(st.lists(st.text(), max_size=3, unique=True))
    row = st.lists(st.floats(), min_size=len(steps), max_size=len(steps))
    return TrainLog(
        draw(st.text()),
        tuple(steps),
        tuple(Series(name, tuple(draw(row))) for name in names),
        tuple(draw(st.lists(st.text(), max_size=2))),
    )


def test_a_file_has_these_bytes(tmp_path: Path) -> None:
    """The version, then an event for each step with the values as plain scalars."""
    path = write_tensorboard(LOSS, tmp_path / "new")
    assert path == tmp_path / "new" / NAME
    wall_time = "090000000000000000"
    version = bytes.fromhex(f"{wall_time}1a0d") + b"brain.Event:2"
    first = bytes.fromhex(f"{wall_time}10002a0d0a0b0a04") + b"loss"
    first += bytes.fromhex("1500002040")
    last = bytes.fromhex(f"{wall_time}10ac022a0d0a0b0a04") + b"loss"
    last += bytes.fromhex("15") + struct.pack("<f", 1e-7)
    assert path.read_bytes() == frame(version) + frame(first) + frame(last)


def test_scalars_to_the_bit_have_these_bytes(tmp_path: Path) -> None:
    """A tensor of one double, and, where the tag is new, whom it is for."""
    path = write_tensorboard(LOSS, tmp_path, precision="float64", wall_time=1.5)
    start = field(1, 1.5)
    kind = field(9, field(1, field(1, b"scalars")) + field(4, 1))
    events = [start + field(3, b"brain.Event:2")]
    for step, value, metadata in ((0, 2.5, kind), (300, 1e-7, b"")):
        doubles = field(6, struct.pack("<d", value))
        tensor = field(1, 2) + field(2, b"") + doubles
        one = field(1, b"loss") + field(8, tensor) + metadata
        events.append(start + field(2, step) + field(5, field(1, one)))
    assert path.read_bytes() == b"".join(map(frame, events))


def test_title_and_notes_are_a_text(tmp_path: Path) -> None:
    """Markdown under the tag notes, before the first step."""
    path = write_tensorboard(TrainLog("digits", notes=("a", "b")), tmp_path)
    words = b"**digits**\n\n* a\n* b"
    tensor = field(1, 7) + field(2, b"") + field(8, words)
    kind = field(9, field(1, field(1, b"text")) + field(4, 2))
    one = field(1, b"notes") + field(8, tensor) + kind
    wanted = field(1, 0.0) + field(5, field(1, one))
    assert path.read_bytes().endswith(frame(wanted))
    assert read_tensorboard(tmp_path) == ()


@given(named_logs())
def test_what_is_written_is_read_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, log: TrainLog
) -> None:
    """Binary64 scalars lose nothing: any steps, any names, NaN and infinities."""
    folder = tmp_path_factory.mktemp("run")
    write_tensorboard(log, folder, precision="float64", wall_time=3.25)
    wanted = [
        ScalarEvent(step, one.name, one.values[row], 3.25)
        for row, step in enumerate(log.steps)
        for one in log.series
    ]
    assert repr(read_tensorboard(folder)) == repr(tuple(wanted))


@given(named_logs())
def test_plain_scalars_are_rounded_once(
    tmp_path_factory: pytest.TempPathFactory, log: TrainLog
) -> None:
    """The format keeps binary32 numbers: each value is the nearest one."""
    folder = tmp_path_factory.mktemp("run")
    path = write_tensorboard(log, folder)
    values = [one.values[row] for row in range(len(log.steps)) for one in log.series]
    assert repr([event.value for event in read_tensorboard(path)]) == repr(
        [nearest(value) for value in values]
    )


def nearest(value: float) -> float:
    """The nearest binary32 number; what is too large is infinite."""
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        return math.copysign(math.inf, value)
    return float(rounded)


def test_what_was_not_logged_is_left_out(tmp_path: Path) -> None:
    """An experiment's gaps are no NaN in the file."""
    log = ExperimentLog().log(1, "loss", math.nan).log(2, "accuracy", 0.5)
    write_tensorboard(log, tmp_path)
    assert repr(read_tensorboard(tmp_path)) == repr(
        (ScalarEvent(1, "loss", math.nan, 0.0), ScalarEvent(2, "accuracy", 0.5, 0.0))
    )


def test_files_of_a_folder_are_read_in_order(tmp_path: Path) -> None:
    """By their names; other files are left alone, other summaries passed over."""
    image = field(1, b"picture") + field(4, b"")
    other = frame(field(2, 9) + field(5, field(1, image)))
    (tmp_path / "events.out.tfevents.2").write_bytes(other)
    write_tensorboard(LOSS, tmp_path)
    (tmp_path / NAME).rename(tmp_path / "events.out.tfevents.1")
    (tmp_path / "notes.txt").write_text("no events")
    assert [event.step for event in read_tensorboard(tmp_path)] == [0, 300]


@pytest.mark.parametrize(
    ("log", "reason", "message"),
    [
        (
            TrainLog(steps=(2**63,)),
            Reason.DOMAIN,
            f"expected steps below 2^63, which event files hold, got {2**63}",
        ),
        (
            TrainLog(series=(Series("\udcff", (1.0,)),)),
            Reason.DOMAIN,
            r"expected Unicode text, got '\udcff'",
        ),
        (
            TrainLog(series=(Series("a", (1.0,)), Series("a", (2.0,)))),
            Reason.CONTRADICTION,
            "series: expected different names, got two of 'a'",
        ),
    ],
    ids=["step", "text", "names"],
)
def test_what_an_event_file_cannot_hold(
    tmp_path: Path, log: TrainLog, reason: Reason, message: str
) -> None:
    """It is refused, and the old file stays."""
    path = write_tensorboard(LOSS, tmp_path)
    before = path.read_bytes()
    with pytest.raises(TorchLeanError) as refused:
        write_tensorboard(log, tmp_path)
    assert refused.value.reason is reason
    assert str(refused.value) == message
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_what_others_write_is_read(tmp_path: Path) -> None:
    """A negative step is one, and fields of other kinds are passed over."""
    path = tmp_path / NAME
    one = field(1, field(1, b"loss") + b"\x15" + struct.pack("<f", 0.5))
    path.write_bytes(
        frame(field(2, 2**64 - 7) + field(5, one))
        + frame(b"\x0d\x00\x00\x80\x3f" + field(2, b"3") + field(5, one))
    )
    assert read_tensorboard(path) == (
        ScalarEvent(-7, "loss", 0.5, 0.0),
        ScalarEvent(0, "loss", 0.5, 0.0),
    )


@given(st.lists(st.binary(max_size=30), max_size=3))
def test_whatever_is_read_is_scalars_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, messages: list[bytes]
) -> None:
    """No bytes within sound records make the reader fail in another way."""
    path = tmp_path_factory.mktemp("run") / NAME
    path.write_bytes(b"".join(map(frame, messages)))
    try:
        events = read_tensorboard(path)
    except TorchLeanError as error:
        assert error.reason is Reason.FILE_FORMAT
        assert ": expected a " in str(error)
    else:
        assert all(type(event.value) is float for event in events)


def test_a_tag_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Its bytes are shown."""
    path = tmp_path / NAME
    path.write_bytes(frame(field(5, field(1, field(1, b"lo\xff")))))
    with pytest.raises(TorchLeanError) as refused:
        read_tensorboard(path)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == f"{path}: expected a tag in UTF-8, got b'lo\\xff'"


def test_another_precision_is_refused(tmp_path: Path) -> None:
    """A word that is none of the two does not fall back to one of them."""
    precision: Any = "float16"
    with pytest.raises(TorchLeanError) as refused:
        write_tensorboard(LOSS, tmp_path, precision=precision)
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == (
        "expected the precision 'float32' or 'float64', got 'float16'"
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder without events, a missing file, a damaged one: one sentence each."""
    with pytest.raises(TorchLeanError) as empty:
        read_tensorboard(tmp_path)
    assert empty.value.reason is Reason.FILE_ACCESS
    assert str(empty.value) == (f"expected a folder with an event file, got {tmp_path}")
    path = write_tensorboard(LOSS, tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TorchLeanError) as short:
        read_tensorboard(path)
    assert short.value.reason is Reason.FILE_FORMAT
    assert str(short.value).startswith(f"{path}: expected a whole record at byte ")
    (tmp_path / "file").touch()
    with pytest.raises(TorchLeanError) as refused:
        write_tensorboard(LOSS, tmp_path / "file")
    assert str(refused.value) == (
        f"expected a file that can be written, got {tmp_path / 'file' / NAME}: "
        "a file stands where a folder is needed"
    )
