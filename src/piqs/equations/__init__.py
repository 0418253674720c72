"""The master equation: its space, its Hamiltonian and its channels, read once."""
