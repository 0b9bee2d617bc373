"""Schedules: the records of `torchlean_spec.schedules`, under their usual name.

Updates count from 0; the rate is exact until the number format rounds it. A
`Scheduler` gives the same rates one after the other.

>>> warm = WarmUp(updates=2, then=Cosine(total=2))
>>> [float(rate_at(warm, 0.1, update)) for update in range(5)]
[0.0, 0.05, 0.1, 0.05, 0.0]
"""

from torchlean_spec.schedules import Constant as Constant
from torchlean_spec.schedules import Cosine as Cosine
from torchlean_spec.schedules import Custom as Custom
from torchlean_spec.schedules import Cyclic as Cyclic
from torchlean_spec.schedules import Exponential as Exponential
from torchlean_spec.schedules import OneCycle as OneCycle
from torchlean_spec.schedules import PerEpoch as PerEpoch
from torchlean_spec.schedules import PeriodicCosine as PeriodicCosine
from torchlean_spec.schedules import RateFinder as RateFinder
from torchlean_spec.schedules import Schedule as Schedule
from torchlean_spec.schedules import StepDecay as StepDecay
from torchlean_spec.schedules import Table as Table
from torchlean_spec.schedules import WarmUp as WarmUp
from torchlean_spec.schedules import rate_at as rate_at
from torchlean_spec.schedules import tabulated as tabulated
from torchlean_spec.schedules import warm_up_cosine as warm_up_cosine
from torchlean_spec.schedules.recurrences import Scheduler as Scheduler
