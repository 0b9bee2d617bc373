"""Laws of the activations: functional equations, and derivatives by dual numbers."""
