r"""Equations A x = b of a generator A whose unknowns fall into blocks: Gauss-Seidel and a balance of their weights.

Local noise moves an ensemble between ladders of different j and keeps no coherence between them; losses do the same to
the sectors of a conserved number. The unknowns of one such set of kets are a block: non-singular, because weight leaves
it, and small beside the whole. One sweep over the blocks and one back,
solved exactly one after the other (block Gauss-Seidel), settle each block quickly and the weights of the blocks slowly.
The weights follow from a chain with one state for each block, whose rates come from the present shapes of the blocks,

.. math:: C_{ik} = t_i A_{ik} x_k / (t_k x_k),

with t the trace: aggregation and disaggregation (J. R. Koury, D. F. McAllister and W. J. Stewart, SIAM J. Algebraic
Discrete Methods 5, 164 (1984)). By itself this iteration may oscillate; as the preconditioner of GMRES, with the shapes
held during a cycle, it converges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

from piqs._kernels.apply import add_product
from piqs._kernels.block_sweeps import sweep
from piqs._resources import one_blas_thread, threads_for
from piqs.linear.block_factors import BlockFactors
from piqs.linear.gmres import Cycle, gmres
from piqs.linear.ordering import predicted_fill

# Krylov vectors of one cycle, by how much it may lower the residual before the shapes are renewed, and the most cycles.
_KRYLOV, _DIGITS, _MOST_CYCLES = 40, 1e-6, 12
# Plain iterations before the first cycle go on while each lowers the residual to less than this part.
_MOST_PLAIN, _PROGRESS = 5, 0.3
# A cycle that lowers the residual by less than this has stopped.
_STALLED = 0.5
# Chunks of blocks that are swept side by side, on one thread or several; smaller problems are one chunk.
_CHUNKS, _WORTH_CHUNKS = 4, 20_000


class StalledError(RuntimeError):
    """The iteration stopped above the residual asked for."""


@dataclass(frozen=True)
class NullVector:
    """A vector x with trace 1 and A x close to zero.

    Attributes
    ----------
    x : float64 array (n,)
        The vector.
    residual : float
        |A x|.
    condition : float
        A lower bound of the norm of the inverse of A on vectors without trace, from all that was tried.
    """

    x: np.ndarray
    residual: float
    condition: float


def blocks_of_kets(keys: np.ndarray, n_kets: int) -> np.ndarray:
    """For each unknown (a key of ``liouville.basis``) the number of its set of kets, those that coherences connect.

    Parameters
    ----------
    keys : int64 array (n,)
        Keys of the basis elements.
    n_kets : int
        Dimension of the Hilbert space.

    Returns
    -------
    int64 array (n,)
        Numbers from 0 to the number of sets less one.
    """
    pair = keys >> 1
    a, b = pair // n_kets, pair % n_kets
    graph = sp.coo_array((np.ones(a.size, dtype=np.int8), (a, b)), shape=(n_kets, n_kets))
    _, label = sp.csgraph.connected_components(graph, directed=False)
    return np.unique(label[a], return_inverse=True)[1]


class TwoLevel:
    """The blocks of a generator, their factors, and the balance of their weights.

    Parameters
    ----------
    matrix : csr_array (n, n), float64
        The generator.
    trace : float64 array (n,)
        t, with t A = 0.
    block : int64 array (n,)
        The block of each unknown, numbered from 0.

    Raises
    ------
    RuntimeError
        If a block is singular: weight does not leave it.
    """

    def __init__(self, matrix: sp.csr_array, trace: np.ndarray, block: np.ndarray) -> None:
        self.count = int(block.max()) + 1
        order = np.argsort(along_a_path(matrix, block, self.count)[block], kind="stable")
        sizes = np.diff(np.flatnonzero(np.diff(block[order], prepend=-1, append=-1)))
        self._cuts = np.concatenate([[0], np.cumsum(sizes)])
        self._factors = BlockFactors(matrix, order, self._cuts)
        self.order = order = self._factors.order
        self.matrix = sp.csr_array(matrix[order][:, order])
        self.trace = trace[order]
        self._block = np.repeat(np.arange(self.count), sizes)
        ones = sp.csr_array(
            (self.trace, self._block, np.arange(order.size + 1)), shape=(order.size, self.count)
        )
        self._flows = sp.coo_array(ones.T @ self.matrix)
        self._mixed = self.trace / np.bincount(self._block, self.trace)[self._block]
        self._chunks = self._balanced_chunks(_CHUNKS if order.size > _WORTH_CHUNKS else 1)
        self._work = (
            np.empty(order.size),
            np.empty(order.size),
            np.empty((self._chunks.size - 1, int(sizes.max()))),
        )
        self.solves = 0

    @property
    def nnz(self) -> int:
        """Elements of the factors."""
        return self._factors.nnz

    @one_blas_thread()
    def null_vector(self, goal: float, on_residual: Callable[[float], None] | None = None) -> NullVector:
        """The null vector of trace 1, with |A x| at most `goal`; `on_residual` is told how small it has become.

        Raises
        ------
        StalledError
            If the residual stops above the goal.
        """
        x = self._mixed / self.count
        residual, condition = np.inf, 0.0
        for _ in range(_MOST_PLAIN):
            before = residual
            x = self._normalised(self._swept(self._balanced(x), np.zeros(x.size)))
            residual = self._residual(x, on_residual)
            if residual <= goal or not residual < _PROGRESS * before:
                break
        for _ in range(_MOST_CYCLES):
            if residual <= goal:
                break
            before = residual
            self.hold(x)
            step = self._cycle(-self._apply(x), max(_DIGITS, 0.3 * goal / residual))
            condition = max(condition, step.condition)
            x = self._normalised(x + step.x)
            residual = self._residual(x, on_residual)
            if not residual < _STALLED * before:
                break
        if not residual <= goal:
            raise StalledError(
                f"the iteration over {self.count} blocks stopped at a residual of {residual:.2g}"
            )
        self.hold(x)
        return NullVector(self._outside(x), residual, condition)

    def _residual(self, x: np.ndarray, on_residual: Callable[[float], None] | None) -> float:
        residual = float(np.linalg.norm(self._apply(x)))
        if on_residual is not None:
            on_residual(residual)
        return residual

    @one_blas_thread()
    def response(self, b: np.ndarray, rtol: float) -> Cycle:
        """x with A x = b for b of trace 0, with the shapes that are held; one cycle."""
        cycle = self._cycle(b[self.order], rtol)
        return Cycle(self._outside(cycle.x), cycle.residual, cycle.steps, cycle.condition)

    def hold(self, x: np.ndarray) -> None:
        """Keep the shapes of the blocks of x, in the order of elimination, for the balance."""
        self._shape = self._shapes(x)
        self._chain_factors = self._factored_chain(self._shape)

    def _cycle(self, b: np.ndarray, rtol: float) -> Cycle:
        return gmres(self._apply, self._precondition, b, rtol, _KRYLOV)

    def _apply(self, x: np.ndarray) -> np.ndarray:
        m, y = self.matrix, np.zeros(x.size)
        with threads_for(m.nnz) as threads:
            rows = self._cuts[self._chunks if threads > 1 else [0, -1]]
            add_product(rows, m.indptr, m.indices, m.data, 1.0, x, y)
        return y

    def _precondition(self, r: np.ndarray) -> np.ndarray:
        weights = np.bincount(self._block, self.trace * r, self.count)
        weights[-1] = 0.0
        return self._swept(self._shape * la.lu_solve(self._chain_factors, weights)[self._block], r)

    def _swept(self, x: np.ndarray, b: np.ndarray) -> np.ndarray:
        """One sweep over the blocks and one back."""
        m, f = self.matrix, self._factors
        with threads_for(f.nnz) as threads:
            for down in (True, False):
                sweep(threads, self._chunks, down, self._cuts, m.indptr, m.indices, m.data, f.place, f.lower_cuts, f.lower,
                      f.upper_cuts, f.upper, f.inverse, b, x, *self._work)  # fmt: skip
        self.solves += 2
        return x

    def _balanced(self, x: np.ndarray) -> np.ndarray:
        """The shapes of x with weights that the flows between them leave as they are."""
        shape = self._shapes(x)
        total = np.eye(self.count)[-1]
        return shape * la.lu_solve(self._factored_chain(shape), total)[self._block]

    def _shapes(self, x: np.ndarray) -> np.ndarray:
        """Each block of x with trace 1; the mixed state where it has none."""
        weights = np.bincount(self._block, self.trace * x, self.count)
        sizes = np.sqrt(np.bincount(self._block, x * x, self.count))
        empty = ~(np.abs(weights) > 1e-3 * sizes)
        weights[empty] = 1.0
        return np.where(empty[self._block], self._mixed, x / weights[self._block])

    def _factored_chain(self, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """LU factors of the rates between the blocks, given their shapes, with the total of the weights in the last row.

        Columns sum to zero: one row says so. A weight may be so small beside the total that the factors count as
        ill-conditioned; the residual of what is found with them decides.
        """
        row, column = self._flows.coords
        flat = row.astype(np.int64) * self.count + self._block[column]
        chain = np.bincount(flat, self._flows.data * shape[column], self.count**2).reshape(self.count, -1)
        chain[-1] = 1.0
        lu, pivots, singular = la.lapack.dgetrf(chain)
        if singular:
            raise StalledError(f"no weight passes between some of the {self.count} blocks")
        return lu, pivots

    def _balanced_chunks(self, count: int) -> np.ndarray:
        """Cut the blocks into so many chunks of about equal work, which grows faster than the number of unknowns."""
        work = np.cumsum(np.diff(self._cuts) ** 1.25)
        inside = np.searchsorted(work, work[-1] * np.arange(1, count) / count) + 1
        return np.unique(np.concatenate([[0], np.minimum(inside, self.count), [self.count]]))

    def _normalised(self, x: np.ndarray) -> np.ndarray:
        return x / float(self.trace @ x)

    def _outside(self, x: np.ndarray) -> np.ndarray:
        """A vector in the order of the generator's unknowns."""
        out = np.empty_like(x)
        out[self.order] = x
        return out


def predicted_block_fill(matrix: sp.csr_array, block: np.ndarray) -> float:
    """About how many elements the factors of all diagonal blocks will have, from the largest one."""
    sizes = np.bincount(block)
    inside = np.flatnonzero(block == np.argmax(sizes))
    # Blocks of one kind: the fill grows a little faster than their size.
    return predicted_fill(sp.csr_array(matrix[inside][:, inside])) * float(
        np.sum((sizes / inside.size) ** 1.2)
    )


def along_a_path(matrix: sp.csr_array, block: np.ndarray, count: int) -> np.ndarray:
    """The rank of each block in an order in which those that exchange weight are close (reverse Cuthill-McKee)."""
    coo = matrix.tocoo()
    pairs = np.unique(block[coo.coords[0]] * count + block[coo.coords[1]])
    graph = sp.csr_array((np.ones(pairs.size), (pairs // count, pairs % count)), shape=(count, count))
    path = sp.csgraph.reverse_cuthill_mckee(sp.csr_matrix(graph + graph.T), symmetric_mode=True)
    rank = np.empty(count, dtype=np.int64)
    rank[path] = np.arange(count)
    return rank
