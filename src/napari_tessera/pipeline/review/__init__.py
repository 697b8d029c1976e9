"""Which objects and regions to look at first."""
