r"""The inverse of the part of a generator that makes no jumps, as a preconditioner.

.. math:: P(\rho) = G\rho + \rho G^\dagger, \quad G = -i H - \tfrac12\sum_k C_k^\dagger C_k,

is inverted exactly from the eigenvectors of G in each set of kets that G connects.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs._interrupts import dense
from piqs._resources import available_threads
from piqs.liouville import AssembledGenerator, Lindbladian
from piqs.liouville.basis import SQRT2

# Smallest |lambda_k + lambda_l^*| used, as a part of the largest: dark states would make P singular.
_FLOOR = 1e-6
# Unknowns from which products of blocks take longer than handing them to threads.
_WORTH_THREADS = 10_000


def no_jump_inverse(drift: sp.csc_array, generator: AssembledGenerator) -> Callable[[np.ndarray], np.ndarray]:
    """A function that applies P^-1 to reduced vectors."""
    return _Blocks(drift, generator).solve


def drift_of(lindbladian: Lindbladian, generator: AssembledGenerator) -> sp.csc_array:
    r"""The drift G of a constant generator.

    Of a superoperator :math:`S\rho = G\rho + \rho G^\dagger + \sum_k C_k\rho C_k^\dagger` it is the one that belongs to jumps
    without trace on each set of kets between which there are coherences (Eq. 4 of V. Gorini, A. Kossakowski and
    E. C. G. Sudarshan, J. Math. Phys. 17, 821 (1976), read as equations for G): with d kets in the set,

    .. math:: G_{ik} = \frac1d\sum_j S_{ij,kj} - \frac{\delta_{ik}}{2d^2}\sum_{lj} S_{lj,lj}.

    Elements of S between kets of different sets do not enter: nothing is reached through them.
    """
    term = lindbladian.terms[0]
    n = generator.n_kets
    total = sp.csc_array((n, n), dtype=complex) if term.drift is None else sp.csc_array(term.drift)
    if term.superoperator is None:
        return total
    pair = generator.keys >> 1
    coherences = sp.coo_array((np.ones(pair.size), (pair // n, pair % n)), shape=(n, n))
    _, label = sp.csgraph.connected_components(coherences, directed=False)
    size = np.bincount(label)
    entries = term.superoperator.tocoo()
    row, column = (np.asarray(index, dtype=np.int64) for index in entries.coords)
    (j, i), (other, k) = np.divmod(row, n), np.divmod(column, n)
    inside = (j == other) & (label[i] == label[j]) & (label[i] == label[k])
    i, j, k, values = i[inside], j[inside], k[inside], entries.data[inside]
    found = sp.csc_array((values / size[label[j]], (i, k)), shape=(n, n))
    diagonal = i == k
    traces = np.bincount(label[i[diagonal]], values[diagonal].real, minlength=size.size)
    return sp.csc_array(total + found - sp.diags_array((0.5 * traces / size**2)[label], format="csc"))


class _Blocks:
    """Reduced vectors as dense blocks rho_AB over the connected sets A, B of kets."""

    def __init__(self, drift: sp.csc_array, generator: AssembledGenerator) -> None:
        n = generator.n_kets
        count, label = sp.csgraph.connected_components(abs(drift), directed=False)
        place = np.empty(n, dtype=np.int64)
        self.eigen = []
        for k in range(count):
            kets = np.flatnonzero(label == k)
            place[kets] = np.arange(kets.size)
            values, vectors = dense(np.linalg.eig, drift[kets][:, kets].toarray())
            inverse = dense(np.linalg.inv, vectors)
            adjoints = np.ascontiguousarray(vectors.conj().T), np.ascontiguousarray(inverse.conj().T)
            self.eigen.append((values, vectors, inverse, *adjoints))
        pair, imaginary = generator.keys >> 1, (generator.keys & 1).astype(bool)
        a, b = pair // n, pair % n
        scale = np.where(a == b, 1.0, SQRT2)
        group = label[a].astype(np.int64) * count + label[b]
        self.size = generator.n
        self.blocks = []
        largest = max(float(np.abs(values).max()) for values, *_ in self.eigen)
        for g in np.unique(group):
            inside = np.flatnonzero(group == g)
            left, right = self.eigen[g // count], self.eigen[g % count]
            denominator = left[0][:, None] + right[0].conj()[None, :]
            small = np.abs(denominator) < _FLOOR * largest
            denominator[small] = -_FLOOR * largest
            # Real and imaginary parts of the block lie side by side, so that each unknown has a place of its own.
            row, column, part = place[a[inside]], place[b[inside]], imaginary[inside].astype(np.int64)
            here = 2 * (row * denominator.shape[1] + column) + part
            lower = np.flatnonzero(row != column) if g // count == g % count else np.zeros(0, dtype=np.int64)
            there = 2 * (column[lower] * denominator.shape[1] + row[lower]) + part[lower]
            sign = 1.0 - 2.0 * part[lower]
            self.blocks.append(
                (g // count, g % count, inside, scale[inside], denominator, here, lower, there, sign)
            )
        # The largest first, so that threads end together.
        self.blocks.sort(key=lambda block: -block[2].size)
        threads = min(available_threads(), len(self.blocks))
        self.pool = ThreadPoolExecutor(threads) if threads > 1 and self.size > _WORTH_THREADS else None

    def solve(self, y: np.ndarray) -> np.ndarray:
        """P^-1 y, restricted to the kept elements: the blocks on several threads where they are large."""
        x = np.empty(self.size)
        if self.pool is None:
            for block in self.blocks:
                self._solve_block(block, y, x)
        else:
            for done in [self.pool.submit(self._solve_block, block, y, x) for block in self.blocks]:
                done.result()
        return x

    def _solve_block(self, block: tuple[Any, ...], y: np.ndarray, x: np.ndarray) -> None:
        left, right, inside, scale, denominator, here, lower, there, sign = block
        _, v, v_inverse, _, _ = self.eigen[left]
        _, _, _, w_adjoint, w_inverse_adjoint = self.eigen[right]
        flat = np.zeros(2 * denominator.size)
        part = y[inside] / scale
        flat[here] = part
        flat[there] = sign * part[lower]
        rho = flat.view(complex).reshape(denominator.shape)
        rho = v @ ((v_inverse @ rho @ w_inverse_adjoint) / denominator) @ w_adjoint
        x[inside] = scale * rho.ravel().view(float)[here]
