"""In which order the unknowns of a sparse matrix are eliminated, and how much its factors will hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs._interrupts import listening
from piqs._kernels.dissection import SMALLEST_HALF, fill, nested_dissection
from piqs.linear.components import components

__all__ = ["dissected", "elements_of_factors", "graph_of", "is_planar", "multiplications", "predicted_fill"]

# Graphs of fewer elements are searched before anybody presses Ctrl-C.
_INSTANT = 500_000
# Searches for a node at the rim of a graph.
_MOST_SEARCHES = 4
# Sets of unknowns up to this size are put down as planar without a look.
_SMALL = 64


def predicted_fill(matrix: sp.csr_array) -> float:
    """About how many elements the factors of a matrix will have, from the narrowest cuts through the graphs of its sets of
    unknowns; what leads from one set to another stays as it is.

    With n unknowns, nested dissection leaves some n log n elements where the graph is planar (A. George, SIAM J. Numer. Anal.
    10, 345 (1973)), and in more dimensions some s^2 log n for a cut of s. The constants were measured on populations, driven
    ensembles and cavities, where the result is within a factor of two; it takes a hundredth of the time of the ordering.
    """
    sets = components(matrix)
    if sets.single:
        return max(_fills(matrix))
    small = sets.sizes <= _SMALL
    fill = matrix.nnz + sum(_planar(n) for n in sets.sizes[small].tolist() if n > 1)
    for k in np.flatnonzero(~small).tolist():
        inside = sets.inside(k)
        fill += max(_fills(sp.csr_array(matrix[inside][:, inside])))
    return fill


def is_planar(matrix: sp.csr_array) -> bool:
    """Whether the cuts through the graph of a matrix are as narrow as those of a planar one."""
    planar, spatial = _fills(matrix)
    return spatial <= planar


def _fills(matrix: sp.csr_array) -> tuple[float, float]:
    """The fill as if the graph of a matrix were planar, and as its narrowest cut has it."""
    n, cut = matrix.shape[0], float(_narrowest_cut(graph_of(matrix)))
    return _planar(n), 1.1 * cut**2 * float(np.log2(n + 1.0))


def _planar(n: int) -> float:
    return 5.0 * n * float(np.log2(n + 1.0))


def _narrowest_cut(graph: sp.csr_array) -> int:
    """Nodes in the narrowest level of a search through a graph (symmetric) that leaves two halves, from a node at the rim."""
    root, depth = 0, 0
    for _ in range(_MOST_SEARCHES):
        order, before = sp.csgraph.breadth_first_order(graph, root)
        place = np.empty(graph.shape[0], dtype=np.int64)
        place[order] = np.arange(order.size)
        parents = place[before[order[1:]]]
        # A level ends before the first node whose parent lies in it.
        cuts = [0]
        while cuts[-1] < order.size:
            cuts.append(1 + int(np.searchsorted(parents, cuts[-1])))
        root = int(order[-1])
        if order.size < graph.shape[0] or len(cuts) <= depth:
            break
        depth = len(cuts)
    if len(cuts) <= 3:
        return int(order.size)
    widths = np.diff(cuts)[1:-1]
    below = np.array(cuts[1:-2])
    smaller = np.minimum(below, order.size - below - widths) / order.size
    cost = widths * (1.0 + 16.0 * (0.5 - smaller) ** 2)
    unequal = smaller < SMALLEST_HALF
    cost[unequal] = order.size * (10.0 - smaller[unequal])
    return int(widths[np.argmin(cost)])


def dissected(graph: sp.csr_array) -> np.ndarray:
    """An order of elimination by nested dissection; rows of very many elements go last."""
    order: np.ndarray = _heard(nested_dissection, graph, 64 + 10 * int(np.sqrt(graph.shape[0])))
    return order


def elements_of_factors(graph: sp.csr_array, order: np.ndarray) -> int:
    """How many elements L and U have in an order of elimination."""
    return int(_heard(fill, graph, order))


def _heard(kernel: Callable[..., Any], graph: sp.csr_array, argument: Any) -> Any:
    """A kernel over a graph, during which Ctrl-C is heard where it takes long."""
    # One kind of index, that the kernels are compiled once.
    indptr, indices = graph.indptr.astype(np.int32, copy=False), graph.indices.astype(np.int32, copy=False)
    if graph.nnz < _INSTANT:
        return kernel(indptr, indices, argument)
    return listening(kernel, indptr, indices, argument)


def graph_of(matrix: sp.csr_array) -> sp.csr_array:
    """The pattern of a matrix and its transpose."""
    pattern = sp.csr_array(
        (np.ones(matrix.nnz, dtype=np.int8), matrix.indices, matrix.indptr), shape=matrix.shape
    )
    return sp.csr_array(pattern + pattern.T)


def multiplications(fill: float, n: int) -> float:
    """About how many multiplications find factors of this many elements: half the square of a mean column, for each."""
    return 0.55 * fill**2 / n
