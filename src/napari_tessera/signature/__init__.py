"""What a parameter may be: its words, how it is read, converted and checked."""
