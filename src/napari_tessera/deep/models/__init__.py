"""Trained models as folders."""
