r"""Corrections to solutions of :math:`(i\omega - A) y = x`, for a generator A whose unknowns fall into blocks.

ORTHOMIN of a few steps (P. K. W. Vinsome, SPE 5729 (1976)), preconditioned with one sweep over the blocks of :math:`s - A` and
one back (``two_level`` tells what the blocks are): a correction is to lower a residual by a digit or two. The factors of
the blocks serve the transposed equations as well. The shift s need not be :math:`i\omega`: factors at one
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
from piqs._kernels.shifted_sweeps import descend, sweeps
from piqs._resources import available_bytes, available_threads
from piqs.linear.block_factors import block_lu
from piqs.linear.ordering import multiplications, predicted_fill
from piqs.linear.two_level import along_a_path, predicted_block_fill

# Right-hand sides of one sweep; the most steps of one correction, which ends when no more than this part of a residual is left.
_TOGETHER, _STEPS, _ENOUGH = 4, 5, 0.03
# Factors that left more than this part of a residual serve no frequency that is as far away.
_POOR = 0.3
# The first factors are those in the middle of so many parts of the range of frequencies.
_PARTS = 2
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
    frequencies : float64 array
        Those that will be asked for.
    """

    def __init__(self, matrix: sp.csr_array, block: np.ndarray, frequencies: np.ndarray) -> None:
        rank = along_a_path(matrix, block, int(block.max()) + 1)[block]
        self.order = np.argsort(rank, kind="stable")
        self._cuts = np.concatenate([[0], np.cumsum(np.bincount(rank))])
        ordered = sp.csr_array(matrix[self.order][:, self.order])
        self._matrices = (ordered, sp.csr_array(ordered.T))
        self._scale = float(abs(matrix).max())
        self._held: dict[float, _Factors] = {}
        middle = np.quantile([frequencies.min(), frequencies.max()], (np.arange(_PARTS) + 0.5) / _PARTS)
        self._reach: dict[float, float] = dict.fromkeys(middle.tolist(), np.inf)
        # Room for the steps of a correction, which corrections on one thread after the other share.
        self._rooms: list[np.ndarray] = []
        self.factorisations = self.sweeps = 0

    def corrections(
        self, frequencies: np.ndarray, residuals: np.ndarray, transposed: bool = False
    ) -> np.ndarray:
        """About (i omega - A)^-1 r for frequencies (p,) and their residuals, the rows of a complex array (p, n).

        With `transposed` that of the transposed matrix. Rows (2 p, n): the real parts, then the imaginary parts.
        """
        shifts = np.array([self._shift(frequency) for frequency in frequencies])
        jobs = []
        for shift in np.unique(shifts):
            places = np.flatnonzero(shifts == shift)
            factors = self._factors(shift)
            jobs += [
                (factors, places[start : start + _TOGETHER]) for start in range(0, places.size, _TOGETHER)
            ]

        def corrected(job: tuple[_Factors, np.ndarray]) -> tuple[np.ndarray, np.ndarray, int]:
            factors, some = job
            return self._corrected(factors, frequencies[some], residuals[some][:, self.order], transposed)

        found = np.empty((2, *residuals.shape))
        for (_, some), (y, left, steps) in zip(jobs, _on_threads(corrected, jobs), strict=True):
            self.sweeps += steps * some.size
            found[0, some[:, None], self.order] = y[:, : some.size].T
            found[1, some[:, None], self.order] = y[:, _TOGETHER : _TOGETHER + some.size].T
            shift = float(shifts[some[0]])
            too_far = np.abs(frequencies[some] - shift)[left > _POOR]
            self._reach[shift] = min(self._reach[shift], float(too_far.min(initial=np.inf)))
        return found.reshape(2 * frequencies.size, -1)

    def _shift(self, frequency: float) -> float:
        """The nearest frequency that has factors, or will have; where this one is beyond its reach: itself."""
        known = np.array(list(self._reach))
        shift = float(known[np.argmin(np.abs(known - frequency))])
        if abs(shift - frequency) < self._reach[shift] or shift == frequency:
            return shift
        self._reach[frequency] = np.inf
        return frequency

    def _factors(self, shift: float) -> _Factors:
        """The factors at a frequency; those that were used longest ago make room for them."""
        factors = self._held.pop(shift, None)
        if factors is None:
            shifted = sp.csr_array(
                (_DISTANCE * self._scale + 1j * shift) * sp.eye_array(self.order.size) - self._matrices[0]
            )
            factors = listening(_Factors, shifted, self._cuts)
            self.factorisations += 1
        while self._held and (1 + len(self._held)) * factors.nbytes > _SHARE * available_bytes():
            del self._held[next(iter(self._held))]
        self._held[shift] = factors
        return factors

    def _corrected(
        self, factors: _Factors, frequencies: np.ndarray, residuals: np.ndarray, transposed: bool
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Corrections (n, 8) for up to four frequencies side by side, the part of each residual that is left, and the steps."""
        matrix, (count, n) = self._matrices[transposed], residuals.shape
        r, y = np.zeros((n, 2 * _TOGETHER)), np.zeros((n, 2 * _TOGETHER))
        r[:, :count], r[:, _TOGETHER : _TOGETHER + count] = residuals.real.T, residuals.imag.T
        at = np.zeros(_TOGETHER)
        at[:count] = frequencies
        try:
            room = self._rooms.pop()
        except IndexError:
            room = np.empty((2, _STEPS, n, 2 * _TOGETHER))
        steps, images = room
        size = np.linalg.norm(residuals, axis=1)
        for k in range(_STEPS):
            factors.sweep(matrix, r, transposed, steps[k], images[k])
            square = descend(k, at, matrix.indptr, matrix.indices, matrix.data, steps, images, r, y)
            left = np.sqrt(square[:count]) / size
            if np.all(left <= _ENOUGH):
                break
        self._rooms.append(room)
        return y, left, k + 1


class _Factors:
    """LU factors of the diagonal blocks of a complex matrix, by rows."""

    def __init__(self, matrix: sp.csr_array, cuts: np.ndarray) -> None:
        self._cuts = cuts
        place, column, lower, upper, diagonal = [], [], [], [], []

        def factored(ends: tuple[int, int]) -> tuple[np.ndarray, Any]:
            return block_lu(matrix, np.arange(*ends))

        for (start, stop), (inside, lu) in zip(
            pairwise(cuts), _on_threads(factored, list(pairwise(cuts))), strict=True
        ):
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

    def sweep(
        self, matrix: sp.csr_array, b: np.ndarray, transposed: bool, x: np.ndarray, work: np.ndarray
    ) -> None:
        """One sweep over the blocks and one back, for right-hand sides (n, 8), real parts before imaginary: x is overwritten."""
        sweeps(transposed, self._cuts, matrix.indptr, matrix.indices, matrix.data, self._place, self._column, self._lower,
               self._upper, self._inverse, b, x, work)  # fmt: skip


def _on_threads(function: Callable[[Any], Any], arguments: list[Any]) -> list[Any]:
    """The results of a function that leaves the interpreter's lock most of the time."""
    threads = min(available_threads(), len(arguments))
    if threads == 1:
        return [function(argument) for argument in arguments]
    with ThreadPoolExecutor(threads) as pool:
        return listening(lambda: list(pool.map(function, arguments)))


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
