r"""The resolvent :math:`o\cdot(i\omega - L)^{-1} x` of a real generator at many frequencies, from few sparse LUs.

The solutions at a few poles near the imaginary axis, and their derivatives, span a space on which the solutions at all
other frequencies are found by projection. The next pole goes where the residual is largest, until none is larger than
asked for: the accuracy is checked at every frequency, and in the worst case every frequency has its own LU.

A residual r changes the value by z . r with the adjoint solution :math:`z = (i\omega - L)^{-T} o`. Its size is known from the
projection at every frequency, and exactly at the poles, which tells how much of it the projection misses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

from piqs._resources import one_blas_thread
from piqs.errors import ResolventError
from piqs.linear.factors import factorise

# Residual allowed, relative to x.
_RESIDUAL = 3e-11
# ... and what is put down to rounding where no further pole lowers it.
_ROUNDING = 1e-7
# Poles at one frequency before it is given up.
_VISITS = 3
# Solves with one LU: the solution at the pole and its derivatives, which cost little beside the LU.
_SOLVES = 3
# New directions smaller than this part of a solution are rounding.
_NEW = 1e-13
_EPS = np.finfo(float).eps
# Distance of the poles from the axis, as a part of the largest rate: on it the generator of a steady state is singular.
_DISTANCE = 1e-6


@dataclass
class Resolvent:
    """Projection of a generator on the solutions at a few poles.

    Parameters
    ----------
    matrix : csr_array (n, n)
        L, real.
    sources : float64 array (n, p)
        The x, as columns.
    conserved : float64 array (n,) or None
        A left null vector t of L with t . x = 0 (the trace): solutions are kept free of it.
    """

    matrix: sp.csr_array
    sources: np.ndarray
    conserved: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.basis = np.empty((self.matrix.shape[0], 0))
        self.scale = float(abs(self.matrix).max()) if self.matrix.nnz else 1.0
        self.factorisations = 0
        self._adjoints: list[tuple[complex, float]] = []
        self._extend(self.sources)

    @one_blas_thread()
    def values(
        self,
        functionals: np.ndarray,
        frequencies: np.ndarray,
        on_progress: Callable[[float], Any] | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """o . (i omega - L)^-1 x for functionals (n,), possibly complex: an array (frequencies, p).

        `on_progress` is called with the part of the frequencies that are found.

        Returns
        -------
        values, errors : arrays (frequencies, p)
            With the error estimate of each.
        sensitivities : float64 array (frequencies,)
            Norms of the adjoint solutions: by how much a change of x changes the values.

        Raises
        ------
        ResolventError
            Where iterating no longer improves: L has the eigenvalue i omega.
        """
        visits = np.zeros(frequencies.size, dtype=int)
        while True:
            values, residuals = self._project(functionals, frequencies)
            if on_progress is not None:
                on_progress(float(np.mean(residuals <= _RESIDUAL)))
            # The more poles it takes, the more of them are added at a time.
            places = _peaks(residuals, np.abs(frequencies), 1 + self.factorisations // 2)
            if not places:
                return self._with_errors(values, functionals, frequencies)
            worst = places[0]
            if visits[worst] == _VISITS or self.basis.shape[1] == self._full:
                if residuals[worst] <= _ROUNDING:
                    return self._with_errors(values, functionals, frequencies)
                raise ResolventError(
                    f"the spectrum does not converge at frequency {frequencies[worst]:.6g} (residual {residuals[worst]:.1e}): "
                    "an oscillation at this frequency does not decay; add the loss that damps it"
                )
            for place in places:
                # Closer to the axis with each visit.
                distance = _DISTANCE * self.scale * 10.0 ** -visits[place]
                visits[place] += 1
                self._add_pole(distance + 1j * frequencies[place], functionals)

    @property
    def _full(self) -> int:
        """Dimension of the space that the solutions live in."""
        return self.matrix.shape[0] - (self.conserved is not None)

    def _add_pole(self, pole: complex, functionals: np.ndarray) -> None:
        lu = factorise(pole * sp.eye_array(self.matrix.shape[0]) - self.matrix)
        self.factorisations += 1
        adjoint = lu.solve_transposed(functionals.astype(complex))
        if self.conserved is not None:
            adjoint -= self.conserved * (self.conserved @ adjoint) / (self.conserved @ self.conserved)
        self._adjoints.append((pole, float(la.norm(adjoint))))
        solution = self.sources.astype(complex)
        for _ in range(_SOLVES):
            solution = lu.solve(solution)
            solution = solution / la.norm(solution, axis=0)
            self._extend(solution.real)
            self._extend(solution.imag)

    def _extend(self, vectors: np.ndarray) -> None:
        """Add the new directions of some columns to the orthonormal basis."""
        for vector in vectors.T:
            size = la.norm(vector)
            new = vector.copy()
            # Once more for what is left: where a direction is all but known, rounding would lead out of the space.
            for _ in range(3):
                if self.conserved is not None:
                    new -= self.conserved * (self.conserved @ new) / (self.conserved @ self.conserved)
                new -= self.basis @ (self.basis.T @ new)
            norm = la.norm(new)
            if norm > _NEW * size and self.basis.shape[1] < self._full:
                self.basis = np.column_stack([self.basis, new / norm])

    def _with_errors(
        self, values: np.ndarray, functionals: np.ndarray, frequencies: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The values, their errors and what they are multiples of."""
        outputs, inner = functionals @ self.basis, self._inner
        missed = 1.0
        for pole, size in self._adjoints:
            seen = la.norm(np.linalg.solve((pole * np.eye(inner.shape[0]) - inner).T, outputs))
            missed = max(missed, size / max(float(seen), 1e-300))
        eigenvalues, modes = la.eig(inner.T)
        with np.errstate(divide="ignore", invalid="ignore"):
            green = 1.0 / (1j * frequencies[:, None] - eigenvalues[None, :])
            adjoint = (green * np.linalg.lstsq(modes, outputs.astype(complex), rcond=None)[0]) @ modes.T
        sensitivities = missed * la.norm(adjoint, axis=1, check_finite=False)
        return values, sensitivities[:, None] * self._defects, sensitivities

    def _project(self, functionals: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values on the space so far, and the largest relative residual at every frequency."""
        basis = self.basis
        image = self.matrix @ basis
        inner = basis.T @ image
        beyond = la.qr(image - basis @ inner, mode="r")[0][: basis.shape[1]]
        outputs, right_sides = functionals @ basis, basis.T @ self.sources
        eigenvalues, modes = la.eig(inner)
        with np.errstate(divide="ignore", invalid="ignore"):
            green = 1.0 / (1j * frequencies[:, None] - eigenvalues[None, :])
        values = np.empty((frequencies.size, right_sides.shape[1]), dtype=complex)
        residuals = np.zeros(frequencies.size)
        self._inner, self._defects = inner, np.zeros(values.shape)
        for p, right_side in enumerate(right_sides.T):
            size = la.norm(right_side)
            if size == 0.0:
                values[:, p] = 0.0
                continue
            y = (green * la.solve(modes, right_side.astype(complex))) @ modes.T
            within = np.linalg.norm(1j * frequencies[:, None] * y - y @ inner.T - right_side, axis=1)
            # Where the projected generator is close to defective its eigenvectors lose digits.
            for f in np.flatnonzero(~(within <= 0.1 * _RESIDUAL * size)):
                try:
                    y[f] = np.linalg.solve(1j * frequencies[f] * np.eye(inner.shape[0]) - inner, right_side)
                except np.linalg.LinAlgError:
                    y[f], within[f] = 0.0, np.inf
                    continue
                within[f] = np.linalg.norm(1j * frequencies[f] * y[f] - inner @ y[f] - right_side)
            values[:, p] = y @ outputs
            left = np.hypot(within, np.linalg.norm(y @ beyond.T, axis=1))
            self._defects[:, p] = left + _EPS * self.scale * np.linalg.norm(y, axis=1)
            residuals = np.maximum(residuals, left / size)
        return values, np.where(np.isfinite(residuals), residuals, np.inf)


def _peaks(residuals: np.ndarray, frequencies: np.ndarray, count: int) -> list[int]:
    """Places of the largest residuals, the largest first, that are local maxima; of +f and -f only one."""
    padded = np.concatenate([[-1.0], residuals, [-1.0]])
    maxima = np.flatnonzero((residuals >= padded[:-2]) & (residuals > padded[2:]) & (residuals > _RESIDUAL))
    chosen: list[int] = []
    for place in maxima[np.argsort(-residuals[maxima], kind="stable")]:
        if len(chosen) < count and not np.any(np.isclose(frequencies[chosen], frequencies[place], rtol=1e-6)):
            chosen.append(int(place))
    return chosen
