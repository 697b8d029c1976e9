"""The fields of a form: one file per kind of value."""
