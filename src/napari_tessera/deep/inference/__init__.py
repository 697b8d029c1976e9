"""From an image to what a network finds in it."""
