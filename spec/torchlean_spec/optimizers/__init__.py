"""Optimizers: what one update does to a parameter, element by element.

Each is an immutable record of exact hyperparameters, a function from the step to
coefficients, and a function over any number system from parameter, gradient and
state to parameter and state. Each sum, product, quotient and root is rounded once,
in the order written; backends that promise the bits keep that order, and the
`alternatives` of a record are the other orders that a judge accepts.

>>> optimizer = Adam(learning_rate=0.1)
>>> optimizer.state_names
('first', 'second')
>>> coefficients = exact_coefficients(optimizer, step=2)
>>> print(coefficients["take1"], coefficients["unbias1"])
1/10 100/19
"""

from torchlean_spec.optimizers.adadelta import Adadelta as Adadelta
from torchlean_spec.optimizers.adadelta import adadelta as adadelta
from torchlean_spec.optimizers.adagrad import AdaGrad as AdaGrad
from torchlean_spec.optimizers.adagrad import adagrad as adagrad
from torchlean_spec.optimizers.adam import Adam as Adam
from torchlean_spec.optimizers.adam import AdamW as AdamW
from torchlean_spec.optimizers.adam import adam as adam
from torchlean_spec.optimizers.adam import amsgrad as amsgrad
from torchlean_spec.optimizers.common import Alternative as Alternative
from torchlean_spec.optimizers.common import Dialect as Dialect
from torchlean_spec.optimizers.common import ElementOptimizer as ElementOptimizer
from torchlean_spec.optimizers.common import RatedOptimizer as RatedOptimizer
from torchlean_spec.optimizers.common import TensorOptimizer as TensorOptimizer
from torchlean_spec.optimizers.common import Update as Update
from torchlean_spec.optimizers.common import (
    alternative_coefficients_at as alternative_coefficients_at,
)
from torchlean_spec.optimizers.common import coefficients_at as coefficients_at
from torchlean_spec.optimizers.common import exact_coefficients as exact_coefficients
from torchlean_spec.optimizers.common import trajectory as trajectory
from torchlean_spec.optimizers.common import update_at as update_at
from torchlean_spec.optimizers.descent import SGD as SGD
from torchlean_spec.optimizers.descent import dampened as dampened
from torchlean_spec.optimizers.descent import momentum as momentum
from torchlean_spec.optimizers.descent import momentum_of_steps as momentum_of_steps
from torchlean_spec.optimizers.descent import nesterov as nesterov
from torchlean_spec.optimizers.descent import nesterov_of_steps as nesterov_of_steps
from torchlean_spec.optimizers.descent import sgd as sgd
from torchlean_spec.optimizers.groups import Optimizer as Optimizer
from torchlean_spec.optimizers.groups import ParameterGroup as ParameterGroup
from torchlean_spec.optimizers.groups import ParameterGroups as ParameterGroups
from torchlean_spec.optimizers.groups import PartOptimizer as PartOptimizer
from torchlean_spec.optimizers.groups import parts_of as parts_of
from torchlean_spec.optimizers.kinds import Kind as Kind
from torchlean_spec.optimizers.kinds import momentum_sgd as momentum_sgd
from torchlean_spec.optimizers.muon import Muon as Muon
from torchlean_spec.optimizers.projection import (
    IdentityProjection as IdentityProjection,
)
from torchlean_spec.optimizers.projection import LowRankProjection as LowRankProjection
from torchlean_spec.optimizers.projection import ProjectedSGD as ProjectedSGD
from torchlean_spec.optimizers.projection import Projection as Projection
from torchlean_spec.optimizers.rmsprop import RMSProp as RMSProp
from torchlean_spec.optimizers.rmsprop import rmsprop as rmsprop
