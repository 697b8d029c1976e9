"""Extremely randomized trees that classify pixels by numbers."""
