"""Layers of napari as sources, and results as layers."""
