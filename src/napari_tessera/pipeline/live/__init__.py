"""Labels that are worked out where they are looked at."""
