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
from piqs.analysis.alike import by_pattern
from piqs.liouville import AssembledGenerator
from piqs.liouville.basis import HermitianPattern

__all__ = ["Operators", "places"]

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
        alike = by_pattern(every)
        every_place = [places(every[numbers[0]]) for numbers in alike]
        known = np.unique(np.concatenate(every_place))
        # Tr[V P] = sum_ab V_ab P_ba
        self._rows, self._columns = known % n, known // n
        # For each pattern the operators that have it, which of the known elements it holds, and their elements, a row each.
        self._alike = [
            (np.array(numbers), np.searchsorted(known, place), np.array([every[k].data for k in numbers]))
            for numbers, place in zip(alike, every_place, strict=True)
        ]

    def integrals(self, states: np.ndarray, adjoints: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Integrals for all operators (operators, rules), from states and adjoints (nodes, n) and weights (nodes, rules)."""
        products = self._products(states, adjoints, weights)
        found = np.empty((self.numbers.size, weights.shape[1]))
        for numbers, at, data in self._alike:
            found[numbers] = 2.0 * (data @ products[at]).imag
        return found

    def sizes(self, states: np.ndarray, adjoints: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The same with the magnitudes of all numbers, which is about the most that the integrals could be."""
        products = self._products(states, adjoints, weights, magnitudes=True).real
        found = np.empty((self.numbers.size, weights.shape[1]))
        for numbers, at, data in self._alike:
            found[numbers] = 2.0 * (np.abs(data) @ products[at])
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


def places(matrix: sp.csr_array) -> np.ndarray:
    """Row and column of each stored element in one number."""
    row = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    found: np.ndarray = row * matrix.shape[1] + matrix.indices
    return found
