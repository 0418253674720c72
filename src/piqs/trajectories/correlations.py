"""Two-time correlations from trajectories, for problems whose density matrix does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import Qobj, QobjEvo
from scipy.sparse import csc_array, diags_array, hstack

from piqs import _checks
from piqs._checks import instance
from piqs._interrupts import bringing
from piqs.equations import read
from piqs.trajectories import engine
from piqs.trajectories.averages import Averages
from piqs.trajectories.initial import Mixture, read_state
from piqs.trajectories.options import read_ntraj, read_options
from piqs.trajectories.result import McResult
from piqs.trajectories.sampler import Keep, Seed
from piqs.trajectories.triangle import ket_state
from piqs.trajectories.unravelling import unravel
from piqs.trajectories.wave_function import WaveFunctions


@bringing()
def correlation_mc(
    H: Any,
    state: Any,
    t: float,
    taulist: Any,
    c_ops: Any,
    a_op: Qobj,
    b_op: Qobj,
    ntraj: int = 500,
    *,
    args: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    seeds: Any = None,
    client: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Two-time correlation :math:`\langle A(t+\tau) B(t)\rangle` averaged over trajectories.

    From every trajectory's ket :math:`\psi` at time t four are continued,

    .. math:: \phi_k = (1 + i^k B)\psi, \qquad
              \langle A(t+\tau)B(t)\rangle = \frac14\sum_{k=0}^{3} i^{-k}
              \langle\phi_k|\phi_k\rangle \langle A\rangle_{\phi_k}(\tau)

    with the same random numbers. Nothing larger than a ket is held; for small problems the regression theorem
    on the master equation is cheaper.

    Parameters
    ----------
    H, state, c_ops, ntraj, args, options, seeds, client
        As in `mcsolve`; each of the `ntraj` trajectories is continued four times.
    t : float
        Time of B, counted from 0, where `state` is given. Long enough, and this is the steady state.
    taulist : array_like
        Delays tau, not decreasing, from 0 on.
    a_op, b_op : Qobj
        A and B.

    Returns
    -------
    correlation : numpy.ndarray of complex
    error : numpy.ndarray of float
        Its standard error.

    Raises
    ------
    ValueError
        As `mcsolve`; a negative time.

    Examples
    --------
    >>> import numpy as np, qutip, piqs
    >>> sm = qutip.sigmam()
    >>> value, error = piqs.correlation_mc(
    ...     0 * sm, qutip.basis(2, 0), 0, [0, 1], [sm], sm.dag(), sm, ntraj=100
    ... )
    >>> bool(abs(value[1] - np.exp(-0.5)) < 4 * error[1] + 1e-7)
    True

    Notes
    -----
    K. Moelmer, Y. Castin, J. Dalibard, J. Opt. Soc. Am. B 10, 524 (1993), section 5.
    """
    settings = {**read_options(options), "keep_runs_results": True}
    number = read_ntraj(ntraj)
    delays = _checks.times(taulist, "taulist")
    if _checks.finite(t, "t") < 0 or delays[0] < 0:
        raise ValueError(f"t and taulist must not be negative, got t = {t!r} and taulist[0] = {delays[0]!r}")
    later = float(t) + delays
    equation = read(H, c_ops, args, np.append(0.0, later))
    system, rtol, bits = unravel(equation), settings["rtol"], settings["bitgenerator"]
    instance(a_op, (Qobj, QobjEvo), "a_op", "an operator (Qobj)")
    A = Averages(a_op, equation, later)
    B = _checks.matrix(equation.operator(b_op, "b_op", constant=True), "b_op")
    start = read_state(ket_state(equation.space, state), equation)
    before = engine.seed_source(seeds, number)(number)
    times = np.array([0.0, t])
    first = WaveFunctions(system, start, Averages(None, equation, times), times, rtol, Keep(False, 1, bits))
    kets = _run(first, before, settings, client).runs_final_states or []
    branches, weights = _branches(kets, B)
    # A seed of its own for every ket, the same one for its four branches.
    after = [Seed(s.entropy, spawn_key=(*s.spawn_key, 0)) for s in before for _ in range(4)]
    second = WaveFunctions(system, branches.one_each(), A, later, rtol, Keep(False, 0, bits))
    values = _run(second, after, settings, client).runs_expect[0]
    phases = np.array([1, -1j, -1, 1j]) / 4
    each = (weights[:, None] * values).reshape(number, 4, -1).swapaxes(1, 2) @ phases
    mean = each.mean(axis=0)
    if number == 1:
        return mean, np.full(delays.size, np.nan)
    return mean, np.sqrt((abs(each - mean) ** 2).sum(axis=0) / (number * (number - 1)))


def _run(sampler: WaveFunctions, seeds: list[Seed], settings: dict[str, Any], client: Any) -> McResult:
    e_ops = sampler.averages.e_ops
    channels = [str(k) for k in range(sampler.problem.channels)]
    result = McResult(sampler.times, e_ops, [False] * len(e_ops), channels, settings, sampler.blocks)
    engine.run(sampler, result, len(seeds), engine.seed_source(seeds, len(seeds)), None, None, client)
    return result


def _branches(kets: list[Qobj], B: Any) -> tuple[Mixture, np.ndarray]:
    """The normalised (1 + i^k B) psi, four for every ket, and their squared norms."""
    psi = csc_array(hstack([_checks.matrix(ket, "state") for ket in kets], format="csc"))
    four = csc_array(hstack([psi + 1j**k * (B @ psi) for k in range(4)], format="csc"))
    order = np.arange(4 * len(kets)).reshape(4, len(kets)).T.ravel()  # the four of a ket side by side
    four = four[:, order]
    weights = np.asarray(abs(four).power(2).sum(axis=0)).ravel()
    # A branch that vanishes has no weight: anything normalised may take its place.
    empty = weights < 1e-28
    scale = np.where(empty, 0.0, 1 / np.sqrt(np.where(empty, 1.0, weights)))
    unit = four @ diags_array(scale) + psi[:, np.repeat(np.arange(len(kets)), 4)] @ diags_array(1.0 * empty)
    return Mixture(csc_array(unit), weights=np.ones(weights.size)), np.where(empty, 0.0, weights)
