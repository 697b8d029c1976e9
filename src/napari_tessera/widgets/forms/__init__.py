"""A method as a form."""
