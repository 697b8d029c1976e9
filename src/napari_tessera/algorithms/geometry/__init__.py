"""Distances, outlines, hulls, moments."""
