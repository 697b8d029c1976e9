"""A network that answers clicks: what it sees, what it learns, and the objects it says."""
