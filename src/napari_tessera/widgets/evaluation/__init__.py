"""Forms that judge results."""
