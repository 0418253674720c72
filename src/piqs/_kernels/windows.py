"""Kets on a window of quantum numbers; operators are products of ladder symbols, applied, never built.

A ket is an array (rows, columns), real and imaginary parts apart: the columns are the last part's quantum numbers, the
rows those of the others. Of two parts the rows may be sums instead, m + skew n, where the generator conserves these:
then it couples no two rows. In every row only the columns from FIRST to before LAST are in use.

Compiled functions share four arrays, because each further array costs compilation in every function it goes through:

    n  int64       numbers of the problem, then tables of whole numbers
    x  float64     tables of real numbers
    z  complex128  tables of complex numbers
    w  float64     (slots, rows, columns): fields on the window, the imaginary part one slot after the real one

`n[PARTS]` is the number of parts; the table of spins begins at `n[SPINS]` of x.
"""

import numpy as np

from piqs._kernels.cache import kernel, part

# Symbols of words. DEPTH is J_z - j, of a spin seen from a frame; END stands for no symbol, or the number 1.
END, RAISE, LOWER, INVERSION, ANNIHILATE, CREATE, DEPTH = 0, 1, 2, 3, 4, 5, 6
# Mean of a, or of J_+ / sqrt(2j), seen from its frame, from which on the frame is moved.
OFF_CENTRE = 0.25

# Numbers in n: lengths of tables, +1 or -1 for rows of sums, whether the generator couples rows, how planes are applied.
PARTS, ROWS, COLUMNS, WORDS, SYMBOLS, ENTRIES, FACTORS, BANDS, CHANNELS = range(9)
FUNCTIONS, PIECES, DEGREE, SKEW, COUPLED, FORM = range(9, 15)
# Tables of whole numbers.
WORD = 15  # (words, parts, symbols), the rightmost symbol last
GROUP = 16  # (words): number of a function of time; those from FUNCTIONS on: jump of a channel
BAND = 17  # (words): words of one function and one shift make a band; -1: of a jump
FUNCTION = 18  # (bands): number of the function; band 0 is the constant one without shift
ENTRY = 19  # (entries): word; the sum of its entries is its coefficient: numbers times elements of the frames
FACTOR = 20  # (entries, factors, 3): part, its symbol, the symbol seen from the frame; -1: none
OWNER = 21  # (channels): part of local noise, -1 of collective noise
Q = 22  # (channels): of local noise J_q
TIMED = 23  # (channels): number of the function that is the rate, or -1
UNIFORM = 24  # (channels, 4): whether the rows go along with a jump, by how much; the same of columns
MOVED = 25  # (words, parts): how a word changes a quantum number
SIZES, FRAMED = 26, 27  # (parts)
FIRST, LAST = 28, 29  # (rows)
SHIFTS = 30  # (words, 2): of rows and of columns
MOVES = 31  # (bands, 2): shifts
FILLED = 32  # (bands, 2): whether the real and the imaginary parts are not all zero
# Tables of real numbers.
SPINS = 33  # (parts): j, -1 for a mode
LOWS = 34  # (parts): lowest quantum number; the lowest sum in place of the first if SKEW
EMITTERS = 35  # (parts): 0 for a mode
LOST = 36  # (1): bound of the norm left out so far
RATES = 37  # (channels)
BREAKS = 38  # (pieces + 1)
POLYNOMIALS = 39  # (pieces, functions, degree + 1), of the time from the middle of the piece
STRENGTHS = 40  # (pieces, functions): largest modulus
MIDDLE = 41  # (2): taken from band 0
RADIUS = 42  # (rows): bound of the norm of what reaches a row
ROW = 43  # (words, rows, or rows + columns - 1 if SKEW): amplitudes of the first parts
COLUMN = 44  # (words, columns): amplitudes of the last part
# Tables of complex numbers.
NUMBERS = 45  # (entries)
COEFFICIENTS = 46  # (words)
FRAMES = 47  # (parts, 7, 7): a symbol as a sum of symbols seen from the frame
HEADER = 48

# Slots of w. From PLANES on: the elements of every band, at the place they lead to; then terms of series, of which
# there are DEGREE + 2.
PSI, SLOPE, OTHER, PLANES = 0, 2, 4, 6


FAST = {"contract", "reassoc", "nsz"}


@part(fastmath=FAST)
def fill(n, k, f, spin, low, step, out):
    """Amplitudes of word k on the quantum numbers low, low + step, ... of part f."""
    begin = n[WORD] + (k * n[PARTS] + f) * n[SYMBOLS]
    for i in range(out.size):
        out[i] = 1.0
    for roots in range(2):  # first squares, whose root is taken, then plain factors
        value = low
        for p in range(begin + n[SYMBOLS] - 1, begin - 1, -1):
            a, b, s, t = 0.0, 1.0, 0.0, 0.0  # the factor (a + s value) (b + t value)
            if n[p] == RAISE:
                a, b, s, t = spin, spin + 1, -1.0, 1.0
            elif n[p] == LOWER:
                a, b, s, t = spin, spin + 1, 1.0, -1.0
            elif n[p] == ANNIHILATE or n[p] == CREATE:
                a, s = 0.0 if n[p] == ANNIHILATE else 1.0, 1.0
            elif n[p] == INVERSION or n[p] == DEPTH:
                a, s = 0.0 if n[p] == INVERSION else -spin, 1.0
            plain = n[p] == INVERSION or n[p] == DEPTH
            if n[p] != END and roots == 1 and plain:
                for i in range(out.size):
                    out[i] *= a + s * (value + step * i)
            elif n[p] != END and roots == 0 and not plain:
                for i in range(out.size):
                    v = value + step * i
                    out[i] *= max((a + s * v) * (b + t * v), 0.0)
            value += 1.0 if n[p] == RAISE or n[p] == CREATE else 0.0
            value -= 1.0 if n[p] == LOWER or n[p] == ANNIHILATE else 0.0
        for i in range(out.size if roots == 0 else 0):
            out[i] = np.sqrt(out[i])


@part(fastmath=FAST)
def count(n, x, z):
    """Coefficients of all words, as the frames and j stand."""
    for f in range(n[PARTS]):
        spin, frame = x[n[SPINS] + f], n[FRAMES] + 49 * f
        if n[n[FRAMED] + f] != 0 and spin >= 0:
            for symbol in range(1, 4):
                z[frame + 7 * symbol + END] = spin * z[frame + 7 * symbol + DEPTH]
    for k in range(n[WORDS]):
        z[n[COEFFICIENTS] + k] = 0
    for e in range(n[ENTRIES]):
        number = z[n[NUMBERS] + e]
        begin = n[FACTOR] + 3 * n[FACTORS] * e
        for p in range(begin, begin + 3 * n[FACTORS], 3):
            if n[p] >= 0:
                number *= z[n[FRAMES] + 49 * n[p] + 7 * n[p + 1] + n[p + 2]]
        z[n[COEFFICIENTS] + n[n[ENTRY] + e]] += number


@part(fastmath=FAST)
def tabulate(n, x, z):
    """Coefficients, shifts and amplitudes of all words on the window."""
    count(n, x, z)
    R, C, F, skew = n[ROWS], n[COLUMNS], n[PARTS], n[SKEW]
    wide = R if skew == 0 else R + C - 1
    for k in range(n[WORDS]):
        rows, columns, shifts = n[ROW] + k * wide, n[COLUMN] + k * C, n[SHIFTS] + 2 * k
        moved = n[MOVED] + k * F
        fill(n, k, F - 1, x[n[SPINS] + F - 1], x[n[LOWS] + F - 1], 1.0, x[columns : columns + C])
        n[shifts + 1] = n[moved + F - 1]
        if skew != 0:
            low = x[n[LOWS]] - skew * x[n[LOWS] + 1] + (R - 1 if skew > 0 else 0)
            fill(n, k, 0, x[n[SPINS]], low, -1.0 * skew, x[rows : rows + wide])
            n[shifts] = n[moved] + skew * n[shifts + 1]
            continue
        n[shifts] = 0
        for r in range(R):
            x[rows + r] = 1.0
        stride = R
        for f in range(F - 1):
            size, shift = n[n[SIZES] + f], n[moved + f]
            stride //= size
            n[shifts] += shift * stride
            own = np.empty(size)
            fill(n, k, f, x[n[SPINS] + f], x[n[LOWS] + f], 1.0, own)
            for r in range(R):
                i = (r // stride) % size
                # of several parts, a shift must not lead from one's end to the next one's beginning
                inside = F == 2 or 0 <= i + shift < size
                x[rows + r] *= own[i] if inside else 0.0


@part(fastmath=FAST)
def row_place(n, k, r):
    """Place p in x of the first parts' amplitudes of word k, on row r; at column c it is p + c if SKEW."""
    if n[SKEW] == 0:
        return n[ROW] + k * n[ROWS] + r
    return n[ROW] + k * (n[ROWS] + n[COLUMNS] - 1) + (n[ROWS] - 1 - r if n[SKEW] > 0 else r)


@part(fastmath=FAST)
def copy(w, source, target):
    """Field `target` = field `source`."""
    flat = w.reshape(-1)
    size = 2 * w.shape[1] * w.shape[2]
    a, b = source * w.shape[1] * w.shape[2], target * w.shape[1] * w.shape[2]
    for i in range(size):
        flat[b + i] = flat[a + i]


@part(fastmath=FAST)
def clear(w, begin, end):
    """The slots from `begin` to before `end` are 0."""
    flat = w.reshape(-1)
    size = w.shape[1] * w.shape[2]
    for i in range(begin * size, end * size):
        flat[i] = 0.0


@part(fastmath=FAST)
def dot(w, i, k, size):
    """Sum of products of `size` elements from places i and k on."""
    flat = w.reshape(-1)
    a, b = flat[i : i + size], flat[k : k + size]
    total = 0.0
    for p in range(a.size):
        total += a[p] * b[p]
    return total


@part(fastmath=FAST)
def overlap(n, w, a, b, begin, end):
    """Real part of <a|b> of two fields over some rows."""
    R, C, total = w.shape[1], w.shape[2], 0.0
    for r in range(begin, end):
        first = n[n[FIRST] + r]
        size = n[n[LAST] + r] - first
        for p in range(2):
            total += dot(w, ((a + p) * R + r) * C + first, ((b + p) * R + r) * C + first, size)
    return total


@part(fastmath=FAST)
def add_rows(n, w, a, b, begin, end):
    """Field b += field a on some rows; returns |a|^2."""
    R, C, total = w.shape[1], w.shape[2], 0.0
    flat = w.reshape(-1)
    for r in range(begin, end):
        first, last = n[n[FIRST] + r], n[n[LAST] + r]
        for p in range(2):
            i, k = ((a + p) * R + r) * C, ((b + p) * R + r) * C
            source, target = flat[i + first : i + last], flat[k + first : k + last]
            for c in range(source.size):
                target[c] += source[c]
                total += source[c] * source[c]
    return total


@part(fastmath=FAST)
def add_word(n, x, w, k, factor, a, b):
    """Field b += factor * (word k) field a."""
    dr, dc = n[n[SHIFTS] + 2 * k], n[n[SHIFTS] + 2 * k + 1]
    step = 0 if n[SKEW] == 0 else 1
    for r in range(max(0, -dr), min(n[ROWS], n[ROWS] - dr)):
        s, place = r + dr, row_place(n, k, r)
        begin = max(n[n[FIRST] + r], n[n[FIRST] + s] - dc)
        for c in range(begin, min(n[n[LAST] + r], n[n[LAST] + s] - dc)):
            v = factor * (x[n[COLUMN] + k * n[COLUMNS] + c] * x[place + step * c])
            w[b, s, c + dc] += v.real * w[a, r, c] - v.imag * w[a + 1, r, c]
            w[b + 1, s, c + dc] += v.real * w[a + 1, r, c] + v.imag * w[a, r, c]


@kernel()
def means(n, x, z, w, out):
    """<operator g> of every group of words, into out."""
    tabulate(n, x, z)
    norm2 = overlap(n, w, PSI, PSI, 0, n[ROWS])
    for g in range(out.size):
        out[g] = 0
    for k in range(n[WORDS]):
        coefficient = z[n[COEFFICIENTS] + k]
        if coefficient == 0:
            continue
        clear(w, OTHER, OTHER + 2)
        add_word(n, x, w, k, 1.0 + 0j, PSI, OTHER)
        real = overlap(n, w, PSI, OTHER, 0, n[ROWS])
        imaginary = 0.0
        for r in range(n[ROWS]):
            for c in range(n[n[FIRST] + r], n[n[LAST] + r]):
                imaginary += w[PSI, r, c] * w[OTHER + 1, r, c] - w[PSI + 1, r, c] * w[OTHER, r, c]
        out[n[n[GROUP] + k]] += coefficient * complex(real, imaginary) / norm2


@kernel()
def exponential(n, x, z, w):
    """psi = exp(operator) psi, for an operator that couples what its words say."""
    tabulate(n, x, z)
    # the two fields of terms are SLOPE and OTHER
    copy(w, PSI, SLOPE)
    allowed = 1e-32 * overlap(n, w, PSI, PSI, 0, n[ROWS])
    for i in range(1, 300):
        a, b = (SLOPE, OTHER) if i % 2 else (OTHER, SLOPE)
        clear(w, b, b + 2)
        for k in range(n[WORDS]):
            add_word(n, x, w, k, z[n[COEFFICIENTS] + k] / i, a, b)
        if add_rows(n, w, b, PSI, 0, n[ROWS]) < allowed:
            break
