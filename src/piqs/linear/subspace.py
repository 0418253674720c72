r"""Galerkin projection of :math:`(i\omega - A) y = x` and of its transpose on a growing space that serves all frequencies.

A solution y with residual r and one of the transposed equations, z for the right-hand side o, with residual s: where both
are projections on the same space, r is orthogonal to z, and

.. math:: o\cdot\left[(i\omega - A)^{-1} x - y\right] = s\cdot(i\omega - A)^{-1} r

is of the size of the product of the residuals.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

# New directions smaller than this part of a vector are rounding; what is left of one below this is orthogonalised again.
_NEW, _NEARLY_KNOWN = 1e-13, 1e-2
# Solutions of the projected equations are improved until they leave no more than this of a right-hand side, or so often.
_WITHIN, _IMPROVEMENTS = 1e-13, 2
# Random projections that tell the norm of a residual, to a tenth.
_PROJECTIONS = 40
# Rows by which the room for the basis grows.
_MORE = 64


class Subspace:
    """An orthonormal basis V of real vectors, and V^T A V.

    Parameters
    ----------
    matrix : csr_array (n, n), float64
        A.
    conserved : float64 array (n,) or None
        A vector t: A is taken on the vectors that are orthogonal to it.
    """

    def __init__(self, matrix: sp.csr_array, conserved: np.ndarray | None = None) -> None:
        self._matrices = (matrix, sp.csr_array(matrix.T))
        self._unit = None if conserved is None else conserved / la.norm(conserved)
        n = matrix.shape[0]
        #: Dimension of the space that the solutions live in.
        self.full = n - (conserved is not None)
        self.dimension = 0
        self.inner = np.empty((0, 0))
        self._rows = np.empty((8, n))
        if n <= _PROJECTIONS:
            self._seen = np.eye(n)
        else:
            self._seen = np.random.default_rng(1).standard_normal((_PROJECTIONS, n)) / np.sqrt(_PROJECTIONS)
        self._seen = self.without_conserved(self._seen)
        # What the projections see of V, A V and A^T V.
        self._views = [np.empty((self._seen.shape[0], 0)) for _ in range(3)]
        self._modes: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @property
    def basis(self) -> np.ndarray:
        """V^T, float64 array (dimension, n)."""
        return self._rows[: self.dimension]

    def without_conserved(self, vectors: np.ndarray) -> np.ndarray:
        """The part of a vector, or of rows, that is orthogonal to t."""
        if self._unit is None:
            return vectors
        return vectors - np.multiply.outer(vectors @ self._unit, self._unit)

    def extend(self, vectors: np.ndarray) -> None:
        """Add the new directions of some rows."""
        new = self.without_conserved(vectors[np.any(vectors != 0.0, axis=1)])
        sizes = la.norm(new, axis=1)
        new = self._outside(new)
        again = la.norm(new, axis=1) < _NEARLY_KNOWN * sizes
        if again.any():
            new[again] = self._outside(new[again])
        before = self.dimension
        for vector, size in zip(new, sizes, strict=True):
            self._add(vector, size, before)
        if self.dimension > before:
            self._project(before)

    def _outside(self, vectors: np.ndarray) -> np.ndarray:
        return vectors - (vectors @ self.basis.T) @ self.basis

    def _add(self, vector: np.ndarray, size: float, known: int) -> None:
        """Add a vector that is orthogonal to the directions known before."""
        for _ in range(2):
            fresh = self._rows[known : self.dimension]
            vector = vector - (fresh @ vector) @ fresh
        if la.norm(vector) < _NEARLY_KNOWN * size:
            # Where a direction is all but known, rounding would lead out of the space.
            vector = self._outside(self.without_conserved(vector))
        norm = la.norm(vector)
        if norm > _NEW * size and self.dimension < self.full:
            if self.dimension == self._rows.shape[0]:
                room = np.empty((self.dimension + _MORE, vector.size))
                room[: self.dimension] = self._rows
                self._rows = room
            self._rows[self.dimension] = vector / norm
            self.dimension += 1

    def _project(self, before: int) -> None:
        """Bring V^T A V and what the projections see up to date with the vectors added last."""
        fresh = self._rows[before : self.dimension].T
        image, transposed = (matrix @ fresh for matrix in self._matrices)
        inner = np.empty((self.dimension, self.dimension))
        inner[:before, :before] = self.inner
        inner[:, before:] = self.basis @ image
        inner[before:, :before] = (self.basis[:before] @ transposed).T
        for i, part in enumerate((fresh, image, transposed)):
            self._views[i] = np.hstack([self._views[i], self._seen @ part])
        self.inner, self._modes = inner, None

    def solve(
        self, frequencies: np.ndarray, source: np.ndarray, transposed: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The coordinates y (frequencies, dimension) of the Galerkin solutions for a source in the space, and |residual|."""
        right_side = self.basis @ source
        if not right_side.any():
            return np.zeros((frequencies.size, self.dimension), dtype=complex), np.zeros(frequencies.size)
        y = self._inverse(frequencies, np.tile(right_side, (frequencies.size, 1)), transposed)
        view, image = self._views[0], self._views[1 + transposed]
        left = self._seen @ source + y @ image.T - 1j * frequencies[:, None] * (y @ view.T)
        return y, np.linalg.norm(left, axis=1)

    def gain(self, frequencies: np.ndarray) -> np.ndarray:
        """About the norms of the projected inverses, by two steps of the power method."""
        v = np.random.default_rng(2).standard_normal((frequencies.size, self.dimension)).astype(complex)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for transposed in (False, True, False, True, False):
                v /= np.linalg.norm(v, axis=1)[:, None]
                v = self._inverse(frequencies, v.conj() if transposed else v, transposed, 0)
                v = v.conj() if transposed else v
        size: np.ndarray = np.linalg.norm(v, axis=1)
        return np.where(np.isfinite(size), size, np.inf)

    def _inverse(
        self,
        frequencies: np.ndarray,
        right_sides: np.ndarray,
        transposed: bool,
        improvements: int = _IMPROVEMENTS,
    ) -> np.ndarray:
        """(i omega - V^T A V)^-1 b, or with the transpose, for b (frequencies, dimension); NaN where it does not exist."""
        if self._modes is None:
            eigenvalues, modes = la.eig(self.inner)
            self._modes = eigenvalues, modes, la.pinv(modes)
        eigenvalues, modes, dual = self._modes
        matrix, left, right = (self.inner.T, dual.T, modes.T) if transposed else (self.inner, modes, dual)
        shifts = 1j * frequencies[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            green = 1.0 / (shifts - eigenvalues)
            y = (green * (right_sides @ right.T)) @ left.T
            if not improvements:
                return y
            size, largest = np.linalg.norm(right_sides, axis=1), np.linalg.norm(self.inner)
            for k in range(improvements + 1):
                rest = right_sides - shifts * y + y @ matrix.T
                good = np.linalg.norm(rest, axis=1) <= _WITHIN * (size + largest * np.linalg.norm(y, axis=1))
                if good.all() or k == improvements:
                    break
                y = y + (green * (rest @ right.T)) @ left.T
        # Where the projected generator is close to defective its eigenvectors are of no use.
        for f in np.flatnonzero(~good):
            try:
                y[f] = np.linalg.solve(shifts[f] * np.eye(self.dimension) - matrix, right_sides[f])
            except np.linalg.LinAlgError:
                y[f] = np.nan
        return y

    def residual(
        self, frequencies: np.ndarray, y: np.ndarray, source: np.ndarray, transposed: bool = False
    ) -> np.ndarray:
        """x - (i omega - A) V y, for the coordinates of solutions (m, dimension): complex (m, n)."""
        real, imag = np.split(np.concatenate([y.real, y.imag]) @ self.basis, 2)
        left = np.empty(real.shape, dtype=complex)
        matrix, shifts = self._matrices[transposed], frequencies[:, None]
        left.real = source + (matrix @ real.T).T + shifts * imag
        left.imag = (matrix @ imag.T).T - shifts * real
        return self.without_conserved(left)
