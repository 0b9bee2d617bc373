"""Laws of picking and placing rows by integers."""
