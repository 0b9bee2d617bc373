"""Laws of layers: parameters, shapes, and what they are built of."""
