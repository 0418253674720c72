"""Operators of the emitters and the jump operators of their noise."""
