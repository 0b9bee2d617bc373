"""What training a neural network means: an executable reference semantics."""
