from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.data import (
    Dataset,
    Labels,
    Loader,
    Rows,
    Targets,
    append,
    split,
)
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.lean_random import orders
from torchlean_spec.numbers.rational import RATIONAL
from torchlean_spec.random import Stream, permutation, stream
from torchlean_spec.shape import Dim, Scalar, Shape, matrix, sizes, vector

INFINITY = math.inf


def numbered(count: int) -> Dataset[Dim[Literal[2], Scalar], Labels]:
    """A data set whose samples can be told apart."""
    inputs = Rows(vector(2), tuple((float(i), -float(i)) for i in range(count)))
    return Dataset(inputs, Labels(count, tuple(range(count))))


def answering(width: int) -> Dataset[Shape, Targets]:
    """One sample with some numbers to predict."""
    return Dataset(Rows(vector(1), ((1.0,),)), Rows(vector(width), ((1.0,) * width,)))


@st.composite
def loaders(draw: st.DrawFn) -> Loader:
    count = draw(st.integers(1, 40))
    return Loader(
        count,
        batch_size=draw(st.integers(1, count)),
        shuffle=draw(st.booleans()),
        drop_last=draw(st.booleans()),
        seed=draw(st.integers(0, 2**64 - 1)),
        dialect=draw(st.sampled_from(["torchlean", "lean"])),
    )


# Loaders


@given(loaders(), st.integers(0, 4))
def test_batches_partition_the_order(loader: Loader, epoch: int) -> None:
    """An epoch's batches, end to end, are its order, less a dropped tail."""
    order = loader.order(epoch)
    batches = loader.batches(epoch)
    joined = tuple(index for batch in batches for index in batch)
    assert sorted(order) == list(range(loader.count))
    assert joined == order[: len(joined)]
    assert len(batches) == loader.batches_per_epoch
    assert all(len(batch) == loader.batch_size for batch in batches[:-1])
    assert 1 <= len(batches[-1]) <= loader.batch_size
    if loader.drop_last:
        assert len(batches[-1]) == loader.batch_size
        assert len(order) - len(joined) == loader.count % loader.batch_size
    else:
        assert joined == order


@given(loaders(), st.integers(1, 60))
def test_batch_of_step(loader: Loader, step: int) -> None:
    """Step s, counted from 1 over all epochs, sees the s-th batch of the run."""
    run: list[tuple[int, ...]] = []
    epoch = 0
    while len(run) < step:
        run += loader.batches(epoch)
        epoch += 1
    assert loader.batch_of_step(step) == run[step - 1]


def test_default_drops_the_last_batch() -> None:
    """Unless asked otherwise, every batch is full and the order is shuffled."""
    loader = Loader(count=10, batch_size=4)
    assert (loader.shuffle, loader.drop_last, loader.seed) == (True, True, 0)
    assert [len(batch) for batch in loader.batches(0)] == [4, 4]
    whole = Loader(count=10, batch_size=4, drop_last=False)
    assert [len(batch) for batch in whole.batches(0)] == [4, 4, 2]


def test_order_is_the_stream_of_the_epoch() -> None:
    """The order of epoch e is the permutation of stream SHUFFLE with ordinal e."""
    loader = Loader(count=50, batch_size=50, seed=9)
    expected = [permutation(9, stream(Stream.SHUFFLE, epoch), 50) for epoch in range(3)]
    assert [loader.order(epoch) for epoch in range(3)] == expected
    assert len(set(expected)) == 3


def test_order_without_shuffling() -> None:
    """Without shuffling each epoch takes the samples as they come."""
    loader = Loader(count=5, batch_size=2, shuffle=False)
    assert loader.order(0) == loader.order(7) == (0, 1, 2, 3, 4)


def test_order_of_the_original() -> None:
    """In the original's dialect order and seed carry over between epochs."""
    loader = Loader(count=5, batch_size=5, seed=0, dialect="lean")
    expected = [(0, 4, 2, 1, 3), (3, 1, 4, 0, 2), (4, 0, 3, 2, 1)]
    assert [loader.order(epoch) for epoch in range(3)] == expected
    carried = orders(seed=0, count=5)
    assert [next(carried) for _ in range(3)] == expected


# Data sets


def test_take() -> None:
    """Taking samples keeps each input beside its target, in the order asked for."""
    taken = numbered(5).take([3, 0, 3])
    assert taken.inputs.values == ((3.0, -3.0), (0.0, -0.0), (3.0, -3.0))
    assert taken.targets.indices == (3, 0, 3)


@given(st.data(), st.integers(2, 40), st.integers(0, 2**64 - 1))
def test_split_partitions(data: st.DataObject, count: int, seed: int) -> None:
    """Each sample is in one part, in its old order, and the parts have their sizes."""
    held_out = data.draw(st.integers(1, count - 1))
    training, kept = split(numbered(count), held_out, seed)
    assert len(kept) == held_out
    assert sorted(training.targets.indices + kept.targets.indices) == list(range(count))
    for part in (training, kept):
        assert list(part.targets.indices) == sorted(part.targets.indices)
        assert part.inputs.values == tuple(
            (float(label), -float(label)) for label in part.targets.indices
        )


def test_split_follows_its_stream() -> None:
    """The first entries of the permutation of stream SPLIT are held out."""
    order = permutation(4, stream(Stream.SPLIT), 20)
    _, kept = split(numbered(20), 6, seed=4)
    assert set(kept.targets.indices) == set(order[:6])


@pytest.mark.parametrize(
    ("share", "expected"), [(0.1, 1), (Fraction(1, 4), 2), (0.35, 4), (0.45, 4)]
)
def test_split_by_share(share: Fraction | float, expected: int) -> None:
    """A share is the decimal as written, and half a sample goes to the even number."""
    assert len(split(numbered(10), share, seed=0)[1]) == expected


@given(st.integers(1, 6), st.integers(1, 6))
def test_parts_put_together_are_the_whole(first: int, second: int) -> None:
    """Samples of the one, then of the other, inputs with their targets."""
    whole = numbered(first + second)
    parts = (
        whole.take(range(first)),
        whole.take(range(first, first + second)),
    )
    assert append(*parts) == whole
    numbers = [Dataset(each.inputs, each.inputs, "n", ("u", "v")) for each in parts]
    assert append(*numbers) == Dataset(whole.inputs, whole.inputs, "n", ("u", "v"))


def test_what_is_admitted_stays_admitted() -> None:
    """Numbers that are not finite come along from either part."""
    odd = Dataset(Rows(vector(1), ((math.nan,),), True), Labels(2, (1,)))
    plain = Dataset(Rows(vector(1), ((0.5,),)), Labels(2, (0,)))
    for pair in ((odd, plain), (plain, odd)):
        assert append(*pair).inputs.allow_non_finite


def test_digest_reads_documented_bytes() -> None:
    """The digest can be had from the documentation alone."""
    inputs = Rows(matrix(1, 2), ((0.5, -0.0), (1.0, math.nan)), allow_non_finite=True)
    dataset = Dataset(inputs, Labels(3, (2, 0), ("a", "b", "c")), "toy", ("u", "v"))
    expected = hashlib.sha256(
        b"torchlean data set, version 1\n"
        + (
            b"rows\n"
            + struct.pack("<4q", 2, 1, 2, 2)
            + struct.pack("<3d", 0.5, -0.0, 1)
        )
        + struct.pack("<Q", 0x7FF8000000000000)
        + (b"labels\n" + struct.pack("<4q", 3, 2, 2, 0))
    )
    assert dataset.digest() == expected.hexdigest()


def test_digest_tells_contents_apart() -> None:
    """A changed number, label, shape, sign of zero or class count shows."""
    row = ((0.0, 1.0), (2.0, 3.0))
    same = Dataset(Rows(vector(2), row), Labels(2, (0, 1)), name="one")
    renamed = Dataset(Rows(vector(2), row), Labels(2, (0, 1)), name="two")
    others: list[Dataset[Shape, Targets]] = [
        Dataset(Rows(vector(2), ((-0.0, 1.0), (2.0, 3.0))), Labels(2, (0, 1))),
        Dataset(Rows(vector(2), row), Labels(2, (1, 1))),
        Dataset(Rows(vector(2), row), Labels(3, (0, 1))),
        Dataset(Rows(matrix(1, 2), row), Labels(2, (0, 1))),
        Dataset(Rows(vector(2), row), Rows(Scalar(), ((0.0,), (1.0,)))),
    ]
    digests = {each.digest() for each in [same, *others]}
    assert len(digests) == 6
    assert renamed.digest() == same.digest()


def test_non_finite_numbers_can_be_admitted() -> None:
    """The named option lets NaN and infinities in, and parts keep them."""
    rows = Rows(vector(1), ((math.nan,), (INFINITY,)), allow_non_finite=True)
    dataset = Dataset(rows, Labels(1, (0, 0)))
    assert dataset.take([1]).inputs.values == ((INFINITY,),)


def test_ignored_labels_can_be_admitted() -> None:
    """One index outside the classes may mark samples to ignore."""
    labels = Labels(2, (0, -100, 1), ignore_index=-100)
    assert labels.take([1]).indices == (-100,)


def test_labels_as_a_tensor() -> None:
    """Labels are a vector of indices."""
    found = Labels(3, (2, 0)).tensor()
    assert (found.shape, found.values) == (vector(2), (2, 0))


def test_rows_as_a_tensor() -> None:
    """Rows are a tensor with the batch outermost, each number taken as it is."""
    found = Rows(matrix(1, 2), ((0.1, 2.0), (3.0, -0.5))).tensor(RATIONAL)
    assert sizes(found.shape) == (2, 1, 2)
    assert list(found.values) == [Fraction(0.1), 2, 3, Fraction(-1, 2)]


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: Rows(vector(2), ((0.0, 1.0), (2.0,))),
            Reason.SHAPE_MISMATCH,
            "row 1: expected 2 numbers for shape [2], got 1",
        ),
        (
            lambda: Rows(vector(2), ((0.0, 1.0), (2.0, math.nan))),
            Reason.NOT_FINITE,
            "row 1, place 1: expected a finite number, got nan "
            "(allow_non_finite=True admits it)",
        ),
        (
            lambda: Rows(vector(1), ((-INFINITY,),)),
            Reason.NOT_FINITE,
            "row 0, place 0: expected a finite number, got -inf "
            "(allow_non_finite=True admits it)",
        ),
        (
            lambda: Labels(10, (3, 10)),
            Reason.CLASS_OUT_OF_RANGE,
            "row 1: expected a class from 0 to 9, got 10",
        ),
        (
            lambda: Labels(10, (-1,)),
            Reason.CLASS_OUT_OF_RANGE,
            "row 0: expected a class from 0 to 9, got -1",
        ),
        (
            lambda: Labels(3, (0,), ("one", "two")),
            Reason.SHAPE_MISMATCH,
            "expected 3 class names, got 2",
        ),
        (
            lambda: Dataset(Rows(vector(1), ((1.0,), (2.0,))), Labels(1, (0,))),
            Reason.SHAPE_MISMATCH,
            "expected one target for each of the 2 inputs, got 1 targets",
        ),
        (
            lambda: Dataset(Rows(vector(1), ()), Labels(1, ())),
            Reason.EMPTY_DATA,
            "expected a data set of at least 1 sample, got none",
        ),
        (
            lambda: Dataset(
                Rows(vector(2), ((1.0, 2.0),)), Labels(1, (0,)), feature_names=("a",)
            ),
            Reason.SHAPE_MISMATCH,
            "expected 2 feature names, got 1",
        ),
        (
            lambda: numbered(3).take([0, 3]),
            Reason.DOMAIN,
            "expected a sample from 0 to 2, got 3",
        ),
        (
            lambda: numbered(3).take([-1]),
            Reason.DOMAIN,
            "expected a sample from 0 to 2, got -1",
        ),
        (
            lambda: numbered(3).take([]),
            Reason.EMPTY_DATA,
            "expected a data set of at least 1 sample, got none",
        ),
        (
            lambda: append(numbered(3), numbered(2)),
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [2] and 3 classes, got [2] and 2 classes",
        ),
        (
            lambda: append(answering(1), answering(2)),
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [1] and targets of shape [1], "
            "got [1] and targets of shape [2]",
        ),
        (
            lambda: split(numbered(3), 3, seed=0),
            Reason.EMPTY_DATA,
            "expected from 1 to 2 of the 3 samples held out, got 3",
        ),
        (
            lambda: split(numbered(3), 0.1, seed=0),
            Reason.EMPTY_DATA,
            "expected from 1 to 2 of the 3 samples held out, got 0",
        ),
        (
            lambda: Loader(0, 1),
            Reason.EMPTY_DATA,
            "expected a data set of at least 1 sample, got 0",
        ),
        (
            lambda: Loader(10, 32),
            Reason.BATCH_SIZE,
            "expected a batch size from 1 to the 10 samples of the data set, got 32",
        ),
        (
            lambda: Loader(10, 0),
            Reason.BATCH_SIZE,
            "expected a batch size from 1 to the 10 samples of the data set, got 0",
        ),
        (
            lambda: Loader(10, 2, seed=-1),
            Reason.DOMAIN,
            "expected a seed from 0 to 18446744073709551615, got -1",
        ),
        (
            lambda: Loader(10, 2, dialect="numpy"),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected dialect torchlean or lean, got numpy",
        ),
        (
            lambda: Loader(10, 2).order(-1),
            Reason.DOMAIN,
            "expected an epoch of at least 0, got -1",
        ),
        (
            lambda: Loader(10, 2).batch_of_step(0),
            Reason.DOMAIN,
            "expected a step of at least 1, got 0",
        ),
    ],
)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """What cannot be trained on is refused in one sentence."""
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert caught.value.reason is reason
    assert str(caught.value) == message
