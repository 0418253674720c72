r"""Galerkin projection of :math:`(i\omega - A) y = x` on a growing space that serves all frequencies and right-hand sides."""

from __future__ import annotations

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

# New directions smaller than this part of a vector are rounding; what is left of one below this is orthogonalised again.
_NEW, _NEARLY_KNOWN = 1e-13, 1e-3
# Where the eigenvectors of the projected matrix leave more than this of a right-hand side, they are not used.
_WITHIN = 3e-12
# Rows that are decomposed at a time.
_ROWS = 2000


class Subspace:
    """An orthonormal basis V of real vectors, and A V = V inner + beyond.

    Parameters
    ----------
    matrix : csr_array (n, n), float64
        A.
    conserved : float64 array (n,) or None
        A vector t: A is taken on the vectors that are orthogonal to it.
    """

    def __init__(self, matrix: sp.csr_array, conserved: np.ndarray | None = None) -> None:
        self._matrix = matrix
        self._unit = None if conserved is None else conserved / la.norm(conserved)
        n = matrix.shape[0]
        #: Dimension of the space that the solutions live in.
        self.full = n - (conserved is not None)
        self.dimension = 0
        self.inner = np.empty((0, 0))
        self._room = np.empty((2, 8, n))
        # Eigenvalues and eigenvectors of inner, and R with |R y| = |beyond y|, from when they are asked for to the next vectors.
        self._modes: tuple[np.ndarray, np.ndarray] | None = None
        self._triangle = np.empty((0, 0))

    @property
    def basis(self) -> np.ndarray:
        """V, float64 array (n, dimension)."""
        return self._room[0, : self.dimension].T

    @property
    def beyond(self) -> np.ndarray:
        """The part of A V that is orthogonal to V."""
        return self._room[1, : self.dimension].T

    def without_conserved(self, vectors: np.ndarray) -> np.ndarray:
        """The part of a vector, or of columns, that is orthogonal to t."""
        if self._unit is None:
            return vectors
        return vectors - np.multiply.outer(self._unit, self._unit @ vectors)

    def extend(self, vectors: np.ndarray) -> None:
        """Add the new directions of some columns."""
        new = vectors[:, np.any(vectors != 0.0, axis=0)]
        sizes = la.norm(new, axis=0)
        for _ in range(2):
            new = self.without_conserved(new)
            new -= self.basis @ (self.basis.T @ new)
        before = self.dimension
        for vector, size in zip(new.T, sizes, strict=True):
            self._add(vector, size, before)
        if self.dimension > before:
            self._project(before)

    def _add(self, vector: np.ndarray, size: float, known: int) -> None:
        """Add a vector that is orthogonal to the directions known before."""
        for _ in range(2):
            fresh = self._room[0, known : self.dimension]
            vector = vector - (fresh @ vector) @ fresh
        if la.norm(vector) < _NEARLY_KNOWN * size:
            # Where a direction is all but known, rounding would lead out of the space.
            vector = self.without_conserved(vector)
            vector = vector - self.basis @ (self.basis.T @ vector)
        norm = la.norm(vector)
        if norm > _NEW * size and self.dimension < self.full:
            if self.dimension == self._room.shape[1]:
                self._room = np.concatenate([self._room, np.empty_like(self._room)], axis=1)
            self._room[0, self.dimension] = vector / norm
            self.dimension += 1

    def _project(self, before: int) -> None:
        """Bring inner and beyond up to date with the vectors added last."""
        known, fresh = self._room[0, :before], self._room[0, before : self.dimension]
        outside = self._room[1, :before]
        fed = fresh @ outside.T
        outside -= fed.T @ fresh
        image = self.without_conserved(self._matrix @ fresh.T).T
        inner = np.zeros((self.dimension, self.dimension))
        inner[:before, :before], inner[before:, :before] = self.inner, fed
        for _ in range(2):
            for basis, rows in ((known, slice(0, before)), (fresh, slice(before, None))):
                part = image @ basis.T
                image = image - part @ basis
                inner[rows, before:] += part.T
        self._room[1, before : self.dimension] = image
        self.inner, self._modes = inner, None

    def solve(self, frequencies: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The coordinates y (frequencies, dimension) of the Galerkin solutions for a source in the space, and |residual|."""
        right_side = self.basis.T @ source
        size = la.norm(right_side)
        inner, dimension = self.inner, self.dimension
        if size == 0.0:
            return np.zeros((frequencies.size, dimension), dtype=complex), np.zeros(frequencies.size)
        if self._modes is None:
            self._modes = la.eig(inner)
            self._triangle = _triangle(self.beyond)
        eigenvalues, modes = self._modes
        with np.errstate(divide="ignore", invalid="ignore"):
            green = 1.0 / (1j * frequencies[:, None] - eigenvalues[None, :])
            y = (green * la.solve(modes, right_side.astype(complex))) @ modes.T
        within = np.linalg.norm(1j * frequencies[:, None] * y - y @ inner.T - right_side, axis=1)
        # Where the projected generator is close to defective its eigenvectors lose digits.
        for f in np.flatnonzero(~(within <= _WITHIN * size)):
            try:
                y[f] = np.linalg.solve(1j * frequencies[f] * np.eye(dimension) - inner, right_side)
            except np.linalg.LinAlgError:
                y[f], within[f] = 0.0, np.inf
                continue
            within[f] = np.linalg.norm(1j * frequencies[f] * y[f] - inner @ y[f] - right_side)
        left: np.ndarray = np.hypot(within, np.linalg.norm(y @ self._triangle.T, axis=1))
        return y, left

    def residual(self, y: np.ndarray) -> np.ndarray:
        """x - (i omega - A) V y, for the coordinates of solutions (m, dimension): complex (n, m)."""
        return self.beyond @ y.real.T + 1j * (self.beyond @ y.imag.T)


def _triangle(columns: np.ndarray) -> np.ndarray:
    """R of the QR decomposition of a few long columns, from rows that fit the cache."""
    count = columns.shape[1]
    triangle = np.empty((0, count))
    for start in range(0, columns.shape[0], _ROWS):
        rows = np.vstack([triangle, columns[start : start + _ROWS]])
        triangle = np.triu(la.lapack.dgeqrf(rows)[0][:count])
    return triangle
