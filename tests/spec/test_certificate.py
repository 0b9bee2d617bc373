"""Certificates and sources: written, read back, and what is noticed or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from torchlean_spec.certificate import (
    Certificate,
    RecordedStep,
    from_text,
    hexadecimal,
    read,
    to_text,
)
from torchlean_spec.data import Dataset, Labels, Loader, Rows, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, Sequential
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.numbers import FLOAT
from torchlean_spec.optimizers import Adam
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.sources import Source, inline
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun, run


def _data() -> Dataset[Shape, Targets]:
    inputs = Rows(shape_of([2]), ((0.5, 1.0), (-1.0, 0.25), (2.0, -0.5)))
    labels: Targets = Labels(2, (0, 1, 1))
    return Dataset(inputs, labels)


def _certificate() -> Certificate:
    task = Task(Sequential(Linear(2, 2)), CrossEntropy())
    described = TrainingRun(
        task, Adam(), Loader(3, 2), steps=2, number_format="float64"
    )
    steps = tuple(
        RecordedStep(
            each.number,
            each.before,
            each.loss,
            each.gradients,
            each.clipped,
            each.after,
        )
        for each in run(FLOAT, described, _data())
    )
    source = inline(_data())
    ulps = {"exp": 1.0, "log": 0.5}
    return Certificate(described, source, _data().digest(), "the spec", ulps, steps)


def test_a_certificate_is_read_back_to_the_bit() -> None:
    """Every number, the description and the source survive the file."""
    written = to_text(_certificate())
    found = from_text(written)
    assert found.intact
    assert found.certificate == _certificate()
    assert to_text(found.certificate) == written
    assert found.certificate.source.load().digest() == _data().digest()


def test_any_changed_digit_is_noticed() -> None:
    """One hexadecimal digit of one number, and the digest no longer fits."""
    text = to_text(_certificate())
    place = text.index('"data": "') + len('"data": "')
    digit = "0" if text[place] != "0" else "1"
    assert not from_text(text[:place] + digit + text[place + 1 :]).intact


def test_numbers_are_little_endian_bits() -> None:
    """The format's bits, so that any language can read them."""
    assert hexadecimal("float64", (1.0,)) == "000000000000f03f"
    assert hexadecimal("float32", (1.0, -0.0)) == "0000803f00000080"


def _edited(edit: Callable[[dict[str, dict[str, object]]], object]) -> str:
    body = json.loads(to_text(_certificate()))
    edit(body)
    return json.dumps(body)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{}",
            "expected a certificate, got a file that is none: 'sha256'",
        ),
        (
            '{"sha256": "", "format": "a poem"}',
            "expected a file of format 'torchlean certificate, version 1', "
            "got 'a poem'",
        ),
        (
            _edited(lambda body: body["run"].update(type="Linear")),
            "Linear: expected the fields ['bias', 'bias_initializer', 'inputs', "
            "'outputs', 'weight_initializer'], got ['clipping', 'loader', "
            "'number_format', 'optimizer', 'position', 'schedule', 'seed', 'steps', "
            "'task']",
        ),
        (
            _edited(lambda body: body["data"].pop("source")),
            "expected a certificate, got a file that is none: 'source'",
        ),
    ],
)
def test_what_is_no_certificate_is_refused(text: str, message: str) -> None:
    """The refusal is one sentence, whatever is wrong inside."""
    with pytest.raises(TorchLeanError) as refused:
        from_text(text)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == message


def test_a_number_that_lost_a_byte_is_refused() -> None:
    """Two hexadecimal digits fewer are no number, and no traceback either."""
    text = to_text(_certificate())
    place = text.index('"data": "') + len('"data": "')
    with pytest.raises(TorchLeanError) as refused:
        from_text(text[:place] + text[place + 2 :])
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == (
        "expected a certificate, got a file that is none: "
        "expected numbers of 8 bytes, got 31 bytes"
    )


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """Half a certificate is none."""
    text = to_text(_certificate())
    path = tmp_path / "certificate.json"
    path.write_text(text[: len(text) // 2])
    with pytest.raises(TorchLeanError) as refused:
        read(path)
    assert refused.value.reason is Reason.FILE_FORMAT


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(TorchLeanError) as refused:
        read(tmp_path / "none.json")
    assert refused.value.reason is Reason.FILE_ACCESS
    assert str(refused.value).startswith(
        f"expected a readable certificate at {tmp_path / 'none.json'}: "
    )


@pytest.mark.parametrize("part", ["all", "training", "held-out"])
def test_a_source_makes_the_same_data_again(part: str) -> None:
    """Through JSON and back, a source loads data of the same digest."""
    source = Source("two-moons", part, held_out="0.25", seed=3, count=40, noise="0.2")
    again = Source.from_json(json.loads(json.dumps(source.to_json())))
    assert again == source
    assert again.load().digest() == source.load().digest()


def test_parts_of_a_source_are_the_split() -> None:
    """Training and held-out part together are all samples."""
    parts = [
        Source("two-moons", part, held_out=10, count=40).load()
        for part in ("training", "held-out")
    ]
    assert [len(part) for part in parts] == [30, 10]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Source("mnist"),
            "expected a data set named digits, diabetes, two-moons, inline, "
            "got 'mnist'",
        ),
        (
            lambda: Source("digits", "test"),
            "expected a part named all, training, held-out, got 'test'",
        ),
    ],
)
def test_what_sources_refuse(build: Callable[[], object], message: str) -> None:
    """Each refusal lists what there is."""
    with pytest.raises(TorchLeanError) as refused:
        build()
    assert str(refused.value) == message
