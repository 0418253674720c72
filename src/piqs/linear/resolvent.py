r"""The resolvent :math:`o\cdot(i\omega - L)^{-1} x` of a real generator at many frequencies, from solutions at a few.

Solutions at a few frequencies, and those of the transposed equations :math:`(i\omega - L)^T z = o`, span a space on which
those at all other frequencies are found by projection. What a value is off by is of the size of the product of both
residuals (``subspace``). The next solutions go where it is largest, until it is nowhere larger than asked for: the
accuracy is checked at every frequency.

Two kinds of vectors make the space grow. With sparse LUs: the solutions at poles near the imaginary axis, and their
derivatives; in the worst case every frequency has its own LU. Where the unknowns fall into blocks that are small beside
the whole: corrections of the residuals by sweeps over the blocks (``shifted_blocks``); LUs where these do not get on.
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

# Error allowed, relative to the largest value; and what is put down to rounding where no further pole lowers it.
_ERROR, _ROUNDING = 3e-10, 1e-7
# Values below this part of what their vectors allow count as zero.
_VANISHING = 1e-6
# The norm of a residual is seen to a tenth, that of the inverse from below.
_UNSEEN = 2.0
# Poles at one frequency before it is given up.
_VISITS = 3
# Residuals below this part of the largest at a frequency are not corrected with it.
_LARGE = 0.1
# Rounds of corrections by sweeps, and frequencies in each.
_MOST_ROUNDS, _TOGETHER = 60, 16
# Solves with one LU: the solution at the pole and its derivatives, which cost little beside the LU.
_SOLVES = 3
_EPS = np.finfo(float).eps
# Distance of the poles from the axis, as a part of the largest rate: on it the generator of a steady state is singular.
_DISTANCE = 1e-6

Progress = Callable[[float], Any] | None


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

    @one_blas_thread()
    def values(
        self, functionals: np.ndarray, frequencies: np.ndarray, on_progress: Progress = None
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
        self._space = Subspace(self.matrix, self.conserved)
        self._scale = float(abs(self.matrix).max()) if self.matrix.nnz else 1.0
        outputs = np.stack([functionals.real, functionals.imag])
        self._sides = (np.ascontiguousarray(self.sources.T), self._space.without_conserved(outputs))
        places, which = _without_mirrors(frequencies)
        self._space.extend(np.vstack(self._sides))
        if self.blocks is None or not self._sweep(places, on_progress):
            self._add_poles(places, on_progress)
        found = _Projected(self._space, self._sides, places, self._scale)
        # A generator is real: what is found at -f is the conjugate of what is found at f.
        values = found.values[which]
        values[frequencies < 0.0] = values[frequencies < 0.0].conj()
        return values @ np.array([1.0, 1j]), found.errors[which], found.sensitivities[which]

    def _sweep(self, frequencies: np.ndarray, on_progress: Progress) -> bool:
        """Correct solutions by sweeps until the error is nowhere larger than allowed; False where they do not get on."""
        assert self.blocks is not None
        levels = ShiftedBlocks(self.matrix, self.blocks, frequencies)
        try:
            for _ in range(_MOST_ROUNDS):
                found = _Projected(self._space, self._sides, frequencies, self._scale)
                if on_progress is not None:
                    on_progress(float(np.mean(found.excess <= 1.0)))
                places = _spread(found.excess, frequencies)
                if not places:
                    return True
                before = self._space.dimension
                self._space.extend(self._corrections(levels, found, frequencies, places))
                if self._space.dimension == before:
                    return False
            return False
        except RuntimeError:  # a block is singular
            return False
        finally:
            self.factorisations += levels.factorisations
            self.sweeps += levels.sweeps

    def _corrections(
        self, levels: ShiftedBlocks, found: _Projected, frequencies: np.ndarray, places: list[int]
    ) -> np.ndarray:
        """Corrections at some places of the solutions, or of the adjoint ones where these are further off."""
        rows = []
        for transposed in (False, True):
            wanted = [(f, p) for f in places if found.worse[f] == transposed for p in found.large(f)]
            if not wanted:
                continue
            at = frequencies[[f for f, _ in wanted]]
            rest = np.empty((at.size, self.matrix.shape[0]), dtype=complex)
            for p, source in enumerate(self._sides[transposed]):
                some = [i for i, (_, q) in enumerate(wanted) if q == p]
                y = found.solutions[transposed][p][[wanted[i][0] for i in some]]
                rest[some] = self._space.residual(at[some], y, source, transposed)
            rows.append(levels.corrections(at, rest, transposed))
        return np.vstack(rows)

    def _add_poles(self, frequencies: np.ndarray, on_progress: Progress) -> None:
        """Add solutions at poles until the error is nowhere larger than allowed."""
        visits = np.zeros(frequencies.size, dtype=int)
        poles = 0
        while True:
            found = _Projected(self._space, self._sides, frequencies, self._scale)
            if on_progress is not None:
                on_progress(float(np.mean(found.excess <= 1.0)))
            # The more poles it takes, the more of them are added at a time.
            places = _peaks(found.excess, frequencies, 1 + poles // 2)
            if not places:
                return
            worst = places[0]
            if visits[worst] == _VISITS or self._space.dimension == self._space.full:
                if found.excess[worst] * _ERROR <= _ROUNDING:
                    return
                raise ResolventError(
                    f"the spectrum does not converge at frequency {frequencies[worst]:.6g} (error "
                    f"{found.excess[worst] * _ERROR:.1e} of the largest value): an oscillation at this frequency does not "
                    "decay; add the loss that damps it"
                )
            for place in places:
                # Closer to the axis with each visit.
                distance = _DISTANCE * self._scale * 10.0 ** -visits[place]
                visits[place] += 1
                poles += 1
                self._add_pole(distance + 1j * frequencies[place])

    def _add_pole(self, pole: complex) -> None:
        lu = factorise(pole * sp.eye_array(self.matrix.shape[0]) - self.matrix)
        self.factorisations += 1
        for sources, solve in zip(self._sides, (lu.solve, lu.solve_transposed), strict=True):
            solution = sources[np.any(sources != 0.0, axis=1)].astype(complex)
            for _ in range(_SOLVES if solution.size else 0):
                solution = self._space.without_conserved(solve(np.ascontiguousarray(solution.T)).T)
                solution /= la.norm(solution, axis=1)[:, None]
                self._space.extend(np.vstack([solution.real, solution.imag]))


class _Projected:
    """Solutions for all sources x and functionals o on a space, and what is known of their errors.

    Attributes
    ----------
    values : complex array (frequencies, p, q)
        o . (i omega - L)^-1 x.
    errors : float64 array (frequencies, p)
        Estimates for the sum over the functionals.
    excess : float64 array (frequencies,)
        The largest error in units of the one allowed.
    sensitivities : float64 array (frequencies,)
        Norms of the adjoint solutions.
    relative : pair of arrays (frequencies, p) and (frequencies, q)
        Residuals of the solutions and of the adjoint ones, relative to the largest source.
    worse : bool array (frequencies,)
        Whether the adjoint residual is the larger one.
    """

    def __init__(
        self, space: Subspace, sides: tuple[np.ndarray, np.ndarray], frequencies: np.ndarray, scale: float
    ) -> None:
        self.solutions, left = [], []
        for transposed, sources in enumerate(sides):
            found = [space.solve(frequencies, source, bool(transposed)) for source in sources]
            self.solutions.append([y for y, _ in found])
            left.append(np.column_stack([size for _, size in found]))
        coordinates = space.basis @ sides[1].T
        self.values = np.stack([y @ coordinates for y in self.solutions[0]], axis=1)
        sizes = np.column_stack([np.linalg.norm(y, axis=1) for y in self.solutions[0]])
        self.sensitivities = sum(np.linalg.norm(z, axis=1) for z in self.solutions[1])
        product = (space.gain(frequencies) * left[1].sum(axis=1))[:, None] * left[0]
        rounding = _EPS * scale * self.sensitivities[:, None] * sizes
        self.errors = _UNSEEN * product + rounding
        # Where values vanish by a symmetry that no search has seen, their rounding is no measure.
        with np.errstate(invalid="ignore"):
            bounds = sizes * la.norm(sides[1])
            largest = max(
                np.nanmax(np.abs(self.values), initial=0.0), _VANISHING * np.nanmax(bounds, initial=0.0)
            )
            allowed = np.maximum(_ERROR * largest, np.minimum(2.0 * rounding, _ROUNDING * largest))
            excess = np.max(self.errors / np.maximum(allowed, np.finfo(float).tiny), axis=1)
        self.excess = np.where(np.isfinite(excess), excess, np.inf)
        norms = [max(float(la.norm(sources, axis=1).max()), np.finfo(float).tiny) for sources in sides]
        self.relative = (left[0] / norms[0], left[1] / norms[1])
        self.worse = self.relative[1].max(axis=1) > self.relative[0].max(axis=1)

    def large(self, place: int) -> list[int]:
        """The solutions at a place, of the kind that is worse there, whose residuals are not small beside the largest."""
        relative = self.relative[int(self.worse[place])][place]
        return np.flatnonzero(relative >= _LARGE * relative.max()).tolist()


def _without_mirrors(frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different sizes of frequencies, ascending, and which of them each frequency has."""
    size = np.abs(frequencies)
    order = np.argsort(size, kind="stable")
    new = np.diff(size[order], prepend=-1.0) > 8.0 * _EPS * size.max(initial=0.0)
    which = np.empty(size.size, dtype=int)
    which[order] = np.cumsum(new) - 1
    return size[order][new], which


def _peaks(excess: np.ndarray, frequencies: np.ndarray, count: int) -> list[int]:
    """Places of the largest errors above the one allowed, the largest first, that are local maxima."""
    padded = np.concatenate([[-1.0], excess, [-1.0]])
    maxima = np.flatnonzero((excess >= padded[:-2]) & (excess > padded[2:]) & (excess > 1.0))
    return _different([], maxima[np.argsort(-excess[maxima], kind="stable")], frequencies, count)


def _spread(excess: np.ndarray, frequencies: np.ndarray) -> list[int]:
    """Peaks; where these are few, the largest errors in equal parts of the frequencies as well."""
    chosen = _peaks(excess, frequencies, _TOGETHER)
    parts = np.array_split(np.arange(frequencies.size), _TOGETHER)
    largest = np.array([part[np.argmax(excess[part])] for part in parts if part.size])
    largest = largest[excess[largest] > 1.0]
    return _different(chosen, largest[np.argsort(-excess[largest], kind="stable")], frequencies, _TOGETHER)


def _different(chosen: list[int], more: np.ndarray, frequencies: np.ndarray, count: int) -> list[int]:
    """The chosen places and, up to a count, more of them that have other frequencies."""
    chosen = list(chosen)
    for place in more:
        if len(chosen) < count and not np.any(np.isclose(frequencies[chosen], frequencies[place], rtol=1e-6)):
            chosen.append(int(place))
    return chosen
