r"""States of some of the emitters, and distributions over ladders and projections.

Tracing out one emitter couples the ladder j of N emitters to the ladders :math:`j' = j \mp 1/2` of N - 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import block_diag, csr_array

from piqs._checks import number_of_emitters
from piqs.measures.metrology import spin_distribution
from piqs.measures.reading import DickeState, axis_vector, read
from piqs.operators.spin import as_qobj

__all__ = ["ladder_populations", "pair_correlations", "reduced_state", "spin_projections"]


def reduced_state(rho: Qobj, k: int) -> Qobj:
    r"""State of any k of the emitters, in the Dicke basis of k emitters.

    One emitter is traced out at a time,

    .. math::

        \langle j',m|\rho'|j',m'\rangle = \sum_{j=j'\pm1/2} w_{jj'} \sum_{s=\pm1/2}
        C^{j,m+s}_{j',m;s}\,C^{j,m'+s}_{j',m';s}\,\langle j,m+s|\rho|j,m'+s\rangle,

    with the Clebsch-Gordan coefficients of :math:`j'` and 1/2, and the share of the copies of j that come from :math:`j'`,
    :math:`w_{jj'} = d_{N-1}^{j'}/d_N^j`.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis of N emitters.
    k : int
        Number of emitters kept, from 1 to N.

    Returns
    -------
    Qobj
        Density matrix, n_DS x n_DS for k emitters, the weight of all copies in each block. For k = 1 it is the 2 x 2
        matrix of one emitter; `dicke_to_uncoupled` turns others into matrices of k factors.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or k not between 1 and N.

    References
    ----------
    B. A. Chase and J. M. Geremia, Phys. Rev. A 78, 052101 (2008).

    Examples
    --------
    >>> import piqs
    >>> # |ee>, triplet, |gg>, singlet
    >>> piqs.reduced_state(piqs.ghz(5), 2).diag().round(9).tolist()
    [0.5, 0.0, 0.5, 0.0]
    """
    state = read(rho)
    k = kept_emitters(k, state.N)
    return as_qobj(csr_array(block_diag(reduced_blocks(state, k))))


def kept_emitters(k: Any, N: int) -> int:
    """Return k as an int from 1 to N."""
    k = number_of_emitters(k, "k")
    if k > N:
        raise ValueError(f"k must be at most N = {N}, the number of emitters of the state, got {k}")
    return k


def reduced_blocks(state: DickeState, k: int) -> list[np.ndarray]:
    """Blocks of the state of k emitters, j descending."""
    held = set(state.occupied())
    blocks = [state.block(i) if i in held else None for i in range(len(state.spins))]
    for n in range(state.N, k, -1):
        blocks = _without_one(blocks, n)
    sizes = [k + 1 - 2 * i for i in range(len(blocks))]
    return [
        np.zeros((n, n), complex) if block is None else block for n, block in zip(sizes, blocks, strict=True)
    ]


def _without_one(blocks: list[np.ndarray | None], N: int) -> list[np.ndarray | None]:
    """Blocks of N - 1 emitters from those of N; None stands for zero."""
    smaller: list[np.ndarray | None] = []
    for i in range((N - 1) // 2 + 1):
        j = (N - 1) / 2 - i  # of N - 1 emitters
        m = j - np.arange(round(2 * j) + 1)
        parts = []
        # the ladders j + 1/2 and j - 1/2 of N emitters, with the Clebsch-Gordan coefficients of the one traced out
        if (above := blocks[i]) is not None:
            share = (2 * j + 1) / (2 * j + 2) * (N / 2 + j + 1.5) / N
            parts.append(share * _traced(above, (j + 1 + m) / (2 * j + 1), (j + 1 - m) / (2 * j + 1)))
        if j > 0 and (below := blocks[i + 1]) is not None:
            share = (2 * j + 1) / (2 * j) * (N / 2 - j + 0.5) / N
            parts.append(share * _traced(np.pad(below, 1), (j - m) / (2 * j + 1), (j + m) / (2 * j + 1)))
        smaller.append(sum(parts[1:], parts[0]) if parts else None)
    return smaller


def _traced(block: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Sum over the emitter traced out, up (m + 1/2) and down (m - 1/2), of C C' times the block."""
    up, down = np.sqrt(up), np.sqrt(down)
    return up[:, None] * up * block[:-1, :-1] + down[:, None] * down * block[1:, 1:]


def pair_correlations(rho: Qobj) -> tuple[np.ndarray, np.ndarray]:
    r"""Pauli expectation values of one and of two emitters, from moments of the collective spin.

    .. math::

        \langle\sigma_a\rangle = \frac{2}{N}\langle J_a\rangle, \qquad
        \langle\sigma_a\otimes\sigma_b\rangle
        = \frac{2\langle J_aJ_b + J_bJ_a\rangle - N\delta_{ab}}{N(N-1)}

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis of two or more emitters.

    Returns
    -------
    single : ndarray of float64, shape (3,)
        :math:`\langle\sigma_a\rangle` for a = x, y, z, the same for each emitter.
    pair : ndarray of float64, shape (3, 3)
        :math:`\langle\sigma_a\otimes\sigma_b\rangle`, the same for each pair. The connected part is
        ``pair - np.outer(single, single)``.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or N = 1.

    References
    ----------
    X. Wang and K. Molmer, Eur. Phys. J. D 18, 385 (2002).

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> single, pair = piqs.pair_correlations(piqs.ghz(4))
    >>> np.diag(pair).round(9).tolist()
    [0.0, 0.0, 1.0]
    """
    state = read(rho)
    N = state.N
    if N < 2:
        raise ValueError("rho must be a state of at least two emitters for pair correlations, got N = 1")
    pair = (4 * state.second_moments - N * np.eye(3)) / (N * (N - 1))
    return 2 * state.mean_spin / N, pair


def ladder_populations(rho: Qobj) -> tuple[np.ndarray, np.ndarray]:
    r"""Weight of each ladder, :math:`p_j = \mathrm{Tr}\,\rho_j`, all copies together.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    j, p : ndarray of float64, shape (number of ladders,)
        j descending from N/2.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis.

    References
    ----------
    N. Shammah et al., Phys. Rev. A 98, 063815 (2018), Sec. II.

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> piqs.ladder_populations(piqs.thermal(2, temperature=np.inf))[1].tolist()
    [0.75, 0.25]
    """
    state = read(rho)
    return state.spins.copy(), state.of_ladders(state.populations)


def spin_projections(rho: Qobj, axis: Any = "z") -> tuple[np.ndarray, np.ndarray]:
    r"""Distribution of the projection m of the collective spin on an axis, summed over the ladders.

    .. math:: p_m = \sum_j \langle j,m|\rho_j|j,m\rangle

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    axis : {"x", "y", "z"} or three real numbers, default "z"
        The axis.

    Returns
    -------
    m, p : ndarray of float64, shape (N+1,)
        m descending from N/2 to -N/2.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or `axis` no direction.

    References
    ----------
    N. Shammah et al., Phys. Rev. A 98, 063815 (2018), Sec. II.

    Examples
    --------
    >>> import piqs
    >>> piqs.spin_projections(piqs.excited(2), "x")[1].round(9).tolist()
    [0.25, 0.5, 0.25]
    """
    state = read(rho)
    return state.N / 2 - np.arange(state.N + 1), spin_distribution(state, axis_vector(axis))
