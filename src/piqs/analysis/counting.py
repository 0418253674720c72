r"""Full counting statistics: how many jumps a channel makes.

With a counting field s the generator becomes :math:`\mathcal{L}_s = \mathcal{L} + \sum_c (e^{s w_c} - 1)\mathcal{J}_c`, where
:math:`\mathcal{J}_c\rho = \gamma_c\sum_k K_{c,k}\rho K_{c,k}^\dagger` is what the channel c adds to the state when it jumps and
w_c what a jump of it counts (L. S. Levitov, H. Lee and G. B. Lesovik, J. Math. Phys. 37, 4845 (1996); cumulants by
C. Flindt, T. Novotny, A. Braggio and A.-P. Jauho, Phys. Rev. B 82, 155407 (2010)).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import comb
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from qutip import Qobj
from scipy.optimize import brentq

from piqs import _checks
from piqs._interrupts import bringing, methods_bringing
from piqs.analysis.parameters import numbers_by_channel
from piqs.analysis.pseudo_inverse import PseudoInverse
from piqs.equations import Channel, MasterEquation, read
from piqs.errors import ConvergenceError
from piqs.integrators.base import Problem
from piqs.integrators.choose import choose
from piqs.linear.factors import Factors
from piqs.liouville import AssembledGenerator, Lindbladian, reduce
from piqs.liouville.basis import coordinates, diagonal_keys
from piqs.liouville.coupled import CoupledGenerator
from piqs.liouville.terms import jumps_alone, kept_apart
from piqs.solvers.steady_state import find_steady_state

__all__ = ["CountDistribution", "CountingStatistics", "counting_statistics"]

# Up to this many unknowns an eigenvalue is found densely.
_DENSE = 300
# Counting fields beyond this change a rate by more than a double can tell from infinity.
_LARGEST_FIELD = 30.0
# Probability that may lie beyond the counts computed.
_CUT_OFF = 1e-10


class CountDistribution(NamedTuple):
    """Probabilities of counts.

    Attributes
    ----------
    n : int64 array (M,)
        Counts.
    p : float64 array (M,) or (T, M)
        Their probabilities, one row for each time.
    error : float
        Probability at the ends of the range, of the size of what lies beyond it.
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
    >>> round(float(stats.cumulants[0]), 12), round(stats.fano, 12)  # Omega = gamma = 1: 1/3, and 1 - 6/(1 + 2)^2
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
    def _steady(self) -> tuple[AssembledGenerator, sp.csr_array, list[sp.csr_array], np.ndarray]:
        """Generator, L, the jumps and the steady state, on all that populations reach."""
        rho = _checks.matrix(find_steady_state(self.equation)[0], "the steady state")
        generator, L, jumps = self._reduced()
        return generator, L, jumps, generator.pack(rho)

    def _power(self, jumps: Sequence[sp.csr_array], k: int) -> sp.csr_array:
        """Derivative number k of the tilted generator at s = 0, sum_c w_c^k J_c."""
        parts = [w**k * J for w, J in zip(self.weights.values(), jumps, strict=True)]
        return sp.csr_array(sum(parts[1:], parts[0]))

    def _tilted(self, s: float) -> sp.csr_array:
        _, L, jumps, _ = self._steady
        parts = [np.expm1(s * w) * J for w, J in zip(self.weights.values(), jumps, strict=True)]
        return sp.csr_array(sum(parts, L))

    @cached_property
    def cumulants(self) -> np.ndarray:
        r"""Cumulants of the count over time in the steady state, float64 (order,), in inverse time.

        .. math:: c_n = \sum_{k=1}^n \binom nk \mathrm{Tr}[\mathcal{L}^{(k)}\rho_{n-k}], \qquad
                  \mathcal{L}\rho_n = \sum_{k=1}^n \binom nk (c_k - \mathcal{L}^{(k)})\rho_{n-k}, \quad \mathrm{Tr}\rho_n = 0

        with :math:`\mathcal{L}^{(k)} = \sum_c w_c^k\mathcal{J}_c`: one factorisation, and one solve for each order.
        """
        generator, L, jumps, x = self._steady
        trace = generator.trace
        inverse = PseudoInverse(L, trace, x)
        # The steady state to the last digit: its error would grow from order to order.
        x = x - inverse.solve(L @ x)
        powers = [self._power(jumps, k) for k in range(1, self.order + 1)]
        states = [x]
        found: list[float] = []
        for n in range(1, self.order + 1):
            fed = [comb(n, k) * (powers[k - 1] @ states[n - k]) for k in range(1, n + 1)]
            found.append(float(trace @ np.sum(fed, axis=0)))
            if n < self.order:
                source = np.sum([comb(n, k) * found[k - 1] * states[n - k] for k in range(1, n + 1)], axis=0)
                states.append(inverse.solve(source - np.sum(fed, axis=0)))
        return np.array(found)

    @property
    def fano(self) -> float:
        """Second cumulant over the first: 1 for independent jumps, below 1 for antibunched ones."""
        if self.order < 2:
            raise ValueError("order must be at least 2 for the Fano factor")
        return float(self.cumulants[1] / self.cumulants[0])

    def scgf(self, s: Any) -> Any:
        r"""Scaled cumulant generating function, the eigenvalue of :math:`\mathcal{L}_s` with the largest real part.

        Parameters
        ----------
        s : float or array_like
            Real counting fields.

        Returns
        -------
        float or ndarray of float64
            In inverse time.
        """
        fields = np.asarray(s, dtype=float)
        if not np.all(np.isfinite(fields)):
            raise ValueError(f"s must be finite, got {fields[~np.isfinite(fields)][0]}")
        values = np.array([self._dominant(float(field))[0] for field in fields.ravel()])
        return float(values[0]) if fields.ndim == 0 else values.reshape(fields.shape)

    def _dominant(self, s: float) -> tuple[float, float]:
        """The dominant eigenvalue of the tilted generator, which is real, and its derivative by s."""
        M = self._tilted(s)
        _, _, jumps, x = self._steady
        slope_parts = [w * np.exp(s * w) * J for w, J in zip(self.weights.values(), jumps, strict=True)]
        slope = sp.csr_array(sum(slope_parts[1:], slope_parts[0]))
        if M.shape[0] <= _DENSE:
            values, left, right = la.eig(M.toarray(), left=True)
            top = int(np.argmax(values.real))
            value, bra, ket = values[top], left[:, top].conj(), right[:, top]
        else:
            value, bra, ket = self._dominant_sparse(M, x)
        scale = max(float(abs(M).max()), 1e-300)
        if abs(value.imag) > 1e-8 * scale:
            raise ConvergenceError(
                f"the dominant eigenvalue at s = {s:g} came out complex, {value}; change s slightly"
            )
        return float(value.real), float(((bra @ (slope @ ket)) / (bra @ ket)).real)

    def _dominant_sparse(self, M: sp.csr_array, start: np.ndarray) -> tuple[complex, np.ndarray, np.ndarray]:
        """By inversion about a bound from above, to which no eigenvalue is nearer than the dominant one.

        The tilted generator is positive, so its dominant eigenvalue is real, and at most the largest eigenvalue of what its
        adjoint makes of the identity.
        """
        generator = self._steady[0]
        grown = generator.unpack(generator.trace @ M)
        bound = float(abs(grown).sum(axis=1).max(initial=0.0)) if grown.nnz else 0.0
        shift = bound + 1e-6 * float(abs(M).max())
        pair = []
        for matrix in (M, sp.csr_array(M.T)):
            lu = Factors(matrix - shift * sp.eye_array(matrix.shape[0], format="csr"))
            inverse = sla.LinearOperator(matrix.shape, matvec=lu.solve, dtype=float)
            values, vectors = sla.eigs(
                matrix, k=1, sigma=shift, OPinv=inverse, v0=start + 1e-3 * generator.trace
            )
            residual = np.linalg.norm(matrix @ vectors[:, 0] - values[0] * vectors[:, 0])
            if residual > 1e-9 * float(abs(M).max()):
                raise ConvergenceError(
                    f"the dominant eigenvalue has a residual of {residual:.2g}; try a smaller |s|"
                )
            pair.append((values[0], vectors[:, 0]))
        return pair[0][0], pair[1][1], pair[0][1]

    def rate_function(self, current: Any) -> Any:
        r"""Rate function of the current I = n/t, :math:`\max_s [s I - \lambda(s)]`: its probability falls as exp(-t times this).

        Parameters
        ----------
        current : float or array_like
            Counts per unit time.

        Returns
        -------
        float or ndarray of float64
            In inverse time; zero at the mean current.
        """
        currents = np.asarray(current, dtype=float)
        values = np.array([self._legendre(float(rate)) for rate in currents.ravel()])
        return float(values[0]) if currents.ndim == 0 else values.reshape(currents.shape)

    def _legendre(self, current: float) -> float:
        if not np.isfinite(current):
            raise ValueError(f"current must be finite, got {current}")
        excess = lambda s: self._dominant(s)[1] - current  # noqa: E731
        mean = float(self.cumulants[0])
        if abs(current - mean) <= 1e-10 * max(abs(mean), abs(current)):
            return 0.0
        end = np.copysign(1.0, current - mean)
        while excess(end) * end < 0.0:
            if abs(end) >= _LARGEST_FIELD:
                # The supremum lies beyond every field: the current is at the edge of what is possible, or past it.
                at_edge = end * current - self._dominant(end)[0]
                before = 0.5 * end * current - self._dominant(0.5 * end)[0]
                return float(at_edge) if at_edge - before < 1e-6 * abs(at_edge) else np.inf
            end *= 2.0
        s = float(brentq(excess, 0.0, end, xtol=1e-12))
        return s * current - self._dominant(s)[0]

    def moments(self, rho0: Qobj, t: Any) -> tuple[Any, Any]:
        r"""Mean and variance of the count after a time t.

        Parameters
        ----------
        rho0 : Qobj
            State at time zero.
        t : float or array_like (T,)
            Times, not decreasing.

        Returns
        -------
        mean, variance : float or ndarray of float64
        """
        times, scalar = _times_from_zero(t)
        rho = self.equation.density_matrix(rho0)
        generator, L, jumps = self._reduced(rho)
        first, second = self._power(jumps, 1), self._power(jumps, 2)
        # x_k' = sum_l binom(k, l) L^(l) x_(k-l): derivatives of the tilted state by s at zero.
        coupled = CoupledGenerator(
            [
                (np.eye(3), L, None),
                (np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0]]), first, None),
                (np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]]), second, None),
            ]
        )
        rows = sp.kron(sp.eye_array(3), sp.csr_array(generator.trace[None, :]), format="csr")
        x0 = np.concatenate([generator.pack(rho), np.zeros(2 * generator.n)])
        values = _evolved(coupled, x0, times, sp.csr_array(rows))
        mean = values[:, 1]
        variance = values[:, 2] - mean**2
        return (float(mean[-1]), float(variance[-1])) if scalar else (mean[1:], variance[1:])

    def mandel_q(self, t: Any, rho0: Qobj | None = None) -> Any:
        r"""Mandel's parameter of the count after a time t, :math:`Q = \mathrm{Var}(n)/\langle n\rangle - 1`.

        Parameters
        ----------
        t : float or array_like (T,)
            Times, positive and not decreasing.
        rho0 : Qobj, optional
            State at time zero; the steady state by default.

        Returns
        -------
        float or ndarray of float64
        """
        start = find_steady_state(self.equation)[0] if rho0 is None else rho0
        mean, variance = self.moments(start, t)
        if np.any(np.asarray(mean) == 0.0):
            raise ValueError("t must be positive, and something must be counted: the mean count is zero")
        return variance / mean - 1.0

    def waiting_time(self, tau: Any) -> np.ndarray:
        r"""Distribution of the time between two counted jumps in the steady state.

        .. math:: w(\tau) = \frac{\mathrm{Tr}[\mathcal{J} e^{(\mathcal{L} - \mathcal{J})\tau}\mathcal{J}\rho]}
                  {\mathrm{Tr}[\mathcal{J}\rho]}

        Parameters
        ----------
        tau : array_like (T,)
            Times, not decreasing.

        Returns
        -------
        ndarray of float64, shape (T,)
            In inverse time; weights do not enter.
        """
        times, _ = _times_from_zero(tau)
        generator, L, jumps, x = self._steady
        J = sp.csr_array(sum(jumps[1:], jumps[0]))
        after = J @ x
        rate = float(generator.trace @ after)
        if rate <= 0.0:
            raise ValueError(f"counted: the channels {list(self.weights)} make no jumps in the steady state")
        quiet = CoupledGenerator([(np.eye(1), L, None), (-np.eye(1), J, None)])
        row = sp.csr_array((generator.trace @ J)[None, :])
        return _evolved(quiet, after / rate, times, row)[1:, 0]

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
            ``n``, ``p`` and the probability ``error`` at the ends of the range, which is widened until it is below 1e-10.

        Raises
        ------
        ValueError
            If a weight is no whole number.
        """
        if any(not float(w).is_integer() for w in self.weights.values()):
            raise ValueError(f"weights must be whole numbers for a distribution, got {self.weights}")
        times, scalar = _times_from_zero(t)
        mean, variance = (np.atleast_1d(part) for part in self.moments(rho0, times[1:]))
        spread = 8.0 * np.sqrt(np.abs(variance).max()) + 8.0
        low = 0 if min(self.weights.values()) >= 0 else int(np.floor(mean.min() - spread))
        size = 8
        while size < mean.max() + spread - low:
            size *= 2
        while True:
            n = low + np.arange(size)
            p = self._fourier(rho0, times, n)
            ends = p[:, -2:] if low == 0 else np.hstack([p[:, :2], p[:, -2:]])
            error = float(np.abs(ends).max())
            if error <= _CUT_OFF or size >= 2**16:
                return CountDistribution(n, p[0] if scalar else p, error)
            low, size = (0 if low == 0 else low - size // 2), 2 * size

    def _fourier(self, rho0: Qobj, times: np.ndarray, n: np.ndarray) -> np.ndarray:
        """P(n) from the characteristic function at as many points of the unit circle."""
        rho = self.equation.density_matrix(rho0)
        generator, L, jumps = self._reduced(rho)
        x0 = np.concatenate([generator.pack(rho), np.zeros(generator.n)])
        rows = sp.csr_array(sp.kron(sp.eye_array(2), sp.csr_array(generator.trace[None, :]), format="csr"))
        size = n.size
        characteristic = np.ones((times.size - 1, size), dtype=complex)
        for k in range(1, size // 2 + 1):
            chi = 2.0 * np.pi * k / size
            terms = [(np.eye(2), L, None)]
            for w, J in zip(self.weights.values(), jumps, strict=True):
                z = np.exp(1j * chi * w) - 1.0
                terms.append((np.array([[z.real, -z.imag], [z.imag, z.real]]), J, None))
            values = _evolved(CoupledGenerator(terms), x0, times, rows)[1:]
            characteristic[:, k] = values[:, 0] + 1j * values[:, 1]
            characteristic[:, -k] = characteristic[:, k].conj()
        shifted = characteristic * np.exp(-2j * np.pi * np.arange(size) * n[0] / size)
        return np.fft.fft(shifted, axis=1).real / size

    def __repr__(self) -> str:
        return f"CountingStatistics(counted {self.weights}, order {self.order})"


def _evolved(
    generator: CoupledGenerator, x0: np.ndarray, times: np.ndarray, rows: sp.csr_array
) -> np.ndarray:
    """Values of some rows along the evolution, to nearly all digits."""
    integrator = choose("auto", Problem(generator, x0, times, rows, rtol=1e-12, atol=1e-14)).integrator
    integrator.solve()
    return integrator.values


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
