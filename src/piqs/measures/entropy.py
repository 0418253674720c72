r"""Functions of states in the Dicke basis: entropy, purity and other traces of functions.

The state of the :math:`2^N` space has every eigenvalue of the block :math:`\rho_j` divided by :math:`d_N^j`,
:math:`d_N^j` times over.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from qutip import Qobj
from scipy.special import entr

from piqs.measures.reading import hermitian_matrix
from piqs.spaces.dicke import block_offsets, j_vals, log_degeneracy, num_tls
from piqs.states.blocks import isdiagonal

__all__ = ["dicke_function_trace", "entropy_vn_dicke", "purity_dicke"]

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
