"""Which elements of a block-diagonal state are kept: of each row a range of columns, found from the state and from where it goes.

A range is two arrays over the kets: elements low[a] <= b < last[a] <= a + 1 of row a are kept, none where last[a] <= low[a].
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from piqs._kernels import blocks as kernels
from piqs.liouville.matrix_free import MatrixFreeGenerator

Ranges = tuple[np.ndarray, np.ndarray]


def occupied(generator: MatrixFreeGenerator, x: np.ndarray, threshold: float) -> Ranges:
    """The shortest ranges that hold every element of a state above a threshold."""
    n = generator.n_kets
    low, last = np.full(n, n), np.full(n, -1)
    row, column = generator.elements()
    above = np.flatnonzero((np.abs(x) > threshold) & (column <= row))
    row, column = row[above], column[above]
    first = np.flatnonzero(np.diff(row, prepend=-1))
    low[row[first]] = column[first]
    final = np.flatnonzero(np.diff(row, append=n))
    last[row[final]] = column[final] + 1
    return low, last


def within_reach(generator: MatrixFreeGenerator, ranges: Ranges, time: float, margin: int) -> Ranges:
    """Ranges that a state leaves by little within a time.

    A hop of amplitude g, as the Hamiltonian has, moves a front by no more than 2 g t elements (the group velocity of a chain);
    jumps at a rate r lead r t elements on, on average. Each gets `margin` elements more.
    """
    low, last = (values.copy() for values in ranges)
    first = generator.bounds[generator.label]
    kets = np.arange(generator.n_kets)
    strips = generator.strips
    hops = np.abs(strips.g_values).reshape(-1, generator.n_kets)
    shifts = dict(zip(strips.g_kind.tolist(), strips.g_shift.tolist(), strict=True))
    for kind, shift in shifts.items():
        rows = np.flatnonzero(hops[kind])
        for _ in range(int(np.ceil(2.0 * hops[kind].max(initial=0.0) * time)) + margin):
            some = last > low
            of_rows = low[rows + shift], last[rows + shift]
            low[some], last[some] = low[some] - max(shift, 0), last[some] + max(-shift, 0)
            low[rows] = np.minimum(low[rows], of_rows[0])
            last[rows] = np.maximum(last[rows], of_rows[1])
            _clip(low, last, first, kets)
    jumps = np.abs(strips.j_values).reshape(-1, generator.n_kets)
    blocks = np.repeat(np.arange(generator.bounds.size - 1), np.diff(strips.j_pointer))
    for kind in range(len(jumps)):
        shift = np.zeros(generator.bounds.size - 1, dtype=np.int64)
        own = strips.j_kind == kind
        shift[blocks[own]] = strips.j_shift[own]
        rows = np.flatnonzero((jumps[kind] > 0.0) & (shift[generator.label] != 0))
        move = shift[generator.label[rows]]
        for _ in range(int(np.ceil(jumps[kind].max(initial=0.0) ** 2 * time)) + margin):
            source = low[rows + move], last[rows + move]
            low[rows] = np.minimum(low[rows], source[0] - np.where(source[1] > source[0], move, 0))
            last[rows] = np.maximum(last[rows], source[1] - np.where(source[1] > source[0], move, 0))
            _clip(low, last, first, kets)
    return low, last


def _clip(low: np.ndarray, last: np.ndarray, first: np.ndarray, kets: np.ndarray) -> None:
    """Cut ranges at the edges of their blocks and at the diagonal."""
    np.maximum(low, first, out=low)
    np.minimum(last, kets + 1, out=last)
    none = last <= low
    low[none], last[none] = kets.size, -1


def moved(x: np.ndarray, source: MatrixFreeGenerator, target: MatrixFreeGenerator) -> np.ndarray:
    """A state in the storage of another generator: what is not stored there is cut, what was not stored is zero."""
    if source is target:
        return x
    row, column = target.elements()
    known = (column >= source.low[row]) & (column < source.high[row])
    y = np.zeros(target.size, dtype=x.dtype)
    y[known] = x[(source.place[row] + column)[known]]
    kernels.MIRROR[x.dtype.kind](target.low, target.high, target.place, y)
    return y


def left_out(x: np.ndarray, source: MatrixFreeGenerator, target: MatrixFreeGenerator) -> float:
    """Trace norm, at most, of the elements of a state that another generator does not store."""
    row, column = source.elements()
    stored = (column >= target.low[row]) & (column < target.high[row])
    return source.trace_norm(np.where(stored, 0.0, x)) if not stored.all() else 0.0


def rows_on(rows: sp.csr_array, source: MatrixFreeGenerator, target: MatrixFreeGenerator) -> sp.csr_array:
    """Rows of observables in the storage of another generator."""
    coo = sp.coo_array(rows)
    number, place = coo.coords
    row = np.searchsorted(np.cumsum(source.high - source.low), place, side="right")
    column = place - source.place[row]
    stored = (column >= target.low[row]) & (column < target.high[row])
    places = (target.place[row] + column)[stored]
    return sp.csr_array((coo.data[stored], (number[stored], places)), shape=(rows.shape[0], target.size))
