"""Regions that grow from seeds."""
