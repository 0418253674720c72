"""Gauss-Seidel over the blocks of a sparse matrix whose diagonal blocks are factored.

The unknowns of a block are neighbours, in the order of elimination. The factors of all diagonal blocks, L by columns and U
by rows, are kept in ``panels``; `place[i]` is the row of L that equation i became. Blocks are dealt to chunks, which are
swept side by side: each takes what it needs of the others as it was before the sweep. There are as many chunks on one
thread as on several, so that the result is the same.
"""

from numba import prange, uintp

from piqs._kernels.apply import _ONLY_PRANGE
from piqs._kernels.cache import kernel, part
from piqs._kernels.panels import backward, forward

_ONE = uintp(1)


@part()
def _right_side(start, stop, low, high, indptr, indices, data, b, x, before, place, y):
    """y = b minus what the unknowns outside of the block contribute to its equations; x is new from low to high."""
    for i in range(uintp(start), uintp(stop)):
        s = b[i]
        p, end = uintp(indptr[i]), uintp(indptr[i + _ONE])
        while p < end:
            c = indices[p]
            if c < start or c >= stop:
                s -= data[p] * (x[uintp(c)] if low <= c < high else before[uintp(c)])
            p += _ONE
        y[uintp(place[i])] = s


@part()
def _chunk(first, last, down, cuts, indptr, indices, data, place, l_cuts, l_panels, u_cuts, u_panels, inverse, b, x,
           before, y, work):  # fmt: skip
    """Solve for the blocks from first to last, one after the other, or back."""
    for i in range(last - first):
        k = first + i if down else last - 1 - i
        start, stop = cuts[k], cuts[k + 1]
        _right_side(start, stop, cuts[first], cuts[last], indptr, indices, data, b, x, before, place, y)
        forward(l_cuts[k], l_cuts[k + 1], *l_panels, y, work)
        backward(u_cuts[k], u_cuts[k + 1], *u_panels, inverse, y, work)
        for r in range(uintp(start), uintp(stop)):
            x[r] = y[r]


@part(parallel=_ONLY_PRANGE)
def _chunks(chunks, down, cuts, indptr, indices, data, place, l_cuts, l_panels, u_cuts, u_panels, inverse, b, x,
            before, y, work):  # fmt: skip
    for c in prange(chunks.size - 1):
        _chunk(chunks[c], chunks[c + 1], down, cuts, indptr, indices, data, place, l_cuts, l_panels, u_cuts, u_panels,
               inverse, b, x, before, y, work[c])  # fmt: skip


@kernel()
def sweep(threads, chunks, down, cuts, indptr, indices, data, place, l_cuts, l_panels, u_cuts, u_panels, inverse, b, x,
          before, y, work):  # fmt: skip
    """Solve for all blocks, those of a chunk one after the other (or back): x is overwritten; the last three are work space."""
    for i in range(x.size):
        before[i] = x[i]
    if threads > 1:
        _chunks(chunks, down, cuts, indptr, indices, data, place, l_cuts, l_panels, u_cuts, u_panels, inverse, b, x,
                before, y, work)  # fmt: skip
    else:
        for c in range(chunks.size - 1):
            _chunk(chunks[c], chunks[c + 1], down, cuts, indptr, indices, data, place, l_cuts, l_panels, u_cuts, u_panels,
                   inverse, b, x, before, y, work[c])  # fmt: skip
