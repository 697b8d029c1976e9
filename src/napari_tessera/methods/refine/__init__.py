"""Labels changed into better ones."""
