"""Application of a real CSR generator, alone and fused with the vector updates of the integrators.

All row loops index with unsigned integers: signed ones cost Numba a wrap-around test an access, which doubles the time.
Rows, or bands of them, are cut into one chunk for each thread (`cuts`); with a single chunk no thread is started:
only functions that are called with several hold a parallel loop, since entering one after a fork ends the process.
"""

import numpy as np
from numba import prange, uintp

from piqs._kernels.cache import kernel, part

_ONE, _TWO, _THREE, _FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
# What is smaller as a step begins becomes zero: products that fall below the normal numbers take fifty times as long.
TINY = 1e-150
# Threads are started where prange says so, and nowhere else (Numba would also start them for sums and slices).
_ONLY_PRANGE = {
    "comprehension": False,
    "prange": True,
    "numpy": False,
    "reduction": False,
    "setitem": False,
    "stencil": False,
    "fusion": False,
}


@part()
def _row(indptr, indices, data, x, r):
    """One element of L x."""
    s = 0.0
    p = uintp(indptr[r])
    end = uintp(indptr[r + _ONE])
    while p < end:
        s += data[p] * x[uintp(indices[p])]
        p += _ONE
    return s


@part()
def _sum(values):
    total = 0.0
    for value in values:
        total += value
    return total


@part()
def _begin(x, y, previous, total, weight):
    """y = x without what is next to nothing, previous = 0 and total = weight y; the squared norm of y."""
    norm = 0.0
    for r in range(x.size):
        y[r] = x[r] if abs(x[r]) >= TINY else 0.0
        previous[r] = 0.0
        total[r] = weight * y[r]
        norm += y[r] * y[r]
    return norm


@part()
def _read_off(k, o_indptr, o_indices, o_data, y, moments):
    """moments[k, i] = Re o_i . y."""
    for i in range(o_indptr.size - 1):
        s = 0.0
        for p in range(o_indptr[i], o_indptr[i + 1]):
            s += (o_data[p] * y[o_indices[p]]).real
        moments[k, i] = s


@part()
def _product_rows(low, high, indptr, indices, data, scale, x, y):
    r = uintp(low)
    while r < uintp(high):
        y[r] += scale * _row(indptr, indices, data, x, r)
        r += _ONE


@part(parallel=_ONLY_PRANGE)
def _product_chunks(cuts, indptr, indices, data, scale, x, y):
    for k in prange(cuts.size - 1):
        _product_rows(cuts[k], cuts[k + 1], indptr, indices, data, scale, x, y)


@kernel()
def add_product(cuts, indptr, indices, data, scale, x, y):
    """y += scale * L x."""
    if cuts.size == 2:
        _product_rows(cuts[0], cuts[1], indptr, indices, data, scale, x, y)
    else:
        _product_chunks(cuts, indptr, indices, data, scale, x, y)


@kernel()
def add_transposed_product(indptr, indices, data, scale, x, y):
    """y += scale * L^T x."""
    for r in range(x.size):
        t = scale * x[r]
        for p in range(uintp(indptr[r]), uintp(indptr[r + 1])):
            y[uintp(indices[p])] += data[p] * t


@kernel()
def bands(indptr, indices, data):
    """Bands of four rows of a CSR matrix, each padded with zeros to its longest row: starts, columns and values.

    The elements of a band are stored across its rows, so that four sums grow at a time instead of one (a fifth to a third
    faster than row by row, as measured on driven ensembles; the padding is some per cent of the nonzeros).
    """
    n = indptr.size - 1
    count = (n + 3) // 4
    starts = np.zeros(count + 1, dtype=np.int64)
    for b in range(count):
        longest = 0
        for r in range(4 * b, min(n, 4 * b + 4)):
            longest = max(longest, indptr[r + 1] - indptr[r])
        starts[b + 1] = starts[b] + 4 * longest
    columns = np.zeros(starts[count], dtype=np.int32)
    values = np.zeros(starts[count])
    for r in range(n):
        place = starts[r // 4] + r % 4
        for p in range(indptr[r], indptr[r + 1]):
            columns[place] = indices[p]
            values[place] = data[p]
            place += 4
    return starts, columns, values


@part()
def _step(s, r, scale, shift, delta, weight, y, previous, total):
    """Element r of the next polynomial, from s = (L y)_r."""
    new = scale * (s - shift * y[r]) - delta * previous[r]
    previous[r] = new
    total[r] += weight * new
    return new * new


@part(fastmath={"contract", "reassoc"})
def _faber_bands(low, high, starts, columns, values, scale, shift, delta, weight, y, previous, total):
    norm = 0.0
    n = uintp(y.size)
    for b in range(low, high):
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        p, end = uintp(starts[b]), uintp(starts[b + 1])
        while p < end:
            s0 += values[p] * y[uintp(columns[p])]
            s1 += values[p + _ONE] * y[uintp(columns[p + _ONE])]
            s2 += values[p + _TWO] * y[uintp(columns[p + _TWO])]
            s3 += values[p + _THREE] * y[uintp(columns[p + _THREE])]
            p += _FOUR
        r = uintp(4 * b)
        norm += _step(s0, r, scale, shift, delta, weight, y, previous, total)
        if r + _THREE < n:
            norm += _step(s1, r + _ONE, scale, shift, delta, weight, y, previous, total)
            norm += _step(s2, r + _TWO, scale, shift, delta, weight, y, previous, total)
            norm += _step(s3, r + _THREE, scale, shift, delta, weight, y, previous, total)
        else:
            if r + _ONE < n:
                norm += _step(s1, r + _ONE, scale, shift, delta, weight, y, previous, total)
            if r + _TWO < n:
                norm += _step(s2, r + _TWO, scale, shift, delta, weight, y, previous, total)
    return norm


@part(parallel=_ONLY_PRANGE)
def _faber_chunks(cuts, starts, columns, values, scale, shift, delta, weight, y, previous, total, norms):
    for c in prange(cuts.size - 1):
        norms[c] = _faber_bands(cuts[c], cuts[c + 1], starts, columns, values, scale, shift, delta, weight,
                                y, previous, total)  # fmt: skip


@kernel()
def faber_expansion(
    cuts, starts, columns, values, scale, shift, delta, weights, x, y, previous, total,
    o_indptr, o_indices, o_data, moments, norms,
):  # fmt: skip
    """total = sum_k weights[k] F_k(L) x and moments[k, i] = o_i . F_k(L) x, for the Faber polynomials of an ellipse.

    F_0 = 1, F_1 = (L - shift) scale, F_2 = F_1 F_1 - 2 delta, F_(k+1) = F_1 F_k - delta F_(k-1).
    L is given in `bands`, cut into chunks of them; `y` and `previous` are work space; norms[k] receives |F_k(L) x|.
    """
    chunks = cuts.size - 1
    partial = np.zeros(chunks)
    norms[0] = np.sqrt(_begin(x, y, previous, total, weights[0]))
    for k in range(weights.size):
        if k > 0:
            factor = 2.0 * delta if k == 2 else delta
            if chunks == 1:
                partial[0] = _faber_bands(cuts[0], cuts[1], starts, columns, values, scale, shift, factor,
                                          weights[k], y, previous, total)  # fmt: skip
            else:
                _faber_chunks(cuts, starts, columns, values, scale, shift, factor, weights[k],
                              y, previous, total, partial)  # fmt: skip
            y, previous = previous, y
            norms[k] = np.sqrt(_sum(partial))
        _read_off(k, o_indptr, o_indices, o_data, y, moments)


@kernel()
def faber_polynomials(cuts, starts, columns, values, scale, shift, delta, first, block, norms):
    """The rows k >= 2 of `block` become the polynomials F_(first + k)(L) x, from the two rows before each (see above).

    norms[k] receives the norm of row k. With first = -1 row 1 is x itself, and row 0 zero.
    """
    chunks = cuts.size - 1
    partial = np.zeros(chunks)
    for k in range(2, block.shape[0]):
        before, new = block[k - 1], block[k]
        for r in range(new.size):
            new[r] = block[k - 2, r]
        factor = 2.0 * delta if first + k == 2 else delta
        # The kernel writes the new polynomial over the one before last; with weight 0 nothing is added to the sum.
        if chunks == 1:
            partial[0] = _faber_bands(
                cuts[0], cuts[1], starts, columns, values, scale, shift, factor, 0.0, before, new, new
            )
        else:
            _faber_chunks(cuts, starts, columns, values, scale, shift, factor, 0.0, before, new, new, partial)
        norms[k] = np.sqrt(_sum(partial))


@kernel()
def half_sum(indptr, indices, data, sign, x, y):
    """y = (L x + sign L^T x) / 2: the symmetric (sign = 1) or antisymmetric (-1) part of L applied to x."""
    for r in range(y.size):
        y[r] = 0.0
    for r in range(x.size):
        s = 0.0
        t = 0.5 * sign * x[r]
        for p in range(uintp(indptr[r]), uintp(indptr[r + 1])):
            c = uintp(indices[p])
            s += data[p] * x[c]
            y[c] += data[p] * t
        y[r] += 0.5 * s


def balanced_cuts(indptr, chunks):
    """Row numbers that cut a CSR matrix into chunks of about equal numbers of nonzeros and rows."""
    work = indptr + np.arange(indptr.size, dtype=np.int64)
    shares = np.arange(chunks + 1) * work[-1]
    cuts = np.searchsorted(chunks * work[:-1], shares)
    cuts[0] = 0
    cuts[-1] = indptr.size - 1
    return cuts


@part()
def combine(x, k, weights, h, out):
    """out = x + h sum_i weights[i] k[i], in one pass over memory per stage and blocks that stay in the cache."""
    n = x.size
    block = 2048
    for start in range(0, n, block):
        stop = min(start + block, n)
        for r in range(start, stop):
            out[r] = x[r]
        for i in range(weights.size):
            w = h * weights[i]
            if w != 0.0:
                for r in range(start, stop):
                    out[r] += w * k[i, r]


@kernel()
def stages(cuts, indptr, indices, data, factors, weights, h, x, k, first, scratch):
    """Stages of an explicit Runge-Kutta step for L = sum_f factors[:, f] L_f: for each row s of `weights`, one after the other,

    scratch = x + h sum_i weights[s, i] k[i],  k[first + s] = L scratch.

    Row f of `indptr` belongs to L_f, whose elements lie in `indices` and `data` beside those of the others.
    """
    for s in range(weights.shape[0]):
        combine(x, k, weights[s], h, scratch)
        slope = k[first + s]
        for r in range(slope.size):
            slope[r] = 0.0
        for f in range(indptr.shape[0]):
            if factors[s, f] != 0.0:
                if cuts.size == 2:
                    _product_rows(cuts[0], cuts[1], indptr[f], indices, data, factors[s, f], scratch, slope)
                else:
                    _product_chunks(cuts, indptr[f], indices, data, factors[s, f], scratch, slope)
