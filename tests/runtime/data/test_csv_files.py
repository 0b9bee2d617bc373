"""CSV files: numbers to the bit, and the place of every cell that is wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean_spec.errors import Reason, TorchLeanError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(
    rows=st.lists(st.tuples(FINITE, FINITE, FINITE), min_size=1, max_size=5),
    delimiter=st.sampled_from([",", ";", "\t"]),
    header=st.booleans(),
)
def test_numbers_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[float, float, float]],
    delimiter: str,
    header: bool,
) -> None:
    """What was written with `repr` is read to the bit, by any delimiter."""
    path = tmp_path_factory.getbasetemp() / "numbers.csv"
    lines = [delimiter.join(map(repr, row)) for row in rows]
    path.write_text("\n".join([delimiter.join("abc")] * header + lines) + "\n")
    found = data.csv_dataset(path, delimiter=delimiter, header=header)
    assert repr(found.inputs.tolist()) == repr([[a, b] for a, b, _ in rows])
    assert repr(found.targets.tolist()) == repr([[c] for _, _, c in rows])


@given(st.fractions(-1000, 1000).filter(lambda x: x.denominator < 10**6))
def test_a_decimal_is_rounded_once(
    tmp_path_factory: pytest.TempPathFactory, value: Fraction
) -> None:
    """The number is the binary64 number nearest to the decimal that is written."""
    path = tmp_path_factory.getbasetemp() / "decimal.csv"
    digits = f"{value.numerator * 10**30 // value.denominator}e-30"
    path.write_text(digits + "\n")
    assert data.csv_array(path).tolist() == [[float(Fraction(digits))]]


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1.", 1.0), (".5", 0.5), ("-.5e+2", -50.0), ("+7", 7.0), ("-0.0", -0.0)],
)
def test_forms_of_numbers(tmp_path: Path, cell: str, number: float) -> None:
    """A digit on either side of the point is enough; a sign and an exponent may be."""
    path = tmp_path / "x.csv"
    path.write_text(f"{cell},1\n")
    assert repr(data.csv_dataset(path).inputs.tolist()) == repr([[number]])


def test_quotes_spaces_and_empty_lines(tmp_path: Path) -> None:
    """Cells may be quoted; spaces and lines without a cell are left out."""
    path = tmp_path / "x.csv"
    path.write_text('\ufeff"1.5",  2 \r\n\r\n   \r\n "3", "4"\r\n', encoding="utf-8")
    found = data.csv_dataset(path)
    assert (found.inputs.tolist(), found.targets.tolist()) == ([[1.5], [3]], [[2], [4]])


def test_columns_by_name_and_number(tmp_path: Path) -> None:
    """Any columns in any order; their names become those of the features."""
    path = tmp_path / "x.csv"
    path.write_text("a,b,c,d\n1,2,3,0\n5,6,7,1\n")
    found = data.csv_dataset(path, header=True, inputs=["c", 0], targets="d", classes=2)
    assert found.inputs.tolist() == [[3, 1], [7, 5]]
    assert found.targets.tolist() == [0, 1]
    assert found.feature_names == ("c", "a")
    assert found.name == "x"
    both = data.csv_dataset(path, header=True, targets=["d", -3])
    assert both.targets.tolist() == [[0, 2], [1, 6]]
    assert both.feature_names == ("a", "c")


def test_a_table_of_numbers(tmp_path: Path) -> None:
    """All cells, row by row, without the header."""
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    found = data.csv_array(path, data.CsvOptions(header=True))
    assert found.tolist() == [[1, 2], [3, 4]]


def test_python_reads_the_same_rows(tmp_path: Path) -> None:
    """The cells are those of Python's own reader."""
    path = tmp_path / "x.csv"
    path.write_text('"a ""b""","c\nd",e\n1,2,3\n')
    with path.open(newline="") as file:
        expected = list(csv.reader(file))
    assert [cells for _, cells in data.csv_rows(path)] == expected


@given(st.text(st.sampled_from('1.e-,;"\n\r a\0'), max_size=30))
def test_any_text_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """A table of finite numbers, or one sentence that begins with the file."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text, newline="")
    try:
        found = data.csv_array(path)
    except TorchLeanError as error:
        assert error.reason in (Reason.FILE_FORMAT, Reason.EMPTY_DATA)
        assert str(error).startswith(f"{path}: ")
    else:
        assert np.isfinite(found).all()


REFUSED: list[tuple[str, Callable[[Path], object], Reason, str]] = [
    (
        "1,2\n3,4\n5,abc\n",
        data.csv_dataset,
        Reason.FILE_FORMAT,
        "row 3, column 2: expected a number, got 'abc'",
    ),
    (
        "a,b\n3,4\n5,\n",
        lambda path: data.csv_dataset(path, header=True),
        Reason.FILE_FORMAT,
        "row 3, column 2: expected a number, got ''",
    ),
    (
        "1,2\n nan,4\n",
        data.csv_dataset,
        Reason.FILE_FORMAT,
        "row 2, column 1: expected a number, got 'nan'",
    ),
    (
        "1_0,2\n",
        data.csv_dataset,
        Reason.FILE_FORMAT,
        "row 1, column 1: expected a number, got '1_0'",
    ),
    (
        "1, 2\n",
        lambda path: data.csv_dataset(path, trim=False),
        Reason.FILE_FORMAT,
        "row 1, column 2: expected a number, got ' 2'",
    ),
    (
        "1e999,2\n",
        data.csv_dataset,
        Reason.FILE_FORMAT,
        "row 1, column 1: expected a number that float64 holds, got '1e999'",
    ),
    (
        "1,2\n3\n",
        data.csv_dataset,
        Reason.FILE_FORMAT,
        "row 2: expected 2 columns, got 1",
    ),
    (
        "1,2\n\n3,4\n",
        lambda path: data.csv_dataset(path, allow_empty_lines=False),
        Reason.FILE_FORMAT,
        "row 2: expected a row of cells, got an empty line",
    ),
    (
        '1,2\n"3,4\n',
        data.csv_dataset,
        Reason.FILE_FORMAT,
        "row 2: expected cells of CSV, got: unexpected end of data",
    ),
    (
        "1,3\n",
        lambda path: data.csv_dataset(path, classes=3),
        Reason.CLASS_OUT_OF_RANGE,
        "row 1, column 2: expected a class from 0 to 2, got 3",
    ),
    (
        "1,-0.0\n",
        lambda path: data.csv_dataset(path, classes=3),
        Reason.FILE_FORMAT,
        "row 1, column 2: expected a class as a whole number, got '-0.0'",
    ),
    (
        "1,rose\n",
        lambda path: data.csv_dataset(path, classes=["tulip", "lily"]),
        Reason.CLASS_OUT_OF_RANGE,
        "row 1, column 2: expected a class named tulip, lily, got 'rose'",
    ),
]


@pytest.mark.parametrize(("text", "read", "reason", "message"), REFUSED)
def test_a_wrong_cell_is_named(
    tmp_path: Path,
    text: str,
    read: Callable[[Path], object],
    reason: Reason,
    message: str,
) -> None:
    """Row and column are counted from 1, the header and empty lines too."""
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(TorchLeanError) as refused:
        read(path)
    assert str(refused.value) == f"{path}: {message}"
    assert refused.value.reason is reason


WITHOUT: list[tuple[str, Callable[[Path], object], Reason, str]] = [
    (
        "",
        data.csv_dataset,
        Reason.EMPTY_DATA,
        "expected at least 1 row of data, got none",
    ),
    (
        "a,b\n",
        lambda path: data.csv_dataset(path, header=True),
        Reason.EMPTY_DATA,
        "expected at least 1 row of data, got none",
    ),
    (
        "a,b\n",
        lambda path: data.csv_array(path, data.CsvOptions(header=True)),
        Reason.EMPTY_DATA,
        "expected at least 1 row of data, got none",
    ),
    (
        "a,b\n1,2\n",
        lambda path: data.csv_dataset(path, header=True, targets="c"),
        Reason.UNKNOWN_NAME,
        "expected a column named a, b, got 'c'",
    ),
    (
        "1,2\n",
        lambda path: data.csv_dataset(path, targets="c"),
        Reason.UNKNOWN_NAME,
        "expected a column named none, since it has no header, got 'c'",
    ),
    (
        "1,2\n",
        lambda path: data.csv_dataset(path, targets=2),
        Reason.AXIS_OUT_OF_RANGE,
        "expected a column from -2 to 1, got 2",
    ),
    (
        "1\n",
        data.csv_dataset,
        Reason.SHAPE_MISMATCH,
        "expected at least 1 column of inputs and 1 of targets, got 0 and 1",
    ),
]


@pytest.mark.parametrize(("text", "read", "reason", "message"), WITHOUT)
def test_what_is_not_there_is_named(
    tmp_path: Path,
    text: str,
    read: Callable[[Path], object],
    reason: Reason,
    message: str,
) -> None:
    """No rows, no such column: the sentence begins with the file."""
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(TorchLeanError) as refused:
        read(path)
    assert str(refused.value) == f"{path}: {message}"
    assert refused.value.reason is reason


def test_other_refusals(tmp_path: Path) -> None:
    """Bytes that are no text, a file that is not there, options without a sense."""
    path = tmp_path / "bytes.csv"
    path.write_bytes(b"1,2\n3,\xff\n")
    asked: list[tuple[Callable[[], object], Reason, str]] = [
        (
            lambda: data.csv_dataset(path),
            Reason.FILE_FORMAT,
            f"{path}: row 1: expected UTF-8 text, got a byte 0xff",
        ),
        (
            lambda: data.csv_dataset(tmp_path / "absent.csv"),
            Reason.FILE_ACCESS,
            f"expected a file that can be read, got {tmp_path / 'absent.csv'}: "
            "no such file or directory",
        ),
        (
            lambda: data.CsvOptions(delimiter=";;"),
            Reason.DOMAIN,
            "expected a delimiter of one character, no quote and no line end, got ';;'",
        ),
    ]
    for call, reason, message in asked:
        with pytest.raises(TorchLeanError) as refused:
            call()
        assert str(refused.value) == message
        assert refused.value.reason is reason


def test_classes_stand_in_one_column(tmp_path: Path) -> None:
    """Two columns of classes are refused."""
    path = tmp_path / "x.csv"
    path.write_text("1,0,1\n")
    with pytest.raises(TorchLeanError) as refused:
        data.csv_dataset(path, targets=[1, 2], classes=2)
    assert str(refused.value) == "expected classes in 1 column, got 2"
    assert refused.value.reason is Reason.CONTRADICTION
