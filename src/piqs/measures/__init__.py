"""Numbers that characterise states."""
