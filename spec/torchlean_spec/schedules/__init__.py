"""Schedules: the learning rate of each update, in closed form.

A schedule turns the optimizer's base rate and an update's index into the rate of
that update. Indices count from 0: update 0 belongs to the optimizer's step 1. The
rate is an exact real, and the number format rounds it once. Schedules that end
keep their last rate for ever (the original's cosine after a warm-up rises again:
`docs/deviations.md`, B15). What counts epochs instead of updates says so:
`PerEpoch`.

What the original calls its schedules, and the records with the same equations:

    Constant                         Constant
    ExponentialDecay, exponential    Exponential
    StepDecay, StepLR, step          StepDecay
    CosineAnnealing                  Cosine
    CosineAnnealingLR                PeriodicCosine
    LinearWarmup                     WarmUp
    WarmupCosine                     warm_up_cosine
    Cyclic, TriangularCycle          Cyclic
    OneCycle                         OneCycle(anneal="linear", final_of="maximum",
                                     final_at="total")
    OneCycleLR                       OneCycle
    LRFinder                         RateFinder(ratio = last rate / first rate)
    custom                           Custom

The base rate of all is the optimizer's own: the first rate of what falls or is
warmed up to, the lowest of `Cyclic`, the highest of `OneCycle`.

Each schedule is a recurrence as well, a state that is advanced once an update: see
`torchlean_spec.schedules.recurrences`.

>>> halving = StepDecay(step_size=10, gamma="0.5")
>>> [str(rate_at(halving, "0.1", update)) for update in (0, 9, 10, 25)]
['1/10', '1/10', '1/20', '1/40']
"""

from torchlean_spec.schedules.common import Schedule as Schedule
from torchlean_spec.schedules.common import rate_at as rate_at
from torchlean_spec.schedules.compositions import PerEpoch as PerEpoch
from torchlean_spec.schedules.compositions import WarmUp as WarmUp
from torchlean_spec.schedules.compositions import warm_up_cosine as warm_up_cosine
from torchlean_spec.schedules.cosine import Cosine as Cosine
from torchlean_spec.schedules.cosine import PeriodicCosine as PeriodicCosine
from torchlean_spec.schedules.cycles import Cyclic as Cyclic
from torchlean_spec.schedules.cycles import OneCycle as OneCycle
from torchlean_spec.schedules.decay import Constant as Constant
from torchlean_spec.schedules.decay import Exponential as Exponential
from torchlean_spec.schedules.decay import RateFinder as RateFinder
from torchlean_spec.schedules.decay import StepDecay as StepDecay
from torchlean_spec.schedules.tables import Custom as Custom
from torchlean_spec.schedules.tables import Table as Table
from torchlean_spec.schedules.tables import tabulated as tabulated
