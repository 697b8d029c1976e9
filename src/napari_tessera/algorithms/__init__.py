"""Arrays in, arrays out: what methods are made of."""
