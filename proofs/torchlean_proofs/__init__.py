"""Laws, the evidence for each, and the kit that holds backends to the spec."""
