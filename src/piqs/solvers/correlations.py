"""Two-time correlation functions and degrees of coherence, by quantum regression in the reduced space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo, qeye
from qutip.ui.progressbar import progress_bars

from piqs._checks import choice, finite, flag
from piqs._checks import matrix as matrix_of
from piqs._checks import times as checked_times
from piqs._interrupts import bringing
from piqs.equations import Observables, read
from piqs.errors import NotExpressibleError
from piqs.integrators.base import Problem
from piqs.integrators.choose import choose
from piqs.integrators.options import Options
from piqs.liouville import AssembledGenerator, reduce
from piqs.liouville.basis import coordinates
from piqs.solvers import handover
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.steady_state import find_steady_state
from piqs.solvers.time_evolution import evolve

__all__ = [
    "coherence_function_g1",
    "coherence_function_g2",
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
    >>> c = correlation_3op_1t(0.5 * qutip.sigmax(), None, [0.0, 50.0], [sm], sm.dag(), sm.dag() * sm, sm)
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
    >>> c = correlation_3op_2t(0 * sm, qutip.basis(2, 0), t, t, [sm], sm.dag(), sm.dag() * sm, sm)
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
    >>> c = correlation_4op_1t(0.5 * qutip.sigmax(), None, [0.0, 50.0], [sm], sm.dag(), sm.dag(), sm, sm)
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
    >>> c = correlation_4op_2t(0 * sm, up, [0.0, 1.0], [0.0], [sm], sm.dag(), sm, sm.dag(), sm)
    >>> [round(float(x.real), 6) for x in c[:, 0]]  # the atom is excited until t
    [1.0, 0.367879]
    """
    return correlation_3op_2t(
        H, state0, tlist, taulist, c_ops, a_op, _product(b_op, c_op), d_op, solver, args, options
    )


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
    delays, first = _delays(taulist)
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
    >>> g2, G2 = coherence_function_g2(0 * jspin(N, "z"), excited(N), [0.0], atoms.jump_operators(), jspin(N, "-"))
    >>> round(float(g2[0].real), 12)
    1.8
    """
    delays, first = _delays(taulist)
    G2, n = _coherence(H, state0, delays, c_ops, a_op, 2, solver, args, options)
    return (G2 / (n * n[0]))[first:], G2[first:]


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
    delays, first = _delays(taulist)
    starts = checked_times([0.0] if tlist is None else tlist, "tlist")
    unlimited = max_t_plus_tau is None or (isinstance(max_t_plus_tau, float) and max_t_plus_tau == np.inf)
    last = np.inf if unlimited else finite(max_t_plus_tau, "max_t_plus_tau")
    try:
        problem = _Regression(H, c_ops, solver, args, options, np.append(starts, starts[-1] + delays[-1]))
    except NotExpressibleError as reason:
        return handover.correlation(reason, H, state0, starts, delays, c_ops, operators, args, options, last)[
            :, first:
        ]
    return problem.rows(state0, starts, delays, operators, names, last)[:, first:]


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
        problem = _Regression(H, c_ops, solver, args, options, delays)
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


class _Regression:
    """One master equation, from whose states correlations are taken."""

    def __init__(
        self,
        H: Any,
        c_ops: Any,
        solver: str,
        args: dict[str, Any] | None,
        options: Mapping[str, Any] | None,
        times: np.ndarray,
    ) -> None:
        choice(solver, "solver", ("me", "es"))
        self.settings = Options.read(options)
        self.equation = read(H, c_ops, args, times)
        self._generators: dict[bytes, AssembledGenerator] = {}

    def rows(
        self,
        state0: Qobj | None,
        starts: np.ndarray,
        delays: np.ndarray,
        operators: tuple[Any, Any, Any],
        names: tuple[str, str, str],
        last: float = np.inf,
    ) -> np.ndarray:
        """<A(t) B(t+tau) C(t)>, one row for each t; None stands for the identity."""
        equation = self.equation
        A, B, C = (
            None if op is None else equation.operator(op, name)
            for op, name in zip(operators, names, strict=True)
        )
        observable = equation.observables({"B": qeye(equation.dims[0]) if B is None else B})
        read_keys = observable.keys()
        states = self.states(state0, starts)
        bar = progress_bars[self.settings.progress_bar](starts.size, **self.settings.progress_kwargs)
        out = np.zeros((starts.size, delays.size), dtype=complex)
        for row, t in enumerate(starts):
            matrix = states[row if len(states) > 1 else 0]
            matrix = matrix if C is None else _at(C, t) @ matrix
            matrix = matrix if A is None else matrix @ _at(A, t)
            times = t + delays[t + delays <= last]
            if times.size:
                out[row, : times.size] = self._row(matrix, times, observable, read_keys)
            bar.update()
        bar.finished()
        return out

    def _row(
        self, matrix: sp.csr_array, times: np.ndarray, observable: Observables, read_keys: np.ndarray
    ) -> np.ndarray:
        """Tr[B X(t + tau)] of one operator X."""
        total = np.zeros(times.size, dtype=complex)
        for factor, part in hermitian_parts(matrix):
            seeds = coordinates(part)[0]
            generator = self._generators.get(seeds.tobytes())
            if generator is None:
                generator = reduce(self.equation.lindbladian, seeds, read_keys)
                self._generators = {seeds.tobytes(): generator}
            if generator.n == 0:
                continue
            problem = Problem(
                generator,
                generator.pack(part),
                times,
                observable.matrix(generator),
                self.settings.rtol,
                self.settings.atol,
                self.settings.max_step,
            )
            evolution = choose(self.settings.integrator, problem).integrator
            evolution.solve()
            total += factor * observable.combine(times, evolution.values)["B"]
        return total

    def states(self, state0: Qobj | None, starts: np.ndarray) -> list[sp.csr_array]:
        """Density matrices at the times t; a single one where it stays the same."""
        if state0 is None:
            return [self.steady]
        rho = self.equation.density_matrix(state0, "state0")
        if starts.size == 1:
            return [rho]
        quiet = replace(self.settings, store_states=True, progress_bar="")
        result = evolve(self.equation, rho, starts, None, quiet)
        return [matrix_of(state, "state0") for state in result.states]

    @cached_property
    def steady(self) -> sp.csr_array:
        """The steady state, found once."""
        return matrix_of(find_steady_state(self.equation)[0], "the steady state")

    def intensity(self, state0: Qobj | None, delays: np.ndarray, a: Qobj | QobjEvo) -> np.ndarray:
        """<A^+ A> at all delays."""
        rho = self.states(state0, delays[:1])[0]
        quiet = replace(self.settings, store_states=False, progress_bar="")
        times = delays[:1] if state0 is None else delays
        n = np.real(evolve(self.equation, rho, times, [a.dag() * a], quiet).expect[0])
        return np.broadcast_to(n, delays.shape)


def _at(op: Qobj | QobjEvo, t: float) -> sp.csr_array:
    """The matrix of an operator at a time."""
    return matrix_of(op(t) if isinstance(op, QobjEvo) else op, "operator")


def _delays(taulist: Any) -> tuple[np.ndarray, int]:
    """Delays that start from zero, and the position of the first one asked for."""
    delays = checked_times(taulist, "taulist")
    if delays[0] < 0.0:
        raise ValueError(
            f"taulist must not be negative, got {delays[0]!r}; exchange the operators (reverse=True) instead"
        )
    return (delays, 0) if delays[0] == 0.0 else (np.concatenate([[0.0], delays]), 1)
