"""Application of a real Lindblad generator to Hermitian matrices in blocks, each held as a real square matrix.

A Hermitian block X is held as Z = Re X + Im X: its symmetric part is Re X, its antisymmetric part Im X. Products with real
matrices act on Z as they do on X, and i X is held as Z^T. So with real H, losses g = -1/2 C^+C that are diagonal and real jumps,
all of which shift kets by a constant within a block,

    y[a, b] = (g[a] + g[b]) z[a, b] - (e[a] - e[b]) z[b, a] - sum_s (h_s[a] z[b, a+s] - h_s[b] z[b+s, a])
              + sum_k v_k[a] v_k[b] z[a+t, b+t] :

rows of y are made of contiguous pieces of rows of z and of the transposed block, which is copied first. A block is worked on as
a whole, one term after the other, while it is in the cache. A jump that leaves kets in place is not in g: it multiplies z[a, b]
by -(v[a] - v[b])^2 / 2, of which nothing is left for populations.
"""

import numpy as np
from numba import prange, uintp

from piqs._kernels.apply import _ONLY_PRANGE, _begin, _read_off, _sum
from piqs._kernels.blocks import _recurrence
from piqs._kernels.cache import kernel, part


@part()
def _start(d, first, x, x0, losses, energies, turned, y):
    """The block transposed, and y = (g[a] + g[b]) z[a, b] - (e[a] - e[b]) z[b, a].

    Unsigned indices spare the wrap-around test, as in ``apply``.
    """
    d, first, x0 = uintp(d), uintp(first), uintp(x0)
    for a in range(d):
        for b in range(d):
            turned[a * d + b] = x[x0 + b * d + a]
    for a in range(d):
        loss, energy, at = losses[first + a], energies[first + a], a * d
        for b in range(d):
            y[at + b] = (loss + losses[first + b]) * x[x0 + at + b] - (energy - energies[first + b]) * turned[
                at + b
            ]


@part(fastmath={"contract"})
def _add_commutator(d, s, h, h0, turned, y):
    """y[a, b] += h[b] turned[a, b+s] - h[a] turned[a+s, b]."""
    low, count = max(0, -s), d - abs(s)
    for i in range(count):
        a = low + i
        value, to, at = h[uintp(h0 + a)], uintp(a * d), uintp((a + s) * d)
        for b in range(uintp(d)):
            y[to + b] -= value * turned[at + b]
    h1 = uintp(h0 + low)
    for a in range(d):
        to, at = uintp(a * d + low), uintp(a * d + low + s)
        for i in range(uintp(count)):
            y[to + i] += h[h1 + i] * turned[at + i]


@part(fastmath={"contract"})
def _add_jump(d, low, high, v, v0, x, x0, width, y):
    """y[a, b] += v[a] v[b] x[a', b'] for a, b from low to high, with a' and b' counted from the first; rows of x hold `width`."""
    v1 = uintp(v0 + low)
    for i in range(high - low):
        value, to, at = v[uintp(v0 + low + i)], uintp((low + i) * d + low), uintp(x0 + i * width)
        if value != 0.0:
            for j in range(uintp(high - low)):
                y[to + j] += value * v[v1 + j] * x[at + j]


@part(fastmath={"contract"})
def _add_in_place(d, v, v0, x, x0, y):
    """y[a, b] -= (v[a] - v[b])^2 / 2 x[a, b]."""
    d, v0, x0 = uintp(d), uintp(v0), uintp(x0)
    for a in range(d):
        value, at = v[v0 + a], a * d
        for b in range(d):
            step = value - v[v0 + b]
            y[at + b] -= 0.5 * step * step * x[x0 + at + b]


@part()
def _blocks(first, last, bounds, starts, x, losses, energies, h_shift, h_kind, h_values, h_pointer,
            j_shift, j_kind, j_source, j_values, j_pointer, scale, shift, delta, weight, previous, total, work):  # fmt: skip
    """previous = scale (L x - shift x) - delta previous and total += weight previous, blocks first to last; squared norm."""
    norm, n = 0.0, losses.size
    y, turned = work[0], work[1]
    for k in range(first, last):
        ket, base = bounds[k], starts[k]
        d = bounds[k + 1] - ket
        if starts[k + 1] == base:
            continue
        _start(d, ket, x, base, losses, energies, turned, y)
        for i in range(h_pointer[k], h_pointer[k + 1]):
            _add_commutator(d, h_shift[i], h_values, h_kind[i] * n + ket, turned, y)
        for i in range(j_pointer[k], j_pointer[k + 1]):
            t, v0, source = j_shift[i], j_kind[i] * n + ket, j_source[i]
            if t == 0:
                _add_in_place(d, j_values, v0, x, base, y)
            elif starts[source] < starts[source + 1]:
                # Kets low to high of the block come from those of the source that are t further on.
                begin, end = bounds[source], bounds[source + 1]
                low, high = max(0, begin - t - ket), min(d, end - t - ket)
                place = starts[source] + (ket + low + t - begin) * (end - begin + 1)
                _add_jump(d, low, high, j_values, v0, x, place, end - begin, y)
        norm += _recurrence(y, d * d, x, previous, total, base, scale, shift, delta, weight)
    return norm


@part(parallel=_ONLY_PRANGE)
def _chunks(cuts, bounds, starts, x, losses, energies, h_shift, h_kind, h_values, h_pointer, j_shift, j_kind, j_source,
            j_values, j_pointer, scale, shift, delta, weight, previous, total, work, norms):  # fmt: skip
    for c in prange(cuts.size - 1):
        norms[c] = _blocks(cuts[c], cuts[c + 1], bounds, starts, x, losses, energies, h_shift, h_kind, h_values, h_pointer,
                           j_shift, j_kind, j_source, j_values, j_pointer, scale, shift, delta, weight, previous, total,
                           work[c])  # fmt: skip


@kernel()
def expansion(cuts, bounds, starts, losses, energies, h_shift, h_kind, h_values, h_pointer, j_shift, j_kind, j_source,
              j_values, j_pointer, scale, shift, delta, weights, x, y, previous, total, o_indptr, o_indices, o_data, work,
              moments, norms):  # fmt: skip
    """Faber series as in ``piqs._kernels.apply.faber_expansion``; each chunk of blocks has work space for two of them."""
    chunks = cuts.size - 1
    partial = np.zeros(chunks)
    norms[0] = np.sqrt(_begin(x, y, previous, total, weights[0]))
    for k in range(weights.size):
        if k > 0:
            factor = 2.0 * delta if k == 2 else delta
            if chunks == 1:
                partial[0] = _blocks(cuts[0], cuts[1], bounds, starts, y, losses, energies, h_shift, h_kind, h_values,
                                     h_pointer, j_shift, j_kind, j_source, j_values, j_pointer, scale, shift, factor,
                                     weights[k], previous, total, work[0])  # fmt: skip
            else:
                _chunks(cuts, bounds, starts, y, losses, energies, h_shift, h_kind, h_values, h_pointer, j_shift, j_kind,
                        j_source, j_values, j_pointer, scale, shift, factor, weights[k], previous, total, work,
                        partial)  # fmt: skip
            y, previous = previous, y
            norms[k] = np.sqrt(_sum(partial))
        _read_off(k, o_indptr, o_indices, o_data, y, moments)
