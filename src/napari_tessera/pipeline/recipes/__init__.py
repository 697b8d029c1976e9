"""What was run, as data that can be run again, written down and checked."""
