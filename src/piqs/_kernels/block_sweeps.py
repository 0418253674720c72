"""Gauss-Seidel over the blocks of a sparse matrix whose diagonal blocks are factored.

The unknowns of a block are neighbours, in the order of elimination. L and U hold the factors of all diagonal blocks by
columns, L with its unit diagonal first and U with its diagonal last in each column; `place[i]` is the row of L that
equation i became.
"""

import numpy as np
from numba import njit, uintp

from piqs._kernels.cache import kernel

_ONE = np.uint64(1)


@kernel()
def diagonal_at_ends(l_indptr, l_indices, l_data, u_indptr, u_indices, u_data):
    """Move the diagonal of L to the front, that of U to the end of each column."""
    for c in range(l_indptr.size - 1):
        for p in range(l_indptr[c], l_indptr[c + 1]):
            if l_indices[p] == c:
                _swap(l_indices, l_data, p, l_indptr[c])
        for p in range(u_indptr[c], u_indptr[c + 1]):
            if u_indices[p] == c:
                _swap(u_indices, u_data, p, u_indptr[c + 1] - 1)
                break


@njit(nogil=True)
def _swap(indices, data, p, q):
    indices[p], indices[q] = indices[q], indices[p]
    data[p], data[q] = data[q], data[p]


@njit(nogil=True)
def _right_side(start, stop, indptr, indices, data, b, x, place, y):
    """y = b minus what the unknowns outside of the block contribute to its equations."""
    for i in range(uintp(start), uintp(stop)):
        s = b[i]
        p, end = uintp(indptr[i]), uintp(indptr[i + _ONE])
        while p < end:
            c = indices[p]
            if c < start or c >= stop:
                s -= data[p] * x[uintp(c)]
            p += _ONE
        y[uintp(place[i])] = s


@njit(nogil=True)
def _substitute(start, stop, l_indptr, l_indices, l_data, u_indptr, u_indices, u_data, y):
    """Overwrite a block of y by the solution of L U x = y."""
    for c in range(uintp(start), uintp(stop)):
        known = y[c]
        p, end = uintp(l_indptr[c]) + _ONE, uintp(l_indptr[c + _ONE])
        while p < end:
            y[uintp(l_indices[p])] -= l_data[p] * known
            p += _ONE
    for k in range(stop - start):
        c = uintp(stop - 1 - k)
        p, last = uintp(u_indptr[c]), uintp(u_indptr[c + _ONE]) - _ONE
        known = y[c] / u_data[last]
        y[c] = known
        while p < last:
            y[uintp(u_indices[p])] -= u_data[p] * known
            p += _ONE


@kernel()
def sweep(order, cuts, indptr, indices, data, place, l_indptr, l_indices, l_data, u_indptr, u_indices, u_data,
          b, x, y):  # fmt: skip
    """Solve for the blocks in the given order, the others held: x is overwritten, y is work space."""
    for k in order:
        start, stop = cuts[k], cuts[k + 1]
        _right_side(start, stop, indptr, indices, data, b, x, place, y)
        _substitute(start, stop, l_indptr, l_indices, l_data, u_indptr, u_indices, u_data, y)
        x[start:stop] = y[start:stop]
