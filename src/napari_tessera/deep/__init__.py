"""Methods that learn from examples: networks, training and prediction."""
