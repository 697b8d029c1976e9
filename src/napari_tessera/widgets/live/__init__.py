"""Labels that are worked out where they are looked at, in the viewer and in Python."""
