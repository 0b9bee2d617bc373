"""Optimizers: the records of `torchlean_spec.optimizers`, under their usual name.

A rate is an exact decimal: 0.1 means 1/10, whatever the number format.

>>> AdamW(0.003, weight_decay=0.1).learning_rate
Decimal('0.003')
"""

from torchlean_spec.optimizers import SGD as SGD
from torchlean_spec.optimizers import Adadelta as Adadelta
from torchlean_spec.optimizers import AdaGrad as AdaGrad
from torchlean_spec.optimizers import Adam as Adam
from torchlean_spec.optimizers import AdamW as AdamW
from torchlean_spec.optimizers import Dialect as Dialect
from torchlean_spec.optimizers import IdentityProjection as IdentityProjection
from torchlean_spec.optimizers import Kind as Kind
from torchlean_spec.optimizers import LowRankProjection as LowRankProjection
from torchlean_spec.optimizers import Muon as Muon
from torchlean_spec.optimizers import Optimizer as Optimizer
from torchlean_spec.optimizers import ParameterGroup as ParameterGroup
from torchlean_spec.optimizers import ParameterGroups as ParameterGroups
from torchlean_spec.optimizers import ProjectedSGD as ProjectedSGD
from torchlean_spec.optimizers import RMSProp as RMSProp
from torchlean_spec.optimizers import momentum_sgd as momentum_sgd
