"""Triangular factors in panels: neighbouring columns of L (or rows of U) with nearly the same pattern, stored densely.

A panel of the vectors c, ..., c + w - 1 holds for each of them, in a row, its values at the indices of the panel's later
vectors and at every further index at which any of them has an element. So one index serves w values (supernodes: J. W.
Demmel et al., SIAM J. Matrix Anal. Appl. 20, 720 (1999)). Elements that only fill a panel are zeros.
"""

import numpy as np
from numba import uintp

from piqs._kernels.cache import kernel, part

# A vector joins a panel as long as the values stored are at most this many times the elements, or so many more.
_PADDING, _SPARE = 1.3, 16
_WIDEST = 64
_ONE = uintp(1)


@part()
def _first_vectors(indptr, indices):
    """Where each panel starts, and how many rows lie below each triangle."""
    n = indptr.size - 1
    first, below = np.empty(n + 1, dtype=np.int64), np.empty(n, dtype=np.int64)
    seen = np.full(n, -1, dtype=np.int64)
    count, c = 0, 0
    while c < n:
        rows, elements = 0, 0
        width = 0
        while c + width < n and width < _WIDEST:
            k = c + width
            new, own = 0, 0
            for p in range(indptr[k], indptr[k + 1]):
                r = indices[p]
                if r > k:
                    own += 1
                    new += seen[r] != c
            together = rows + new - (seen[k] == c)
            stored = width * (width + 1) // 2 + (width + 1) * together
            if width > 0 and stored > _PADDING * (elements + own) + _SPARE:
                break
            for p in range(indptr[k], indptr[k + 1]):
                if indices[p] > k:
                    seen[indices[p]] = c
            rows, elements, width = together, elements + own, width + 1
        first[count], below[count] = c, rows
        count += 1
        c += width
    first[count] = n
    return first[: count + 1], below[:count]


@kernel()
def panels(indptr, indices, data):
    """Panels of a triangular matrix given by vectors with indices above their own number, its diagonal left out.

    Returns where the panels start among the vectors, in the rows and in the values; the rows; and the values.
    """
    first, below = _first_vectors(indptr, indices)
    count = below.size
    row_start, value_start = np.zeros(count + 1, dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    for k in range(count):
        width = first[k + 1] - first[k]
        row_start[k + 1] = row_start[k] + below[k]
        value_start[k + 1] = value_start[k] + width * (width - 1) // 2 + width * below[k]
    rows, values = np.empty(row_start[count], dtype=np.int32), np.zeros(value_start[count])
    place = np.full(indptr.size - 1, -1, dtype=np.int64)
    for k in range(count):
        start, stop = first[k], first[k + 1]
        width = stop - start
        own = rows[row_start[k] : row_start[k + 1]]
        found = 0
        for p in range(indptr[start], indptr[stop]):
            r = indices[p]
            if r >= stop and place[r] < 0:
                place[r] = found
                own[found] = r
                found += 1
        v = value_start[k]
        for c in range(start, stop):
            # The value at the first index after c.
            after = stop - c - 1
            for p in range(indptr[c], indptr[c + 1]):
                r = indices[p]
                if r >= stop:
                    values[v + after + place[r]] = data[p]
                elif r > c:
                    values[v + r - c - 1] = data[p]
            v += after + found
        for r in own:
            place[r] = -1
    return first[:count], row_start[:count], value_start[:count], rows, values


@part(fastmath={"contract", "reassoc"})
def forward(low, high, first, row_start, value_start, rows, values, y, work):
    """Overwrite y by the solution of L x = y, for unit diagonal and the panels low to high."""
    for k in range(uintp(low), uintp(high)):
        c, width = uintp(first[k]), uintp(first[k + _ONE] - first[k])
        start, below = uintp(row_start[k]), uintp(row_start[k + _ONE] - row_start[k])
        v = uintp(value_start[k])
        length = width + below
        for i in range(length):
            work[i] = y[c + i] if i < width else 0.0
        for q in range(width):
            known = work[q]
            length -= _ONE
            for i in range(length):
                work[q + _ONE + i] -= values[v + i] * known
            v += length
        for i in range(width):
            y[c + i] = work[i]
        for i in range(below):
            y[uintp(rows[start + i])] += work[width + i]


@part(fastmath={"contract", "reassoc"})
def backward(low, high, first, row_start, value_start, rows, values, inverse, y, work):
    """Overwrite y by the solution of U x = y, with the inverse of the diagonal and the panels low to high of its rows."""
    for j in range(high - low):
        k = uintp(high - 1 - j)
        c, width = uintp(first[k]), uintp(first[k + _ONE] - first[k])
        start, below = uintp(row_start[k]), uintp(row_start[k + _ONE] - row_start[k])
        for i in range(below):
            work[width + i] = y[uintp(rows[start + i])]
        v, length = uintp(value_start[k + _ONE]), below
        for i in range(width):
            q = width - _ONE - i
            v -= length
            s = y[c + q]
            for p in range(length):
                s -= values[v + p] * work[q + _ONE + p]
            s *= inverse[c + q]
            work[q] = s
            y[c + q] = s
            length += _ONE
