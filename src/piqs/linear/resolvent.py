r"""The resolvent :math:`o\cdot(i\omega - L)^{-1} x` of a real generator at many frequencies, from solutions at a few.

Solutions at a few frequencies span a space on which those at all others are found by projection. The next one goes where
the residual is largest, until none is larger than asked for: the accuracy is checked at every frequency.

Two kinds of vectors make the space grow. With sparse LUs: the solutions at poles near the imaginary axis, and their
derivatives; in the worst case every frequency has its own LU. Where the unknowns fall into blocks that are small beside
the whole: corrections of the residuals by sweeps over the blocks (``shifted_blocks``); LUs where these do not get on.

A residual r changes the value by z . r with the adjoint solution :math:`z = (i\omega - L)^{-T} o`. With LUs its size is known
from the projection at every frequency, and exactly at the poles, which tells how much of it the projection misses; with
blocks it is found as the solutions are, to two digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

from piqs._resources import one_blas_thread
from piqs.errors import ResolventError
from piqs.linear.factors import factorise
from piqs.linear.shifted_blocks import ShiftedBlocks
from piqs.linear.subspace import Subspace

# Residual allowed, relative to x; with corrections by sweeps, where a digit is not for free; and of adjoint solutions.
_RESIDUAL, _SWEPT, _ADJOINT = 3e-11, 1e-10, 1e-2
# ... and what is put down to rounding where no further pole lowers it.
_ROUNDING = 1e-7
# Poles at one frequency before it is given up.
_VISITS = 3
# Rounds of corrections by sweeps, and frequencies in each.
_MOST_ROUNDS, _TOGETHER = 60, 8
# Solves with one LU: the solution at the pole and its derivatives, which cost little beside the LU.
_SOLVES = 3
_EPS = np.finfo(float).eps
# Distance of the poles from the axis, as a part of the largest rate: on it the generator of a steady state is singular.
_DISTANCE = 1e-6


@dataclass
class Resolvent:
    """Projection of a generator on a space of solutions.

    Parameters
    ----------
    matrix : csr_array (n, n)
        L, real.
    sources : float64 array (n, p)
        The x, as columns.
    conserved : float64 array (n,) or None
        A left null vector t of L with t . x = 0 (the trace): solutions are kept free of it.
    blocks : int64 array (n,) or None
        The block of each unknown, numbered from 0, where sweeps over the blocks pay.
    """

    matrix: sp.csr_array
    sources: np.ndarray
    conserved: np.ndarray | None = None
    blocks: np.ndarray | None = None
    factorisations: int = field(default=0, init=False)
    sweeps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.scale = float(abs(self.matrix).max()) if self.matrix.nnz else 1.0
        self._adjoints: list[tuple[complex, float]] = []
        self._space = Subspace(self.matrix, self.conserved)
        self._space.extend(self.sources)

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
        swept = self.blocks is not None and self._sweep(frequencies, _SWEPT, on_progress)
        sensitivities = self._swept_adjoint(functionals, frequencies) if swept else None
        if sensitivities is None:
            self._add_poles(functionals, frequencies, on_progress)
            sensitivities = self._projected_adjoint(functionals, frequencies)
        solutions, left = self._solutions(frequencies)
        outputs = functionals @ self._space.basis
        values = np.column_stack([y @ outputs for y in solutions])
        sizes = np.column_stack([np.linalg.norm(y, axis=1) for y in solutions])
        return values, sensitivities[:, None] * (left + _EPS * self.scale * sizes), sensitivities

    def _solutions(self, frequencies: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """For each source the coordinates of the solutions; and the norms of all residuals (frequencies, p)."""
        found = [self._space.solve(frequencies, source) for source in self.sources.T]
        return [y for y, _ in found], np.column_stack([left for _, left in found])

    def _relative(self, left: np.ndarray) -> np.ndarray:
        """The largest residual at every frequency, relative to the sources."""
        sizes = la.norm(self.sources, axis=0)
        relative = np.max(left[:, sizes > 0.0] / sizes[sizes > 0.0], axis=1, initial=0.0)
        return np.where(np.isfinite(relative), relative, np.inf)

    def _sweep(
        self, frequencies: np.ndarray, tolerance: float, on_progress: Callable[[float], Any] | None = None
    ) -> bool:
        """Correct solutions by sweeps until no residual is larger than the tolerance; False where they do not get on."""
        assert self.blocks is not None
        levels = ShiftedBlocks(self.matrix, self.blocks)
        sizes = la.norm(self.sources, axis=0)
        try:
            for _ in range(_MOST_ROUNDS):
                solutions, left = self._solutions(frequencies)
                residuals = self._relative(left)
                if on_progress is not None:
                    on_progress(float(np.mean(residuals <= tolerance)))
                places = _spread(residuals, np.abs(frequencies), tolerance)
                if not places:
                    return True
                wanted = [(f, p) for f in places for p in np.flatnonzero(left[f] > tolerance * sizes)]
                at = frequencies[[f for f, _ in wanted]]
                rest = self._space.residual(np.array([solutions[p][f] for f, p in wanted]))
                # What is wanted at -f is the conjugate of what is wanted at f.
                corrections = levels.corrections(np.abs(at), np.where(at < 0.0, rest.conj(), rest))
                before = self._space.dimension
                self._space.extend(np.hstack([corrections.real, corrections.imag]))
                if self._space.dimension == before:
                    return False
            return False
        except RuntimeError:  # a block is singular
            return False
        finally:
            self.factorisations += levels.factorisations
            self.sweeps += levels.sweeps

    def _swept_adjoint(self, functionals: np.ndarray, frequencies: np.ndarray) -> np.ndarray | None:
        """Norms of the adjoint solutions, to two digits; None where sweeps do not find them."""
        parts = np.column_stack([functionals.real, functionals.imag])
        if self.conserved is not None:
            parts -= np.outer(self.conserved, self.conserved @ parts) / (self.conserved @ self.conserved)
        adjoint = Resolvent(sp.csr_array(self.matrix.T), parts, self.conserved, self.blocks)
        found = adjoint._sweep(frequencies, _ADJOINT)
        self.factorisations += adjoint.factorisations
        self.sweeps += adjoint.sweeps
        if not found:
            return None
        (real, imag), _ = adjoint._solutions(frequencies)
        sizes: np.ndarray = np.linalg.norm(real + 1j * imag, axis=1)
        return sizes

    def _add_poles(
        self, functionals: np.ndarray, frequencies: np.ndarray, on_progress: Callable[[float], Any] | None
    ) -> None:
        """Add solutions at poles until no residual is larger than allowed."""
        visits = np.zeros(frequencies.size, dtype=int)
        while True:
            residuals = self._relative(self._solutions(frequencies)[1])
            if on_progress is not None:
                on_progress(float(np.mean(residuals <= _RESIDUAL)))
            # The more poles it takes, the more of them are added at a time.
            places = _peaks(residuals, np.abs(frequencies), _RESIDUAL, 1 + len(self._adjoints) // 2)
            if not places:
                return
            worst = places[0]
            if visits[worst] == _VISITS or self._space.dimension == self._space.full:
                if residuals[worst] <= _ROUNDING:
                    return
                raise ResolventError(
                    f"the spectrum does not converge at frequency {frequencies[worst]:.6g} (residual {residuals[worst]:.1e}): "
                    "an oscillation at this frequency does not decay; add the loss that damps it"
                )
            for place in places:
                # Closer to the axis with each visit.
                distance = _DISTANCE * self.scale * 10.0 ** -visits[place]
                visits[place] += 1
                self._add_pole(distance + 1j * frequencies[place], functionals)

    def _add_pole(self, pole: complex, functionals: np.ndarray) -> None:
        lu = factorise(pole * sp.eye_array(self.matrix.shape[0]) - self.matrix)
        self.factorisations += 1
        adjoint = self._space.without_conserved(lu.solve_transposed(functionals.astype(complex)))
        self._adjoints.append((pole, float(la.norm(adjoint))))
        solution = self.sources.astype(complex)
        for _ in range(_SOLVES):
            solution = lu.solve(solution)
            solution = solution / la.norm(solution, axis=0)
            self._space.extend(solution.real)
            self._space.extend(solution.imag)

    def _projected_adjoint(self, functionals: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
        """Norms of the adjoint solutions as the space has them, and as the poles say that it misses them."""
        outputs, inner = functionals @ self._space.basis, self._space.inner
        missed = 1.0
        for pole, size in self._adjoints:
            seen = la.norm(np.linalg.solve((pole * np.eye(inner.shape[0]) - inner).T, outputs))
            missed = max(missed, size / max(float(seen), 1e-300))
        eigenvalues, modes = la.eig(inner.T)
        with np.errstate(divide="ignore", invalid="ignore"):
            green = 1.0 / (1j * frequencies[:, None] - eigenvalues[None, :])
            adjoint = (green * np.linalg.lstsq(modes, outputs.astype(complex), rcond=None)[0]) @ modes.T
        return missed * la.norm(adjoint, axis=1, check_finite=False)


def _peaks(residuals: np.ndarray, frequencies: np.ndarray, tolerance: float, count: int) -> list[int]:
    """Places of the largest residuals, the largest first, that are local maxima; of +f and -f only one."""
    padded = np.concatenate([[-1.0], residuals, [-1.0]])
    maxima = np.flatnonzero((residuals >= padded[:-2]) & (residuals > padded[2:]) & (residuals > tolerance))
    return _different([], maxima[np.argsort(-residuals[maxima], kind="stable")], frequencies, count)


def _spread(residuals: np.ndarray, frequencies: np.ndarray, tolerance: float) -> list[int]:
    """Peaks; where these are few, the largest residuals in equal parts of the frequencies as well."""
    chosen = _peaks(residuals, frequencies, tolerance, _TOGETHER)
    parts = np.array_split(np.argsort(frequencies, kind="stable"), _TOGETHER)
    largest = np.array([part[np.argmax(residuals[part])] for part in parts if part.size])
    largest = largest[residuals[largest] > tolerance]
    return _different(chosen, largest[np.argsort(-residuals[largest], kind="stable")], frequencies, _TOGETHER)


def _different(chosen: list[int], more: np.ndarray, frequencies: np.ndarray, count: int) -> list[int]:
    """The chosen places and, up to a count, more of them that have other frequencies."""
    chosen = list(chosen)
    for place in more:
        if len(chosen) < count and not np.any(np.isclose(frequencies[chosen], frequencies[place], rtol=1e-6)):
            chosen.append(int(place))
    return chosen
