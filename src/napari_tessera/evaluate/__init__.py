"""What was found, in numbers."""
