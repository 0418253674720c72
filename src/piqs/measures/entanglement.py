r"""Entanglement between groups of emitters.

A state of N emitters is cut into k of them, no matter which, and the N - k others.
"""

from __future__ import annotations

import numpy as np
from qutip import Qobj

from piqs.measures.cut import partial_transposes
from piqs.measures.entropy import entropy_of_blocks, log_of
from piqs.measures.reading import DickeState, read
from piqs.measures.reduced import kept_emitters, reduced_blocks
from piqs.spaces.dicke import j_vals, log_degeneracy

__all__ = ["concurrence", "cut_entropy", "log_negativity", "mutual_information", "negativity"]

# Eigenvalues of a partial transpose closer to zero than this (of one) are rounding.
_ROUNDING = 1e-14


def _cut(rho: Qobj, k: int) -> tuple[DickeState, int]:
    """The state, and k checked: both groups hold an emitter."""
    state = read(rho)
    k = kept_emitters(k, state.N)
    if k == state.N:
        raise ValueError(f"k must leave at least one emitter on the other side of the cut, got k = N = {k}")
    return state, min(k, state.N - k)


def negativity(rho: Qobj, k: int) -> float:
    r"""Negativity of a state across the cut of k emitters from the N - k others.

    .. math:: \mathcal N = \frac{\|\rho^{T_A}\|_1 - 1}{2}

    The partial transpose is block diagonal in the ladders of the two groups. Each block is diagonalised, apart in what it
    conserves, so that N = 60 takes seconds.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    k : int
        Number of emitters on one side, from 1 to N - 1.

    Returns
    -------
    float
        Zero if the partial transpose is positive. (QuTiP's function of this name takes the index of a tensor factor
        instead, and is wrong in the Dicke basis.)

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or k not between 1 and N - 1.

    References
    ----------
    G. Vidal and R. F. Werner, Phys. Rev. A 65, 032314 (2002), Eq. (2).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.negativity(piqs.ghz(20), 7), 12)
    0.5
    """
    state, k = _cut(rho, k)
    schmidt = _schmidt_coefficients(state, k)
    if schmidt is not None:
        return float(max((schmidt.sum() ** 2 - 1) / 2, 0.0))
    total = 0.0
    for block in partial_transposes(state, k):
        values = np.linalg.eigvalsh(block)
        total -= values[values < -_ROUNDING].sum()
    return float(total)


def log_negativity(rho: Qobj, k: int) -> float:
    r"""Logarithmic negativity of a state across the cut of k emitters from the N - k others.

    .. math:: E_\mathcal N = \log_2 \|\rho^{T_A}\|_1 = \log_2(2\mathcal N + 1)

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    k : int
        Number of emitters on one side, from 1 to N - 1.

    Returns
    -------
    float
        To base 2, as ``qutip.logarithmic_negativity``.

    Raises
    ------
    TypeError, ValueError
        As `negativity`.

    References
    ----------
    G. Vidal and R. F. Werner, Phys. Rev. A 65, 032314 (2002), Eq. (4).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.log_negativity(piqs.ghz(20), 7), 12)
    1.0
    """
    return float(np.log2(2 * negativity(rho, k) + 1))


def _schmidt_coefficients(state: DickeState, k: int) -> np.ndarray | None:
    r"""Schmidt coefficients of a pure symmetric state across the cut; None for any other state.

    .. math:: |N/2,m\rangle = \sum_{e_A} \sqrt{\binom{k}{e_A}\binom{N-k}{e-e_A}\Big/\binom{N}{e}}\;
              |e_A\rangle|e-e_A\rangle, \qquad e = N/2 - m
    """
    if state.occupied() != [0]:
        return None
    block = state.block(0)
    # a pure state is fixed by one column: the one with the largest population
    pivot = int(np.argmax(np.diagonal(block).real))
    ket = block[:, pivot] / np.sqrt(block[pivot, pivot].real)
    if np.abs(block - np.outer(ket, ket.conj())).max() > 1e-14:
        return None
    N = state.N
    log_binomial = [_log_binomials(n) for n in (k, N - k, N)]
    a, b = np.arange(k + 1)[:, None], np.arange(N - k + 1)
    logs = (log_binomial[0][a] + log_binomial[1][b] - log_binomial[2][a + b]) / 2
    return np.linalg.svd(np.exp(logs) * ket[a + b], compute_uv=False)


def _log_binomials(n: int) -> np.ndarray:
    """ln of the binomial coefficients of n, summed from logarithms of the ratios of neighbours."""
    i = np.arange(n)
    return np.concatenate([[0.0], np.cumsum(np.log((n - i) / (i + 1)))])


def concurrence(rho: Qobj) -> float:
    r"""Concurrence of any two of the emitters.

    .. math:: C = \max(0, \lambda_1 - \lambda_2 - \lambda_3 - \lambda_4)

    :math:`\lambda_i` are the singular values, in descending order, of :math:`\sqrt\rho^{T}(\sigma_y\otimes\sigma_y)
    \sqrt\rho` for the state of two emitters.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis of two or more emitters.

    Returns
    -------
    float
        Between 0 and 2/N, the value of the W state. (QuTiP's function of this name takes a state of two qubits, and is wrong
        in the Dicke basis.)

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or N = 1.

    References
    ----------
    W. K. Wootters, Phys. Rev. Lett. 80, 2245 (1998); X. Wang and K. Molmer, Eur. Phys. J. D 18, 385 (2002).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.concurrence(piqs.dicke(10, 5, -4)), 12)
    0.2
    """
    state = read(rho)
    if state.N < 2:
        raise ValueError("rho must be a state of at least two emitters for a concurrence, got N = 1")
    triplet, singlet = reduced_blocks(state, 2)
    # sigma_y x sigma_y on |ee>, (|eg> + |ge>)/sqrt 2, |gg>, and on the singlet
    flips = [np.array([[0, 0, -1], [0, 1, 0], [-1, 0, 0]]), np.array([[-1]])]
    values = []
    for block, flip in zip((triplet, singlet), flips, strict=True):
        p, v = np.linalg.eigh(block)
        root = v * np.sqrt(np.maximum(p, 0))
        values.append(np.linalg.svd(root.T @ flip @ root, compute_uv=False))
    largest, *others = np.sort(np.concatenate(values))[::-1]
    return float(max(0.0, largest - sum(others)))


def _entropy_of_part(state: DickeState, k: int) -> float:
    return entropy_of_blocks(
        zip(reduced_blocks(state, k), log_degeneracy(k, j_vals(k)[::-1]).tolist(), strict=True)
    )


def cut_entropy(rho: Qobj, k: int, base: float = np.e) -> float:
    r"""Von Neumann entropy of k of the emitters, :math:`S(\rho_k) = -\mathrm{Tr}\,\rho_k\log\rho_k`.

    For a pure state it is the entropy of entanglement of the cut.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    k : int
        Number of emitters, from 1 to N.
    base : float, default e
        Base of the logarithm: e for nats, as ``qutip.entropy_vn``, 2 for bits.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or k not between 1 and N.

    References
    ----------
    C. H. Bennett et al., Phys. Rev. A 53, 2046 (1996); J. I. Latorre et al., Phys. Rev. A 71, 064101 (2005).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.cut_entropy(piqs.ghz(20), 7, base=2), 12)
    1.0
    """
    state = read(rho)
    return _entropy_of_part(state, kept_emitters(k, state.N)) / log_of(base)


def mutual_information(rho: Qobj, k: int, base: float = np.e) -> float:
    r"""Quantum mutual information between k of the emitters and the N - k others.

    .. math:: I = S(\rho_k) + S(\rho_{N-k}) - S(\rho)

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    k : int
        Number of emitters on one side, from 1 to N - 1.
    base : float, default e
        Base of the logarithm: e for nats, as ``qutip.entropy_mutual``, 2 for bits.

    Returns
    -------
    float
        Zero for product states, 2 bits for a GHZ state.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or k not between 1 and N - 1.

    References
    ----------
    M. A. Nielsen and I. L. Chuang, Quantum Computation and Quantum Information (2000), Sec. 11.3.

    Examples
    --------
    >>> import piqs
    >>> round(piqs.mutual_information(piqs.ghz(20), 7, base=2), 12)
    2.0
    """
    state, k = _cut(rho, k)
    parts = [_entropy_of_part(state, n) for n in (k, state.N - k, state.N)]
    return max(parts[0] + parts[1] - parts[2], 0.0) / log_of(base)
