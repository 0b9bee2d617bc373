"""The primitive operations: shape rule, meaning, derivative rule of each.

`OPERATIONS` is the registry; importing this package fills it.
"""

from torchlean_spec.operations import (
    activations as activations,
)
from torchlean_spec.operations import (
    classification_losses as classification_losses,
)
from torchlean_spec.operations import (
    dropout as dropout,
)
from torchlean_spec.operations import (
    elementwise as elementwise,
)
from torchlean_spec.operations import (
    indexing as indexing,
)
from torchlean_spec.operations import (
    layout as layout,
)
from torchlean_spec.operations import (
    linear as linear,
)
from torchlean_spec.operations import (
    reduction as reduction,
)
from torchlean_spec.operations import (
    regression_losses as regression_losses,
)
from torchlean_spec.operations import (
    row_losses as row_losses,
)
from torchlean_spec.operations.operation import (
    OPERATIONS as OPERATIONS,
)
from torchlean_spec.operations.operation import (
    Attributes as Attributes,
)
from torchlean_spec.operations.operation import (
    Kind as Kind,
)
from torchlean_spec.operations.operation import (
    Operands as Operands,
)
from torchlean_spec.operations.operation import (
    Operation as Operation,
)
from torchlean_spec.operations.operation import (
    operation_named as operation_named,
)
