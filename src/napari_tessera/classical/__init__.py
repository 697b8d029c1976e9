"""Methods that need no training: thresholds, watershed, components."""
