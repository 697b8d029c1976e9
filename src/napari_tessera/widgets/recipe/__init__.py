"""The form that shows the steps of a recipe, changes them and runs them again."""
