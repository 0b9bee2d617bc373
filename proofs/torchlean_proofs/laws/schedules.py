"""Laws of schedules."""
