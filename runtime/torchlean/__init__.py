"""Train neural networks whose meaning is written down once."""

__version__ = "0.1.0"
