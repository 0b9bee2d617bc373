"""Laws of losses as descriptions."""
