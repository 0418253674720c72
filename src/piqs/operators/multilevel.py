r"""Collective operators and local noise of N emitters with d levels: one interface, closed forms for d = 2.

For a one-emitter operator x the collective operator is :math:`X = \sum_{ij} x_{ij} E_{ij}` with
:math:`E_{ij} = \sum_n |i\rangle\langle j|_n`, and the local noise of a permutation-invariant state

.. math:: \sum_n x_n \rho x_n^\dagger = \sum_{kl} K_{kl} \rho K_{kl}^\dagger, \qquad
          K_{kl} = \sum_{ij} x_{ij} C[i,l]^T C[j,k] \sqrt{w_k}

with the coefficients C of `piqs.operators.removal` and :math:`w_k = N f^{\nu-e_k}/f^\nu`. :math:`K_{kl}` moves a box of the
Young diagram from row k to row l. For traceless x the d operators :math:`K_{kk}` are dependent,
:math:`\sum_k u_k K_{kk} = 0` with :math:`u_k = \sqrt{\pi_k/\ell_k}`, and an orthogonal change of basis leaves d - 1 of
them: at most :math:`d^2 - 1` operators a channel, three for d = 2. The trace part of x is a number on each irrep and is
added to those, so no Hamiltonian is needed beside the jumps.
"""

import numpy as np
from scipy.sparse import csr_array

from piqs.operators.jumps import collective_matrix, local_noise_matrices
from piqs.operators.removal import Removal
from piqs.spaces.multilevel import MultilevelSpace

__all__ = ["LevelOperators", "TwoLevelOperators", "level_operators"]


def level_operators(kets: MultilevelSpace) -> "LevelOperators | TwoLevelOperators":
    """The operators of these kets: closed forms where all irreps of two-level emitters are there, coefficients else."""
    return TwoLevelOperators(kets) if kets.d == 2 and kets.complete else LevelOperators(kets)


class LevelOperators:
    """Operators on the kets of emitters with any number of levels, from the coefficients C[j,k].

    Parameters
    ----------
    kets : MultilevelSpace
    """

    def __init__(self, kets: MultilevelSpace) -> None:
        self.kets = kets
        self.removal = Removal(kets)

    def collective(self, x: np.ndarray) -> csr_array:
        r"""The collective operator :math:`\sum_n x_n = \sum_k \sum_{ij} x_{ij} C[i,k]^T C[j,k] w_k`."""
        if not np.any(x - np.diag(np.diagonal(x))):
            return _diagonal(self.kets.occupations @ np.diagonal(x))
        rows = range(self.kets.d)
        weights = self.kets.corners[1][self.kets.irrep].T
        return self.removal.put_back(x, [(k, k) for k in rows], weights)

    def local(self, x: np.ndarray) -> list[csr_array]:
        r"""Operators K with :math:`\sum_n \mathcal{D}[x_n]\rho = \sum_K \mathcal{D}[K]\rho`, those without entries left out."""
        kets, x = self.kets, _without_idle_trace(x)
        if not kets.complete:
            raise ValueError(
                f"local noise leads out of the {len(kets.diagrams)} irreps of these kets; build all irreps, or make the noise "
                "collective"
            )
        rows, roots = range(kets.d), np.sqrt(np.abs(kets.corners[1][kets.irrep])).T
        jumps = [self.removal.put_back(x, [(k, to)], roots[[k]]) for k in rows for to in rows if k != to]
        mixing = _mixing(kets)[kets.irrep]
        same = [(k, k) for k in rows]
        jumps += [self.removal.put_back(x, same, mixing[:, a].T * roots) for a in range(kets.d - 1)]
        return [K for K in jumps if K.nnz]


class TwoLevelOperators:
    """The same for two-level emitters, from the closed forms of `piqs.operators.jumps`."""

    def __init__(self, kets: MultilevelSpace) -> None:
        self.kets = kets

    def collective(self, x: np.ndarray) -> csr_array:
        """The collective operator sum_n x_n."""
        return collective_matrix(self.kets.N, x)

    def local(self, x: np.ndarray) -> list[csr_array]:
        """The operators K of the local noise of x."""
        return local_noise_matrices(self.kets.N, _without_idle_trace(x))


def _mixing(kets: MultilevelSpace) -> np.ndarray:
    """Q of each irrep, shape (irreps, d - 1, d): orthonormal rows orthogonal to u_k = sqrt(pi_k / ell_k), by a reflection.

    u is scaled by sqrt(ell_d): it stays finite where nu_d = 0, which gives u = e_d.
    """
    d, (pi, _) = kets.d, kets.corners
    ell = kets.diagrams + np.arange(d - 1, -1, -1)
    u = np.sqrt(np.abs(pi) * ell[:, [d - 1]] / np.maximum(ell, 1))
    u[:, d - 1] = np.sqrt(np.abs(pi[:, d - 1]))
    v = u / np.linalg.norm(u, axis=1)[:, None]
    v[:, d - 1] += 1.0  # u_d >= 0: nothing cancels
    reflection = np.eye(d) - 2 * v[:, :, None] * v[:, None, :] / np.sum(v**2, axis=1)[:, None, None]
    return reflection[:, : d - 1]


def _without_idle_trace(x: np.ndarray) -> np.ndarray:
    """x without its trace where D[x] does not see it: x_0^* y = x_0 y^+ for the traceless part y, as for Hermitian x."""
    x_0 = np.trace(x) / len(x)
    y = x - x_0 * np.eye(len(x))
    idle = np.allclose(np.conj(x_0) * y, x_0 * y.conj().T, rtol=0, atol=1e-15 * np.abs(x).max() ** 2)
    return y if idle else x


def _diagonal(values: np.ndarray) -> csr_array:
    kept = np.flatnonzero(values)
    return csr_array((values[kept] * 1.0, (kept, kept)), shape=(len(values), len(values)))
