"""Planes and volumes cut into blocks, and who computes them."""
