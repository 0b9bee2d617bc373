"""Laws of matrix products and of the affine map."""
