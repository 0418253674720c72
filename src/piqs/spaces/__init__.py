"""Hilbert spaces: sizes, blocks, quantum numbers and multiplicities."""
