"""Objects changed by hand."""
