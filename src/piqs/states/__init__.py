"""Kets and density matrices of permutation-invariant states, and their change of basis."""
