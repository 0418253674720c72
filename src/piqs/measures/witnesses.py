r"""Witnesses of entanglement from collective measurements: how many emitters are entangled, and by which inequality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from qutip import Qobj
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize_scalar

from piqs._checks import choice
from piqs.measures.metrology import optimal_axis
from piqs.measures.reading import DickeState, read
from piqs.measures.squeezing import squeezing_of

__all__ = ["SpinSqueezingInequality", "entanglement_depth", "spin_squeezing_inequalities"]


def entanglement_depth(rho: Qobj, witness: str = "qfi") -> int:
    r"""Smallest number of entangled emitters that explains a state: none with groups of fewer has these values.

    A state that is a mixture of products of groups of at most k emitters obeys

    .. math::

        \max_{\mathbf n} F_Q[\rho, \mathbf n\cdot\mathbf J] \le s k^2 + (N - sk)^2, \quad s = \lfloor N/k\rfloor, \qquad
        \min_\perp\mathrm{var}(J_\perp) \ge \frac N2\,
        \mathcal F_{k/2}\!\left(\frac{|\langle\mathbf J\rangle|}{N/2}\right).

    :math:`\mathcal F_J(x)` is the smallest variance of :math:`J_z`, over J, of a spin J with
    :math:`\langle J_x\rangle = xJ`. The depth is the smallest k whose bound holds.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    witness : {"qfi", "squeezing"}, default "qfi"
        The first or the second inequality.

    Returns
    -------
    int
        From 1 (the witness proves nothing) to N.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or `witness` unknown.

    References
    ----------
    P. Hyllus et al., Phys. Rev. A 85, 022321 (2012), Eq. (9); G. Toth, Phys. Rev. A 85, 022322 (2012);
    A. S. Sorensen and K. Molmer, Phys. Rev. Lett. 86, 4431 (2001), Eq. (4).

    Examples
    --------
    >>> import piqs
    >>> piqs.entanglement_depth(piqs.ghz(12)), piqs.entanglement_depth(piqs.css(12))
    (12, 1)
    """
    state = read(rho)
    N = state.N
    if choice(witness, "witness", ("qfi", "squeezing")) == "qfi":
        fisher = optimal_axis(rho)[1]
        return _smallest(N, lambda k: fisher <= _largest_fisher(N, k) * (1 + 1e-9))
    found = squeezing_of(state)
    if not np.isfinite(found.wineland):
        return 1
    polarisation = min(float(np.linalg.norm(found.mean_spin)) / (N / 2), 1.0)
    return _smallest(N, lambda k: found.variance >= N / 2 * smallest_variance(k / 2, polarisation) - 1e-9 * N)


def _smallest(N: int, holds: Callable[[int], bool]) -> int:
    """The smallest k from 1 to N for which a bound holds that becomes weaker with k; N if none does."""
    low, high = 1, N
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _largest_fisher(N: int, k: int) -> int:
    """Largest quantum Fisher information of groups of at most k emitters."""
    groups, rest = divmod(N, k)
    return groups * k**2 + rest**2


def smallest_variance(J: float, x: float) -> float:
    r"""Smallest variance of J_z over J of a spin J (of mixtures, too) with :math:`\langle J_x\rangle = xJ`.

    It is the Legendre transform of the lowest energy of :math:`(J_z-a)^2 - \mu J_x`. For whole J the best a is zero; for
    half-integer J it moves between 0 and 1/2.

    Parameters
    ----------
    J : float
        Spin length.
    x : float
        Polarisation, from 0 to 1.

    Returns
    -------
    float
        From 0 to 1/2.
    """
    if J == 0.5:
        return x**2 / 2  # var = (1 - <s_z>^2)/4, with <s_x>^2 + <s_z>^2 <= 1
    m = J - np.arange(round(2 * J) + 1)
    hop = np.sqrt((J - m[1:]) * (J + m[1:] + 1)) / 2

    def energy(a: float, mu: float) -> float:
        return float(
            eigh_tridiagonal((m - a) ** 2, -mu * hop, eigvals_only=True, select="i", select_range=(0, 0))[0]
        )

    def dual(log_mu: float) -> float:
        mu = float(np.exp(log_mu))
        lowest = energy(0.0, mu)
        if not J.is_integer():
            found = minimize_scalar(energy, bounds=(0, 0.5), args=(mu,), method="bounded")
            lowest = min(lowest, energy(0.5, mu), float(found.fun))
        return -(lowest + mu * x * J)

    # from a spin that is not polarised to one that is, up to 1e-5 of the variance; concave in mu, so one maximum
    found = minimize_scalar(dual, bounds=(-14.0, np.log(1e5 * J)), method="bounded", options={"xatol": 1e-8})
    return max(-float(found.fun) / J, 0.0)


@dataclass(frozen=True)
class SpinSqueezingInequality:
    """One inequality that every separable state obeys, with its values for a state.

    Attributes
    ----------
    name : str
        Which of them.
    formula : str
        The inequality.
    violation : float
        How far the state is beyond the bound, in units of the squared spin; not positive if it obeys.
    violated : bool
        Whether it proves entanglement.
    axis : ndarray, shape (3,), or None
        The direction m of the inequalities that single one out, where it is violated most.
    """

    name: str
    formula: str
    violation: float
    violated: bool
    axis: np.ndarray | None


def spin_squeezing_inequalities(rho: Qobj) -> dict[str, SpinSqueezingInequality]:
    r"""The complete set of generalised spin squeezing inequalities, and which of them a state violates.

    Every separable state obeys, for all perpendicular directions k, l, m,

    .. math::

        \text{length:}\quad & \langle J_x^2\rangle + \langle J_y^2\rangle + \langle J_z^2\rangle \le N(N+2)/4 \\
        \text{singlet:}\quad & \mathrm{var} J_x + \mathrm{var} J_y + \mathrm{var} J_z \ge N/2 \\
        \text{dicke:}\quad & \langle J_k^2\rangle + \langle J_l^2\rangle - N/2 \le (N-1)\,\mathrm{var} J_m \\
        \text{planar:}\quad & (N-1)(\mathrm{var} J_k + \mathrm{var} J_l) \ge \langle J_m^2\rangle + N(N-2)/4

    The violation of any of them proves entanglement; together they detect all that first and second moments can for large
    N. The best directions are found from the eigenvectors of :math:`(N-1)\gamma + C`, with the second moments C and the
    covariances :math:`\gamma`.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    dict of SpinSqueezingInequality
        By the names "length" (which no quantum state violates), "singlet", "dicke" and "planar".

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis.

    References
    ----------
    G. Toth, C. Knapp, O. Guehne and H. J. Briegel, Phys. Rev. Lett. 99, 250405 (2007), Eqs. (1) and (7).

    Examples
    --------
    >>> import piqs
    >>> found = piqs.spin_squeezing_inequalities(piqs.superradiant(6))
    >>> [name for name, inequality in found.items() if inequality.violated]
    ['dicke']
    """
    state = read(rho)
    return {inequality.name: inequality for inequality in _inequalities(state)}


def _inequalities(state: DickeState) -> list[SpinSqueezingInequality]:
    N, C, gamma = state.N, state.second_moments, state.covariance
    values, axes = np.linalg.eigh((N - 1) * gamma + C)
    found = [
        ("length", "<Jx^2> + <Jy^2> + <Jz^2> <= N(N+2)/4", np.trace(C) - N * (N + 2) / 4, None),
        ("singlet", "var Jx + var Jy + var Jz >= N/2", N / 2 - np.trace(gamma), None),
        ("dicke", "<Jk^2> + <Jl^2> - N/2 <= (N-1) var Jm", np.trace(C) - N / 2 - values[0], axes[:, 0]),
        (
            "planar",
            "(N-1)(var Jk + var Jl) >= <Jm^2> + N(N-2)/4",
            values[-1] + N * (N - 2) / 4 - (N - 1) * np.trace(gamma),
            axes[:, -1],
        ),
    ]
    # moments are sums of terms of the order of N^2, multiplied by N
    return [
        SpinSqueezingInequality(name, formula, float(value), bool(value > 1e-12 * N**3), axis)
        for name, formula, value, axis in found
    ]
