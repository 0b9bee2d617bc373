"""Losses: the records of `torchlean_spec.losses`, under their usual name.

>>> CrossEntropy(label_smoothing=0.1).reduction
'mean'
"""

from torchlean_spec.losses import BinaryCrossEntropy as BinaryCrossEntropy
from torchlean_spec.losses import CrossEntropy as CrossEntropy
from torchlean_spec.losses import Huber as Huber
from torchlean_spec.losses import Loss as Loss
from torchlean_spec.losses import MeanAbsoluteError as MeanAbsoluteError
from torchlean_spec.losses import MeanSquaredError as MeanSquaredError
from torchlean_spec.losses import NegativeLogLikelihood as NegativeLogLikelihood
from torchlean_spec.losses import Reduction as Reduction
from torchlean_spec.losses import SmoothL1 as SmoothL1
