"""Nested dissection: an elimination order that keeps the factors of a sparse matrix sparse.

A set of nodes that cuts the matrix's graph in two (a separator) is eliminated last, so that neither half fills the other;
the halves are cut in the same way (A. George, SIAM J. Numer. Anal. 10, 345 (1973)). Separators are found as levels of a
breadth-first search from a node at the rim (A. George and J. W. H. Liu, SIAM J. Numer. Anal. 15, 1053 (1978)).
"""

import numpy as np

from piqs._kernels.cache import kernel, part

# Smaller sets are eliminated in the order of the search.
_LEAF = 8
# Neither half may hold less than this part of the nodes, if that can be had.
SMALLEST_HALF = 0.3
_MOST_SEARCHES = 4


@part()
def _search(indptr, indices, inside, nodes, root, queue, level):
    """Breadth-first search from `root` among `nodes`, those marked `inside`: their levels, and how many were found."""
    for v in nodes:
        level[v] = -1
    queue[0] = root
    level[root] = 0
    head, tail = 0, 1
    while head < tail:
        v = queue[head]
        head += 1
        for p in range(indptr[v], indptr[v + 1]):
            w = indices[p]
            if inside[w] and level[w] == -1:
                level[w] = level[v] + 1
                queue[tail] = w
                tail += 1
    return tail


@part()
def _search_from_rim(indptr, indices, inside, nodes, queue, level):
    """A search from a node that is about as far from the others as any."""
    depth, root = -1, nodes[0]
    for _ in range(_MOST_SEARCHES):
        count = _search(indptr, indices, inside, nodes, root, queue, level)
        root = queue[count - 1]
        if count < nodes.size or level[root] <= depth:
            break
        depth = level[root]
    return count


@part()
def _narrowest_level(widths, count):
    """The level with the fewest nodes among those that leave both halves large enough, else the most even one."""
    best, lowest, below = 1, np.inf, 0
    for k in range(widths.size - 1):
        smaller = min(below, count - below - widths[k]) / count
        cost = widths[k] * (1.0 + 16.0 * (0.5 - smaller) ** 2)
        if smaller < SMALLEST_HALF:
            cost = count * (10.0 - smaller)
        if k > 0 and cost < lowest:
            best, lowest = k, cost
        below += widths[k]
    return best


@part()
def _cut(indptr, indices, inside, nodes, queue, level):
    """Reorder `nodes` as one half, the other half, the separator; the number of nodes in each half."""
    count = nodes.size
    widths = np.zeros(level[queue[count - 1]] + 1, dtype=np.int64)
    for v in nodes:
        widths[level[v]] += 1
    middle = _narrowest_level(widths, count)
    side = np.empty(count, dtype=np.uint8)
    sizes = np.zeros(3, dtype=np.int64)
    for i in range(count):
        v = queue[i]
        side[i] = 1 if level[v] > middle else 0
        if level[v] == middle:
            for p in range(indptr[v], indptr[v + 1]):
                w = indices[p]
                if inside[w] and level[w] == middle + 1:
                    side[i] = 2
                    break
        sizes[side[i]] += 1
    place = np.zeros(3, dtype=np.int64)
    place[1], place[2] = sizes[0], sizes[0] + sizes[1]
    for i in range(count):
        nodes[place[side[i]]] = queue[i]
        place[side[i]] += 1
    return sizes[0], sizes[1]


@part()
def _write(source, count, target, start):
    for i in range(count):
        target[start + i] = source[i]


@kernel()
def nested_dissection(indptr, indices, dense):
    """Elimination order of the nodes of a graph (symmetric CSR pattern); nodes of more than `dense` neighbours go last."""
    n = indptr.size - 1
    order = np.empty(n, dtype=np.int64)
    free, last = 0, n
    for v in range(n):
        if indptr[v + 1] - indptr[v] > dense:
            last -= 1
            order[last] = v
        else:
            order[free] = v
            free += 1
    inside = np.zeros(n, dtype=np.bool_)
    queue, level = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    stack = [(0, free)]
    while stack:
        start, stop = stack.pop()
        if stop - start <= 1:
            continue
        nodes = order[start:stop]
        for v in nodes:
            inside[v] = True
        count = _search_from_rim(indptr, indices, inside, nodes, queue, level)
        if count < nodes.size:
            # Not connected: what was found, and the rest.
            found = count
            for v in nodes:
                if level[v] == -1:
                    queue[found] = v
                    found += 1
            _write(queue, stop - start, order, start)
            stack.append((start, start + count))
            stack.append((start + count, stop))
        elif nodes.size <= _LEAF or level[queue[count - 1]] < 2:
            _write(queue, count, order, start)
        else:
            first, second = _cut(indptr, indices, inside, nodes, queue, level)
            stack.append((start, start + first))
            stack.append((start + first, start + first + second))
        for v in nodes:
            inside[v] = False
    return order


@kernel()
def fill(indptr, indices, order):
    """Elements of L and of U that eliminating the nodes of a graph in this order gives, without exchanges of rows.

    Row i of L holds the paths from its neighbours up the elimination tree (J. W. H. Liu, SIAM J. Matrix Anal. Appl. 11, 134
    (1990)): each is followed until it meets another one of the same row.
    """
    n = order.size
    rank = np.empty(n, dtype=np.int64)
    for k in range(n):
        rank[order[k]] = k
    parent = np.full(n, n, dtype=np.int64)
    seen = np.full(n, n, dtype=np.int64)
    count = np.int64(0)
    for i in range(n):
        seen[i] = i
        for p in range(indptr[order[i]], indptr[order[i] + 1]):
            k = rank[indices[p]]
            while k < i and seen[k] != i:
                if parent[k] == n:
                    parent[k] = i
                seen[k] = i
                count += 1
                k = parent[k]
    return 2 * (count + n)
