"""One trajectory on a window: steps of the generator, jumps where the norm says so, until the window no longer fits."""

import numpy as np

from piqs._kernels.arrays import grown
from piqs._kernels.cache import kernel, part
from piqs._kernels.dicke_amplitudes import squared_amplitude
from piqs._kernels.trajectories import shifted
from piqs._kernels.window_steps import advance, edges, generate, weigh
from piqs._kernels.windows import (
    BREAKS,
    CHANNELS,
    COEFFICIENTS,
    COLUMN,
    COLUMNS,
    COUPLED,
    DEGREE,
    DEPTH,
    EMITTERS,
    FAST,
    FIRST,
    FRAMED,
    FRAMES,
    FUNCTIONS,
    GROUP,
    INVERSION,
    LAST,
    LOST,
    LOWER,
    LOWS,
    MIDDLE,
    OFF_CENTRE,
    OTHER,
    OWNER,
    PARTS,
    PIECES,
    POLYNOMIALS,
    PSI,
    RADIUS,
    RAISE,
    RATES,
    ROWS,
    SHIFTS,
    SIZES,
    SKEW,
    SLOPE,
    SPINS,
    TIMED,
    UNIFORM,
    WORDS,
    Q,
    clear,
    copy,
    overlap,
    row_place,
    tabulate,
)

# What `walk` ends with.
ARRIVED, UNFIT, HALTED = 0, 1, 2
# Steps times the norm of the generator after which frames are looked at.
_UNSEEN = 0.25
# Longest step times the norm of the generator, and accuracy of ln(norm) at a jump.
_LONGEST, _AT_JUMP = 12.0, 1e-10


@part(fastmath=FAST)
def index(n, f, r):
    """(i, step): the quantum number of part f at column c of row r is its lowest plus i + step c."""
    if f == n[PARTS] - 1:
        return 0, 1
    if n[SKEW] != 0:
        return r + (n[COLUMNS] - 1 if n[SKEW] > 0 else 0), -n[SKEW]
    return (r // stride_of(n, f)) % n[n[SIZES] + f], 0


@part(fastmath=FAST)
def lowest(n, x, f):
    """The lowest quantum number of part f on the window."""
    if f == n[PARTS] - 1 or n[SKEW] == 0:
        return x[n[LOWS] + f]
    return x[n[LOWS]] - n[SKEW] * (x[n[LOWS] + 1] + (n[COLUMNS] - 1 if n[SKEW] > 0 else 0))


@part(fastmath=FAST)
def stride_of(n, f):
    """Rows between neighbouring quantum numbers of part f, where rows are no sums; 0 if it is the last one."""
    if f == n[PARTS] - 1:
        return 0
    stride = n[ROWS]
    for g in range(f + 1):
        stride //= n[n[SIZES] + g]
    return stride


@part(fastmath=FAST)
def coherences(n, w, f, most):
    """<i + d|rho|i> of the reduced state of part f, for d = 0 to `most`."""
    R, C = n[ROWS], n[COLUMNS]
    size = R + C - 1 if n[SKEW] != 0 and f == 0 else n[n[SIZES] + f]
    out = np.zeros((most + 1, size), dtype=np.complex128)
    dr, dc = stride_of(n, f) if most > 0 else 0, 1 if f == n[PARTS] - 1 else 0
    for r in range(R):
        i, step = index(n, f, r)
        for d in range(most + 1):
            if step == 0 and i + d >= size:
                break
            s = r + d * dr
            b = max(n[n[FIRST] + r], n[n[FIRST] + s] - d * dc)
            for c in range(b, min(n[n[LAST] + r], n[n[LAST] + s] - d * dc)):
                u, v = w[PSI, s, c + d * dc], w[PSI + 1, s, c + d * dc]
                real = u * w[PSI, r, c] + v * w[PSI + 1, r, c]
                out[d, i + step * c] += complex(real, v * w[PSI, r, c] - u * w[PSI + 1, r, c])
    return out


@part(fastmath=FAST)
def local_amplitude(N, q, D, j, m):
    """<j+D, m+q| K_{q,D} |j,m>."""
    amplitude = np.sqrt(max(squared_amplitude(q, D, N, j, m), 0.0))
    if (q == 0 and D == 0 and m < 0) or q * D > 0:
        return -amplitude
    return amplitude


@part(fastmath=FAST)
def share(n, z, channel, a):
    """The number by which local noise J_q is J_a of its part, as it stands in the frame."""
    f, q = n[n[OWNER] + channel], n[n[Q] + channel]
    if n[n[FRAMED] + f] == 0:
        return 1.0 + 0.0j if a == q else 0.0j
    symbol = RAISE if q > 0 else (LOWER if q < 0 else INVERSION)
    seen = RAISE if a > 0 else (LOWER if a < 0 else DEPTH)
    return z[n[FRAMES] + 49 * f + 7 * symbol + seen]


@part(fastmath=FAST)
def local_rate(n, x, z, channel, D, rho):
    """|K_D psi|^2 of a local channel, from the coherences of its part."""
    f = n[n[OWNER] + channel]
    N, j, low = x[n[EMITTERS] + f], x[n[SPINS] + f], lowest(n, x, f)
    total = 0.0
    if j + D < 0:
        return total
    for a in range(-1, 2):
        own = share(n, z, channel, a)
        if own == 0:
            continue
        for i in range(rho.shape[1]):
            if rho[0, i].real > 0:
                total += abs(own) ** 2 * rho[0, i].real * max(squared_amplitude(a, D, N, j, low + i), 0.0)
        for b in range(a + 1, 2):  # m + d goes by K_a where m goes by K_b: both arrive at m + b
            d, both = b - a, 2 * np.conj(share(n, z, channel, b)) * own
            if both == 0:
                continue
            for i in range(rho.shape[1] - d):
                m = low + i
                product = local_amplitude(N, b, D, j, m) * local_amplitude(N, a, D, j, m + d)
                total += product * (both * rho[d, i]).real
    return total


@part(fastmath=FAST)
def apply_local(n, x, z, w, channel, D):
    """psi -> K_D psi of a local channel; j and the window move along. Returns the weight left out."""
    f = n[n[OWNER] + channel]
    N, j, low, framed = x[n[EMITTERS] + f], x[n[SPINS] + f], lowest(n, x, f), n[n[FRAMED] + f] != 0
    clear(w, OTHER, OTHER + 2)
    shift = D if framed else n[n[Q] + channel]
    dr, dc = (stride_of(n, f), 1 if f == n[PARTS] - 1 else 0) if framed else (0, 0)
    left, amplitudes = 0.0, np.empty(n[ROWS] + n[COLUMNS])
    for a in range(-1, 2):
        own = share(n, z, channel, a)
        if own == 0:
            continue
        for i in range(amplitudes.size):
            amplitudes[i] = local_amplitude(N, a, D, j, low + i)
        for r in range(n[ROWS]):
            i, step = index(n, f, r)
            s, t = r + (a - shift) * dr, (a - shift) * dc
            inside = not framed or step != 0 or 0 <= i + a - shift < n[n[SIZES] + f]
            for c in range(n[n[FIRST] + r], n[n[LAST] + r]):
                v = own * amplitudes[i + step * c] * complex(w[PSI, r, c], w[PSI + 1, r, c])
                if inside and n[n[FIRST] + s] <= c + t < n[n[LAST] + s]:
                    w[OTHER, s, c + t] += v.real
                    w[OTHER + 1, s, c + t] += v.imag
                else:
                    left += v.real**2 + v.imag**2
    copy(w, OTHER, PSI)
    x[n[SPINS] + f] += D
    x[n[LOWS] + f] += shift
    if f == n[PARTS] - 1:
        x[n[LOWS]] += n[SKEW] * shift  # rows are sums, which have moved along
    return left


@part(fastmath=FAST)
def apply_collective(n, x, z, w, channel):
    """OTHER = C psi, on the window, or on one that has moved along if all words shift alike. Returns the weight left out."""
    clear(w, OTHER, OTHER + 2)
    left, uniform = 0.0, n[UNIFORM] + 4 * channel
    along, flat, stretched = n[uniform] == 1, n[uniform + 2] == 1, 0 if n[SKEW] == 0 else 1
    for k in range(n[WORDS]):
        coefficient = z[n[COEFFICIENTS] + k]
        if n[n[GROUP] + k] != n[FUNCTIONS] + channel or coefficient == 0:
            continue
        dr, dc = n[n[SHIFTS] + 2 * k], n[n[SHIFTS] + 2 * k + 1]
        for r in range(n[ROWS]):
            s, place = r if along else r + dr, row_place(n, k, r)
            inside = 0 <= s < n[ROWS]
            begin, end = 0, n[COLUMNS]
            if inside and not flat:
                begin, end = n[n[FIRST] + s], n[n[LAST] + s]
            for c in range(n[n[FIRST] + r], n[n[LAST] + r]):
                v = coefficient * (x[place + stretched * c] * x[n[COLUMN] + k * n[COLUMNS] + c])
                v = v * complex(w[PSI, r, c], w[PSI + 1, r, c])
                if inside and begin <= c + dc < end:
                    w[OTHER, s, c + dc] += v.real
                    w[OTHER + 1, s, c + dc] += v.imag
                else:
                    left += v.real**2 + v.imag**2
    return left


@part(fastmath=FAST)
def follow_collective(n, x, w, channel):
    """The window goes along with a collective jump whose words all shift alike. Returns the weight left out.

    A row's columns in use stay where they are if less is left out so than lies at their other end: a coherent state
    does not move when it loses a quantum.
    """
    uniform, C, left = n[UNIFORM] + 4 * channel, n[COLUMNS], 0.0
    if n[uniform] == 1 and n[PARTS] > 1:
        x[n[LOWS]] += n[uniform + 1]
    d = n[uniform + 3]
    if n[uniform + 2] == 0 or d == 0:
        return left
    for r in range(n[ROWS]):
        first, last = n[n[FIRST] + r], n[n[LAST] + r]
        if last <= first:
            continue
        # The columns reached outside, and as many at the other end of what was reached.
        out, other = (last, first + d) if d > 0 else (first + d, last + 2 * d)
        near = weight(w, r, max(out, 0), min(out + abs(d), C))
        if near < weight(w, r, max(other, first), min(other + abs(d), last)):
            left += near
            for c in range(max(out, 0), min(out + abs(d), C)):
                w[PSI, r, c] = w[PSI + 1, r, c] = 0.0
        else:
            n[n[FIRST] + r] = max(first + d, 0)
            n[n[LAST] + r] = max(min(last + d, C), max(first + d, 0))
    return left


@part(fastmath=FAST)
def weight(w, r, begin, end):
    """Weight of a row's columns from `begin` to before `end`."""
    total = 0.0
    for c in range(begin, end):
        total += w[PSI, r, c] ** 2 + w[PSI + 1, r, c] ** 2
    return total


@part(fastmath=FAST)
def rescale(w, a):
    """psi = a psi."""
    flat = w.reshape(-1)
    for i in range(2 * w.shape[1] * w.shape[2]):
        flat[i] *= a


@part(fastmath=FAST)
def squared_norm(w, slot):
    """Squared norm of a field."""
    size = 2 * w.shape[1] * w.shape[2]
    flat = w.reshape(-1)[slot * w.shape[1] * w.shape[2] :]
    total = 0.0
    for i in range(size):
        total += flat[i] * flat[i]
    return total


@part(fastmath=FAST)
def rates_of_jumps(n, x, z, w, local, rates):
    """Rate of every jump: one for a collective channel, those with D = -1, 0, 1 for a local one. Returns their sum."""
    known, total = -1, 0.0
    rho = np.zeros((3, 1), dtype=np.complex128)
    for k in range(n[CHANNELS]):
        f, timed = n[n[OWNER] + k], n[n[TIMED] + k]
        rate = local[timed, 0] if timed >= 0 else x[n[RATES] + k]
        if f < 0:
            apply_collective(n, x, z, w, k)
            rates[k, 1] = rate * squared_norm(w, OTHER)
            total += rates[k, 1]
            continue
        if known != f:
            rho, known = coherences(n, w, f, 2 if n[n[FRAMED] + f] != 0 else 0), f
        for D in range(-1, 2):
            rates[k, D + 1] = rate * local_rate(n, x, z, k, D, rho)
            total += rates[k, D + 1]
    return total


@part(fastmath=FAST)
def jump(rng, n, x, z, w, local):
    """Choose a jump by its rate and apply it; returns its number, -1 if there is no rate to jump with."""
    rates = np.zeros((n[CHANNELS], 3))
    wanted = rng.random() * rates_of_jumps(n, x, z, w, local, rates)
    chosen, number, D, at = -1, 0, 0, -1
    for k in range(n[CHANNELS]):
        for d in range(3):
            if n[n[OWNER] + k] < 0 and d != 1:
                continue
            if rates[k, d] > 0 and (at < 0 or wanted >= 0):
                chosen, at, D = number, k, d - 1
                wanted -= rates[k, d]
            number += 1
    if at < 0:
        return -1
    if n[n[OWNER] + at] >= 0:
        left = apply_local(n, x, z, w, at, D)
    else:
        left = apply_collective(n, x, z, w, at)
        copy(w, OTHER, PSI)
        left += follow_collective(n, x, w, at)
    after = squared_norm(w, PSI)
    x[n[LOST]] += np.sqrt(left / after)
    rescale(w, 1 / np.sqrt(after))
    return chosen


@part(fastmath=FAST)
def off_centre(n, x, w):
    """Whether the mean of a, or of J_+ / sqrt(2j), seen from its frame has become large."""
    for f in range(n[PARTS]):
        if n[n[FRAMED] + f] == 0:
            continue
        rho, j = coherences(n, w, f, 1), x[n[SPINS] + f]
        mean, norm2 = 0.0j, 0.0
        for i in range(rho.shape[1]):
            value = x[n[LOWS] + f] + i
            root = value + 1 if j < 0 else max((j - value) * (j + value + 1), 0.0) / max(2 * j, 1.0)
            mean += np.sqrt(root) * rho[1, i]
            norm2 += rho[0, i].real
        if abs(mean) > OFF_CENTRE * norm2:
            return True
    return False


@part(fastmath=FAST)
def differentiate(n, x, w, local):
    """SLOPE = psi' less MIDDLE * psi; returns the squared norm and minus the derivative of its logarithm."""
    R = n[ROWS]
    generate(n, x, w, local, 0, 1.0, PSI, SLOPE, 0, R, True)
    norm2 = overlap(n, w, PSI, PSI, 0, R)
    change = overlap(n, w, PSI, SLOPE, 0, R)
    return norm2, -2 * (change / norm2 + x[n[MIDDLE]])


@part(fastmath=FAST)
def step_all(n, x, w, local, h, norm2, radius, tolerance):
    """psi after a step h; rows that the generator does not couple go one by one."""
    R, allowed = n[ROWS], tolerance * np.sqrt(norm2)
    at_once = R
    if n[COUPLED] == 0:
        at_once, allowed = 1, allowed / np.sqrt(R)
    for r in range(0, R, at_once):
        if at_once == R or n[n[LAST] + r] > n[n[FIRST] + r]:
            advance(n, x, w, local, h, allowed, radius, r, r + at_once)
    rescale(w, np.exp(h * x[n[MIDDLE]]))


@part(fastmath=FAST)
def wanted_step(left, rate, trend, longest, room_ahead):
    """Time to the moment at which ln(norm) has fallen by `left`, within what one step may do."""
    h = room_ahead
    if rate > 0:
        h = left / rate
        bent = rate + 0.5 * trend * min(h, longest, room_ahead)
        if bent > 0.5 * rate:
            h = left / bent
    elif left < 0:
        h = -longest
    return max(min(h, longest, room_ahead), -longest)


@part(fastmath=FAST)
def functions_at(n, x, t, piece, local):
    """Functions of time as polynomials of the time from t; returns the end of the piece."""
    G, degree = n[FUNCTIONS], n[DEGREE] + 1
    begin, breaks = n[POLYNOMIALS] + piece * G * degree, n[BREAKS] + piece
    polynomials = x[begin : begin + G * degree].reshape((G, degree))
    shifted(polynomials, t - (x[breaks] + x[breaks + 1]) / 2, local)
    return np.inf if n[PIECES] == 1 and n[DEGREE] == 0 else x[breaks + 1]


@part(fastmath=FAST)
def largest_radius(n, x):
    """Bound of the norm of the generator."""
    out = 0.0
    for r in range(n[ROWS]):
        out = max(out, x[n[RADIUS] + r])
    return out


@kernel()
def walk(rng, n, x, z, w, clock, stop, tolerance, cutoff, halt, when, which, jumps):
    """Follow a trajectory to `stop`, or until its window has to be moved.

    n, x, z, w are those of `windows`; clock: time, squared norm of the next jump, derivative of the rate, step at most.
    Jumps are recorded in `when` and `which` from number `jumps` on. Returns what it ended with, the records, and their
    number.
    """
    t, threshold, trend, most = clock[0], clock[1], clock[2], clock[3]
    local = np.empty((n[FUNCTIONS], n[DEGREE] + 1))
    piece, known, status = -1, False, HALTED
    rate_before, h, unfit, moved = 0.0, 0.0, False, 0.0
    while halt[0] == 0:
        at = max(piece, 0)
        while at < n[PIECES] - 1 and x[n[BREAKS] + at + 1] <= t:
            at += 1
        if not known:
            tabulate(n, x, z)
        if not known or at != piece:
            weigh(n, x, z, w, at)
        known, piece = True, at
        radius = largest_radius(n, x)
        end = min(functions_at(n, x, t, at, local), stop)
        norm2, rate = differentiate(n, x, w, local)
        longest = _LONGEST / radius if radius > 0 else np.inf
        if abs(h) * radius > 0.1:
            trend = (rate - rate_before) / h
        rate_before = rate
        left = np.log(norm2 / threshold)
        if abs(left) <= _AT_JUMP:
            number = jump(rng, n, x, z, w, local)
            threshold = 1 - rng.random()
            if number < 0:  # a norm lost to rounding alone
                threshold *= norm2
            else:
                if jumps == when.size:
                    when, which = grown(when, 2 * jumps), grown(which, 2 * jumps)
                when[jumps], which[jumps] = t, number
                jumps += 1
            # The rate after a jump has nothing to do with how it changed before: a dark state would never be left behind.
            known, h, trend = False, 0.0, 0.0
            continue
        if left > 0 and t >= stop:
            status = ARRIVED
            break
        if unfit:
            status = UNFIT
            break
        before = edges(n, x, w)
        copy(w, PSI, OTHER)
        h = wanted_step(left, rate, trend, longest, end - t)
        h = min(h, most) if h > 0 else h
        step_all(n, x, w, local, h, norm2, radius, tolerance)
        after = edges(n, x, w)
        if after > 10 * cutoff * norm2 and h * radius > 1e-6:
            copy(w, OTHER, PSI)  # the window is moved before more arrives at its ends
            most, h, unfit = 0.5 * h, 0.0, before > cutoff * norm2
            continue
        unfit = after > cutoff * norm2
        moved += abs(h) * radius
        if moved > _UNSEEN:
            unfit, moved = unfit or off_centre(n, x, w), 0.0
        x[n[LOST]] += abs(h) * radius * np.sqrt(max(before, after) / norm2)
        most = np.inf
        t = end if h == end - t else t + h
    clock[0], clock[1], clock[2], clock[3] = t, threshold, trend, most
    return status, when, which, jumps
