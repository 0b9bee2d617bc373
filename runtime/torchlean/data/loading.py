"""The loader for a data set, by what shall become of its last batch.

>>> from torchlean.data.dataset import tensor_dataset
>>> points = tensor_dataset([[0.0], [1.0], [2.0]], [0, 1, 0])
>>> for last in ("drop", "short"):
...     loader = batch_loader(points, 2, last=last)
...     print(last, [len(labels) for _, labels in loader.epoch(0)])
drop [2]
short [2, 1]
>>> [batch.mask.tolist() for batch in batch_loader(points, 2, last="pad").epoch(0)]
[[1, 1], [1, 0]]
"""

from __future__ import annotations

from typing import Literal, overload

from torchlean.data.dataset import TensorDataset, from_spec
from torchlean.data.loader import BatchLoader
from torchlean.data.padding import PaddedLoader
from torchlean_spec.data import Dataset, T_co
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import S

LastBatch = Literal["drop", "short", "pad"]
"""What becomes of samples that do not fill a last batch."""


@overload
def batch_loader(
    dataset: TensorDataset[S, T_co] | Dataset[S, T_co],
    batch_size: int,
    *,
    shuffle: bool = True,
    seed: int = 0,
    last: Literal["drop", "short"] = "drop",
) -> BatchLoader[S, T_co]: ...
@overload
def batch_loader(
    dataset: TensorDataset[S, T_co] | Dataset[S, T_co],
    batch_size: int,
    *,
    shuffle: bool = True,
    seed: int = 0,
    last: Literal["pad"],
) -> PaddedLoader[S, T_co]: ...
def batch_loader(
    dataset: TensorDataset[S, T_co] | Dataset[S, T_co],
    batch_size: int,
    *,
    shuffle: bool = True,
    seed: int = 0,
    last: LastBatch = "drop",
) -> BatchLoader[S, T_co] | PaddedLoader[S, T_co]:
    """A loader that stands at the first batch of the first epoch.

    Args:
        dataset: The samples, in either form.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has an order of its own, drawn from the seed.
        seed: From 0 to 2^64 - 1.
        last: What becomes of the samples that do not fill a last batch: `drop`
            leaves them out (as `drop_last=True` of `BatchLoader`), `short` gives a
            shorter batch (as `drop_last=False`), `pad` fills it up and gives every
            batch a mask.

    Raises:
        TorchLeanError: As `torchlean_spec.data.Loader`; `UNKNOWN_NAME` for another
            `last`.
    """
    if last not in ("drop", "short", "pad"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected last 'drop', 'short' or 'pad', got {last!r}",
        )
    arrays = dataset if isinstance(dataset, TensorDataset) else from_spec(dataset)
    loader = BatchLoader(arrays, batch_size, shuffle, last == "drop", seed)
    return PaddedLoader(loader) if last == "pad" else loader
