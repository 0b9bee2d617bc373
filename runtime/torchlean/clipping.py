"""Gradient clipping: the records of `torchlean_spec.clipping`, by their usual name.

>>> ClipGlobalNorm(1).name
'clip-global-norm'
"""

from torchlean_spec.clipping import ClipGlobalNorm as ClipGlobalNorm
from torchlean_spec.clipping import ClipNorm as ClipNorm
from torchlean_spec.clipping import Clipping as Clipping
from torchlean_spec.clipping import ClipValue as ClipValue
