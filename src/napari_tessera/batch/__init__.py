"""A recipe on many files: what is planned, what is written, and what was done before."""
