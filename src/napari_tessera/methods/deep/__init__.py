"""Segmentation by a trained network."""
