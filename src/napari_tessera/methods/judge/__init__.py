"""How far a result can be trusted, as maps and tables."""
