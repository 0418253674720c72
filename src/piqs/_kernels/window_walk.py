"""One trajectory on a window: steps of the generator, jumps where the norm says so, until the window no longer fits."""

import numpy as np

from piqs._kernels.cache import kernel
from piqs._kernels.dicke_amplitudes import squared_amplitude
from piqs._kernels.records import twice_as_long
from piqs._kernels.trajectories import shifted
from piqs._kernels.window_steps import advance, edges, generate, largest_of, weigh
from piqs._kernels.windows import (
    DEPTH,
    INVERSION,
    LOWER,
    OFF_CENTRE,
    RAISE,
    copy,
    overlap,
    part,
    row_table,
    squared_norm,
    tabulate,
)

# What `walk` ends with.
ARRIVED, UNFIT, HALTED = 0, 1, 2
# Steps times the norm of the generator after which frames are looked at.
_UNSEEN = 0.25
# Longest step times the norm of the generator, and accuracy of ln(norm) at a jump.
_LONGEST, _AT_JUMP = 12.0, 1e-12


@part
def index(program, ket, f, r):
    """(i, step): the quantum number of part f at column c of row r is its lowest plus i + step c."""
    if f == ket.spins.size - 1:
        return 0, 1
    if program.skew != 0:
        return r + (ket.psi.shape[2] - 1 if program.skew > 0 else 0), -program.skew
    return (r // stride_of(ket, f)[0]) % ket.sizes[f], 0


@part
def lowest(program, ket, f):
    """The lowest quantum number of part f on the window."""
    if f == ket.spins.size - 1 or program.skew == 0:
        return ket.lows[f]
    return ket.lows[0] - program.skew * (ket.lows[1] + (ket.psi.shape[2] - 1 if program.skew > 0 else 0))


@part
def stride_of(ket, f):
    """Rows and columns between neighbouring quantum numbers of part f, where rows are no sums."""
    if f == ket.spins.size - 1:
        return 0, 1
    stride = ket.psi.shape[1]
    for g in range(f + 1):
        stride //= ket.sizes[g]
    return stride, 0


@part
def coherences(program, ket, f, most):
    """<i + d|rho|i> of the reduced state of part f, for d = 0 to `most`."""
    R, C = ket.psi.shape[1], ket.psi.shape[2]
    psi = ket.psi
    size = R + C - 1 if program.skew != 0 and f == 0 else ket.sizes[f]
    out = np.zeros((most + 1, size), dtype=np.complex128)
    dr, dc = stride_of(ket, f) if most > 0 else (0, 0)
    for r in range(R):
        i, step = index(program, ket, f, r)
        for c in range(ket.first[r], ket.last[r]):
            out[0, i + step * c] += psi[0, r, c] ** 2 + psi[1, r, c] ** 2
        for d in range(1, most + 1):
            if step == 0 and i + d >= size:
                break
            s = r + d * dr
            b = max(ket.first[r], ket.first[s] - d * dc)
            e = min(ket.last[r], ket.last[s] - d * dc)
            for c in range(b, e):
                u, v = psi[0, s, c + d * dc], psi[1, s, c + d * dc]
                real = u * psi[0, r, c] + v * psi[1, r, c]
                out[d, i + step * c] += complex(real, v * psi[0, r, c] - u * psi[1, r, c])
    return out


@part
def local_amplitude(N, q, D, j, m):
    """<j+D, m+q| K_{q,D} |j,m>."""
    amplitude = np.sqrt(max(squared_amplitude(q, D, N, j, m), 0.0))
    if (q == 0 and D == 0 and m < 0) or q * D > 0:
        return -amplitude
    return amplitude


@part
def local_rate(program, ket, channel, D, rho):
    """|K_D psi|^2 of a local channel, from the coherences of its part."""
    f = program.owner[channel]
    N, j, low = program.emitters[f], ket.spins[f], lowest(program, ket, f)
    if j + D < 0:
        return 0.0
    total = 0.0
    if not program.framed[f]:
        for i in range(rho.shape[1]):
            if rho[0, i].real > 0:
                total += rho[0, i].real * max(squared_amplitude(program.q[channel], D, N, j, low + i), 0.0)
        return total
    symbol = RAISE if program.q[channel] > 0 else (LOWER if program.q[channel] < 0 else INVERSION)
    v = ket.frames[f, symbol]
    factors = np.array([v[LOWER], v[DEPTH], v[RAISE]])
    for i in range(rho.shape[1]):
        m = low + i
        for a in range(-1, 2):
            own = factors[a + 1] * local_amplitude(N, a, D, j, m)
            total += abs(own) ** 2 * rho[0, i].real
            for b in range(a + 1, 2):  # m + d goes by K_a where m goes by K_b: both arrive at m + b
                d = b - a
                if i + d < rho.shape[1]:
                    other = factors[a + 1] * local_amplitude(N, a, D, j, m + d)
                    mine = factors[b + 1] * local_amplitude(N, b, D, j, m)
                    total += 2 * (np.conj(mine) * other * rho[d, i]).real
    return total


@part
def apply_local(program, ket, channel, D, out):
    """psi -> K_D psi of a local channel; j and the window move along. Returns the weight left out."""
    f = program.owner[channel]
    N, j, low, q = program.emitters[f], ket.spins[f], lowest(program, ket, f), program.q[channel]
    R, C = ket.psi.shape[1], ket.psi.shape[2]
    out[:] = 0.0
    framed = program.framed[f]
    shift = D if framed else q
    symbol = RAISE if q > 0 else (LOWER if q < 0 else INVERSION)
    dr, dc = stride_of(ket, f) if framed else (0, 0)
    left = 0.0
    amplitudes = np.empty(R + C)
    for a in range(-1, 2):
        v = 1.0 + 0.0j if a == q else 0.0j
        if framed:
            v = ket.frames[f, symbol, RAISE if a > 0 else (LOWER if a < 0 else DEPTH)]
        if v == 0:
            continue
        for i in range(amplitudes.size):
            amplitudes[i] = local_amplitude(N, a, D, j, low + i)
        for r in range(R):
            i, step = index(program, ket, f, r)
            s, t = r + (a - shift) * dr, (a - shift) * dc
            inside = not framed or step != 0 or 0 <= i + a - shift < ket.sizes[f]
            for c in range(ket.first[r], ket.last[r]):
                w = v * amplitudes[i + step * c]
                real = w.real * ket.psi[0, r, c] - w.imag * ket.psi[1, r, c]
                imaginary = w.real * ket.psi[1, r, c] + w.imag * ket.psi[0, r, c]
                if inside and ket.first[s] <= c + t < ket.last[s]:
                    out[0, s, c + t] += real
                    out[1, s, c + t] += imaginary
                else:
                    left += real**2 + imaginary**2
    copy(out, ket.psi)
    ket.spins[f] += D
    ket.lows[f] += shift
    return left


@part
def apply_collective(program, ket, room, channel, out):
    """out = C psi, on the window, or on one that has moved along if all words shift alike. Returns the weight left out."""
    R, C = ket.psi.shape[1], ket.psi.shape[2]
    first, last = ket.first, ket.last
    out[:] = 0.0
    left = 0.0
    along, flat = program.uniform[channel, 0] == 1, program.uniform[channel, 2] == 1
    for k in range(program.words.shape[0]):
        if program.groups[k] == program.functions + channel and room.coefficients[k] != 0:
            dr, dc = room.shifts[k, 0], room.shifts[k, 1]
            for r in range(R):
                s = r if along else r + dr
                inside = 0 <= s < R
                v = room.coefficients[k] * (room.rows[k, r] if program.skew == 0 else 1.0)
                begin, end = 0, C
                if inside and not flat:
                    begin, end = first[s], last[s]
                for c in range(first[r], last[r]):
                    w = v * room.columns[k, c]
                    if program.skew != 0:
                        w *= row_table(program.skew, room, k, r, c, c + 1)[0]
                    x = w * complex(ket.psi[0, r, c], ket.psi[1, r, c])
                    if inside and begin <= c + dc < end:
                        out[0, s, c + dc] += x.real
                        out[1, s, c + dc] += x.imag
                    else:
                        left += abs(x) ** 2
    return left


@part
def rescale(x, a):
    flat = x.reshape(-1)
    for i in range(flat.size):
        flat[i] *= a


@part
def rates_of_jumps(program, ket, room, local, s):
    """Rate of every jump: one for a collective channel, those with D = -1, 0, 1 for a local one."""
    channels = program.owner.size
    rates = np.zeros((channels, 3))
    known = -1
    rho = np.zeros((3, 1), dtype=np.complex128)
    for k in range(channels):
        rate = program.rates[k]
        if program.timed[k] >= 0:
            rate = 0.0
            for d in range(local.shape[1] - 1, -1, -1):
                rate = rate * s + local[program.timed[k], d]
        f = program.owner[k]
        if f < 0:
            apply_collective(program, ket, room, k, room.other)
            rates[k, 1] = rate * squared_norm(room.other)
            continue
        if known != f:
            rho, known = coherences(program, ket, f, 2 if program.framed[f] else 0), f
        for D in range(-1, 2):
            rates[k, D + 1] = rate * local_rate(program, ket, k, D, rho)
    return rates


@part
def jump(rng, program, ket, room, local, s):
    """Choose a jump by its rate and apply it; returns its number, -1 if there is no rate to jump with."""
    rates = rates_of_jumps(program, ket, room, local, s)
    wanted = rng.random() * np.sum(rates)
    chosen, number, D, at = -1, 0, 0, -1
    for k in range(rates.shape[0]):
        for d in range(3):
            if program.owner[k] < 0 and d != 1:
                continue
            if rates[k, d] > 0 and (at < 0 or wanted >= 0):
                chosen, at, D = number, k, d - 1
                wanted -= rates[k, d]
            number += 1
    if at < 0:
        return -1
    if program.owner[at] >= 0:
        left = apply_local(program, ket, at, D, room.other)
    else:
        left = apply_collective(program, ket, room, at, room.other)
        copy(room.other, ket.psi)
        if program.uniform[at, 0] == 1 and ket.spins.size > 1:
            ket.lows[0] += program.uniform[at, 1]
        if program.uniform[at, 2] == 1:
            dc = program.uniform[at, 3]
            for r in range(ket.first.size):
                if ket.last[r] > ket.first[r]:
                    ket.first[r] = max(ket.first[r] + dc, 0)
                    ket.last[r] = max(min(ket.last[r] + dc, ket.psi.shape[2]), ket.first[r])
    after = squared_norm(ket.psi)
    ket.lost[0] += np.sqrt(left / after)
    rescale(ket.psi, 1 / np.sqrt(after))
    return chosen


@part
def off_centre(program, ket):
    """Whether the mean of a, or of J_+ / sqrt(2j), seen from its frame has become large."""
    for f in range(ket.spins.size):
        if not program.framed[f]:
            continue
        rho, j = coherences(program, ket, f, 1), ket.spins[f]
        mean, norm2 = 0.0j, 0.0
        for i in range(rho.shape[1]):
            value = ket.lows[f] + i
            root = value + 1 if j < 0 else max((j - value) * (j + value + 1), 0.0) / max(2 * j, 1.0)
            mean += np.sqrt(root) * rho[1, i]
            norm2 += rho[0, i].real
        if abs(mean) > OFF_CENTRE * norm2:
            return True
    return False


@part
def differentiate(program, ket, room, local):
    """room.slope = psi' less room.middle * psi; returns the squared norm and minus the derivative of its logarithm."""
    R = ket.psi.shape[1]
    generate(program, ket, room, local[:, 0], 1.0, ket.psi, room.slope, 0, R, True)
    norm2 = overlap(ket.first, ket.last, ket.psi, ket.psi, 0, R)
    change = overlap(ket.first, ket.last, ket.psi, room.slope, 0, R)
    return norm2, -2 * (change / norm2 + room.middle[0])


@part
def step_all(program, ket, room, local, h, norm2, tolerance):
    """psi after a step h; rows that the generator does not couple go one by one."""
    R = ket.psi.shape[1]
    if program.coupled:
        advance(program, ket, room, local, h, tolerance * np.sqrt(norm2), 0, R)
    else:
        allowed = tolerance * np.sqrt(norm2 / R)
        for r in range(R):
            if ket.last[r] > ket.first[r]:
                advance(program, ket, room, local, h, allowed, r, r + 1)
    rescale(ket.psi, np.exp(h * room.middle[0]))


@part
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


@kernel(error_model="numpy")
def walk(rng, program, ket, room, clock, stop, tolerance, cutoff, halt, when, which, jumps):
    """Follow a trajectory to `stop`, or until its window has to be moved.

    clock: time, squared norm of the next jump, derivative of the rate, step at most. Jumps are recorded in `when` and
    `which` from number `jumps` on. Returns what it ended with, the records, and their number.
    """
    t, threshold, trend, most = clock[0], clock[1], clock[2], clock[3]
    local = np.empty(program.polynomials.shape[1:])
    piece, known, status = -1, False, HALTED
    rate_before, h, unfit, moved = 0.0, 0.0, False, 0.0
    while halt[0] == 0:
        at = max(piece, 0)
        while at < program.breaks.size - 2 and program.breaks[at + 1] <= t:
            at += 1
        end = program.breaks[at + 1] if program.degree > 0 else np.inf
        if not known:
            tabulate(program, ket, room)
        if not known or at != piece:
            weigh(program, ket, room, at)
        known, piece = True, at
        radius = largest_of(room.radius)
        shifted(program.polynomials[at], t - (program.breaks[at] + program.breaks[at + 1]) / 2, local)
        norm2, rate = differentiate(program, ket, room, local)
        longest = _LONGEST / radius if radius > 0 else np.inf
        if abs(h) * radius > 0.1:
            trend = (rate - rate_before) / h
        rate_before = rate
        left = np.log(norm2 / threshold)
        if abs(left) <= _AT_JUMP:
            number = jump(rng, program, ket, room, local, 0.0)
            threshold = 1 - rng.random()
            if number < 0:  # a norm lost to rounding alone
                threshold *= norm2
            else:
                if jumps == when.size:
                    when, which = twice_as_long(when), twice_as_long(which)
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
        before = edges(program, ket)
        copy(ket.psi, room.other)
        h = wanted_step(left, rate, trend, longest, min(stop, end) - t)
        h = min(h, most) if h > 0 else h
        step_all(program, ket, room, local, h, norm2, tolerance)
        after = edges(program, ket)
        if after > 10 * cutoff * norm2 and h * radius > 1e-6:
            copy(room.other, ket.psi)  # the window is moved before more arrives at its ends
            most, h, unfit = 0.5 * h, 0.0, before > cutoff * norm2
            continue
        unfit = after > cutoff * norm2
        moved += abs(h) * radius
        if moved > _UNSEEN:
            unfit, moved = unfit or off_centre(program, ket), 0.0
        ket.lost[0] += abs(h) * radius * np.sqrt(max(before, after) / norm2)
        most = np.inf
        t = min(stop, end) if h == min(stop, end) - t else t + h
    clock[0], clock[1], clock[2], clock[3] = t, threshold, trend, most
    return status, when, which, jumps
