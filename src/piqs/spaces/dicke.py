r"""The space of the Dicke kets: quantum numbers, offsets of the ladders, degeneracies.

The kets :math:`|j,m\rangle` of N emitters are ordered ladder by ladder, j descending from N/2 to 0
or 1/2, and within a ladder m descending from j to -j.
"""

import math
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import gammaln

from piqs._checks import at_most, fits_in_memory, half_integer, number_of_emitters
from piqs._resources import check
from piqs.errors import NoSuchKetError
from piqs.spaces.space import Space

__all__ = [
    "DickeSpace",
    "block_offsets",
    "energy_degeneracy",
    "j_min",
    "j_vals",
    "ket_index",
    "log_degeneracy",
    "m_degeneracy",
    "m_vals",
    "num_dicke_ladders",
    "num_dicke_states",
    "num_tls",
    "quantum_numbers",
    "state_degeneracy",
]

# Factors of the largest binomial coefficient that is worked out exactly.
_LARGEST_EXACT = 10**6
# Up to so many emitters logarithms come from exact integers, beyond from gamma functions: 1e-16 of ln N! is lost.
_LARGEST_RECURSION = 20_000


def num_dicke_states(N: int) -> int:
    r"""Number of Dicke kets, :math:`n_{DS} = (N/2+1)^2 - (N \bmod 2)/4`.

    Parameters
    ----------
    N : int
        Number of emitters, at least 1.

    Returns
    -------
    int
        :math:`n_{DS}`.

    Raises
    ------
    ValueError
        If ``N`` is not a whole number of at least 1.

    Examples
    --------
    >>> num_dicke_states(20)
    121
    """
    N = number_of_emitters(N)
    return (N + 2) ** 2 // 4


def num_dicke_ladders(N: int) -> int:
    r"""Number of ladders (values of j), :math:`\lfloor N/2 \rfloor + 1`.

    Parameters
    ----------
    N : int
        Number of emitters, at least 1.

    Returns
    -------
    int
        Number of blocks of a permutation-invariant density matrix.

    Examples
    --------
    >>> num_dicke_ladders(5)
    3
    """
    return number_of_emitters(N) // 2 + 1


def num_tls(nds: int) -> int:
    r"""Number of emitters that have ``nds`` Dicke kets: the inverse of `num_dicke_states`.

    Parameters
    ----------
    nds : int
        Number of Dicke kets.

    Returns
    -------
    int
        Number of emitters.

    Raises
    ------
    ValueError
        If no N has ``nds`` Dicke kets.

    Examples
    --------
    >>> num_tls(121)
    20
    """
    checked = number_of_emitters(nds, "nds")
    N = math.isqrt(4 * checked + 1) - 2
    if N < 1 or num_dicke_states(N) != checked:
        raise ValueError(
            f"nds must be (N/2+1)^2 - (N mod 2)/4 for a whole N (2, 4, 6, 9, 12, 16, ...), got {nds!r}; "
            "is the matrix in the Dicke basis?"
        )
    return N


def quantum_numbers(N: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Quantum numbers (j, m) of all Dicke kets, in ket order.

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    j, m : ndarray of float64, shape (n_DS,)
        Multiples of 1/2, hence exact.

    Examples
    --------
    >>> quantum_numbers(2)
    (array([1., 1., 1., 0.]), array([ 1.,  0., -1.,  0.]))
    """
    check(
        40.0 * num_dicke_states(N),
        f"the quantum numbers of all Dicke kets of N = {int(N):,} emitters",
        "Lower N.",
    )
    offsets = block_offsets(N)
    sizes = np.diff(offsets)
    j = np.repeat((sizes - 1) / 2, sizes)
    m = j - (np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes))
    return j, m


def block_offsets(N: int) -> np.ndarray:
    r"""Index of the first ket of every ladder, j descending, and :math:`n_{DS}` at the end.

    Ladder k has j = N/2 - k and starts at k (N + 2 - k).

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    ndarray of int64, shape (number of ladders + 1,)

    Examples
    --------
    >>> block_offsets(4)
    array([0, 5, 8, 9])
    """
    ladders = num_dicke_ladders(N)
    check(64.0 * ladders, f"the ladders of N = {int(N):,} emitters", "Lower N.")
    k = np.arange(ladders + 1, dtype=np.int64)
    return k * (int(N) + 2 - k)


def ket_index(N: int, j: Any, m: Any) -> Any:
    r"""Index of the ket :math:`|j,m\rangle` in ket order.

    Parameters
    ----------
    N : int
        Number of emitters.
    j, m : float or array of float
        Quantum numbers.

    Returns
    -------
    int or ndarray of int64

    Raises
    ------
    NoSuchKetError
        A ValueError and a KeyError, if a ket does not exist for this N.

    Examples
    --------
    >>> ket_index(4, 1, -1)
    7
    """
    N = number_of_emitters(N)
    spin, projection = np.broadcast_arrays(np.asarray(j, dtype=np.float64), np.asarray(m, dtype=np.float64))
    ladder, step = N / 2 - spin, spin - projection
    whole = (np.rint(ladder) == ladder) & (np.rint(step) == step)
    exists = whole & (ladder >= 0) & (spin >= 0) & (step >= 0) & (step <= 2 * spin)
    if not np.all(exists):
        bad = np.argmin(np.atleast_1d(exists))
        raise NoSuchKetError(
            f"the ket |j,m> = |{np.atleast_1d(spin).flat[bad]:g}, {np.atleast_1d(projection).flat[bad]:g}> "
            f"does not exist for N = {N}: j runs from N/2 = {N / 2:g} down to {j_min(N):g} "
            "and m from j to -j, in steps of 1"
        )
    index = (ladder * (N + 2 - ladder) + step).astype(np.int64)
    return int(index) if index.ndim == 0 else index


def j_min(N: int) -> float:
    """Smallest j: 0 for an even Number of emitters, 1/2 for an odd one.

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    float

    Examples
    --------
    >>> j_min(3)
    0.5
    """
    return (number_of_emitters(N) % 2) / 2


def j_vals(N: int) -> np.ndarray:
    """All values of j, ascending.

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> j_vals(5)
    array([0.5, 1.5, 2.5])
    """
    ladders = num_dicke_ladders(N)
    fits_in_memory(16 * ladders, "the values of j", "N")
    return np.arange(ladders) + j_min(N)


def m_vals(j: float) -> np.ndarray:
    """All values of m on the ladder j, ascending.

    Parameters
    ----------
    j : float
        Total spin, a non-negative multiple of 1/2.

    Returns
    -------
    ndarray of float64, shape (2j+1,)

    Examples
    --------
    >>> m_vals(1.5)
    array([-1.5, -0.5,  0.5,  1.5])
    """
    j = _spin(j)
    fits_in_memory(int(32 * j), "the values of m", "j")
    return np.arange(-j, j + 1)


def _spin(j: Any) -> float:
    spin = half_integer(j, "j")
    if spin < 0:
        raise ValueError(f"j must be >= 0, got {j!r}")
    return spin


def state_degeneracy(N: int, j: float) -> int:
    r"""Number of copies of the ladder j, exactly.

    .. math:: d_N^j = \frac{(2j+1)\, N!}{(N/2+j+1)!\,(N/2-j)!} = \binom{N}{N/2-j} - \binom{N}{N/2-j-1}

    Parameters
    ----------
    N : int
        Number of emitters.
    j : float
        Total spin.

    Returns
    -------
    int
        Exact for every N.

    Raises
    ------
    ValueError
        If there is no such j for this N.

    Examples
    --------
    >>> state_degeneracy(10, 0)
    42
    """
    N = number_of_emitters(N)
    spin = _spin(j)
    ladder = N / 2 - spin
    if ladder < 0 or not ladder.is_integer():
        raise ValueError(f"j must be N/2 = {N / 2:g} minus a whole number, got {j!r}")
    k = at_most(
        int(ladder), _LARGEST_EXACT, "N/2 - j", "the exact integer has too many digits; take `log_degeneracy`"
    )
    return math.comb(N, k) - (math.comb(N, k - 1) if k else 0)


def log_degeneracy(N: int, j: Any) -> Any:
    r"""Natural logarithm of `state_degeneracy`, for N far beyond the range of floats.

    Parameters
    ----------
    N : int
        Number of emitters.
    j : float or array of float
        Total spin.

    Returns
    -------
    float or ndarray of float64
        Rounded from exact integers.

    Examples
    --------
    >>> round(log_degeneracy(10_000, 0), 6)
    6918.123426
    """
    spins = np.asarray(j, dtype=np.float64)
    if spins.ndim == 0:
        if number_of_emitters(N) <= _LARGEST_EXACT:
            return math.log(state_degeneracy(N, float(spins)))
        return float(log_degeneracy(N, spins[None])[0])
    ket_index(N, spins, spins)  # raises for a j that does not exist
    if N > _LARGEST_RECURSION:
        logs = (
            np.log(2 * spins + 1) + gammaln(N + 1) - gammaln(N / 2 + spins + 2) - gammaln(N / 2 - spins + 1)
        )
        return np.where(spins == N / 2, 0.0, logs)
    ladders = (N / 2 - spins).astype(np.int64)
    return _log_degeneracies(int(N))[ladders]


def _log_degeneracies(N: int) -> np.ndarray:
    """Logarithms of d_N^j for all ladders, j descending: binomials by exact recursion."""
    logs = np.empty(N // 2 + 1)
    binomial, previous = 1, 0
    for k in range(N // 2 + 1):
        logs[k] = math.log(binomial - previous)
        binomial, previous = binomial * (N - k) // (k + 1), binomial
    return logs


def energy_degeneracy(N: int, m: float) -> int:
    r"""Number of states of the :math:`2^N` space with projection m, :math:`\binom{N}{N/2+m}`, exactly.

    Parameters
    ----------
    N : int
        Number of emitters.
    m : float
        Eigenvalue of :math:`J_z`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is no such m for this N.

    Examples
    --------
    >>> energy_degeneracy(6, 0)
    20
    """
    N = number_of_emitters(N)
    k = _excitations(N, m)
    at_most(min(k, N - k), _LARGEST_EXACT, "N/2 - |m|", "N and m give an integer of too many digits")
    return math.comb(N, k)


def _excitations(N: int, m: float) -> int:
    excitations = N / 2 + half_integer(m, "m")
    if not excitations.is_integer() or not 0 <= excitations <= N:
        raise ValueError(f"m must run from -N/2 = {-N / 2:g} to {N / 2:g} in steps of 1, got {m!r}")
    return int(excitations)


def m_degeneracy(N: int, m: float) -> int:
    r"""Number of ladders that have a rung at m, :math:`N/2 + 1 - |m|`.

    Parameters
    ----------
    N : int
        Number of emitters.
    m : float
        Eigenvalue of :math:`J_z`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is no such m for this N.

    Examples
    --------
    >>> m_degeneracy(4, -1)
    2
    """
    N = number_of_emitters(N)
    _excitations(N, m)
    return int(N / 2 + 1 - abs(m))


class DickeSpace(Space):
    r"""The Dicke kets :math:`|j,m\rangle` of N emitters; a state has no coherence between different j.

    Parameters
    ----------
    N : int
        Number of emitters.

    Examples
    --------
    >>> DickeSpace(20).size
    121
    """

    block_name = "j"

    def __init__(self, N: int) -> None:
        self.N = number_of_emitters(N)
        super().__init__([num_dicke_states(self.N)])

    @cached_property
    def blocks(self) -> np.ndarray:
        """Number of the ladder of each ket."""
        return np.repeat(np.arange(num_dicke_ladders(self.N)), np.diff(block_offsets(self.N)))

    @property
    def quantum_numbers(self) -> dict[str, np.ndarray]:
        """j and m."""
        j, m = quantum_numbers(self.N)
        return {"j": j, "m": m}

    @property
    def log_multiplicity(self) -> np.ndarray:
        """Logarithm of the number of copies of the ladder of each ket."""
        return log_degeneracy(self.N, quantum_numbers(self.N)[0])

    @property
    def representations(self) -> dict[str, int]:
        """The full Hilbert space, all pairs of Dicke kets, and pairs of equal j."""
        sizes = np.diff(block_offsets(self.N))
        return {
            "2^N x 2^N, complex": 2 * 4**self.N,
            "Dicke kets squared, complex": 2 * self.size**2,
            "blocks of equal j, complex": 2 * int(np.sum(sizes**2)),
        }


def looks_like_dicke(size: int) -> bool:
    """Whether a number of kets, more than those of one emitter, is that of an ensemble."""
    return size > 2 and num_dicke_states(max(1, math.isqrt(4 * size + 1) - 2)) == size
