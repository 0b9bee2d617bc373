"""Laws of the losses between a prediction and a target of one shape."""
