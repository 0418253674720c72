"""`nm_mcsolve`: trajectories of equations whose rates may be negative, weighted by a martingale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from qutip import Qobj, coefficient
from scipy.sparse import csc_array, csr_array, diags_array

from piqs import _checks
from piqs._interrupts import bringing, dense
from piqs.equations import Channel, MasterEquation, read
from piqs.equations.coefficients import finite_value
from piqs.trajectories import engine
from piqs.trajectories.averages import Averages
from piqs.trajectories.coefficients import piecewise
from piqs.trajectories.initial import Mixture, read_state
from piqs.trajectories.moments import Moments
from piqs.trajectories.options import read_ntraj, read_options, read_timeout
from piqs.trajectories.result import McResult
from piqs.trajectories.sampler import Batch, Keep, Seed
from piqs.trajectories.triangle import ket_state, operators
from piqs.trajectories.unravelling import Unravelling, cleaned
from piqs.trajectories.wave_function import WaveFunctions

# Above so many kets the square root of a matrix that is not diagonal is refused.
_LARGEST_ROOT = 2000


class NmmcResult(McResult):
    """Result of `nm_mcsolve`: that of `mcsolve`, with the weights of the trajectories, whose mean is 1.

    Attributes
    ----------
    average_trace, std_trace : numpy.ndarray
        Mean and standard deviation of the weights at `times`.
    runs_trace : list of numpy.ndarray
        Weights of every trajectory, with ``keep_runs_results``.
    """

    def __init__(self, times: np.ndarray, *arguments: Any, **keywords: Any) -> None:
        super().__init__(times, *arguments, **keywords)
        self._trace = Moments((times.size,))
        self.runs_trace: list[np.ndarray] = []

    def add(self, batch: Batch, seeds: list[Seed]) -> None:
        """Add trajectories."""
        super().add(batch, seeds)
        if batch.trace is not None:
            self._trace.add(batch.trace, np.ones(len(batch.trace)))
            if self.options["keep_runs_results"]:
                self.runs_trace += list(batch.trace)

    @property
    def average_trace(self) -> np.ndarray:
        """Mean weight: 1 within its error, or the average is not to be trusted."""
        return self._trace.mean.real

    @property
    def std_trace(self) -> np.ndarray:
        """Standard deviation of the weights."""
        return np.asarray(np.sqrt(self._trace.deviations / max(self._trace.weight, 1.0)))

    @property
    def trace(self) -> Any:
        """`runs_trace` if kept, otherwise `average_trace`."""
        return self.runs_trace or self.average_trace


class Martingale(WaveFunctions):
    """Trajectories under shifted rates r_i = gamma_i + s >= 0, each with the weight that undoes the shift.

    Between jumps the weight grows as exp(alpha int s dt), where sum_i L_i^+ L_i = alpha, and a jump through channel i
    multiplies it by gamma_i / r_i.
    """

    def __init__(
        self,
        system: Unravelling,
        rates: Sequence[Callable[[float], float]],
        shift: Callable[[float], float],
        alpha: float,
        start: Mixture,
        averages: Averages,
        times: np.ndarray,
        tolerance: float,
        keep: Keep,
    ) -> None:
        super().__init__(system, start, averages, times, tolerance, Keep(True, 0, keep.bits))
        self.kept, self.rates, self.shift = keep, rates, shift
        breaks, polynomials = piecewise([shift], times)
        half = np.diff(breaks) / 2
        powers = np.arange(polynomials.shape[2])
        # Of (t - middle)^p from start to end: 2 half^(p + 1) / (p + 1) for even p.
        pieces = (polynomials[:, 0].real * (2 * half[:, None] ** (powers + 1) / (powers + 1)))[:, ::2].sum(
            axis=1
        )
        grown = np.concatenate(([0.0], np.cumsum(pieces))) if breaks.size > 2 or half.any() else np.zeros(2)
        where = np.clip(np.searchsorted(breaks, times, side="right") - 1, 0, len(half) - 1)
        left, middle = breaks[where], breaks[where] + half[where]
        terms = polynomials[where, 0].real / (powers + 1)
        upper = (terms * (times - middle)[:, None] ** (powers + 1)).sum(axis=1)
        lower = (terms * (left - middle)[:, None] ** (powers + 1)).sum(axis=1)
        self.growth = np.exp(alpha * (grown[where] + upper - lower))

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """See `Sampler.sample`."""
        batch = super().sample(seeds, first, halt)
        trace = np.tile(self.growth, (len(batch.weights), 1))
        for k, (when, which) in enumerate(zip(batch.col_times or [], batch.col_which or [], strict=True)):
            for t, i in zip(when, which, strict=True):
                trace[k, self.times >= t] *= self._factor(int(i), float(t))
        batch.trace = trace
        batch.expect = batch.expect * trace[:, None, :]
        if not self.kept.record:
            batch.col_times = batch.col_which = None
        return batch

    def _factor(self, i: int, t: float) -> float:
        if i >= len(self.rates):  # the jump that only completes the others
            return 0.0
        gamma = self.rates[i](t)
        return gamma / (gamma + self.shift(t))


@bringing(NmmcResult)
def nm_mcsolve(
    H: Any,
    state: Any,
    tlist: Any,
    ops_and_rates: Any = (),
    e_ops: Any = None,
    ntraj: int = 500,
    *,
    args: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    seeds: Any = None,
    target_tol: Any = None,
    timeout: float | None = None,
    client: Any = None,
) -> NmmcResult:
    r"""Quantum trajectories of a time-local equation whose rates may be negative.

    .. math:: \dot\rho = -i[H,\rho] + \sum_i \gamma_i(t)\Big(L_i\rho L_i^\dagger - \tfrac12\{L_i^\dagger L_i, \rho\}\Big)

    Trajectories run under the rates :math:`\gamma_i + s`, with :math:`s = 2|\min_i(0, \gamma_i)|`, and one more jump
    that completes :math:`\sum_i L_i^\dagger L_i` to a multiple of 1. Each has a weight, a martingale of mean 1, that undoes
    the shift. The weights spread as :math:`\exp(\alpha\int s\,dt)`: long times at negative rates need many trajectories.

    Parameters
    ----------
    H, state, tlist, e_ops, ntraj, args, options, seeds, target_tol, timeout, client
        As in `mcsolve`; H may be a `MasterEquation` whose channels allow negative rates. No states are kept.
    ops_and_rates : list of (Qobj, rate)
        L_i and gamma_i: a number, a function of t, or what `qutip.coefficient` takes.

    Returns
    -------
    NmmcResult
        ``average_trace`` is 1 within its error.

    Raises
    ------
    ValueError, TypeError
        As `mcsolve`.

    Examples
    --------
    >>> import numpy as np, qutip, piqs
    >>> rate = lambda t: 0.5 * np.cos(4 * t)
    >>> up, sz = qutip.basis(2, 0), qutip.sigmaz()
    >>> result = piqs.nm_mcsolve(
    ...     0 * sz, up, [0, 1], [(qutip.sigmam(), rate)], [sz], ntraj=2000, seeds=1
    ... )
    >>> exact = 2 * np.exp(-0.125 * np.sin(4)) - 1
    >>> bool(abs(result.expect[0][-1] - exact) < 4 * result.sem_expect[0][-1])
    True

    Notes
    -----
    B. Donvil, P. Muratore-Ginanneschi, Nat. Commun. 13, 4140 (2022).
    """
    settings, times, number = read_options(options), _checks.times(tlist), read_ntraj(ntraj)
    read_timeout(timeout)
    for name in ("store_states", "store_final_state", "improved_sampling"):
        if settings[name]:
            raise ValueError(
                f'options["{name}"] is not there for weighted trajectories; ask for averages (e_ops)'
            )
    equation = _equation(H, ops_and_rates, args, times)
    system, rates, shift, alpha = _shifted(equation)
    start = read_state(ket_state(equation.space, state), equation)
    if 1 < start.weights.size <= number and target_tol is None and timeout is None:
        start.allot(number)
    averages = Averages(operators(equation.space, e_ops), equation, times)
    if not averages.e_ops:
        raise ValueError("e_ops must name what to average: weighted trajectories keep no states")
    keep = Keep(settings["store_jumps"] is None or bool(settings["store_jumps"]), 0, settings["bitgenerator"])
    sampler = Martingale(system, rates, shift, alpha, start, averages, times, settings["rtol"], keep)
    result = NmmcResult(times, averages.e_ops, averages.real, system.channels, settings, solver="nm_mcsolve")
    result.stats["method"] = "wave_function"
    target = engine.tolerances(target_tol, len(result.e_ops))
    engine.run(sampler, result, number, engine.seed_source(seeds, number), target, timeout, client)
    return result


def _equation(H: Any, ops_and_rates: Any, args: dict[str, Any] | None, times: np.ndarray) -> MasterEquation:
    if isinstance(H, MasterEquation) or hasattr(H, "equation"):
        return read(H, ops_and_rates, args, times)
    plain = read(H, (), args, times)
    channels = []
    for k, pair in enumerate(ops_and_rates):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], Qobj):
            raise TypeError(f"ops_and_rates[{k}] must be a pair (Qobj, rate), got {pair!r}")
        operator, rate = pair
        name = f"ops_and_rates[{k}]"
        equation_operator = plain.operator(operator, name, constant=True)
        if not np.isscalar(rate):
            rate = coefficient(rate, args=args or {}, tlist=times)
        channels.append(Channel(name, rate, equation_operator, allow_negative=True))
    return MasterEquation(plain.space, plain.hamiltonian, channels, args=args, tlist=times)


def _shifted(
    equation: MasterEquation,
) -> tuple[Unravelling, list[Callable[[float], float]], Callable[[float], float], float]:
    """Jumps under shifted rates, the rates as they are, the shift, and alpha."""
    size = equation.space.size
    constant = equation.hamiltonian.constant
    H = csr_array((size, size), dtype=complex) if constant is None else cleaned(constant)
    system = Unravelling(equation.space, H, list(equation.hamiltonian.parts))
    rates: list[Callable[[float], float]] = []
    total = csr_array((size, size), dtype=complex)
    for channel in equation.channels:
        for jump in channel.jumps:
            if jump.constant is None or jump.parts:
                raise ValueError(f"{channel.name} must be a constant operator; put time into its rate")
            rates.append(_real(channel))
            system.jumps.append(csc_array(jump.constant))
            system.channels.append(channel.name)
            total = total + jump.constant.conj().T @ jump.constant

    def shift(t: float) -> float:
        return 2 * abs(min(0.0, *(rate(t) for rate in rates)))

    def raised(rate: Callable[[float], float], t: float) -> float:
        return rate(t) + shift(t)

    system.strengths += [partial(raised, rate) for rate in rates]
    alpha, rest = _completed(total)
    if rest is not None:
        system.jumps.append(csc_array(rest))
        system.strengths.append(shift)
        system.channels.append("completion")
    return system, rates, shift, alpha


def _real(channel: Channel) -> Callable[[float], float]:
    rate = channel.rate
    if not callable(rate):
        return lambda t: float(rate)

    def value(t: float) -> float:
        z = finite_value(rate, t)
        if abs(z.imag) > 1e-12 * abs(z):
            raise ValueError(f"the rate of {channel.name!r} must be real, got {z} at t = {t:.6g}")
        return z.real

    return value


def _completed(total: csr_array) -> tuple[float, csr_array | None]:
    """The largest eigenvalue alpha of sum L^+ L, and the root of alpha - sum L^+ L (None where that is zero)."""
    diagonal = total.diagonal().real
    if abs(total - diags_array(total.diagonal())).max() <= 1e-12 * max(
        abs(diagonal).max(initial=0.0), 1e-300
    ):
        alpha = float(diagonal.max(initial=0.0))
        rest = np.sqrt(np.maximum(alpha - diagonal, 0.0))
        return alpha, csr_array(diags_array(rest, dtype=complex)) if rest.any() else None
    if total.shape[0] > _LARGEST_ROOT:
        raise ValueError(
            f"sum L^+ L is not diagonal, and its root on {total.shape[0]} kets is not taken; up to {_LARGEST_ROOT}, or use "
            "mesolve"
        )
    values, vectors = dense(np.linalg.eigh, total.toarray())
    root = np.sqrt(np.maximum(values[-1] - values, 0.0))
    return float(values[-1]), csr_array((vectors * root) @ vectors.conj().T)
