"""Numbers that characterise a state of an ensemble: squeezing, spin length, light emission."""

from __future__ import annotations

import numpy as np
from qutip import Qobj, expect

from piqs._checks import choice
from piqs.operators.spin import jspin
from piqs.spaces.dicke import num_tls

__all__ = ["light_emission", "spin_squeezing", "total_spin_length"]


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
    ValueError
        If `definition` is unknown, the state is not in the Dicke basis, or the mean spin vanishes for
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
    definition = choice(definition, "definition", ("wineland", "kitagawa-ueda"))
    N = num_tls(rho.shape[0])
    spin = jspin(N)
    mean = np.array([expect(component, rho) for component in spin]).real
    length = np.linalg.norm(mean)
    # Rounding leaves a mean spin of this order where there is none.
    if length < 1e-10 * N:
        if definition == "wineland":
            return float("inf")
        raise ValueError(
            "rho must have a nonzero mean spin <J> for the Kitagawa-Ueda parameter, whose minimum is over "
            "the directions perpendicular to it; got <J> = 0. Wineland's parameter is then infinite."
        )
    plane = [
        sum(c * component for c, component in zip(axis, spin, strict=True)) for axis in _perpendicular(mean)
    ]
    covariance = [[expect(a @ b + b @ a, rho).real / 2 for b in plane] for a in plane]
    smallest = max(np.linalg.eigvalsh(np.array(covariance))[0], 0.0)
    return float(N * smallest / length**2 if definition == "wineland" else 4 * smallest / N)


def _perpendicular(vector: np.ndarray) -> np.ndarray:
    """Return two orthonormal vectors perpendicular to a real 3-vector, as rows."""
    return np.linalg.svd(vector[np.newaxis])[2][1:]


def total_spin_length(rho: Qobj) -> float:
    r"""Length j of the total spin, defined by :math:`j(j+1) = \langle J^2\rangle`.

    It is N/2 for symmetric states and j for the Dicke state :math:`|j,m\rangle`.

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    float
        The length, between 0 and N/2.

    Raises
    ------
    ValueError
        If the state is not in the Dicke basis.

    Examples
    --------
    >>> import piqs
    >>> round(piqs.total_spin_length(piqs.dicke(6, 2, 1)), 12)
    2.0
    """
    squared = sum(expect(component @ component, rho).real for component in jspin(num_tls(rho.shape[0])))
    return float(np.sqrt(0.25 + squared) - 0.5)


def light_emission(rho: Qobj) -> float:
    r"""Superradiant light emission :math:`\langle J_+ J_-\rangle`, in units of the collective emission rate.

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    float
        Between 0 and N/2 (N/2 + 1), for even N the value of the superradiant state :math:`|N/2,0\rangle`.

    Raises
    ------
    ValueError
        If the state is not in the Dicke basis.

    Examples
    --------
    >>> import piqs
    >>> round(piqs.light_emission(piqs.superradiant(10)), 9)
    30.0
    """
    N = num_tls(rho.shape[0])
    return float(expect(jspin(N, "+") @ jspin(N, "-"), rho).real)
