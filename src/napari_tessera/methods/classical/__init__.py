"""Segmentation without a network."""
