"""Sparse LU factors of matrices that are close to a reduced generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._interrupts import listening
from piqs._kernels import triangular as kernels
from piqs._kernels.dissection import SMALLEST_HALF, fill, nested_dissection
from piqs._resources import available_threads, check, threads_for

# Smaller factors are found before anybody presses Ctrl-C.
_INSTANT = 500_000
# Smaller factors are solved with as fast by SuperLU.
_WORTH_COPYING = 500_000
# Searches for a node at the rim of a graph.
_MOST_SEARCHES = 4
# Room that SuperLU takes, in units of the factors it ends with.
_COPIES = 1.5


class Factors:
    """LU factors of a square matrix, in an order and with pivots that keep them sparse.

    A generator's pattern is nearly symmetric and its diagonal large: nested dissection of L + L^T with pivots on the
    diagonal takes two thirds of the fill, and half of the time, of SuperLU's minimum degree for populations at N = 1000.

    Parameters
    ----------
    matrix : sparse array (n, n)
        The matrix.
    many_solves : bool
        Whether many solves will follow: then large factors of a real matrix are copied to be solved on all threads.

    Raises
    ------
    RuntimeError
        If the matrix is exactly singular.
    MemoryError
        Before allocating, if the factors would not fit.
    """

    def __init__(self, matrix: sp.sparray, many_solves: bool = False) -> None:
        csr = sp.csr_array(matrix)
        n = csr.shape[0]
        graph = _graph(csr)
        self._order = _dissected(graph)
        self.predicted = int(fill(graph.indptr, graph.indices, self._order))
        check(
            _COPIES * (csr.dtype.itemsize + 4.0) * self.predicted,
            f"the LU factors of {n:,} unknowns, with {self.predicted:,} elements,",
            "Take a method that needs none ('iterative' or 'evolution' for steady states, 'faber' for evolution), or lower the "
            "number of emitters or photons.",
        )
        # Rows and columns in the order of elimination, as columns.
        rank = np.empty(n, dtype=np.int64)
        rank[self._order] = np.arange(n)
        coo = csr.tocoo()
        permuted = sp.csc_array((coo.data, (rank[coo.coords[0]], rank[coo.coords[1]])), shape=csr.shape)
        settings: dict[str, Any] = {
            "permc_spec": "NATURAL",
            "options": {"SymmetricMode": True},
            "diag_pivot_thresh": 0.01,
        }
        if self.predicted < _INSTANT:
            self._lu = sla.splu(permuted, **settings)
        else:
            self._lu = listening(sla.splu, permuted, **settings)

        self._triangles: tuple[np.ndarray, ...] = ()
        if many_solves and self._lu.nnz >= _WORTH_COPYING and csr.dtype == np.float64:
            self._copy(available_threads())

    def _copy(self, threads: int) -> None:
        """Keep L and U by columns, unless rows or columns were exchanged, and deal their columns to the threads."""
        lower, upper, natural = self._lu.L, self._lu.U, np.arange(self._order.size)
        if (
            np.array_equal(self._lu.perm_r, natural)
            and np.array_equal(self._lu.perm_c, natural)
            and np.array_equal(lower.indices[lower.indptr[:-1]], natural)
            and np.array_equal(upper.indices[upper.indptr[1:] - 1], natural)
        ):
            self._triangles = tuple(
                a for half in (lower, upper) for a in (half.indptr, half.indices, half.data)
            )
            self._shares = kernels.subtrees(lower.indptr, lower.indices, threads)
            self._work = np.empty((threads, natural.size))

    @property
    def nnz(self) -> int:
        """Number of elements stored."""
        return int(self._lu.nnz)

    def solve(self, b: np.ndarray) -> np.ndarray:
        """The solution x of A x = b; columns of b are solved for one by one."""
        x = np.empty_like(b)
        y = b[self._order]
        if not self._triangles or b.ndim > 1 or b.dtype != np.float64:
            y = self._lu.solve(y)
        else:
            with threads_for(self.nnz) as threads:
                if threads > 1:
                    kernels.solve(*self._shares, *self._triangles, y, self._work)
                else:
                    kernels.solve_alone(*self._triangles, y)
        x[self._order] = y
        return x

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """The solution x of A^T x = b."""
        x = np.empty_like(b)
        x[self._order] = self._lu.solve(b[self._order], trans="T")
        return x


def predicted_fill(matrix: sp.csr_array) -> float:
    """About how many elements the factors of a matrix will have, from the narrowest cut through its graph.

    With n unknowns, nested dissection leaves some n log n elements where the graph is planar (A. George, SIAM J. Numer. Anal.
    10, 345 (1973)), and in more dimensions some s^2 log n for a cut of s. The constants were measured on populations, driven
    ensembles and cavities, where the result is within a factor of two; it takes a hundredth of the time of the ordering.
    """
    planar, spatial = _fills(matrix)
    return max(planar, spatial)


def is_planar(matrix: sp.csr_array) -> bool:
    """Whether the cuts through the graph of a matrix are as narrow as those of a planar one."""
    planar, spatial = _fills(matrix)
    return spatial <= planar


def _fills(matrix: sp.csr_array) -> tuple[float, float]:
    """The fill as if the graph of a matrix were planar, and as its narrowest cut has it."""
    n, cut = matrix.shape[0], float(_narrowest_cut(_graph(matrix)))
    return 5.0 * n * float(np.log2(n + 1.0)), 1.1 * cut**2 * float(np.log2(n + 1.0))


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


def dissected(matrix: sp.csr_array) -> np.ndarray:
    """An order of elimination by nested dissection; rows of very many elements go last."""
    return _dissected(_graph(matrix))


def _dissected(graph: sp.csr_array) -> np.ndarray:
    order: np.ndarray = nested_dissection(graph.indptr, graph.indices, 64 + 10 * int(np.sqrt(graph.shape[0])))
    return order


def _graph(matrix: sp.csr_array) -> sp.csr_array:
    """The pattern of a matrix and its transpose."""
    pattern = sp.csr_array(
        (np.ones(matrix.nnz, dtype=np.int8), matrix.indices, matrix.indptr), shape=matrix.shape
    )
    return sp.csr_array(pattern + pattern.T)


def multiplications(fill: float, n: int) -> float:
    """About how many multiplications find factors of this many elements: half the square of a mean column, for each."""
    return 0.55 * fill**2 / n
