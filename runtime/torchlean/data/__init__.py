"""Data sets as arrays: from NumPy, or by name; splits and batches by a seed.

>>> training, held_out = split(digits(), held_out=0.2, seed=0)
>>> training
TensorDataset(digits: 1438 samples of shape [64], 10 classes)
>>> inputs, labels = next(BatchLoader(training, batch_size=32).epoch(0))
>>> inputs.shape, labels.shape
((32, 64), (32,))
"""

from torchlean.data.dataset import AnyDataset as AnyDataset
from torchlean.data.dataset import AnyTensors as AnyTensors
from torchlean.data.dataset import TensorDataset as TensorDataset
from torchlean.data.dataset import from_spec as from_spec
from torchlean.data.dataset import tensor_dataset as tensor_dataset
from torchlean.data.loader import BatchLoader as BatchLoader
from torchlean.data.loader import LastBatch as LastBatch
from torchlean.data.loader import batch_loader as batch_loader
from torchlean.data.named import dataset_named as dataset_named
from torchlean.data.named import diabetes as diabetes
from torchlean.data.named import digits as digits
from torchlean.data.named import split as split
from torchlean.data.named import two_moons as two_moons
from torchlean.data.npy import NpyHeader as NpyHeader
from torchlean.data.npy import available_npy_rows as available_npy_rows
from torchlean.data.npy import npy_header as npy_header
from torchlean.data.npy import read_npy as read_npy
from torchlean.data.npz import npz_names as npz_names
from torchlean.data.npz import read_npz as read_npz
from torchlean_spec.batches import Position as Position
