"""Laws of random words, integers below a bound, and permutations."""
