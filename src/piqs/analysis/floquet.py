r"""Periodic drives: the state with the period of the drive, and quasi-energies where nothing is lost.

:math:`\rho(t) = \rho(t + T)` solves the master equation. Three routes lead to it: a frame in which nothing depends on time;
harmonic balance, :math:`\rho(t) = \sum_k \rho_k e^{ik\omega t}` with one sparse system for all :math:`\rho_k`; and the map of
one period, whose fixed point is found in a Krylov space (M. Grifoni and P. Haenggi, Phys. Rep. 304, 229 (1998)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import FloquetBasis

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis import harmonic_balance
from piqs.analysis.period_map import PeriodMap
from piqs.analysis.periodic_state import FloquetSteadyState, LaboratoryState, RotatingState
from piqs.analysis.rotating_frame import find_frame
from piqs.equations import MasterEquation, read
from piqs.errors import ConvergenceError
from piqs.liouville import AssembledGenerator, reduce

__all__ = ["floquet_basis", "floquet_steadystate"]

_METHODS = ("auto", "rotating frame", "harmonic balance", "map")
# Accuracy of QuTiP's propagator over a period, whose own default leaves 1e-6.
_TIGHT = {"rtol": 1e-11, "atol": 1e-13, "nsteps": 1_000_000}
# Where a coefficient is compared with itself a period later, in parts of the period.
_TRIED = (0.0, 0.2137, 0.5871, 0.9143)


@bringing()
def floquet_steadystate(
    H: Any,
    c_ops: Any = None,
    period: float | None = None,
    args: dict[str, Any] | None = None,
    method: str = "auto",
) -> FloquetSteadyState:
    r"""The state with the period of the drive that the system reaches from every initial state.

    .. math:: \dot\rho = \mathcal{L}(t)\rho, \qquad \mathcal{L}(t + T) = \mathcal{L}(t), \qquad \rho(t + T) = \rho(t)

    Parameters
    ----------
    H : model, MasterEquation, QobjEvo or list
        A model, or a Hamiltonian beside ``c_ops``, with coefficients of the period.
    c_ops : list of Qobj or QobjEvo, optional
        Collapse operators.
    period : float
        T, positive.
    args : dict, optional
        Arguments of the coefficient functions.
    method : {"auto", "rotating frame", "harmonic balance", "map"}
        "rotating frame": the steady state in a frame in which nothing depends on time (a drive
        :math:`e^{-i\omega t}J_+ + \mathrm{h.c.}` under emission and dephasing). "harmonic balance": one sparse system for the
        Fourier coefficients of the state. "map": the fixed point of the map of one period, the product of one exponential
        for each piece where coefficients are piecewise constant (kicks, square pulses). "auto" (default) takes a frame
        where there is one, balances harmonics where coefficients hold few of them and the system is small, and takes the
        map otherwise.

    Returns
    -------
    FloquetSteadyState
        ``stats`` says which route was taken, and the error estimate.

    Raises
    ------
    ValueError
        If the period is not positive, the problem does not have it, or there is no dissipation (see `floquet_basis` for
        quasi-energies).
    NotUniqueError
        (a SteadyStateError) if there are several periodic states.
    ConvergenceError
        If the route does not converge.

    Examples
    --------
    An atom in a rotating drive on resonance: in the frame of the drive nothing moves, and the excited population is 1/3.

    >>> import numpy as np
    >>> import qutip
    >>> from piqs import floquet_steadystate
    >>> sp, w = qutip.sigmap(), 3.0
    >>> drive = [sp, lambda t: 0.5 * np.exp(-1j * w * t)]
    >>> back = [sp.dag(), lambda t: 0.5 * np.exp(1j * w * t)]
    >>> H = [0.5 * w * qutip.sigmaz(), drive, back]
    >>> state = floquet_steadystate(H, [qutip.sigmam()], 2 * np.pi / w)
    >>> round(state.expect(qutip.sigmaz()), 9), state.stats["method"]
    (-0.333333333, 'rotating frame')
    """
    length = _period(period)
    _checks.choice(method, "method", _METHODS)
    equation = read(H, c_ops, args, np.array([0.0, length]))
    if not equation.channels and not equation.superoperator.terms:
        raise ValueError(
            "c_ops is empty: without dissipation no periodic state is reached; floquet_basis(H, period) gives quasi-energies "
            "and modes, as QuTiP's FloquetBasis"
        )
    generator = reduce(equation.lindbladian)
    _check_periodic(generator, length)
    if method in ("auto", "rotating frame"):
        frame = find_frame(equation, length)
        if frame is not None:
            return RotatingState(equation, frame, length)
        if method != "auto":
            raise ValueError(
                "method 'rotating frame' needs a frame, diagonal in the kets, in which H and the channels do not depend on "
                "time, and there is none; use 'auto'"
            )
    return _in_the_laboratory(equation, generator, length, method)


def _in_the_laboratory(
    equation: MasterEquation, generator: AssembledGenerator, period: float, method: str
) -> LaboratoryState:
    """By harmonic balance or by the map."""
    period_map = PeriodMap(generator, period)
    fourier = harmonic_balance.fourier_coefficients(generator, period)
    few, small = harmonic_balance.suits(generator, fourier)
    if method == "harmonic balance" and not few:
        most = harmonic_balance.MOST_OF_A_COEFFICIENT
        raise ValueError(
            f"method 'harmonic balance' needs coefficients of at most {most} harmonics; use 'map'"
        )
    if method == "harmonic balance" or (method == "auto" and few and small):
        guess = period_map.after(period_map.mixed, 3)
        found = harmonic_balance.balance(generator, fourier, period, guess)
        if found is not None:
            return LaboratoryState(equation, period_map, found[0], "harmonic balance", found[1])
        if method != "auto":
            raise ConvergenceError("the harmonics do not converge within memory; use method='map'")
    x = period_map.fixed_point()
    return LaboratoryState(equation, period_map, x, "map", {"applications": period_map.applications})


@bringing()
def floquet_basis(H: Any, period: float | None = None, args: dict[str, Any] | None = None) -> FloquetBasis:
    r"""Quasi-energies and Floquet modes of a system without losses, by QuTiP.

    .. math:: \psi_k(t) = e^{-i\epsilon_k t}\phi_k(t), \qquad \phi_k(t + T) = \phi_k(t)

    Parameters
    ----------
    H : model, MasterEquation, QobjEvo or list
        A model without channels, or a Hamiltonian with coefficients of the period.
    period : float
        T, positive.
    args : dict, optional
        Arguments of the coefficient functions.

    Returns
    -------
    qutip.FloquetBasis
        ``e_quasi`` holds the quasi-energies, from :math:`-\omega/2` to :math:`\omega/2`; ``mode(t)`` and ``state(t)`` the
        modes and states.

    Raises
    ------
    ValueError
        If the period is not positive, or there are channels (see `floquet_steadystate`).

    Examples
    --------
    A spin whose splitting is modulated keeps its mean one.

    >>> import numpy as np
    >>> from piqs import floquet_basis, jspin
    >>> jz = jspin(1, "z")
    >>> basis = floquet_basis([jz, [jz, lambda t: np.cos(4 * t)]], np.pi / 2)
    >>> basis.e_quasi.round(6).tolist()
    [-0.5, 0.5]
    """
    length = _period(period)
    equation = read(H, None, args, np.array([0.0, length]))
    if equation.channels or equation.superoperator.terms:
        raise ValueError(
            "H has channels: quasi-energies are those of a system without losses; use floquet_steadystate"
        )
    _check_periodic(reduce(equation.lindbladian), length)
    return FloquetBasis(equation.hamiltonian.qobj(equation.dims), length, options=_TIGHT)


def _period(period: float | None) -> float:
    length = 0.0 if period is None else _checks.finite(period, "period")
    if length <= 0.0:
        raise ValueError(f"period must be positive, got {period!r}")
    return length


def _check_periodic(generator: AssembledGenerator, period: float) -> None:
    for f in generator.coefficients:
        for part in _TRIED:
            t = part * period
            if f is not None and abs(f(t + period) - f(t)) > 1e-9 * (1.0 + abs(f(t))):
                raise ValueError(
                    f"period = {period:g} is not one of H and c_ops: a coefficient is {f(t):g} at {t:g} and "
                    f"{f(t + period):g} a period later"
                )
