r"""The slowest eigenvalues of a large real sparse generator, by Arnoldi's method on a filtered or inverted generator.

The rightmost eigenvalues need not be the nearest to zero (a slowly decaying oscillation is far from it). They are the
dominant ones of :math:`e^{\tau L}`, of which a Faber series cut early serves as well: any polynomial of L has its
eigenvectors, and the eigenvalues of L follow from its projection on them, accurate to rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._resources import one_blas_thread
from piqs.errors import ConvergenceError
from piqs.linear.ellipse import Ellipse, ellipse
from piqs.linear.factors import factorise
from piqs.liouville import AssembledGenerator, Generator

# The series is cut where its coefficients fall below this, and may leave this much of what lies outside of the ellipse.
_CUT, _OUTSIDE = 1e-6, 1e-3
# First filter: this many terms of the series, about; each failure to converge makes it longer.
_FIRST_TERMS, _LONGER, _ATTEMPTS = 100.0, 4.0, 7
_ARNOLDI_RESTARTS = 4
# A filter costs far more than keeping its result orthogonal to this many others.
_SPACE = 80
# Relative distance of two images that may be the same; images below so many times the filter's error are noise.
_SAME, _NOISE = 1e-3, 100.0
# Eigenpairs are accepted with a residual below this part of the generator's largest element.
_RESIDUAL = 1e-9
# Shift for inversion, as a part of the largest decay rate: at zero itself the generator is singular.
_SHIFT = 1e-3


@one_blas_thread()
def rightmost(generator: AssembledGenerator, k: int) -> np.ndarray:
    """At least the k eigenvalues with the largest real parts, in no order, and none that has a missing one before it.

    Raises
    ------
    ConvergenceError
        If it is not certain that none is missing, with those that were found.
    """
    n = generator.n
    region = ellipse(generator).enlarged()
    time, direction = _FIRST_TERMS / (2.0 * region.capacity), 0
    found = np.zeros(0, dtype=complex)
    for attempt in range(_ATTEMPTS):
        start = np.random.default_rng(attempt).standard_normal(n)
        filtered = _Filter(generator, region, time)
        while filtered.leak(start) > _OUTSIDE:
            region = region.enlarged()
            filtered = _Filter(generator, region, time)
        search = _Search(generator.matrix, filtered, filtered.image, k, start)
        if search.complete:
            # What was not found has a smaller image, and so a real part no larger than this.
            limit = filtered.largest_real_part(search.smallest)
            slack = 1e-6 * abs(limit) + _RESIDUAL * search.scale
            certain = search.values[search.values.real >= limit - slack]
            if certain.size >= k:
                return certain
        found = search.values if search.values.size else found
        # Images below the filter's own error are noise: then a shorter filter tells more, otherwise a longer one.
        wanted = -1 if search.smallest < _NOISE * filtered.error else 1
        direction = wanted if direction == 0 else direction
        time *= _LONGER**direction
    raise _uncertain(k, n, found, "with the largest real parts")


@one_blas_thread()
def nearest_zero(generator: AssembledGenerator, k: int) -> np.ndarray:
    """At least the k eigenvalues of the smallest magnitude, by shift-and-invert with one sparse LU; see `rightmost`."""
    n, matrix = generator.n, generator.matrix
    shift = _SHIFT * float(np.abs(matrix.diagonal()).max() or abs(matrix).max())
    lu = factorise(matrix - shift * sp.eye_array(n), many_solves=True)
    found = np.zeros(0, dtype=complex)
    for more in (4, 12):
        # Nearest to the shift is not quite nearest to zero: a few more decide.
        start = np.random.default_rng(more).standard_normal(n)
        search = _Search(matrix, lu.solve, lambda values: 1.0 / (values - shift), k + more, start)
        if search.complete:
            limit = (1.0 + 1e-6) / search.smallest - shift
            certain = search.values[np.abs(search.values) <= limit]
            if certain.size >= k:
                return certain
        found = search.values if search.values.size else found
    raise _uncertain(k, n, found, "nearest to zero")


def _uncertain(k: int, n: int, found: np.ndarray, which: str) -> ConvergenceError:
    some = ", ".join(f"{value:.6g}" for value in found[np.argsort(-found.real)][:6])
    return ConvergenceError(
        f"it is not certain that none of the {k} eigenvalues {which} of {n} is missing (found so far: {some or 'none'}); they "
        "may lie too close together: ask for another k, for the other `which`, or for all (k=None)"
    )


class _Search:
    """Eigenvalues of a matrix on the dominant invariant subspace of a function of it, and whether any is missing.

    Attributes
    ----------
    values : complex array
        Eigenvalues found, with small residuals.
    smallest : float
        No eigenvalue that was not found has an image larger than this.
    complete : bool
        Whether each of the dominant images belongs to one of the values, and a second search, from another start and
        without what the first one found, finds none that is larger.
    """

    def __init__(
        self,
        matrix: sp.csr_array,
        operator: Callable[[np.ndarray], np.ndarray],
        image: Callable[[np.ndarray], np.ndarray],
        k: int,
        start: np.ndarray,
    ) -> None:
        n = matrix.shape[0]
        self.operator = operator
        self.scale = float(abs(matrix).max())
        self.values = np.zeros(0, dtype=complex)
        self.smallest, self.complete = np.inf, False
        wanted = min(k + 2, n - 2)
        try:
            images, vectors = sla.eigs(
                sla.LinearOperator((n, n), matvec=operator, dtype=float),
                k=wanted,
                ncv=min(n, max(2 * wanted + 8, _SPACE)),
                v0=start,
                tol=1e-10,
                maxiter=_ARNOLDI_RESTARTS,
            )
        except sla.ArpackError:
            # Some may have converged, but nothing says that those are the first.
            return
        columns = np.hstack([vectors.real, vectors.imag])
        basis, sizes, _ = la.svd(columns, full_matrices=False)
        basis = basis[:, sizes > 1e-7 * sizes[0]]
        applied = matrix @ basis
        values, small = la.eig(basis.T @ applied)
        residual = la.norm(applied @ small - (basis @ small) * values, axis=0) / la.norm(small, axis=0)
        good = residual <= _RESIDUAL * self.scale
        self.values = values[good]
        self.smallest = float(np.abs(images).min())
        distance = np.abs(image(self.values)[None, :] - images[:, None])
        if not good.any() or np.any(distance.min(axis=1) > _SAME * np.abs(images)):
            return
        columns = basis @ small[:, good]
        space, sizes, _ = la.svd(np.hstack([columns.real, columns.imag]), full_matrices=False)
        other = self._largest_outside(space[:, sizes > 1e-7 * sizes[0]])
        self.complete = other <= (1.0 + _SAME) * self.smallest

    def _largest_outside(self, space: np.ndarray) -> float:
        """The largest image on the orthogonal complement of an invariant subspace; infinite where it is not found."""

        def outside(x: np.ndarray) -> np.ndarray:
            return x - space @ (space.T @ x)

        def deflated(x: np.ndarray) -> np.ndarray:
            image: np.ndarray = self.operator(outside(x.ravel()))
            return outside(image)

        n = space.shape[0]
        operator = sla.LinearOperator((n, n), matvec=deflated, dtype=float)
        start = outside(np.asarray(np.random.default_rng(17).standard_normal(n)))
        try:
            values = sla.eigs(
                operator, k=1, ncv=min(n, 30), v0=start, tol=_SAME, maxiter=20, return_eigenvectors=False
            )
        except sla.ArpackError:
            return np.inf
        return float(np.abs(values).max())


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
        self.time = time / self.repeats
        # Polynomials on the ellipse are no larger than 2, about.
        self.error = 2.0 * float(rest[min(terms, rest.size - 1)])

    def image(self, values: np.ndarray) -> np.ndarray:
        """The filter of eigenvalues."""
        scale, shift, delta = self.region.recurrence
        first = scale * (values - shift)
        before, now = np.ones_like(values), first
        total = self.coefficients[0] * before
        for k, c in enumerate(self.coefficients[1:], start=1):
            total = total + c * now
            before, now = now, first * now - (2.0 * delta if k == 1 else delta) * before
        return total**self.repeats

    def largest_real_part(self, image: float) -> float:
        """No eigenvalue whose filter is as small as this has a larger real part."""
        return float(np.log(image ** (1.0 / self.repeats) + self.error) / self.time)

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
