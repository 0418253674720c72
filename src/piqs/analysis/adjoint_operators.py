r"""Derivatives of one number by many constant operators at once.

With :math:`\partial_\theta H = V`,

.. math:: \int \mathrm{Tr}[\Lambda(t)\,(-i)[V, \rho(t)]]\,dt = 2\,\mathrm{Im}\,\mathrm{Tr}[V P], \qquad
          P = \int \rho(t)\Lambda(t)\,dt ,

so that all operators share the elements of one matrix, those that any of them has, and each costs as much as it has elements.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from piqs._kernels.node_products import node_products
from piqs.liouville import AssembledGenerator
from piqs.liouville.basis import HermitianPattern

__all__ = ["Operators"]

# Numbers that are held at once (256 MB).
_LARGEST = 2**24


class Operators:
    """Many constant operators.

    Parameters
    ----------
    generator : AssembledGenerator
        On whose unknowns states and adjoints are given.
    matrices : dict of csr_array (kets, kets)
        Hermitian, by the numbers of their parameters.
    """

    def __init__(self, generator: AssembledGenerator, matrices: Mapping[int, sp.csr_array]) -> None:
        n = generator.n_kets
        self.numbers = np.array(list(matrices), dtype=np.int64)
        self._pattern = HermitianPattern(generator.keys, n)
        every = list(matrices.values())
        row = np.repeat(
            np.tile(np.arange(n, dtype=np.int64), len(every)),
            np.concatenate([np.diff(m.indptr) for m in every]),
        )
        places = row * n + np.concatenate([m.indices for m in every])
        known = np.flatnonzero(np.bincount(places)) if n * n <= _LARGEST else np.unique(places)
        # Tr[V P] = sum_ab V_ab P_ba
        self._rows, self._columns = known % n, known // n
        ends = np.concatenate([[0], np.cumsum([m.nnz for m in every])])
        at = np.searchsorted(known, places)
        values = np.concatenate([m.data for m in every])
        self._operators = sp.csr_array((values, at, ends), shape=(len(every), known.size))

    def integrals(self, states: np.ndarray, adjoints: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Integrals for all operators (operators, rules), from states and adjoints (nodes, n) and weights (nodes, rules)."""
        found: np.ndarray = 2.0 * (self._operators @ self._products(states, adjoints, weights)).imag
        return found

    def sizes(self, states: np.ndarray, adjoints: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The same with the magnitudes of all numbers, which is about the most that the integrals could be."""
        products = self._products(states, adjoints, weights, magnitudes=True)
        found: np.ndarray = 2.0 * (abs(self._operators) @ products).real
        return found

    def _products(
        self, states: np.ndarray, adjoints: np.ndarray, weights: np.ndarray, magnitudes: bool = False
    ) -> np.ndarray:
        """Sums of weight times state times adjoint, those elements that operators ask for."""
        pattern = self._pattern
        some = max(1, _LARGEST // max(pattern.indices.size, 1))
        total = np.zeros((self._rows.size, weights.shape[1]), dtype=complex)
        for first in range(0, len(states), some):
            part = slice(first, first + some)
            rho, turned = (pattern.scaled(vectors[part]) for vectors in (states, adjoints))
            found = np.empty((self._rows.size, rho.shape[1]), dtype=complex)
            node_products(
                pattern.indptr, pattern.indices, pattern.real, pattern.imaginary, rho, turned,
                self._rows, self._columns, magnitudes, found,
            )  # fmt: skip
            total += found @ weights[part]
        return total
