"""Training logs as CSV: nothing is lost, and what is no table is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.logs import LOG, train_logs

from torchlean.adapters import read_csv, write_csv
from torchlean.adapters.tables import parse_csv, to_csv
from torchlean.log import Series, TrainLog
from torchlean_spec.errors import Reason, TorchLeanError

LOG_TEXT = """\
# title,digits
# note,dataset=digits
# note,batch=32
# color,#4e79a7,#0a7
step,loss,accuracy
0,2.302585092994046,NaN
25,0.5,Infinity
50,3e-07,1.0
"""


@given(train_logs())
def test_a_table_reads_back_bit_for_bit(log: TrainLog) -> None:
    """Every number and every text survives, those with quotes and line ends too."""
    assert repr(parse_csv(to_csv(log))) == repr(log)


@given(train_logs())
def test_the_standard_library_reads_the_same_cells(log: TrainLog) -> None:
    """The text is CSV: Python's reader finds the names and the numbers in it."""
    rows = list(csv.reader(io.StringIO(to_csv(log), newline="")))
    head = 2 + len(log.notes)
    assert rows[0] == ["# title", log.title]
    assert rows[head] == ["step", *(one.name for one in log.series)]
    assert [row[0] for row in rows[head + 1 :] if row[0]] == list(map(str, log.steps))
    for place, one in enumerate(log.series, 1):
        cells = [row[place] for row in rows[head + 1 :] if row[place]]
        assert repr([float(cell) for cell in cells]) == repr(list(one.values))


def test_a_log_is_this_text(tmp_path: Path) -> None:
    """Title, notes, colours, names, and a row for each step."""
    path = tmp_path / "new" / "log.csv"
    write_csv(LOG, path)
    assert path.read_bytes() == LOG_TEXT.encode()
    assert repr(read_csv(path)) == repr(LOG)


def test_series_of_different_lengths() -> None:
    """Without steps their cells are empty, and so are those behind a series' end."""
    log = TrainLog(series=(Series("a", (1, 2)), Series("b", (3,)), Series("c")))
    assert to_csv(log).splitlines()[2:] == ["step,a,b,c", ",1.0,3.0,", ",2.0,,"]
    assert parse_csv(to_csv(log)) == log


@pytest.mark.parametrize(
    "text",
    [
        "step,loss\n0,2\n5,0.5\n",
        "\ufeffstep,loss\r\n0,2\r\n5,0.5",
        'step,"loss"\n0,2.\n5,5e-1',
    ],
    ids=["plain", "spreadsheet", "quoted"],
)
def test_a_plain_table_is_a_log(text: str) -> None:
    """Title, notes and colours have their defaults; line ends may be of two kinds."""
    assert parse_csv(text) == TrainLog(
        "Training", (0, 5), (Series("loss", (2.0, 0.5), "#0a7"),)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table: expected a row that begins with step, got nothing"),
        ("# title,a\n", "table: expected a row that begins with step, got nothing"),
        ("a,b\n", 'table, line 1: expected a row that begins with step, got "a"'),
        ("# title,a,b\n", "table, line 1: expected 2 cells, got 3"),
        ("# note\nstep\n", "table, line 1: expected 2 cells, got 1"),
        ("# color,red\nstep,a,b\n", "table, line 2: expected 3 cells, got 2"),
        ("step,a\n1\n", "table, line 2: expected 2 cells, got 1"),
        ("step,a\n1,2,\n", "table, line 2: expected 2 cells, got 3"),
        ("step,a\n1,2,", "table, line 2: expected 2 cells, got 3"),
        ("step,a\n1,\n", 'table, line 2: expected a number, got ""'),
        ("step,a\n1,x\n", 'table, line 2: expected a number, got "x"'),
        (
            "step,a\n-1,2\n",
            "table, line 2: expected a step, an integer of at least 0, "
            'in each row or in none, got "-1"',
        ),
        (
            "step,a\n1,2\n,3\n",
            "table, line 3: expected a step, an integer of at least 0, "
            'in each row or in none, got ""',
        ),
        (
            "step,a\n,2\n1,3\n",
            "table, line 3: expected a step, an integer of at least 0, "
            'in each row or in none, got "1"',
        ),
        (
            "step,a,b\n,2,3\n,,4\n,5,6\n",
            'table, line 4: expected nothing behind a series\' end, got "5"',
        ),
        ('step,a\n1,"2"3\n', 'table, line 2: expected a cell, got "\\"2\\"3\\n"'),
        (
            'step,"a\nb"\n1,"2',
            'table, line 3: expected a cell, got "\\"2"',
        ),
    ],
)
def test_what_is_no_table_is_refused(text: str, message: str) -> None:
    """One sentence names the line, what belongs there and what stands there."""
    with pytest.raises(TorchLeanError) as refused:
        parse_csv(text)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == message


@given(st.text('step#,ab"\n\r-0123.eNainfity', max_size=40).map("step,a\n".__add__))
def test_whatever_is_read_is_a_log_or_is_refused(text: str) -> None:
    """No text makes the reader fail in another way, or lose what it accepts."""
    try:
        log = parse_csv(text)
    except TorchLeanError as error:
        assert error.reason is Reason.FILE_FORMAT
        assert str(error).startswith("table, line ")
    else:
        assert repr(parse_csv(to_csv(log))) == repr(log)


def test_text_that_no_file_holds_is_refused(tmp_path: Path) -> None:
    """Half of a surrogate pair is no text; the old file stays."""
    path = tmp_path / "log.csv"
    write_csv(LOG, path)
    with pytest.raises(TorchLeanError) as refused:
        write_csv(TrainLog("a \udcff"), path)
    assert refused.value.reason is Reason.DOMAIN
    assert str(refused.value) == r"expected Unicode text, got '\udcff'"
    assert path.read_bytes() == LOG_TEXT.encode()


def test_a_table_that_cannot_be_written(tmp_path: Path) -> None:
    """The path and the cause are named."""
    with pytest.raises(TorchLeanError) as refused:
        write_csv(LOG, tmp_path)
    assert refused.value.reason is Reason.FILE_ACCESS
    assert str(refused.value) == (
        f"expected a file that can be written, got {tmp_path}: is a directory"
    )
