"""Laws of tasks: what one step computes."""
