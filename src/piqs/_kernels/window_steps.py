"""Steps in time of a ket on a window: the generator as planes of elements, and Taylor series of its exponential."""

import numpy as np

from piqs._kernels.cache import part
from piqs._kernels.windows import (
    BAND,
    BANDS,
    COEFFICIENTS,
    COLUMN,
    COUPLED,
    DEGREE,
    FAST,
    FILLED,
    FIRST,
    FORM,
    FUNCTION,
    FUNCTIONS,
    LAST,
    LOWS,
    MIDDLE,
    MOVES,
    PARTS,
    PLANES,
    PSI,
    RADIUS,
    SHIFTS,
    SIZES,
    SKEW,
    SLOPE,
    SPINS,
    STRENGTHS,
    WORDS,
    add_rows,
    clear,
    row_place,
)

# How planes are applied: row by row, the window as one row, a diagonal and its neighbours in one pass.
ROWS_APART, FLAT, THREE_TERMS = 0, 1, 2
# Terms of a Taylor series at most.
_TERMS = 80


@part(fastmath=FAST)
def add_product(flat, y, a, p, x, size):
    """y += a p x, of elements from these places on."""
    t, f, u = flat[y : y + size], flat[p : p + size], flat[x : x + size]
    for i in range(t.size):
        t[i] += (a * f[i]) * u[i]


@part(fastmath=FAST)
def add_products(flat, y, a, p, x, b, q, z, size):
    """y += a p x + b q z."""
    t, f, u = flat[y : y + size], flat[p : p + size], flat[x : x + size]
    g, v = flat[q : q + size], flat[z : z + size]
    for i in range(t.size):
        t[i] += a * f[i] * u[i] + b * g[i] * v[i]


@part(fastmath=FAST)
def set_products(flat, y, a, p, x, b, q, z, size):
    """y = a p x + b q z."""
    t, f, u = flat[y : y + size], flat[p : p + size], flat[x : x + size]
    g, v = flat[q : q + size], flat[z : z + size]
    for i in range(t.size):
        t[i] = a * f[i] * u[i] + b * g[i] * v[i]


@part(fastmath=FAST)
def set_three(flat, y, a, p, x, b, q, z, low, high, size):
    """y = a p x + b (q z + low before + high after), with `before` and `after` the neighbours of z."""
    t, f, u = flat[y : y + size], flat[p : p + size], flat[x : x + size]
    g, v, lower, upper = (
        flat[q : q + size],
        flat[z : z + size],
        flat[low : low + size],
        flat[high : high + size],
    )
    before, after = flat[z - 1 : z - 1 + size], flat[z + 1 : z + 1 + size]
    for i in range(t.size):
        t[i] = a * f[i] * u[i] + b * (g[i] * v[i] + lower[i] * before[i] + upper[i] * after[i])


@part(fastmath=FAST)
def weigh(n, x, z, w, piece):
    """The planes of all bands, the middle of the diagonal, and the bound of every row."""
    for i in range(2 * n[BANDS]):
        n[n[FILLED] + i] = 0
    for k in range(n[WORDS]):
        band, v = n[n[BAND] + k], z[n[COEFFICIENTS] + k]
        if band < 0:
            continue
        for p in range(2):
            n[n[MOVES] + 2 * band + p] = n[n[SHIFTS] + 2 * k + p]
            own, plane, filled = v.real if p == 0 else v.imag, PLANES + 2 * band + p, n[FILLED] + 2 * band + p
            if own != 0:
                if n[filled] == 0:
                    clear(w, plane, plane + 1)
                n[filled] = 1
                add_elements(n, x, w, k, own, plane)
    for p in range(2):
        if n[n[FILLED] + p] == 0:
            clear(w, PLANES + p, PLANES + p + 1)
        x[n[MIDDLE] + p] = centre(n, w, PLANES + p)
    for r in range(w.shape[1]):
        x[n[RADIUS] + r] = 0.0
    for band in range(n[BANDS]):
        strength = x[n[STRENGTHS] + piece * n[FUNCTIONS] + n[n[FUNCTION] + band]]
        for p in range(2):
            if n[n[FILLED] + 2 * band + p] != 0:
                for r in range(w.shape[1]):
                    low, high = extremes(n, w, PLANES + 2 * band + p, r)
                    x[n[RADIUS] + r] += strength * max(high, -low)
    choose_form(n, w)


@part(fastmath=FAST)
def add_elements(n, x, w, k, v, plane):
    """plane += v * (elements of word k), at the places they lead to."""
    R, C, flat = w.shape[1], w.shape[2], w.reshape(-1)
    dr, dc, columns = n[n[SHIFTS] + 2 * k], n[n[SHIFTS] + 2 * k + 1], n[COLUMN] + k * w.shape[2]
    for r in range(max(0, dr), min(R, R + dr)):
        s, place = r - dr, row_place(n, k, r - dr)
        b = max(n[n[FIRST] + s], n[n[FIRST] + r] - dc)
        size = max(min(n[n[LAST] + s], n[n[LAST] + r] - dc) - b, 0)
        begin = (plane * R + r) * C + b + dc
        target, column = flat[begin : begin + size], x[columns + b : columns + b + size]
        if n[SKEW] == 0:
            for i in range(target.size):
                target[i] += (v * x[place]) * column[i]
        else:
            row = x[place + b : place + b + size]
            for i in range(target.size):
                target[i] += (v * row[i]) * column[i]


@part(fastmath=FAST | {"nnan"})
def extremes(n, w, plane, r):
    """The lowest and the highest element of a row of a plane; 0 where it is empty."""
    begin, size = n[n[FIRST] + r], n[n[LAST] + r] - n[n[FIRST] + r]
    if size <= 0:
        return 0.0, 0.0
    row = w.reshape(-1)[(plane * w.shape[1] + r) * w.shape[2] + begin :]
    low, high = row[0], row[0]
    for i in range(size):
        low, high = min(low, row[i]), max(high, row[i])
    return low, high


@part(fastmath=FAST)
def centre(n, w, plane):
    """Take the middle of a plane's range from its elements in use; returns it."""
    low, high = np.inf, -np.inf
    for r in range(w.shape[1]):
        if n[n[LAST] + r] > n[n[FIRST] + r]:
            a, b = extremes(n, w, plane, r)
            low, high = min(low, a), max(high, b)
    middle = 0.5 * (low + high) if high >= low else 0.0
    for r in range(w.shape[1]):
        for c in range(n[n[FIRST] + r], n[n[LAST] + r]):
            w[plane, r, c] -= middle
    return middle


@part(fastmath=FAST)
def choose_form(n, w):
    """The fastest loops for the planes as they are."""
    n[FORM] = ROWS_APART
    moves, filled, used = n[MOVES], n[FILLED], 0
    for r in range(w.shape[1]):
        used += n[n[LAST] + r] - n[n[FIRST] + r]
    if n[COUPLED] != 0:
        if 2 * used > w.shape[1] * w.shape[2]:
            n[FORM] = FLAT
    elif n[BANDS] == 3 and n[FUNCTIONS] == 1:
        apart = n[moves + 3] == -n[moves + 5] and abs(n[moves + 3]) == 1
        straight = n[moves + 2] == 0 and n[moves + 4] == 0
        if apart and straight and n[filled + 2] == 0 and n[filled + 4] == 0:
            n[FORM] = THREE_TERMS


@part(fastmath=FAST)
def three_terms(n, w, a, X, Y, begin, end):
    """Rows begin to end of Y = a * (sum of bands) X, of a diagonal and two imaginary neighbours in one pass."""
    up, down = (PLANES + 3, PLANES + 5) if n[n[MOVES] + 3] > 0 else (PLANES + 5, PLANES + 3)
    flat, field = w.reshape(-1), w.shape[1] * w.shape[2]
    for r in range(begin, end):
        b, e, row = n[n[FIRST] + r], n[n[LAST] + r], r * w.shape[2]
        if e - b < 2:
            continue
        for edge in range(2):
            c = b if edge == 0 else e - 1
            plane, s = (down, c + 1) if edge == 0 else (up, c - 1)
            p, q, v = w[PLANES, r, c], w[PLANES + 1, r, c], w[plane, r, c]
            w[Y, r, c] = a * (p * w[X, r, c] - q * w[X + 1, r, c] - v * w[X + 1, r, s])
            w[Y + 1, r, c] = a * (p * w[X + 1, r, c] + q * w[X, r, c] + v * w[X, r, s])
        at, size = row + b + 1, e - b - 2
        p, q, low, high = PLANES * field + at, (PLANES + 1) * field + at, up * field + at, down * field + at
        u, v, y = X * field + at, (X + 1) * field + at, Y * field + at
        set_three(flat, y, a, p, u, -a, q, v, low, high, size)
        set_three(flat, y + field, a, p, v, a, q, u, low, high, size)


@part(fastmath=FAST)
def flat_band(n, w, band, a, X, Y, anew):
    """Y += a * band X, or Y = that, on the window as one row: elements that lead out of it are zero."""
    flat, field = w.reshape(-1), w.shape[1] * w.shape[2]
    shift = n[n[MOVES] + 2 * band] * w.shape[2] + n[n[MOVES] + 2 * band + 1]
    begin, end = max(0, shift), min(field, field + shift)
    p, u, y = (PLANES + 2 * band) * field + begin, X * field + begin - shift, Y * field + begin
    apply_elements(n, flat, field, band, a, p, u, y, end - begin, anew)


@part(fastmath=FAST)
def apply_elements(n, flat, field, band, a, p, u, y, size, anew):
    """y += a * elements * u, or y = that, from these places on; imaginary parts stand `field` after real ones."""
    real, imaginary = n[n[FILLED] + 2 * band] != 0, n[n[FILLED] + 2 * band + 1] != 0
    q, v, z = p + field, u + field, y + field
    if anew:
        set_products(flat, y, a, p, u, -a, q, v, size)
        set_products(flat, z, a, p, v, a, q, u, size)
    elif real and imaginary:
        add_products(flat, y, a, p, u, -a, q, v, size)
        add_products(flat, z, a, p, v, a, q, u, size)
    elif real:
        add_product(flat, y, a, p, u, size)
        add_product(flat, z, a, p, v, size)
    elif imaginary:
        add_product(flat, y, -a, q, v, size)
        add_product(flat, z, a, q, u, size)


@part(fastmath=FAST)
def row_band(n, w, band, a, X, Y, begin, end, anew):
    """Rows begin to end of Y += a * band X, or Y = that."""
    R, C, flat = w.shape[1], w.shape[2], w.reshape(-1)
    dr, dc = n[n[MOVES] + 2 * band], n[n[MOVES] + 2 * band + 1]
    for r in range(max(begin, dr), min(end, R + dr)):
        s = r - dr
        b = max(n[n[FIRST] + s] + dc, n[n[FIRST] + r])
        size = min(n[n[LAST] + s] + dc, n[n[LAST] + r]) - b
        if size > 0:
            p, u = ((PLANES + 2 * band) * R + r) * C + b, (X * R + s) * C + b - dc
            apply_elements(n, flat, R * C, band, a, p, u, (Y * R + r) * C + b, size, anew)


@part(fastmath=FAST)
def generate(n, x, w, functions, power, factor, X, Y, begin, end, anew):
    """Rows begin to end of Y = factor * sum_g f_g A_g X, or, unless `anew`, Y += that; less MIDDLE.

    f_g is element (g, power) of `functions`.
    """
    if n[FORM] == THREE_TERMS:
        three_terms(n, w, factor * functions[0, power], X, Y, begin, end)
        return
    for band in range(n[BANDS]):
        a, first = factor * functions[n[n[FUNCTION] + band], power], anew and band == 0
        if a != 0 or first:
            if n[FORM] == FLAT:
                flat_band(n, w, band, a, X, Y, first)
            else:
                row_band(n, w, band, a, X, Y, begin, end, first)


@part(fastmath=FAST)
def advance(n, x, w, local, h, allowed, radius, begin, end):
    """psi after a step h on some rows, by the Taylor series sum_n T_n, of which SLOPE gives T_1 / h.

    It ends where all later terms add up to less than `allowed`: they fall at least as fast as the last two, and where
    the generator is constant from T_n on at least by h * radius / (n + 1).
    """
    degree, T = n[DEGREE], PLANES + 2 * n[BANDS]
    slots, before = degree + 2, 0.0
    for p in range(2):
        for r in range(begin, end):
            for c in range(n[n[FIRST] + r], n[n[LAST] + r]):
                w[T + p, r, c] = w[PSI + p, r, c]
                w[T + 2 + p, r, c] = h * w[SLOPE + p, r, c]
    for i in range(1, _TERMS):
        size = np.sqrt(add_rows(n, w, T + 2 * (i % slots), PSI, begin, end))
        if i > degree and size < before and size * size <= allowed * (before - size):
            break
        falls = abs(h) * radius / (i + 1)
        if degree == 0 and falls < 1 and size * falls <= allowed * (1 - falls):
            break
        before = size
        for d in range(min(i, degree) + 1):
            X, Y = T + 2 * ((i - d) % slots), T + 2 * ((i + 1) % slots)
            generate(n, x, w, local, d, h ** (d + 1) / (i + 1), X, Y, begin, end, d == 0)


@part(fastmath=FAST)
def edges(n, x, w):
    """Weight near ends of the window that are no ends of the quantum numbers."""
    F, R, skew = n[PARTS], w.shape[1], n[SKEW]
    spin, lowest = x[n[SPINS] + F - 1], x[n[LOWS] + F - 1]
    least, most = (-spin, spin) if spin >= 0 else (0.0, np.inf)
    total = 0.0
    for r in range(R):
        b, e = n[n[FIRST] + r], n[n[LAST] + r]
        if e <= b:
            continue
        open_row = False
        stride = R
        for f in range(F - 1 if n[COUPLED] != 0 else 0):
            own, size = x[n[LOWS] + f], n[n[SIZES] + f]
            stride //= size
            i, j = (r // stride) % size, x[n[SPINS] + f]
            bounded = j >= 0 and skew == 0
            bottom = -j if bounded else (0.0 if skew == 0 else -np.inf)
            top = j if bounded else np.inf
            open_row = open_row or (i < 2 and own > bottom) or (i >= size - 2 and own + size - 1 < top)
        low = e if open_row else (b + 2 if lowest + b > least else b)
        high = e - 2 if lowest + e - 1 < most else e
        for c in range(b, e):
            if c < low or c >= high:
                total += w[PSI, r, c] ** 2 + w[PSI + 1, r, c] ** 2
    return total
