"""The number systems: what a number must do, and the instances."""

from torchlean_spec.numbers.dual import Dual as Dual
from torchlean_spec.numbers.dual import DualNumber as DualNumber
from torchlean_spec.numbers.floating import FLOAT as FLOAT
from torchlean_spec.numbers.floating import Floating as Floating
from torchlean_spec.numbers.rational import RATIONAL as RATIONAL
from torchlean_spec.numbers.rational import Rational as Rational
from torchlean_spec.numbers.summation import BLOCK as BLOCK
from torchlean_spec.numbers.summation import LANES as LANES
from torchlean_spec.numbers.summation import tree_sum as tree_sum
from torchlean_spec.numbers.system import Condition as Condition
from torchlean_spec.numbers.system import Exact as Exact
from torchlean_spec.numbers.system import Number as Number
from torchlean_spec.numbers.system import NumberSystem as NumberSystem
