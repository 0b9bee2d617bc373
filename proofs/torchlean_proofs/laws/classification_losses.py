"""Laws of the losses of rows of classes."""
