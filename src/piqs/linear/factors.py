"""Factors of sparse matrices that are close to a generator: a sparse LU, or substitution where they are block triangular."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._interrupts import listening
from piqs._kernels import substitution
from piqs._kernels import triangular as kernels
from piqs._resources import available_threads, check, threads_for
from piqs.linear.components import Components, components
from piqs.linear.ordering import dissected, elements_of_factors, graph_of

__all__ = ["BlockTriangular", "Factors", "SparseLU", "factorise"]

# Smaller factors are found before anybody presses Ctrl-C.
_INSTANT = 500_000
# Smaller factors are solved with as fast by SuperLU.
_WORTH_COPYING = 500_000
# Room that SuperLU takes, in units of the factors it ends with.
_COPIES = 1.5
# Up to so many unknowns the fill does not matter, and an ordering that needs no compiled function is as good.
_ANY_ORDER = 300
# Fewer unknowns are factored as one set.
_FEW = 1000
# Sets of unknowns up to this size are eliminated as they come.
_SMALL_SET = 128


class Factors(ABC):
    """What solves A x = b many times.

    Attributes
    ----------
    nnz : int
        Number of elements that one solve reads.
    """

    nnz: int

    @abstractmethod
    def solve(self, b: np.ndarray) -> np.ndarray:
        """The solution x of A x = b; columns of b are solved for one by one."""

    @abstractmethod
    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """The solution x of A^T x = b."""


def factorise(matrix: sp.sparray, many_solves: bool = False) -> Factors:
    """The factors of a square matrix: blocks to be substituted where its unknowns fall into sets that depend on one another
    one way only, else a sparse LU.

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
    csr = sp.csr_array(matrix)
    if csr.shape[0] >= _FEW and not (sets := components(csr)).single:
        return BlockTriangular(csr, sets)
    return SparseLU(csr, many_solves)


class SparseLU(Factors):
    """LU factors, in an order and with pivots that keep them sparse; parameters and errors are those of `factorise`.

    A generator's pattern is nearly symmetric and its diagonal large: nested dissection of L + L^T with pivots on the
    diagonal takes two thirds of the fill, and half of the time, of SuperLU's minimum degree for populations at N = 1000.
    """

    def __init__(self, matrix: sp.csr_array, many_solves: bool = False) -> None:
        graph = graph_of(matrix)
        if graph.shape[0] <= _ANY_ORDER:
            # Pivots stay on the diagonal, where no digits of small numbers are lost.
            self._order = sp.csgraph.reverse_cuthill_mckee(graph, symmetric_mode=True).astype(np.int64)
            self.predicted = graph.shape[0] ** 2
        else:
            self._order = dissected(graph)
            self.predicted = elements_of_factors(graph, self._order)
        self._lu = _factored(_permuted(matrix, self._order), self.predicted)
        self.nnz = int(self._lu.nnz)
        self._triangles: tuple[np.ndarray, ...] = ()
        if many_solves and self._lu.nnz >= _WORTH_COPYING and matrix.dtype == np.float64:
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


class BlockTriangular(Factors):
    """Substitution, with LU factors of the sets of unknowns that depend on one another: no fill outside of them.

    Parameters
    ----------
    matrix : csr_array (n, n)
        The matrix.
    sets : Components
        Its strongly connected sets.
    """

    def __init__(self, matrix: sp.csr_array, sets: Components) -> None:
        order = sets.order.copy()
        self.predicted = 0
        inner, outer = sets.split(matrix)
        for k in np.flatnonzero(sets.sizes > _SMALL_SET).tolist():
            inside = sets.inside(k)
            graph = graph_of(sp.csr_array(inner[inside][:, inside]))
            sequence = dissected(graph)
            order[sets.cuts[k] : sets.cuts[k + 1]] = inside[sequence]
            self.predicted += elements_of_factors(graph, sequence)
        lu = _factored(_permuted(inner, order), self.predicted)
        # SuperLU exchanges whole sets, and unknowns within them.
        self._order, place = np.empty_like(order), np.empty_like(order)
        self._order[lu.perm_c], place[lu.perm_c] = order, lu.perm_r
        starts = np.minimum.reduceat(lu.perm_c, sets.cuts[:-1]).astype(np.int64)
        outer = outer[self._order]
        triangles = []
        for half in (lu.L, lu.U):
            half.sort_indices()
            triangles += [half.indptr.astype(np.int64), half.indices, half.data]
        columns = _ranks(self._order).astype(np.int32)[outer.indices]
        rows = outer.indptr.astype(np.int64), columns, outer.data
        self._arguments = (starts, starts + sets.sizes, *rows, place, *triangles)
        self._dtype = matrix.dtype
        self.nnz = outer.nnz + int(lu.nnz)

    def solve(self, b: np.ndarray) -> np.ndarray:
        """The solution x of A x = b; columns of b are solved for one by one."""
        return self._by_columns(substitution.SOLVE[self._dtype.kind], b)

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """The solution x of A^T x = b."""
        return self._by_columns(substitution.SOLVE_TRANSPOSED[self._dtype.kind], b)

    def _by_columns(self, kernel: Any, b: np.ndarray) -> np.ndarray:
        solution = np.empty(b.shape, dtype=self._dtype)
        y = np.empty(b.shape[0], dtype=self._dtype)
        for right_side, x in zip(np.atleast_2d(b.T), np.atleast_2d(solution.T), strict=True):
            kernel(*self._arguments, right_side[self._order].astype(self._dtype, copy=False), y)
            x[self._order] = y
        return solution


def _factored(matrix: sp.csc_array, predicted: int) -> Any:
    """SuperLU's factors of a matrix in the order of elimination, with pivots on the diagonal where they are not small."""
    n = matrix.shape[0]
    check(
        _COPIES * (matrix.dtype.itemsize + 4.0) * predicted,
        f"the LU factors of {n:,} unknowns, with {predicted:,} elements,",
        "Take a method that needs none ('iterative' or 'evolution' for steady states, 'faber' for evolution), or lower the "
        "number of emitters or photons.",
    )
    settings: dict[str, Any] = {
        "permc_spec": "NATURAL",
        "options": {"SymmetricMode": True},
        "diag_pivot_thresh": 0.01,
    }
    if predicted < _INSTANT:
        return sla.splu(matrix, **settings)
    return listening(sla.splu, matrix, **settings)


def _permuted(matrix: sp.sparray, order: np.ndarray) -> sp.csc_array:
    """Rows and columns in the order of elimination, as columns."""
    rank = _ranks(order)
    coo = matrix.tocoo()
    return sp.csc_array((coo.data, (rank[coo.coords[0]], rank[coo.coords[1]])), shape=matrix.shape)


def _ranks(order: np.ndarray) -> np.ndarray:
    """The place of each unknown in an order."""
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return rank
