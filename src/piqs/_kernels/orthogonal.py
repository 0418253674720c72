"""Orthogonalisation of a vector against an orthonormal basis, in as few passes over memory as it takes."""

import numpy as np
from numba import prange, uintp

from piqs._kernels.apply import _ONLY_PRANGE
from piqs._kernels.cache import kernel, part

# Columns handled at a time: so many of a hundred vectors stay in the cache between two uses.
_BLOCK = 512


@part(fastmath={"contract", "reassoc"})
def _overlaps(basis, size, w, low, high, out):
    """out[i] += basis[i] . w over the columns low to high."""
    for i in range(size):
        row, s = basis[i], 0.0
        for c in range(uintp(low), uintp(high)):
            s += row[c] * w[c]
        out[i] += s


@part(fastmath={"contract", "reassoc"})
def _subtract(basis, size, coefficients, w, low, high):
    for i in range(size):
        row, h = basis[i], coefficients[i]
        for c in range(uintp(low), uintp(high)):
            w[c] -= h * row[c]


@part()
def _pass(basis, size, w, low, high, subtracted, out):
    """Subtract what the pass before found, then find what is left, block by block."""
    for start in range(low, high, _BLOCK):
        stop = min(start + _BLOCK, high)
        _subtract(basis, size, subtracted, w, start, stop)
        _overlaps(basis, size, w, start, stop, out)


@part(parallel=_ONLY_PRANGE)
def _pass_chunks(cuts, basis, size, w, subtracted, out):
    for k in prange(cuts.size - 1):
        _pass(basis, size, w, cuts[k], cuts[k + 1], subtracted, out[k])


@kernel()
def orthogonalise(cuts, basis, size, w):
    """Subtract from w its part in the first `size` rows of the basis; the overlaps, and the norm of what is left.

    Classical Gram-Schmidt, twice, which is enough (L. Giraud et al., Numer. Math. 101, 87 (2005)); the columns are cut into
    one chunk for each thread, with a single chunk no thread is started.
    """
    chunks = cuts.size - 1
    total, last = np.zeros(size), np.zeros(size)
    # What a pass finds, the next one subtracts; what the third one finds is rounding.
    for _ in range(3):
        for i in range(size):
            total[i] += last[i]
        found = np.zeros((chunks, size))
        if chunks == 1:
            _pass(basis, size, w, cuts[0], cuts[1], last, found[0])
        else:
            _pass_chunks(cuts, basis, size, w, last, found)
        for i in range(size):
            last[i] = 0.0
            for k in range(chunks):
                last[i] += found[k, i]
    square = 0.0
    for c in range(w.size):
        square += w[c] * w[c]
    return total, np.sqrt(square)
