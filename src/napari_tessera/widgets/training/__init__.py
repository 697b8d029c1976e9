"""Forms that train, and models."""
