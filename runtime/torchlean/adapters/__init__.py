"""Logs as other tools read them: TensorBoard's event files, CSV, rows for W&B.

Each adapter uses the standard library alone: none of those tools need be installed.
"""

from torchlean.adapters.events import ScalarEvent as ScalarEvent
from torchlean.adapters.events import read_tensorboard as read_tensorboard
from torchlean.adapters.events import write_tensorboard as write_tensorboard
from torchlean.adapters.rows import to_wandb_rows as to_wandb_rows
from torchlean.adapters.tables import read_csv as read_csv
from torchlean.adapters.tables import write_csv as write_csv
