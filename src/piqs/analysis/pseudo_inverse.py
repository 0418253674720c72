r"""The inverse of a generator on what has no trace: one factorisation, many solves, and how uncertain each of them is.

A computed solution of :math:`Ly = b` solves the equation exactly for a source that differs by its residual. The residual itself
is known up to the rounding of its terms, a few :math:`\epsilon(|L||y| + |b|)` in each component, which is also what rounding of
the elements of L changes. So a solution is off by no more than :math:`\|L^+\|` times the norm of both.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse as sp

from piqs.errors import ConvergenceError
from piqs.linear.factors import factorise

__all__ = ["OF_A_SUM", "PseudoInverse"]

# Rounding of a sum, in units of eps times the magnitudes of its terms.
OF_A_SUM = 4.0 * np.finfo(float).eps
# Steps of the power method for the norm.
_POWER_STEPS = 4


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

    Attributes
    ----------
    steady : float64 array (n,)
        The steady state after a step of refinement.
    """

    def __init__(self, matrix: sp.csr_array, trace: np.ndarray, steady: np.ndarray) -> None:
        self.matrix, self._transposed = matrix, sp.csr_array(matrix.T)
        self._sizes, self._sizes_transposed = abs(matrix), abs(self._transposed)
        self.trace, self.steady = trace, steady
        # The largest population is set to zero and its equation dropped, which keeps the sparsity.
        populations = np.flatnonzero(trace)
        pivot = int(populations[np.argmax(np.abs(steady[populations]))])
        self._others = np.delete(np.arange(trace.size), pivot)
        try:
            kept = sp.csr_array(matrix[self._others][:, self._others])
            self._factors = factorise(kept) if self._others.size else None
        except RuntimeError:
            raise _singular() from None
        self.steady = steady - self.solve(matrix @ steady)

    def solve(self, b: np.ndarray) -> np.ndarray:
        """The solution without trace for a source without trace.

        Raises
        ------
        ConvergenceError
            If the generator is singular beyond its steady state.
        """
        return self._refined(b, transposed=False)

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """The solution y of :math:`L^T y = b` that is orthogonal to the steady state, for b orthogonal to it.

        Raises
        ------
        ConvergenceError
            As `solve`.
        """
        return self._refined(b, transposed=True)

    def unsolved(self, y: np.ndarray, b: np.ndarray, transposed: bool = False) -> np.ndarray:
        """What may be left of the equation in each component: the residual, and the rounding of its terms."""
        matrix, sizes = (
            (self._transposed, self._sizes_transposed) if transposed else (self.matrix, self._sizes)
        )
        found: np.ndarray = np.abs(matrix @ y - b) + OF_A_SUM * (sizes @ np.abs(y) + np.abs(b))
        return found

    def error(self, y: np.ndarray, b: np.ndarray, transposed: bool = False) -> float:
        """By how much a solution may be off, in the Euclidean norm."""
        return self.norm * float(np.linalg.norm(self.unsolved(y, b, transposed)))

    def unsolved_of_steady(self) -> np.ndarray:
        """What may be left of the equation of the steady state in each component."""
        return self.unsolved(self.steady, np.zeros(self.steady.size))

    @property
    def steady_error(self) -> float:
        """By how much the steady state may be off, in the Euclidean norm."""
        return self.norm * float(np.linalg.norm(self.unsolved_of_steady()))

    @cached_property
    def norm(self) -> float:
        """About the norm of the inverse, by the power method."""
        z, size = np.random.default_rng(1).standard_normal(self.trace.size), 0.0
        for _ in range(_POWER_STEPS):
            z = self._once(z / np.linalg.norm(z), transposed=False)
            size = max(size, float(np.linalg.norm(z)))
            if size == 0.0:
                break
            z = self._once(z, transposed=True)
        return size

    def _refined(self, b: np.ndarray, transposed: bool) -> np.ndarray:
        matrix = self._transposed if transposed else self.matrix
        y = self._once(b, transposed)
        y += self._once(b - matrix @ y, transposed)
        if not np.all(np.isfinite(y)):
            raise _singular()
        return y

    def _once(self, b: np.ndarray, transposed: bool) -> np.ndarray:
        y = np.zeros(b.size)
        if self._factors is not None:
            solve = self._factors.solve_transposed if transposed else self._factors.solve
            y[self._others] = solve(b[self._others])
        # What y is made orthogonal to, and the vector of the kernel that is added to do so.
        row, kernel = (self.steady, self.trace) if transposed else (self.trace, self.steady)
        return y - kernel * (float(row @ y) / float(row @ kernel))


def _singular() -> ConvergenceError:
    return ConvergenceError(
        "the generator is singular beside its steady state: there is a second one; change a rate, or add the noise that "
        "removes it"
    )
