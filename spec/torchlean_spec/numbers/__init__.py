"""The number systems: what a number must do, and the instances."""

from torchlean_spec.numbers.bounded import BoundedSystem as BoundedSystem
from torchlean_spec.numbers.bounded import bounded as bounded
from torchlean_spec.numbers.bounded_number import Bounded as Bounded
from torchlean_spec.numbers.dual import Dual as Dual
from torchlean_spec.numbers.dual import DualNumber as DualNumber
from torchlean_spec.numbers.floating import FLOAT as FLOAT
from torchlean_spec.numbers.floating import Floating as Floating
from torchlean_spec.numbers.formats import FORMATS as FORMATS
from torchlean_spec.numbers.formats import Format as Format
from torchlean_spec.numbers.formats import format_named as format_named
from torchlean_spec.numbers.rational import RATIONAL as RATIONAL
from torchlean_spec.numbers.rational import Rational as Rational
from torchlean_spec.numbers.summation import BLOCK as BLOCK
from torchlean_spec.numbers.summation import LANES as LANES
from torchlean_spec.numbers.summation import tree_sum as tree_sum
from torchlean_spec.numbers.system import Condition as Condition
from torchlean_spec.numbers.system import Exact as Exact
from torchlean_spec.numbers.system import Number as Number
from torchlean_spec.numbers.system import NumberSystem as NumberSystem
from torchlean_spec.numbers.ternary import Ternary as Ternary
