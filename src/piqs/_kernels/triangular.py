"""Solution of sparse triangular systems L U x = b, with the subtrees of the elimination tree on different threads.

The columns of disjoint subtrees share no rows but those of their common ancestors (J. W. H. Liu, SIAM J. Matrix Anal. Appl.
11, 134 (1990)). L and U are stored by columns, L with its unit diagonal first and U with its diagonal last in each column.
"""

import numpy as np
from numba import prange, uintp

from piqs._kernels.apply import _ONLY_PRANGE
from piqs._kernels.cache import kernel, part


@kernel()
def subtrees(indptr, indices, parts):
    """Columns of L dealt to `parts` threads, then those of the ancestors: the list, and where each share of it starts."""
    n = indptr.size - 1
    parent = np.full(n, n, dtype=np.int64)
    work = np.zeros(n + 1, dtype=np.int64)
    for c in range(n):
        for p in range(uintp(indptr[c] + 1), uintp(indptr[c + 1])):
            parent[c] = min(parent[c], indices[p])
        work[c] += indptr[c + 1] - indptr[c]
        work[parent[c]] += work[c]
    largest = work[n] // (2 * parts)
    load = np.zeros(parts + 1, dtype=np.int64)
    owner = np.full(n + 1, parts, dtype=np.int64)
    # Ancestors come after their descendants: a subtree small enough goes whole to the thread with the least to do.
    for c in range(n - 1, -1, -1):
        if owner[parent[c]] < parts:
            owner[c] = owner[parent[c]]
        elif work[c] <= largest:
            owner[c] = 0
            for k in range(1, parts):
                if load[k] < load[owner[c]]:
                    owner[c] = k
            load[owner[c]] += work[c]
    starts = np.zeros(parts + 2, dtype=np.int64)
    for c in range(n):
        starts[owner[c] + 1] += 1
    for k in range(parts + 1):
        starts[k + 1] += starts[k]
    place = starts.copy()
    columns = np.empty(n, dtype=np.int64)
    for c in range(n):
        columns[place[owner[c]]] = c
        place[owner[c]] += 1
    return columns, starts


@part()
def _forward(columns, indptr, indices, data, x):
    for c in columns:
        known = x[c]
        p, end = uintp(indptr[c] + 1), uintp(indptr[c + 1])
        while p < end:
            x[uintp(indices[p])] -= data[p] * known
            p += uintp(1)


@part()
def _backward(columns, indptr, indices, data, x):
    for i in range(columns.size - 1, -1, -1):
        c = columns[i]
        p, last = uintp(indptr[c]), uintp(indptr[c + 1] - 1)
        x[c] /= data[last]
        known = x[c]
        while p < last:
            x[uintp(indices[p])] -= data[p] * known
            p += uintp(1)


@part()
def _forward_share(columns, ancestors, indptr, indices, data, x, own):
    """Forward substitution of one thread, its changes to the ancestors left in `own`."""
    for c in columns:
        own[c] = x[c]
    for c in ancestors:
        own[c] = 0.0
    _forward(columns, indptr, indices, data, own)
    for c in columns:
        x[c] = own[c]


@kernel(parallel=_ONLY_PRANGE)
def solve(columns, starts, l_indptr, l_indices, l_data, u_indptr, u_indices, u_data, x, own):
    """Overwrite x by the solution of L U y = x; `own` is work space, one row a thread."""
    parts = own.shape[0]
    ancestors = columns[starts[parts] :]
    for k in prange(parts):
        _forward_share(columns[starts[k] : starts[k + 1]], ancestors, l_indptr, l_indices, l_data, x, own[k])
    for k in range(parts):
        for c in ancestors:
            x[c] += own[k, c]
    _forward(ancestors, l_indptr, l_indices, l_data, x)
    _backward(ancestors, u_indptr, u_indices, u_data, x)
    for k in prange(parts):
        _backward(columns[starts[k] : starts[k + 1]], u_indptr, u_indices, u_data, x)


@kernel()
def solve_alone(l_indptr, l_indices, l_data, u_indptr, u_indices, u_data, x):
    """The same on one thread."""
    columns = np.arange(x.size)
    _forward(columns, l_indptr, l_indices, l_data, x)
    _backward(columns, u_indptr, u_indices, u_data, x)
