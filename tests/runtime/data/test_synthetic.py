"""Made-up data sets as arrays: the spec's numbers, to the bit."""

from __future__ import annotations

import pytest

from torchlean import data
from torchlean_spec import synthetic
from torchlean_spec.data import Dataset, Targets
from torchlean_spec.shape import Shape


def product(x: float, y: float) -> float:
    """Something to predict."""
    return x * y


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        (
            data.affine_regression([2, -1], bias="0.5", count=9, noise="0.1", seed=4),
            synthetic.affine_regression([2, -1], "0.5", 9, "0.1", seed=4),
        ),
        (
            data.affine_regression(["0.3"], low=2, high=3),
            synthetic.affine_regression(["0.3"], low=2, high=3),
        ),
        (
            data.regression_two_to_one(product, 0, "0.9", 4),
            synthetic.grid_regression(product, 0, "0.9", 4),
        ),
        (data.band_images(5, 2), synthetic.band_images(5, 2)),
    ],
)
def test_data_sets_are_the_specs(
    found: data.TensorDataset[Shape, Targets], meant: Dataset[Shape, Targets]
) -> None:
    """Numbers, shapes, labels and names."""
    assert found.digest() == meant.digest()
    assert found.to_spec() == meant


def test_grids_are_the_specs() -> None:
    """Axes and points; the second axis runs fastest."""
    first, second = synthetic.linspace(0, "0.7", 4), synthetic.linspace(-1, 1, 3)
    wanted = [list(pair) for pair in synthetic.grid(first, second)]
    assert data.linspace(0, "0.7", 4).tolist() == list(first)
    assert data.grid(first, second).tolist() == wanted
    assert data.grid_rectangle((0, "0.7", 4), (-1, 1, 3)).tolist() == wanted
    assert data.grid_square(-1, 1, 3).tolist() == [
        list(pair) for pair in synthetic.grid(second, second)
    ]
    assert data.grid([], []).shape == (0, 2)
