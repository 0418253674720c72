"""The jump chain: exact stochastic simulation of a classical walk between basis kets."""

from typing import NamedTuple

import numpy as np

from piqs._kernels.arrays import grown
from piqs._kernels.cache import kernel, part
from piqs._kernels.dicke_amplitudes import rungs, squared_amplitude


class Walk(NamedTuple):
    """A walk between basis kets.

    Either on a table (`N` = 0), where the position (a, b) is (ket, 0), or on the Dicke triangle of `N`
    emitters, where it is (2j, 2m) and the rates are computed on the way.
    """

    N: int
    gamma: np.ndarray  # six rates of the Dicke triangle: local -, z, +, collective -, z, +
    rates: np.ndarray  # table: rate of every channel from every ket, shape (kets, channels)
    targets: np.ndarray  # table: the ket every channel leads to
    moving: np.ndarray  # channels that are simulated
    silent: np.ndarray  # channels that leave every ket where it is and are only averaged


@part()
def triangle_rates(N, gamma, j, m, rates):
    """Rates of all channels at |j,m>: three per local channel (j - 1, j, j + 1), then the collective ones."""
    for q in range(3):
        if gamma[q] > 0:
            rates[3 * q] = gamma[q] * squared_amplitude(q - 1, -1, N, j, m)
            rates[3 * q + 1] = gamma[q] * squared_amplitude(q - 1, 0, N, j, m)
            rates[3 * q + 2] = gamma[q] * squared_amplitude(q - 1, 1, N, j, m)
        rates[9 + q] = gamma[3 + q] * rungs(q - 1, 0, j, m)


@kernel()
def run_walk(rng, walk, a, b, times, record, halt, positions, counts):
    """Walk from (a, b) at times[0] to times[-1].

    Writes the position at every time into `positions` (times, 2), adds the jumps of every channel between two
    times to `counts` (channels, times-1), of the silent channels their integrated rates. Stops early once
    halt[0] is set. Returns times and channels of the jumps, empty unless `record`, and whether it came to the end.
    """
    N, gamma, table, targets, moving, silent = walk
    on_triangle, emitters = N > 0, float(N)
    rates = np.zeros(counts.shape[0])
    when = np.empty(1024 if record else 0)
    which = np.empty(when.size, dtype=np.int32)
    jumps = 0
    t = times[0]
    positions[0, 0], positions[0, 1] = a, b
    bin = 0  # between times[bin] and times[bin + 1]
    while halt[0] == 0:
        if on_triangle:
            triangle_rates(emitters, gamma, a / 2, b / 2, rates)
        else:
            for c in range(rates.size):
                rates[c] = table[a, c]
        total = 0.0
        for i in range(moving.size):
            total += rates[moving[i]]
        t_jump = t + rng.standard_exponential() / total if total > 0 else np.inf
        while bin < times.size - 1 and times[bin + 1] <= t_jump:
            for i in range(silent.size):
                counts[silent[i], bin] += rates[silent[i]] * (times[bin + 1] - t)
            bin += 1
            t = times[bin]
            positions[bin, 0], positions[bin, 1] = a, b
        if bin == times.size - 1:
            return when[:jumps].copy(), which[:jumps].copy(), True
        for i in range(silent.size):
            counts[silent[i], bin] += rates[silent[i]] * (t_jump - t)
        t = t_jump
        left = rng.random() * total
        channel = -1
        for i in range(moving.size):
            if rates[moving[i]] > 0:
                channel = moving[i]  # rounding may leave `left` positive past the last one
                left -= rates[channel]
                if left < 0:
                    break
        counts[channel, bin] += 1
        if record:
            if jumps == when.size:
                when, which = grown(when, 2 * jumps), grown(which, 2 * jumps)
            when[jumps], which[jumps] = t, channel
            jumps += 1
        if not on_triangle:
            a = targets[a, channel]
        elif channel < 9:
            a += 2 * (channel % 3 - 1)
            b += 2 * (channel // 3 - 1)
        else:
            b += 2 * (channel - 10)
    return when[:jumps].copy(), which[:jumps].copy(), False
