"""Laws of programs: tracing, evaluation, reverse accumulation."""
