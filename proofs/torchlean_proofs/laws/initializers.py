"""Laws of initial parameters."""
