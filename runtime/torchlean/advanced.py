"""The interactive training layer: modules, runners, steppers, streams and their loops.

For those who want more say than `Trainer` gives: parameters that can be read and set
between steps, batches from anywhere, callbacks, and the loops of the Lean original's
`train.Advanced` under their names in Python.

>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> runner = instantiate(Task(Linear(1, 1), MeanSquaredError()))
>>> walking = stepper(runner, SGD("0.1"))
>>> losses = [step(walking, [[0.0], [1.0]], [[1.0], [3.0]]) for _ in range(300)]
>>> [round(float(each.item()), 3) for each in runner.parameters.values()]
[2.0, 1.0]
"""

from torchlean.allocator_watch import Allocator as Allocator
from torchlean.allocator_watch import AllocatorStatistics as AllocatorStatistics
from torchlean.allocator_watch import effective_memory_watch as effective_memory_watch
from torchlean.allocator_watch import memory_watch_callbacks as memory_watch_callbacks
from torchlean.callbacks import Callbacks as Callbacks
from torchlean.callbacks import EpochEvent as EpochEvent
from torchlean.callbacks import StepEvent as StepEvent
from torchlean.callbacks import TrainReport as TrainReport
from torchlean.callbacks import TrainStart as TrainStart
from torchlean.callbacks import on_epoch_end as on_epoch_end
from torchlean.callbacks import on_step as on_step
from torchlean.callbacks import on_train_end as on_train_end
from torchlean.callbacks import on_train_start as on_train_start
from torchlean.module import Mode as Mode
from torchlean.module import Module as Module
from torchlean.module_files import load_module as load_module
from torchlean.module_files import save_module as save_module
from torchlean.module_files import trained_of as trained_of
from torchlean.module_loops import (
    accuracy_one_hot_batch_loader as accuracy_one_hot_batch_loader,
)
from torchlean.module_loops import mean_loss_batch_loader as mean_loss_batch_loader
from torchlean.module_loops import mean_loss_dataset as mean_loss_dataset
from torchlean.module_loops import mean_loss_module_loader as mean_loss_module_loader
from torchlean.module_loops import train_module_loader as train_module_loader
from torchlean.module_loops import (
    train_module_loader_steps as train_module_loader_steps,
)
from torchlean.module_loops import (
    train_module_loader_steps_curve as train_module_loader_steps_curve,
)
from torchlean.module_loops import (
    train_module_loader_steps_logged as train_module_loader_steps_logged,
)
from torchlean.module_loops import (
    train_module_loader_steps_report as train_module_loader_steps_report,
)
from torchlean.module_loops import (
    train_module_stream_steps as train_module_stream_steps,
)
from torchlean.module_loops import (
    train_module_stream_steps_curve as train_module_stream_steps_curve,
)
from torchlean.module_loops import (
    train_module_stream_steps_report as train_module_stream_steps_report,
)
from torchlean.options import Options as Options
from torchlean.report_runner import ClassProbe as ClassProbe
from torchlean.report_runner import report_class_probes as report_class_probes
from torchlean.report_runner import (
    report_class_probes_batched_from_single as report_class_probes_batched_from_single,
)
from torchlean.report_runner import (
    report_loss_accuracy_one_hot as report_loss_accuracy_one_hot,
)
from torchlean.report_runner import (
    report_loss_accuracy_one_hot_batched as report_loss_accuracy_one_hot_batched,
)
from torchlean.report_runner import (
    report_loss_accuracy_one_hot_loader as report_loss_accuracy_one_hot_loader,
)
from torchlean.report_runner import report_mean_loss as report_mean_loss
from torchlean.report_runner import report_mean_loss_loader as report_mean_loss_loader
from torchlean.report_runner import (
    report_mean_loss_module_loader as report_mean_loss_module_loader,
)
from torchlean.report_runner import report_probes as report_probes
from torchlean.runner import Runner as Runner
from torchlean.runner import instantiate as instantiate
from torchlean.runner import instantiate_with_options as instantiate_with_options
from torchlean.runner import run as run
from torchlean.runner_loops import train_dataset as train_dataset
from torchlean.runner_loops import train_loader as train_loader
from torchlean.runner_loops import train_samples as train_samples
from torchlean.step_loops import Updates as Updates
from torchlean.stepper import Stepper as Stepper
from torchlean.stepper import epoch as epoch
from torchlean.stepper import step as step
from torchlean.stepper import stepper as stepper
from torchlean.stream import GivenBatch as GivenBatch
from torchlean.stream import StepBatchStream as StepBatchStream
from torchlean_spec.task import Task as Task
