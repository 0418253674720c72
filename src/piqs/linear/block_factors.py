"""LU factors of the diagonal blocks of a sparse matrix, in the panels that ``piqs._kernels.block_sweeps`` reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._interrupts import listening
from piqs._kernels.panels import panels
from piqs._resources import NEGLIGIBLE, available_threads, return_freed_memory
from piqs.linear.ordering import dissected, graph_of, is_planar

# Fewer unknowns are factorised by the calling thread, before anybody presses Ctrl-C.
_WORTH_THREADS = 20_000


class BlockFactors:
    """LU factors of the diagonal blocks of a matrix, whose unknowns are put in the order of elimination.

    Parameters
    ----------
    matrix : csr_array (n, n), float64
        The matrix.
    order : int64 array (n,)
        Its unknowns, block by block.
    cuts : int64 array (count + 1,)
        Where the blocks start in `order`.

    Attributes
    ----------
    order : int64 array (n,)
        The unknowns in the order of elimination, block by block.
    place, inverse : arrays (n,)
        The row of L that each equation became, and the inverse of the diagonal of U.
    lower_cuts, lower, upper_cuts, upper
        Panels of L and of U, and which of them belong to each block.
    nnz : int
        Elements of all factors.

    Raises
    ------
    RuntimeError
        If a block is singular.
    """

    def __init__(self, matrix: sp.csr_array, order: np.ndarray, cuts: np.ndarray) -> None:
        ranges = list(pairwise(cuts))
        if order.size < _WORTH_THREADS:
            found = [_factored(matrix, order[start:stop], start) for start, stop in ranges]
        else:
            # SuperLU holds no lock of the interpreter.
            pool = ThreadPoolExecutor(available_threads())
            blocks = [pool.submit(_factored, matrix, order[start:stop], start) for start, stop in ranges]
            try:
                found = listening(lambda: [block.result() for block in blocks])
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
            del blocks
        self.nnz = sum(block.nnz for block in found)
        self.order = np.concatenate([block.order for block in found])
        self.place = np.concatenate([block.place for block in found])
        self.inverse = 1.0 / np.concatenate([block.diagonal for block in found])
        lower, upper = [block.lower for block in found], [block.upper for block in found]
        del found
        return_freed_memory()
        self.lower_cuts, self.lower = _joined(lower, cuts[-1])
        self.upper_cuts, self.upper = _joined(upper, cuts[-1])
        return_freed_memory()


@dataclass(frozen=True)
class _Block:
    order: np.ndarray
    place: np.ndarray
    diagonal: np.ndarray
    lower: tuple[np.ndarray, ...]
    upper: tuple[np.ndarray, ...]
    nnz: int


def _factored(matrix: sp.csr_array, inside: np.ndarray, start: int) -> _Block:
    """The factors of one block, whose unknowns are numbered from `start`."""
    inside, lu = block_lu(matrix, inside)
    columns = np.argsort(lu.perm_c)
    rows = sp.csr_array(lu.U)

    def shifted(half: sp.sparray) -> tuple[np.ndarray, ...]:
        first, row_start, value_start, indices, values = panels(half.indptr, half.indices, half.data)
        return first + start, row_start, value_start, indices + np.int32(start), values

    place = lu.perm_r[columns].astype(np.int64) + start
    return _Block(inside[columns], place, rows.diagonal(), shifted(lu.L), shifted(rows), int(lu.nnz))


def block_lu(matrix: sp.csr_array, inside: np.ndarray) -> tuple[np.ndarray, Any]:
    """SuperLU's factors of the block of some unknowns, and these in the order that was factored."""
    block, ordering = sp.csr_array(matrix[inside][:, inside]), "MMD_AT_PLUS_A"
    if not is_planar(block):
        # SuperLU's minimum degree leaves less of a planar block, nested dissection of any other.
        inside, ordering = inside[dissected(graph_of(block))], "NATURAL"
        block = matrix[inside][:, inside]
    options = {"SymmetricMode": True}
    return inside, sla.splu(sp.csc_array(block), permc_spec=ordering, diag_pivot_thresh=0.01, options=options)


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
    trim = max(1, len(parts) // 8)
    while parts:
        k = len(parts) - 1
        _, _, _, some_rows, some_values = parts.pop()
        all_rows[ends[1][k] : ends[1][k + 1]] = some_rows
        all_values[ends[2][k] : ends[2][k + 1]] = some_values
        del some_rows, some_values
        if k % trim == 0 and all_values.nbytes > NEGLIGIBLE:
            return_freed_memory()
    return ends[0], (first, row_start, value_start, all_rows, all_values)
