"""One object from a few marks on it and beside it."""
