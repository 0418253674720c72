"""Gauss-Seidel over the blocks of a shifted real sparse matrix, for four complex right-hand sides at a time.

The factors of the diagonal blocks of s - A are read once for all four: rows of the vectors are the four real parts and the
four imaginary parts. Blocks are neighbours, as in ``block_sweeps``. All numbers are float64 (`inverse` complex128).
"""

from numba import uintp

from piqs._kernels.cache import kernel, part

_ONE = uintp(1)
_FAST = {"contract", "reassoc", "nsz"}


@part(fastmath=_FAST)
def _couplings(start, stop, indptr, indices, data, b, x, place, y):
    """y = b plus what the unknowns outside of a block contribute to its equations (s - A has -A there)."""
    for i in range(uintp(start), uintp(stop)):
        a0, a1, a2, a3, a4, a5, a6, a7 = (
            b[i, 0],
            b[i, 1],
            b[i, 2],
            b[i, 3],
            b[i, 4],
            b[i, 5],
            b[i, 6],
            b[i, 7],
        )
        for p in range(uintp(indptr[i]), uintp(indptr[i + _ONE])):
            if indices[p] < start or indices[p] >= stop:
                c, v = uintp(indices[p]), data[p]
                a0 += v * x[c, 0]
                a1 += v * x[c, 1]
                a2 += v * x[c, 2]
                a3 += v * x[c, 3]
                a4 += v * x[c, 4]
                a5 += v * x[c, 5]
                a6 += v * x[c, 6]
                a7 += v * x[c, 7]
        r = uintp(place[i])
        y[r, 0], y[r, 1], y[r, 2], y[r, 3], y[r, 4], y[r, 5], y[r, 6], y[r, 7] = (
            a0,
            a1,
            a2,
            a3,
            a4,
            a5,
            a6,
            a7,
        )


@part(fastmath=_FAST)
def _eliminate(i, start, stop, indices, real, imag, y):
    """Take the known unknowns of row i of a triangle off y[i]."""
    a0, a1, a2, a3, a4, a5, a6, a7 = y[i, 0], y[i, 1], y[i, 2], y[i, 3], y[i, 4], y[i, 5], y[i, 6], y[i, 7]
    for p in range(uintp(start), uintp(stop)):
        c, u, v = uintp(indices[p]), real[p], imag[p]
        r0, r1, r2, r3, i0, i1, i2, i3 = (
            y[c, 0],
            y[c, 1],
            y[c, 2],
            y[c, 3],
            y[c, 4],
            y[c, 5],
            y[c, 6],
            y[c, 7],
        )
        a0 -= u * r0 - v * i0
        a1 -= u * r1 - v * i1
        a2 -= u * r2 - v * i2
        a3 -= u * r3 - v * i3
        a4 -= u * i0 + v * r0
        a5 -= u * i1 + v * r1
        a6 -= u * i2 + v * r2
        a7 -= u * i3 + v * r3
    y[i, 0], y[i, 1], y[i, 2], y[i, 3], y[i, 4], y[i, 5], y[i, 6], y[i, 7] = a0, a1, a2, a3, a4, a5, a6, a7


@kernel()
def sweeps(cuts, indptr, indices, data, place, column, lower, upper, inverse, b, x, y):
    """Solve for all blocks from zero, one after the other and back: x is overwritten, y is work space.

    `place` and `column` are where the equations and the unknowns stand in the factors; `lower` and `upper` are (indptr,
    indices, real, imag) of L and U by rows without their diagonals; `inverse` is that of the diagonal of U.
    """
    for i in range(x.shape[0]):
        for f in range(8):
            x[i, f] = 0.0
    count = cuts.size - 1
    for step in range(2 * count - 1):
        k = step if step < count else 2 * count - 2 - step
        start, stop = cuts[k], cuts[k + 1]
        _couplings(start, stop, indptr, indices, data, b, x, place, y)
        for i in range(uintp(start), uintp(stop)):
            _eliminate(i, lower[0][i], lower[0][i + _ONE], lower[1], lower[2], lower[3], y)
        for q in range(stop - start):
            i = uintp(stop - 1 - q)
            _eliminate(i, upper[0][i], upper[0][i + _ONE], upper[1], upper[2], upper[3], y)
            u, v = inverse[i].real, inverse[i].imag
            for f in range(4):
                real, imag = y[i, f], y[i, f + 4]
                y[i, f], y[i, f + 4] = u * real - v * imag, u * imag + v * real
        for i in range(uintp(start), uintp(stop)):
            for f in range(8):
                x[i, f] = y[uintp(column[i]), f]
