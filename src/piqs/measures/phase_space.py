r"""Quasi-probability distributions of the collective spin on the sphere.

The ladder j contributes

.. math::

    f_j(\theta,\varphi) = \sqrt{\frac{4\pi}{2j+1}} \sum_{kq} c_k^{-s}\, \mathrm{Tr}(\rho_j T_{kq})\,
    Y^*_{kq}(\theta,\varphi), \qquad
    c_k = \langle jj;k0|jj\rangle = \frac{\sqrt{2j+1}\,(2j)!}{\sqrt{(2j-k)!\,(2j+k+1)!}}

with the polarisation operators :math:`T_{kq}`; s = 0 is the Wigner function, s = -1 the Husimi function, s = 1 the P function.
Each obeys :math:`\frac{2j+1}{4\pi}\int f_j\,\sin\theta\,d\theta\,d\varphi = \mathrm{Tr}\,\rho_j`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import Qobj
from scipy.special import entr

from piqs._checks import flag
from piqs._kernels.sphere import legendre_sums, multipoles
from piqs.measures.reading import DickeState, read

__all__ = ["spin_husimi", "spin_p", "spin_wigner", "wehrl_entropy"]

# Order s of the three distributions.
ORDERS = {"wigner": 0, "husimi": -1, "p": 1}
# The most that rounding may contribute to the P function, of its largest value.
_UNCERTAINTY = 1e-4


def spin_wigner(rho: Qobj, theta: Any, phi: Any, by_ladder: bool = False) -> Any:
    r"""Wigner function of the collective spin on the sphere.

    .. math::

        W(\theta,\varphi) = \sum_j W_j, \qquad
        W_j(\theta,\varphi) = \sqrt{\frac{4\pi}{2j+1}} \sum_{kq} \mathrm{Tr}(\rho_j T_{kq})\,Y^*_{kq}(\theta,\varphi)

    Each ladder is normalised such that :math:`\frac{2j+1}{4\pi}\int W_j\,d\Omega = \mathrm{Tr}\,\rho_j`. Spin up at j = 1/2
    has :math:`W = (1+\sqrt3)/2` at the north pole. ``qutip.spin_wigner`` has the same shape for a spin j, but another
    norm: it is smaller by :math:`\sqrt{(2j+1)/4\pi}`; in the Dicke basis it takes all kets for one spin and is wrong.

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.
    theta : float or array_like
        Polar angle from the z axis, 0 to pi.
    phi : float or array_like
        Azimuth from the x axis, -2 pi to 2 pi. Two lists span a grid, as in QuTiP; numbers and arrays of two or more
        dimensions are taken point by point.
    by_ladder : bool, default False
        Whether to return the ladders apart.

    Returns
    -------
    float, ndarray or dict
        For lists an array of shape (len(phi), len(theta)), that of ``np.meshgrid(theta, phi)``; else the common shape of
        the angles. With ``by_ladder`` such values for each j that is occupied.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or an angle is out of range.

    References
    ----------
    G. S. Agarwal, Phys. Rev. A 24, 2889 (1981); J. P. Dowling, G. S. Agarwal and W. P. Schleich, Phys. Rev. A 49, 4101
    (1994), Eq. (3).

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> bool(np.isclose(piqs.spin_wigner(piqs.excited(1), 0, 0), (1 + np.sqrt(3)) / 2))
    True
    """
    return _distribution(rho, "wigner", theta, phi, by_ladder)


def spin_husimi(rho: Qobj, theta: Any, phi: Any, by_ladder: bool = False) -> Any:
    r"""Husimi function of the collective spin: the overlap with coherent states.

    .. math:: Q(\theta,\varphi) = \sum_j \langle j;\theta,\varphi|\rho_j|j;\theta,\varphi\rangle

    Each ladder is normalised such that :math:`\frac{2j+1}{4\pi}\int Q_j\,d\Omega = \mathrm{Tr}\,\rho_j`.
    ``qutip.spin_q_function`` gives the same for a spin j; in the Dicke basis it takes all kets for one spin and is wrong.

    Parameters
    ----------
    rho, theta, phi, by_ladder
        As in `spin_wigner`.

    Returns
    -------
    float, ndarray or dict
        As `spin_wigner`. Not negative; 1 at most.

    Raises
    ------
    TypeError, ValueError
        As `spin_wigner`.

    References
    ----------
    F. T. Arecchi et al., Phys. Rev. A 6, 2211 (1972).

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> round(piqs.spin_husimi(piqs.excited(10), np.pi / 2, 0) * 2**10, 9)
    1.0
    """
    return _distribution(rho, "husimi", theta, phi, by_ladder)


def spin_p(rho: Qobj, theta: Any, phi: Any, by_ladder: bool = False) -> Any:
    r"""Glauber-Sudarshan P function of the collective spin, of multipoles to the rank 2j.

    .. math:: \rho_j = \frac{2j+1}{4\pi}\int P_j(\theta,\varphi)\,
              |j;\theta,\varphi\rangle\langle j;\theta,\varphi|\,d\Omega

    It magnifies the multipoles of high rank up to :math:`4^j` times, and with them the rounding of the state.
    It is refused where rounding could reach 1e-4 of its largest value.

    Parameters
    ----------
    rho, theta, phi, by_ladder
        As in `spin_wigner`.

    Returns
    -------
    float, ndarray or dict
        As `spin_wigner`.

    Raises
    ------
    TypeError, ValueError
        As `spin_wigner`, and if the numbers in `rho` are not exact enough, or j beyond 510.

    References
    ----------
    F. T. Arecchi et al., Phys. Rev. A 6, 2211 (1972); G. S. Agarwal, Phys. Rev. A 24, 2889 (1981).

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> round(piqs.spin_p(piqs.excited(10), 0, 0), 9)  # 2j + 1
    11.0
    """
    return _distribution(rho, "p", theta, phi, by_ladder)


def _distribution(rho: Qobj, kind: str, theta: Any, phi: Any, by_ladder: bool) -> Any:
    state, by_ladder = read(rho), flag(by_ladder, "by_ladder")
    polar, azimuth = _angles(theta, "theta", 0.0, np.pi), _angles(phi, "phi", -2 * np.pi, 2 * np.pi)
    if polar.ndim == 1 and azimuth.ndim == 1:
        polar, azimuth = np.meshgrid(polar, azimuth)
    try:
        polar, azimuth = np.broadcast_arrays(polar, azimuth)
    except ValueError:
        raise ValueError(
            f"theta and phi must have shapes that fit each other, got {polar.shape} and {azimuth.shape}"
        ) from None
    parts = harmonics(state, kind)
    if by_ladder:
        return {j: _values(F, polar, azimuth) for j, F in parts.items()}
    return _values(_summed(state.N, parts), polar, azimuth)


def _angles(value: Any, name: str, low: float, high: float) -> np.ndarray:
    """Angles as an array of floats in their range."""
    angles = np.asarray(value)
    if angles.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, in radians, got dtype {angles.dtype}")
    angles = angles.astype(float)
    # a grid up to pi may end on the next float
    outside = ~((angles >= low - 1e-12) & (angles <= high + 1e-12))
    if np.any(outside):
        raise ValueError(
            f"{name} must lie between {low:.6g} and {high:.6g} (radians), got {angles[outside].flat[0]:.6g}"
        )
    return np.clip(angles, low, high)


def harmonics(state: DickeState, kind: str) -> dict[float, np.ndarray]:
    r"""Coefficients of a distribution in :math:`P_{kq}(\theta)e^{-iq\varphi}`, q >= 0, for each occupied ladder.

    Parameters
    ----------
    state : DickeState
        The state.
    kind : {"wigner", "husimi", "p"}
        Which distribution.

    Returns
    -------
    dict of ndarray of complex128, shape (2j+1, 2j+1)
        By j; rows are q, columns k. Those of q > 0 count twice their real part.
    """
    parts = {}
    for ladder, block in state.blocks():
        j = float(state.spins[ladder])
        n = len(block)
        k = np.arange(n)
        with np.errstate(over="ignore"):
            ratio = (2 * j - k[1:] + 1) / (2 * j + k[1:] + 1)
            c = np.concatenate([[1.0], np.cumprod(np.sqrt(ratio))]) ** -float(ORDERS[kind])
        values, magnitudes = multipoles(np.ascontiguousarray(block, dtype=np.complex128))
        front = np.sqrt(4 * np.pi / n) * c
        parts[j] = front * values
        if kind == "p":
            _check_exact(parts[j], front * magnitudes, j)
    return parts


def _check_exact(coefficients: np.ndarray, magnitudes: np.ndarray, j: float) -> None:
    """Refuse a P function to which the rounding of the state could contribute visibly."""
    if not np.all(np.isfinite(coefficients)):
        raise ValueError(f"rho occupies j = {j:g}, where the P function leaves the range of floats (j > 510)")
    # magnitudes are those of the single terms: a sum that cancels down to rounding is unknown, a single term is exact
    cancelled = np.abs(coefficients) < 0.5 * magnitudes
    lost = np.linalg.norm(np.where(cancelled, np.finfo(float).eps * magnitudes, 0))
    if lost > _UNCERTAINTY * np.linalg.norm(coefficients):
        raise ValueError(
            f"rho is not exact enough for its P function on the ladder j = {j:g}: rounding of its elements could make "
            f"{lost / np.linalg.norm(coefficients):.1g} of it; `spin_husimi` and `spin_wigner` are smooth"
        )


def _summed(N: int, parts: dict[float, np.ndarray]) -> np.ndarray:
    """The coefficients of all ladders together."""
    size = max(len(F) for F in parts.values())
    total = np.zeros((size, size), dtype=np.complex128)
    for F in parts.values():
        total[: len(F), : len(F)] += F
    return total


def _values(coefficients: np.ndarray, theta: np.ndarray, phi: np.ndarray) -> Any:
    """The distribution at points; each different polar angle is computed once."""
    polar, which = np.unique(theta, return_inverse=True)
    azimuth, where = np.unique(phi, return_inverse=True)
    sums = legendre_sums(coefficients, np.cos(polar), _sine(polar))
    sums[1:] *= 2
    q = np.flatnonzero(np.any(sums != 0, axis=1))
    waves = np.exp(-1j * np.outer(q, azimuth))
    if polar.size * azimuth.size <= 4 * theta.size:
        values = (sums[q].T @ waves).real[which.ravel(), where.ravel()]
    else:
        values = np.zeros(theta.size)
        for row, wave in zip(sums[q], waves, strict=True):
            values += (row[which.ravel()] * wave[where.ravel()]).real
    return values.reshape(theta.shape) if theta.ndim else float(values[0])


def _sine(theta: np.ndarray) -> np.ndarray:
    """Sine with exact zeros at both poles."""
    return np.where((theta == 0) | (theta == np.pi), 0.0, np.sin(theta))


def wehrl_entropy(rho: Qobj) -> float:
    r"""Wehrl entropy of the collective spin: the entropy of its Husimi function.

    .. math:: S_W = -\sum_j \frac{2j+1}{4\pi} \int Q_j \ln\frac{Q_j}{d_N^j}\,d\Omega

    All copies of a ladder have the same Husimi function, :math:`Q_j/d_N^j`. It is never below the von Neumann entropy;
    coherent states have the least of all symmetric states, N/(N+1).

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis.

    References
    ----------
    A. Wehrl, Rep. Math. Phys. 16, 353 (1979); E. H. Lieb, Commun. Math. Phys. 62, 35 (1978).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.wehrl_entropy(piqs.css(10)), 9) == round(10 / 11, 9)
    True
    """
    state = read(rho)
    total = 0.0
    for j, F in harmonics(state, "husimi").items():
        # zeros of Q limit the order of the rule to four: those of small spins are wide, those of large ones many
        points = max(640 - 4 * len(F), 4 * len(F) + 64)
        nodes, weights = np.polynomial.legendre.leggauss(points)
        theta, phi = np.meshgrid(np.arccos(nodes), 2 * np.pi * np.arange(points) / points)
        # rounding leaves values below zero where the function vanishes
        Q = np.maximum(_values(F, theta, phi), 0)
        log = state.log_multiplicity[round(state.N / 2 - j)]
        total += (2 * j + 1) / 2 * float(np.mean(entr(Q) + Q * log, axis=0) @ weights)
    return total
