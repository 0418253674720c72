r"""The map of one period, :math:`P\rho(0) = \rho(T)`: its fixed point, and its eigenvalues, the Floquet multipliers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._interrupts import dense
from piqs._resources import one_blas_thread
from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, Problem
from piqs.integrators.choose import choose
from piqs.integrators.pieces import pieces
from piqs.integrators.piecewise import Piecewise, scheduled
from piqs.linear.dense import exponential
from piqs.liouville import AssembledGenerator

__all__ = ["PeriodMap"]

_RTOL = 1e-11
# Unknowns up to which the map is made as a dense matrix: of exponentials, and column by column.
_DENSE, _DENSE_BY_COLUMNS = 300, 64
# Residual of a multiplier that is returned.
_RESIDUAL = 1e-8
_SLOW = (
    "the fixed point of the one-period map was not reached in {} periods; the decay may be very slow: add noise, or shorten "
    "the period by a commensurate drive"
)


class PeriodMap:
    """Evolution over one period from time zero.

    Where coefficients are piecewise constant, the map is the product of the exponentials of the pieces.

    Parameters
    ----------
    generator : AssembledGenerator
        L(t).
    period : float
        T.

    Attributes
    ----------
    applications : int
        How often the map was applied.
    error : float
        Estimate of the error of the last evolution, as a trace norm.
    """

    def __init__(self, generator: AssembledGenerator, period: float) -> None:
        self.generator = generator
        self.period = period
        found = pieces(generator.coefficients, np.array([0.0, period]))
        self.pieces = None if found is None else scheduled(generator, found)
        self.applications = 0
        self.error = 0.0

    def nodes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Times of a period, and weights that average a function over it that is smooth within each piece.

        By Gauss's sums of `count` nodes in each piece; equally spaced where coefficients do not jump.
        """
        if self.pieces is None:
            return np.arange(count) * self.period / count, np.full(count, 1.0 / count)
        edges = np.array([0.0, *(end for end, _ in self.pieces)])
        place, weight = np.polynomial.legendre.leggauss(count)
        half = 0.5 * np.diff(edges)[:, None]
        return (edges[:-1, None] + half * (1.0 + place)).ravel(), (half * weight).ravel() / self.period

    @property
    def mixed(self) -> np.ndarray:
        """The completely mixed state."""
        return self.generator.trace / self.generator.trace.sum()

    @cached_property
    def dense(self) -> np.ndarray | None:
        """The map as a matrix, where it is small."""
        n = self.generator.n
        if self.pieces is not None and n <= _DENSE:
            return self._product()
        if n <= _DENSE_BY_COLUMNS:
            return np.column_stack([self._run(column) for column in np.eye(n)])
        return None

    @one_blas_thread()
    def _product(self) -> np.ndarray:
        total, start = np.eye(self.generator.n), 0.0
        for end, constant in self.pieces or []:
            total = exponential((end - start) * constant.matrix.toarray()) @ total
            start = end
        rate = self.generator.largest_rate(np.linspace(0.0, self.period, 17))
        self.error = float(np.finfo(float).eps * (10.0 + rate * self.period))
        return total

    def after(self, x: np.ndarray, periods: int = 1, rtol: float = _RTOL) -> np.ndarray:
        """The vector some whole periods later."""
        for _ in range(periods):
            self.applications += 1
            x = self._run(x, rtol) if self.dense is None else self.dense @ x
        return x

    def _run(self, x: np.ndarray, rtol: float = _RTOL) -> np.ndarray:
        return self.evolved(x, np.array([0.0, self.period]), rtol)[-1]

    def evolved(self, x: np.ndarray, times: np.ndarray, rtol: float = _RTOL) -> list[np.ndarray]:
        """The vectors at times, not decreasing, of the first period, from the first of them on."""
        found: list[np.ndarray] = []
        self._solved(x, times, sp.csr_array((0, x.size)), rtol, lambda i, y: found.append(y.copy()))
        scale = float(np.linalg.norm(x)) or 1.0
        return [scale * y for y in found]

    def values(self, x: np.ndarray, times: np.ndarray, rows: sp.csr_array) -> np.ndarray:
        """What rows read of the vectors at times, not decreasing, of the first period, from the first of them on."""
        return (float(np.linalg.norm(x)) or 1.0) * self._solved(x, times, rows, _RTOL, None)

    def _solved(
        self,
        x: np.ndarray,
        times: np.ndarray,
        rows: sp.csr_array,
        rtol: float,
        on_state: Callable[[int, np.ndarray], None] | None,
    ) -> np.ndarray:
        """Values along the evolution of a vector of norm one: tolerances are meant for states."""
        scale = float(np.linalg.norm(x)) or 1.0
        problem = Problem(self.generator, x / scale, times, rows, rtol, 0.01 * rtol, on_state=on_state)
        integrator = self._integrator(problem)
        integrator.solve()
        self.error = scale * integrator.error
        return integrator.values

    def _integrator(self, problem: Problem) -> Integrator:
        if self.pieces is not None and not self.generator.constant and problem.times[0] == 0.0:
            return Piecewise(problem, self.pieces)
        return choose("auto", problem).integrator

    def fixed_point(self) -> np.ndarray:
        r"""Solve :math:`(1 - P + m\,\mathrm{Tr})x = m` for the mixed state m.

        Raises
        ------
        ConvergenceError
            If GMRES does not converge.
        """
        trace, mixed, n = self.generator.trace, self.mixed, self.generator.n
        if self.dense is not None:
            x = np.linalg.solve(np.eye(n) - self.dense + np.outer(mixed, trace), mixed)
            return x / float(trace @ x)

        def apply(x: np.ndarray) -> np.ndarray:
            return x - self.after(x) + mixed * float(trace @ x)

        operator = sla.LinearOperator((n, n), matvec=apply, dtype=float)
        start = self.after(mixed, 2)
        x, failed = sla.gmres(operator, mixed, x0=start, rtol=1e-11, atol=0.0, restart=80, maxiter=5)
        if failed:
            raise ConvergenceError(_SLOW.format(self.applications))
        return x / float(trace @ x)

    def second_multiplier(self) -> complex:
        """The second multiplier: to a few digits, unless these cannot tell it from 1."""
        n = self.generator.n
        if self.dense is None:
            rough = sla.LinearOperator((n, n), matvec=lambda x: self.after(x, rtol=1e-6), dtype=float)
            start = np.random.default_rng(0).random(n)
            values = sla.eigs(rough, k=2, which="LM", v0=start, ncv=10, tol=1e-3, return_eigenvectors=False)
            second = complex(values[np.argmin(np.abs(values))])
            if abs(second - 1.0) > 1e-3:
                return second
        return complex(self.multipliers(2)[1])

    def multipliers(self, k: int) -> np.ndarray:
        """The k largest eigenvalues; see `FloquetSteadyState.multipliers`."""
        n = self.generator.n
        if self.dense is not None or n <= k + 2:
            columns = [self.after(column) for column in np.eye(n)] if self.dense is None else []
            matrix = np.column_stack(columns) if self.dense is None else self.dense
            values = dense(np.linalg.eigvals, matrix)
        else:
            operator = sla.LinearOperator((n, n), matvec=self.after, dtype=float)
            start = np.random.default_rng(0).random(n)
            values, vectors = sla.eigs(operator, k=min(k + 2, n - 2), which="LM", v0=start)
            for value, v in zip(values, vectors.T, strict=True):
                moved = self.after(v.real.copy()) + 1j * self.after(v.imag.copy())
                residual = float(np.linalg.norm(moved - value * v))
                if residual > _RESIDUAL:
                    raise ConvergenceError(
                        f"the multiplier {value:.6g} has a residual of {residual:.2g}; ask for more, k"
                    )
        return values[np.lexsort((values.imag, -np.round(np.abs(values), 12)))][:k].astype(complex)
