"""Data sets as arrays: from NumPy, or by name; splits and batches by a seed.

>>> training, held_out = split(digits(), held_out=0.2, seed=0)
>>> training
TensorDataset(digits: 1438 samples of shape [64], 10 classes)
>>> inputs, labels = next(BatchLoader(training, batch_size=32).epoch(0))
>>> inputs.shape, labels.shape
((32, 64), (32,))
"""

from torchlean.data.collation import collate as collate
from torchlean.data.collation import labeled as labeled
from torchlean.data.collation import singleton as singleton
from torchlean.data.collation import stack as stack
from torchlean.data.collation import supervised as supervised
from torchlean.data.csv_files import CsvOptions as CsvOptions
from torchlean.data.csv_files import csv_array as csv_array
from torchlean.data.csv_files import csv_dataset as csv_dataset
from torchlean.data.csv_files import csv_rows as csv_rows
from torchlean.data.csv_output import write_csv as write_csv
from torchlean.data.csv_output import write_prediction_csv as write_prediction_csv
from torchlean.data.dataset import AnyDataset as AnyDataset
from torchlean.data.dataset import AnyTensors as AnyTensors
from torchlean.data.dataset import TensorDataset as TensorDataset
from torchlean.data.dataset import from_spec as from_spec
from torchlean.data.dataset import tensor_dataset as tensor_dataset
from torchlean.data.file_sources import LabeledSource as LabeledSource
from torchlean.data.file_sources import SupervisedSource as SupervisedSource
from torchlean.data.file_sources import (
    TabularSupervisedSource as TabularSupervisedSource,
)
from torchlean.data.file_sources import TensorSource as TensorSource
from torchlean.data.file_sources import labels_of as labels_of
from torchlean.data.file_sources import require_file as require_file
from torchlean.data.file_sources import require_files as require_files
from torchlean.data.generated import GeneratedBatches as GeneratedBatches
from torchlean.data.generated import generated_batches as generated_batches
from torchlean.data.loader import BatchLoader as BatchLoader
from torchlean.data.loading import LastBatch as LastBatch
from torchlean.data.loading import batch_loader as batch_loader
from torchlean.data.moments import moments as moments
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
from torchlean.data.padding import PaddedBatch as PaddedBatch
from torchlean.data.padding import PaddedLoader as PaddedLoader
from torchlean.data.selection import append as append
from torchlean.data.selection import batched as batched
from torchlean.data.selection import chunks as chunks
from torchlean.data.selection import cycle as cycle
from torchlean.data.selection import cycled as cycled
from torchlean.data.selection import first_batch as first_batch
from torchlean.data.selection import prefix as prefix
from torchlean.data.selection import random_split as random_split
from torchlean.data.selection import samples as samples
from torchlean.data.selection import shuffled as shuffled
from torchlean.data.selection import split_at as split_at
from torchlean.data.synthetic import affine_regression as affine_regression
from torchlean.data.synthetic import band_images as band_images
from torchlean.data.synthetic import grid as grid
from torchlean.data.synthetic import grid_rectangle as grid_rectangle
from torchlean.data.synthetic import grid_square as grid_square
from torchlean.data.synthetic import linspace as linspace
from torchlean.data.synthetic import regression_two_to_one as regression_two_to_one
from torchlean.data.transforms import Normalize as Normalize
from torchlean.data.transforms import Transform as Transform
from torchlean.data.transforms import compose as compose
from torchlean.data.transforms import map_batches as map_batches
from torchlean.data.transforms import map_inputs as map_inputs
from torchlean.data.transforms import map_labels as map_labels
from torchlean.data.transforms import map_samples as map_samples
from torchlean.data.transforms import map_targets as map_targets
from torchlean.data.transforms import one_hot as one_hot
from torchlean.data.transforms import one_hot_targets as one_hot_targets
from torchlean.data.transforms import standardize as standardize
from torchlean_spec.batches import Position as Position
