"""Laws of optimizers."""
