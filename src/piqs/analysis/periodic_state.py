"""Periodic states: what is asked of them, in the laboratory and in a frame in which nothing depends on time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj
from scipy.integrate import simpson

from piqs import _checks
from piqs._interrupts import methods_bringing
from piqs.analysis.period_map import PeriodMap
from piqs.analysis.rotating_frame import RotatingFrame
from piqs.equations import MasterEquation
from piqs.errors import ConvergenceError, NotUniqueError
from piqs.integrators.base import Problem
from piqs.integrators.choose import choose
from piqs.liouville import reduce
from piqs.liouville.basis import coordinates
from piqs.solvers.correlations import correlation_2op_1t
from piqs.solvers.eigenmodes import slowest_eigenvalue
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.result import qobj
from piqs.solvers.spectra import spectrum
from piqs.solvers.steady_state import find_steady_state

__all__ = ["FloquetSteadyState", "LaboratoryState", "RotatingState"]

_RTOL, _ATOL = 1e-11, 1e-13
# Samples of a period for Fourier coefficients, at first and at most.
_SAMPLES, _MOST_SAMPLES = 64, 2**14
# Nodes in each piece between jumps of the coefficients, at first.
_FEWEST_NODES = 12
# A second multiplier this close to 1 is a second periodic state.
_SAME = 1e-9
# Change over a period, relative to the state, with which a state does not count as periodic.
_CHANGE = 1e-8


@methods_bringing
class FloquetSteadyState(ABC):
    """A periodic state; see `floquet_steadystate`.

    Attributes
    ----------
    equation : MasterEquation
        The problem.
    period : float
        T.
    method : str
        The route that was taken.
    stats : dict
        ``method``; ``unknowns``; harmonics or applications of the map; ``change`` of the state over one period; the second
        ``multiplier``, which is what remains of any other state after a period; ``error estimate``, as a trace norm.
    """

    def __init__(
        self, equation: MasterEquation, period_map: PeriodMap, method: str, stats: dict[str, Any]
    ) -> None:
        self.equation = equation
        self.period = period_map.period
        self.method = method
        self.stats: dict[str, Any] = {"method": method, "unknowns": period_map.generator.n, **stats}
        self._map = period_map

    @property
    def info(self) -> dict[str, Any]:
        """The same as ``stats``."""
        return self.stats

    def _only_one(self, second: complex) -> None:
        """Keep the second multiplier, which must not be 1."""
        self.stats.update(multiplier=second)
        if abs(second - 1.0) < _SAME:
            raise NotUniqueError("there are several periodic states; add the noise that connects them")

    def multipliers(self, k: int = 6) -> np.ndarray:
        """Floquet multipliers: eigenvalues of the map of one period, by descending magnitude; the first is 1.

        Parameters
        ----------
        k : int, default 6
            How many.

        Returns
        -------
        ndarray of complex128, shape (k,)

        Raises
        ------
        ValueError
            If k is out of range.
        ConvergenceError
            If the residual of one stays above 1e-8.
        """
        n = self._map.generator.n
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= n:
            raise ValueError(f"k must be a whole number from 1 to {n}, got {k!r}")
        return self._map.multipliers(int(k))

    @abstractmethod
    def state(self, t: float) -> Qobj:
        """The density matrix at time t."""

    def expect(self, op: Qobj, t: Any = None) -> Any:
        """Expectation value of an operator, averaged over a period, or at given times.

        Parameters
        ----------
        op : Qobj
            The operator.
        t : float or array_like (T,), optional
            Times, of any order; the average over a period by default.

        Returns
        -------
        float or complex, or ndarray of these
        """
        if t is None:
            mean = self.harmonics(op, 0)[0]
            return float(mean.real) if op.isherm else complex(mean)
        times = np.atleast_1d(_checks.finite_values(t, "t")) % self.period
        order = np.argsort(times, kind="stable")
        values = np.empty(times.size, dtype=complex)
        values[order] = self._values(op, times[order])
        result = values.real if op.isherm else values
        return result[0] if np.ndim(t) == 0 else result

    @abstractmethod
    def _values(self, op: Qobj, times: np.ndarray) -> np.ndarray:
        """Values at sorted times within the period."""

    @abstractmethod
    def harmonics(self, op: Qobj, k: int = 10) -> np.ndarray:
        r"""Fourier coefficients of an expectation value.

        .. math:: a_n = \frac1T\int_0^T \langle A\rangle(t)\, e^{-2\pi i n t/T} dt, \qquad n = 0 \ldots k

        Parameters
        ----------
        op : Qobj
            A.
        k : int, default 10
            The last harmonic.

        Returns
        -------
        ndarray of complex128, shape (k + 1,)

        Raises
        ------
        ConvergenceError
            If they do not converge with the number of samples.
        """

    @abstractmethod
    def correlation(self, a_op: Qobj, b_op: Qobj, taulist: Any, phases: int = 16) -> np.ndarray:
        r"""Two-time correlation, averaged over the phase of the drive.

        .. math:: \frac1T\int_0^T \langle A(t+\tau) B(t)\rangle dt

        Parameters
        ----------
        a_op, b_op : Qobj
            A and B.
        taulist : array_like (M,)
            Delays, not decreasing and not negative.
        phases : int, default 16
            Equally spaced t over which the average runs; exact, and without effect, in a rotating frame.

        Returns
        -------
        ndarray of complex128, shape (M,)
        """

    @abstractmethod
    def spectrum(self, wlist: Any, a_op: Qobj, b_op: Qobj, phases: int = 16) -> np.ndarray:
        r"""Incoherent spectrum of two operators, averaged over the phase of the drive.

        .. math:: S(\omega) = 2\,\mathrm{Re}\int_0^\infty \overline{\langle A(t+\tau)B(t)\rangle
                  - \langle A\rangle(t+\tau)\langle B\rangle(t)}\; e^{-i\omega\tau}d\tau

        Parameters
        ----------
        wlist : array_like (W,)
            Angular frequencies.
        a_op, b_op : Qobj
            A and B.
        phases : int, default 16
            As in `correlation`.

        Returns
        -------
        ndarray of float64, shape (W,)
            Without the elastic lines at multiples of the drive frequency. In a rotating frame by its resolvent; else the
            integral over the delay runs until all but 1e-8 has decayed, by Simpson's rule on a grid that resolves the
            frequencies.
        """

    def _observable(self, op: Qobj, name: str) -> sp.csr_array:
        return _checks.matrix(self.equation.operator(op, name, constant=True), name)

    def __repr__(self) -> str:
        return f"FloquetSteadyState(period {self.period:g}, {self.method}, {self._map.generator.n} unknowns)"


@methods_bringing
class LaboratoryState(FloquetSteadyState):
    """A periodic state from its vector at time zero.

    Parameters
    ----------
    equation : MasterEquation
        The problem.
    period_map : PeriodMap
        What happens in a period.
    x : float64 array (n,)
        The state at time zero.
    method : str
        The route by which it was found.
    stats : dict
        What was counted on the way.
    """

    def __init__(
        self,
        equation: MasterEquation,
        period_map: PeriodMap,
        x: np.ndarray,
        method: str,
        stats: dict[str, Any],
    ) -> None:
        super().__init__(equation, period_map, method, stats)
        self._x = x
        self._certify()

    def _certify(self) -> None:
        """The state must come back after a period, and be the only one that does."""
        generator, x = self._map.generator, self._x
        moved = self._map.after(x) - x
        change, rounding = float(np.linalg.norm(moved)), self._map.error
        self.stats.update(change=change)
        if not change <= _CHANGE * float(np.linalg.norm(x)):
            raise ConvergenceError(
                f"the periodic state changes by {change:.2g} over a period; use the other method"
            )
        populations = x[generator.populations]
        if populations.min() < -1e-8:
            raise NotUniqueError(
                f"the periodic state has a population of {populations.min():.2g}: there are several, and this is a mixture "
                "of them; add the noise that connects them"
            )
        if generator.n > 1:
            self._only_one(self._map.second_multiplier())
        # What changes in a period adds up until the other states have died out.
        lasting = 1.0 + 1.0 / max(1.0 - abs(self.stats.get("multiplier", 0.0)), 1e-300)
        self.stats["error estimate"] = (generator.trace_norm(moved) + rounding) * lasting

    def state(self, t: float) -> Qobj:
        """The density matrix at time t."""
        within = _checks.finite(t, "t") % self.period
        x = self._map.evolved(self._x, np.array([0.0, within]))[-1] if within else self._x
        return qobj(self._map.generator, x, self.equation.dims)

    def _values(self, op: Qobj, times: np.ndarray) -> np.ndarray:
        """Values at sorted times within the period."""
        real, imaginary = self._map.generator.functionals(self._observable(op, "op"))
        rows = sp.csr_array(np.array([real] if imaginary is None else [real, imaginary]))
        found = self._map.values(self._x, np.concatenate([[0.0], times]), rows)[1:]
        return found[:, 0] + (0.0 if imaginary is None else 1j * found[:, 1])

    def harmonics(self, op: Qobj, k: int = 10) -> np.ndarray:
        """See `FloquetSteadyState.harmonics`."""
        pieces = 1 if self._map.pieces is None else len(self._map.pieces)
        count = max(_SAMPLES // pieces, _FEWEST_NODES, 4 * (k + 1) // pieces)
        before = None
        while count * pieces <= _MOST_SAMPLES or before is None:
            times, weights = self._map.nodes(count)
            values = self._values(op, times)
            turns = np.exp(-2j * np.pi / self.period * np.outer(np.arange(k + 1), times))
            found = turns @ (weights * values)
            if before is not None and np.abs(found - before).max() <= 1e-10 * max(
                1.0, float(np.abs(values).max())
            ):
                return found
            before, count = found, 2 * count
        raise ConvergenceError(
            f"the harmonics of op do not converge with {_MOST_SAMPLES} samples of a period"
        )

    def correlation(self, a_op: Qobj, b_op: Qobj, taulist: Any, phases: int = 16) -> np.ndarray:
        """See `FloquetSteadyState.correlation`."""
        delays = _checks.times(taulist, "taulist")
        if delays[0] < 0.0:
            raise ValueError(f"taulist must not be negative, got {delays[0]!r}")
        A, B = self._observable(a_op, "a_op"), self._observable(b_op, "b_op")
        total = np.zeros(delays.size, dtype=complex)
        for t in np.arange(phases) * self.period / phases:
            total += self._regression(A, B, float(t), delays)
        return total / phases

    def spectrum(self, wlist: Any, a_op: Qobj, b_op: Qobj, phases: int = 16) -> np.ndarray:
        """See `FloquetSteadyState.spectrum`."""
        frequencies = _frequencies(wlist)
        decay = -np.log(max(abs(self.stats.get("multiplier", 0.0)), 1e-8)) / self.period
        end = np.log(1e8) / decay
        fastest = max(
            float(np.abs(frequencies).max()), 2.0 * np.pi / self.period
        ) + self._map.generator.largest_rate(np.linspace(0.0, self.period, 17))
        count = 2 * int(np.ceil(end * fastest / 0.2)) + 1
        tau = np.linspace(0.0, end, count)
        connected = self.correlation(a_op, b_op, tau, phases) - self._disconnected(a_op, b_op, tau, phases)
        return np.array([2.0 * simpson(connected * np.exp(-1j * w * tau), x=tau).real for w in frequencies])

    def _disconnected(self, a_op: Qobj, b_op: Qobj, tau: np.ndarray, phases: int) -> np.ndarray:
        """<A>(t + tau) <B>(t), averaged over the same phases."""
        starts = np.arange(phases) * self.period / phases
        a, b = self._values(a_op, starts), self._values(b_op, starts)
        # A trigonometric sum through the phases gives <A> at all times.
        harmonic = np.fft.fftfreq(phases, 1.0 / phases)
        coefficients = np.fft.fft(a) / phases * np.fft.ifft(b)
        return np.exp(2j * np.pi * np.outer(tau, harmonic) / self.period) @ coefficients

    def _regression(self, A: sp.csr_array, B: sp.csr_array, t: float, delays: np.ndarray) -> np.ndarray:
        """<A(t + tau) B(t)>."""
        rho = _checks.matrix(self.state(t), "the state")
        read_keys = np.unique(np.concatenate([coordinates(part)[0] for _, part in hermitian_parts(A)]))
        values = np.zeros(delays.size, dtype=complex)
        for factor, part in hermitian_parts(B @ rho):
            generator = reduce(self.equation.lindbladian, coordinates(part)[0], read_keys)
            if generator.n == 0:
                continue
            real, imaginary = generator.functionals(A)
            rows = sp.csr_array(np.array([real, np.zeros_like(real) if imaginary is None else imaginary]))
            times = np.concatenate([[t], t + delays])
            problem = Problem(generator, generator.pack(part), times, rows, _RTOL, _ATOL)
            integrator = choose("auto", problem).integrator
            integrator.solve()
            values += factor * (integrator.values[1:, 0] + 1j * integrator.values[1:, 1])
        return values


@methods_bringing
class RotatingState(FloquetSteadyState):
    """A periodic state that stands still in a rotating frame.

    Parameters
    ----------
    equation : MasterEquation
        The problem in the laboratory.
    frame : RotatingFrame
        The frame, which agrees with the laboratory at time zero.
    period : float
        T.
    """

    def __init__(self, equation: MasterEquation, frame: RotatingFrame, period: float) -> None:
        state, info = find_steady_state(frame.equation)
        generator = reduce(frame.equation.lindbladian)
        kept: dict[str, Any] = {key: info[key] for key in ("residual", "condition") if key in info}
        super().__init__(equation, PeriodMap(generator, period), "rotating frame", kept)
        self.frame = frame
        self._rho = _checks.matrix(state, "the steady state")
        if generator.n > 1:
            self._only_one(complex(np.exp(slowest_eigenvalue(generator)[0] * period)))
        # The steady state's own estimate is in the Frobenius norm.
        estimate = float(info["error estimate"]) * np.sqrt(equation.space.size)
        self.stats.update(change=0.0, **{"error estimate": estimate})

    def state(self, t: float) -> Qobj:
        """The density matrix at time t."""
        matrix = self.frame.turned(self._rho, _checks.finite(t, "t"))
        return Qobj(sp.csr_matrix(matrix), dims=self.equation.dims, isherm=True)

    def _turning(self, op: Qobj) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies q and weights of <A>(t) = sum_q a_q exp(iqt)."""
        parts = self.frame.parts(self._observable(op, "op"))
        weights = [(part @ self._rho).trace() for part in parts.values()]
        return np.array(list(parts)), np.array(weights, dtype=complex)

    def _values(self, op: Qobj, times: np.ndarray) -> np.ndarray:
        """Values at sorted times within the period."""
        speeds, weights = self._turning(op)
        return np.exp(1j * np.outer(times, speeds)) @ weights

    def harmonics(self, op: Qobj, k: int = 10) -> np.ndarray:
        """See `FloquetSteadyState.harmonics`."""
        found = np.zeros(k + 1, dtype=complex)
        speeds, weights = self._turning(op)
        for n, weight in zip(np.round(speeds * self.period / (2.0 * np.pi)), weights, strict=True):
            if 0 <= n <= k:
                found[int(n)] += weight
        return found

    def _pairs(self, a_op: Qobj, b_op: Qobj) -> list[tuple[float, Qobj, Qobj]]:
        """The parts of A and B that turn against each other, and with what frequency A's does."""
        ahead = self.frame.parts(self._observable(a_op, "a_op"))
        back = self.frame.parts(self._observable(b_op, "b_op"))
        close = 1e-9 * max([1e-300, *map(abs, ahead), *map(abs, back)])
        dims = self.equation.dims
        return [
            (q, Qobj(sp.csr_matrix(A), dims=dims), Qobj(sp.csr_matrix(B), dims=dims))
            for q, A in ahead.items()
            for p, B in back.items()
            if abs(q + p) <= close
        ]

    def correlation(self, a_op: Qobj, b_op: Qobj, taulist: Any, phases: int = 16) -> np.ndarray:
        """See `FloquetSteadyState.correlation`."""
        delays = _checks.times(taulist, "taulist")
        if delays[0] < 0.0:
            raise ValueError(f"taulist must not be negative, got {delays[0]!r}")
        total = np.zeros(delays.size, dtype=complex)
        state = self.state(0.0)
        accuracy = {"rtol": _RTOL, "atol": _ATOL}
        from_zero = np.concatenate([[0.0], delays])
        for q, A, B in self._pairs(a_op, b_op):
            found = correlation_2op_1t(self.frame.equation, state, from_zero, [], A, B, options=accuracy)
            total += np.exp(1j * q * delays) * found[1:]
        return total

    def spectrum(self, wlist: Any, a_op: Qobj, b_op: Qobj, phases: int = 16) -> np.ndarray:
        """See `FloquetSteadyState.spectrum`."""
        frequencies = _frequencies(wlist)
        order = np.argsort(frequencies, kind="stable")
        total = np.zeros(frequencies.size)
        for q, A, B in self._pairs(a_op, b_op):
            total[order] += np.asarray(
                spectrum(self.frame.equation, frequencies[order] - q, a_op=A, b_op=B), dtype=float
            )
        return total


def _frequencies(wlist: Any) -> np.ndarray:
    frequencies = np.asarray(wlist, dtype=float)
    if frequencies.ndim != 1 or not np.all(np.isfinite(frequencies)):
        raise ValueError("wlist must be a list of finite numbers")
    return frequencies
