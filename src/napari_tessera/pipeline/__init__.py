"""A method on a whole stack, and the recipe of it."""
