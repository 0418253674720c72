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
from functools import partial
from itertools import pairwise

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._interrupts import listening
from piqs._kernels.block_sweeps import sweep
from piqs._kernels.panels import panels
from piqs._resources import one_blas_thread
from piqs.linear.factors import dissected, is_planar
from piqs.linear.gmres import Cycle, gmres

# A block of fewer unknowns is factorised before anybody presses Ctrl-C.
_INSTANT = 5000

# Krylov vectors of one cycle, by how much it may lower the residual before the shapes are renewed, and the most cycles.
_KRYLOV, _DIGITS, _MOST_CYCLES = 40, 1e-6, 12
# Plain iterations before the first cycle go on while each lowers the residual to less than this part.
_MOST_PLAIN, _PROGRESS = 5, 0.3
# A cycle that lowers the residual by less than this has stopped.
_STALLED = 0.5


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
        order = np.argsort(_along_a_path(matrix, block, self.count)[block], kind="stable")
        sizes = np.diff(np.flatnonzero(np.diff(block[order], prepend=-1, append=-1)))
        self._cuts = np.concatenate([[0], np.cumsum(sizes)])
        self._factors = _Blocks(matrix, order, self._cuts)
        self.order = order = self._factors.order
        self.matrix = sp.csr_array(matrix[order][:, order])
        self.trace = trace[order]
        self._block = np.repeat(np.arange(self.count), sizes)
        ones = sp.csr_array(
            (self.trace, self._block, np.arange(order.size + 1)), shape=(order.size, self.count)
        )
        self._flows = sp.coo_array(ones.T @ self.matrix)
        self._mixed = self.trace / np.bincount(self._block, self.trace)[self._block]
        self._down = np.arange(self.count)
        self._up = self._down[-2::-1].copy()
        self._work = np.empty(order.size), np.empty(order.size)
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
            step = self._cycle(-(self.matrix @ x), max(_DIGITS, 0.3 * goal / residual))
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
        residual = float(np.linalg.norm(self.matrix @ x))
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
        chain = self._chain(self._shape)
        # Columns sum to zero: one row says so, and the total of the weights takes its place.
        chain[-1] = 1.0
        self._chain_factors = la.lu_factor(chain)

    def _cycle(self, b: np.ndarray, rtol: float) -> Cycle:
        return gmres(self.matrix.dot, self._precondition, b, rtol, _KRYLOV)

    def _precondition(self, r: np.ndarray) -> np.ndarray:
        weights = np.bincount(self._block, self.trace * r, self.count)
        weights[-1] = 0.0
        return self._swept(self._shape * la.lu_solve(self._chain_factors, weights)[self._block], r)

    def _swept(self, x: np.ndarray, b: np.ndarray) -> np.ndarray:
        """One sweep over the blocks and one back."""
        m, f = self.matrix, self._factors
        for order in (self._down, self._up):
            sweep(order, self._cuts, m.indptr, m.indices, m.data, f.place, f.lower_cuts, f.lower, f.upper_cuts, f.upper,
                  f.inverse, b, x, *self._work)  # fmt: skip
        self.solves += 2
        return x

    def _balanced(self, x: np.ndarray) -> np.ndarray:
        """The shapes of x with weights that the flows between them leave as they are."""
        shape = self._shapes(x)
        chain = self._chain(shape)
        chain[-1] = 1.0
        return shape * la.solve(chain, np.eye(self.count)[-1])[self._block]

    def _shapes(self, x: np.ndarray) -> np.ndarray:
        """Each block of x with trace 1; the mixed state where it has none."""
        weights = np.bincount(self._block, self.trace * x, self.count)
        sizes = np.sqrt(np.bincount(self._block, x * x, self.count))
        empty = ~(np.abs(weights) > 1e-3 * sizes)
        weights[empty] = 1.0
        return np.where(empty[self._block], self._mixed, x / weights[self._block])

    def _chain(self, shape: np.ndarray) -> np.ndarray:
        """Rates between the blocks, given their shapes."""
        row, column = self._flows.coords
        flat = row.astype(np.int64) * self.count + self._block[column]
        total = np.bincount(flat, self._flows.data * shape[column], self.count**2)
        return total.reshape(self.count, self.count)

    def _normalised(self, x: np.ndarray) -> np.ndarray:
        return x / float(self.trace @ x)

    def _outside(self, x: np.ndarray) -> np.ndarray:
        """A vector in the order of the generator's unknowns."""
        out = np.empty_like(x)
        out[self.order] = x
        return out


def _along_a_path(matrix: sp.csr_array, block: np.ndarray, count: int) -> np.ndarray:
    """The rank of each block in an order in which those that exchange weight are close (reverse Cuthill-McKee)."""
    coo = matrix.tocoo()
    pairs = np.unique(block[coo.coords[0]] * count + block[coo.coords[1]])
    graph = sp.csr_array((np.ones(pairs.size), (pairs // count, pairs % count)), shape=(count, count))
    path = sp.csgraph.reverse_cuthill_mckee(sp.csr_matrix(graph + graph.T), symmetric_mode=True)
    rank = np.empty(count, dtype=np.int64)
    rank[path] = np.arange(count)
    return rank


class _Blocks:
    """LU factors of the diagonal blocks of a matrix, whose unknowns are put in the order of elimination."""

    def __init__(self, matrix: sp.csr_array, order: np.ndarray, cuts: np.ndarray) -> None:
        lower: list[tuple[np.ndarray, ...]] = []
        upper: list[tuple[np.ndarray, ...]] = []
        place, elimination, diagonal = [], [], []
        self.nnz = 0
        for start, stop in pairwise(cuts):
            inside = order[start:stop]
            block, ordering = sp.csr_array(matrix[inside][:, inside]), "MMD_AT_PLUS_A"
            if not is_planar(block):
                # SuperLU's minimum degree leaves less of a planar block, nested dissection of any other.
                inside, ordering = inside[dissected(block)], "NATURAL"
                block = matrix[inside][:, inside]
            factor = sla.splu if stop - start < _INSTANT else partial(listening, sla.splu)
            lu = factor(
                sp.csc_array(block),
                permc_spec=ordering,
                diag_pivot_thresh=0.01,
                options={"SymmetricMode": True},
            )
            self.nnz += lu.nnz
            columns = np.argsort(lu.perm_c)
            elimination.append(inside[columns])
            place.append(lu.perm_r[columns].astype(np.int64) + start)
            rows = sp.csr_array(lu.U)
            diagonal.append(rows.diagonal())
            for half, parts in ((lu.L, lower), (rows, upper)):
                first, row_start, value_start, indices, values = panels(half.indptr, half.indices, half.data)
                parts.append((first + start, row_start, value_start, indices + np.int32(start), values))
        self.place, self.order = np.concatenate(place), np.concatenate(elimination)
        self.inverse = 1.0 / np.concatenate(diagonal)
        self.lower_cuts, self.lower = _joined(lower, cuts[-1])
        self.upper_cuts, self.upper = _joined(upper, cuts[-1])


def _joined(parts: list[tuple[np.ndarray, ...]], n: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Panels of blocks as those of one matrix, and where the panels of each block start; each part is freed as it is copied."""
    counts, rows, values = (np.array([part[i].size for part in parts]) for i in (0, 3, 4))
    ends = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in (counts, rows, values)]
    first = np.concatenate([part[0] for part in parts] + [[n]])
    row_start = np.concatenate(
        [part[1] + end for part, end in zip(parts, ends[1], strict=False)] + [ends[1][-1:]]
    )
    value_start = np.concatenate(
        [part[2] + end for part, end in zip(parts, ends[2], strict=False)] + [ends[2][-1:]]
    )
    all_rows, all_values = np.empty(ends[1][-1], dtype=np.int32), np.empty(ends[2][-1])
    while parts:
        k = len(parts) - 1
        _, _, _, some_rows, some_values = parts.pop()
        all_rows[ends[1][k] : ends[1][k + 1]] = some_rows
        all_values[ends[2][k] : ends[2][k + 1]] = some_values
    return ends[0], (first, row_start, value_start, all_rows, all_values)
