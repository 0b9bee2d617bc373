"""Laws of sums, means, softmax and broadcasting."""
