"""Solution of block-triangular systems by substitution, set after set of unknowns that depend on one another.

The unknowns of set k are those from ``starts[k]`` to ``stops[k]``; their equations hold no unknowns of later sets. The diagonal
blocks are factored together: L and U by columns, L with its unit diagonal first and U with its diagonal last in each column,
and `place[i]` is the row of L that equation i became. The rows of the matrix hold nothing of their own set.
"""

import numpy as np
from numba import uintp

from piqs._kernels.cache import kernel, part


@part()
def _solve(starts, stops, indptr, indices, data, place, l_indptr, l_indices, l_data,
           u_indptr, u_indices, u_data, b, x):  # fmt: skip
    for k in range(starts.size):
        start, stop = starts[k], stops[k]
        for i in range(start, stop):
            s = b[i]
            p, end = uintp(indptr[i]), uintp(indptr[i + 1])
            while p < end:
                s -= data[p] * x[uintp(indices[p])]
                p += uintp(1)
            x[place[i]] = s
        for c in range(start, stop):
            known = x[c]
            for p in range(l_indptr[c] + 1, l_indptr[c + 1]):
                x[l_indices[p]] -= l_data[p] * known
        for c in range(stop - 1, start - 1, -1):
            last = u_indptr[c + 1] - 1
            x[c] /= u_data[last]
            known = x[c]
            for p in range(u_indptr[c], last):
                x[u_indices[p]] -= u_data[p] * known


@part()
def _solve_transposed(starts, stops, indptr, indices, data, place, l_indptr, l_indices, l_data,
                      u_indptr, u_indices, u_data, b, x):  # fmt: skip
    rest, y = b.copy(), np.empty_like(b)
    for k in range(starts.size - 1, -1, -1):
        start, stop = starts[k], stops[k]
        for c in range(start, stop):
            s = rest[c]
            last = u_indptr[c + 1] - 1
            for p in range(u_indptr[c], last):
                s -= u_data[p] * y[u_indices[p]]
            y[c] = s / u_data[last]
        for c in range(stop - 1, start - 1, -1):
            s = y[c]
            for p in range(l_indptr[c] + 1, l_indptr[c + 1]):
                s -= l_data[p] * y[l_indices[p]]
            y[c] = s
        for i in range(start, stop):
            known = x[i] = y[place[i]]
            for p in range(indptr[i], indptr[i + 1]):
                rest[indices[p]] -= data[p] * known


@kernel()
def solve_real(*arguments):
    _solve(*arguments)


@kernel()
def solve_complex(*arguments):
    _solve(*arguments)


@kernel()
def solve_transposed_real(*arguments):
    _solve_transposed(*arguments)


@kernel()
def solve_transposed_complex(*arguments):
    _solve_transposed(*arguments)


# By dtype.kind: one function for each type, see the rule in ``piqs._kernels``.
SOLVE = {"f": solve_real, "c": solve_complex}
SOLVE_TRANSPOSED = {"f": solve_transposed_real, "c": solve_transposed_complex}
