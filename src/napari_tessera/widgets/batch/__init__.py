"""A recipe on a folder of files, from the viewer."""
