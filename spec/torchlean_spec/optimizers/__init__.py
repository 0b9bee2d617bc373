"""Optimizers: what one update does to a parameter, element by element.

Each is an immutable record of exact hyperparameters, a function from the step to
coefficients, and a function over any number system from parameter, gradient and
state to parameter and state. Every product, sum, quotient and root is rounded
once, in the order written; backends that promise the bits copy that order.
"""

from torchlean_spec.optimizers.adam import Adam as Adam
from torchlean_spec.optimizers.adam import AdamW as AdamW
from torchlean_spec.optimizers.adam import adam as adam
from torchlean_spec.optimizers.adam import amsgrad as amsgrad
from torchlean_spec.optimizers.adaptive import Adadelta as Adadelta
from torchlean_spec.optimizers.adaptive import AdaGrad as AdaGrad
from torchlean_spec.optimizers.adaptive import RMSProp as RMSProp
from torchlean_spec.optimizers.adaptive import adadelta as adadelta
from torchlean_spec.optimizers.adaptive import adagrad as adagrad
from torchlean_spec.optimizers.adaptive import rmsprop as rmsprop
from torchlean_spec.optimizers.common import Dialect as Dialect
from torchlean_spec.optimizers.common import Optimizer as Optimizer
from torchlean_spec.optimizers.common import coefficients_at as coefficients_at
from torchlean_spec.optimizers.common import exact_coefficients as exact_coefficients
from torchlean_spec.optimizers.descent import SGD as SGD
from torchlean_spec.optimizers.descent import dampened as dampened
from torchlean_spec.optimizers.descent import momentum as momentum
from torchlean_spec.optimizers.descent import nesterov as nesterov
from torchlean_spec.optimizers.descent import sgd as sgd
