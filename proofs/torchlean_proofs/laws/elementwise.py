"""Laws of elementwise arithmetic: meanings, and the derivative rules beside them."""
