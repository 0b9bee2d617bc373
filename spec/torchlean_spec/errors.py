"""One exception family; each carries a machine-readable reason.

The message is one sentence for people: what, what was given, what should be.
The reason is for programs, and for backends in other languages: a backend
conforms when it refuses with the same reason, whatever its words are.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something was refused; the same word in every language."""

    SHAPE_MISMATCH = "shape-mismatch"
    """Two shapes that must agree differ."""

    AXIS_OUT_OF_RANGE = "axis-out-of-range"
    """An axis or a permutation names an axis that the shape lacks."""

    BATCH_SIZE = "batch-size"
    """A batch size is not positive, or larger than the data set."""

    EMPTY_DATA = "empty-data"
    """A data set, or a set of labels that count, holds nothing."""

    CLASS_OUT_OF_RANGE = "class-out-of-range"
    """A class index is negative or not below the number of classes."""

    NOT_FINITE = "not-finite"
    """A NaN or an infinity where only finite numbers are allowed."""

    HYPERPARAMETER = "hyperparameter"
    """A hyperparameter lies outside its stated range."""

    UNKNOWN_NAME = "unknown-name"
    """A name (of an operation, a dtype, an optimizer, ...) that does not exist."""

    CONTRADICTION = "contradiction"
    """Two things that were asked for exclude each other."""

    IRRATIONAL = "irrational"
    """The exact answer is not a rational number."""

    DOMAIN = "domain"
    """The argument lies outside the function's domain."""

    NOT_DIFFERENTIABLE = "not-differentiable"
    """No derivative is defined for the operation or the operand."""

    OTHER_MODEL = "other-model"
    """Parameters that belong to a model of other shapes."""

    FILE_FORMAT = "file-format"
    """A file is truncated or not of the format that it should have."""

    FILE_ACCESS = "file-access"
    """A file cannot be read or written."""

    UNSUPPORTED = "unsupported"
    """The backend or the mode does not offer what was asked for."""

    MISSING_DEPENDENCY = "missing-dependency"
    """A package or a device that is needed is absent."""


class TorchLeanError(ValueError):
    """Something was refused.

    >>> error = TorchLeanError(Reason.BATCH_SIZE, "expected batch size 32, got 17")
    >>> print(error.reason, "/", error)
    batch-size / expected batch size 32, got 17
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Why, as one word."""

    def __reduce__(self) -> tuple[type[TorchLeanError], tuple[Reason, str]]:
        return type(self), (self.reason, str(self))
