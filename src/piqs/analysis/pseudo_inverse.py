"""The inverse of a generator on what has no trace: one factorisation, many solves."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from piqs.errors import ConvergenceError
from piqs.linear.factors import Factors

__all__ = ["PseudoInverse"]

# Residual of a solve, relative to the right-hand side, beyond which the factors are no longer trusted ...
_RESIDUAL = 1e-8
# ... and relative to the generator times the steady state, which is what rounding leaves of a source that is zero.
_ROUNDING = 64 * np.finfo(float).eps


class PseudoInverse:
    r"""Solves :math:`L y = b` with :math:`\mathrm{Tr}\,y = 0` for sources without trace, where the steady state is unique.

    Parameters
    ----------
    matrix : csr_array (n, n)
        L, which keeps the trace.
    trace : float64 array (n,)
        The vector t with Tr x = t . x.
    steady : float64 array (n,)
        The steady state, of trace one.
    transposed : bool
        Solve with the transpose of L instead: :math:`L^T y = b` for b orthogonal to the steady state, y up to multiples of
        the trace, of which the one is returned that is orthogonal to the steady state.
    """

    def __init__(
        self, matrix: sp.csr_array, trace: np.ndarray, steady: np.ndarray, transposed: bool = False
    ) -> None:
        self.matrix = sp.csr_array(matrix.T) if transposed else matrix
        self._smallest = _ROUNDING * float(abs(matrix).max()) * float(np.linalg.norm(steady))
        # What y is made orthogonal to, and the vector of the kernel that is added to do so.
        self._row, self._kernel = (steady, trace) if transposed else (trace, steady)
        # The largest population is set to zero and its equation dropped, which keeps the sparsity.
        populations = np.flatnonzero(trace)
        pivot = int(populations[np.argmax(np.abs(steady[populations]))])
        self._others = np.delete(np.arange(trace.size), pivot)
        kept = sp.csr_array(self.matrix[self._others][:, self._others])
        self._factors = Factors(kept) if self._others.size else None

    def _once(self, b: np.ndarray) -> np.ndarray:
        y = np.zeros(b.size)
        if self._factors is not None:
            y[self._others] = self._factors.solve(b[self._others])
        return y

    def solve(self, b: np.ndarray) -> np.ndarray:
        """The solution for one source, with a step of refinement.

        Raises
        ------
        ConvergenceError
            If the residual stays large: the generator is nearly singular beyond its steady state.
        """
        y = self._once(b)
        y += self._once(b - self.matrix @ y)
        residual = float(np.linalg.norm(self.matrix @ y - b))
        size = float(np.linalg.norm(b))
        if not residual <= max(_RESIDUAL * size, self._smallest):
            raise ConvergenceError(
                f"the generator is nearly singular beside its steady state (residual {residual:.2g} of {size:.2g}): a second "
                "steady state is near; change a rate, or add the noise that removes it"
            )
        return y - self._kernel * (float(self._row @ y) / float(self._row @ self._kernel))
