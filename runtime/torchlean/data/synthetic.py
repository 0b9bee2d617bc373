"""Made-up data sets as arrays; the numbers are those of the spec's `synthetic`.

>>> line = affine_regression([2], bias=1, count=50)
>>> line
TensorDataset(affine: 50 samples of shape [1], targets of shape [1])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.data.dataset import TensorDataset, from_spec
from torchlean_spec import synthetic
from torchlean_spec.data import Labels, Rows
from torchlean_spec.exact import Hyperparameter
from torchlean_spec.shape import Dim, Scalar
from torchlean_spec.synthetic import Image, One, Pair


def linspace(
    low: Hyperparameter, high: Hyperparameter, count: int
) -> NDArray[np.float64]:
    """Evenly spaced numbers from `low` to `high`, each rounded once.

    Raises:
        TorchLeanError: `DOMAIN` for a negative count.

    >>> linspace(0, "0.3", 4).tolist()
    [0.0, 0.1, 0.2, 0.3]
    """
    return np.array(synthetic.linspace(low, high, count), np.float64)


def grid(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """All pairs of a number and another, `[pairs, 2]`; the second runs fastest.

    >>> grid([0, 1], [5, 6]).tolist()
    [[0.0, 5.0], [0.0, 6.0], [1.0, 5.0], [1.0, 6.0]]
    """
    outer, inner = (np.asarray(each, np.float64).ravel() for each in (first, second))
    return np.stack([np.repeat(outer, len(inner)), np.tile(inner, len(outer))], axis=1)


def grid_square(
    low: Hyperparameter, high: Hyperparameter, count: int
) -> NDArray[np.float64]:
    """The points of a square grid, `[count^2, 2]`.

    Raises:
        TorchLeanError: `DOMAIN` for a negative count.

    >>> grid_square(0, 1, 2).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    return grid_rectangle((low, high, count), (low, high, count))


def grid_rectangle(
    first: tuple[Hyperparameter, Hyperparameter, int],
    second: tuple[Hyperparameter, Hyperparameter, int],
) -> NDArray[np.float64]:
    """The points of a grid, of low, high and count along each axis.

    Raises:
        TorchLeanError: `DOMAIN` for a negative count.

    >>> grid_rectangle((0, 1, 2), (5, 5, 1)).tolist()
    [[0.0, 5.0], [1.0, 5.0]]
    """
    return grid(linspace(*first), linspace(*second))


def regression_two_to_one(
    function: Callable[[float, float], float],
    low: Hyperparameter = -1,
    high: Hyperparameter = 1,
    count: int = 10,
) -> TensorDataset[Pair, Rows[One]]:
    """A function of two numbers at the points of a square grid.

    Args:
        function: What to predict.
        low: The first number along each axis.
        high: The last one.
        count: How many along each axis, at least 1.

    Raises:
        TorchLeanError: As the spec's `grid_regression`.

    >>> regression_two_to_one(lambda x, y: x * y, 0, 1, 2).targets.ravel().tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    return from_spec(synthetic.grid_regression(function, low, high, count))


def affine_regression(
    weights: Sequence[Hyperparameter],
    *,
    bias: Hyperparameter = 0,
    count: int = 100,
    noise: Hyperparameter = 0,
    low: Hyperparameter = -1,
    high: Hyperparameter = 1,
    seed: int = 0,
) -> TensorDataset[Dim[int, Scalar], Rows[One]]:
    """Points drawn evenly, and an affine function of them with noise.

    Args:
        weights: One for each number of an input; at least 1.
        bias: What is added.
        count: How many samples, at least 1.
        noise: The standard deviation of the noise, at least 0.
        low: The least that an input's number may be.
        high: What it stays below.
        seed: From 0 to 2^64 - 1.

    Raises:
        TorchLeanError: As the spec's `affine_regression`.
    """
    return from_spec(
        synthetic.affine_regression(weights, bias, count, noise, low, high, seed)
    )


def band_images(size: int = 4, bands: int = 3) -> TensorDataset[Image, Labels]:
    """Square images of one bright row, or of one bright column, of one channel.

    Args:
        size: Rows, and columns, of an image; at least 2.
        bands: How many rows, and as many columns, from the first on.

    Raises:
        TorchLeanError: As the spec's `band_images`.

    >>> band_images()
    TensorDataset(bands: 6 samples of shape [1, 4, 4], 2 classes)
    """
    return from_spec(synthetic.band_images(size, bands))
