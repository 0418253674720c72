r"""Functions of states in the Dicke basis: entropy, purity and other traces of functions.

The state of the :math:`2^N` space has every eigenvalue of the block :math:`\rho_j` divided by :math:`d_N^j`,
:math:`d_N^j` times over.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
from qutip import Qobj
from scipy.special import entr

from piqs._checks import finite, function
from piqs.measures.reading import hermitian_matrix, read_in
from piqs.spaces import Space
from piqs.spaces.dicke import block_offsets, j_vals, log_degeneracy, num_tls
from piqs.states.blocks import isdiagonal

__all__ = ["dicke_function_trace", "entropy", "entropy_vn_dicke", "purity", "purity_dicke"]

# Beyond this logarithm a degeneracy is no longer a float.
_LARGEST_LOG = 709.0


def block_spectrum(rho: Qobj) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of all blocks of a Hermitian operator, and the logarithm of the degeneracy of the ladder of each."""
    matrix = hermitian_matrix(rho)
    N = num_tls(matrix.shape[0])
    spectra = []
    for start, end in pairwise(block_offsets(N).tolist()):
        block = matrix[start:end, start:end]
        # diagonal blocks need no dense matrix, which would not fit for thousands of emitters
        spectra.append(block.diagonal().real if isdiagonal(block) else np.linalg.eigvalsh(block.toarray()))
    logs = log_degeneracy(N, j_vals(N)[::-1])
    values = np.concatenate(spectra)
    # eigenvalues that are zero come out of the diagonalisation as rounding of either sign
    values[(values < 0) & (values > -1e-13 * np.abs(values).max())] = 0.0
    return values, np.repeat(logs, [spectrum.size for spectrum in spectra])


def dicke_function_trace(f: Callable[[np.ndarray], np.ndarray], rho: Qobj) -> float:
    r"""Trace of a function of a state.

    .. math:: \mathrm{tr} f(\rho) = \sum_j d_N^j \sum_i f(\lambda_{ji}/d_N^j)

    :math:`\lambda_{ji}` are the eigenvalues of the block :math:`\rho_j`.

    Parameters
    ----------
    f : callable
        Function of an array of eigenvalues, returning an array.
    rho : Qobj
        Hermitian operator in the Dicke basis, n_DS x n_DS, block diagonal in j.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``rho`` is not Hermitian, not block diagonal in j or not in the Dicke basis.
    OverflowError
        If an occupied ladder has more copies than a float can count (N > 1029).

    Examples
    --------
    >>> from piqs import dicke
    >>> float(dicke_function_trace(lambda x: x**2, dicke(4, 0, 0)))
    0.5
    """
    function(f, "f", "of an array")
    values, logs = block_spectrum(rho)
    empty = values == 0
    if np.any(logs[~empty] > _LARGEST_LOG) or (np.any(logs > _LARGEST_LOG) and f(np.zeros(1))[0] != 0):
        raise OverflowError("rho occupies ladders with more copies than a float can count; use a smaller N")
    degeneracy = np.exp(np.minimum(logs, _LARGEST_LOG))
    return np.sum(f(values / degeneracy) * degeneracy)


def entropy_vn_dicke(rho: Qobj) -> float:
    r"""Von Neumann entropy :math:`-\mathrm{tr}\,\rho\ln\rho` of a state in the Dicke basis.

    .. math:: S = \sum_j \sum_i \lambda_{ji} (\ln d_N^j - \ln \lambda_{ji})

    Parameters
    ----------
    rho : Qobj
        Density matrix in the Dicke basis.

    Returns
    -------
    float
        In nats, for any N.

    Raises
    ------
    ValueError
        If ``rho`` has negative eigenvalues, is not Hermitian or not block diagonal in j.

    Examples
    --------
    >>> from piqs import dicke
    >>> round(float(entropy_vn_dicke(dicke(4, 0, 0))), 12)  # two copies: ln 2
    0.69314718056
    """
    values, logs = block_spectrum(rho)
    if np.any(values < -1e-6 * np.abs(values).max()):
        raise ValueError(f"rho must have no negative eigenvalues, got {values.min():.3g}")
    values = np.maximum(values, 0)  # smaller ones are what the tolerance of a solver leaves behind
    return np.sum(entr(values) + values * logs)


def purity_dicke(rho: Qobj) -> float:
    r"""Purity :math:`\mathrm{tr}\,\rho^2 = \sum_j \sum_i \lambda_{ji}^2/d_N^j` of a state in the Dicke basis.

    Parameters
    ----------
    rho : Qobj
        Density matrix in the Dicke basis.

    Returns
    -------
    float
        1 for a pure state, for any N.

    Raises
    ------
    ValueError
        If ``rho`` is not Hermitian or not block diagonal in j.

    Examples
    --------
    >>> from piqs import ghz
    >>> round(float(purity_dicke(ghz(10))), 12)
    1.0
    """
    values, logs = block_spectrum(rho)
    return np.sum(values**2 * np.exp(-logs))


def purity(rho: Qobj, space: Space | None = None) -> float:
    r"""Purity :math:`\mathrm{tr}\,\rho^2` of a state, with the copies of its blocks counted.

    .. math:: \mathrm{tr}\,\rho^2 = \sum_b \frac{\mathrm{tr}\,\rho_b^2}{d_b}

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket.
    space : Space, optional
        The space of the state, such as that of a composite or of emitters with d levels (``model.space``); one ensemble of
        two levels in the Dicke basis by default.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of the space.

    References
    ----------
    N. Shammah et al., Phys. Rev. A 98, 063815 (2018), App. A.

    Examples
    --------
    >>> from piqs import dicke, purity
    >>> round(purity(dicke(4, 0, 0)), 12)  # two copies
    0.5
    """
    state = read_in(rho, space)
    return float(
        sum(np.sum(np.abs(block) ** 2) * np.exp(-state.log_multiplicity[k]) for k, block in state.blocks())
    )


def entropy(rho: Qobj, base: float = np.e, space: Space | None = None) -> float:
    r"""Von Neumann entropy of a state, with the copies of its blocks counted.

    .. math:: S = -\mathrm{tr}\,\rho\log\rho = \sum_b \sum_i \lambda_{bi}(\log d_b - \log\lambda_{bi})

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket.
    base : float, default e
        Base of the logarithm: e for nats, 2 for bits.
    space : Space, optional
        As in `purity`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of the space.

    References
    ----------
    M. A. Nielsen and I. L. Chuang, Quantum Computation and Quantum Information (2000), Eq. (11.40).

    Examples
    --------
    >>> from piqs import dicke, entropy
    >>> round(entropy(dicke(4, 0, 0), base=2), 12)  # two copies
    1.0
    """
    state = read_in(rho, space)
    return entropy_of_blocks((block, state.log_multiplicity[k]) for k, block in state.blocks()) / log_of(base)


def entropy_of_blocks(blocks: Iterable[tuple[np.ndarray, float]]) -> float:
    """Entropy in nats from blocks, each with the weight of its copies, and the logarithms of their numbers."""
    total = 0.0
    for block, log in blocks:
        p = np.maximum(np.linalg.eigvalsh(block), 0)
        total += float(entr(p).sum() + p.sum() * log)
    return total


def log_of(base: float) -> float:
    """Logarithm of the base of an entropy."""
    if not finite(base, "base") > 1:
        raise ValueError(f"base must be larger than 1 (e for nats, 2 for bits), got {base!r}")
    return float(np.log(base))
