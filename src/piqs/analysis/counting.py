r"""Full counting statistics: how many jumps a channel makes.

With a counting field s the generator becomes :math:`\mathcal{L}_s = \mathcal{L} + \sum_c (e^{s w_c} - 1)\mathcal{J}_c`, where
:math:`\mathcal{J}_c\rho = \gamma_c\sum_k K_{c,k}\rho K_{c,k}^\dagger` is what the channel c adds to the state when it jumps and
w_c what a jump of it counts (L. S. Levitov, H. Lee and G. B. Lesovik, J. Math. Phys. 37, 4845 (1996); cumulants by
C. Flindt, T. Novotny, A. Braggio and A.-P. Jauho, Phys. Rev. B 82, 155407 (2010)).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from qutip import Qobj

from piqs import _checks
from piqs._interrupts import bringing, methods_bringing
from piqs.analysis.accuracy import error_of, warn_if_uncertain
from piqs.analysis.parameters import numbers_by_channel
from piqs.analysis.rate_function import rate_function
from piqs.analysis.tilted import Cumulants, Tilted
from piqs.equations import Channel, MasterEquation, read
from piqs.integrators.base import Problem
from piqs.integrators.choose import choose
from piqs.liouville import AssembledGenerator, Lindbladian, reduce
from piqs.liouville.basis import coordinates, diagonal_keys
from piqs.liouville.coupled import CoupledGenerator
from piqs.liouville.terms import jumps_alone, kept_apart
from piqs.solvers.steady_state import find_steady_state

__all__ = ["CountDistribution", "CountingStatistics", "counting_statistics"]

# Probability that may lie beyond the counts computed.
_CUT_OFF = 1e-10
_EPS = float(np.finfo(float).eps)


class CountDistribution(NamedTuple):
    """Probabilities of counts.

    Attributes
    ----------
    n : int64 array (M,)
        Counts.
    p : float64 array (M,) or (T, M)
        Their probabilities, one row for each time.
    error : float
        Probability at the ends of the range, of the size of what lies beyond it, and the error estimate of the evolution.
    """

    n: np.ndarray
    p: np.ndarray
    error: float


@bringing()
def counting_statistics(
    H: Any,
    c_ops: Any = None,
    counted: Any = None,
    order: int = 4,
    args: dict[str, Any] | None = None,
) -> CountingStatistics:
    r"""Statistics of the number of jumps that channels make.

    .. math:: \lambda(s) = \lim_{t\to\infty} \frac1t \ln\langle e^{s n(t)}\rangle
              = \sum_k \frac{s^k}{k!} \langle\!\langle n^k\rangle\!\rangle / t

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        A model; or a Hamiltonian beside ``c_ops``; constant in time.
    c_ops : list of Qobj, optional
        Collapse operators; none where H is a model.
    counted : str, int, sequence of these, or dict of str or int to float
        The channels that are counted, by name or by position: ``"collective_emission"``, ``"cavity.loss"``, 0. A dict gives
        what one jump of each counts, which may be negative; 1 by default. All channels by default.
    order : int, default 4
        Highest cumulant.
    args : dict, optional
        Arguments of coefficient functions (which must be constant).

    Returns
    -------
    CountingStatistics

    Raises
    ------
    ValueError
        For a channel that does not exist, an order below 1, or a problem that depends on time.
    SteadyStateError
        (a ValueError) where the steady state is not unique, when a property of it is asked for.

    Examples
    --------
    Resonance fluorescence is quieter than a classical source of the same rate (Mandel's Q < 0).

    >>> import qutip
    >>> from piqs import counting_statistics
    >>> stats = counting_statistics(0.5 * qutip.sigmax(), [qutip.sigmam()], counted=0)
    >>> # Omega = gamma = 1: 1/3, and 1 - 6/(1 + 2)^2
    >>> round(float(stats.cumulants[0]), 12), round(stats.fano, 12)
    (0.333333333333, 0.333333333333)
    """
    equation = read(H, c_ops, args).require_constant("counting_statistics")
    given = numbers_by_channel(equation, counted, "counted")
    weights = {channel.name: given[channel.name] for channel in equation.channels if channel.name in given}
    return CountingStatistics(equation, weights, _order(order))


@methods_bringing
class CountingStatistics:
    """Statistics of counted jumps; see `counting_statistics`.

    Attributes
    ----------
    equation : MasterEquation
        The problem.
    weights : dict of float
        What a jump of each counted channel counts.
    order : int
        Highest cumulant.
    """

    def __init__(self, equation: MasterEquation, weights: dict[str, float], order: int) -> None:
        self.equation = equation
        self.weights = weights
        self.order = order

    @property
    def _channels(self) -> list[Channel]:
        return [channel for channel in self.equation.channels if channel.name in self.weights]

    def _reduced(
        self, rho: sp.csr_array | None = None
    ) -> tuple[AssembledGenerator, sp.csr_array, list[sp.csr_array]]:
        """A generator that holds L and the jumps as terms of it, then L itself and the jumps of each channel."""
        n = self.equation.space.size
        terms = list(self.equation.lindbladian.terms)
        for channel in self._channels:
            jumps = tuple(jump.constant for jump in channel.jumps if jump.constant is not None)
            terms.append(jumps_alone(jumps, (channel.rate,) * len(jumps), kept_apart))
        seeds = None if rho is None else coordinates(rho)[0]
        generator = reduce(Lindbladian(n, terms), seeds, None if rho is None else diagonal_keys(n))
        count = len(self._channels)
        whole = generator.matrices[: len(terms) - count]
        return (
            generator,
            sp.csr_array(sum(whole[1:], whole[0])),
            list(generator.matrices[len(terms) - count :]),
        )

    @cached_property
    def _steady(self) -> Tilted:
        """The tilted generator about the steady state, on all that populations reach."""
        rho = _checks.matrix(find_steady_state(self.equation)[0], "the steady state")
        generator, L, jumps = self._reduced()
        return Tilted(generator, L, jumps, list(self.weights.values()), generator.pack(rho))

    @cached_property
    def _cumulants(self) -> Cumulants:
        found = self._steady.cumulants(self.order)
        warn_if_uncertain("the cumulant", found.errors, found.values, found.terms)
        return found

    @property
    def stats(self) -> dict[str, Any]:
        """Of the cumulants: "error estimate", float64 (order,), what is left of each equation times what it moves; the
        "condition" of the generator; "unknowns".
        """
        return {
            "error estimate": self._cumulants.errors,
            "condition": self._cumulants.condition,
            "unknowns": self._steady.generator.n,
        }

    @cached_property
    def cumulants(self) -> np.ndarray:
        r"""Cumulants of the count over time in the steady state, float64 (order,), in inverse time.

        .. math:: c_n = \sum_{k=1}^n \binom nk \mathrm{Tr}[\mathcal{L}^{(k)}\rho_{n-k}], \qquad
                  \mathcal{L}\rho_n = \sum_{k=1}^n \binom nk (c_k - \mathcal{L}^{(k)})\rho_{n-k}, \quad \mathrm{Tr}\rho_n = 0

        with :math:`\mathcal{L}^{(k)} = \sum_c w_c^k\mathcal{J}_c`: one factorisation, and two solves for each order, of which one
        is for the error estimate (see `stats`). An estimate above a millionth of a cumulant is an `AccuracyWarning`.
        """
        return self._cumulants.values

    @property
    def fano(self) -> float:
        """Second cumulant over the first: 1 for independent jumps, below 1 for antibunched ones."""
        if self.order < 2:
            raise ValueError("order must be at least 2 for the Fano factor")
        mean, known = abs(self.cumulants[0]), self.stats["error estimate"][0]
        if mean <= max(known, _EPS * self._steady.activity):
            raise ValueError(
                f"counted: {self.weights} has a mean rate of zero, so that there is no Fano factor"
            )
        return float(self.cumulants[1] / self.cumulants[0])

    def scgf(self, s: Any, info: bool = False) -> Any:
        r"""Scaled cumulant generating function, the eigenvalue of :math:`\mathcal{L}_s` with the largest real part.

        Parameters
        ----------
        s : float or array_like
            Real counting fields.
        info : bool, default False
            Also return a dictionary with "error estimate", for each field what is left of the eigenvector's equation times the
            condition of the eigenvalue.

        Returns
        -------
        float or ndarray of float64
            In inverse time; with `info`, a pair.

        Raises
        ------
        ValueError
            If a field is not finite.
        ConvergenceError
            If an eigenvector is not found.

        Warns
        -----
        AccuracyWarning
            If an estimate exceeds a millionth of the value.
        """
        fields = _checks.finite_values(s, "s")
        found = [self._steady.dominant(float(field)) for field in fields.ravel()]
        values, slopes, errors = (np.array(part).reshape(fields.shape) for part in zip(*found, strict=True))
        # Close to s = 0 the value vanishes, and the rate of counts is what it is held against.
        warn_if_uncertain("the scaled cumulant generating function", errors, values, np.abs(slopes))
        return _answer(values, errors, info)

    def rate_function(self, current: Any, info: bool = False) -> Any:
        r"""Rate function of the current I = n/t, :math:`\max_s [s I - \lambda(s)]`: its probability falls as exp(-t times this).

        Parameters
        ----------
        current : float or array_like
            Counts per unit time.
        info : bool, default False
            Also return a dictionary with "error estimate", for each current that of :math:`\lambda` at the maximum and by how
            much the maximum may lie above what was found.

        Returns
        -------
        float or ndarray of float64
            In inverse time; zero at the mean current, infinite where no sequence of jumps has such a current (one that is less
            than some 1e-7 of a rate beyond the last possible one counts as that). With `info`, a pair.

        Raises
        ------
        ValueError
            If a current is not finite.
        ConvergenceError
            If an eigenvector is not found.

        Warns
        -----
        AccuracyWarning
            If an estimate exceeds a millionth of the value.
        """
        currents = _checks.finite_values(current, "current")
        weights = list(self.weights.values())
        found = [rate_function(self._steady.dominant, weights, float(c)) for c in currents.ravel()]
        values, errors, terms = (np.array(part).reshape(currents.shape) for part in zip(*found, strict=True))
        # Close to the mean the value vanishes, and the rate of jumps is what it is held against.
        warn_if_uncertain("the rate function", errors, values, terms + self._steady.activity)
        return _answer(values, errors, info)

    def moments(self, rho0: Qobj, t: Any, info: bool = False) -> tuple[Any, ...]:
        r"""Mean and variance of the count after a time t.

        Parameters
        ----------
        rho0 : Qobj
            State at time zero.
        t : float or array_like (T,)
            Times, not decreasing.
        info : bool, default False
            Also return a dictionary with "error estimate", a pair for mean and variance, the largest over the times.

        Returns
        -------
        mean, variance : float or ndarray of float64
            With `info` the dictionary is a third.
        """
        times, scalar = _times_from_zero(t)
        rho = self.equation.density_matrix(rho0)
        tilted = self._tilted_from(rho)
        generator, first, second = tilted.generator, tilted.power(1), tilted.power(2)
        # x_k' = sum_l binom(k, l) L^(l) x_(k-l): derivatives of the tilted state by s at zero.
        coupled = CoupledGenerator(
            [
                (np.eye(3), tilted.L, None),
                (np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0]]), first, None),
                (np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]]), second, None),
            ]
        )
        rows = sp.kron(sp.eye_array(3), sp.csr_array(generator.trace[None, :]), format="csr")
        x0 = np.concatenate([tilted.x, np.zeros(2 * generator.n)])
        values, error = _evolved(coupled, x0, times, sp.csr_array(rows))
        mean = values[:, 1]
        variance = values[:, 2] - mean**2
        found = (float(mean[-1]), float(variance[-1])) if scalar else (mean[1:], variance[1:])
        errors = (error, (1.0 + 2.0 * float(np.abs(mean).max())) * error)
        return (*found, {"error estimate": errors}) if _checks.flag(info, "info") else found

    def _tilted_from(self, rho: sp.csr_array, weights: list[float] | None = None) -> Tilted:
        """The tilted generator on what a density matrix reaches, with it as the state; its own weights by default."""
        generator, L, jumps = self._reduced(rho)
        return Tilted(generator, L, jumps, weights or list(self.weights.values()), generator.pack(rho))

    def mandel_q(self, t: Any, rho0: Qobj | None = None, info: bool = False) -> Any:
        r"""Mandel's parameter of the count after a time t, :math:`Q = \mathrm{Var}(n)/\langle n\rangle - 1`.

        Parameters
        ----------
        t : float or array_like (T,)
            Times, positive and not decreasing.
        rho0 : Qobj, optional
            State at time zero; the steady state by default.
        info : bool, default False
            Also return a dictionary with "error estimate", for each time.

        Returns
        -------
        float or ndarray of float64
            With `info`, a pair.
        """
        start = find_steady_state(self.equation)[0] if rho0 is None else rho0
        mean, variance, known = self.moments(start, t, info=True)
        of_mean, of_variance = known["error estimate"]
        if np.any(np.abs(mean) <= of_mean):
            raise ValueError("t must be positive, and something must be counted: the mean count is zero")
        q = np.asarray(variance / mean - 1.0)
        errors = (of_variance + np.abs(q + 1.0) * of_mean) / np.abs(mean)
        return _answer(q, np.asarray(errors), info)

    def waiting_time(self, tau: Any, info: bool = False) -> Any:
        r"""Distribution of the time between two counted jumps in the steady state.

        .. math:: w(\tau) = \frac{\mathrm{Tr}[\mathcal{J} e^{(\mathcal{L} - \mathcal{J})\tau}\mathcal{J}\rho]}
                  {\mathrm{Tr}[\mathcal{J}\rho]}

        Parameters
        ----------
        tau : array_like (T,)
            Times, not decreasing.
        info : bool, default False
            Also return a dictionary with "error estimate", the largest over the times: that of the evolution and that of the
            steady state.

        Returns
        -------
        ndarray of float64, shape (T,)
            In inverse time; what a jump counts does not enter unless it is 0, which is no counted jump. With `info`, a pair.

        Raises
        ------
        ValueError
            If there are no jumps in the steady state.

        Warns
        -----
        AccuracyWarning
            If the estimate exceeds a millionth of the largest value.
        """
        times, _ = _times_from_zero(tau)
        tilted = self._steady
        generator, J = tilted.generator, tilted.every_jump
        x, of_state = tilted.refined
        after = J @ x
        rate = float(generator.trace @ after)
        if rate <= 0.0:
            raise ValueError(f"counted: the channels {list(self.weights)} make no jumps in the steady state")
        quiet = CoupledGenerator([(np.eye(1), tilted.L, None), (-np.eye(1), J, None)])
        row = np.asarray(generator.trace @ J)
        values, error = _evolved(quiet, after / rate, times, sp.csr_array(row[None, :]))
        # The largest rate of jumps, which the trace norm of an error is multiplied by.
        largest = float(abs(generator.unpack(row)).sum(axis=1).max())
        error = largest * (error + 2.0 * largest / rate * of_state)
        found = values[1:, 0]
        warn_if_uncertain("the distribution of waiting times", error, np.abs(found).max(initial=0.0))
        return (found, {"error estimate": error}) if _checks.flag(info, "info") else found

    def distribution(self, rho0: Qobj, t: Any) -> CountDistribution:
        r"""Probabilities of counts after a time t.

        .. math:: P(n, t) = \frac1M \sum_{k} e^{-2\pi i k n/M}\, \mathrm{Tr}[e^{\mathcal{L}_{s_k}t}\rho_0], \quad s_k = 2\pi i k/M

        Parameters
        ----------
        rho0 : Qobj
            State at time zero.
        t : float or array_like (T,)
            Times, not decreasing.

        Returns
        -------
        CountDistribution
            ``n`` (multiples of the greatest common divisor of all weights), ``p`` and their ``error``: the probability at the
            ends of the range, which is widened until that is below 1e-10, and the error estimate of the evolution.

        Raises
        ------
        ValueError
            If a weight is no whole number.

        Warns
        -----
        AccuracyWarning
            If the error exceeds a millionth.
        """
        if any(not float(w).is_integer() for w in self.weights.values()):
            raise ValueError(f"weights must be whole numbers for a distribution, got {self.weights}")
        times, scalar = _times_from_zero(t)
        # What is counted is counted in units of the largest whole number that divides all weights.
        unit = int(np.gcd.reduce([int(w) for w in self.weights.values()])) or 1
        units = [w / unit for w in self.weights.values()]
        mean, variance = (np.atleast_1d(part) for part in self.moments(rho0, times[1:]))
        mean, variance = mean / unit, variance / unit**2
        tilted = self._tilted_from(self.equation.density_matrix(rho0), units)
        spread = 8.0 * np.sqrt(np.abs(variance).max()) + 8.0
        least = 0 if min(self.weights.values()) >= 0 else -(2**53)
        low = max(least, int(np.floor(mean.min() - spread)))
        size = 8
        while size < mean.max() + spread - low:
            size *= 2
        # So many counts beyond an end are reached from within by one jump.
        end = max(2, int(max(map(abs, units), default=0)))
        while True:
            n = low + np.arange(size)
            p, error = self._fourier(tilted, times, n)
            ends = p[:, -end:] if low == least else np.hstack([p[:, :end], p[:, -end:]])
            beyond = float(np.abs(ends).max())
            if beyond <= _CUT_OFF or size >= 2**16:
                warn_if_uncertain("the distribution of counts", beyond + error, 1.0)
                return CountDistribution(n * unit, p[0] if scalar else p, beyond + error)
            low, size = max(least, low - size // 2), 2 * size

    @staticmethod
    def _fourier(tilted: Tilted, times: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, float]:
        """P(n) from the characteristic function at as many points of the unit circle, and its error."""
        x0 = np.concatenate([tilted.x, np.zeros(tilted.x.size)])
        trace = sp.csr_array(tilted.generator.trace[None, :])
        rows = sp.csr_array(sp.kron(sp.eye_array(2), trace, format="csr"))
        size, largest = n.size, 0.0
        characteristic = np.ones((times.size - 1, size), dtype=complex)
        for k in range(1, size // 2 + 1):
            chi = 2.0 * np.pi * k / size
            terms = [(np.eye(2), tilted.L, None)]
            for w, J in zip(tilted.weights, tilted.jumps, strict=True):
                z = np.exp(1j * chi * w) - 1.0
                terms.append((np.array([[z.real, -z.imag], [z.imag, z.real]]), J, None))
            values, error = _evolved(CoupledGenerator(terms), x0, times, rows)
            characteristic[:, k] = values[1:, 0] + 1j * values[1:, 1]
            characteristic[:, -k] = characteristic[:, k].conj()
            largest = max(largest, error)
        shifted = characteristic * np.exp(-2j * np.pi * np.arange(size) * n[0] / size)
        return np.fft.fft(shifted, axis=1).real / size, largest

    def __repr__(self) -> str:
        return f"CountingStatistics(counted {self.weights}, order {self.order})"


def _evolved(
    generator: CoupledGenerator, x0: np.ndarray, times: np.ndarray, rows: sp.csr_array
) -> tuple[np.ndarray, float]:
    """Values of some rows along the evolution, to nearly all digits, and the error estimate of the states."""
    integrator = choose("auto", Problem(generator, x0, times, rows, rtol=1e-12, atol=1e-14)).integrator
    integrator.solve()
    return integrator.values, error_of(integrator)


def _answer(values: np.ndarray, errors: np.ndarray, info: bool) -> Any:
    """Numbers, or one where they have no shape, with their errors where these are asked for."""
    found, uncertain = (values, errors) if values.ndim else (float(values), float(errors))
    return (found, {"error estimate": uncertain}) if _checks.flag(info, "info") else found


def _order(order: Any) -> int:
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 1:
        raise ValueError(f"order must be a whole number of at least 1, got {order!r}")
    return int(order)


def _times_from_zero(t: Any) -> tuple[np.ndarray, bool]:
    """Times with zero before them, and whether there was a single one."""
    scalar = np.ndim(t) == 0
    times = _checks.times(np.atleast_1d(t), "t")
    if times[0] < 0.0:
        raise ValueError(f"t must not be negative, got {times[0]!r}")
    return np.concatenate([[0.0], times]), scalar
