r"""Corrections to solutions of :math:`(i\omega - A) y = x`, for a generator A whose unknowns fall into blocks.

GMRES of a few steps, preconditioned with one sweep over the blocks of :math:`s - A` and one back (``two_level`` tells what
the blocks are): a correction is to lower a residual by a digit or two. The shift s need not be :math:`i\omega`: factors at one
frequency serve its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs._interrupts import listening
from piqs._kernels.shifted_sweeps import sweeps
from piqs._resources import available_bytes, available_threads
from piqs.linear.block_factors import block_lu
from piqs.linear.ordering import multiplications, predicted_fill
from piqs.linear.two_level import along_a_path, predicted_block_fill

# Right-hand sides of one sweep, and steps of one correction.
_TOGETHER, _STEPS = 4, 8
# Factors that left more than this part of a residual serve no frequency that is as far away.
_POOR = 0.05
# Part of the free memory that factors for several frequencies may take.
_SHARE = 0.25
# Distance of the shifts from the axis, as a part of the largest rate.
_DISTANCE = 1e-6
# LUs of the whole take as long as corrections where one takes so many times as long as one sweep (measured on driven ensembles).
_BREAK_EVEN = 30.0


def sweeps_pay(matrix: sp.csr_array, block: np.ndarray) -> bool:
    """Whether corrections by sweeps over blocks take less than sparse LUs of the whole matrix at a few poles.

    Parameters
    ----------
    matrix : csr_array (n, n)
        The generator.
    block : int64 array (n,)
        The block of each unknown, numbered from 0.
    """
    n = matrix.shape[0]
    if n == 0 or block.max() == 0:
        return False
    sweep = 8.0 * predicted_block_fill(matrix, block) + 30.0 * n
    return multiplications(predicted_fill(matrix), n) > _BREAK_EVEN * sweep


class ShiftedBlocks:
    """A generator's blocks, and their factors at the frequencies where they were needed.

    Parameters
    ----------
    matrix : csr_array (n, n), float64
        The generator A.
    block : int64 array (n,)
        The block of each unknown, numbered from 0.
    """

    def __init__(self, matrix: sp.csr_array, block: np.ndarray) -> None:
        rank = along_a_path(matrix, block, int(block.max()) + 1)[block]
        self.order = np.argsort(rank, kind="stable")
        self._cuts = np.concatenate([[0], np.cumsum(np.bincount(rank))])
        self._matrix = sp.csr_array(matrix[self.order][:, self.order])
        self._scale = float(abs(matrix).max())
        self._held: dict[float, _Factors] = {}
        self._reach: dict[float, float] = {}
        self.factorisations = self.sweeps = 0

    def corrections(self, frequencies: np.ndarray, residuals: np.ndarray) -> np.ndarray:
        """About (i omega - A)^-1 r for each frequency (p,) and its residual, a column of a complex array (n, p)."""
        shifts = np.array([self._shift(frequency) for frequency in frequencies])
        jobs = []
        for shift in np.unique(shifts):
            places = np.flatnonzero(shifts == shift)
            factors = self._factors(shift)
            jobs += [
                (factors, places[start : start + _TOGETHER]) for start in range(0, places.size, _TOGETHER)
            ]
        ordered = residuals[self.order].T

        def corrected(job: tuple[_Factors, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
            factors, some = job
            return self._corrected(factors, frequencies[some], ordered[some])

        found = np.empty(residuals.shape, dtype=complex)
        for (_, some), (y, left) in zip(jobs, _on_threads(corrected, jobs), strict=True):
            found[np.ix_(self.order, some)] = y.T
            shift = float(shifts[some[0]])
            too_far = np.abs(frequencies[some] - shift)[left > _POOR]
            self._reach[shift] = min(self._reach[shift], float(too_far.min(initial=np.inf)))
        self.sweeps += _STEPS * frequencies.size
        return found

    def _shift(self, frequency: float) -> float:
        """The nearest frequency that has factors within whose reach this one is, or will have: itself."""
        known = np.array(list(self._reach))
        for shift in known[np.argsort(np.abs(known - frequency))].tolist():
            if abs(shift - frequency) < self._reach[shift] or shift == frequency:
                return float(shift)
        self._reach[frequency] = np.inf
        return frequency

    def _factors(self, shift: float) -> _Factors:
        """The factors at a frequency; those that were used longest ago make room for them."""
        factors = self._held.pop(shift, None)
        if factors is None:
            shifted = sp.csr_array(
                (_DISTANCE * self._scale + 1j * shift) * sp.eye_array(self.order.size) - self._matrix
            )
            factors = listening(_Factors, shifted, self._cuts)
            self.factorisations += 1
        while self._held and (1 + len(self._held)) * factors.nbytes > _SHARE * available_bytes():
            del self._held[next(iter(self._held))]
        self._held[shift] = factors
        return factors

    def _corrected(
        self, factors: _Factors, frequencies: np.ndarray, residuals: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Corrections (p, n) for up to four frequencies by steps of GMRES side by side, and what they leave of the residuals."""
        count, n = residuals.shape
        sizes = np.linalg.norm(residuals, axis=1)
        krylov = np.zeros((_TOGETHER, _STEPS + 1, n), dtype=complex)
        preconditioned = np.zeros((_TOGETHER, _STEPS, n), dtype=complex)
        krylov[:count, 0] = residuals / sizes[:, None]
        hessenberg = np.zeros((count, _STEPS + 1, _STEPS), dtype=complex)
        for k in range(_STEPS):
            swept = factors.swept(self._matrix, krylov[:, k])
            preconditioned[:, k] = _as_complex(swept)
            images = _as_complex(self._matrix @ swept)
            for f in range(count):
                w = 1j * frequencies[f] * preconditioned[f, k] - images[f]
                for _ in range(2):
                    part = (krylov[f, : k + 1] @ w.conj()).conj()
                    w -= part @ krylov[f, : k + 1]
                    hessenberg[f, : k + 1, k] += part
                length = np.linalg.norm(w)
                hessenberg[f, k + 1, k] = length
                if length > 0.0:
                    krylov[f, k + 1] = w / length
        first = np.eye(_STEPS + 1)[0]
        found, left = np.empty((count, n), dtype=complex), np.empty(count)
        for f in range(count):
            y = np.linalg.lstsq(hessenberg[f], first, rcond=None)[0]
            left[f] = np.linalg.norm(first - hessenberg[f] @ y)
            found[f] = sizes[f] * (y @ preconditioned[f])
        return found, left


class _Factors:
    """LU factors of the diagonal blocks of a complex matrix, by rows."""

    def __init__(self, matrix: sp.csr_array, cuts: np.ndarray) -> None:
        self._cuts = cuts
        place, column, lower, upper, diagonal = [], [], [], [], []
        for start, stop in pairwise(cuts):
            inside, lu = block_lu(matrix, np.arange(start, stop))
            rows, columns = np.empty(stop - start, dtype=np.int64), np.empty(stop - start, dtype=np.int64)
            rows[inside - start], columns[inside - start] = lu.perm_r, lu.perm_c
            place.append(rows + start)
            column.append(columns + start)
            lower.append(sp.tril(lu.L, -1, format="csr"))
            upper.append(sp.triu(lu.U, 1, format="csr"))
            diagonal.append(lu.U.diagonal())
        self._place, self._column = np.concatenate(place), np.concatenate(column)
        self._lower, self._upper = _joined(lower, cuts), _joined(upper, cuts)
        self._inverse = 1.0 / np.concatenate(diagonal)
        self.nbytes = sum(part.nbytes for half in (self._lower, self._upper) for part in half)

    def swept(self, matrix: sp.csr_array, right_sides: np.ndarray) -> np.ndarray:
        """One sweep over the blocks and one back, for right-hand sides (4, n): (n, 8), real parts before imaginary."""
        b = np.empty((right_sides.shape[1], 2 * _TOGETHER))
        b[:, :_TOGETHER], b[:, _TOGETHER:] = right_sides.real.T, right_sides.imag.T
        x, work = np.empty_like(b), np.empty_like(b)
        sweeps(self._cuts, matrix.indptr, matrix.indices, matrix.data, self._place, self._column, self._lower, self._upper,
               self._inverse, b, x, work)  # fmt: skip
        return x


def _on_threads(function: Callable[[Any], Any], arguments: list[Any]) -> list[Any]:
    """The results of a function that leaves the interpreter's lock most of the time."""
    threads = min(available_threads(), len(arguments))
    if threads == 1:
        return [function(argument) for argument in arguments]
    with ThreadPoolExecutor(threads) as pool:
        return listening(lambda: list(pool.map(function, arguments)))


def _as_complex(vectors: np.ndarray) -> np.ndarray:
    """The four complex vectors (4, n) of an array (n, 8)."""
    found = np.empty((_TOGETHER, vectors.shape[0]), dtype=complex)
    found.real, found.imag = vectors[:, :_TOGETHER].T, vectors[:, _TOGETHER:].T
    return found


def _joined(parts: list[sp.csr_array], cuts: np.ndarray) -> tuple[np.ndarray, ...]:
    """The rows of blocks as those of one matrix: where they start, their columns, and real and imaginary parts."""
    counts = np.concatenate([np.diff(part.indptr) for part in parts])
    indices = np.concatenate([part.indices + start for part, start in zip(parts, cuts[:-1], strict=True)])
    values = np.concatenate([part.data for part in parts])
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    return (
        starts,
        indices.astype(np.int32),
        np.ascontiguousarray(values.real),
        np.ascontiguousarray(values.imag),
    )
