"""Weights trained by others."""
