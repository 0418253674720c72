"""Several copies of a generator's unknowns that feed each other: derivatives, moments of counts, counting fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs.liouville.assembled import AssembledGenerator

__all__ = ["CoupledGenerator"]


class CoupledGenerator(AssembledGenerator):
    r"""The generator :math:`\sum_t f_t(t)\, C_t \otimes L_t` of vectors that hold several copies of n unknowns in turn.

    Parameters
    ----------
    terms : sequence of (array (k, k), csr_array (n, n), callable or None)
        The C_t, L_t and f_t (None for 1).
    """

    def __init__(
        self, terms: Sequence[tuple[np.ndarray, sp.csr_array, Callable[[float], float] | None]]
    ) -> None:
        matrices = [
            C[0, 0] * L if C.shape == (1, 1) else sp.csr_array(sp.kron(sp.csr_array(C), L, format="csr"))
            for C, L, _ in terms
        ]
        super().__init__(0, np.arange(matrices[0].shape[0]), matrices, [f for _, _, f in terms])

    @property
    def populations(self) -> np.ndarray:
        """None: the copies are no states, and keep no trace."""
        return np.zeros(0, dtype=np.int64)

    def trace_norm(self, x: np.ndarray) -> Any:
        """The Euclidean norm: errors of derivatives are judged by it."""
        return np.sqrt(np.vecdot(x, x))
