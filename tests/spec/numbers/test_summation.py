"""The strict tree of summation."""

import itertools

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.summation import (
    BLOCK,
    LANES,
    tree_dot,
    tree_inner_products,
    tree_sum,
)


class Text:
    """A number that remembers how it was added up."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: "Text", /) -> "Text":
        return Text(f"({self.text}+{other.text})")

    def __sub__(self, other: "Text", /) -> "Text":
        return Text(f"({self.text}-{other.text})")

    def __mul__(self, other: "Text", /) -> "Text":
        return Text(f"{self.text}*{other.text}")

    def __truediv__(self, other: "Text", /) -> "Text":
        return Text(f"{self.text}/{other.text}")

    def __neg__(self) -> "Text":
        return Text(f"-{self.text}")


def plain_tree(names: list[str]) -> str:
    """The contract of the tree, written with an index for every step."""
    if len(names) > BLOCK:
        blocks = [names[start : start + BLOCK] for start in range(0, len(names), BLOCK)]
        return plain_tree([plain_tree(block) for block in blocks])
    lanes = ["0"] * LANES
    for index, name in enumerate(names):
        lanes[index % LANES] = f"({lanes[index % LANES]}+{name})"
    for width in (16, 8, 4, 2, 1):
        for lane in range(width):
            lanes[lane] = f"({lanes[lane]}+{lanes[lane + width]})"
    return lanes[0]


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 64, 100, 1024, 1025, 2100])
def test_the_tree_adds_in_the_stated_order(count: int) -> None:
    """The sum of symbols is the expression that the contract spells out."""
    names = [f"x{index}" for index in range(count)]
    summed = tree_sum(Text("0"), [Text(name) for name in names])
    assert summed.text == plain_tree(names)


def test_the_tree_recurses_beyond_a_block_of_blocks() -> None:
    """More than 1024 blocks are summed by the rule once more."""
    count = BLOCK * BLOCK + 1
    ones = itertools.repeat(1.0, count)
    assert tree_sum(0.0, list(ones)) == count


def test_products_are_rounded_before_they_are_summed() -> None:
    """A dot product multiplies each pair and then sums by the tree."""
    left = [Text("a"), Text("b")]
    right = [Text("c"), Text("d")]
    summed = tree_dot(Text("0"), left, right)
    assert summed.text == plain_tree(["a*c", "b*d"])


def test_inner_products_run_over_the_rows_first() -> None:
    """Each row meets each column, and rows are outermost."""
    found = tree_inner_products(0.0, [[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]])
    assert found == [1.0, 2.0, 3.0, 4.0]


def test_a_sum_of_negative_zeros_is_positive() -> None:
    """Lanes start at +0, so that no sum is -0."""
    assert str(tree_sum(0.0, [-0.0] * 64)) == "0.0"


def test_runs_of_different_lengths_are_refused() -> None:
    """A dot product needs as many factors on either side."""
    with pytest.raises(TorchLeanError) as caught:
        tree_dot(0.0, [1.0], [1.0, 2.0])
    assert caught.value.reason is Reason.SHAPE_MISMATCH
    assert str(caught.value) == "expected two runs of equal length, got 1 and 2"
