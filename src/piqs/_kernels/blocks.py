"""Application of a Lindblad generator to a block-diagonal density matrix, without storing the generator.

Of row a the elements low[a] <= b < high[a] are stored, element (a, b) at place[a] + b. Those with b <= a are computed, and
mirrored to as many diagonals above as the Hamiltonian reaches, where they are stored; what is not stored counts as zero.
Jumps and the off-diagonals of G = -iH - 1/2 sum C^+C shift kets by a constant within a block, so that

    y[a, b] = (g[a] + g[b]^*) x[a, b] + sum_s (u_s[a] x[a+s, b] + u_s[b]^* x[a, b+s]) + sum_k v_k[a] v_k[b]^* x[a+t, b+t] :

the coefficients factorise, and a row of y is made of contiguous pieces of x.
A jump that leaves kets in place is not in g: it multiplies x[a, b] by -|v[a] - v[b]|^2/2 + i Im(v[a] v[b]^*), of which
nothing is left for populations, so that slow losses beside it keep their digits.
Arrays of one call are all float64 or all complex128.
"""

import numpy as np
from numba import prange, uintp

from piqs._kernels.apply import _ONLY_PRANGE, TINY, _read_off, _sum
from piqs._kernels.cache import kernel, part


@part()
def _add_scaled(row, r0, first, last, value, x, x0):
    """row[b - r0] += value x[x0 + b] for first <= b < last. Unsigned indices spare the wrap-around test, as in ``apply``."""
    row0, start = uintp(first - r0), uintp(x0 + first)
    for d in range(uintp(max(last - first, 0))):
        row[row0 + d] += value * x[start + d]


@part()
def _add_product(row, r0, first, last, value, weights, w0, x, x0):
    """row[b - r0] += value weights[w0 + b]^* x[x0 + b] for first <= b < last."""
    row0, weight0, start = uintp(first - r0), uintp(w0 + first), uintp(x0 + first)
    for d in range(uintp(max(last - first, 0))):
        row[row0 + d] += value * np.conj(weights[weight0 + d]) * x[start + d]


@part()
def _add_in_place(row, first, last, value, weights, w0, x, x0):
    """row[b - first] += (-|value - weights[w0 + b]|^2/2 + i Im(value weights[w0 + b]^*)) x[x0 + b] for first <= b < last."""
    weight0, start = uintp(w0 + first), uintp(x0 + first)
    for d in range(uintp(last - first)):
        step = value - weights[weight0 + d]
        row[d] += 0.5 * (step * np.conj(weights[weight0 + d]) - np.conj(step) * value) * x[start + d]


@part(fastmath={"contract", "reassoc"})
def _row(a, last, x, diagonal, g_low, g_high, g_shift, g_kind, g_values, j_low, j_high, j_shift, j_kind, j_values,
         low, high, place, row):  # fmt: skip
    """Elements low[a] <= b < last of row a of L x, into `row`."""
    first, base, n = low[a], place[a], diagonal.size
    own = diagonal[a]
    b0, x0 = uintp(first), uintp(base + first)
    for d in range(uintp(last - first)):
        row[d] = (own + np.conj(diagonal[b0 + d])) * x[x0 + d]
    for i in range(g_low, g_high):
        s, values = g_shift[i], g_kind[i] * n
        if g_values[values + a] != 0:
            c = a + s
            _add_scaled(row, first, max(first, low[c]), min(last, high[c]), g_values[values + a], x, place[c])
        _add_product(
            row, first, max(first, first - s), min(last, high[a] - s), 1.0, g_values, values, x, base + s
        )
    for i in range(j_low, j_high):
        t, values = j_shift[i], j_kind[i] * n
        value = j_values[values + a]
        if t == 0:
            _add_in_place(row, first, last, value, j_values, values, x, base)
        elif value != 0:
            c = a + t
            _add_product(
                row, first, max(first, low[c] - t), min(last, high[c] - t), value, j_values, values, x, place[c] + t
            )  # fmt: skip


@part(fastmath={"contract", "reassoc"})
def _recurrence(row, count, x, previous, total, base, scale, shift, delta, weight):
    norm = 0.0
    b0 = uintp(base)
    for d in range(uintp(count)):
        new = scale * (row[d] - shift * x[b0 + d]) - delta * previous[b0 + d]
        previous[b0 + d] = new
        total[b0 + d] += weight * new
        norm += (new * np.conj(new)).real
    return norm


@part(fastmath={"contract", "reassoc"})
def _rows(start, stop, low, high, place, label, x, diagonal, g_shift, g_kind, g_values, g_pointer,
          j_shift, j_kind, j_values, j_pointer, band,
          scale, shift, delta, weight, previous, total, row):  # fmt: skip
    """previous = scale (L x - shift x) - delta previous and total += weight previous, rows start to stop; squared norm."""
    norm = 0.0
    for a in range(start, stop):
        first, last, base, block = low[a], min(high[a], a + 1), place[a], label[a]
        if last <= first:
            continue
        _row(a, last, x, diagonal, g_pointer[block], g_pointer[block + 1], g_shift, g_kind, g_values,
             j_pointer[block], j_pointer[block + 1], j_shift, j_kind, j_values, low, high, place, row)  # fmt: skip
        norm += 2.0 * _recurrence(
            row, last - first, x, previous, total, base + first, scale, shift, delta, weight
        )
        if last == a + 1:
            own = previous[base + a]
            norm -= (own * np.conj(own)).real
        for b in range(max(first, a - band), min(last, a)):
            if high[b] > a:
                previous[place[b] + a] = np.conj(previous[base + b])
                total[place[b] + a] = np.conj(total[base + b])
    return norm


@part(parallel=_ONLY_PRANGE)
def _chunks(cuts, low, high, place, label, x, diagonal, g_shift, g_kind, g_values, g_pointer,
            j_shift, j_kind, j_values, j_pointer, band,
            scale, shift, delta, weight, previous, total, scratch, norms):  # fmt: skip
    for c in prange(cuts.size - 1):
        norms[c] = _rows(cuts[c], cuts[c + 1], low, high, place, label, x, diagonal, g_shift, g_kind, g_values, g_pointer,
                         j_shift, j_kind, j_values, j_pointer, band,
                         scale, shift, delta, weight, previous, total, scratch[c])  # fmt: skip


@part()
def _expansion(cuts, low, high, place, label, diagonal, g_shift, g_kind, g_values, g_pointer,
               j_shift, j_kind, j_values, j_pointer, band,
               scale, shift, delta, weights, x, y, previous, total, o_indptr, o_indices, o_data, moments, norms):  # fmt: skip
    """Faber series as in ``piqs._kernels.apply.faber_expansion``, for block-diagonal states."""
    chunks = cuts.size - 1
    longest = 0
    for a in range(low.size):
        longest = max(longest, high[a] - low[a])
    partial = np.zeros(chunks)
    scratch = np.empty((chunks, longest), dtype=x.dtype)
    norms[0] = np.sqrt(_dot(low, high, place, x, x))
    for i in range(x.size):
        y[i] = x[i] if abs(x[i].real) >= TINY or abs(x[i].imag) >= TINY else 0.0 * x[i]
        previous[i] = 0.0
        total[i] = weights[0] * y[i]
    for k in range(weights.size):
        if k > 0:
            factor = 2.0 * delta if k == 2 else delta
            if chunks == 1:
                partial[0] = _rows(cuts[0], cuts[1], low, high, place, label, y, diagonal, g_shift, g_kind, g_values,
                                   g_pointer, j_shift, j_kind, j_values, j_pointer, band,
                                   scale, shift, factor, weights[k], previous, total, scratch[0])  # fmt: skip
            else:
                _chunks(cuts, low, high, place, label, y, diagonal, g_shift, g_kind, g_values,
                        g_pointer, j_shift, j_kind, j_values, j_pointer, band,
                        scale, shift, factor, weights[k], previous, total, scratch, partial)  # fmt: skip
            y, previous = previous, y
            norms[k] = np.sqrt(_sum(partial))
        _read_off(k, o_indptr, o_indices, o_data, y, moments)


@part()
def _dot(low, high, place, x, y):
    """Tr(X Y) of block-diagonal Hermitian matrices, from their lower triangles."""
    total = 0.0
    for a in range(low.size):
        for b in range(low[a], min(high[a], a)):
            total += 2.0 * (x[place[a] + b] * np.conj(y[place[a] + b])).real
        if low[a] <= a < high[a]:
            total += (x[place[a] + a] * np.conj(y[place[a] + a])).real
    return total


@part()
def _mirror(low, high, place, x):
    """Fill the diagonals above from the elements below, with real numbers on the diagonal."""
    for a in range(low.size):
        if low[a] <= a < high[a]:
            x[place[a] + a] = x[place[a] + a].real
        for b in range(max(a + 1, low[a]), high[a]):
            x[place[a] + b] = np.conj(x[place[b] + a]) if low[b] <= a < high[b] else 0.0


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


@kernel()
def mirror_of_real(*arguments):
    _mirror(*arguments)


@kernel()
def mirror_of_complex(*arguments):
    _mirror(*arguments)


# By dtype.kind: one function for each type, see the rule in ``piqs._kernels``.
EXPANSION = {"f": expansion_of_real, "c": expansion_of_complex}
DOT = {"f": dot_of_real, "c": dot_of_complex}
MIRROR = {"f": mirror_of_real, "c": mirror_of_complex}
