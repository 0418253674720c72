"""Repeated application of a stochastic matrix to populations, on the occupied kets only."""

from piqs._kernels.cache import kernel


@kernel()
def walk(
    indptr,
    indices,
    data,
    p,
    q,
    occupied,
    next_occupied,
    count,
    threshold,
    observables,
    moments,
    weights,
    total,
):
    """Apply a non-negative matrix (CSC arrays) ``len(weights)`` times to p, in place.

    ``occupied[:count]`` are the entries of p that are not zero; q is zero, ``next_occupied`` is work space.
    Before application k the moments ``observables @ p`` go to ``moments[k]`` and ``weights[k] * p`` is added to
    ``total``. Entries below ``threshold`` are dropped. Returns the new count and the sum of what was dropped; p and
    ``occupied`` hold the result.
    """
    steps = weights.size
    dropped = 0.0
    for k in range(steps):
        w = weights[k]
        for o in range(observables.shape[0]):
            s = 0.0
            for i in range(count):
                s += observables[o, occupied[i]] * p[occupied[i]]
            moments[k, o] = s
        if w > 0:
            for i in range(count):
                total[occupied[i]] += w * p[occupied[i]]
        touched = 0
        for i in range(count):
            a = occupied[i]
            v = p[a]
            p[a] = 0.0
            for e in range(indptr[a], indptr[a + 1]):
                add = data[e] * v
                if add > 0:
                    r = indices[e]
                    if q[r] == 0:
                        next_occupied[touched] = r
                        touched += 1
                    q[r] += add
        count = 0
        for i in range(touched):
            r = next_occupied[i]
            if q[r] >= threshold:
                p[r] = q[r]
                occupied[count] = r
                count += 1
            else:
                dropped += q[r]
            q[r] = 0.0
    return count, dropped
