"""Strongly connected sets of unknowns: what makes a sparse matrix block triangular.

Decay without pumping, cascades and lossy ladders lead weight one way only. The sets of unknowns that lead back to one another
are then small, and in the order in which they depend on each other linear equations are solved by substitution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

__all__ = ["Components", "components"]


@dataclass(frozen=True)
class Components:
    """The strongly connected sets of a matrix.

    Attributes
    ----------
    order : int64 array (n,)
        The unknowns, set by set; the equations of a set hold no unknowns of later sets.
    cuts : int64 array (count + 1,)
        Where the sets start in `order`.
    """

    order: np.ndarray
    cuts: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Unknowns of each set."""
        return np.diff(self.cuts)

    @property
    def single(self) -> bool:
        """Whether all unknowns depend on one another."""
        return self.cuts.size <= 2

    def inside(self, k: int) -> np.ndarray:
        """The unknowns of set k."""
        return self.order[self.cuts[k] : self.cuts[k + 1]]

    def split(self, matrix: sp.csr_array) -> tuple[sp.csr_array, sp.csr_array]:
        """The elements of a matrix that lead from a set to itself, and the others."""
        label = np.empty(self.order.size, dtype=np.int32)
        label[self.order] = np.repeat(np.arange(self.sizes.size, dtype=np.int32), self.sizes)
        own = np.repeat(label, np.diff(matrix.indptr)) == label[matrix.indices]
        return _kept(matrix, own), _kept(matrix, ~own)


def components(matrix: sp.csr_array) -> Components:
    """The strongly connected sets of the unknowns of a matrix, each after those that it depends on.

    SciPy numbers them so (D. J. Pearce, Inf. Process. Lett. 116, 47 (2016)).
    """
    pattern = sp.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    count, label = sp.csgraph.connected_components(pattern, directed=True, connection="strong")
    order = np.argsort(label, kind="stable")
    return Components(order, np.concatenate([[0], np.cumsum(np.bincount(label, minlength=count))]))


def _kept(matrix: sp.csr_array, mask: np.ndarray) -> sp.csr_array:
    """The elements of a mask alone."""
    ends = np.concatenate([[0], np.cumsum(mask, dtype=matrix.indptr.dtype)])[matrix.indptr]
    return sp.csr_array((matrix.data[mask], matrix.indices[mask], ends), shape=matrix.shape)
