"""Optimizers by a word, as a command line or a file names them.

>>> Kind.parse("adamw").to_optimizer("0.001").weight_decay
Decimal('0.01')
"""

from __future__ import annotations

from enum import Enum

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter
from torchlean_spec.optimizers.adam import Adam, AdamW
from torchlean_spec.optimizers.descent import SGD

NamedOptimizer = SGD | Adam | AdamW
"""The optimizers that have a word."""


class Kind(Enum):
    """The optimizers that a word stands for; a member's name is its record's.

    Source: the original's `NN/API/Runtime.lean:1081`.

    >>> [(kind.name, kind.value) for kind in Kind]
    [('SGD', 'sgd'), ('Adam', 'adam'), ('AdamW', 'adamw')]
    """

    SGD = "sgd"
    Adam = "adam"
    AdamW = "adamw"

    @classmethod
    def parse(cls, word: str) -> Kind:
        """The kind that a word stands for, exactly as it is written.

        Raises:
            TorchLeanError: `UNKNOWN_NAME` for another word.

        >>> Kind.parse("Adam")
        Traceback (most recent call last):
        torchlean_spec.errors.TorchLeanError: expected an optimizer sgd, adam or \
adamw, got Adam
        """
        for kind in cls:
            if kind.value == word:
                return kind
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected an optimizer sgd, adam or adamw, got {word}",
        )

    def to_optimizer(self, learning_rate: Hyperparameter) -> NamedOptimizer:
        """The optimizer at a rate, with the defaults of its record.

        The original has other defaults here than in the records themselves
        (`docs/deviations.md`, B12).

        >>> Kind.SGD.to_optimizer("0.1").momentum
        Decimal('0')
        """
        if self is Kind.SGD:
            return SGD(learning_rate)
        return (Adam if self is Kind.Adam else AdamW)(learning_rate)


def momentum_sgd(
    learning_rate: Hyperparameter, momentum: Hyperparameter = "0.9"
) -> SGD:
    """Gradient descent with momentum, 0.9 unless another one is given.

    A momentum of 0 is plain descent, as it is in `SGD`; the original makes 0.9 of
    it (`docs/deviations.md`, B13).

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges of `SGD`.

    Source: the original's `NN/API/Runtime.lean:1054`.

    >>> momentum_sgd("0.1").variant, momentum_sgd("0.1", momentum=0).variant
    ('momentum', 'sgd')
    """
    return SGD(learning_rate, momentum=momentum)
