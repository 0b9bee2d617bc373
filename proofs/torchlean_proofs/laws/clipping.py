"""Laws of clipping."""
