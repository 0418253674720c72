r"""States of N emitters with d levels, as arrays on the Gelfand-Tsetlin kets.

The block of an irrep carries the weight of all its copies, so traces need no factors. Pure product states, Dicke states and GHZ
states lie in the symmetric irrep; everything else is built by adding emitters.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, issparse
from scipy.special import gammaln

from piqs._checks import fits_in_memory
from piqs.operators.removal import Removal
from piqs.spaces.multilevel import MultilevelSpace

__all__ = [
    "add_emitter",
    "diagonal_product",
    "few_emitters",
    "from_product_space",
    "mixed_occupation",
    "occupation_index",
    "one_emitter",
    "product_amplitudes",
    "product_state",
    "remove_emitter",
    "to_product_space",
    "two_emitters",
]

# A sum of terms is zero if it is below this fraction of the sum of their magnitudes.
CANCELLED = 1e-13


def occupation_index(kets: MultilevelSpace, occupations: np.ndarray) -> int:
    """Index of the symmetric ket with so many emitters in each level.

    Parameters
    ----------
    kets : MultilevelSpace
    occupations : ndarray of int, shape (d,)

    Returns
    -------
    int
    """
    sums = np.cumsum(occupations)
    pattern = np.concatenate(
        [[total] + [0] * s for s, total in zip(range(kets.d - 1, -1, -1), sums[::-1], strict=True)]
    )
    return int(kets.index(pattern[None, :])[0])


def product_amplitudes(kets: MultilevelSpace, psi: np.ndarray) -> np.ndarray:
    r"""Amplitudes of :math:`\psi^{\otimes N}` on the symmetric kets, :math:`\sqrt{N!/\prod_i n_i!} \prod_i \psi_i^{n_i}`.

    Parameters
    ----------
    kets : MultilevelSpace
    psi : ndarray, shape (d,)
        Normalised state of one emitter.

    Returns
    -------
    ndarray of complex128, shape (size of the symmetric irrep,)
    """
    n = kets.occupations[kets.symmetric]
    logs = 0.5 * (gammaln(kets.N + 1) - gammaln(n + 1).sum(axis=1)) + _log_power(n, np.abs(psi))
    amplitudes = np.exp(logs).astype(np.complex128)
    for level in np.flatnonzero(psi):
        powers = np.cumprod(np.full(kets.N, psi[level] / abs(psi[level])))
        amplitudes *= np.concatenate([[1.0], powers])[n[:, level]]
    return amplitudes / np.linalg.norm(amplitudes)


def diagonal_product(kets: MultilevelSpace, p: np.ndarray) -> np.ndarray:
    r"""Populations of :math:`\mathrm{diag}(p)^{\otimes N}`: :math:`f^\nu \prod_i p_i^{n_i}`.

    Parameters
    ----------
    kets : MultilevelSpace
    p : ndarray of float, shape (d,)
        Populations of one emitter.

    Returns
    -------
    ndarray of float64, shape (size,)
    """
    return np.exp(kets.log_multiplicity + _log_power(kets.occupations, p))


def mixed_occupation(kets: MultilevelSpace, occupations: np.ndarray) -> np.ndarray:
    r"""Populations of the mixture of all orders of so many emitters in each level: :math:`f^\nu \prod_i n_i!/N!`.

    Parameters
    ----------
    kets : MultilevelSpace
    occupations : ndarray of int, shape (d,)

    Returns
    -------
    ndarray of float64, shape (size,)
    """
    n = occupations
    there = np.all(kets.occupations == n, axis=1)
    logs = kets.log_multiplicity + gammaln(n + 1).sum() - gammaln(kets.N + 1)
    return np.where(there, np.exp(logs), 0.0)


def _log_power(n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Logarithm of prod_i p_i^n_i; -inf where an empty level is occupied."""
    positive = np.flatnonzero(p > 0)
    logs = n[:, positive] @ np.log(p[positive])
    return np.where(n.sum(axis=1) == n[:, positive].sum(axis=1), logs, -np.inf)


def add_emitter(removal: Removal, rho: csr_array, sigma: np.ndarray) -> csr_array:
    r"""State of N emitters from one of N - 1 and another emitter, symmetrised.

    .. math:: \rho' = \sum_k \sum_{ij} \sigma_{ij} C[i,k]^T\rho C[j,k]

    Parameters
    ----------
    removal : Removal
        Coefficients of the kets of N emitters.
    rho : csr_array
        State on the kets of N - 1.
    sigma : ndarray, shape (d, d)
        State of the emitter that is added.

    Returns
    -------
    csr_array
        State on the kets of N.
    """
    levels = range(removal.kets.d)

    def added(C: Callable[[int, int], csr_array], state: csr_array, emitter: np.ndarray) -> csr_array:
        total = csr_array((removal.kets.size,) * 2, dtype=np.float64)
        for k in levels:
            parts = [C(j, k) for j in levels]
            for i in levels:
                if np.any(emitter[i]):
                    right = sum(emitter[i, j] * parts[j] for j in levels if emitter[i, j] != 0)
                    total = total + parts[i].T @ (state @ right)
        return total.tocsr()

    return _without_cancelled(added, removal, rho, sigma)


def remove_emitter(removal: Removal, rho: csr_array) -> csr_array:
    r"""Partial trace over one of N emitters, :math:`\sum_{jk} C[j,k] \frac{w_k}{N} \rho C[j,k]^T`.

    Parameters
    ----------
    removal : Removal
        Coefficients of the kets of N emitters.
    rho : csr_array
        State on the kets of N.

    Returns
    -------
    csr_array
        State on the kets of N - 1.
    """
    kets = removal.kets
    weights = kets.corners[1][kets.irrep] / kets.N

    def removed(C: Callable[[int, int], csr_array], state: csr_array, _: Any) -> csr_array:
        total = csr_array((removal.small_size,) * 2, dtype=np.float64)
        for k in range(kets.d):
            weighted = diags_array(np.abs(weights[:, k])) @ state
            for j in range(kets.d):
                total = total + C(j, k) @ weighted @ C(j, k).T
        return total.tocsr()

    return _without_cancelled(removed, removal, rho, np.zeros(0))


def _without_cancelled(
    change: Callable[..., csr_array], removal: Removal, rho: csr_array, sigma: np.ndarray
) -> csr_array:
    """The changed state, its elements zero where their terms cancel."""
    value = change(removal.matrix, rho, sigma)
    size = change(lambda j, k: abs(removal.matrix(j, k)), abs(rho), abs(sigma))
    kept = value.multiply(abs(value) > CANCELLED * size).tocsr()
    kept.eliminate_zeros()
    return kept


def product_state(kets: MultilevelSpace, emitters: Sequence[tuple[np.ndarray, int]]) -> csr_array:
    r"""Symmetrised product of the states of different emitters.

    Parameters
    ----------
    kets : MultilevelSpace
        All kets of N emitters.
    emitters : list of (ndarray of shape (d, d), int)
        States, and how many emitters are in each; together N.

    Returns
    -------
    csr_array, shape (size, size)
    """
    equal = len(emitters) == 1
    diagonal = [not np.any(sigma - np.diag(np.diagonal(sigma))) for sigma, _ in emitters]
    if equal and diagonal[0]:
        return _diagonal(diagonal_product(kets, np.diagonal(emitters[0][0]).real))
    # Those with a closed form first, the most of them; the others one by one.
    first = max(range(len(emitters)), key=lambda n: (diagonal[n], emitters[n][1]))
    order = [emitters[first], *emitters[:first], *emitters[first + 1 :]]
    one_by_one = [sigma for sigma, count in order for _ in range(count)]
    start = order[0][1] if diagonal[first] else 1
    current = kets if start == kets.N else MultilevelSpace(start, kets.d)
    if diagonal[first]:
        rho = _diagonal(diagonal_product(current, np.diagonal(order[0][0]).real))
    else:
        rho = csr_array(one_by_one[0])
    for n in range(start, kets.N):
        larger = kets if n + 1 == kets.N else MultilevelSpace(n + 1, kets.d)
        rho = add_emitter(Removal(larger), rho, one_by_one[n])
    return rho


def _diagonal(values: np.ndarray) -> csr_array:
    kept = np.flatnonzero(values)
    return csr_array((values[kept], (kept, kept)), shape=(len(values), len(values)))


def _isometries(kets: MultilevelSpace) -> list[np.ndarray]:
    """For each irrep the copies of its kets in the product space: arrays of shape (copies, d^N, dim), last emitter last."""
    d = kets.d
    fits_in_memory(
        16 * 3 * d ** (2 * kets.N),
        f"an operator of {kets.N} emitters with {d} levels in the product space",
        "N",
    )
    chain = [MultilevelSpace(n, d) for n in range(1, kets.N)] + [kets]
    copies = [np.eye(d)[None, :, :]]
    for smaller, larger in pairwise(chain):
        C = Removal(larger)
        grown: list[list[np.ndarray]] = [[] for _ in larger.diagrams]
        for k in range(d):
            stacked = [C.matrix(j, k) for j in range(d)]
            for nu in np.flatnonzero(larger.corners[1][:, k] > 0):
                lowered = larger.diagrams[[nu]] - np.eye(d, dtype=np.int64)[k]
                mu = int(smaller.irrep_index(lowered)[0])
                rows, columns = (slice(*s.offsets[n : n + 2]) for s, n in ((smaller, mu), (larger, nu)))
                block = np.stack([matrix[rows, columns].toarray() for matrix in stacked])
                new = np.einsum("pim,jmn->pijn", copies[mu], block, optimize=True)
                grown[nu].append(new.reshape(len(new), -1, block.shape[2]))
        copies = [np.concatenate(parts) for parts in grown]
    return copies


def to_product_space(kets: MultilevelSpace, matrix: Any, state: bool = True) -> np.ndarray:
    r"""The :math:`d^N \times d^N` matrix of a state (blocks divided by their copies) or of an operator.

    Parameters
    ----------
    kets : MultilevelSpace
        All kets of N emitters.
    matrix : csr_array or ndarray, shape (size, size)
    state : bool, default True
        Whether the blocks carry the weight of all copies.

    Returns
    -------
    ndarray of complex128
    """
    dense = matrix.toarray() if issparse(matrix) else np.asarray(matrix)
    total = np.zeros((kets.d**kets.N,) * 2, dtype=np.complex128)
    for W, a, b in zip(_isometries(kets), kets.offsets, kets.offsets[1:], strict=False):
        block = dense[a:b, a:b] / (len(W) if state else 1)
        for copy in W:
            total += copy @ block @ copy.T
    return total


def from_product_space(kets: MultilevelSpace, matrix: np.ndarray, state: bool = True) -> np.ndarray:
    """The matrix on the kets of a permutation-invariant :math:`d^N \\times d^N` matrix: the inverse of `to_product_space`.

    Parameters
    ----------
    kets : MultilevelSpace
        All kets of N emitters.
    matrix : ndarray, shape (d^N, d^N)
    state : bool, default True
        As for `to_product_space`.

    Returns
    -------
    ndarray of complex128, shape (size, size)

    Raises
    ------
    ValueError
        If the matrix changes when emitters are exchanged (by 1e-10 of its largest element).
    """
    reduced = np.zeros((kets.size,) * 2, dtype=np.complex128)
    for W, a, b in zip(_isometries(kets), kets.offsets, kets.offsets[1:], strict=False):
        for copy in W:
            reduced[a:b, a:b] += copy.T @ matrix @ copy / (1 if state else len(W))
    spread = np.abs(to_product_space(kets, reduced, state) - matrix).max()
    if not spread <= 1e-10 * np.abs(matrix).max():
        raise ValueError(
            f"the operator must be permutation invariant, got elements that differ by {spread:.3g} when emitters are exchanged; "
            "average it over all orders of the emitters first if that is meant"
        )
    return reduced


def one_emitter(N: int, units: Sequence[Sequence[csr_array]], rho: csr_array) -> np.ndarray:
    r"""State of one of N emitters, :math:`\langle j|\rho_1|i\rangle = \langle E_{ij}\rangle/N`.

    Parameters
    ----------
    N : int
    units : nested list of csr_array
        The collective operators :math:`E_{ij} = \sum_n |i\rangle\langle j|_n`.
    rho : csr_array
        State on the kets.

    Returns
    -------
    ndarray of complex128, shape (d, d)
    """
    return np.array([[_trace(E, rho) / N for E in row] for row in units], dtype=complex).T


def two_emitters(N: int, units: Sequence[Sequence[csr_array]], rho: csr_array) -> np.ndarray:
    r"""State of two of N emitters, from their moments.

    .. math:: \sum_{n\ne m} |i\rangle\langle j|_n |k\rangle\langle l|_m = E_{ij}E_{kl} - \delta_{jk}E_{il}

    Arguments as for `one_emitter`.

    Returns
    -------
    ndarray of complex128, shape (d^2, d^2)
    """
    d = len(units)
    pair = np.zeros((d, d, d, d), dtype=complex)  # <j l| rho |i k>
    single = one_emitter(N, units, rho)
    for k in range(d):
        for m in range(d):
            right = units[k][m] @ rho
            for i in range(d):
                for j in range(d):
                    pair[j, m, i, k] = _trace(units[i][j], right) - (N * single[m, i] if j == k else 0)
    return pair.reshape(d * d, d * d) / (N * (N - 1))


def few_emitters(kets: MultilevelSpace, rho: csr_array, k: int) -> np.ndarray:
    """State of k of N emitters: all others are removed one by one.

    Parameters
    ----------
    kets : MultilevelSpace
        Kets of N emitters.
    rho : csr_array
        State on them.
    k : int

    Returns
    -------
    ndarray of complex128, shape (d^k, d^k)
    """
    for _ in range(kets.N - k):
        rho, kets = remove_emitter(Removal(kets), rho), kets.smaller()
    if not kets.complete:
        every = MultilevelSpace(k, kets.d)
        place = every.index(kets.patterns)
        entries = rho.tocoo()
        rho = csr_array((entries.data, (place[entries.row], place[entries.col])), shape=(every.size,) * 2)
        kets = every
    return to_product_space(kets, rho)


def _trace(A: csr_array, B: csr_array) -> complex:
    """tr(A B) for sparse matrices."""
    return complex(A.multiply(B.T).sum())
