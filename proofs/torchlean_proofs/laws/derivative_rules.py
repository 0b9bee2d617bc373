"""What a law of a derivative rule is: reverse accumulation against dual numbers."""
