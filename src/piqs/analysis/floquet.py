r"""The periodic state of a dissipative system under a periodic drive.

:math:`\rho(t) = \rho(t + T)` solves the master equation. Two routes lead to it: harmonic balance,
:math:`\rho(t) = \sum_k \rho_k e^{ik\omega t}` with one sparse system for all :math:`\rho_k`; and the map of one period, whose
fixed point is found in a Krylov space (M. Grifoni and P. Haenggi, Phys. Rep. 304, 229 (1998)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from qutip import Qobj
from scipy.integrate import simpson

from piqs import _checks
from piqs._interrupts import bringing, dense, methods_bringing
from piqs.equations import MasterEquation, read
from piqs.errors import ConvergenceError, NotUniqueError
from piqs.integrators.base import Problem
from piqs.integrators.choose import choose
from piqs.linear.factors import Factors
from piqs.liouville import reduce
from piqs.liouville.basis import coordinates
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.result import qobj

__all__ = ["FloquetSteadyState", "floquet_steadystate"]

_RTOL, _ATOL = 1e-11, 1e-13
# Harmonics of the first try, and the most of a coefficient that harmonic balance takes on.
_FIRST, _MOST_OF_A_COEFFICIENT = 8, 6
# Unknowns of the balanced system up to which its LU is cheaper than periods of evolution.
_LARGEST_BALANCED = 60_000
_TAIL = 1e-11
# Samples of a period for Fourier coefficients, at first and at most.
_SAMPLES, _MOST_SAMPLES = 64, 2**14
_DENSE = 64
# A second multiplier this close to 1 is a second periodic state.
_SAME = 1e-9


@bringing()
def floquet_steadystate(
    H: Any,
    c_ops: Any = None,
    period: float | None = None,
    args: dict[str, Any] | None = None,
    method: str = "auto",
) -> FloquetSteadyState:
    r"""The state with the period of the drive that the system reaches from every initial state.

    .. math:: \dot\rho = \mathcal{L}(t)\rho, \qquad \mathcal{L}(t + T) = \mathcal{L}(t), \qquad \rho(t + T) = \rho(t)

    Parameters
    ----------
    H : model, MasterEquation, QobjEvo or list
        A model, or a Hamiltonian beside ``c_ops``, with coefficients of the period.
    c_ops : list of Qobj or QobjEvo, optional
        Collapse operators.
    period : float
        T, positive.
    args : dict, optional
        Arguments of the coefficient functions.
    method : {"auto", "harmonic balance", "map"}
        "auto" (default) balances harmonics where coefficients hold few of them and the system is small, and takes the
        map of one period otherwise.

    Returns
    -------
    FloquetSteadyState

    Raises
    ------
    ValueError
        If the period is not positive, the problem does not have it, or there is no dissipation (use
        ``qutip.FloquetBasis`` for quasi-energies).
    NotUniqueError
        (a SteadyStateError) if there are several periodic states.
    ConvergenceError
        If neither route converges.

    Examples
    --------
    An atom in a rotating drive on resonance: in the frame of the drive nothing moves, and the excited population is 1/3.

    >>> import numpy as np
    >>> import qutip
    >>> from piqs import floquet_steadystate
    >>> sp, w = qutip.sigmap(), 3.0
    >>> H = [0.5 * w * qutip.sigmaz(), [sp, lambda t: 0.5 * np.exp(-1j * w * t)], [sp.dag(), lambda t: 0.5 * np.exp(1j * w * t)]]
    >>> state = floquet_steadystate(H, [qutip.sigmam()], 2 * np.pi / w)
    >>> round(state.expect(qutip.sigmaz()), 9)
    -0.333333333
    """
    length = 0.0 if period is None else _checks.finite(period, "period")
    if length <= 0.0:
        raise ValueError(f"period must be positive, got {period!r}")
    _checks.choice(method, "method", ("auto", "harmonic balance", "map"))
    equation = read(H, c_ops, args, np.array([0.0, length]))
    if not equation.channels and not equation.superoperator.terms:
        raise ValueError(
            "c_ops is empty: without dissipation no periodic state is reached; use qutip.FloquetBasis"
        )
    return FloquetSteadyState(equation, length, method)


@methods_bringing
class FloquetSteadyState:
    """A periodic state; see `floquet_steadystate`.

    Attributes
    ----------
    period : float
        T.
    method : str
        The route that was taken.
    info : dict
        Number of unknowns, harmonics or applications of the map, and the change of the state over one period.
    """

    def __init__(self, equation: MasterEquation, period: float, method: str) -> None:
        self.equation = equation
        self.period = period
        self._generator = reduce(equation.lindbladian)
        self._check_periodic()
        self.info: dict[str, Any] = {"unknowns": self._generator.n}
        self._x = self._start(method)
        self._certify()

    def _check_periodic(self) -> None:
        for f in self._generator.coefficients:
            for part in (0.0, 0.2137, 0.5871, 0.9143):
                t = part * self.period
                if f is not None and abs(f(t + self.period) - f(t)) > 1e-9 * (1.0 + abs(f(t))):
                    raise ValueError(
                        f"period = {self.period:g} is not one of H and c_ops: a coefficient is {f(t):g} at {t:g} and "
                        f"{f(t + self.period):g} a period later"
                    )

    def _start(self, method: str) -> np.ndarray:
        """The state at t = 0."""
        fourier = self._coefficients()
        few = all(len(c) <= 1 + 2 * _MOST_OF_A_COEFFICIENT for c in fourier)
        small = self._generator.n * (2 * _FIRST + 1) <= _LARGEST_BALANCED
        if method == "harmonic balance" and not few:
            raise ValueError(
                f"method 'harmonic balance' needs coefficients of at most {_MOST_OF_A_COEFFICIENT} harmonics; use 'map'"
            )
        if method == "harmonic balance" or (method == "auto" and few and small):
            self.method = "harmonic balance"
            found = self._balance(fourier)
            if found is not None or method != "auto":
                if found is None:
                    raise ConvergenceError("the harmonics do not converge within memory; use method='map'")
                return found
        self.method = "map"
        return self._fixed_point()

    def _coefficients(self) -> list[np.ndarray]:
        """Real Fourier coefficients (mean, cos, sin, cos, ...) of each coefficient, up to its last harmonic."""
        times = np.arange(256) * self.period / 256
        found = []
        for f in self._generator.coefficients:
            if f is None:
                found.append(np.ones(1))
                continue
            c = np.fft.rfft([f(t) for t in times]) / times.size
            last = int(np.max(np.flatnonzero(np.abs(c) > 1e-13 * np.abs(c).max()), initial=0))
            pairs = [(2.0 * z.real, -2.0 * z.imag) for z in c[1 : last + 1]]
            found.append(np.array([c[0].real, *(v for pair in pairs for v in pair)]))
        return found

    def _balance(self, fourier: list[np.ndarray]) -> np.ndarray | None:
        """Harmonics by one sparse solve, with twice as many until the last ones vanish; None where these are too many."""
        g, omega = self._generator, 2.0 * np.pi / self.period
        K = max(_FIRST, *(len(c) for c in fourier))
        while g.n * (2 * K + 1) <= _LARGEST_BALANCED:
            size = 2 * K + 1
            system = sp.csr_array((g.n * size, g.n * size))
            for c, m in zip(fourier, g.matrices, strict=True):
                system = system + sp.kron(_multiplication(c, K), m, format="csr")
            system = system - sp.kron(_derivative(K, omega), sp.eye_array(g.n), format="csr")
            x = self._null_vector(sp.csr_array(system)).reshape(size, g.n)
            tail = float(np.abs(x[-2:]).max())
            if tail <= _TAIL * float(np.abs(x[0]).max()):
                self.info.update(harmonics=K)
                return x[0] + x[1::2].sum(axis=0)
            K *= 2
        return None

    def _null_vector(self, system: sp.csr_array) -> np.ndarray:
        """The solution whose mean has trace one."""
        g = self._generator
        # A population of the mean that long evolution fills is set to one, and its equation dropped.
        guess = self._after(self._mixed(), 3)
        pivot = int(g.populations[np.argmax(guess[g.populations])])
        others = np.delete(np.arange(system.shape[0]), pivot)
        try:
            lu = Factors(sp.csr_array(system[others][:, others]))
        except RuntimeError:
            raise NotUniqueError(
                "there are several periodic states; add the noise that connects them"
            ) from None
        x = np.zeros(system.shape[0])
        x[pivot] = 1.0
        for _ in range(2):
            x[others] -= lu.solve((system @ x)[others])
        return x / float(g.trace @ x[: g.n])

    def _mixed(self) -> np.ndarray:
        return self._generator.trace / self._generator.trace.sum()

    def _after(self, x: np.ndarray, periods: int = 1, rtol: float = _RTOL) -> np.ndarray:
        """The vector some whole periods later."""
        for _ in range(periods):
            x = self._evolved(x, np.array([0.0, self.period]), rtol)[-1]
        return x

    def _evolved(self, x: np.ndarray, times: np.ndarray, rtol: float = _RTOL) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        scale = float(np.linalg.norm(x)) or 1.0
        problem = Problem(
            self._generator,
            x / scale,
            times,
            sp.csr_array((0, self._generator.size)),
            rtol,
            0.01 * rtol,
            0.0,
            lambda i, y: found.append(scale * y),
        )
        choose("auto", problem).integrator.solve()
        return found

    def _fixed_point(self) -> np.ndarray:
        r"""Solve :math:`(1 - P + m\,\mathrm{Tr})x = m` for the map P of one period and the mixed state m."""
        g, mixed = self._generator, self._mixed()
        count = 0

        def apply(x: np.ndarray) -> np.ndarray:
            nonlocal count
            count += 1
            return x - self._after(x) + mixed * float(g.trace @ x)

        operator = sla.LinearOperator((g.n, g.n), matvec=apply, dtype=float)
        x, failed = sla.gmres(
            operator, mixed, x0=self._after(mixed, 2), rtol=1e-11, atol=0.0, restart=80, maxiter=5
        )
        self.info.update(applications=count)
        if failed:
            raise ConvergenceError(
                f"the fixed point of the one-period map was not reached in {count} periods; the decay may be very slow: add "
                "noise, or shorten the period by a commensurate drive"
            )
        return x / float(g.trace @ x)

    def _certify(self) -> None:
        """The state must come back after a period, and be the only one that does."""
        change = float(np.linalg.norm(self._after(self._x) - self._x))
        self.info.update(change=change)
        if not change <= 1e-8 * float(np.linalg.norm(self._x)):
            raise ConvergenceError(
                f"the periodic state changes by {change:.2g} over a period; use the other method"
            )
        populations = self._x[self._generator.populations]
        if populations.min() < -1e-8:
            raise NotUniqueError(
                f"the periodic state has a population of {populations.min():.2g}: there are several, and this is a mixture "
                "of them; add the noise that connects them"
            )
        if self._generator.n > 1:
            second = self._second_multiplier()
            self.info.update(multiplier=complex(second))
            if abs(second - 1.0) < _SAME:
                raise NotUniqueError("there are several periodic states; add the noise that connects them")

    def _second_multiplier(self) -> complex:
        """The second multiplier: to a few digits, unless these cannot tell it from 1."""
        n = self._generator.n
        if n > _DENSE:
            rough = sla.LinearOperator((n, n), matvec=lambda x: self._after(x, rtol=1e-6), dtype=float)
            start = np.random.default_rng(0).random(n)
            values = sla.eigs(rough, k=2, which="LM", v0=start, ncv=10, tol=1e-3, return_eigenvectors=False)
            second = complex(values[np.argmin(np.abs(values))])
            if abs(second - 1.0) > 1e-3:
                return second
        return complex(self.multipliers(2)[1])

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
        n = self._generator.n
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= n:
            raise ValueError(f"k must be a whole number from 1 to {n}, got {k!r}")
        if n <= max(_DENSE, k + 2):
            P = np.column_stack([self._after(column) for column in np.eye(n)])
            values = dense(np.linalg.eigvals, P)
        else:
            operator = sla.LinearOperator((n, n), matvec=self._after, dtype=float)
            values, vectors = sla.eigs(
                operator, k=min(k + 2, n - 2), which="LM", v0=np.random.default_rng(0).random(n)
            )
            for value, v in zip(values, vectors.T, strict=True):
                moved = self._after(v.real.copy()) + 1j * self._after(v.imag.copy())
                residual = float(np.linalg.norm(moved - value * v))
                if residual > 1e-8:
                    raise ConvergenceError(
                        f"the multiplier {value:.6g} has a residual of {residual:.2g}; ask for more, k"
                    )
        return values[np.lexsort((values.imag, -np.round(np.abs(values), 12)))][:k].astype(complex)

    def state(self, t: float) -> Qobj:
        """The density matrix at time t."""
        within = _checks.finite(t, "t") % self.period
        x = self._evolved(self._x, np.array([0.0, within]))[-1] if within else self._x
        return qobj(self._generator, x, self.equation.dims)

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
        times = np.atleast_1d(np.asarray(t, dtype=float)) % self.period
        order = np.argsort(times, kind="stable")
        values = np.empty(times.size, dtype=complex)
        values[order] = self._values(op, times[order])
        result = values.real if op.isherm else values
        return result[0] if np.ndim(t) == 0 else result

    def _values(self, op: Qobj, times: np.ndarray) -> np.ndarray:
        """Values at sorted times within the period."""
        self.equation.operator(op, "op", constant=True)
        real, imaginary = self._generator.functionals(_checks.matrix(op, "op"))
        states = np.array(self._evolved(self._x, np.concatenate([[0.0], times])))[1:]
        return states @ real + (0.0 if imaginary is None else 1j * (states @ imaginary))

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
        count = max(_SAMPLES, 4 * (k + 1))
        before = None
        while count <= _MOST_SAMPLES:
            values = self._values(op, np.arange(count) * self.period / count)
            found = np.fft.fft(values)[: k + 1] / count
            if before is not None and np.abs(found - before).max() <= 1e-10 * max(
                1.0, float(np.abs(values).max())
            ):
                return found
            before, count = found, 2 * count
        raise ConvergenceError(
            f"the harmonics of op do not converge with {_MOST_SAMPLES} samples of a period"
        )

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
            Equally spaced t over which the average runs.

        Returns
        -------
        ndarray of complex128, shape (M,)
        """
        delays = _checks.times(taulist, "taulist")
        if delays[0] < 0.0:
            raise ValueError(f"taulist must not be negative, got {delays[0]!r}")
        A = _checks.matrix(self.equation.operator(a_op, "a_op", constant=True), "a_op")
        B = _checks.matrix(self.equation.operator(b_op, "b_op", constant=True), "b_op")
        total = np.zeros(delays.size, dtype=complex)
        for t in np.arange(phases) * self.period / phases:
            total += self._regression(A, B, float(t), delays)
        return total / phases

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
            Without the elastic lines at multiples of the drive frequency. The integral over the delay runs until all but
            1e-8 has decayed, by Simpson's rule on a grid that resolves the frequencies.
        """
        frequencies = np.asarray(wlist, dtype=float)
        if frequencies.ndim != 1 or not np.all(np.isfinite(frequencies)):
            raise ValueError("wlist must be a list of finite numbers")
        decay = -np.log(max(abs(self.info.get("multiplier", 0.0)), 1e-8)) / self.period
        end = np.log(1e8) / decay
        fastest = max(
            float(np.abs(frequencies).max()), 2.0 * np.pi / self.period
        ) + self._generator.largest_rate(np.linspace(0.0, self.period, 17))
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

    def __repr__(self) -> str:
        return f"FloquetSteadyState(period {self.period:g}, {self.method}, {self._generator.n} unknowns)"


def _multiplication(c: np.ndarray, K: int) -> sp.csr_array:
    """Multiplication by a function of real Fourier coefficients c, on (mean, cos, sin, cos, ...) of K harmonics."""
    size = 2 * K + 1
    count = 4 * (K + len(c)) + 4
    angle = 2.0 * np.pi * np.arange(count) / count
    basis = _basis(K, angle)
    values = _basis((len(c) - 1) // 2, angle) @ c
    norms = np.full(size, 2.0 / count)
    norms[0] = 1.0 / count
    matrix = norms[:, None] * (basis.T @ (values[:, None] * basis))
    matrix[np.abs(matrix) < 1e-14 * np.abs(c).max(initial=0.0)] = 0.0
    return sp.csr_array(matrix)


def _basis(K: int, angle: np.ndarray) -> np.ndarray:
    columns = [np.ones_like(angle)]
    for k in range(1, K + 1):
        columns += [np.cos(k * angle), np.sin(k * angle)]
    return np.column_stack(columns)


def _derivative(K: int, omega: float) -> sp.csr_array:
    """d/dt on (mean, cos, sin, cos, ...)."""
    D = np.zeros((2 * K + 1, 2 * K + 1))
    for k in range(1, K + 1):
        D[2 * k, 2 * k - 1] = -k * omega
        D[2 * k - 1, 2 * k] = k * omega
    return sp.csr_array(D)
