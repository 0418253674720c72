"""`mcsolve`: quantum trajectories of any master equation, those of an ensemble on its Dicke triangle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from piqs import _checks
from piqs._interrupts import bringing
from piqs.equations import MasterEquation, read
from piqs.equations.coefficients import finite_value
from piqs.equations.observables import named
from piqs.errors import NotExpressibleError
from piqs.solvers import handover
from piqs.trajectories import engine
from piqs.trajectories.averages import Averages
from piqs.trajectories.factored import is_coherent, product_state
from piqs.trajectories.initial import read_state
from piqs.trajectories.jump_chain import TableChain
from piqs.trajectories.options import read_ntraj, read_options, read_timeout
from piqs.trajectories.result import McResult
from piqs.trajectories.sampler import Keep, Sampler
from piqs.trajectories.triangle import ket_state, noise_on_triangle, operators, triangle_problem
from piqs.trajectories.unravelling import unravel
from piqs.trajectories.wave_function import WaveFunctions
from piqs.trajectories.window_states import Ladders
from piqs.trajectories.windowed import WindowedKets


@bringing(McResult)
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
    H : model, MasterEquation, Qobj, QobjEvo or list
        A model (`Dicke`, `Composite`) or an equation brings its jumps. Otherwise the Hamiltonian (times hbar = 1),
        time-dependent as QobjEvo or ``[H0, [H1, f]]``.
    state : Qobj or list of (Qobj, weight)
        Initial ket, or density matrix or list of kets and weights. Their kets get trajectories by their weights
        where `ntraj` suffices for each to have one (as QuTiP does), and are drawn at random otherwise or with
        `target_tol` or `timeout`. For an ensemble also (j, m), or a list of ((j, m), weight). For a `Composite` whose
        operators are sums of products of named factors also a dictionary of product states by part,
        ``("dicke", j, m)`` or ``("css", theta, phi)`` of an ensemble (default: all in the ground state), ``("fock",
        n)`` or ``("coherent", alpha)`` of a mode (default: vacuum): trajectories then run on moving windows of
        the quantum numbers, no operator is built, Fock states are not cut off, and e_ops are such sums or
        ``"part.j"``. Kets that are kept have the Fock states of the model's modes, and a phase of their own.
    tlist : array_like
        Output times, not decreasing.
    c_ops : list of Qobj or QobjEvo
        Jumps, each constant or an operator times one function of time. Must stay empty with a model. If there are
        no jumps at all the kets follow the Schroedinger equation, one trajectory each.
    e_ops : Qobj, QobjEvo, callable f(t, state), or list or dict of these, optional
        What to average. For an ensemble also the names "j", "jz", "jz**2", "jpjm" (the collective intensity
        :math:`J_+J_-`); if it has no coherent part, functions are f(j, m) of arrays instead.
    ntraj : int, default 500
        Number of trajectories at most.
    args : dict, optional
        Arguments of time-dependent coefficients.
    options : dict, optional
        ``store_states`` (default: if there are no e_ops), ``store_final_state``, ``keep_runs_results`` as in
        QuTiP; ``store_jumps``: keep times and channels of all jumps (default: yes, but for a walk on (j, m));
        ``improved_sampling``: compute the trajectory without jumps and draw only others, as QuTiP; ``method``:
        "auto", "jump_chain" or "wave_function"; ``rtol``: error of a step, default 1e-9; ``map``: "parallel" or
        "serial"; ``num_cpus``: threads, default all; ``bitgenerator``: a name of numpy.random's; ``progress_bar``,
        ``progress_kwargs``: QuTiP's bars, default none; on windows ``cutoff``: the weight that a window may leave
        out at each end when it is moved, default 1e-12 (``stats["left out"]`` bounds the norm of all that was
        left out), and ``frame``: "fixed", "moving" to see modes from frames displaced to <a> and spins from frames
        turned to <J>, or "auto" (default): moving where all parts start in coherent states, unless states are kept or
        H_eff conserves a sum of quantum numbers (``stats["frame"]`` and ``stats["conserved"]`` say what was taken). QuTiP's
        options of integrators and of its search for jumps have no effect here, and a warning says so.
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
        H not Hermitian, ntraj < 1, a state that is not normalised or does not fit, unsorted times.
    TypeError
        Arguments of the wrong kind.
    MemoryError
        States are asked for that do not fit.
    TrajectoryError
        A function in e_ops raised, or a worker died; its ``result`` holds the trajectories before it.
    KeyboardInterrupt
        On Ctrl-C, within a second; its ``result`` holds the finished trajectories.

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
    read_timeout(timeout)
    sampler: Sampler
    if isinstance(state, Mapping):
        sampler, result = _on_windows(H, c_ops, state, times, e_ops, settings, number)
        return _run(sampler, result, number, seeds, target_tol, timeout, client, False)
    try:
        equation = read(H, c_ops, args, times)
        noise = noise_on_triangle(equation, state) if settings["method"] != "wave_function" else None
        if noise is not None:
            sampler, result = triangle_problem(equation, noise, state, times, e_ops, settings)
        else:
            allot = target_tol is None and timeout is None
            sampler, result = _problem(equation, state, times, e_ops, settings, number, allot)
    except NotExpressibleError as reason:
        return handover.mcsolve(
            reason, H, state, times, c_ops, e_ops, number, args, options, seeds, target_tol, timeout
        )
    computed = settings["improved_sampling"] or not result.channels
    return _run(
        sampler, result, number if result.channels else 0, seeds, target_tol, timeout, client, computed
    )


def _run(
    sampler: Sampler,
    result: McResult,
    number: int,
    seeds: Any,
    target_tol: Any,
    timeout: float | None,
    client: Any,
    computed: bool,
) -> McResult:
    target = engine.tolerances(target_tol, len(result.e_ops))
    engine.run(sampler, result, number, engine.seed_source(seeds, number), target, timeout, client, computed)
    return result


def _on_windows(
    H: Any,
    c_ops: Any,
    state: Mapping[str, Any],
    times: np.ndarray,
    e_ops: Any,
    settings: dict[str, Any],
    ntraj: int,
) -> tuple[WindowedKets, McResult]:
    """Sampler and empty result of a system in named factors."""
    if not hasattr(H, "factored"):
        raise TypeError(
            f"state is a dictionary of the states of parts, which needs a Composite as H, got {type(H).__name__}"
        )
    if c_ops:
        raise ValueError("c_ops must stay empty where H is a Composite; add noise with its add_channel")
    if settings["improved_sampling"]:
        raise ValueError('options["improved_sampling"] is not there for states on windows; leave it out')
    system = H.factored()
    named_ops = named(e_ops)
    keep = _kept(settings, bool(named_ops), times)
    ladders = None
    if keep.times:
        ladders = Ladders(H, system.parts)
        ladders.blocks.check_memory(keep.times, ntraj, settings["keep_runs_results"])
    sampler = WindowedKets(
        system.parts,
        system.hamiltonian,
        system.channels,
        lambda framed: product_state(state, system.parts, framed),
        named_ops,
        times,
        settings["rtol"],
        settings["cutoff"],
        settings["frame"],
        is_coherent(state, system.parts),
        keep,
        ladders,
    )
    real = [None if isinstance(op, str) else op.is_hermitian or None for op in named_ops.values()]
    blocks = None if ladders is None else ladders.blocks
    result = McResult(times, named_ops, real, sampler.labels, settings, blocks)
    result.space = None if ladders is None else H.space
    result.stats["method"] = "windows"
    result.stats["frame"], result.stats["conserved"] = sampler.frame, sampler.conserved
    return sampler, result


def _problem(
    equation: MasterEquation,
    state: Any,
    times: np.ndarray,
    e_ops: Any,
    settings: dict[str, Any],
    ntraj: int,
    allot: bool,
) -> tuple[Sampler, McResult]:
    start = read_state(ket_state(equation.space, state), equation)
    averages = Averages(operators(equation.space, e_ops), equation, times)
    system = unravel(equation)
    for _, f in system.driven:  # where H is diagonal, nothing else looks at it
        for t in times:
            finite_value(f, float(t))
    keep = _kept(settings, bool(averages.e_ops), times)
    if start.weights.size > 1 and (settings["improved_sampling"] or (allot and start.weights.size <= ntraj)):
        if start.weights.size > ntraj:
            raise ValueError(
                f"ntraj must be at least {start.weights.size}, one for each ket of the initial state, for "
                f'options["improved_sampling"], got {ntraj}'
            )
        start.allot(ntraj)
    chain = system.is_jump_chain() and start.is_of_basis_kets and not settings["improved_sampling"]
    if settings["method"] == "jump_chain" and not chain:
        raise ValueError(
            'options["method"] = "jump_chain" needs a diagonal H, jumps that take basis kets to basis kets, '
            'and basis kets to start from; this problem has coherence: use "wave_function" or "auto"'
        )
    sampler: TableChain | WaveFunctions
    if chain and settings["method"] != "wave_function":
        sampler = TableChain(system, start, averages, times, keep)
    else:
        sampler = WaveFunctions(system, start, averages, times, settings["rtol"], keep)
    if keep.times:
        sampler.blocks.check_memory(keep.times, ntraj, settings["keep_runs_results"])
    result = McResult(times, averages.e_ops, averages.real, system.channels, settings, sampler.blocks)
    result.space = equation.space
    result.stats["method"] = "jump_chain" if isinstance(sampler, TableChain) else "wave_function"
    if start.counts is not None:
        result.initial_states = start.as_qobj(equation.dims)
        result.ntraj_per_initial_state = start.counts.tolist()
    return sampler, result


def _kept(settings: dict[str, Any], averaged: bool, times: np.ndarray) -> Keep:
    states = settings["store_states"]
    if states or (states is None and not averaged):
        number = times.size
    else:
        number = 1 if settings["store_final_state"] else 0
    record = settings["store_jumps"] is None or bool(settings["store_jumps"])
    return Keep(record, number, settings["bitgenerator"])
