"""`smesolve` and `ssesolve`: systems under continuous homodyne or heterodyne detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from piqs import _checks
from piqs._interrupts import bringing
from piqs.equations import MasterEquation, read
from piqs.trajectories import engine
from piqs.trajectories.averages import Averages
from piqs.trajectories.initial import read_state
from piqs.trajectories.monitored import Detected, Monitored
from piqs.trajectories.options import read_ntraj, read_stochastic_options, read_timeout
from piqs.trajectories.sampler import Keep
from piqs.trajectories.stochastic_result import StochasticResult
from piqs.trajectories.triangle import ket_state, operators
from piqs.trajectories.unravelling import unravel


@bringing(StochasticResult)
def smesolve(
    H: Any,
    rho0: Any,
    tlist: Any,
    c_ops: Any = (),
    sc_ops: Any = (),
    heterodyne: bool = False,
    e_ops: Any = None,
    *,
    args: dict[str, Any] | None = None,
    ntraj: int = 500,
    options: dict[str, Any] | None = None,
    seeds: Any = None,
    target_tol: Any = None,
    timeout: float | None = None,
    client: Any = None,
) -> StochasticResult:
    r"""Density matrices under continuous detection of some of their light.

    .. math:: d\rho = \mathcal{L}\rho\,dt + \sum_i \big(S_i\rho + \rho S_i^\dagger
              - \mathrm{tr}[(S_i + S_i^\dagger)\rho]\rho\big) dW_i

    with S_i the monitored operators (homodyne), or for each the two :math:`S_i/\sqrt2` and :math:`-iS_i/\sqrt2`
    (heterodyne). The density matrix lives on the elements that are reached; for larger systems see `ssesolve`.

    Parameters
    ----------
    H : model, MasterEquation, Qobj, QobjEvo or list
        As in `mcsolve`.
    rho0 : Qobj
        Initial ket or density matrix.
    tlist : array_like
        Output times; records are averaged between them.
    c_ops : list of Qobj
        Jumps that are not detected. Must stay empty with a model.
    sc_ops : list of Qobj, or dict of str to float
        Operators whose output is detected, constant in time; with a model the names of detected channels, or a
        dict with the efficiencies of their detectors, ``{"cavity.loss": 0.8}``. The rest of the noise is not detected.
    heterodyne : bool, default False
        Detect both quadratures of each.
    e_ops : Qobj, QobjEvo, callable f(t, state), or list or dict of these, optional
        What to average.
    args, ntraj, seeds, target_tol, timeout, client
        As in `mcsolve`.
    options : dict, optional
        ``dt``: the step (default: halved until single trajectories differ from those of twice the step by less
        than ``step_tol`` of the largest value, 0.2 by default; averages differ far less); ``store_measurement``:
        keep the records; ``keep_runs_results``, ``map``, ``num_cpus``, ``bitgenerator``, ``progress_bar``,
        ``progress_kwargs`` as in `mcsolve`. Steps are of weak order 2.

    Returns
    -------
    StochasticResult

    Raises
    ------
    ValueError, TypeError
        As `mcsolve`; nothing to detect.

    Examples
    --------
    >>> import numpy as np, qutip, piqs
    >>> jz = 0.5 * qutip.sigmaz()
    >>> start = (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()
    >>> result = piqs.smesolve(
    ...     0 * jz, start, [0, 4], [], [2 * jz], e_ops=[4 * jz * jz], ntraj=10, seeds=1
    ... )
    >>> result.expect[0].round(6).tolist()
    [1.0, 1.0]

    Notes
    -----
    H. M. Wiseman, G. J. Milburn, Quantum Measurement and Control (2010), chapter 4.
    """
    equation, detected = _detected(H, c_ops, sc_ops, args, tlist)
    state = ket_state(equation.space, rho0)
    if not isinstance(state, (list, tuple)):
        matrix = csr_array(equation.density_matrix(state, "rho0"))
    else:
        mixture = read_state(state, equation)
        matrix = csr_array((mixture.kets * mixture.weights) @ mixture.kets.conj().T)
    run = equation, detected, matrix, tlist, e_ops, ntraj, heterodyne, options
    return _run("smesolve", *run, seeds, target_tol, timeout, client)


@bringing(StochasticResult)
def ssesolve(
    H: Any,
    psi0: Any,
    tlist: Any,
    sc_ops: Any = (),
    heterodyne: bool = False,
    e_ops: Any = None,
    *,
    args: dict[str, Any] | None = None,
    ntraj: int = 500,
    options: dict[str, Any] | None = None,
    seeds: Any = None,
    target_tol: Any = None,
    timeout: float | None = None,
    client: Any = None,
) -> StochasticResult:
    r"""Kets under continuous detection of their light.

    .. math:: d\psi = \Big[-iH - \sum_i\Big(\tfrac12 S_i^\dagger S_i - \tfrac{x_i}{2}S_i + \tfrac{x_i^2}{8}\Big)\Big]\psi\,dt
              + \sum_i\Big(S_i - \tfrac{x_i}{2}\Big)\psi\,dW_i, \qquad x_i = \langle S_i + S_i^\dagger\rangle

    With ``heterodyne`` this is quantum state diffusion. Channels of a model that are not detected, and what inefficient
    detectors miss, act as jumps, whose records are in the result.

    Parameters
    ----------
    H : model, MasterEquation, Qobj, QobjEvo or list
        As in `mcsolve`.
    psi0 : Qobj
        Initial ket.
    tlist : array_like
        Output times; records are averaged between them.
    sc_ops : list of Qobj, or dict of str to float
        As in `smesolve`.
    heterodyne, e_ops, args, ntraj, options, seeds, target_tol, timeout, client
        As in `smesolve`; options also ``store_states``, ``store_final_state``, ``store_jumps``.

    Returns
    -------
    StochasticResult

    Raises
    ------
    ValueError, TypeError
        As `mcsolve`; nothing to detect.

    Examples
    --------
    Dispersive measurement of J_z squeezes 20 emitters (see the page on trajectories):

    >>> import piqs, qutip
    >>> ensemble = piqs.Dicke(20, collective_dephasing=1.0)
    >>> jz = piqs.jspin(20, "z")
    >>> variance = lambda t, psi: qutip.variance(jz, psi)
    >>> result = piqs.ssesolve(
    ...     ensemble, piqs.css_ket(20), [0, 0.05], {"collective_dephasing": 1.0},
    ...     e_ops=[variance], ntraj=20, seeds=1
    ... )
    >>> bool(abs(result.expect[0][-1] - 5 / (1 + 4 * 0.05 * 5)) < 0.1)
    True

    Notes
    -----
    H. M. Wiseman, G. J. Milburn, Quantum Measurement and Control (2010), chapter 4.
    """
    equation, detected = _detected(H, (), sc_ops, args, tlist)
    start = read_state(ket_state(equation.space, psi0), equation)
    if start.weights.size > 1:
        raise ValueError("psi0 must be one ket; for a mixture use smesolve")
    run = equation, detected, csr_array(start.kets), tlist, e_ops, ntraj, heterodyne, options
    return _run("ssesolve", *run, seeds, target_tol, timeout, client)


def _detected(
    H: Any, c_ops: Any, sc_ops: Any, args: dict[str, Any] | None, tlist: Any
) -> tuple[MasterEquation, Detected]:
    times = _checks.times(tlist)
    if isinstance(sc_ops, str):
        sc_ops = [sc_ops]
    if isinstance(sc_ops, (list, tuple)) and sc_ops and all(isinstance(name, str) for name in sc_ops):
        sc_ops = dict.fromkeys(sc_ops, 1.0)
    if isinstance(sc_ops, Mapping):
        equation = read(H, c_ops, args, times)
        efficiency = {name: _checks.finite(eta, f"sc_ops[{name!r}]") for name, eta in sc_ops.items()}
        for name, eta in efficiency.items():
            if not 0 <= eta <= 1:
                raise ValueError(
                    f"sc_ops[{name!r}] is an efficiency and must lie between 0 and 1, got {eta:g}"
                )
    else:
        silent, heard = (list(ops) if isinstance(ops, (list, tuple)) else [ops] for ops in (c_ops, sc_ops))
        equation = read(H, silent + heard, args, times)
        efficiency = {f"c_ops[{k}]": 1.0 for k in range(len(silent), len(silent) + len(heard))}
    unknown = set(efficiency) - {channel.name for channel in equation.channels}
    if unknown or not efficiency:
        names = [channel.name for channel in equation.channels]
        raise ValueError(
            f"sc_ops must name what is detected, among the channels {names}, or be operators; got {sc_ops!r}"
        )
    system = unravel(equation)
    detected = Detected(system, [], [], [])
    jumps = zip(system.jumps, system.strengths, system.owners, system.channels, strict=True)
    for jump, strength, owner, label in jumps:
        if strength is not None:
            raise ValueError(f"{owner} depends on time; detected systems need constant noise")
        eta = efficiency.get(owner, 0.0)
        if eta > 0:
            detected.monitored.append(csr_array(np.sqrt(eta) * jump))
        if eta < 1:
            detected.other.append(csr_array(np.sqrt(1 - eta) * jump))
            detected.labels.append(label)
    return equation, detected


def _run(
    solver: str,
    equation: MasterEquation,
    detected: Detected,
    start: csr_array,
    tlist: Any,
    e_ops: Any,
    ntraj: Any,
    heterodyne: bool,
    options: dict[str, Any] | None,
    seeds: Any,
    target_tol: Any,
    timeout: float | None,
    client: Any,
) -> StochasticResult:
    settings, times, number = read_stochastic_options(options), _checks.times(tlist), read_ntraj(ntraj)
    read_timeout(timeout)
    averages = Averages(operators(equation.space, e_ops), equation, times)
    states = settings["store_states"] or (settings["store_states"] is None and not averages.e_ops)
    keep = Keep(bool(settings["store_jumps"] is None or settings["store_jumps"]), 0, settings["bitgenerator"])
    if solver == "ssesolve" and (states or settings["store_final_state"]):
        keep = Keep(keep.record, times.size if states else 1, keep.bits)
    elif settings["store_states"] or settings["store_final_state"]:
        raise ValueError("smesolve keeps no states; ask for averages, or for functions f(t, state) in e_ops")
    sampler = Monitored(detected, start, averages, times, _checks.flag(heterodyne, "heterodyne"), keep)
    if keep.times:
        sampler.blocks.check_memory(keep.times, number, settings["keep_runs_results"])
    sampler.calibrate(settings["dt"], settings["step_tol"])
    blocks = None if sampler.mixed else sampler.blocks
    result = StochasticResult(
        times, averages.e_ops, averages.real, sampler.labels, settings, blocks, solver=solver
    )
    result.heterodyne = heterodyne
    result.stats.update({"method": "diffusion", "dt": sampler.dt, "step error": sampler.error})
    target = engine.tolerances(target_tol, len(result.e_ops))
    engine.run(sampler, result, number, engine.seed_source(seeds, number), target, timeout, client)
    return result
