r"""A generator that is applied without being stored, where it is real in a gauge in which the density matrix is not.

A Hermitian block X is held as the real square matrix Re X + Im X, see ``piqs._kernels.squares``: as many numbers as unknowns, and
no complex multiplication. An application reads little beside the state.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs._kernels import apply as products
from piqs._kernels import squares as kernels
from piqs.liouville.matrix_free import MatrixFreeGenerator, Strips, real_gauge
from piqs.liouville.terms import Lindbladian

# Blocks of more kets leave the caches together with their transposes.
_LARGEST = 160


class SquaresGenerator(MatrixFreeGenerator):
    """A constant generator on block-diagonal Hermitian matrices held in real squares (see the module).

    Parameters
    ----------
    free : MatrixFreeGenerator
        The same with complex numbers, for which `gauge` finds one.
    phase : complex array (n_kets,)
        The gauge.
    """

    by_rows = False

    def __init__(self, free: MatrixFreeGenerator, phase: np.ndarray) -> None:
        self.__dict__.update(free.__dict__)
        self.dtype, self.phase = np.float64, phase
        self._drift = sp.coo_array((1j * free._drift.data, free._drift.coords), shape=free._drift.shape)
        kept = self.high > self.low
        self.high = np.where(kept, self.bounds[self.label + 1], self.low)
        ends = np.cumsum(self.high - self.low)
        self.place = np.concatenate([[0], ends[:-1]]) - self.low
        self._size = int(ends[-1])
        first = self.bounds[:-1]
        self._starts = np.append(self.place[first] + self.low[first], self._size)
        self.strips = self._strips(adjoint=False)

    @staticmethod
    def gauge(free: MatrixFreeGenerator) -> np.ndarray | None:
        """Phases with which the Hamiltonian and the jumps are real and losses diagonal, where blocks are not large; else None."""
        if free.dtype == np.float64 or np.diff(free.bounds).max() > _LARGEST:
            return None
        hamiltonian = sp.coo_array((1j * free._drift.data, free._drift.coords), shape=free._drift.shape)
        return real_gauge(
            hamiltonian, free._jumps, sp.coo_array(hamiltonian.shape, dtype=complex), free.label
        )

    @property
    def n(self) -> int:
        """Number of real unknowns."""
        return self.size

    def _strips(self, adjoint: bool) -> Strips:
        strips = super()._strips(adjoint)
        return replace(strips, g_values=-strips.g_values) if adjoint else strips

    @cached_property
    def _sources(self) -> dict[bool, np.ndarray]:
        """For the generator (False) and its adjoint, the block from which each strip of a jump leads."""
        found = {}
        for adjoint, strips in ((False, self.strips), (True, self.adjoint_strips)):
            values = strips.j_values.reshape(-1, self.n_kets)
            target = np.repeat(np.arange(self.bounds.size - 1), np.diff(strips.j_pointer))
            rows = [
                self.bounds[block]
                + int(np.argmax(values[kind, self.bounds[block] : self.bounds[block + 1]] != 0))
                for block, kind in zip(target.tolist(), strips.j_kind.tolist(), strict=True)
            ]
            found[adjoint] = self.label[np.array(rows, dtype=np.int64) + strips.j_shift]
        return found

    def dot(self, x: np.ndarray, y: np.ndarray) -> float:
        """Tr(X Y) of two Hermitian matrices."""
        return float(x @ y)

    def random(self) -> np.ndarray:
        """A random Hermitian block-diagonal matrix, the same in every call, not normalised."""
        return np.random.default_rng(0).standard_normal(self.size)

    def pack(self, rho: sp.sparray) -> np.ndarray:
        """The squares of a Hermitian matrix."""
        return self._squares(self._sorted(rho))

    def unpack(self, x: np.ndarray) -> sp.csr_array:
        """The Hermitian matrix of its squares."""
        a, b = self.elements()
        other = x[self.place[b] + a]
        v = 0.5 * (x + other + 1j * (x - other)) * self.phase[a] * self.phase[b].conj()
        kept = v != 0.0
        shape = (self.n_kets, self.n_kets)
        return sp.coo_array((v[kept], (self.order[a[kept]], self.order[b[kept]])), shape=shape).tocsr()

    def _hermitian_row(self, operator: sp.coo_array) -> np.ndarray:
        # Tr(O rho) = sum_ab (Re O_ab Re rho_ab + Im O_ab Im rho_ab): the products of unlike parts cancel.
        return self._squares(operator)

    def _squares(self, matrix: sp.coo_array) -> np.ndarray:
        a, b = matrix.coords
        kept = (self.low[a] <= b) & (b < self.high[a])
        a, b = a[kept], b[kept]
        turned = self.phase[a].conj() * matrix.data[kept] * self.phase[b]
        x = np.zeros(self.size)
        x[self.place[a] + b] = turned.real + turned.imag
        return x

    def _expand(
        self, strips: Strips, cuts: np.ndarray, series: tuple[Any, ...], found: tuple[np.ndarray, np.ndarray]
    ) -> None:
        adjoint = strips is not self.strips
        energies = np.ascontiguousarray(self._own.imag if adjoint else -self._own.imag)
        work = np.empty((cuts.size - 1, 2, int(np.diff(self.bounds).max()) ** 2))
        kernels.expansion(
            cuts, self.bounds, self._starts, strips.diagonal, energies, strips.g_shift, strips.g_kind, strips.g_values,
            strips.g_pointer, strips.j_shift, strips.j_kind, self._sources[adjoint], strips.j_values, strips.j_pointer,
            *series, work, *found,
        )  # fmt: skip

    def _cuts(self, threads: int) -> np.ndarray:
        """Blocks cut into one chunk of about equal work for each thread."""
        return products.balanced_cuts(self._starts, threads)


def matrix_free(
    lindbladian: Lindbladian, rho: sp.csr_array, observables: np.ndarray | None = None
) -> MatrixFreeGenerator:
    """The generator that is never stored, in real numbers where there is a gauge for that; see `MatrixFreeGenerator`."""
    free = MatrixFreeGenerator(lindbladian, rho, observables)
    phase = SquaresGenerator.gauge(free)
    return free if phase is None else SquaresGenerator(free, phase)
