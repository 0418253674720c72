"""Time evolution of a master equation on the smallest real linear system that holds it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo

from piqs._checks import times as checked_times
from piqs._interrupts import bringing, interrupts
from piqs.equations import MasterEquation, read
from piqs.equations.coefficients import BecameComplexError
from piqs.equations.observables import named
from piqs.equations.operator import is_hermitian
from piqs.equations.states import is_positive
from piqs.errors import NotExpressibleError, TruncationWarning
from piqs.integrators.base import Integrator
from piqs.integrators.choose import generator_for
from piqs.integrators.options import Options
from piqs.solvers import handover, schroedinger
from piqs.solvers.integration import integrate
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.result import Result, qobj


@bringing(Result)
def mesolve(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    c_ops: Any = None,
    e_ops: Any = None,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Result:
    r"""Solve a Lindblad master equation for expectation values or states at given times.

    .. math:: \dot\rho = -i[H, \rho] + \sum_k \left(C_k\rho C_k^\dagger - \tfrac12\{C_k^\dagger C_k, \rho\}\right)

    The density matrix is written in real Hermitian basis elements, and only those are kept that the initial state reaches
    and, where only expectation values are asked for, that these depend on. Symmetries need not be declared.

    Parameters
    ----------
    H : model, MasterEquation, Qobj, QobjEvo or list
        A model such as `Dicke` or `Composite`; or a Hamiltonian, or a Liouvillian superoperator, in inverse time,
        time-dependent ones as QobjEvo or in QuTiP's list format.
    rho0 : Qobj
        Initial density matrix or ket. Any other operator of the space evolves too, such as the C rho A of quantum regression.
    tlist : array_like (T,)
        Output times, not decreasing; the first is the initial one.
    c_ops : Qobj, QobjEvo or list of them, optional
        Collapse operators, including the square root of their rates. None by default, and where H is a model, which
        brings its own.
    e_ops : Qobj, QobjEvo, callable, or list or dict of them, optional
        Observables; callables are called as f(t, rho). Without any, states are returned.
    args : dict, optional
        Arguments of the coefficient functions.
    options : dict, optional
        See :class:`piqs.integrators.options.Options`: rtol (1e-6), atol (1e-8), method ("auto"), store_states,
        store_final_state, progress_bar, ...

    Returns
    -------
    Result
        With the attributes of QuTiP's: times, expect, e_data, states, final_state, stats.

    Warns
    -----
    UnphysicalWarning
        Where the trace of rho0 is nearly one and it is no state, and where H is not Hermitian or no Liouvillian.

    Raises
    ------
    TypeError, ValueError, KeyError
        For input that is no master equation, state, observable, list of times or option, naming it.
    MemoryError
        Before allocating, where the reduced problem does not fit.
    KeyboardInterrupt
        On Ctrl-C, with the outputs finished so far in its attribute ``result``.

    Notes
    -----
    A ket that evolves under QuTiP's H without c_ops stays a ket, as in QuTiP.

    What is no linear equation with known operators is handed to QuTiP's own solvers, which ``stats["solver"]`` tells: functions
    that return operators, feedback, superoperators in place of rho0, spaces of
    restricted energy, H that is not Hermitian, and Liouvillians that lose trace.

    The methods are in :mod:`piqs.integrators.registry`. "auto" takes dense exponentials for small problems, uniformization
    where only populations move, else Faber polynomials, or a rational Krylov space where fewer operations are expected of
    it, and the explicit pair of order 8 for problems that depend on time, or Radau's method from where these turn out to be
    stiff; ``stats["considered"]`` says what each was expected to cost, or why it was not considered.

    Examples
    --------
    Two atoms that emit collectively, from the fully excited state: <J_z> = 2 (1 + t) exp(-2t) - 1.

    >>> import numpy as np
    >>> from piqs import Dicke, excited, jspin, mesolve
    >>> atoms = Dicke(2, collective_emission=1.0)
    >>> t = np.array([0.0, 0.5])
    >>> jz = jspin(2, "z")
    >>> result = mesolve(0 * jz, excited(2), t, atoms.jump_operators(), [jz])
    >>> closed = 2 * np.exp(-2 * t) * (1 + t) - 1
    >>> np.round(result.expect[0], 9).tolist() == np.round(closed, 9).tolist()
    True
    """
    start = time.perf_counter()
    times = checked_times(tlist, "tlist")
    try:
        equation = read(H, c_ops, args, times)
        if isinstance(rho0, Qobj) and rho0.issuper:
            raise NotExpressibleError("rho0 is a superoperator, and the result a dynamical map")
        matrix = equation.initial_operator(rho0)
    except NotExpressibleError as reason:
        return handover.mesolve(reason, H, rho0, times, c_ops, e_ops, args, options)
    settings = Options.read(options)
    if (
        rho0.isket
        and handover.is_qutip_problem(H)
        and not (equation.channels or equation.superoperator.terms)
    ):
        return schroedinger.evolve(equation, rho0, times, e_ops, settings, start)
    result = _evolve_any(equation, matrix, times, e_ops, settings, start, rho0.isket)
    warn_of_truncation(equation, result.stats.get("highest Fock populations", {}))
    return result


def _evolve_any(
    equation: MasterEquation,
    matrix: sp.csr_array,
    times: np.ndarray,
    e_ops: Any,
    settings: Options,
    start: float,
    from_ket: bool,
) -> Result:
    """Solve an equation from any operator: one that is not Hermitian is the sum A + i B of two that are."""
    if from_ket or is_hermitian(matrix):
        return evolve(equation, matrix, times, e_ops, settings, start, from_ket or is_positive(matrix))
    asked = named(e_ops)
    functions = {key: op for key, op in asked.items() if not isinstance(op, (Qobj, QobjEvo)) and callable(op)}
    observed = {key: op for key, op in asked.items() if key not in functions}
    want_states = settings.store_states or (settings.store_states is None and not asked)
    each = replace(settings, store_states=bool(want_states or functions))
    factors, parts = zip(*hermitian_parts(matrix), strict=True)
    solved = [evolve(equation, part, times, observed, each, start, is_state=False) for part in parts]
    options = {**asdict(settings), "store_states": want_states}
    result = Result(asked, options, solved[0].stats, solved[0].expand, equation.space)
    states = [_sum(factors, row) for row in zip(*(part.states for part in solved), strict=True)]
    values = {key: _sum(factors, [np.asarray(part.e_data[key]) for part in solved]) for key in observed}
    for key, function in functions.items():
        values[key] = np.array([function(float(t), state) for t, state in zip(times, states, strict=True)])
    result.fill(times, {key: values[key] for key in asked}, [], None)
    result.states = states if want_states else []
    if settings.store_final_state:
        result.final_state = _sum(factors, [part.final_state for part in solved])
    return result


def _sum(factors: Sequence[complex], values: Sequence[Any]) -> Any:
    """sum_k f_k v_k."""
    total = factors[0] * values[0]
    for f, value in zip(factors[1:], values[1:], strict=True):
        total = total + f * value
    return total


def evolve(
    equation: MasterEquation,
    rho: sp.csr_array,
    times: np.ndarray,
    e_ops: Any,
    settings: Options,
    start: float | None = None,
    is_state: bool = True,
) -> Result:
    """Solve an equation from a density matrix, or another Hermitian operator that is no state; see `mesolve`."""
    start = time.perf_counter() if start is None else start
    try:
        with interrupts():
            try:
                return _evolve(equation, rho, times, e_ops, settings, start, is_state)
            except BecameComplexError as found:
                complex_too = equation.with_complex_coefficients(found.time)
                return _evolve(complex_too, rho, times, e_ops, settings, start, is_state)
    except KeyboardInterrupt as interrupt:
        if not hasattr(interrupt, "result"):  # before the first output
            stats = {"end_condition": "interrupted"}
            nothing = Result(named(e_ops), asdict(settings), stats, Qobj, equation.space)
            interrupt.result = nothing  # type: ignore[attr-defined]
        raise


def _evolve(
    equation: MasterEquation,
    rho: sp.csr_array,
    times: np.ndarray,
    e_ops: Any,
    settings: Options,
    start: float,
    is_state: bool,
) -> Result:
    """Reduce, integrate and collect the result."""
    asked = named(e_ops)
    edges = {_Edge(name): projector for name, projector in equation.edges().items()}
    rows = equation.observables({**asked, **edges})
    want_states = settings.store_states or (settings.store_states is None and not asked)
    whole = want_states or settings.store_final_state or bool(rows.functions)

    generator = generator_for(settings.integrator, equation.lindbladian, rho, None if whole else rows.keys())
    stats: dict[str, Any] = {
        "solver": "Reduced master equation",
        "num_collapse": len(equation.channels),
        "unknowns": generator.n,
        "nonzeros": generator.nnz,
        "generator": generator.kind,
        "populations only": generator.populations.size == generator.n,
    }
    expand = partial(qobj, generator, dims=equation.dims)
    result = Result(asked, {**asdict(settings), "store_states": want_states}, stats, expand, equation.space)

    vectors: list[np.ndarray] = []
    from_functions: dict[Any, list[Any]] = {key: [] for key in rows.functions}

    def on_state(i: int, x: np.ndarray) -> None:
        if want_states:
            vectors.append(x.copy())
        for key, function in rows.functions.items():
            from_functions[key].append(function(float(times[i]), result.expand(x)))

    def collect(integrator: Integrator) -> None:
        done = integrator.done
        values = rows.combine(times[:done], integrator.values[:done])
        values.update({key: np.array(series[:done]) for key, series in from_functions.items()})
        if edges:
            highest = {edge.name: float(np.max(values[edge], initial=0.0)) for edge in edges}
            stats["highest Fock populations"] = highest
        final = integrator.x.copy() if settings.store_final_state else None
        result.fill(times[:done], {key: values[key] for key in asked}, vectors[:done], final)

    integrate(
        result,
        generator,
        generator.pack(rho),
        times,
        rows.matrix(generator),
        settings,
        on_state if want_states or rows.functions else None,
        start,
        collect,
        are_states=is_state and equation.is_lindblad,
    )
    return result


@dataclass(frozen=True)
class _Edge:
    """Key of an observable that watches a cut-off."""

    name: Any


def warn_of_truncation(equation: MasterEquation, populations: Mapping[Any, float]) -> None:
    """Warn where the highest Fock state of a mode is populated."""
    for name, population in populations.items():
        if population > equation.threshold:
            warnings.warn(
                f"the highest Fock state of mode {name} holds a population of {population:.2g}; raise n_fock "
                f"(now {equation.space.edges[name].levels}) until it is below {equation.threshold:g}",
                TruncationWarning,
                stacklevel=5,
            )
