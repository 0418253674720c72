"""Linear algebra of the reduced generator: factors, resolvents, eigenvalues, preconditioners."""
