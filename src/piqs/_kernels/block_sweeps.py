"""Gauss-Seidel over the blocks of a sparse matrix whose diagonal blocks are factored.

The unknowns of a block are neighbours, in the order of elimination. The factors of all diagonal blocks, L by columns and U
by rows, are kept in ``panels``; `place[i]` is the row of L that equation i became.
"""

from numba import njit, uintp

from piqs._kernels.cache import kernel
from piqs._kernels.panels import backward, forward

_ONE = uintp(1)


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


@kernel()
def sweep(order, cuts, indptr, indices, data, place, l_cuts, l_panels, u_cuts, u_panels, inverse, b, x, y, work):  # fmt: skip
    """Solve for the blocks in the given order, the others held: x is overwritten, y and `work` are work space."""
    for k in order:
        start, stop = cuts[k], cuts[k + 1]
        _right_side(start, stop, indptr, indices, data, b, x, place, y)
        forward(l_cuts[k], l_cuts[k + 1], *l_panels, y, work)
        backward(u_cuts[k], u_cuts[k + 1], *u_panels, inverse, y, work)
        for i in range(uintp(start), uintp(stop)):
            x[i] = y[i]
