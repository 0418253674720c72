"""Spin squeezing: how narrow the collective spin is across its mean direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qutip import Qobj

from piqs._checks import choice
from piqs.measures.reading import DickeState, read

__all__ = ["Squeezing", "spin_squeezing", "squeezing_decibels", "squeezing_parameters"]

DEFINITIONS = ("wineland", "kitagawa-ueda")


@dataclass(frozen=True)
class Squeezing:
    r"""Spin squeezing of a state, with its directions.

    Attributes
    ----------
    wineland : float
        :math:`\xi_\mathrm{W}^2 = N \min_\perp\mathrm{var}(J_\perp)/|\langle\mathbf J\rangle|^2`; infinite without a mean spin.
    kitagawa_ueda : float
        :math:`\xi_\mathrm{KU}^2 = 4 \min_\perp\mathrm{var}(J_\perp)/N`; NaN without a mean spin, which leaves no direction to
        refer to.
    mean_spin : ndarray, shape (3,)
        :math:`\langle\mathbf J\rangle`.
    axis : ndarray, shape (3,)
        Unit vector of the smallest variance, perpendicular to the mean spin.
    angle : float
        Where it lies in that plane, in radians from 0 to pi: ``axis = cos(angle) n1 + sin(angle) n2`` with
        n1 = (-sin phi, cos phi, 0), n2 = (cos theta cos phi, cos theta sin phi, -sin theta), and theta, phi the direction of
        the mean spin.
    variance : float
        The smallest variance.
    """

    wineland: float
    kitagawa_ueda: float
    mean_spin: np.ndarray
    axis: np.ndarray
    angle: float
    variance: float


def squeezing_parameters(rho: Qobj) -> Squeezing:
    r"""Both squeezing parameters of a state, with the direction and angle of the smallest variance.

    .. math::

        \xi_\mathrm{W}^2 = \frac{N \min_\perp \mathrm{var}(J_\perp)}{|\langle\mathbf J\rangle|^2}, \qquad
        \xi_\mathrm{KU}^2 = \frac{4}{N} \min_\perp \mathrm{var}(J_\perp)

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    Squeezing

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis.

    References
    ----------
    J. Ma et al., Phys. Rep. 509, 89 (2011), Eqs. (48), (54) and (57).

    Examples
    --------
    >>> import piqs
    >>> found = piqs.squeezing_parameters(piqs.css(10))
    >>> round(found.wineland, 12), found.mean_spin.round(12).tolist()
    (1.0, [5.0, 0.0, 0.0])
    """
    return squeezing_of(read(rho))


def squeezing_of(state: DickeState) -> Squeezing:
    """The same of a state that was read."""
    N, mean = state.N, state.mean_spin
    length = float(np.linalg.norm(mean))
    # Rounding leaves a mean spin of this order where there is none.
    if length < 1e-10 * N:
        nowhere = np.full(3, np.nan)
        return Squeezing(np.inf, np.nan, mean, nowhere, np.nan, np.nan)
    plane = _plane(mean)
    values, vectors = np.linalg.eigh(plane @ state.covariance @ plane.T)
    cosine, sine = vectors[:, 0]
    angle = float(np.arctan2(sine, cosine) % np.pi)
    smallest = max(float(values[0]), 0.0)
    axis = np.array([np.cos(angle), np.sin(angle)]) @ plane
    return Squeezing(N * smallest / length**2, 4 * smallest / N, mean, axis, angle, smallest)


def _plane(mean: np.ndarray) -> np.ndarray:
    """The vectors n1 and n2 perpendicular to the mean spin, as rows."""
    theta, phi = np.arctan2(np.hypot(mean[0], mean[1]), mean[2]), np.arctan2(mean[1], mean[0])
    return np.array(
        [
            [-np.sin(phi), np.cos(phi), 0.0],
            [np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)],
        ]
    )


def spin_squeezing(rho: Qobj, definition: str = "wineland") -> float:
    r"""Spin squeezing parameter; below 1 the state is squeezed.

    .. math::

        \xi_\mathrm{W}^2 = \frac{N \min_\perp \mathrm{var}(J_\perp)}{|\langle\mathbf J\rangle|^2}, \qquad
        \xi_\mathrm{KU}^2 = \frac{4}{N} \min_\perp \mathrm{var}(J_\perp),

    where the minimum is over the directions perpendicular to the mean spin :math:`\langle\mathbf J\rangle`.
    Wineland's parameter is the gain in Ramsey spectroscopy over a coherent spin state; below 1 it proves
    entanglement.

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.
    definition : {"wineland", "kitagawa-ueda"}, default "wineland"
        Which of the two parameters.

    Returns
    -------
    float
        :math:`\xi^2`, infinite for Wineland's parameter if the mean spin vanishes.

    Raises
    ------
    TypeError, ValueError
        If `definition` is unknown, `rho` is no state of one ensemble in the Dicke basis, or the mean spin vanishes for
        Kitagawa and Ueda's parameter, which then has no direction to refer to.

    References
    ----------
    D. J. Wineland et al., Phys. Rev. A 50, 67 (1994); M. Kitagawa and M. Ueda, Phys. Rev. A 47, 5138 (1993).

    Examples
    --------
    >>> import piqs
    >>> float(round(piqs.spin_squeezing(piqs.css(10)), 12))
    1.0
    """
    definition = choice(definition, "definition", DEFINITIONS)
    found = squeezing_parameters(rho)
    if definition == "wineland":
        return found.wineland
    if np.isnan(found.kitagawa_ueda):
        raise ValueError(
            "rho must have a nonzero mean spin <J> for the Kitagawa-Ueda parameter, whose minimum is over "
            "the directions perpendicular to it; got <J> = 0. Wineland's parameter is then infinite."
        )
    return found.kitagawa_ueda


def squeezing_decibels(rho: Qobj, definition: str = "wineland") -> float:
    r"""Spin squeezing in decibels, :math:`10\log_{10}\xi^2`: negative if the state is squeezed.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    definition : {"wineland", "kitagawa-ueda"}, default "wineland"
        Which of the parameters of `spin_squeezing`.

    Returns
    -------
    float
        -10 for a tenth of the variance; minus infinity if there is none.

    Raises
    ------
    TypeError, ValueError
        As `spin_squeezing`.

    References
    ----------
    J. Ma et al., Phys. Rep. 509, 89 (2011), Sec. 3.

    Examples
    --------
    >>> import piqs
    >>> abs(round(piqs.squeezing_decibels(piqs.css(10)), 9))
    0.0
    """
    squared = spin_squeezing(rho, definition)
    return float(10 * np.log10(squared)) if squared > 0 else -np.inf
