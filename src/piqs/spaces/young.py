r"""Young diagrams with at most d rows: which irreps N emitters with d levels have, how large and how often, exactly.

By Schur-Weyl duality the space of N emitters with d levels is :math:`\bigoplus_\nu V_\nu \otimes S_\nu` over the partitions
:math:`\nu` of N into at most d parts: :math:`V_\nu` is an irrep of U(d), :math:`S_\nu` of the permutations. A
permutation-invariant state is :math:`\bigoplus_\nu \rho_\nu \otimes 1/f^\nu`, with :math:`f^\nu = \dim S_\nu`. All counts
here are exact integers from closed forms, so a problem can be sized before anything is built.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise
from math import comb, factorial, prod

import numpy as np

from piqs._checks import at_most, number_of_emitters
from piqs._resources import check

__all__ = [
    "irrep_dimension",
    "irrep_multiplicity",
    "num_irreps",
    "num_multilevel_elements",
    "num_multilevel_kets",
    "young_diagrams",
]

# Sums and counts of so many steps, and spaces of so many levels, are within reach.
_LARGEST_SUM, _MOST_LEVELS = 10**6, 10**4


def num_multilevel_kets(N: int, d: int) -> int:
    r"""Number of kets of N emitters with d levels: the sum of :math:`\dim V_\nu` over all Young diagrams.

    It is the coefficient of :math:`t^N` in :math:`(1-t)^{-d} (1-t^2)^{-d(d-1)/2}`.

    Parameters
    ----------
    N : int
        Number of emitters.
    d : int
        Number of levels of each.

    Returns
    -------
    int
        Exact; for d = 2 the number of Dicke kets.

    Examples
    --------
    >>> num_multilevel_kets(20, 2), num_multilevel_kets(20, 3)
    (121, 9009)
    """
    N, d = number_of_emitters(N), _levels(d)
    at_most(N * d, _LARGEST_SUM, "N d", "the sum over all pairs of rows has N/2 terms")
    pairs = d * (d - 1) // 2
    if pairs == 0:
        return 1
    return sum(comb(N - 2 * m + d - 1, d - 1) * comb(m + pairs - 1, m) for m in range(N // 2 + 1))


def num_multilevel_elements(N: int, d: int) -> int:
    r"""Number of elements of a permutation-invariant density matrix, :math:`\sum_\nu (\dim V_\nu)^2 = \binom{N+d^2-1}{N}`.

    Parameters
    ----------
    N, d : int
        Numbers of emitters and of levels.

    Returns
    -------
    int

    Examples
    --------
    >>> num_multilevel_elements(20, 3)
    3108105
    """
    N, d = number_of_emitters(N), _levels(d)
    at_most(min(N, d * d), _LARGEST_SUM, "N and d", "the exact integer has too many digits")
    return comb(N + d * d - 1, N)


def num_irreps(N: int, d: int) -> int:
    """Number of irreps: partitions of N into at most d parts.

    Parameters
    ----------
    N, d : int
        Numbers of emitters and of levels.

    Returns
    -------
    int

    Examples
    --------
    >>> num_irreps(20, 3)
    44
    """
    N, d = number_of_emitters(N), _levels(d)
    at_most(N * min(N, d), _LARGEST_SUM, "N d", "the partitions are counted one part after the other")
    counts = [1] + [0] * N  # a partition into at most d parts is, transposed, one into parts of at most d
    for part in range(1, min(N, d) + 1):
        for n in range(part, N + 1):
            counts[n] += counts[n - part]
    return counts[N]


def young_diagrams(N: int, d: int) -> np.ndarray:
    """All partitions of N into at most d parts, lexicographically descending: the symmetric irrep (N) first.

    Parameters
    ----------
    N, d : int
        Numbers of emitters and of levels.

    Returns
    -------
    ndarray of int64, shape (num_irreps(N, d), d)

    Examples
    --------
    >>> young_diagrams(4, 3).tolist()
    [[4, 0, 0], [3, 1, 0], [2, 2, 0], [2, 1, 1]]
    """
    N, d = number_of_emitters(N), _levels(d)
    check(
        8.0 * d * num_irreps(N, d), f"the list of all Young diagrams of N = {N} and d = {d}", "Lower N or d."
    )
    rows: list[tuple[tuple[int, ...], int]] = [((), N)]
    for left in range(
        d, 0, -1
    ):  # this row and those below share what remains, none longer than the one above
        rows = [
            ((*row, part), rest - part)
            for row, rest in rows
            for part in range(min(rest, row[-1] if row else N), -(-rest // left) - 1, -1)
        ]
    return np.array([row for row, _ in rows], dtype=np.int64)


def irrep_dimension(diagram: Sequence[int]) -> int:
    r"""Dimension of the irrep :math:`V_\nu` of U(d), :math:`\prod_{i<j} (\ell_i - \ell_j)/(j-i)`, :math:`\ell_k = \nu_k + d - k`.

    Parameters
    ----------
    diagram : sequence of int, length d
        Row lengths, not increasing, zeros included.

    Returns
    -------
    int
        Number of kets of the irrep.

    Examples
    --------
    >>> irrep_dimension([2, 1, 0])
    8
    """
    ell = _shifted(diagram)
    pairs = list(combinations(range(len(ell)), 2))
    return prod(ell[i] - ell[j] for i, j in pairs) // prod(j - i for i, j in pairs)


def irrep_multiplicity(diagram: Sequence[int]) -> int:
    r"""Number of copies of an irrep in :math:`d^N`, :math:`f^\nu = N! \prod_{i<j} (\ell_i - \ell_j) / \prod_i \ell_i!`.

    Parameters
    ----------
    diagram : sequence of int, length d
        Row lengths, not increasing, zeros included.

    Returns
    -------
    int
        Exact; for two rows it is `state_degeneracy`.

    Examples
    --------
    >>> irrep_multiplicity([2, 1, 0])
    2
    """
    ell = _shifted(diagram)
    gaps = prod(a - b for a, b in combinations(ell, 2))
    return factorial(sum(int(row) for row in diagram)) * gaps // prod(factorial(x) for x in ell)


def corner_weights(diagrams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""The ratios :math:`\pi_k = \dim V_{\nu-e_k}/\dim V_\nu` and :math:`w_k = N f^{\nu-e_k}/f^\nu = \ell_k \pi_k`.

    Both vanish where :math:`\nu - e_k` is no diagram, except :math:`\pi_d` at :math:`\nu_d = 0`: there :math:`w_d` decides.

    Parameters
    ----------
    diagrams : ndarray of int, shape (n, d)
        Young diagrams.

    Returns
    -------
    pi, w : ndarray of float64, shape (n, d)
    """
    d = diagrams.shape[1]
    ell = (diagrams + np.arange(d - 1, -1, -1)).astype(np.float64)
    pi = np.ones_like(ell)
    for k in range(d):
        for i in range(d):
            if i != k:
                pi[:, k] *= (ell[:, k] - 1 - ell[:, i]) / (ell[:, k] - ell[:, i])
    return pi, ell * pi


def _shifted(diagram: Sequence[int]) -> list[int]:
    """The strictly descending numbers nu_k + d - k."""
    rows = [int(row) for row in diagram]
    if not rows or rows[-1] < 0 or any(a < b for a, b in pairwise(rows)):
        raise ValueError(f"diagram must hold row lengths >= 0 that do not increase, got {list(diagram)}")
    return [row + len(rows) - 1 - k for k, row in enumerate(rows)]


def _levels(d: int) -> int:
    return at_most(number_of_emitters(d, "d"), _MOST_LEVELS, "d", "no space of so many levels can be built")
