"""Intensities: smoothing, histograms, gradients, colours."""
