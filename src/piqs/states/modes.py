r"""States of a harmonic mode, alone or as a part of a composite: Wigner function and photon statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qutip import Qobj, wigner

from piqs import _checks
from piqs.errors import DimensionError

__all__ = ["PhotonStatistics", "mode_wigner", "photon_statistics"]


def mode_state(rho: Any, part: int | None = None, name: str = "rho") -> Qobj:
    """The density matrix of one tensor factor, all others traced out.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no ket or density matrix, or `part` no factor of it.
    """
    if not isinstance(rho, Qobj) or not (rho.isket or rho.isoper):
        kind = rho.type if isinstance(rho, Qobj) else type(rho).__name__
        raise TypeError(f"{name} must be a Qobj, a ket or density matrix, got {kind}")
    _checks.matrix(rho, name)
    sizes = rho.dims[0]
    if rho.isoper and rho.dims[0] != rho.dims[1]:
        raise DimensionError(f"{name} must be a density matrix, got an operator with dims {rho.dims}")
    if part is None and len(sizes) > 1:
        raise DimensionError(
            f"{name} is the state of {len(sizes)} parts with {sizes} kets; say which is the mode: part=0 to {len(sizes) - 1}"
        )
    part = 0 if part is None else part
    if not isinstance(part, (int, np.integer)) or part not in range(len(sizes)):
        raise ValueError(f"part must be a number from 0 to {len(sizes) - 1}, got {part!r}")
    state = (rho.proj() if rho.isket else rho) if len(sizes) == 1 else rho.ptrace(int(part))
    if abs(state.tr() - 1) > 1e-5 or abs((state - state.dag()).norm("max")) > 1e-8:
        raise ValueError(f"{name} must be Hermitian with trace 1, got trace {state.tr():.6g}")
    return state


def mode_wigner(rho: Qobj, x: Any, p: Any, part: int | None = None) -> np.ndarray:
    r"""Wigner function of a mode.

    .. math:: W(x, p) = \frac1\pi\int \langle x - y|\rho|x + y\rangle\,e^{2ipy}\,dy, \qquad
              x + ip \leftrightarrow \sqrt2\,a

    Its integral over x and p is one; the vacuum has 1/pi in the middle.

    Parameters
    ----------
    rho : Qobj
        Ket or density matrix of the mode, or of a composite that holds it.
    x, p : array_like
        Quadratures, :math:`x = (a + a^\dagger)/\sqrt2`, :math:`p = (a - a^\dagger)/i\sqrt2`.
    part : int, optional
        Which tensor factor is the mode; not needed where there is one only.

    Returns
    -------
    ndarray of float64, shape (len(p), len(x))
        As ``qutip.wigner``, which computes it.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state, `part` none of its factors, or x and p are no lists of finite numbers.

    References
    ----------
    E. Wigner, Phys. Rev. 40, 749 (1932).

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> from qutip import basis, tensor
    >>> W = piqs.mode_wigner(tensor(piqs.excited_ket(4), basis(5, 1)), [0.0], [0.0], part=1)
    >>> bool(np.isclose(W[0, 0], -1 / np.pi))  # one photon
    True
    """
    return wigner(mode_state(rho, part), _quadrature(x, "x"), _quadrature(p, "p"))


def _quadrature(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iuf" or not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be a list of finite real numbers, got {values!r}")
    return array.astype(float)


@dataclass(frozen=True)
class PhotonStatistics:
    r"""Photon statistics of a mode.

    Attributes
    ----------
    probabilities : ndarray
        :math:`p_n` of n = 0, 1, ... photons.
    mean, variance : float
        Of the photon number.
    mandel_q : float
        :math:`Q = (\mathrm{var}\,n - \langle n\rangle)/\langle n\rangle`: zero for a coherent state, -1 for a number state; NaN
        for the vacuum.
    g2 : float
        :math:`g^{(2)}(0) = \langle n(n-1)\rangle/\langle n\rangle^2`; NaN for the vacuum.
    """

    probabilities: np.ndarray
    mean: float
    variance: float
    mandel_q: float
    g2: float


def photon_statistics(rho: Qobj, part: int | None = None) -> PhotonStatistics:
    r"""Photon number distribution of a mode, with its mean, variance, Mandel's Q and g2(0).

    Parameters
    ----------
    rho : Qobj
        Ket or density matrix of the mode, or of a composite that holds it.
    part : int, optional
        Which tensor factor is the mode; not needed where there is one only.

    Returns
    -------
    PhotonStatistics

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state, or `part` none of its factors.

    References
    ----------
    L. Mandel and E. Wolf, Optical Coherence and Quantum Optics (1995), Secs. 12.10 and 14.7.

    Examples
    --------
    >>> import piqs
    >>> from qutip import basis
    >>> found = piqs.photon_statistics(basis(6, 2))
    >>> found.mean, found.mandel_q, found.g2
    (2.0, -1.0, 0.5)
    """
    probabilities = mode_state(rho, part).diag().real
    n = np.arange(probabilities.size)
    mean, square = float(n @ probabilities), float(n**2 @ probabilities)
    variance = square - mean**2
    if mean == 0:
        return PhotonStatistics(probabilities, mean, variance, np.nan, np.nan)
    return PhotonStatistics(
        probabilities, mean, variance, (variance - mean) / mean, (square - mean) / mean**2
    )
