r"""The slowest eigenvalues of a large real sparse generator, by Arnoldi's method on a filtered or inverted generator.

The rightmost eigenvalues need not be the nearest to zero (a slowly decaying oscillation is far from it). They are the
dominant ones of :math:`e^{\tau L}`, of which a Faber series cut early serves as well: any polynomial of L has its
eigenvectors, and the eigenvalues of L follow from its projection on them, accurate to rounding.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._resources import one_blas_thread
from piqs.errors import ConvergenceError
from piqs.linear.ellipse import Ellipse, ellipse
from piqs.linear.factors import Factors
from piqs.liouville import AssembledGenerator, Generator

# The series is cut where its coefficients fall below this, and may leave this much of what lies outside of the ellipse.
_CUT, _OUTSIDE = 1e-6, 1e-3
# First filter: this many terms of the series, about; each failure to converge makes it longer.
_FIRST_TERMS, _LONGER, _ATTEMPTS = 100.0, 4.0, 7
_ARNOLDI_RESTARTS = 4
# A filter costs far more than keeping its result orthogonal to this many others.
_SPACE = 80
# Eigenpairs are accepted with a residual below this part of the generator's largest element.
_RESIDUAL = 1e-9
# Shift for inversion, as a part of the largest decay rate: at zero itself the generator is singular.
_SHIFT = 1e-3


@one_blas_thread()
def rightmost(generator: AssembledGenerator, k: int) -> np.ndarray:
    """At least the k eigenvalues with the largest real parts, in no order."""
    n, matrix = generator.n, generator.matrix
    region = ellipse(generator).enlarged()
    time = _FIRST_TERMS / (2.0 * region.capacity)
    start = np.random.default_rng(0).standard_normal(n)
    for _ in range(_ATTEMPTS):
        apply = _Filter(generator, region, time)
        while apply.leak(start) > _OUTSIDE:
            region = region.enlarged()
            apply = _Filter(generator, region, time)
        found = _arnoldi(matrix, sla.LinearOperator((n, n), matvec=apply, dtype=float), k, start)
        if found is not None:
            return found
        time *= _LONGER
    raise ConvergenceError(
        f"the {k} slowest of {n} eigenvalues lie too close together to be told apart; ask for another k, or for all (k=None)"
    )


@one_blas_thread()
def nearest_zero(generator: AssembledGenerator, k: int) -> np.ndarray:
    """At least the k eigenvalues of the smallest magnitude, by shift-and-invert with one sparse LU."""
    n, matrix = generator.n, generator.matrix
    shift = _SHIFT * float(np.abs(matrix.diagonal()).max() or abs(matrix).max())
    lu = Factors(matrix - shift * sp.eye_array(n), often=True)
    start = np.random.default_rng(0).standard_normal(n)
    # Nearest to the shift is not quite nearest to zero: a few more decide.
    found = _arnoldi(matrix, sla.LinearOperator((n, n), matvec=lu.solve, dtype=float), k + 4, start)
    if found is None:
        raise ConvergenceError(
            f"the {k} eigenvalues nearest to zero of {n} did not converge; ask for another k"
        )
    return found


def _arnoldi(
    matrix: sp.csr_array, operator: sla.LinearOperator, k: int, start: np.ndarray
) -> np.ndarray | None:
    """Eigenvalues of the matrix on the dominant invariant subspace of a function of it, or None without convergence."""
    n = matrix.shape[0]
    wanted = min(k + 1, n - 2)
    try:
        _, vectors = sla.eigs(
            operator,
            k=wanted,
            ncv=min(n, max(2 * wanted + 8, _SPACE)),
            v0=start,
            tol=1e-10,
            maxiter=_ARNOLDI_RESTARTS,
        )
    except sla.ArpackError:
        # Some may have converged, but nothing says that those are the first.
        return None
    columns = np.hstack([vectors.real, vectors.imag])
    basis, sizes, _ = la.svd(columns, full_matrices=False)
    basis = basis[:, sizes > 1e-7 * sizes[0]]
    image = matrix @ basis
    values, small = la.eig(basis.T @ image)
    residual = la.norm(image @ small - (basis @ small) * values, axis=0) / la.norm(small, axis=0)
    values = values[residual <= _RESIDUAL * float(abs(matrix).max())]
    return values if values.size >= k else None


class _Filter:
    """The filter sum_k c_k F_k(L), with the coefficients of exp(t L) cut early, applied until the time is reached."""

    def __init__(self, generator: Generator, region: Ellipse, time: float) -> None:
        self.generator, self.region = generator, region
        # A longer series would lose its digits to the part of the ellipse right of the imaginary axis.
        self.repeats = int(np.ceil(time / region.step))
        coefficients = region.coefficients(np.array([time / self.repeats]))[0]
        rest = np.cumsum(np.abs(coefficients[::-1]))[::-1]
        terms = int(np.flatnonzero(rest > _CUT * rest[0])[-1]) + 2
        self.coefficients = np.ascontiguousarray(coefficients[:terms])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = np.ascontiguousarray(x, dtype=float).ravel()
        for _ in range(self.repeats):
            x = self._once(x)
        return x

    def _once(self, x: np.ndarray) -> np.ndarray:
        total, none = np.empty_like(x), sp.csr_array((0, x.size))
        vectors = (x, np.empty_like(x), np.empty_like(x), total)
        _, self.norms = self.generator.faber_series(self.region.recurrence, self.coefficients, vectors, none)
        return total

    def leak(self, x: np.ndarray) -> float:
        """Size of the last terms: large where eigenvalues lie outside of the ellipse."""
        self._once(x)
        last = np.abs(self.coefficients[-3:]) * self.norms[-3:]
        return float(last.max() / self.norms[0]) if np.all(np.isfinite(last)) else np.inf
