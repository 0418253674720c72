"""The closure of a small generator in NumPy: the numbers of ``piqs._kernels.closure``, before its compilation pays.

All elements |a><b| are looked at, at once, where the compiled search visits those that it reaches; the rules are the same.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from piqs.liouville.basis import SQRT2
from piqs.liouville.terms import CANCELLATION, Lindbladian, Term

__all__ = ["reached", "small_closure", "work"]


def work(lindbladian: Lindbladian) -> float:
    """Coefficients that `small_closure` looks at."""
    n, total = lindbladian.n_kets, 0.0
    for term in lindbladian.terms:
        total += n * (n + 2.0 * (0 if term.drift is None else term.drift.nnz))
        total += sum(float(jump.nnz) ** 2 for jump in term.jumps)
        total += 0 if term.superoperator is None else term.superoperator.nnz
    return total


def small_closure(lindbladian: Lindbladian, seeds: np.ndarray) -> tuple[np.ndarray, list[sp.csr_array]]:
    """Sorted keys of the smallest set that holds the seeds and is closed, and the matrix of each term on it."""
    n = lindbladian.n_kets
    size = 2 * n * n
    matrices = []
    for number in range(len(lindbladian.terms)):
        column, row, value, weight = _entries(lindbladian, number)
        place, inverse = np.unique(column * size + row, return_inverse=True)
        total = np.bincount(inverse, value, place.size)
        # What cancelled is zero.
        kept = np.abs(total) > CANCELLATION * np.bincount(inverse, weight, place.size)
        column, row = np.divmod(place[kept], size)
        matrices.append(sp.csr_array((total[kept], (row, column)), shape=(size, size)))
    graph = sp.csr_array(sum((abs(m.T) for m in matrices[1:]), abs(matrices[0].T)))
    keys = np.flatnonzero(reached(graph, seeds))
    return keys, [_short(m[keys][:, keys]) for m in matrices]


def _short(matrix: sp.csr_array) -> sp.csr_array:
    """With 32-bit indices, for which the kernels are compiled."""
    indices = (matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
    return sp.csr_array((matrix.data, *indices), shape=matrix.shape)


def reached(graph: sp.csr_array, seeds: np.ndarray) -> np.ndarray:
    """Mask of the nodes reached from `seeds` by following row -> column of a pattern."""
    n = graph.shape[0]
    # One more node leads to all seeds.
    indices = np.concatenate([graph.indices, seeds.astype(graph.indices.dtype)])
    indptr = np.append(graph.indptr, indices.size)
    whole = sp.csr_array((np.ones(indices.size), indices, indptr), shape=(n + 1, n + 1))
    found = sp.csgraph.breadth_first_order(whole, n, directed=True, return_predecessors=False)
    mask = np.zeros(n + 1, dtype=bool)
    mask[found] = True
    return mask[:n]


def _entries(lindbladian: Lindbladian, number: int) -> tuple[np.ndarray, ...]:
    """Columns, rows and values of one term on all basis elements, not yet summed, and the magnitude of what each is part of."""
    n, term = lindbladian.n_kets, lindbladian.terms[number]
    sources, targets, values = _leading(n, term)
    a, b = sources
    # |a><a| is a basis element itself, |a><b| with its mirror image part of two.
    parts = [
        _real_parts(n, 2 * (a * n + b)[of] + odd, targets[:, of], factor * values[of])
        for of, odd, factor in ((a == b, 0, 0.5), (a < b, 0, 1 / SQRT2), (a < b, 1, 1j / SQRT2))
    ]
    return tuple(np.concatenate(column) for column in zip(_own(n, term), *parts, strict=True))


def _leading(n: int, term: Term) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What leads from |a><b|, a <= b, to another |c><d|: pairs (a, b), pairs (c, d), coefficients."""
    every = np.arange(n)
    found = [(np.zeros(0, dtype=np.int64),) * 4 + (np.zeros(0, dtype=complex),)]
    if term.drift is not None:
        drift = term.drift.tocoo()
        c, a = (np.repeat(x.astype(np.int64), n) for x in drift.coords)
        other, g = np.tile(every, drift.nnz), np.repeat(drift.data, n)
        # The coefficient of an element with itself is not taken from G.
        moves = a != c
        a, c, other, g = a[moves], c[moves], other[moves], g[moves]
        found += [(a, other, c, other, g), (other, a, other, c, np.conj(g))]
    for jump, w in zip(term.jumps, term.weights, strict=True):
        coo = jump.tocoo()
        row, column = (x.astype(np.int64) for x in coo.coords)
        left, right = (x.ravel() for x in np.indices((coo.nnz, coo.nnz)))
        product = w * coo.data[left] * np.conj(coo.data[right])
        a, b, c, d = column[left], column[right], row[left], row[right]
        moved = (a != c) | (b != d)
        found.append((a[moved], b[moved], c[moved], d[moved], product[moved]))
    if term.superoperator is not None:
        coo = term.superoperator.tocoo()
        (d, c), (b, a) = (np.divmod(x.astype(np.int64), n) for x in coo.coords)
        found.append((a, b, c, d, coo.data))
    a, b, c, d, value = (np.concatenate(column) for column in zip(*found, strict=True))
    upper = a <= b
    return np.array([a[upper], b[upper]]), np.array([c[upper], d[upper]]), value[upper].astype(complex)


def _real_parts(
    n: int, columns: np.ndarray, targets: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Coordinates of v |c><d| + h.c.; the two of a pair share its magnitude."""
    c, d = targets
    on, size = c == d, SQRT2 * (np.abs(values.real) + np.abs(values.imag))
    symmetric = 2 * (np.minimum(c, d) * n + np.maximum(c, d))
    real = np.where(on, 2.0, SQRT2) * values.real
    imaginary = np.where(c < d, SQRT2, -SQRT2) * values.imag
    return (
        np.concatenate([columns, columns[~on]]),
        np.concatenate([symmetric, symmetric[~on] + 1]),
        np.concatenate([real, imaginary[~on]]),
        np.concatenate([size, size[~on]]),
    )


def _own(n: int, term: Term) -> tuple[np.ndarray, ...]:
    """What leads from each element to itself and its mirror image, without what cancels (see the compiled closure)."""
    nothing = np.zeros(n)
    energies, losses = (nothing if x is None else x for x in (term.energies, term.losses))
    a, b = np.triu_indices(n)
    rate = np.where(a == b, -losses[a], -0.5 * (losses[a] + losses[b]))
    rates = 0.5 * (np.abs(losses[a]) + np.abs(losses[b]))
    frequency, frequencies = energies[b] - energies[a], np.abs(energies[a]) + np.abs(energies[b])
    for jump, w in zip(term.jumps, term.weights, strict=True):
        own = jump.diagonal()
        step = 0.5 * w * np.abs(own[a] - own[b]) ** 2
        turn = w * own[a] * np.conj(own[b])
        rate, rates = rate - step, rates + np.abs(step)
        frequency, frequencies = frequency + np.where(a == b, 0.0, turn.imag), frequencies + np.abs(turn)
    rate = np.where((a != b) & (np.abs(rate) <= CANCELLATION * rates), 0.0, rate)
    frequency = np.where(np.abs(frequency) <= CANCELLATION * frequencies, 0.0, frequency)
    key, off = 2 * (a * n + b), a != b
    values = np.concatenate([rate, rate[off], frequency[off], -frequency[off]])
    columns = np.concatenate([key, key[off] + 1, key[off], key[off] + 1])
    return columns, np.concatenate([key, key[off] + 1, key[off] + 1, key[off]]), values, np.abs(values)
