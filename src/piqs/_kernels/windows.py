"""Trajectories of kets on a window of quantum numbers; operators are products of ladder symbols, applied, never built.

A ket is an array (rows, columns), real and imaginary parts apart: the columns are the last part's quantum numbers, the
rows those of the others. Of two parts the rows may be sums instead, m + skew n, where the generator conserves these:
then it couples no two rows. In every row only the columns from `first` to before `last` are in use.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from piqs._kernels.cache import kernel

# Symbols of words. DEPTH is J_z - j, of a spin seen from a frame; END stands for no symbol, or the number 1.
END, RAISE, LOWER, INVERSION, ANNIHILATE, CREATE, DEPTH = 0, 1, 2, 3, 4, 5, 6
# Mean of a, or of J_+ / sqrt(2j), seen from its frame, from which on the frame is moved.
OFF_CENTRE = 0.25


class Program(NamedTuple):
    """A generator and its jumps in words; an operator to average is one without channels.

    The sum of entries with the same word is its coefficient: numbers times elements of the frames.
    """

    words: np.ndarray  # int8 (words, parts, symbols), the rightmost symbol last
    groups: (
        np.ndarray
    )  # int (words): number of a function of time; those from `functions` on: jump of a channel
    band: np.ndarray  # int (words): words of one function and one shift make a band; -1: of a jump
    bands: np.ndarray  # int (bands): number of the function; band 0 is the constant one without shift
    entries: np.ndarray  # int (entries): word
    numbers: np.ndarray  # complex (entries)
    factors: (
        np.ndarray
    )  # int8 (entries, factors, 3): part, its symbol, the symbol seen from the frame; -1: none
    functions: int
    skew: int
    coupled: bool  # whether the generator couples rows
    emitters: np.ndarray  # float (parts), 0 for a mode
    framed: np.ndarray  # bool (parts)
    owner: np.ndarray  # int (channels): part of local noise, -1 of collective noise
    q: np.ndarray  # int (channels): of local noise J_q
    rates: np.ndarray  # float (channels)
    timed: np.ndarray  # int (channels): number of the function that is the rate, or -1
    uniform: (
        np.ndarray
    )  # int (channels, 4): whether the rows go along with a jump, by how much; the same of columns
    breaks: np.ndarray
    polynomials: (
        np.ndarray
    )  # complex (pieces, functions, degree + 1), of the time from the middle of the piece
    strengths: np.ndarray  # float (pieces, functions): largest modulus
    degree: int


class Ket(NamedTuple):
    """A ket on its window, seen from frames."""

    psi: np.ndarray  # float (2, rows, columns)
    first: np.ndarray
    last: np.ndarray
    spins: np.ndarray  # float (parts): j, -1 for a mode
    lows: np.ndarray  # float (parts): lowest quantum number; the lowest sum in place of the first if skew
    sizes: np.ndarray  # int (parts)
    frames: np.ndarray  # complex (parts, 7, 7): a symbol as a sum of symbols seen from the frame
    lost: np.ndarray  # float (1): bound of the norm left out so far


class Room(NamedTuple):
    """Tables of a program on a window, and arrays to work in."""

    coefficients: np.ndarray  # complex (words)
    shifts: np.ndarray  # int (words, 2): of rows and of columns
    rows: np.ndarray  # float (words, rows, or rows + columns - 1)
    columns: np.ndarray  # float (words, columns)
    moves: np.ndarray  # int (bands, 2): shifts
    planes: np.ndarray  # float (bands, 2, rows, columns): elements of a band, at the place they lead to
    filled: np.ndarray  # bool (bands, 2): whether the real and the imaginary parts are not all zero
    form: np.ndarray  # int (1): how the planes are applied
    middle: np.ndarray  # float (2): taken from band 0
    radius: np.ndarray  # float (rows): bound of the norm of what reaches a row
    slope: np.ndarray  # float (2, rows, columns): psi'
    terms: np.ndarray  # float (degree + 2, 2, rows, columns)
    other: np.ndarray  # float (2, rows, columns)


part = njit(
    nogil=True,
    error_model="numpy",
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    fastmath={"contract", "reassoc", "nsz"},
)


@part
def profile(word, spin, low, step, out):
    """Amplitude of a word on quantum numbers low, low + step, ...; returns its shift."""
    shift = 0
    for p in range(word.size):
        if word[p] == RAISE or word[p] == CREATE:
            shift += 1
        elif word[p] == LOWER or word[p] == ANNIHILATE:
            shift -= 1
    for i in range(out.size):
        value = low + step * i
        amplitude = 1.0
        for p in range(word.size - 1, -1, -1):
            symbol = word[p]
            if symbol == RAISE:
                amplitude *= np.sqrt(max((spin - value) * (spin + value + 1), 0.0))
                value += 1
            elif symbol == LOWER:
                amplitude *= np.sqrt(max((spin + value) * (spin - value + 1), 0.0))
                value -= 1
            elif symbol == INVERSION:
                amplitude *= value
            elif symbol == DEPTH:
                amplitude *= value - spin
            elif symbol == ANNIHILATE:
                amplitude *= np.sqrt(max(value, 0.0))
                value -= 1
            elif symbol == CREATE:
                amplitude *= np.sqrt(max(value + 1, 0.0))
                value += 1
        out[i] = amplitude
    return shift


@part
def count(program, ket, room):
    """Coefficients of all words, as the frames and j stand."""
    for f in range(ket.spins.size):
        if program.framed[f] and ket.spins[f] >= 0:
            for symbol in range(1, 4):
                ket.frames[f, symbol, END] = ket.spins[f] * ket.frames[f, symbol, DEPTH]
    room.coefficients[:] = 0
    for e in range(program.entries.size):
        number = program.numbers[e]
        for p in range(program.factors.shape[1]):
            f = program.factors[e, p, 0]
            if f >= 0:
                number *= ket.frames[f, program.factors[e, p, 1], program.factors[e, p, 2]]
        room.coefficients[program.entries[e]] += number


@part
def tabulate(program, ket, room):
    """Coefficients, shifts and profiles of all words on the window."""
    count(program, ket, room)
    K, F = program.words.shape[0], program.words.shape[1]
    R = ket.psi.shape[1]
    buffer = np.empty(max(ket.psi.shape[1], ket.psi.shape[2]))
    for k in range(K):
        room.shifts[k, 1] = profile(
            program.words[k, F - 1], ket.spins[F - 1], ket.lows[F - 1], 1, room.columns[k]
        )
        room.shifts[k, 0] = 0
        room.rows[k, :] = 1.0
        if program.skew != 0:
            low = ket.lows[0] - program.skew * ket.lows[1] + (R - 1 if program.skew > 0 else 0)
            shift = profile(program.words[k, 0], ket.spins[0], low, -program.skew, room.rows[k])
            room.shifts[k, 0] = shift + program.skew * room.shifts[k, 1]
            continue
        stride = R
        for f in range(F - 1):
            size = ket.sizes[f]
            stride //= size
            shift = profile(program.words[k, f], ket.spins[f], ket.lows[f], 1, buffer[:size])
            room.shifts[k, 0] += shift * stride
            for r in range(R):
                i = (r // stride) % size
                # of several parts, a shift must not lead from one's end to the next one's beginning
                room.rows[k, r] *= buffer[i] if F == 2 or 0 <= i + shift < size else 0.0


@part
def row_table(skew, room, k, r, begin, end):
    """Amplitudes of word k's first part along a row, where the rows are sums."""
    start = (room.radius.size - 1 - r if skew > 0 else r) + begin
    return room.rows[k, start : start + end - begin]


@part
def copy(x, y):
    """y = x, without what NumPy's assignment compiles to."""
    source, target = x.reshape(-1), y.reshape(-1)
    for i in range(source.size):
        target[i] = source[i]


@part
def squared_norm(x):
    total = 0.0
    flat = x.reshape(-1)
    for i in range(flat.size):
        total += flat[i] * flat[i]
    return total


@part
def overlap(first, last, x, y, begin, end):
    """Real part of <x|y> over some rows."""
    total = 0.0
    for r in range(begin, end):
        for p in range(2):
            a, b = x[p, r, first[r] : last[r]], y[p, r, first[r] : last[r]]
            for i in range(a.size):
                total += a[i] * b[i]
    return total


@part
def add_rows(first, last, a, x, y, begin, end):
    """y += a x on some rows; returns |x|^2."""
    total = 0.0
    for r in range(begin, end):
        for p in range(2):
            source, target = x[p, r, first[r] : last[r]], y[p, r, first[r] : last[r]]
            for i in range(source.size):
                target[i] += a * source[i]
                total += source[i] * source[i]
    return total


@part
def add_word(skew, room, k, factor, first, last, x, y):
    """y += factor * (word k) x."""
    dr, dc = room.shifts[k, 0], room.shifts[k, 1]
    for r in range(max(0, -dr), min(x.shape[1], x.shape[1] - dr)):
        s = r + dr
        for c in range(max(first[r], first[s] - dc), min(last[r], last[s] - dc)):
            v = factor * room.columns[k, c] * (room.rows[k, r] if skew == 0 else 1.0)
            if skew != 0:
                v *= row_table(skew, room, k, r, c, c + 1)[0]
            y[0, s, c + dc] += v.real * x[0, r, c] - v.imag * x[1, r, c]
            y[1, s, c + dc] += v.real * x[1, r, c] + v.imag * x[0, r, c]


@kernel(error_model="numpy")
def means(program, ket, room, out):
    """<operator g> of every group of words, into out."""
    tabulate(program, ket, room)
    R, first, last = ket.psi.shape[1], ket.first, ket.last
    norm2 = overlap(first, last, ket.psi, ket.psi, 0, R)
    y = room.other
    out[:] = 0.0
    for k in range(program.words.shape[0]):
        if room.coefficients[k] == 0:
            continue
        y[:] = 0.0
        add_word(program.skew, room, k, 1.0 + 0j, first, last, ket.psi, y)
        real = overlap(first, last, ket.psi, y, 0, R)
        imaginary = 0.0
        for r in range(R):
            for i in range(first[r], last[r]):
                imaginary += ket.psi[0, r, i] * y[1, r, i] - ket.psi[1, r, i] * y[0, r, i]
        out[program.groups[k]] += room.coefficients[k] * complex(real, imaginary) / norm2


@kernel(error_model="numpy")
def exponential(program, ket, room):
    """psi = exp(operator) psi, for an operator that couples what its words say."""
    tabulate(program, ket, room)
    first, last, T = ket.first, ket.last, room.terms
    copy(ket.psi, T[0])
    allowed = 1e-32 * squared_norm(ket.psi)
    for n in range(1, 300):
        x, y = T[(n - 1) % 2], T[n % 2]
        y[:] = 0.0
        for k in range(program.words.shape[0]):
            add_word(program.skew, room, k, room.coefficients[k] / n, first, last, x, y)
        if add_rows(first, last, 1.0, y, ket.psi, 0, first.size) < allowed:
            break


@kernel(error_model="numpy")
def row_weights(ket):
    """Weight of every row."""
    out = np.empty(ket.psi.shape[1])
    for r in range(out.size):
        out[r] = overlap(ket.first, ket.last, ket.psi, ket.psi, r, r + 1)
    return out


@kernel(error_model="numpy")
def column_weights(ket):
    """Weight of every column."""
    out = np.zeros(ket.psi.shape[2])
    for r in range(ket.psi.shape[1]):
        for i in range(ket.first[r], ket.last[r]):
            out[i] += ket.psi[0, r, i] ** 2 + ket.psi[1, r, i] ** 2
    return out


@kernel(error_model="numpy")
def supports(psi, allowed, first, last):
    """Columns of every row outside of which at each end at most `allowed` of the weight lies; first = last if empty."""
    R, C = psi.shape[1], psi.shape[2]
    for r in range(R):
        total = 0.0
        begin = 0
        while begin < C:
            total += psi[0, r, begin] ** 2 + psi[1, r, begin] ** 2
            if total > allowed:
                break
            begin += 1
        total = 0.0
        end = C
        while end > begin:
            total += psi[0, r, end - 1] ** 2 + psi[1, r, end - 1] ** 2
            if total > allowed:
                break
            end -= 1
        first[r], last[r] = begin, max(end, begin)
