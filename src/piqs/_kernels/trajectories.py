"""Wave-function trajectories: propagation under H_eff by Taylor series, and jumps at the times they happen.

Kets are ordered so that every connected component of H_eff is contiguous; a trajectory holds amplitudes on
the components it occupies (`active`) and every loop runs over these alone. A vector is zero outside them.
"""

from typing import NamedTuple

import numpy as np

from piqs._kernels.arrays import grown
from piqs._kernels.cache import kernel, part


class Problem(NamedTuple):
    """psi' = sum_k f_k(t) A_k psi between jumps C_i of strength g_i(t) |C_i psi|^2.

    `indptr` has one row per matrix: the A_k = -i H_eff in parts by row, then the C_i by column, then the
    operators to average by row. On piece l of time, f and then g are polynomials in
    t - (breaks[l] + breaks[l + 1]) / 2, lowest power first.
    """

    parts: int
    channels: int
    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray
    bounds: np.ndarray  # of every component: its kets are bounds[c] to bounds[c + 1]
    component: np.ndarray  # of every ket
    size: np.ndarray  # of every component: largest row sum of |A_k|, over k and all times
    block: np.ndarray  # of every component: the block of kets that a state on it stays within until a jump
    first: np.ndarray  # of every component: the first ket of its block
    breaks: np.ndarray
    coefficients: np.ndarray


@part()
def shifted(polynomials, s, out):
    """Coefficients in powers of (tau - s), for polynomials in tau, by repeated synthetic division."""
    top = out.shape[1] - 1
    for k in range(out.shape[0]):
        for d in range(top + 1):
            out[k, d] = polynomials[k, d]
        for i in range(top):
            for d in range(top - 1, i - 1, -1):
                out[k, d] += s * out[k, d + 1]


@part()
def clear(bounds, active, x):
    """x = 0 on the active components."""
    for c in active:
        for i in range(bounds[c], bounds[c + 1]):
            x[i] = 0.0


@part()
def add_product(indptr, indices, data, bounds, active, factor, x, out):
    """out += factor * M x on the active components (M by row)."""
    for c in active:
        for i in range(bounds[c], bounds[c + 1]):
            total = 0.0j
            for p in range(indptr[i], indptr[i + 1]):
                total += data[p] * x[indices[p]]
            out[i] += factor * total


@part()
def squared_norm(bounds, active, x):
    total = 0.0
    for c in active:
        for i in range(bounds[c], bounds[c + 1]):
            total += x[i].real ** 2 + x[i].imag ** 2
    return total


@part()
def normalise(bounds, active, x):
    """x / |x|; returns its squared norm before."""
    norm2 = squared_norm(bounds, active, x)
    for c in active:
        for i in range(bounds[c], bounds[c + 1]):
            x[i] /= np.sqrt(norm2)
    return norm2


@part()
def expand(problem, active, polynomials, threshold, horizon, tolerance, V, W):
    """Taylor series of psi around the present: psi(t + x / scale) = sum_n V[n] x^n.

    V[0] is given. Terms are added until they no longer count at the step wanted: `horizon`, or some way past
    the time at which the squared norm is expected to reach `threshold`. If the terms run out first, the step
    is shortened. The error is judged by the 1-norm of the last two terms, which bounds the 2-norm.

    Returns number of the last term, step in units of 1/scale, scale.
    """
    parts, indptr, indices, data = problem.parts, problem.indptr, problem.indices, problem.data
    bounds = problem.bounds
    scale = 1 / horizon if horizon > 0 else 1.0  # where H_eff vanishes
    for c in active:
        scale = max(scale, problem.size[c])
    norm2 = squared_norm(bounds, active, V[0])
    allowed = tolerance * np.sqrt(norm2)
    last, top, degree = V.shape[0] - 1, polynomials.shape[1] - 1, 0
    for k in range(parts):
        for d in range(1, top + 1):
            if polynomials[k, d] != 0:
                degree = max(degree, d)
    step = horizon * scale
    before = np.inf
    for n in range(last):
        clear(bounds, active, V[n + 1])
        for k in range(parts):
            factor = 1 / (scale * (n + 1))
            if degree == 0:
                if polynomials[k, 0] != 0:
                    whole = factor * polynomials[k, 0]
                    add_product(indptr[k], indices, data, bounds, active, whole, V[n], V[n + 1])
                continue
            clear(bounds, active, W)
            for c in active:
                for d in range(min(n, top) + 1):
                    if polynomials[k, d] != 0:
                        weight = polynomials[k, d] / scale**d
                        for i in range(bounds[c], bounds[c + 1]):
                            W[i] += weight * V[n - d, i]
            add_product(indptr[k], indices, data, bounds, active, factor, W, V[n + 1])
        size = 0.0
        slope = 0.0  # of the squared norm, at n = 0
        for c in active:
            for i in range(bounds[c], bounds[c + 1]):
                size += abs(V[n + 1, i].real) + abs(V[n + 1, i].imag)
                if n == 0:
                    slope -= 2 * (V[0, i].real * V[1, i].real + V[0, i].imag * V[1, i].imag)
        if n == 0 and slope > 0 and threshold > 0:
            step = min(step, 1.5 * max(0.0, np.log(norm2 / threshold)) * norm2 / slope + 1e-3)
        if n >= degree and size * step ** (n + 1) <= allowed and before * step**n <= allowed:
            return n + 1, step, scale
        if n == last - 1:
            if size > 0:
                step = min(step, (allowed / size) ** (1 / last))
            if before > 0:
                step = min(step, (allowed / before) ** (1 / (last - 1)))
        before = size
    return last, step, scale


@part()
def evaluate(bounds, active, R, order, x, out):
    """out = sum_n R[n] x^n on the active components; complex numbers as pairs of real ones."""
    for c in active:
        for i in range(2 * bounds[c], 2 * bounds[c + 1]):
            out[i] = R[order, i]
        for n in range(order - 1, -1, -1):
            for i in range(2 * bounds[c], 2 * bounds[c + 1]):
                out[i] = out[i] * x + R[n, i]


@part()
def decay_and_slope(bounds, active, R, order, x, value, change):
    """Squared norm of sum_n R[n] x^n and its derivative in x; `value` and `change` are room to work in."""
    evaluate(bounds, active, R, order, x, value)
    norm2, slope = 0.0, 0.0
    for c in active:
        for i in range(2 * bounds[c], 2 * bounds[c + 1]):
            change[i] = order * R[order, i]
        for n in range(order - 1, 0, -1):
            for i in range(2 * bounds[c], 2 * bounds[c + 1]):
                change[i] = change[i] * x + n * R[n, i]
        for i in range(2 * bounds[c], 2 * bounds[c + 1]):
            norm2 += value[i] * value[i]
            slope += 2 * value[i] * change[i]
    return norm2, slope


@part()
def crossing(bounds, active, R, order, step, threshold, value, change):
    """The x in (0, step] at which the squared norm is `threshold`: Newton on its logarithm, bracketed."""
    low, high = 0.0, step
    x = 0.5 * step
    for _ in range(100):
        norm2, slope = decay_and_slope(bounds, active, R, order, x, value, change)
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


@part()
def apply_jump(problem, channel, active, psi, out, reached, listed):
    """out = C psi, where `out` is zero before; returns |C psi|^2 and how many components `reached` lists.

    `listed` is False for every component before and after.
    """
    indptr, indices, data = problem.indptr[problem.parts + channel], problem.indices, problem.data
    bounds, component = problem.bounds, problem.component
    marked = 0
    for c in active:
        for i in range(bounds[c], bounds[c + 1]):
            if psi[i] == 0:
                continue
            for p in range(indptr[i], indptr[i + 1]):
                out[indices[p]] += data[p] * psi[i]
                target = component[indices[p]]
                if not listed[target]:
                    listed[target] = True
                    reached[marked] = target
                    marked += 1
    for c in reached[:marked]:
        listed[c] = False
    return squared_norm(bounds, reached[:marked], out), marked


@part()
def jump(rng, problem, strengths, active, psi, out, reached, listed):
    """Choose a channel by its rate and apply it; returns it (-1: no rate) and the new components."""
    bounds = problem.bounds
    channels = strengths.size
    rates = np.zeros(channels)
    total = 0.0
    for k in range(channels):
        norm2, marked = apply_jump(problem, k, active, psi, out, reached, listed)
        rates[k] = strengths[k] * norm2
        clear(bounds, reached[:marked], out)
        total += rates[k]
    left = rng.random() * total
    chosen = -1
    for k in range(channels):
        if rates[k] > 0:
            chosen = k
            left -= rates[k]
            if left < 0:
                break
    if chosen < 0:
        return chosen, active
    norm2, marked = apply_jump(problem, chosen, active, psi, out, reached, listed)
    clear(bounds, active, psi)
    kept = np.empty(marked, dtype=np.int64)
    n = 0
    for r in range(marked):
        c = reached[r]
        # What destructive interference leaves of a component is rounding, not occupation.
        if squared_norm(bounds, reached[r : r + 1], out) > 1e-28 * norm2:
            for i in range(bounds[c], bounds[c + 1]):
                psi[i] = out[i] / np.sqrt(norm2)
            kept[n] = c
            n += 1
    clear(bounds, reached[:marked], out)
    return chosen, kept[:n]


@part()
def observe(problem, active, psi, W, expect, index, where, states):
    """Averages over psi / |psi| into expect[:, index]; the state and its block where `states` has room."""
    bounds, first = problem.bounds, problem.parts + problem.channels
    norm2 = squared_norm(bounds, active, psi)
    for k in range(expect.shape[0]):
        clear(bounds, active, W)
        add_product(
            problem.indptr[first + k], problem.indices, problem.data, bounds, active, 1.0 + 0j, psi, W
        )
        total = 0.0j
        for c in active:
            for i in range(bounds[c], bounds[c + 1]):
                total += np.conj(psi[i]) * W[i]
        expect[k, index] = total / norm2
    if states.shape[0] > 0:
        where[index] = problem.block[active[0]]
        for c in active:
            for i in range(bounds[c], bounds[c + 1]):
                states[index, i - problem.first[c]] = psi[i] / np.sqrt(norm2)


@kernel()
def run_trajectory(rng, problem, psi, active, times, tolerance, terms, floor, halt, expect, where, states):
    """One trajectory from psi at times[0], on the components `active`; psi becomes the final state.

    Writes averages into `expect` (operators, times) and, unless it is empty, normalised states into `states`
    (times, kets of a block) and their blocks into `where`. The first jump comes before the squared norm has
    fallen to `floor`; with a negative one there is none. Stops early once halt[0] is set.

    Returns times and channels of the jumps, squared norm since the last one, and the last block (-1: halted).
    """
    bounds, kets = problem.bounds, psi.size
    K, channels = problem.parts, problem.channels
    V = np.empty((terms + 1, kets), dtype=np.complex128)
    W = np.empty(kets, dtype=np.complex128)
    R, pairs, value, change = V.view(np.float64), psi.view(np.float64), np.empty(2 * kets), np.empty(2 * kets)
    out = np.zeros(kets, dtype=np.complex128)
    reached, listed = np.empty(bounds.size - 1, dtype=np.int64), np.zeros(bounds.size - 1, dtype=np.bool_)
    local = np.empty(problem.coefficients.shape[1:], dtype=np.complex128)
    when, which, jumps = np.empty(64), np.empty(64, dtype=np.int32), 0
    t, done, piece = times[0], 0, 0
    survival = 1.0
    threshold = 1 - rng.random() * (1 - floor) if floor >= 0 else -1.0  # in (floor, 1]
    while halt[0] == 0:
        while piece < problem.breaks.size - 2 and problem.breaks[piece + 1] <= t:
            piece += 1
        end = times[-1]
        if piece < problem.breaks.size - 2:
            end = min(end, problem.breaks[piece + 1])
        middle = (problem.breaks[piece] + problem.breaks[piece + 1]) / 2
        shifted(problem.coefficients[piece], t - middle, local)
        for c in active:
            for i in range(bounds[c], bounds[c + 1]):
                V[0, i] = psi[i]
        order, step, scale = expand(problem, active, local[:K], threshold, end - t, tolerance, V, W)
        jumped = decay_and_slope(bounds, active, R, order, step, value, change)[0] <= threshold
        if jumped:
            step = crossing(bounds, active, R, order, step, threshold, value, change)
        # The last step of a piece ends on its end, not a rounding error short of it.
        t_next = t + step / scale
        if not jumped and step >= (end - t) * scale:
            t_next = end
        while done < times.size and (times[done] < t_next or (times[done] == t_next and not jumped)):
            evaluate(bounds, active, R, order, (times[done] - t) * scale, pairs)
            observe(problem, active, psi, W, expect, done, where, states)
            done += 1
        evaluate(bounds, active, R, order, step, pairs)
        if done == times.size:
            break
        if jumped:
            s = t_next - t
            strengths = np.zeros(channels)
            for k in range(channels):
                for d in range(local.shape[1] - 1, -1, -1):
                    strengths[k] = strengths[k] * s + local[K + k, d].real
            channel, active = jump(rng, problem, strengths, active, psi, out, reached, listed)
            threshold = 1 - rng.random()
            if channel < 0:  # a norm lost to rounding alone: no rate to jump with, go on
                threshold *= squared_norm(bounds, active, psi)
            else:
                if jumps == when.size:
                    when, which = grown(when, 2 * jumps), grown(which, 2 * jumps)
                when[jumps], which[jumps] = t_next, channel
                jumps += 1
        elif floor < 0:  # a norm that only falls would underflow
            survival *= normalise(bounds, active, psi)
        t = t_next
    survival *= normalise(bounds, active, psi)
    block = problem.block[active[0]] if done == times.size else -1
    return when[:jumps].copy(), which[:jumps].copy(), survival, block


@kernel()
def add_projectors(states, where, weights, sizes, offsets, sums):
    """sums[t] += weight |psi><psi|, block by block: block b is stored by row from offsets[b] on."""
    for k in range(states.shape[0]):
        for t in range(states.shape[1]):
            size, offset = sizes[where[k, t]], offsets[where[k, t]]
            for a in range(size):
                amplitude = weights[k] * states[k, t, a]
                if amplitude != 0:
                    for b in range(size):
                        sums[t, offset + a * size + b] += amplitude * np.conj(states[k, t, b])
