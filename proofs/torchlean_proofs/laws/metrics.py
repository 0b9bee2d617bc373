"""Laws of metrics: exact counts of what a classifier got right."""
