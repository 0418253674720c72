r"""The inverse of the part of a generator that makes no jumps, as a preconditioner.

.. math:: P(\rho) = G\rho + \rho G^\dagger, \quad G = -i H - \tfrac12\sum_k C_k^\dagger C_k,

is inverted exactly from the eigenvectors of G in each set of kets that G connects.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from piqs.liouville import AssembledGenerator, Lindbladian
from piqs.liouville.basis import SQRT2

# Smallest |lambda_k + lambda_l^*| used, as a part of the largest: dark states would make P singular.
_FLOOR = 1e-6


def no_jump_inverse(
    lindbladian: Lindbladian, generator: AssembledGenerator
) -> Callable[[np.ndarray], np.ndarray]:
    """A function that applies P^-1 to reduced vectors.

    Raises
    ------
    ValueError
        If the generator was given as a superoperator, whose no-jump part is not known.
    """
    term = lindbladian.terms[0]
    if term.drift is None or term.superoperator is not None:
        raise ValueError(
            "method 'iterative' needs H and c_ops, not a superoperator, to know its no-jump part; use 'direct' or 'evolution'"
        )
    blocks = _Blocks(term.drift, generator)
    return blocks.solve


class _Blocks:
    """Reduced vectors as dense blocks rho_AB over the connected sets A, B of kets."""

    def __init__(self, drift: sp.csc_array, generator: AssembledGenerator) -> None:
        n = generator.n_kets
        count, label = sp.csgraph.connected_components(abs(drift), directed=False)
        place = np.empty(n, dtype=np.int64)
        self.eigen = []
        for k in range(count):
            kets = np.flatnonzero(label == k)
            place[kets] = np.arange(kets.size)
            values, vectors = np.linalg.eig(drift[kets][:, kets].toarray())
            inverse = np.linalg.inv(vectors)
            adjoints = np.ascontiguousarray(vectors.conj().T), np.ascontiguousarray(inverse.conj().T)
            self.eigen.append((values, vectors, inverse, *adjoints))
        pair, imaginary = generator.keys >> 1, (generator.keys & 1).astype(bool)
        a, b = pair // n, pair % n
        scale = np.where(a == b, 1.0, SQRT2)
        group = label[a].astype(np.int64) * count + label[b]
        self.size = generator.n
        self.blocks = []
        largest = max(float(np.abs(values).max()) for values, *_ in self.eigen)
        for g in np.unique(group):
            inside = np.flatnonzero(group == g)
            left, right = self.eigen[g // count], self.eigen[g % count]
            denominator = left[0][:, None] + right[0].conj()[None, :]
            small = np.abs(denominator) < _FLOOR * largest
            denominator[small] = -_FLOOR * largest
            # Real and imaginary parts of the block lie side by side, so that each unknown has a place of its own.
            row, column, part = place[a[inside]], place[b[inside]], imaginary[inside].astype(np.int64)
            here = 2 * (row * denominator.shape[1] + column) + part
            lower = np.flatnonzero(row != column) if g // count == g % count else np.zeros(0, dtype=np.int64)
            there = 2 * (column[lower] * denominator.shape[1] + row[lower]) + part[lower]
            sign = 1.0 - 2.0 * part[lower]
            self.blocks.append(
                (g // count, g % count, inside, scale[inside], denominator, here, lower, there, sign)
            )

    def solve(self, y: np.ndarray) -> np.ndarray:
        """P^-1 y, restricted to the kept elements."""
        x = np.empty(self.size)
        for left, right, inside, scale, denominator, here, lower, there, sign in self.blocks:
            _, v, v_inverse, _, _ = self.eigen[left]
            _, _, _, w_adjoint, w_inverse_adjoint = self.eigen[right]
            flat = np.zeros(2 * denominator.size)
            part = y[inside] / scale
            flat[here] = part
            flat[there] = sign * part[lower]
            rho = flat.view(complex).reshape(denominator.shape)
            rho = v @ ((v_inverse @ rho @ w_inverse_adjoint) / denominator) @ w_adjoint
            x[inside] = scale * rho.ravel().view(float)[here]
        return x
