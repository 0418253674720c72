"""Kets on a window of quantum numbers, and operators as products of ladder symbols that are applied, never built.

A ket is an array (rows, columns): the columns are the last part's quantum numbers, the rows those of all other
parts. An operator is a list of terms; each shifts rows and columns and multiplies by one profile along the rows and
one along the columns, which are zero where the shift would leave the window.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from piqs._kernels.dicke_amplitudes import squared_amplitude

# Symbols of the words below.
END, RAISE, LOWER, INVERSION, ANNIHILATE, CREATE = 0, 1, 2, 3, 4, 5


class Terms(NamedTuple):
    """Terms of an operator on a window."""

    coefficients: np.ndarray  # complex (terms)
    shifts: np.ndarray  # int (terms, 2): of rows and of columns
    rows: np.ndarray  # float (terms, rows)
    columns: np.ndarray  # float (terms, columns)
    first: np.ndarray  # int (rows): amplitudes of a row are zero but from here ...
    last: np.ndarray  # ... to before this column


part = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(cache=True, nogil=True, error_model="numpy")


@part
def profile(word, spin, low, size, out):
    """Amplitude of a word (rightmost symbol last) on quantum numbers low, low + 1, ...; returns its shift.

    `spin` is j, or negative for a mode. Amplitudes whose target is outside the window are kept.
    """
    shift = 0
    for p in range(word.size):
        if word[p] == RAISE or word[p] == CREATE:
            shift += 1
        elif word[p] == LOWER or word[p] == ANNIHILATE:
            shift -= 1
    for i in range(size):
        value = low + i
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
            elif symbol == ANNIHILATE:
                amplitude *= np.sqrt(max(value, 0.0))
                value -= 1
            elif symbol == CREATE:
                amplitude *= np.sqrt(max(value + 1, 0.0))
                value += 1
        out[i] = amplitude
    return shift


@entry
def fill_terms(words, spins, lows, sizes, shifts, rows, columns, leaks):
    """Profiles of all words (terms, parts, symbols) on a window, and how much of each leads out of it.

    leaks[k, f, e]: largest amplitude of the word of part f in term k that leaves the window at its lower (e = 0) or
    upper end (e = 1), and largest of all (e = 2).
    """
    K, F = words.shape[0], words.shape[1]
    room = np.empty(sizes.max())
    for k in range(K):
        rows[k, :] = 1.0
        flat = 0
        stride = rows.shape[1]
        for f in range(F):
            size = sizes[f]
            shift = profile(words[k, f], spins[f], lows[f], size, room)
            largest = 0.0
            for i in range(size):
                largest = max(largest, abs(room[i]))
                if i + shift < 0 or i + shift >= size:
                    leaks[k, f, 0 if shift < 0 else 1] = max(leaks[k, f, 0 if shift < 0 else 1], abs(room[i]))
                    room[i] = 0.0
            leaks[k, f, 2] = largest
            if f == F - 1:
                for i in range(size):
                    columns[k, i] = room[i]
                shifts[k, 1] = shift
            else:
                stride //= size
                flat += shift * stride
                for r in range(rows.shape[1]):
                    rows[k, r] *= room[(r // stride) % size]
        shifts[k, 0] = flat


@part
def add_terms(terms, factors, x, y):
    """y += sum_k factors[k] c_k (term k) x."""
    first, last = terms.first, terms.last
    for k in range(terms.coefficients.size):
        c = factors[k] * terms.coefficients[k]
        if c == 0:
            continue
        dr, dc = terms.shifts[k, 0], terms.shifts[k, 1]
        column = terms.columns[k]
        for r in range(max(0, -dr), min(x.shape[0], x.shape[0] - dr)):
            v = c * terms.rows[k, r]
            if v != 0:
                source, target = x[r], y[r + dr]
                begin = max(first[r], first[r + dr] - dc)
                end = min(last[r], last[r + dr] - dc)
                for i in range(begin, end):
                    target[i + dc] += (v * column[i]) * source[i]


@entry
def apply_terms(terms, x, y):
    """y += (operator) x."""
    add_terms(terms, np.ones(terms.coefficients.size, dtype=np.complex128), x, y)


@entry
def expectation(terms, x):
    """<x| operator |x>."""
    total = 0.0j
    first, last = terms.first, terms.last
    for k in range(terms.coefficients.size):
        if terms.coefficients[k] == 0:
            continue
        dr, dc = terms.shifts[k, 0], terms.shifts[k, 1]
        own = 0.0j
        for r in range(max(0, -dr), min(x.shape[0], x.shape[0] - dr)):
            v = terms.rows[k, r]
            if v != 0:
                for i in range(max(first[r], first[r + dr] - dc), min(last[r], last[r + dr] - dc)):
                    own += (v * terms.columns[k, i]) * (np.conj(x[r + dr, i + dc]) * x[r, i])
        total += terms.coefficients[k] * own
    return total


@part
def one_norm(x, first, last):
    total = 0.0
    for r in range(x.shape[0]):
        for i in range(first[r], last[r]):
            total += abs(x[r, i].real) + abs(x[r, i].imag)
    return total


@entry
def squared_norm(x):
    """Sum of |x|^2."""
    total = 0.0
    for r in range(x.shape[0]):
        for i in range(x.shape[1]):
            total += x[r, i].real ** 2 + x[r, i].imag ** 2
    return total


@entry
def expand(terms, polynomials, scale, threshold, horizon, tolerance, V):
    """Taylor series of psi around the present: psi(t + x / scale) = sum_n V[n] x^n, from psi' = sum_k f_k A_k psi.

    polynomials[k]: Taylor coefficients of f_k. Steps and error as in `piqs._kernels.trajectories.expand`. Returns the
    last term and the step in units of 1/scale.
    """
    K, top = polynomials.shape[0], polynomials.shape[1] - 1
    norm2 = squared_norm(V[0])
    allowed = tolerance * np.sqrt(norm2)
    last = V.shape[0] - 1
    step = horizon * scale
    before = np.inf
    factors = np.empty(K, dtype=np.complex128)
    degree = 0
    for k in range(K):
        for d in range(1, top + 1):
            if polynomials[k, d] != 0:
                degree = max(degree, d)
    lower, upper = terms.first, terms.last
    for n in range(last):
        for r in range(V.shape[1]):
            for i in range(lower[r], upper[r]):
                V[n + 1, r, i] = 0.0
        for d in range(min(n, degree) + 1):
            used = False
            for k in range(K):
                factors[k] = polynomials[k, d] / (scale ** (d + 1) * (n + 1))
                used = used or factors[k] != 0
            if used:
                add_terms(terms, factors, V[n - d], V[n + 1])
        size = one_norm(V[n + 1], lower, upper)
        if n == 0:
            slope = 0.0
            for r in range(V.shape[1]):
                for i in range(lower[r], upper[r]):
                    slope -= 2 * (V[0, r, i].real * V[1, r, i].real + V[0, r, i].imag * V[1, r, i].imag)
            if slope > 0 and threshold > 0:
                step = min(step, 1.5 * max(0.0, np.log(norm2 / threshold)) * norm2 / slope + 1e-3)
        if n >= degree and size * step ** (n + 1) <= allowed and before * step**n <= allowed:
            return n + 1, step
        if n == last - 1:
            if size > 0:
                step = min(step, (allowed / size) ** (1 / last))
            if before > 0:
                step = min(step, (allowed / before) ** (1 / (last - 1)))
        before = size
    return last, step


@entry
def norm_and_slope(terms, V, order, x):
    """Squared norm of sum_n V[n] x^n and its derivative in x."""
    norm2, slope = 0.0, 0.0
    for r in range(V.shape[1]):
        for i in range(terms.first[r], terms.last[r]):
            value, change = V[order, r, i], 0.0j
            for n in range(order - 1, -1, -1):
                change = change * x + value
                value = value * x + V[n, r, i]
            norm2 += value.real**2 + value.imag**2
            slope += 2 * (value.real * change.real + value.imag * change.imag)
    return norm2, slope


@entry
def crossing(terms, V, order, step, threshold, last):
    """The x in (0, step] at which the squared norm is `threshold`: Newton on its logarithm, bracketed.

    `last` is the squared norm at `step`.
    """
    low, high = 0.0, step
    fallen, wanted = np.log(squared_norm(V[0]) / last), np.log(squared_norm(V[0]) / threshold)
    x = step * wanted / fallen if 0 < wanted < fallen else 0.5 * step
    for _ in range(100):
        norm2, slope = norm_and_slope(terms, V, order, x)
        if abs(norm2 - threshold) <= 1e-13 * threshold or high - low <= 1e-15 * step:
            break
        if norm2 > threshold:
            low = x
        else:
            high = x
        x = x - np.log(norm2 / threshold) * norm2 / slope if slope < 0 else high
        if not low < x < high:
            x = 0.5 * (low + high)
    return x


@entry
def evaluate(terms, V, order, x, out):
    """out = sum_n V[n] x^n; `out` is zero outside the columns in use."""
    for r in range(V.shape[1]):
        for i in range(terms.first[r], terms.last[r]):
            total = V[order, r, i]
            for n in range(order - 1, -1, -1):
                total = total * x + V[n, r, i]
            out[r, i] = total


@entry
def marginal(x, before, size, after, out):
    """Weight of every value of one part's quantum number: x seen as (before, size, after)."""
    flat = x.reshape(-1)
    for i in range(size):
        out[i] = 0.0
    p = 0
    for _ in range(before):
        for i in range(size):
            total = 0.0
            for _ in range(after):
                total += flat[p].real ** 2 + flat[p].imag ** 2
                p += 1
            out[i] += total


@entry
def local_rates(N, gamma, j, low, weights, out):
    """Rates of the local jumps: out[q, D] for q, D = -1, 0, +1, from the weights of m = low, low + 1, ..."""
    for q in range(3):
        for D in range(3):
            out[q, D] = 0.0
            if gamma[q] > 0 and j + D - 1 >= 0:
                for i in range(weights.size):
                    if weights[i] > 0:
                        out[q, D] += weights[i] * squared_amplitude(q - 1, D - 1, N, j, low + i)
                out[q, D] *= gamma[q]


@entry
def local_amplitudes(N, q, D, j, low, out):
    """Amplitudes of K_{q,D} on m = low, low + 1, ..., up to one sign for all."""
    for i in range(out.size):
        m = low + i
        out[i] = np.sqrt(max(squared_amplitude(q, D, N, j, m), 0.0))
        if q == 0 and D == 0 and m < 0:
            out[i] = -out[i]


@entry
def supports(x, allowed, first, last):
    """Columns of every row outside of which at each end at most `allowed` of the weight lies; first = last if empty."""
    R, C = x.shape
    for r in range(R):
        total = 0.0
        begin = 0
        while begin < C:
            total += x[r, begin].real ** 2 + x[r, begin].imag ** 2
            if total > allowed:
                break
            begin += 1
        total = 0.0
        end = C
        while end > begin:
            total += x[r, end - 1].real ** 2 + x[r, end - 1].imag ** 2
            if total > allowed:
                break
            end -= 1
        first[r], last[r] = begin, max(end, begin)


@entry
def row_edges(x, first, last):
    """Weight of the outermost two columns in use of every row, where the window goes on."""
    total = 0.0
    for r in range(x.shape[0]):
        if first[r] > 0:
            for i in range(first[r], min(first[r] + 2, last[r])):
                total += x[r, i].real ** 2 + x[r, i].imag ** 2
        if last[r] < x.shape[1]:
            for i in range(max(last[r] - 2, first[r]), last[r]):
                total += x[r, i].real ** 2 + x[r, i].imag ** 2
    return total
