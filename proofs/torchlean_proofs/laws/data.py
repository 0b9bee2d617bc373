"""Laws of data sets, splits and loaders."""
