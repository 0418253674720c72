"""Degrees of coherence of the first and the second order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qutip import Qobj

from piqs._interrupts import bringing
from piqs.errors import NotExpressibleError
from piqs.solvers import handover
from piqs.solvers.two_times import TwoTimes, read_delays

__all__ = ["coherence_function_g1", "coherence_function_g2"]


@bringing()
def coherence_function_g1(
    H: Any,
    state0: Qobj | None,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    solver: str = "me",
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""First-order degree of coherence.

    .. math:: g^{(1)}(\tau) = \frac{\langle A^\dagger(\tau) A(0)\rangle}
              {\sqrt{\langle A^\dagger A\rangle(\tau)\, \langle A^\dagger A\rangle(0)}}

    Parameters
    ----------
    H, state0, taulist, c_ops, solver, args, options
        As in `correlation_2op_1t`.
    a_op : Qobj or QobjEvo
        A.

    Returns
    -------
    g1, G1 : ndarray of complex128, shape (T,)
        Normalised and not. (QuTiP 5.3 divides by :math:`\langle A^\dagger A\rangle(0)` at all delays, against its own
        formula; the two agree in a steady state.)

    Raises
    ------
    ValueError
        Where :math:`\langle A^\dagger A\rangle` vanishes, and as in `correlation_2op_1t`.

    Examples
    --------
    The light of a single decaying atom is coherent to first order.

    >>> import numpy as np
    >>> import qutip
    >>> from piqs import coherence_function_g1
    >>> sm = qutip.sigmam()
    >>> g1, G1 = coherence_function_g1(0 * sm, qutip.basis(2, 0), [0.0, 1.0], [sm], sm)
    >>> np.allclose(g1, 1, atol=1e-6), np.allclose(G1, np.exp([0, -0.5]), atol=1e-6)
    (True, True)
    """
    delays, first = read_delays(taulist)
    G1, n = _coherence(H, state0, delays, c_ops, a_op, 1, solver, args, options)
    return (G1 / np.sqrt(n * n[0]))[first:], G1[first:]


@bringing()
def coherence_function_g2(
    H: Any,
    state0: Qobj | None,
    taulist: Any,
    c_ops: Any,
    a_op: Any,
    solver: str = "me",
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Second-order degree of coherence.

    .. math:: g^{(2)}(\tau) = \frac{\langle A^\dagger(0) A^\dagger(\tau) A(\tau) A(0)\rangle}
              {\langle A^\dagger A\rangle(\tau)\, \langle A^\dagger A\rangle(0)}

    Parameters
    ----------
    H, state0, taulist, c_ops, solver, args, options
        As in `correlation_2op_1t`.
    a_op : Qobj or QobjEvo
        A.

    Returns
    -------
    g2, G2 : ndarray of complex128, shape (T,)
        Normalised and not.

    Raises
    ------
    ValueError
        Where :math:`\langle A^\dagger A\rangle` vanishes, and as in `correlation_2op_1t`.

    Examples
    --------
    N inverted atoms: g2(0) = 2 - 2/N for their collective emission.

    >>> from piqs import Dicke, coherence_function_g2, excited, jspin
    >>> N = 10
    >>> atoms = Dicke(N, collective_emission=1.0)
    >>> H, jumps = 0 * jspin(N, "z"), atoms.jump_operators()
    >>> g2, G2 = coherence_function_g2(H, excited(N), [0.0], jumps, jspin(N, "-"))
    >>> round(float(g2[0].real), 12)
    1.8
    """
    delays, first = read_delays(taulist)
    G2, n = _coherence(H, state0, delays, c_ops, a_op, 2, solver, args, options)
    return (G2 / (n * n[0]))[first:], G2[first:]


def _coherence(
    H: Any,
    state0: Qobj | None,
    delays: np.ndarray,
    c_ops: Any,
    a_op: Any,
    order: int,
    solver: str,
    args: dict[str, Any] | None,
    options: Mapping[str, Any] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The correlation function of this order, not normalised, and <A^+ A> at all delays."""
    a = a_op
    names = ("", "a_op", "a_op") if order == 1 else ("a_op", "a_op", "a_op")

    def operators() -> tuple[Any, Any, Any]:
        return (None, a.dag(), a) if order == 1 else (a.dag(), a.dag() * a, a)

    try:
        problem = TwoTimes(H, c_ops, solver, args, options, delays)
    except NotExpressibleError as reason:
        G = handover.correlation(
            reason, H, state0, delays[:1], delays, c_ops, operators(), args, options, np.inf
        )[0]
        n = handover.expectation(reason, H, state0, delays, c_ops, a.dag() * a, args, options)
    else:
        a = problem.equation.operator(a_op, "a_op")
        G = problem.rows(state0, delays[:1], delays, operators(), names)[0]
        n = problem.intensity(state0, delays, a)
    if np.any(n <= 0.0):
        raise ValueError(
            f"a_op: <A^+ A> = {n[n <= 0][0]:.3g} at delay {delays[n <= 0][0]:.6g}, so that the degree of coherence is not "
            "defined there; choose another state0, or end taulist before the emission does"
        )
    return G, n
