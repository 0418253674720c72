r"""How far two states are from each other: fidelity, trace distance, relative entropy.

The copies of a ladder are in the same state, :math:`\rho_j/d_N^j`. In these three quantities their number cancels, so that
sums over the blocks are exact.
"""

from __future__ import annotations

import numpy as np
from qutip import Qobj
from scipy.special import xlogy

from piqs.errors import DimensionError
from piqs.measures.reading import BlockState, read_in
from piqs.spaces import Space
from piqs.states.blocks import isdiagonal

__all__ = ["fidelity", "relative_entropy", "trace_distance"]


def _pair(rho: Qobj, sigma: Qobj, space: Space | None) -> tuple[BlockState, BlockState]:
    first, second = read_in(rho, space, "rho"), read_in(sigma, space, "sigma")
    if first.matrix.shape != second.matrix.shape:
        raise DimensionError(
            f"rho and sigma must be states of the same number of emitters, got {first.matrix.shape[0]} and "
            f"{second.matrix.shape[0]} kets"
        )
    return first, second


def _root(block: np.ndarray) -> np.ndarray:
    """Square root of a positive matrix. The root of what is rounding would be large: it is dropped."""
    if isdiagonal(block):
        return np.sqrt(np.maximum(block.real, 0))
    values, vectors = np.linalg.eigh(block)
    values[values < len(block) * np.finfo(float).eps * values[-1]] = 0
    return vectors * np.sqrt(values) @ vectors.conj().T


def fidelity(rho: Qobj, sigma: Qobj, space: Space | None = None) -> float:
    r"""Fidelity of two states, without the square.

    .. math:: F(\rho, \sigma) = \mathrm{Tr}\sqrt{\sqrt\rho\,\sigma\sqrt\rho}
              = \sum_j \|\sqrt{\rho_j}\sqrt{\sigma_j}\|_1

    This is the convention of ``qutip.fidelity``, which gives the same number in the Dicke basis: the multiplicities cancel.
    For pure states it is :math:`|\langle\psi|\phi\rangle|`.

    Parameters
    ----------
    rho, sigma : Qobj
        Density matrices or kets in the Dicke basis, of the same number of emitters.
    space : Space, optional
        The space of the states, such as that of a composite or of emitters with d levels (``model.space``); one ensemble of
        two levels by default.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    TypeError, ValueError
        If one is no state in the Dicke basis, or their numbers of emitters differ.

    References
    ----------
    M. A. Nielsen and I. L. Chuang, Quantum Computation and Quantum Information (2000), Eq. (9.53).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.fidelity(piqs.ghz(8), piqs.excited(8)) ** 2, 12)
    0.5
    """
    first, second = _pair(rho, sigma, space)
    return float(
        sum(
            np.linalg.svd(_root(first.block(k)) @ _root(second.block(k)), compute_uv=False).sum()
            for k in sorted(set(first.occupied()) & set(second.occupied()))
        )
    )


def trace_distance(rho: Qobj, sigma: Qobj, space: Space | None = None) -> float:
    r"""Trace distance of two states.

    .. math:: T(\rho, \sigma) = \tfrac12\|\rho - \sigma\|_1 = \tfrac12\sum_j \|\rho_j - \sigma_j\|_1

    ``qutip.tracedist`` gives the same number in the Dicke basis: the multiplicities cancel.

    Parameters
    ----------
    rho, sigma : Qobj
        Density matrices or kets in the Dicke basis, of the same number of emitters.
    space : Space, optional
        The space of the states, such as that of a composite or of emitters with d levels (``model.space``); one ensemble of
        two levels by default.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    TypeError, ValueError
        If one is no state in the Dicke basis, or their numbers of emitters differ.

    References
    ----------
    M. A. Nielsen and I. L. Chuang, Quantum Computation and Quantum Information (2000), Eq. (9.11).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.trace_distance(piqs.excited(8), piqs.ground(8)), 12)
    1.0
    """
    first, second = _pair(rho, sigma, space)
    difference = first.matrix - second.matrix
    kept = sorted(set(first.occupied()) | set(second.occupied()))
    return float(sum(np.abs(np.linalg.eigvalsh(first.part(difference, k))).sum() for k in kept) / 2)


def relative_entropy(rho: Qobj, sigma: Qobj, base: float = np.e, space: Space | None = None) -> float:
    r"""Relative entropy of two states.

    .. math:: S(\rho\|\sigma) = \mathrm{Tr}\,\rho(\log\rho - \log\sigma)
              = \sum_j \mathrm{Tr}\,\rho_j(\log\rho_j - \log\sigma_j)

    ``qutip.entropy_relative`` gives the same number in the Dicke basis: the multiplicities cancel.

    Parameters
    ----------
    rho, sigma : Qobj
        Density matrices or kets in the Dicke basis, of the same number of emitters.
    base : float, default e
        Base of the logarithm: e for nats, 2 for bits.
    space : Space, optional
        The space of the states, such as that of a composite or of emitters with d levels (``model.space``); one ensemble of
        two levels by default.

    Returns
    -------
    float
        Not negative; infinite if rho occupies states that sigma does not.

    Raises
    ------
    TypeError, ValueError
        If one is no state in the Dicke basis, or their numbers of emitters differ.

    References
    ----------
    M. A. Nielsen and I. L. Chuang, Quantum Computation and Quantum Information (2000), Eq. (11.50).

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> mixed = piqs.thermal(6, temperature=np.inf)
    >>> round(piqs.relative_entropy(piqs.excited(6), mixed, base=2), 12)
    6.0
    """
    first, second = _pair(rho, sigma, space)
    total = 0.0
    for k, block in first.blocks():
        p, v = np.linalg.eigh(block)
        q, w = np.linalg.eigh(second.block(k))
        p = np.maximum(p, 0)
        overlap = p @ np.abs(v.conj().T @ w) ** 2  # weight of rho on each eigenvector of sigma
        # the spectrum of a diagonal block is exact, others are known up to rounding
        empty = q <= (0 if isdiagonal(second.block(k)) else 1e-15 * q.max())
        if overlap[empty].sum() > 1e-12:
            return float("inf")
        total += xlogy(p, p).sum() - overlap[~empty] @ np.log(q[~empty])
    return float(max(total, 0.0) / np.log(base))
