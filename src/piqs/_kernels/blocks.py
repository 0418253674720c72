"""Application of a Lindblad generator to a block-diagonal density matrix, without storing the generator.

Each block is a square array of which the lower triangle is computed, and as many diagonals above it as the Hamiltonian
reaches. Jumps and the off-diagonals of G = -iH - 1/2 sum C^+C shift kets by a constant within a block, so that

    y[c, d] = (g[c] + g[d]^*) x[c, d] + sum_s (u_s[c] x[c+s, d] + u_s[d]^* x[c, d+s]) + sum_k v_k[c] v_k[d]^* x'[c+t, d+t],

where x' is the block that jump k comes from: the coefficients factorise, and a row of y is made of contiguous pieces of x.
A jump that leaves kets in place is not in g: it multiplies x[c, d] by -|v[c] - v[d]|^2/2 + i Im(v[c] v[d]^*), of which
nothing is left for populations, so that slow losses beside it keep their digits.
Arrays of one call are all float64 or all complex128.
"""

import numpy as np
from numba import njit, prange, uintp

from piqs._kernels.apply import _ONLY_PRANGE, TINY
from piqs._kernels.cache import kernel


@njit(nogil=True, inline="always")
def _add_scaled(row, last, value, x, x0):
    """row[d] += value x[x0 + d] for d < last. Unsigned indices spare the wrap-around test, as in ``apply``."""
    start = uintp(x0)
    for d in range(uintp(last)):
        row[d] += value * x[start + d]


@njit(nogil=True, inline="always")
def _add_product(row, first, last, value, weights, w0, x, x0):
    """row[d] += value weights[w0 + d]^* x[x0 + d] for first <= d < last."""
    r0, w0, x0 = uintp(first), uintp(w0 + first), uintp(x0 + first)
    for d in range(uintp(last - first)):
        row[r0 + d] += value * np.conj(weights[w0 + d]) * x[x0 + d]


@njit(nogil=True, inline="always")
def _add_in_place(row, last, value, weights, w0, x, x0):
    """row[d] += (-|value - weights[w0 + d]|^2/2 + i Im(value weights[w0 + d]^*)) x[x0 + d] for d < last."""
    w0, x0 = uintp(w0), uintp(x0)
    for d in range(uintp(last)):
        step = value - weights[w0 + d]
        row[d] += 0.5 * (step * np.conj(weights[w0 + d]) - np.conj(step) * value) * x[x0 + d]


@njit(nogil=True, fastmath={"contract", "reassoc"})
def _row(c, dim, x, start, diagonal, g_low, g_high, g_shift, g_kind, g_values, j_low, j_high, j_source, j_shift,
         j_kind, j_values, offsets, kets, row):  # fmt: skip
    """Elements d <= c of row c of one block of L x, into `row`."""
    base = start + c * dim
    n = diagonal.size
    own = diagonal[kets + c]
    b0, k0 = uintp(base), uintp(kets)
    for d in range(uintp(c + 1)):
        row[d] = (own + np.conj(diagonal[k0 + d])) * x[b0 + d]
    for i in range(g_low, g_high):
        s, values = g_shift[i], g_kind[i] * n + kets
        if 0 <= c + s < dim and g_values[values + c] != 0:
            _add_scaled(row, c + 1, g_values[values + c], x, base + s * dim)
        first, last = max(0, -s), min(c + 1, dim - s)
        if last > first:
            _add_product(row, first, last, 1.0, g_values, values, x, base + s)
    for i in range(j_low, j_high):
        values = j_kind[i] * n + kets
        value = j_values[values + c]
        block, t = j_source[i], j_shift[i]
        if t == 0 and offsets[block, 0] == start:
            _add_in_place(row, c + 1, value, j_values, values, x, base)
        elif value != 0:
            other = offsets[block, 0] + (c + t) * offsets[block, 1] + t
            _add_product(row, max(0, -t), c + 1, value, j_values, values, x, other)


@njit(nogil=True, fastmath={"contract", "reassoc"})
def _recurrence(row, count, x, previous, total, base, scale, shift, delta, weight):
    norm = 0.0
    b0 = uintp(base)
    for d in range(uintp(count)):
        new = scale * (row[d] - shift * x[b0 + d]) - delta * previous[b0 + d]
        previous[b0 + d] = new
        total[b0 + d] += weight * new
        norm += (new * np.conj(new)).real
    return norm


@njit(nogil=True, fastmath={"contract", "reassoc"})
def _rows(low, high, blocks, x, diagonal, g_shift, g_kind, g_values, g_pointer,
          j_source, j_shift, j_kind, j_values, j_pointer, offsets, band,
          scale, shift, delta, weight, previous, total, row):  # fmt: skip
    """previous = scale (L x - shift x) - delta previous and total += weight previous, rows low to high; squared norm."""
    norm = 0.0
    for r in range(low, high):
        b, c = blocks[r, 0], blocks[r, 1]
        start, dim, kets = offsets[b, 0], offsets[b, 1], offsets[b, 2]
        _row(c, dim, x, start, diagonal, g_pointer[b], g_pointer[b + 1], g_shift, g_kind, g_values,
             j_pointer[b], j_pointer[b + 1], j_source, j_shift, j_kind, j_values, offsets, kets, row)  # fmt: skip
        base = start + c * dim
        part = _recurrence(row, c + 1, x, previous, total, base, scale, shift, delta, weight)
        last = previous[base + c]
        norm += 2.0 * part - (last * np.conj(last)).real
        for d in range(max(0, c - band), c):
            previous[start + d * dim + c] = np.conj(previous[base + d])
            total[start + d * dim + c] = np.conj(total[base + d])
    return norm


@njit(nogil=True, parallel=_ONLY_PRANGE)
def _chunks(cuts, blocks, x, diagonal, g_shift, g_kind, g_values, g_pointer,
            j_source, j_shift, j_kind, j_values, j_pointer, offsets, band,
            scale, shift, delta, weight, previous, total, scratch, norms):  # fmt: skip
    for c in prange(cuts.size - 1):
        norms[c] = _rows(cuts[c], cuts[c + 1], blocks, x, diagonal, g_shift, g_kind, g_values, g_pointer,
                         j_source, j_shift, j_kind, j_values, j_pointer, offsets, band,
                         scale, shift, delta, weight, previous, total, scratch[c])  # fmt: skip


@njit(nogil=True)
def _expansion(cuts, blocks, diagonal, g_shift, g_kind, g_values, g_pointer,
               j_source, j_shift, j_kind, j_values, j_pointer, offsets, band,
               scale, shift, delta, weights, x, y, previous, total, o_indptr, o_indices, o_data, moments, norms):  # fmt: skip
    """Faber series as in ``piqs._kernels.apply.faber_expansion``, for block-diagonal states."""
    chunks = cuts.size - 1
    largest = 0
    for b in range(offsets.shape[0]):
        largest = max(largest, offsets[b, 1])
    partial = np.zeros(chunks)
    scratch = np.empty((chunks, largest), dtype=x.dtype)
    norms[0] = np.sqrt(_dot(blocks, offsets, x, x))
    for i in range(x.size):
        y[i] = x[i] if abs(x[i].real) >= TINY or abs(x[i].imag) >= TINY else 0.0 * x[i]
        previous[i] = 0.0
        total[i] = weights[0] * y[i]
    for k in range(weights.size):
        if k > 0:
            factor = 2.0 * delta if k == 2 else delta
            if chunks == 1:
                partial[0] = _rows(cuts[0], cuts[1], blocks, y, diagonal, g_shift, g_kind, g_values, g_pointer,
                                   j_source, j_shift, j_kind, j_values, j_pointer, offsets, band,
                                   scale, shift, factor, weights[k], previous, total, scratch[0])  # fmt: skip
            else:
                _chunks(cuts, blocks, y, diagonal, g_shift, g_kind, g_values, g_pointer,
                        j_source, j_shift, j_kind, j_values, j_pointer, offsets, band,
                        scale, shift, factor, weights[k], previous, total, scratch, partial)  # fmt: skip
            y, previous = previous, y
            norm = 0.0
            for c in range(chunks):
                norm += partial[c]
            norms[k] = np.sqrt(norm)
        for i in range(o_indptr.size - 1):
            s = 0.0
            for p in range(o_indptr[i], o_indptr[i + 1]):
                s += (o_data[p] * y[o_indices[p]]).real
            moments[k, i] = s


@njit(nogil=True)
def _dot(blocks, offsets, x, y):
    """Tr(X Y) of block-diagonal Hermitian matrices, from their lower triangles."""
    total = 0.0
    for r in range(blocks.shape[0]):
        b, c = blocks[r, 0], blocks[r, 1]
        base = offsets[b, 0] + c * offsets[b, 1]
        for d in range(c):
            total += 2.0 * (x[base + d] * np.conj(y[base + d])).real
        total += (x[base + c] * np.conj(y[base + c])).real
    return total


@kernel()
def expansion_of_real(*arguments):
    _expansion(*arguments)


@kernel()
def expansion_of_complex(*arguments):
    _expansion(*arguments)


@kernel()
def dot_of_real(*arguments):
    return _dot(*arguments)


@kernel()
def dot_of_complex(*arguments):
    return _dot(*arguments)


# By dtype.kind: one function for each type, see the rule in ``piqs._kernels``.
EXPANSION = {"f": expansion_of_real, "c": expansion_of_complex}
DOT = {"f": dot_of_real, "c": dot_of_complex}
