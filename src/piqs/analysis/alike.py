"""Many constant operators of few sparsity patterns: what depends on the pattern is done once for all that have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from piqs.equations.operator import SYMMETRY

__all__ = ["all_hermitian", "by_pattern", "mixture"]


def by_pattern(matrices: Sequence[sp.csr_array]) -> list[list[int]]:
    """Numbers of the matrices that have the same elements stored in the same order, pattern by pattern."""
    found: dict[tuple[bytes, bytes], list[int]] = {}
    for k, m in enumerate(matrices):
        found.setdefault((m.indptr.tobytes(), m.indices.tobytes()), []).append(k)
    return list(found.values())


def all_hermitian(matrices: Sequence[sp.csr_array]) -> bool:
    """Whether each matrix equals its adjoint to rounding, element by element; False also where a pattern is not symmetric."""
    for numbers in by_pattern(matrices):
        order = _turned(matrices[numbers[0]])
        if order is None:
            return False
        for k in numbers:
            data = matrices[k].data
            difference = np.abs(data[order].conj() - data).max(initial=0.0)
            if not difference <= 0.5 * SYMMETRY * np.abs(data).max(initial=0.0):
                return False
    return True


def _turned(matrix: sp.csr_array) -> np.ndarray | None:
    """Which stored element stands across the diagonal of each; None where the pattern is not symmetric."""
    if not matrix.has_canonical_format:
        return None
    numbered = sp.csr_array((np.arange(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    turned = sp.csr_array(numbered.T)
    same = np.array_equal(turned.indptr, matrix.indptr) and np.array_equal(turned.indices, matrix.indices)
    return np.asarray(turned.data) if same else None


def mixture(matrices: Sequence[sp.csr_array]) -> sp.csr_array:
    """The sum with random factors that cancel nothing: it connects whatever any of the matrices does."""
    factors = np.random.default_rng(0).uniform(0.5, 1.0, size=len(matrices))
    sums = []
    for numbers in by_pattern(matrices):
        first = matrices[numbers[0]]
        data = sum(factors[k] * matrices[k].data for k in numbers)
        sums.append(sp.csr_array((data, first.indices, first.indptr), shape=first.shape))
    return sp.csr_array(sum(sums[1:], sums[0]))
