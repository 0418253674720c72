"""`mcsolve`: quantum trajectories of any H and jumps, or of an ensemble on its Dicke triangle."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from qutip import Qobj
from qutip.ui.progressbar import progress_bars
from scipy.sparse import csr_array

from piqs import _checks
from piqs.trajectories import engine
from piqs.trajectories.initial import read_state
from piqs.trajectories.jump_chain import RATES, TableChain
from piqs.trajectories.observables import Observables, read_observables
from piqs.trajectories.result import McResult
from piqs.trajectories.sampler import Sampler
from piqs.trajectories.system import System, read_system
from piqs.trajectories.triangle import ket_state, on_triangle, operators, triangle_problem
from piqs.trajectories.wave_function import WaveFunctions

_METHODS = ("auto", "jump_chain", "wave_function")
_OPTIONS: dict[str, Any] = {
    "store_states": None,
    "store_final_state": False,
    "keep_runs_results": False,
    "store_jumps": None,
    "method": "auto",
    "rtol": 1e-9,
    "map": "parallel",
    "num_cpus": None,
    "progress_bar": "",
    "progress_kwargs": {},
}


def mcsolve(
    H: Any,
    state: Any,
    tlist: Any,
    c_ops: Any = (),
    e_ops: Any = None,
    ntraj: int = 500,
    *,
    args: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    seeds: Any = None,
    target_tol: Any = None,
    timeout: float | None = None,
    client: Any = None,
) -> McResult:
    r"""Quantum trajectories: the Lindblad equation unravelled into jumps and pure states between them.

    .. math:: \psi' = -i\Big(H - \frac{i}{2}\sum_i C_i^\dagger C_i\Big)\psi, \qquad
              \psi \to C_i\psi/|C_i\psi| \text{ at rate } |C_i\psi|^2

    Only the kets that a trajectory occupies are propagated: the connected component of H_eff, followed
    through each jump. Where H_eff is diagonal and jumps take basis kets to basis kets (found, not declared)
    the trajectory is a classical walk and simulated as one. Given a `Dicke` ensemble without coherent part in
    place of H, that walk runs on (j, m) without any matrix, for millions of emitters.

    Parameters
    ----------
    H : Qobj, QobjEvo, list or Dicke
        Hamiltonian (times hbar = 1); time-dependent as QobjEvo or ``[H0, [H1, f]]``. A `Dicke` brings its
        Hamiltonian and its jumps.
    state : Qobj or list of (Qobj, weight)
        Initial ket, or density matrix or list of kets and weights, from which every trajectory draws a ket.
        With a `Dicke`: also (j, m), or a list of ((j, m), weight).
    tlist : array_like
        Output times, not decreasing.
    c_ops : list of Qobj or QobjEvo
        Jumps, each constant or an operator times one function of time. Must stay empty with a `Dicke`.
    e_ops : Qobj, QobjEvo, callable f(t, state), or list or dict of these, optional
        What to average. With a `Dicke` also the names "j", "jz", "jz**2", "jpjm" (the collective intensity
        :math:`J_+J_-`); if it has no coherent part, functions are f(j, m) of arrays instead.
    ntraj : int, default 500
        Number of trajectories at most.
    args : dict, optional
        Arguments of time-dependent coefficients.
    options : dict, optional
        ``store_states`` (default: if there are no e_ops), ``store_final_state``, ``keep_runs_results`` as in
        QuTiP; ``store_jumps``: keep times and channels of all jumps (default: yes, but for a walk on (j, m));
        ``method``: "auto", "jump_chain" or "wave_function"; ``rtol``: error of a step, default 1e-9;
        ``map``: "parallel" or "serial"; ``num_cpus``: threads, default all; ``progress_bar``,
        ``progress_kwargs``: QuTiP's bars, default none.
    seeds : int, SeedSequence or list of these, optional
        The same seeds give the same trajectories, on any number of workers.
    target_tol : float, (atol, rtol) or list of pairs, optional
        Stop when the standard error of every average is below atol + rtol * abs(average). Warns if `ntraj` or
        `timeout` comes first.
    timeout : float, optional
        Seconds after which no further batch is added.
    client : dask.distributed.Client or str, optional
        Run on this Dask cluster, or on the one at this address.

    Returns
    -------
    McResult
        With QuTiP's attributes, and the standard errors ``sem_expect``.

    Raises
    ------
    ValueError
        No c_ops, H not Hermitian, ntraj < 1, a state that is not normalised or does not fit, unsorted times.
    TypeError
        Arguments of the wrong kind.
    TrajectoryError
        A function in e_ops raised, or a worker died; its ``result`` holds the trajectories before it.

    Examples
    --------
    A superradiant burst of 1,000 emitters:

    >>> import numpy as np, piqs
    >>> ensemble = piqs.Dicke(1000, collective_emission=1.0)
    >>> times = np.linspace(0, 0.03, 4)
    >>> result = piqs.mcsolve(ensemble, (500, 500), times, e_ops=["jz"], ntraj=50, seeds=1)
    >>> bool(result.expect[0][-1] < -490)
    True
    """
    settings = read_options(options)
    times = _checks.times(tlist)
    number = read_ntraj(ntraj)
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout must be a positive number of seconds, got {timeout!r}")
    sampler: Sampler
    if is_ensemble(H) and settings["method"] != "wave_function" and on_triangle(H, state):
        _check_no_c_ops(c_ops)
        sampler, result = triangle_problem(H, state, times, e_ops, settings)
    else:
        if is_ensemble(H):
            state, e_ops = ket_state(H.N, state), operators(H.N, e_ops)
        sampler, result = _problem(read_problem(H, c_ops, args, times), state, times, e_ops, settings)
    target = engine.tolerances(target_tol, len(result.e_ops))
    engine.run(sampler, result, number, engine.seed_source(seeds, number), target, timeout, client)
    return result


def read_options(options: dict[str, Any] | None) -> dict[str, Any]:
    given = dict(options or {})
    unknown = sorted(set(given) - set(_OPTIONS))
    if unknown:
        raise KeyError(
            f"options {unknown} are not options of this solver; it has {sorted(_OPTIONS)} "
            "(its steps and jump times have one tolerance, rtol)"
        )
    settings = {**_OPTIONS, **given}
    _checks.choice(settings["method"], "options['method']", _METHODS)
    _checks.choice(settings["map"], "options['map']", ("parallel", "serial"))
    _checks.choice(settings["progress_bar"], "options['progress_bar']", progress_bars)
    if not 0 < settings["rtol"] < 1:
        raise ValueError(f"options['rtol'] must be between 0 and 1, got {settings['rtol']!r}")
    cpus = settings["num_cpus"]
    if cpus is not None and (not isinstance(cpus, int) or cpus < 1):
        raise ValueError(f"options['num_cpus'] must be a positive integer, got {cpus!r}")
    return settings


def read_ntraj(ntraj: Any) -> int:
    try:
        number = index(ntraj)
    except TypeError:
        raise TypeError(f"ntraj must be an integer, got {ntraj!r}") from None
    if number < 1:
        raise ValueError(f"ntraj must be at least 1, got {ntraj!r}")
    return number


def is_ensemble(H: Any) -> bool:
    """True if H is no operator but an ensemble with rates, such as `piqs.Dicke`."""
    return all(hasattr(H, name) for name in ("N", "hamiltonian", "jump_operators", *RATES))


def _check_no_c_ops(c_ops: Any) -> None:
    if not isinstance(c_ops, (list, tuple)) or c_ops:
        raise ValueError(
            "c_ops must stay empty where H is an ensemble, which brings its own; to add jumps, pass "
            "its hamiltonian as H and its jump_operators() with yours as c_ops"
        )


def read_problem(H: Any, c_ops: Any, args: dict[str, Any] | None, times: np.ndarray) -> System:
    """The operators of the problem; those of an ensemble on the Dicke kets."""
    if not is_ensemble(H):
        return read_system(H, c_ops, args, times)
    _check_no_c_ops(c_ops)
    jumps = H.jump_operators()
    nothing = Qobj(csr_array(H.dshape, dtype=complex))
    return read_system(nothing if H.hamiltonian is None else H.hamiltonian, jumps, args, times)


def _problem(
    system: System, state: Any, times: np.ndarray, e_ops: Any, settings: dict[str, Any]
) -> tuple[Sampler, McResult]:
    start = read_state(state, system.dims)
    observables = read_observables(e_ops, system.dims)
    keep_states = settings["store_states"]
    if keep_states is None:
        keep_states = not observables.keys
    record = settings["store_jumps"] is None or bool(settings["store_jumps"])
    kept = (bool(keep_states), bool(settings["store_final_state"]), record)
    chain = settings["method"] != "wave_function" and system.is_jump_chain() and start.is_of_basis_kets
    if settings["method"] == "jump_chain" and not chain:
        raise ValueError(
            'options["method"] = "jump_chain" needs a diagonal H, jumps that take basis kets to basis kets, '
            'and basis kets to start from; this problem has coherence: use "wave_function" or "auto"'
        )
    sampler: Sampler
    if chain:
        sampler = TableChain(system, start, observables, times, *kept)
    else:
        sampler = WaveFunctions(system, start, observables, times, settings["rtol"], *kept)
    result = McResult(
        times,
        observables.keys,
        observables.e_ops,
        _real(observables),
        [f"c_ops[{k}]" for k in range(len(system.jumps))],
        system.dims,
        settings,
    )
    result.stats["method"] = "jump_chain" if chain else "wave_function"
    return sampler, result


def _real(observables: Observables) -> list[bool | None]:
    """Whether each average is real: that of a Hermitian operator is; of a function nothing is known (None)."""
    hermitian = {
        k: abs(m - m.conj().T).max() <= 1e-12 * abs(m).max() for k, m in observables.matrices.items()
    }
    return [bool(hermitian[k]) if k in hermitian else None for k in range(len(observables.keys))]
