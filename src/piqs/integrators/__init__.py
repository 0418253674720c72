"""One file for each method of time evolution."""
