"""Laws of training runs: steps, phases, and descriptions as JSON."""
