"""Gradient clipping: the records of `torchlean_spec.clipping`, by their usual name.

>>> ClipGlobalNorm(1).name
'clip-global-norm'
"""

from torchlean_spec.clipping import ClipGlobalNorm as ClipGlobalNorm
from torchlean_spec.clipping import ClipNorm as ClipNorm
from torchlean_spec.clipping import ClipPercentile as ClipPercentile
from torchlean_spec.clipping import Clipping as Clipping
from torchlean_spec.clipping import ClipRange as ClipRange
from torchlean_spec.clipping import ClipValue as ClipValue
from torchlean_spec.clipping import l2_norm as l2_norm
from torchlean_spec.clipping import l2_norm_squared as l2_norm_squared
