"""Two-time correlation functions, by quantum regression in the reduced space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qutip import Qobj, QobjEvo

from piqs._checks import choice, finite, flag
from piqs._checks import times as checked_times
from piqs._interrupts import bringing
from piqs.errors import NotExpressibleError
from piqs.solvers import handover
from piqs.solvers.two_times import TwoTimes, read_delays

__all__ = [
    "correlation_2op_1t",
    "correlation_2op_2t",
    "correlation_3op_1t",
    "correlation_3op_2t",
    "correlation_4op_1t",
    "correlation_4op_2t",
]


@bringing()
def correlation_2op_1t(
    H: Any,
    state0: Qobj | None,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    b_op: Any,
    solver: str = "me",
    reverse: bool = False,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    r"""Two-operator correlation function :math:`\langle A(\tau) B(0)\rangle`.

    .. math:: \langle A(\tau) B(0)\rangle = \mathrm{Tr}[A\, e^{\tau\mathcal{L}} (B\rho_0)]

    Parameters
    ----------
    H : model, MasterEquation, Qobj, QobjEvo or list
        A model; or a Hamiltonian or Liouvillian, in inverse time.
    state0 : Qobj or None
        Initial density matrix or ket; None for the steady state, which must be unique.
    taulist : array_like (T,)
        Delays, not decreasing and not negative.
    c_ops : list of Qobj or QobjEvo
        Collapse operators; empty or None where H is a model.
    a_op, b_op : Qobj or QobjEvo
        A and B.
    solver : {"me", "es"}, default "me"
        QuTiP's names; both lead to the reduced solver.
    reverse : bool, default False
        Compute :math:`\langle A(0) B(\tau)\rangle` instead.
    args : dict, optional
        Arguments of the coefficient functions.
    options : dict, optional
        As for `mesolve`.

    Returns
    -------
    ndarray of complex128, shape (T,)

    Raises
    ------
    TypeError, ValueError
        For delays that are unsorted, negative or NaN and for operators of other dims, naming them.
    SteadyStateError
        (a ValueError) if the steady state is asked for and not unique.

    Examples
    --------
    The field of one atom that decays from its excited state, :math:`e^{-\gamma\tau/2}`.

    >>> import numpy as np
    >>> import qutip
    >>> from piqs import correlation_2op_1t
    >>> sm, tau = qutip.sigmam(), np.array([0.0, 1.0, 2.0])
    >>> c = correlation_2op_1t(0 * sm, qutip.basis(2, 0), tau, [sm], sm.dag(), sm)
    >>> np.allclose(c, np.exp(-tau / 2), atol=1e-8)
    True
    """
    A, B, C = (a_op, b_op, None) if flag(reverse, "reverse") else (None, a_op, b_op)
    names = ("a_op", "b_op", "") if reverse else ("", "a_op", "b_op")
    return _one_time(H, state0, taulist, c_ops, (A, B, C), names, solver, args, options)


@bringing()
def correlation_2op_2t(
    H: Any,
    state0: Qobj | None,
    tlist: Any,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    b_op: Any,
    solver: str = "me",
    reverse: bool = False,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    max_t_plus_tau: float | None = None,
    map: str = "serial",
    map_kw: dict[str, Any] | None = None,
) -> np.ndarray:
    r"""Two-operator two-time correlation function :math:`\langle A(t+\tau) B(t)\rangle`.

    Parameters
    ----------
    H, state0, taulist, c_ops, a_op, b_op, solver, args, options
        As in `correlation_2op_1t`.
    tlist : array_like (T1,) or None
        Times t, not decreasing; ``state0`` holds at the first. None means [0].
    reverse : bool, default False
        Compute :math:`\langle A(t) B(t+\tau)\rangle` instead.
    max_t_plus_tau : float, optional
        Values at :math:`t + \tau` beyond it are not computed, and zero.
    map : {"serial", "parallel", "loky"}, default "serial"
        QuTiP's names; rows share the reduced generator and are computed in turn.
    map_kw : dict, optional
        Not needed.

    Returns
    -------
    ndarray of complex128, shape (T1, T)
        Rows belong to t, columns to tau.

    Raises
    ------
    TypeError, ValueError, SteadyStateError
        As in `correlation_2op_1t`.

    Examples
    --------
    The field of one atom that decays from its excited state, :math:`e^{-\gamma(t + \tau/2)}`.

    >>> import numpy as np
    >>> import qutip
    >>> from piqs import correlation_2op_2t
    >>> sm, t, tau = qutip.sigmam(), np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0])
    >>> c = correlation_2op_2t(0 * sm, qutip.basis(2, 0), t, tau, [sm], sm.dag(), sm)
    >>> np.allclose(c, np.exp(-t[:, None] - tau / 2), atol=1e-6)
    True
    """
    A, B, C = (a_op, b_op, None) if flag(reverse, "reverse") else (None, a_op, b_op)
    names = ("a_op", "b_op", "") if reverse else ("", "a_op", "b_op")
    choice(map, "map", ("serial", "parallel", "loky"))
    return _two_times(
        H, state0, tlist, taulist, c_ops, (A, B, C), names, solver, args, options, max_t_plus_tau
    )


@bringing()
def correlation_3op_1t(
    H: Any,
    state0: Qobj | None,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    b_op: Any,
    c_op: Any,
    solver: str = "me",
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    r"""Three-operator correlation function :math:`\langle A(0) B(\tau) C(0)\rangle`.

    Parameters
    ----------
    H, state0, taulist, c_ops, solver, args, options
        As in `correlation_2op_1t`.
    a_op, b_op, c_op : Qobj or QobjEvo
        A, B and C.

    Returns
    -------
    ndarray of complex128, shape (T,)

    Raises
    ------
    TypeError, ValueError, SteadyStateError
        As in `correlation_2op_1t`.

    Examples
    --------
    One atom cannot emit two photons at once.

    >>> import qutip
    >>> from piqs import correlation_3op_1t
    >>> sm = qutip.sigmam()
    >>> H, sp = 0.5 * qutip.sigmax(), sm.dag()
    >>> c = correlation_3op_1t(H, None, [0.0, 50.0], [sm], sp, sp * sm, sm)
    >>> bool(abs(c[0]) < 1e-12), round(float(c[1].real), 6)  # (1/3)^2
    (True, 0.111111)
    """
    names = ("a_op", "b_op", "c_op")
    return _one_time(H, state0, taulist, c_ops, (a_op, b_op, c_op), names, solver, args, options)


@bringing()
def correlation_3op_2t(
    H: Any,
    state0: Qobj | None,
    tlist: Any,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    b_op: Any,
    c_op: Any,
    solver: str = "me",
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    max_t_plus_tau: float | None = None,
    map: str = "serial",
    map_kw: dict[str, Any] | None = None,
) -> np.ndarray:
    r"""Three-operator two-time correlation function :math:`\langle A(t) B(t+\tau) C(t)\rangle`.

    Parameters
    ----------
    H, state0, tlist, taulist, c_ops, solver, args, options, max_t_plus_tau, map, map_kw
        As in `correlation_2op_2t`.
    a_op, b_op, c_op : Qobj or QobjEvo
        A, B and C.

    Returns
    -------
    ndarray of complex128, shape (T1, T)
        Rows belong to t, columns to tau.

    Raises
    ------
    TypeError, ValueError, SteadyStateError
        As in `correlation_2op_1t`.

    Examples
    --------
    One photon of a decaying atom is never followed by another.

    >>> import numpy as np
    >>> import qutip
    >>> from piqs import correlation_3op_2t
    >>> sm, t = qutip.sigmam(), np.array([0.0, 1.0])
    >>> up, sp = qutip.basis(2, 0), sm.dag()
    >>> c = correlation_3op_2t(0 * sm, up, t, t, [sm], sp, sp * sm, sm)
    >>> bool(np.abs(c).max() < 1e-12)
    True
    """
    names = ("a_op", "b_op", "c_op")
    choice(map, "map", ("serial", "parallel", "loky"))
    operators = (a_op, b_op, c_op)
    return _two_times(
        H, state0, tlist, taulist, c_ops, operators, names, solver, args, options, max_t_plus_tau
    )


def _product(b_op: Any, c_op: Any) -> Qobj | QobjEvo:
    """B C, of operators that fit each other."""
    dims = [getattr(op, "dims", None) for op in (b_op, c_op)]
    if not all(isinstance(op, (Qobj, QobjEvo)) for op in (b_op, c_op)) or dims[0] != dims[1]:
        raise TypeError(f"b_op and c_op must be operators (Qobj) of the same dims, got {b_op!r} and {c_op!r}")
    return b_op * c_op


@bringing()
def correlation_4op_1t(
    H: Any,
    state0: Qobj | None,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    b_op: Any,
    c_op: Any,
    d_op: Any,
    solver: str = "me",
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    r"""Four-operator correlation function :math:`\langle A(0) B(\tau) C(\tau) D(0)\rangle`, as QuTiP 4 had it.

    Parameters
    ----------
    H, state0, taulist, c_ops, solver, args, options
        As in `correlation_2op_1t`.
    a_op, b_op, c_op, d_op : Qobj or QobjEvo
        A, B, C and D.

    Returns
    -------
    ndarray of complex128, shape (T,)

    Raises
    ------
    TypeError, ValueError, SteadyStateError
        As in `correlation_2op_1t`.

    Examples
    --------
    >>> import qutip
    >>> from piqs import correlation_4op_1t
    >>> sm = qutip.sigmam()
    >>> H, sp = 0.5 * qutip.sigmax(), sm.dag()
    >>> c = correlation_4op_1t(H, None, [0.0, 50.0], [sm], sp, sp, sm, sm)
    >>> bool(abs(c[0]) < 1e-12), round(float(c[1].real), 6)  # (1/3)^2
    (True, 0.111111)
    """
    return correlation_3op_1t(
        H, state0, taulist, c_ops, a_op, _product(b_op, c_op), d_op, solver, args, options
    )


@bringing()
def correlation_4op_2t(
    H: Any,
    state0: Qobj | None,
    tlist: Any,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    b_op: Any,
    c_op: Any,
    d_op: Any,
    solver: str = "me",
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    r"""Four-operator correlation function :math:`\langle A(t) B(t+\tau) C(t+\tau) D(t)\rangle`, as QuTiP 4 had it.

    Parameters
    ----------
    H, state0, tlist, taulist, c_ops, solver, args, options
        As in `correlation_2op_2t`.
    a_op, b_op, c_op, d_op : Qobj or QobjEvo
        A, B, C and D.

    Returns
    -------
    ndarray of complex128, shape (T1, T)
        Rows belong to t, columns to tau.

    Raises
    ------
    TypeError, ValueError, SteadyStateError
        As in `correlation_2op_1t`.

    Examples
    --------
    >>> import qutip
    >>> from piqs import correlation_4op_2t
    >>> sm, up = qutip.sigmam(), qutip.basis(2, 0)
    >>> sp = sm.dag()
    >>> c = correlation_4op_2t(0 * sm, up, [0.0, 1.0], [0.0], [sm], sp, sm, sp, sm)
    >>> [round(float(x.real), 6) for x in c[:, 0]]  # the atom is excited until t
    [1.0, 0.367879]
    """
    return correlation_3op_2t(
        H, state0, tlist, taulist, c_ops, a_op, _product(b_op, c_op), d_op, solver, args, options
    )


def _one_time(
    H: Any,
    state0: Qobj | None,
    taulist: Any,
    c_ops: Any,
    operators: tuple[Any, Any, Any],
    names: tuple[str, str, str],
    solver: str,
    args: dict[str, Any] | None,
    options: Mapping[str, Any] | None,
) -> np.ndarray:
    """<A(0) B(tau) C(0)>."""
    return _two_times(H, state0, None, taulist, c_ops, operators, names, solver, args, options)[0]


def _two_times(
    H: Any,
    state0: Qobj | None,
    tlist: Any,
    taulist: Any,
    c_ops: Any,
    operators: tuple[Any, Any, Any],
    names: tuple[str, str, str],
    solver: str,
    args: dict[str, Any] | None,
    options: Mapping[str, Any] | None,
    max_t_plus_tau: float | None = None,
) -> np.ndarray:
    """<A(t) B(t+tau) C(t)>, by QuTiP where the equation is none of this package's."""
    delays, first = read_delays(taulist)
    starts = checked_times([0.0] if tlist is None else tlist, "tlist")
    unlimited = max_t_plus_tau is None or (isinstance(max_t_plus_tau, float) and max_t_plus_tau == np.inf)
    last = np.inf if unlimited else finite(max_t_plus_tau, "max_t_plus_tau")
    try:
        problem = TwoTimes(H, c_ops, solver, args, options, np.append(starts, starts[-1] + delays[-1]))
    except NotExpressibleError as reason:
        return handover.correlation(reason, H, state0, starts, delays, c_ops, operators, args, options, last)[
            :, first:
        ]
    return problem.rows(state0, starts, delays, operators, names, last)[:, first:]
