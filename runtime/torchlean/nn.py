"""Layers and models: the records of `torchlean_spec.layers`, under their usual name.

>>> model = Sequential(Linear(64, 32), ReLU(), Linear(32, 10))
>>> parameter_count(model)
2410
"""

from torchlean_spec.initializers import Constant as Constant
from torchlean_spec.initializers import FanInUniform as FanInUniform
from torchlean_spec.initializers import Initializer as Initializer
from torchlean_spec.initializers import KaimingUniform as KaimingUniform
from torchlean_spec.initializers import Ones as Ones
from torchlean_spec.initializers import Uniform as Uniform
from torchlean_spec.initializers import XavierUniform as XavierUniform
from torchlean_spec.initializers import Zeros as Zeros
from torchlean_spec.layers import ELU as ELU
from torchlean_spec.layers import GELU as GELU
from torchlean_spec.layers import Dropout as Dropout
from torchlean_spec.layers import Flatten as Flatten
from torchlean_spec.layers import Layer as Layer
from torchlean_spec.layers import LeakyReLU as LeakyReLU
from torchlean_spec.layers import Linear as Linear
from torchlean_spec.layers import Parameter as Parameter
from torchlean_spec.layers import ReLU as ReLU
from torchlean_spec.layers import Residual as Residual
from torchlean_spec.layers import Sequential as Sequential
from torchlean_spec.layers import Sigmoid as Sigmoid
from torchlean_spec.layers import SiLU as SiLU
from torchlean_spec.layers import Softmax as Softmax
from torchlean_spec.layers import Softplus as Softplus
from torchlean_spec.layers import Tanh as Tanh
from torchlean_spec.layers import output_shape as output_shape
from torchlean_spec.layers import parameter_count as parameter_count
