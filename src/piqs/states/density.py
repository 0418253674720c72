r"""States of N emitters, as sparse density matrices and, where they are pure, as kets.

In the Dicke basis a permutation-invariant state has :math:`n_{DS}` rows; in the uncoupled basis, the tensor
product of the emitters with :math:`|e\rangle = (1, 0)`, it has :math:`2^N`.
"""

import math
import warnings
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_array

from piqs._checks import finite, fits_in_memory, matrix
from piqs.operators.spin import as_qobj
from piqs.spaces.dicke import block_offsets, ket_index, log_degeneracy, num_dicke_states, quantum_numbers
from piqs.states.kets import HALF, css_ket, dicke_ket, excited_ket, ghz_ket, ground_ket, superradiant_ket

__all__ = [
    "css",
    "dicke",
    "dicke_basis",
    "excited",
    "ghz",
    "ground",
    "superradiant",
    "thermal",
]


# Below this y component, for one emitter, the sign of phi changes nothing.
_SIGN_MATTERS = 1e-12


def _projector(ket: Qobj) -> Qobj:
    nonzero = matrix(ket, "state").nnz
    fits_in_memory(24 * nonzero**2, f"a density matrix with {nonzero} x {nonzero} entries", "N")
    return ket.proj().to("csr")


def dicke(N: int, j: float, m: float) -> Qobj:
    r"""Dicke state :math:`|j,m\rangle\langle j,m|`.

    For j < N/2 it is the equal mixture of the :math:`d_N^j` copies of the ket.

    Parameters
    ----------
    N : int
        Number of emitters.
    j, m : float
        Quantum numbers.

    Returns
    -------
    Qobj
        Density matrix, n_DS x n_DS.

    Raises
    ------
    NoSuchKetError
        A KeyError and a ValueError, if the ket does not exist.

    Examples
    --------
    >>> dicke(2, 0, 0).diag()
    array([0., 0., 0., 1.])
    """
    return _projector(dicke_ket(N, j, m))


def dicke_basis(N: int, jmm1: dict[tuple[float, float, float], complex]) -> Qobj:
    r"""Operator :math:`\sum p_{j,m,m_1} |j,m\rangle\langle j,m_1|` from its matrix elements.

    Parameters
    ----------
    N : int
        Number of emitters.
    jmm1 : dict
        ``{(j, m, m1): p}`` with real or complex p.

    Returns
    -------
    Qobj
        n_DS x n_DS. It is a density matrix only if the elements are those of one.

    Raises
    ------
    AttributeError
        If ``jmm1`` is not a dict.
    NoSuchKetError
        A KeyError and a ValueError, if an element does not exist.

    Examples
    --------
    >>> dicke_basis(2, {(1, 0, 0): 0.5, (0, 0, 0): 0.5}).diag()
    array([0. , 0.5, 0. , 0.5])
    """
    if not isinstance(jmm1, dict):
        raise AttributeError(
            f"jmm1 must be a dict {{(j, m, m1): p}}, got {type(jmm1).__name__}; the excited state, for one, "
            "is {(N/2, N/2, N/2): 1}"
        )
    nds = num_dicke_states(N)
    values = np.array(list(jmm1.values()), dtype=np.complex128)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"jmm1 must hold finite numbers, got {values[~np.isfinite(values)][0]}")
    rows = [ket_index(N, j, m) for j, m, _ in jmm1]
    columns = [ket_index(N, j, m1) for j, _, m1 in jmm1]
    return as_qobj(csr_array((values, (rows, columns)), shape=(nds, nds)))


def excited(N: int, basis: str = "dicke") -> Qobj:
    r"""All emitters excited, :math:`|N/2, N/2\rangle\langle N/2, N/2|`.

    Parameters
    ----------
    N : int
        Number of emitters.
    basis : {"dicke", "uncoupled"}, default "dicke"
        Basis of the n_DS Dicke kets, or of the 2^N product states.

    Returns
    -------
    Qobj
        Density matrix.

    Raises
    ------
    ValueError
        If N is not a whole number of at least 1 or ``basis`` is neither of the two.
    MemoryError
        If the uncoupled basis for this N cannot fit in memory.

    Examples
    --------
    >>> excited(2).diag()
    array([1., 0., 0., 0.])
    """
    return _projector(excited_ket(N, basis))


def ground(N: int, basis: str = "dicke") -> Qobj:
    r"""All emitters in the ground state, :math:`|N/2, -N/2\rangle\langle N/2, -N/2|`.

    Parameters
    ----------
    N, basis
        As for `excited`.

    Returns
    -------
    Qobj
        Density matrix.

    Examples
    --------
    >>> ground(2).diag()
    array([0., 0., 1., 0.])
    """
    return _projector(ground_ket(N, basis))


def superradiant(N: int, basis: str = "dicke") -> Qobj:
    r"""Superradiant state, :math:`|N/2, 0\rangle` for even N and :math:`|N/2, 1/2\rangle` for odd N.

    Parameters
    ----------
    N, basis
        As for `excited`.

    Returns
    -------
    Qobj
        Density matrix.

    Examples
    --------
    >>> superradiant(3).diag()
    array([0., 1., 0., 0., 0., 0.])
    """
    return _projector(superradiant_ket(N, basis))


def ghz(N: int, basis: str = "dicke") -> Qobj:
    r"""GHZ state, the projector on :math:`(|e\cdots e\rangle + |g\cdots g\rangle)/\sqrt 2`.

    Parameters
    ----------
    N, basis
        As for `excited`.

    Returns
    -------
    Qobj
        Density matrix.

    Examples
    --------
    >>> ghz(2).full().real
    array([[0.5, 0. , 0.5, 0. ],
           [0. , 0. , 0. , 0. ],
           [0.5, 0. , 0.5, 0. ],
           [0. , 0. , 0. , 0. ]])
    """
    return _projector(ghz_ket(N, basis))


def css(
    N: int,
    x: Any = HALF,
    y: Any = HALF,
    basis: str = "dicke",
    coordinates: str = "cartesian",
) -> Qobj:
    r"""Coherent spin state, the projector on :math:`\bigotimes_n (a|e\rangle_n + b|g\rangle_n)`.

    In the Dicke basis the ket is :math:`\sum_m \sqrt{\binom{N}{N/2+m}} a^{N/2+m} b^{N/2-m} |N/2,m\rangle`.

    Parameters
    ----------
    N : int
        Number of emitters.
    x, y : complex or float, default 1/sqrt(2)
        The coefficients a and b, or the angles :math:`\theta` and :math:`\phi` in radians.
    basis : {"dicke", "uncoupled"}, default "dicke"
        Basis of the state.
    coordinates : {"cartesian", "polar"}, default "cartesian"
        With "polar", :math:`a = \cos(\theta/2)` and :math:`b = e^{i\phi}\sin(\theta/2)`: the mean spin points
        along :math:`(\sin\theta\cos\phi, \sin\theta\sin\phi, \cos\theta)`.

    Returns
    -------
    Qobj
        Density matrix.

    Raises
    ------
    ValueError
        If :math:`|a|^2 + |b|^2 \ne 1`.

    Warns
    -----
    UserWarning
        For polar coordinates where the sign of :math:`\phi` matters, which is the other one in QuTiP.

    Examples
    --------
    >>> css(2).full().real.round(3)
    array([[0.25 , 0.354, 0.25 , 0.   ],
           [0.354, 0.5  , 0.354, 0.   ],
           [0.25 , 0.354, 0.25 , 0.   ],
           [0.   , 0.   , 0.   , 0.   ]])
    """
    ket = css_ket(N, x, y, basis, coordinates)
    if coordinates == "polar" and abs(np.sin(x) * np.sin(y)) > _SIGN_MATTERS:
        warnings.warn(
            f"css(..., phi = {y:.6g}, coordinates='polar') points to (sin theta cos phi, sin theta sin phi, cos theta); in "
            "qutip.piqs its y component has the other sign, so leave out a minus sign that made up for it",
            stacklevel=2,
        )
    return _projector(ket)


def thermal(N: int, n_th: float | None = None, *, w0: float = 1.0, temperature: float | None = None) -> Qobj:
    r"""Thermal state of :math:`H = \omega_0 J_z`, :math:`\rho_{jm} = d_N^j e^{-\omega_0 m/T} / Z`.

    :math:`Z = (2\cosh(\omega_0/2T))^N`, with :math:`\hbar = k_B = 1`. All ladders are filled, each with its
    degeneracy: the emitters are independent.

    Parameters
    ----------
    N : int
        Number of emitters.
    n_th : float, optional
        Mean occupation :math:`1/(e^{\omega_0/T} - 1)` of the bath at :math:`\omega_0`; infinity allowed.
    w0 : float, default 1
        Transition frequency, positive; used with ``temperature``.
    temperature : float, optional
        T, in the unit of ``w0``; infinity allowed. Give either ``n_th`` or ``temperature``.

    Returns
    -------
    Qobj
        Density matrix in the Dicke basis, diagonal.

    Raises
    ------
    ValueError
        If neither or both of ``n_th`` and ``temperature`` are given, or one is negative or NaN.

    Examples
    --------
    >>> thermal(1, n_th=0.5).diag()
    array([0.25, 0.75])
    """
    if (n_th is None) == (temperature is None):
        raise ValueError(f"give one of n_th and temperature, got n_th={n_th!r}, temperature={temperature!r}")
    ratio = _boltzmann_exponent(n_th, w0, temperature)
    if math.isinf(ratio):
        return ground(N)
    _, m = quantum_numbers(N)
    size = np.diff(block_offsets(N))
    log_d = np.repeat(log_degeneracy(N, (size - 1) / 2), size)
    populations = np.exp(log_d - ratio * (m + N / 2) - N * np.log1p(np.exp(-ratio)))
    ket = np.arange(m.size)
    return Qobj(
        csr_array((populations.astype(np.complex128), (ket, ket)), shape=(m.size, m.size)), dtype="csr"
    )


def _boltzmann_exponent(n_th: Any, w0: Any, temperature: Any) -> float:
    """The ratio w0/T from the mean occupation or from the temperature."""
    given, name = (n_th, "n_th") if temperature is None else (temperature, "temperature")
    value = math.inf if isinstance(given, float) and given == math.inf else finite(given, name)
    if value < 0:
        raise ValueError(f"{name} must be >= 0, got {given!r}")
    if finite(w0, "w0") <= 0:
        raise ValueError(f"w0 must be > 0, got {w0!r}")
    if value == 0:
        return math.inf
    return math.log1p(1 / value) if temperature is None else w0 / value
