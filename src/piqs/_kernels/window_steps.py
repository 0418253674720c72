"""Steps in time of a ket on a window: the generator as planes of elements, and Taylor series of its exponential."""

import numpy as np

from piqs._kernels.windows import add_rows, part, row_table

# How planes are applied: row by row, the window as one row, a diagonal and its neighbours in one pass.
ROWS, FLAT, THREE_TERMS = 0, 1, 2
# Terms of a Taylor series at most.
_TERMS = 80


@part
def add_scaled(y, a, x):
    for i in range(y.size):
        y[i] += a * x[i]


@part
def add_product(y, a, p, x):
    for i in range(y.size):
        y[i] += (a * p[i]) * x[i]


@part
def add_real(y, a, p, x, q, z):
    """y += a (p x - q z)."""
    for i in range(y.size):
        y[i] += a * (p[i] * x[i] - q[i] * z[i])


@part
def add_imaginary(y, a, p, x, q, z):
    """y += a (p x + q z)."""
    for i in range(y.size):
        y[i] += a * (p[i] * x[i] + q[i] * z[i])


@part
def set_real(y, a, p, x, q, z):
    """y = a (p x - q z)."""
    for i in range(y.size):
        y[i] = a * (p[i] * x[i] - q[i] * z[i])


@part
def set_imaginary(y, a, p, x, q, z):
    """y = a (p x + q z)."""
    for i in range(y.size):
        y[i] = a * (p[i] * x[i] + q[i] * z[i])


@part
def set_three(y, a, p, x, c, q, z, low, before, high, after):
    """y = a p x + c (q z + low before + high after)."""
    for i in range(y.size):
        y[i] = a * p[i] * x[i] + c * (q[i] * z[i] + low[i] * before[i] + high[i] * after[i])


@part
def weigh(program, ket, room, piece):
    """The planes of all bands, the middle of the diagonal, and the bound of every row."""
    R = ket.psi.shape[1]
    first, last = ket.first, ket.last
    room.planes[:] = 0.0
    for k in range(program.words.shape[0]):
        band, v = program.band[k], room.coefficients[k]
        if band < 0:
            continue
        dr, dc = room.shifts[k, 0], room.shifts[k, 1]
        room.moves[band, 0], room.moves[band, 1] = dr, dc
        if v == 0:
            continue
        for r in range(max(0, dr), min(R, R + dr)):
            b, e = max(first[r - dr], first[r] - dc), min(last[r - dr], last[r] - dc)
            if e <= b:
                continue
            for p in range(2):
                own = v.real if p == 0 else v.imag
                target, column = room.planes[band, p, r, b + dc : e + dc], room.columns[k, b:e]
                if own != 0 and program.skew == 0:
                    add_scaled(target, own * room.rows[k, r - dr], column)
                elif own != 0:
                    add_product(target, own, column, row_table(program.skew, room, k, r - dr, b, e))
    for p in range(2):
        low, high = np.inf, -np.inf
        for r in range(R):
            for i in range(first[r], last[r]):
                low, high = min(low, room.planes[0, p, r, i]), max(high, room.planes[0, p, r, i])
        room.middle[p] = 0.5 * (low + high) if high >= low else 0.0
        for r in range(R):
            for i in range(first[r], last[r]):
                room.planes[0, p, r, i] -= room.middle[p]
    room.radius[:] = 0.0
    for band in range(program.bands.size):
        for p in range(2):
            room.filled[band, p] = False
            for r in range(R):
                largest = 0.0
                for i in range(first[r], last[r]):
                    largest = max(largest, abs(room.planes[band, p, r, i]))
                room.radius[r] += program.strengths[piece, program.bands[band]] * largest
                room.filled[band, p] = room.filled[band, p] or largest > 0
    choose_form(program, ket, room)


@part
def largest_of(x):
    """The largest element, 0 at least."""
    out = 0.0
    for i in range(x.size):
        out = max(out, x[i])
    return out


@part
def choose_form(program, ket, room):
    """The fastest loops for the planes as they are."""
    used = 0
    for r in range(ket.first.size):
        used += ket.last[r] - ket.first[r]
    room.form[0] = ROWS
    if program.coupled:
        if 2 * used > ket.psi.shape[1] * ket.psi.shape[2]:
            room.form[0] = FLAT
    elif program.bands.size == 3 and program.functions == 1:
        apart = room.moves[1, 1] == -room.moves[2, 1] and abs(room.moves[1, 1]) == 1
        straight = room.moves[1, 0] == 0 and room.moves[2, 0] == 0
        if apart and straight and not room.filled[1, 0] and not room.filled[2, 0]:
            room.form[0] = THREE_TERMS


@part
def three_terms(ket, room, a, x, y, begin, end):
    """Rows begin to end of y = a * (sum of bands) x, of a diagonal and two imaginary neighbours in one pass."""
    up, down = (1, 2) if room.moves[1, 1] > 0 else (2, 1)
    for r in range(begin, end):
        b, e = ket.first[r], ket.last[r]
        if e - b < 2:
            continue
        for edge in range(2):
            c = b if edge == 0 else e - 1
            band, s = (down, c + 1) if edge == 0 else (up, c - 1)
            p, q, w = room.planes[0, 0, r, c], room.planes[0, 1, r, c], room.planes[band, 1, r, c]
            y[0, r, c] = a * (p * x[0, r, c] - q * x[1, r, c] - w * x[1, r, s])
            y[1, r, c] = a * (p * x[1, r, c] + q * x[0, r, c] + w * x[0, r, s])
        b, e = b + 1, e - 1
        p, q = room.planes[0, 0, r, b:e], room.planes[0, 1, r, b:e]
        low, high = room.planes[up, 1, r, b:e], room.planes[down, 1, r, b:e]
        u, v = x[0, r], x[1, r]
        w = v[b:e]
        set_three(y[0, r, b:e], a, p, u[b:e], -a, q, w, low, v[b - 1 : e - 1], high, v[b + 1 : e + 1])
        set_three(y[1, r, b:e], a, p, w, a, q, u[b:e], low, u[b - 1 : e - 1], high, u[b + 1 : e + 1])


@part
def flat_band(room, band, a, x, y, anew):
    """y += a * band x, or y = that, on the window as one row: elements that lead out of it are zero."""
    n = x.shape[1] * x.shape[2]
    shift = room.moves[band, 0] * x.shape[2] + room.moves[band, 1]
    b, e = max(0, shift), min(n, n + shift)
    p, q = room.planes[band, 0].reshape(-1)[b:e], room.planes[band, 1].reshape(-1)[b:e]
    u, v = x[0].reshape(-1)[b - shift : e - shift], x[1].reshape(-1)[b - shift : e - shift]
    f, g = y[0].reshape(-1)[b:e], y[1].reshape(-1)[b:e]
    if anew:
        set_real(f, a, p, u, q, v)
        set_imaginary(g, a, p, v, q, u)
    elif room.filled[band, 0] and room.filled[band, 1]:
        add_real(f, a, p, u, q, v)
        add_imaginary(g, a, p, v, q, u)
    elif room.filled[band, 0]:
        add_product(f, a, p, u)
        add_product(g, a, p, v)
    elif room.filled[band, 1]:
        add_product(f, -a, q, v)
        add_product(g, a, q, u)


@part
def add_band(room, band, a, first, last, x, y, begin, end):
    """Rows begin to end of y += a * band x."""
    dr, dc = room.moves[band, 0], room.moves[band, 1]
    plane, real, imaginary = room.planes[band], room.filled[band, 0], room.filled[band, 1]
    for r in range(max(begin, dr), min(end, x.shape[1] + dr)):
        s = r - dr
        b, e = max(first[s] + dc, first[r]), min(last[s] + dc, last[r])
        if e <= b:
            continue
        p, q = plane[0, r, b:e], plane[1, r, b:e]
        u, v = x[0, s, b - dc : e - dc], x[1, s, b - dc : e - dc]
        if real and imaginary:
            add_real(y[0, r, b:e], a, p, u, q, v)
            add_imaginary(y[1, r, b:e], a, p, v, q, u)
        elif real:
            add_product(y[0, r, b:e], a, p, u)
            add_product(y[1, r, b:e], a, p, v)
        elif imaginary:
            add_product(y[0, r, b:e], -a, q, v)
            add_product(y[1, r, b:e], a, q, u)


@part
def generate(program, ket, room, functions, factor, x, y, begin, end, anew):
    """Rows begin to end of y = factor * sum_g functions[g] A_g x, or, unless `anew`, y += that; less `middle`."""
    first, last = ket.first, ket.last
    if room.form[0] == THREE_TERMS:
        three_terms(ket, room, factor * functions[0], x, y, begin, end)
        return
    if room.form[0] == FLAT:
        for band in range(program.bands.size):
            a = factor * functions[program.bands[band]]
            if a != 0 or (anew and band == 0):
                flat_band(room, band, a, x, y, anew and band == 0)
        return
    for r in range(begin, end if anew else begin):
        a, b, e = factor * functions[0], first[r], last[r]
        p, q = room.planes[0, 0, r, b:e], room.planes[0, 1, r, b:e]
        u, v = x[0, r, b:e], x[1, r, b:e]
        set_real(y[0, r, b:e], a, p, u, q, v)
        set_imaginary(y[1, r, b:e], a, p, v, q, u)
    for band in range(1 if anew else 0, program.bands.size):
        a = factor * functions[program.bands[band]]
        if a != 0:
            add_band(room, band, a, first, last, x, y, begin, end)


@part
def advance(program, ket, room, local, h, allowed, begin, end):
    """psi after a step h on some rows, by the Taylor series sum_n T_n, of which room.slope gives T_1 / h.

    It ends where all later terms, which fall at least as fast as the last two, add up to less than `allowed`.
    """
    first, last, T = ket.first, ket.last, room.terms
    slots, before = T.shape[0], 0.0
    for r in range(begin, end):
        for p in range(2):
            for i in range(first[r], last[r]):
                T[0, p, r, i] = ket.psi[p, r, i]
                T[1, p, r, i] = h * room.slope[p, r, i]
    for n in range(1, _TERMS):
        size2 = add_rows(first, last, 1.0, T[n % slots], ket.psi, begin, end)
        size = np.sqrt(size2)
        if n > program.degree and size < before and size * size <= allowed * (before - size):
            break
        before = size
        for d in range(min(n, program.degree) + 1):
            x, y = T[(n - d) % slots], T[(n + 1) % slots]
            generate(program, ket, room, local[:, d], h ** (d + 1) / (n + 1), x, y, begin, end, d == 0)


@part
def edges(program, ket):
    """Weight near ends of the window that are no ends of the quantum numbers."""
    F, R = ket.spins.size, ket.psi.shape[1]
    least, most = (-ket.spins[F - 1], ket.spins[F - 1]) if ket.spins[F - 1] >= 0 else (0.0, np.inf)
    total = 0.0
    for r in range(R):
        b, e = ket.first[r], ket.last[r]
        if e <= b:
            continue
        open_row = False
        stride = R
        for f in range(F - 1 if program.coupled else 0):
            stride //= ket.sizes[f]
            i = (r // stride) % ket.sizes[f]
            bounded = ket.spins[f] >= 0 and program.skew == 0
            bottom = -ket.spins[f] if bounded else (0.0 if program.skew == 0 else -np.inf)
            top = ket.spins[f] if bounded else np.inf
            open_row = open_row or (i < 2 and ket.lows[f] > bottom)
            open_row = open_row or (i >= ket.sizes[f] - 2 and ket.lows[f] + ket.sizes[f] - 1 < top)
        low = e if open_row else (b + 2 if ket.lows[F - 1] + b > least else b)
        high = e - 2 if ket.lows[F - 1] + e - 1 < most else e
        for i in range(b, e):
            if i < low or i >= high:
                total += ket.psi[0, r, i] ** 2 + ket.psi[1, r, i] ** 2
    return total
