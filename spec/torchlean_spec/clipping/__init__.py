"""Gradient clipping: bounds on gradients, put between backward pass and update.

A clipping takes the gradients of all parameters, in the parameters' order, and
returns as many of the same shapes. Gradients within the bound stay as they are, to
the bit; zeros always do.

>>> from fractions import Fraction
>>> from torchlean_spec.numbers import RATIONAL
>>> from torchlean_spec.shape import vector
>>> from torchlean_spec.tensor import Tensor
>>> gradients = [Tensor(vector(2), (Fraction(3), Fraction(-4)))]
>>> (clipped,) = ClipGlobalNorm(1).clip(RATIONAL, gradients)
>>> [str(value) for value in clipped.values]
['3/5', '-4/5']
"""

from torchlean_spec.clipping.common import Clip as Clip
from torchlean_spec.clipping.common import Clipping as Clipping
from torchlean_spec.clipping.norms import ClipGlobalNorm as ClipGlobalNorm
from torchlean_spec.clipping.norms import ClipNorm as ClipNorm
from torchlean_spec.clipping.norms import FactorForm as FactorForm
from torchlean_spec.clipping.norms import Norm as Norm
from torchlean_spec.clipping.norms import NormForm as NormForm
from torchlean_spec.clipping.norms import l2_norm as l2_norm
from torchlean_spec.clipping.norms import l2_norm_squared as l2_norm_squared
from torchlean_spec.clipping.norms import norm_of as norm_of
from torchlean_spec.clipping.values import ClipPercentile as ClipPercentile
from torchlean_spec.clipping.values import ClipRange as ClipRange
from torchlean_spec.clipping.values import ClipValue as ClipValue
