"""Laws of the operations that move numbers and change none."""
