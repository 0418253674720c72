r"""Pure states of N emitters as sparse kets.

In the Dicke basis a ket has :math:`n_{DS}` entries; in the uncoupled basis, the tensor product of the emitters
with :math:`|e\rangle = (1, 0)`, it has :math:`2^N`.
"""

import math
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import coo_array

from piqs._checks import choice, finite, fits_in_memory, number_of_emitters
from piqs.spaces.dicke import ket_index, num_dicke_states

__all__ = ["css_ket", "dicke_ket", "excited_ket", "ghz_ket", "ground_ket", "superradiant_ket"]

# Default coefficients of the coherent spin state.
HALF = 1 / math.sqrt(2)


def _ket(amplitudes: Any, indices: Any, size: int, dims: Any = None) -> Qobj:
    fits_in_memory(16 * size, f"a ket of {size} entries", "N, or (j, m) as the state of mcsolve")
    column = coo_array(
        (np.asarray(amplitudes, dtype=np.complex128), (indices, np.zeros_like(indices))), shape=(size, 1)
    )
    column.eliminate_zeros()
    return Qobj(column.tocsr(), dims=dims, dtype="csr")


def _symmetric_ket(N: int, amplitudes: np.ndarray, basis: str) -> Qobj:
    r"""The ket :math:`\sum_k c_k |N/2, N/2-k\rangle`; k counts the emitters in :math:`|g\rangle`."""
    if choice(basis, "basis", ("dicke", "uncoupled")) == "dicke":
        return _ket(amplitudes, np.arange(N + 1), num_dicke_states(N))
    fits_in_memory(16 * 2**N, f"a ket of N = {N} emitters in the uncoupled basis", "N")
    # |N/2, N/2-k> is the equal superposition of the comb(N, k) product states with k emitters down
    kets = np.flatnonzero(amplitudes[_ones(N)] != 0)
    down = _ones(N)[kets]
    roots = np.array([math.sqrt(math.comb(N, k)) for k in range(N + 1)])
    return _ket(amplitudes[down] / roots[down], kets, 2**N, [[2] * N, [1] * N])


def _unit(N: int, k: int) -> np.ndarray:
    """The amplitudes of |N/2, N/2-k> alone."""
    amplitudes = np.zeros(N + 1)
    amplitudes[k] = 1.0
    return amplitudes


def _ones(N: int) -> np.ndarray:
    """Number of ones in the binary form of 0 ... 2^N - 1: emitters in |g> of each product state."""
    return np.bitwise_count(np.arange(2**N))


def dicke_ket(N: int, j: float, m: float) -> Qobj:
    r"""Dicke ket :math:`|j,m\rangle`.

    Parameters
    ----------
    N : int
        Number of emitters.
    j, m : float
        Quantum numbers.

    Returns
    -------
    Qobj
        Ket with n_DS entries.

    Raises
    ------
    NoSuchKetError
        A KeyError and a ValueError, if the ket does not exist.

    Examples
    --------
    >>> dicke_ket(2, 1, 0).full().real.ravel()
    array([0., 1., 0., 0.])
    """
    return _ket([1.0], np.array([ket_index(N, finite(j, "j"), finite(m, "m"))]), num_dicke_states(N))


def excited_ket(N: int, basis: str = "dicke") -> Qobj:
    r"""All emitters excited, :math:`|N/2, N/2\rangle`.

    Parameters
    ----------
    N, basis
        As for `excited`.

    Returns
    -------
    Qobj
        Ket, sparse.

    Examples
    --------
    >>> from piqs import excited_ket
    >>> excited_ket(2).full().real.ravel()
    array([1., 0., 0., 0.])
    """
    N = number_of_emitters(N)
    return _symmetric_ket(N, _unit(N, 0), basis)


def ground_ket(N: int, basis: str = "dicke") -> Qobj:
    r"""All emitters in the ground state, :math:`|N/2, -N/2\rangle`.

    Parameters
    ----------
    N, basis
        As for `excited`.

    Returns
    -------
    Qobj
        Ket, sparse.

    Examples
    --------
    >>> from piqs import ground_ket
    >>> ground_ket(2).full().real.ravel()
    array([0., 0., 1., 0.])
    """
    N = number_of_emitters(N)
    return _symmetric_ket(N, _unit(N, N), basis)


def superradiant_ket(N: int, basis: str = "dicke") -> Qobj:
    r"""The ket :math:`|N/2, 0\rangle` (even N) or :math:`|N/2, 1/2\rangle`.

    Parameters
    ----------
    N, basis
        As for `excited`.

    Returns
    -------
    Qobj
        Ket, sparse.

    Examples
    --------
    >>> from piqs import superradiant_ket
    >>> superradiant_ket(2).full().real.ravel()
    array([0., 1., 0., 0.])
    """
    N = number_of_emitters(N)
    return _symmetric_ket(N, _unit(N, N // 2), basis)


def ghz_ket(N: int, basis: str = "dicke") -> Qobj:
    r"""The ket :math:`(|N/2,N/2\rangle + |N/2,-N/2\rangle)/\sqrt 2`.

    Parameters
    ----------
    N, basis
        As for `excited`.

    Returns
    -------
    Qobj
        Ket, sparse.

    Examples
    --------
    >>> from piqs import ghz_ket
    >>> ghz_ket(2).full().real.ravel().round(3)
    array([0.707, 0.   , 0.707, 0.   ])
    """
    N = number_of_emitters(N)
    amplitudes = np.zeros(N + 1)
    amplitudes[[0, N]] = np.sqrt(0.5)
    return _symmetric_ket(N, amplitudes, basis)


def _css_coefficients(x: Any, y: Any, coordinates: str) -> tuple[complex, complex]:
    if choice(coordinates, "coordinates", ("cartesian", "polar")) == "polar":
        theta, phi = finite(x, "x"), finite(y, "y")
        return complex(math.cos(theta / 2)), math.sin(theta / 2) * complex(math.cos(phi), math.sin(phi))
    a, b = complex(x), complex(y)
    norm = math.hypot(abs(a), abs(b))
    if not abs(norm - 1) < 1e-8:
        raise ValueError(
            f"x and y must satisfy |x|^2 + |y|^2 = 1, got {norm:.10g}^2; divide both by {norm:.10g}, or use "
            "coordinates='polar'"
        )
    return a / norm, b / norm


def _css_amplitudes(N: int, a: complex, b: complex) -> np.ndarray:
    r"""Amplitudes :math:`\sqrt{\binom{N}{k}} a^{N-k} b^k`, k = 0 ... N.

    Ratios of neighbours are multiplied outward from the largest amplitude, where nothing can overflow and
    the tails underflow to zero; the norm is then set to one. This keeps 13 digits at N = 10,000, which
    differences of log-gamma functions do not.
    """
    k = np.arange(N)
    root = np.sqrt((N - k) / (k + 1))
    peak = min(round(N * abs(b) ** 2), N)
    amplitudes = np.ones(N + 1, dtype=np.complex128)
    if peak < N:  # then a is not zero
        amplitudes[peak + 1 :] = np.cumprod(root[peak:] * (b / a))
    if peak > 0:  # then b is not zero
        amplitudes[:peak] = np.cumprod((a / b) / root[:peak][::-1])[::-1]
    phase = _phase(a) ** (N - peak) * _phase(b) ** peak
    return amplitudes * (phase / np.linalg.norm(amplitudes))


def _phase(z: complex) -> complex | float:
    """z/|z|, as a real number where z is one, so that its powers are exact signs; 1 for z = 0."""
    if z.imag == 0:
        return math.copysign(1.0, z.real)
    return z / abs(z)


def css_ket(
    N: int,
    x: Any = HALF,
    y: Any = HALF,
    basis: str = "dicke",
    coordinates: str = "cartesian",
) -> Qobj:
    r"""Coherent spin state :math:`(a|e\rangle + b|g\rangle)^{\otimes N}` as a ket.

    Parameters
    ----------
    N, x, y, basis, coordinates
        As for `css`.

    Returns
    -------
    Qobj
        Ket, sparse.

    Raises
    ------
    ValueError
        If :math:`|a|^2 + |b|^2 \ne 1`.
    Examples
    --------
    >>> from piqs import css_ket
    >>> css_ket(2).full().real.ravel().round(3)
    array([0.5  , 0.707, 0.5  , 0.   ])
    """
    N = number_of_emitters(N)
    a, b = _css_coefficients(x, y, coordinates)
    return _symmetric_ket(N, _css_amplitudes(N, a, b), basis)
