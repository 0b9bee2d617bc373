"""Losses: the records of `torchlean_spec.losses`, and the same as functions.

The functions take NumPy arrays; they, and NumPy with them, are imported when they
are first used.

>>> CrossEntropy(label_smoothing=0.1).reduction
'mean'
>>> import numpy as np
>>> import torchlean as tl
>>> float(tl.loss.mean_squared_error(np.array([2.0]), np.array([0.0])))
4.0
"""

from typing import TYPE_CHECKING

from torchlean_spec.losses import BinaryCrossEntropy as BinaryCrossEntropy
from torchlean_spec.losses import CosineSimilarity as CosineSimilarity
from torchlean_spec.losses import CrossEntropy as CrossEntropy
from torchlean_spec.losses import (
    CrossEntropyOfProbabilities as CrossEntropyOfProbabilities,
)
from torchlean_spec.losses import Hinge as Hinge
from torchlean_spec.losses import Huber as Huber
from torchlean_spec.losses import LogCosh as LogCosh
from torchlean_spec.losses import Loss as Loss
from torchlean_spec.losses import MeanAbsoluteError as MeanAbsoluteError
from torchlean_spec.losses import MeanSquaredError as MeanSquaredError
from torchlean_spec.losses import NegativeLogLikelihood as NegativeLogLikelihood
from torchlean_spec.losses import Poisson as Poisson
from torchlean_spec.losses import Reduction as Reduction
from torchlean_spec.losses import SmoothL1 as SmoothL1

if TYPE_CHECKING:
    from torchlean.class_loss_functions import (
        cross_entropy_index as cross_entropy_index,
    )
    from torchlean.class_loss_functions import (
        cross_entropy_of_class as cross_entropy_of_class,
    )
    from torchlean.class_loss_functions import (
        cross_entropy_one_hot as cross_entropy_one_hot,
    )
    from torchlean.class_loss_functions import cross_entropy_rows as cross_entropy_rows
    from torchlean.class_loss_functions import (
        negative_log_likelihood_index as negative_log_likelihood_index,
    )
    from torchlean.class_loss_functions import (
        negative_log_likelihood_of_class as negative_log_likelihood_of_class,
    )
    from torchlean.class_loss_functions import (
        negative_log_likelihood_one_hot as negative_log_likelihood_one_hot,
    )
    from torchlean.class_loss_functions import (
        negative_log_likelihood_rows as negative_log_likelihood_rows,
    )
    from torchlean.class_loss_functions import (
        row_target_flat_indices as row_target_flat_indices,
    )
    from torchlean.loss_functions import binary_cross_entropy as binary_cross_entropy
    from torchlean.loss_functions import (
        binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    )
    from torchlean.loss_functions import cosine_similarity as cosine_similarity
    from torchlean.loss_functions import (
        cross_entropy_probabilities as cross_entropy_probabilities,
    )
    from torchlean.loss_functions import hinge as hinge
    from torchlean.loss_functions import huber as huber
    from torchlean.loss_functions import log_cosh as log_cosh
    from torchlean.loss_functions import mean_absolute_error as mean_absolute_error
    from torchlean.loss_functions import mean_squared_error as mean_squared_error
    from torchlean.loss_functions import poisson as poisson
    from torchlean.loss_functions import smooth_l1 as smooth_l1
    from torchlean.loss_functions import value as value
    from torchlean.loss_functions import value_and_gradient as value_and_gradient
else:
    import importlib

    _OF_CLASSES = (
        "cross_entropy_index",
        "cross_entropy_of_class",
        "cross_entropy_one_hot",
        "cross_entropy_rows",
        "negative_log_likelihood_index",
        "negative_log_likelihood_of_class",
        "negative_log_likelihood_one_hot",
        "negative_log_likelihood_rows",
        "row_target_flat_indices",
    )
    _OF_ARRAYS = (
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "cosine_similarity",
        "cross_entropy_probabilities",
        "hinge",
        "huber",
        "log_cosh",
        "mean_absolute_error",
        "mean_squared_error",
        "poisson",
        "smooth_l1",
        "value",
        "value_and_gradient",
    )

    def __getattr__(name):
        """Import a function when it is first used (PEP 562)."""
        for home, found in (
            ("class_loss_functions", _OF_CLASSES),
            ("loss_functions", _OF_ARRAYS),
        ):
            if name in found:
                return getattr(importlib.import_module(f"torchlean.{home}"), name)
        raise AttributeError(f"module 'torchlean.loss' has no attribute {name!r}")

    def __dir__():
        """The records and the functions."""
        return sorted([*globals(), *_OF_CLASSES, *_OF_ARRAYS])
