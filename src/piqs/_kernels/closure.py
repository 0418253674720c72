"""Breadth-first closure of a Lindblad generator over real Hermitian basis elements.

The orthonormal Hermitian basis of n x n matrices, a < b in ket order:

    D_a  = |a><a|,   S_ab = (|a><b| + |b><a|) / sqrt 2,   A_ab = i (|a><b| - |b><a|) / sqrt 2.

An element is named by one integer, its key: ``2 (a n + b)`` for D_a (a = b) and S_ab, ``2 (a n + b) + 1`` for A_ab.
"""

import numpy as np

from piqs._kernels.arrays import grown
from piqs._kernels.cache import kernel, part

COMPLETE, OUT_OF_BUDGET = 0, 1

_SQRT2 = np.sqrt(2.0)


@part()
def _hash(key, mask):
    # Fibonacci hashing: spreads consecutive keys over the table.
    return ((key * np.int64(-7046029254386353131)) >> np.int64(20)) & mask


@part()
def _slot(table, key):
    """Row of `key` in an open-addressing table of keys and numbers, or of the free row where it belongs."""
    mask = table.shape[0] - 1
    h = _hash(key, mask)
    while table[h, 0] != -1 and table[h, 0] != key:
        h = (h + 1) & mask
    return h


@part()
def _table(keys, n_keys, capacity):
    """A table of the keys and their numbers, with room for `capacity` of them."""
    table = np.full((capacity, 2), -1, dtype=np.int64)
    for k in range(n_keys):
        h = _slot(table, keys[k])
        table[h, 0] = keys[k]
        table[h, 1] = k
    return table


@part()
def _put_pair(c, d, v, n, count, key, value, weight):
    """Append the coordinates of v |c><d| + h.c. to a list; the length of the list.

    The two coordinates of a pair share its magnitude, so that a real part that is pure rounding beside a finite imaginary
    part is recognised as zero.
    """
    # Not |v|, whose root would take longer than all else.
    size = abs(v.real) + abs(v.imag)
    if size == 0.0:
        return count
    if c == d:
        key[count], value[count], weight[count] = 2 * (c * n + c), 2.0 * v.real, _SQRT2 * size
        return count + 1
    low, high, sign = (c, d, _SQRT2) if c < d else (d, c, -_SQRT2)
    key[count], value[count], weight[count] = 2 * (low * n + high), _SQRT2 * v.real, _SQRT2 * size
    key[count + 1], value[count + 1], weight[count + 1] = key[count] + 1, sign * v.imag, _SQRT2 * size
    return count + 2


@part()
def _put(own, v, count, key, value, weight):
    """Append a number that has not cancelled to the list."""
    if v == 0.0:
        return count
    key[count], value[count], weight[count] = own, v, abs(v)
    return count + 1


@part()
def _summed(count, key, value, weight, place, slot):
    """Add up what the list holds of each key, in the order in which the keys appear; how many there are.

    `place` is a hash table of positions in the list, free (-1) before and after; `slot` is work space.
    """
    mask = place.size - 1
    found = 0
    for i in range(count):
        h = _hash(key[i], mask)
        while place[h] != -1 and key[place[h]] != key[i]:
            h = (h + 1) & mask
        k = place[h]
        if k == -1:
            place[h], slot[found] = found, h
            key[found], value[found], weight[found] = key[i], value[i], weight[i]
            found += 1
        else:
            value[k] += value[i]
            weight[k] += weight[i]
    for k in range(found):
        place[slot[k]] = -1
    return found


@part()
def _own(a, b, energies, losses, first, last, b_weight, b_diagonal, drop):
    """Rate and frequency of |a><b| under one term, without what cancels: -i(E_a - E_b) - (l_a + l_b)/2 and, of each jump,
    B_aa B_bb^* - (|B_aa|^2 + |B_bb|^2)/2 = -|B_aa - B_bb|^2/2 + i Im(B_aa B_bb^*).

    l_a is what leaves ket a for others: a jump that leaves the kets as they are changes no population.
    """
    if a == b:
        return -losses[a], 0.0
    rate, rates = -0.5 * (losses[a] + losses[b]), 0.5 * (abs(losses[a]) + abs(losses[b]))
    frequency, frequencies = energies[b] - energies[a], abs(energies[a]) + abs(energies[b])
    for k in range(first, last):
        left, right = b_diagonal[a, k], b_diagonal[b, k]
        if left != 0.0 or right != 0.0:
            step = 0.5 * b_weight[k] * abs(left - right) ** 2
            rate -= step
            rates += abs(step)
            frequency += b_weight[k] * (left * np.conj(right)).imag
            frequencies += abs(b_weight[k] * left * right)
    if abs(rate) <= drop * rates:
        rate = 0.0
    if abs(frequency) <= drop * frequencies:
        frequency = 0.0
    return rate, frequency


@part()
def _column_bound(a, b, n, g_indptr, b_indptr, s_indptr):
    """Upper bound on the coordinates one column can touch."""
    bound = 0
    for t in range(g_indptr.shape[0]):
        bound += g_indptr[t, a + 1] - g_indptr[t, a] + g_indptr[t, b + 1] - g_indptr[t, b]
    for k in range(b_indptr.shape[1] - 1):
        bound += (b_indptr[a, k + 1] - b_indptr[a, k]) * (b_indptr[b, k + 1] - b_indptr[b, k])
    for t in range(s_indptr.shape[0]):
        bound += s_indptr[t, b * n + a + 1] - s_indptr[t, b * n + a]
    # ... and the element itself with its mirror image.
    return 2 * bound + 2 * g_indptr.shape[0]


@kernel()
def close(n, seeds, g_indptr, g_indices, g_data, b_term, b_weight, b_indptr, b_indices, b_data, b_diagonal,
          energies, losses, s_indptr, s_indices, s_data, drop, max_unknowns, max_entries, halt):  # fmt: skip
    """Smallest set of basis elements that holds `seeds` and is closed under the generator, with its columns.

    The generator is a sum of terms t, each X -> G X + X G^+ + sum_k w_k B_k X B_k^+ (+ S vec X, column stacking), all
    stored by columns: G_t in g_indptr[t], all B_k together with those of column a from b_indptr[a, k] to
    b_indptr[a, k + 1], and b_term[t] the first k of a term. A coordinate whose contributions cancel to less than `drop`
    of their summed magnitude is zero. The coefficient of each element with itself comes from energies[t], losses[t] and
    b_diagonal[a, k] (see `_own`), not from the diagonal of G.
    The search ends early once `halt[0]` is not zero.

    Returns status, keys in order of discovery, column pointers, and per entry its row, value and term.
    """
    n_terms = g_indptr.shape[0]
    keys = np.empty(max(1024, 2 * seeds.size), dtype=np.int64)
    n_keys = 0
    for key in seeds:
        keys[n_keys] = key
        n_keys += 1
    capacity = 1024
    while capacity < 4 * n_keys:
        capacity *= 2
    table = _table(keys, n_keys, capacity)

    indptr = np.zeros(keys.size + 1, dtype=np.int64)
    rows = np.empty(8192, dtype=np.int32)
    data = np.empty(8192)
    term = np.empty(8192, dtype=np.uint8)
    n_entries = 0
    # What one column adds up.
    key, value, weight = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
    place, slot = np.full(1, -1, dtype=np.int64), np.empty(0, dtype=np.int64)

    column = 0
    while column < n_keys:
        if n_keys > max_unknowns or n_entries > max_entries or halt[0]:
            return OUT_OF_BUDGET, keys[:n_keys], indptr[: column + 1], rows, data, term
        element = keys[column]
        a, b = (element >> 1) // n, (element >> 1) % n
        bound = _column_bound(a, b, n, g_indptr, b_indptr, s_indptr)
        if bound > key.size:
            room = 2 * bound
            key, value, weight = np.empty(room, dtype=np.int64), np.empty(room), np.empty(room)
            slot, size = np.empty(room, dtype=np.int64), 64
            while size < 2 * room:
                size *= 2
            place = np.full(size, -1, dtype=np.int64)
        if n_entries + n_terms * bound > rows.size:
            room = 2 * (rows.size + n_terms * bound)
            rows, data, term = grown(rows, room), grown(data, room), grown(term, room)
        if n_keys + n_terms * bound > keys.size:
            room = 2 * (keys.size + n_terms * bound)
            keys, indptr = grown(keys, room), grown(indptr, room + 1)
        if 2 * (n_keys + n_terms * bound) > table.shape[0]:
            capacity = table.shape[0]
            while capacity < 4 * (n_keys + n_terms * bound):
                capacity *= 2
            table = _table(keys, n_keys, capacity)

        if a == b:
            z = complex(0.5, 0.0)
        elif element & 1:
            z = complex(0.0, 1.0 / _SQRT2)
        else:
            z = complex(1.0 / _SQRT2, 0.0)
        for t in range(n_terms):
            rate, frequency = _own(
                a, b, energies[t], losses[t], b_term[t], b_term[t + 1], b_weight, b_diagonal, drop
            )
            count = _put(element, rate, 0, key, value, weight)
            if element & 1:
                count = _put(element - 1, -frequency, count, key, value, weight)
            else:
                count = _put(element + 1, frequency, count, key, value, weight)
            for p in range(g_indptr[t, a], g_indptr[t, a + 1]):
                if g_indices[p] != a:
                    count = _put_pair(g_indices[p], b, z * g_data[p], n, count, key, value, weight)
            for p in range(g_indptr[t, b], g_indptr[t, b + 1]):
                if g_indices[p] != b:
                    count = _put_pair(a, g_indices[p], z * np.conj(g_data[p]), n, count, key, value, weight)
            for k in range(b_term[t], b_term[t + 1]):
                for p in range(b_indptr[a, k], b_indptr[a, k + 1]):
                    left = b_weight[k] * z * b_data[p]
                    for q in range(b_indptr[b, k], b_indptr[b, k + 1]):
                        if b_indices[p] == a and b_indices[q] == b:
                            continue
                        count = _put_pair(
                            b_indices[p],
                            b_indices[q],
                            left * np.conj(b_data[q]),
                            n,
                            count,
                            key,
                            value,
                            weight,
                        )
            if s_indptr.shape[0] > 0:
                for p in range(s_indptr[t, b * n + a], s_indptr[t, b * n + a + 1]):
                    count = _put_pair(
                        s_indices[p] % n, s_indices[p] // n, z * s_data[p], n, count, key, value, weight
                    )
            for i in range(_summed(count, key, value, weight, place, slot)):
                if abs(value[i]) > drop * weight[i]:
                    h = _slot(table, key[i])
                    if table[h, 0] == -1:
                        table[h, 0], table[h, 1] = key[i], n_keys
                        keys[n_keys] = key[i]
                        n_keys += 1
                    rows[n_entries] = table[h, 1]
                    data[n_entries] = value[i]
                    term[n_entries] = t
                    n_entries += 1
        column += 1
        indptr[column] = n_entries
    return COMPLETE, keys[:n_keys], indptr[: n_keys + 1], rows[:n_entries], data[:n_entries], term[:n_entries]


@kernel()
def rows_of_term(indptr, rows, data, term, t, order, rank):
    """CSR arrays of one term from the column lists of `close`, with the unknowns renumbered to `rank`.

    `order` lists the old number of every new one; columns come out sorted within each row.
    """
    n = order.size
    new_indptr = np.zeros(n + 1, dtype=np.int64)
    for p in range(rows.size):
        if term[p] == t:
            new_indptr[rank[rows[p]] + 1] += 1
    for r in range(n):
        new_indptr[r + 1] += new_indptr[r]
    place = new_indptr[:-1].copy()
    indices = np.empty(new_indptr[n], dtype=np.int32)
    values = np.empty(new_indptr[n])
    for new_column in range(n):
        old = order[new_column]
        for p in range(indptr[old], indptr[old + 1]):
            if term[p] == t:
                row = rank[rows[p]]
                indices[place[row]] = new_column
                values[place[row]] = data[p]
                place[row] += 1
    return new_indptr, indices, values
