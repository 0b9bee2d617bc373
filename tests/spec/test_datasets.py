from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from sklearn.datasets import load_diabetes, load_digits

from torchlean_spec import datasets
from torchlean_spec.data import Dataset, Targets
from torchlean_spec.datasets import diabetes, digits, standardize, two_moons
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import square_root
from torchlean_spec.random import Stream, stream, unit, word
from torchlean_spec.shape import Shape, vector

HALF = Fraction(1, 2)


def standardized_decimals(column: list[float]) -> list[float]:
    """Standardisation to 80 digits, by another implementation than ours."""
    with localcontext(Context(prec=80)):
        values = [Decimal(repr(each)) for each in column]
        mean = sum(values, Decimal(0)) / len(values)
        squares = ((each - mean) ** 2 for each in values)
        variance = sum(squares, Decimal(0)) / len(values)
        return [float((each - mean) / variance.sqrt()) for each in values]


def test_digits_are_those_of_scikit_learn() -> None:
    """Sixteen times each pixel is the count that scikit-learn gives."""
    theirs = load_digits()
    ours = digits()
    expected = [tuple(each / 16 for each in row) for row in theirs.data.tolist()]
    assert list(ours.inputs.values) == expected
    assert list(ours.targets.indices) == theirs.target.tolist()
    assert list(ours.feature_names) == theirs.feature_names
    assert ours.targets.names == tuple(map(str, theirs.target_names))
    assert (ours.inputs.shape, len(ours), ours.targets.classes) == (
        vector(64),
        1797,
        10,
    )


def test_diabetes_are_those_of_scikit_learn() -> None:
    """Each column, standardised anew from scikit-learn's raw numbers, is ours."""
    theirs = load_diabetes(scaled=False)
    ours = diabetes()
    columns = [standardized_decimals(column) for column in theirs.data.T.tolist()]
    assert list(ours.inputs.values) == list(zip(*columns, strict=True))
    targets = standardized_decimals(theirs.target.tolist())
    assert [value for (value,) in ours.targets.values] == targets
    assert list(ours.feature_names) == theirs.feature_names
    assert (ours.inputs.shape, ours.targets.shape) == (vector(10), vector(1))


@pytest.mark.parametrize(
    ("load", "digest"),
    [
        (digits, "d36c5c9541de8cb074da64b0ac8581558aa377779f34f51607b5d7b0912ac06f"),
        (diabetes, "2e03c96829cba41238743bf90df4c366791e980c1388a4cd677c3ab7938ee3c1"),
        (two_moons, "ca5e942efdf7d6f796a6cf712c19022ecfa2e5c4b98fc11a37cbb41af7a6e37e"),
    ],
)
def test_digests(load: Callable[[], Dataset[Shape, Targets]], digest: str) -> None:
    """The bits are fixed for good; another implementation can be held to them."""
    assert load().digest() == digest


def test_nothing_heavy_is_imported() -> None:
    """The real data are read without scikit-learn, NumPy or SciPy."""
    program = (
        "import sys, torchlean_spec.datasets as d; d.digits(); d.diabetes(); "
        "print(sorted({'numpy', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_moons_without_noise_lie_on_their_half_circles() -> None:
    """Thirteen points a moon stand at multiples of 15 degrees, rounded once."""
    moons = two_moons(26, noise=0)
    first, second = moons.inputs.values[:13], moons.inputs.values[13:]
    tall = float(square_root(3) / 2)
    diagonal = float(square_root(HALF))
    assert first[0] == (1.0, 0.0)
    assert first[2] == (tall, 0.5)
    assert first[3] == (diagonal, diagonal)
    assert first[4] == (0.5, tall)
    assert first[6] == (0.0, 1.0)
    assert first[::-1] == tuple((-x, y) for x, y in first)
    assert second[0] == (0.0, 0.5)
    assert second[3] == (float(1 - square_root(HALF)), float(HALF - square_root(HALF)))
    assert second[6] == (1.0, -0.5)
    assert second[12] == (2.0, 0.5)
    assert moons.targets.indices == (0,) * 13 + (1,) * 13


def test_noise_is_twelve_units_less_six() -> None:
    """Each coordinate is the exact sum, rounded once, of point and noise."""
    points: list[tuple[Fraction | int, Fraction | int]] = [
        (1, 0),
        (0, 1),
        (-1, 0),
        (0, HALF),
        (1, -HALF),
        (2, HALF),
    ]
    expected = []
    for number, point in enumerate(points):
        row = []
        for axis, place in enumerate(point):
            first = 12 * (2 * number + axis)
            drawn = [
                unit(word(5, stream(Stream.SYNTHETIC), index))
                for index in range(first, first + 12)
            ]
            row.append(float(place + Fraction(3, 10) * sum(drawn, Fraction(-6))))
        expected.append(tuple(row))
    assert list(two_moons(6, noise=0.3, seed=5).inputs.values) == expected


def test_odd_count() -> None:
    """Of an odd number of points, the second moon has one more."""
    assert two_moons(5).targets.indices == (0, 0, 1, 1, 1)


def test_standardize_is_exact_where_it_can_be() -> None:
    """A column whose deviation is rational keeps its exact quotients."""
    assert standardize([Fraction(0), Fraction(6)]) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: standardize([]),
            Reason.EMPTY_DATA,
            "expected a column of at least 1 number, got none",
        ),
        (
            lambda: standardize([HALF, HALF]),
            Reason.DOMAIN,
            "expected a column of different numbers, got only 1/2",
        ),
        (
            lambda: two_moons(1),
            Reason.EMPTY_DATA,
            "expected two moons of at least 2 points, got 1",
        ),
        (
            lambda: two_moons(10, noise=-0.1),
            Reason.HYPERPARAMETER,
            "expected noise of at least 0, got -0.1",
        ),
        (
            lambda: two_moons(10, seed=-1),
            Reason.DOMAIN,
            "expected a seed from 0 to 18446744073709551615, got -1",
        ),
    ],
)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """What makes no data set is refused in one sentence."""
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert caught.value.reason is reason
    assert str(caught.value) == message


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package that carries the data is absent, the error says so."""
    monkeypatch.setattr(datasets, "find_spec", lambda name: None)
    with pytest.raises(TorchLeanError) as caught:
        digits()
    assert caught.value.reason is Reason.MISSING_DEPENDENCY
    assert str(caught.value) == (
        "expected scikit-learn, which carries the data, to be installed "
        "(pip install torchlean[examples]), got no such package"
    )


@pytest.fixture
def data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder that stands for the one where scikit-learn keeps its data."""
    package = ModuleSpec("sklearn", None, is_package=True)
    package.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(datasets, "find_spec", lambda name: package)
    folder = tmp_path / "datasets" / "data"
    folder.mkdir(parents=True)
    return folder


def test_missing_file(data_folder: Path) -> None:
    """A package without the file is an error that names the file."""
    with pytest.raises(TorchLeanError) as caught:
        digits()
    path = data_folder / "digits.csv.gz"
    assert caught.value.reason is Reason.FILE_ACCESS
    assert str(caught.value) == (
        f"expected a readable file {path}, got No such file or directory"
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            gzip.compress(b"1,2\n" * 50, mtime=0)[:-12],
            "Compressed file ended before the end-of-stream marker was reached",
        ),
        (b"1,2\n", "Not a gzipped file (b'1,')"),
        (gzip.compress(b"1,two\n", mtime=0), "Invalid literal for Fraction: 'two'"),
    ],
    ids=["truncated", "not compressed", "not a number"],
)
def test_broken_file(data_folder: Path, content: bytes, complaint: str) -> None:
    """A file of another format is an error that names the file and the cause."""
    path = data_folder / "digits.csv.gz"
    path.write_bytes(content)
    with pytest.raises(TorchLeanError) as caught:
        digits()
    assert caught.value.reason is Reason.FILE_FORMAT
    assert (
        str(caught.value) == f"expected compressed numbers in {path}, got {complaint}"
    )
