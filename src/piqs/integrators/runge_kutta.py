"""Adaptive integrators for generators that depend on time: explicit of order 8, and SciPy's implicit ones."""

from __future__ import annotations

import warnings
from math import hypot, sqrt
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.integrate import BDF, DOP853, Radau

from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, Problem
from piqs.integrators.stepping import SMALLEST_SHARE, Stepping, looked_at
from piqs.linear.factors import factorise
from piqs.liouville import AssembledGenerator

# The estimate of a step's error falls short of it by up to this, as measured on small problems.
_SHORT = 3.0
# Longest stable step times the largest rate, about, and what a step costs beside its stages, in multiplications.
_STABLE, _COST_OF_STEP = 6.0, 2e5

# The stages after the first and the slope at the end of the step, and those of the interpolant: times and weights.
_STAGES = DOP853.n_stages
_WEIGHTS = np.zeros((_STAGES, _STAGES + 1))
_WEIGHTS[:-1, :_STAGES], _WEIGHTS[-1, :_STAGES] = DOP853.A[1:], DOP853.B
_NODES = np.append(DOP853.C[1:], 1.0)
_BETWEEN_WEIGHTS, _BETWEEN_NODES = np.ascontiguousarray(DOP853.A_EXTRA), DOP853.C_EXTRA
# The weights of the two estimates of the error.
_ESTIMATES = np.array([DOP853.E5, DOP853.E3])
# The interpolant x + sum_i p_i(u) (a_i d + h b_i k) with p_0 = u, p_1 = u (1 - u), p_2 = u^2 (1 - u), ..., where d is what x
# changes by: the a_i, the b_i, and the largest value of p_6 = u^4 (1 - u)^3.
_OF_CHANGE = np.array([1.0, -1.0, 2.0, 0.0, 0.0, 0.0, 0.0])
_SLOPES = _STAGES + 1 + _BETWEEN_NODES.size
_OF_SLOPES = np.zeros((7, _SLOPES))
_OF_SLOPES[1, 0], _OF_SLOPES[2, 0], _OF_SLOPES[2, _STAGES], _OF_SLOPES[3:] = 1.0, -1.0, -1.0, DOP853.D
# The same for the state before the step, the state after it, and the slopes.
_OF_VECTORS = np.column_stack([-_OF_CHANGE, _OF_CHANGE, _OF_SLOPES])
_LAST_POLYNOMIAL = (4 / 7) ** 4 * (3 / 7) ** 3


class Explicit(Stepping):
    """The 8(5,3) pair of Dormand and Prince with SciPy's tableau and interpolant; stages are made in compiled code."""

    name = "dop853"
    # Any other method is better where the generator is constant.
    worth_asking = np.inf
    power, slopes, short = 8.0, _SLOPES, _SHORT

    def cost(self) -> float:
        """Steps are bounded by stability: about six over the largest rate."""
        rate = self.generator.largest_rate(looked_at(self.problem))
        steps = 1.0 + rate * self.problem.duration / _STABLE
        return steps * (_STAGES * (self.generator.nnz + 0.5 * _STAGES * self.generator.n) + _COST_OF_STEP)

    def _start(self, t: float) -> float:
        """A step over which the state changes by a hundredth (Hairer et al., II.4)."""
        self._k, self._scratch = self._vectors[2:], np.empty_like(self._x)
        self.generator.apply(self._x, self._k[0], t, self._threads)
        self.applications += 1
        slope = self._norm(self._k[0])
        duration = self.problem.duration
        return min(duration, 0.01 * self._norm(self._x) / slope) if slope > 0 else 0.01 * duration

    def _accept(self) -> None:
        self._k[0] = self._k[_STAGES]

    def _norm(self, x: np.ndarray) -> float:
        return sqrt(self.generator.dot(x, x))

    def _try(self, t: float, h: float) -> float:
        self._stages(t, h, _NODES, _WEIGHTS, 1, self._new)
        fifth, third = _ESTIMATES @ self._k[: _STAGES + 1]
        five, three = self._norm(fifth), self._norm(third)
        size = h * self.generator.trace_norm(fifth)
        return 0.0 if five == 0.0 else size * five / hypot(five, 0.1 * three)

    def _stages(
        self, t: float, h: float, nodes: np.ndarray, weights: np.ndarray, first: int, scratch: np.ndarray
    ) -> None:
        self.generator.stages(t + h * nodes, weights, h, self._x, self._k, first, scratch, self._threads)
        self.applications += nodes.size

    def _between(self, t: float, h: float) -> float:
        """The error of the interpolant of order 7: the size of its last term."""
        self._stages(t, h, _BETWEEN_NODES, _BETWEEN_WEIGHTS, _STAGES + 1, self._scratch)
        return _LAST_POLYNOMIAL * h * self.generator.trace_norm(_OF_SLOPES[-1] @ self._k)

    def _weights(self, h: float, part: np.ndarray) -> np.ndarray:
        factors = np.empty((len(_OF_CHANGE), part.size))
        factors[::2] = part
        factors[1::2] = 1.0 - part
        weights = np.multiply.accumulate(factors).T @ _OF_VECTORS
        weights[:, 0] += 1.0
        weights[:, 2:] *= h
        return weights


# Part of the tolerance that a step of SciPy's may spend at most, and the smallest relative tolerance of theirs that is reached.
_MARGIN, _TIGHTEST = 0.01, 2e-13
# By how much SciPy's estimates of a step's error, which are of a lower order, are too large at least.
_LOWER_ORDER = 0.1


class Implicit(Integrator):
    """SciPy's Radau (order 5) or BDF with sparse Jacobians, for stiff problems of moderate size."""

    name = "radau"
    options = frozenset({"rtol", "atol", "max_step"})
    matrix_free = False
    automatic = False
    generator: AssembledGenerator
    _scheme: Any = Radau

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs the matrices of the generator."""
        return (
            None
            if problem.generator.kind == "assembled"
            else "it needs the matrix of the generator, which is not stored"
        )

    def cost(self) -> float:
        """Unknown: it is for problems that turn out to be too stiff for the others."""
        return np.inf

    def run(self) -> None:
        """Let SciPy step through one stretch after the other, and read the outputs off its dense output."""
        self.record_state(self.x)
        scale = float(np.linalg.norm(self.x)) / np.sqrt(max(self.generator.n, 1))
        # Below, SciPy's Newton iterations do not converge any more.
        rtol = max(_MARGIN * self.problem.rtol, _TIGHTEST)
        atol = max(_MARGIN * min(self.problem.atol, self.problem.rtol * scale), _TIGHTEST * scale)
        t, x = float(self.times[0]), self.x
        while self.done < self.times.size and self.times[self.done] == t:
            self.record_state(x)
        for end, first, longest in self.problem.stretches:
            solver = self._scheme(
                self._slope,
                t,
                x,
                end,
                rtol=rtol,
                atol=atol,
                jac=lambda t, x: sp.csc_matrix(self.generator.matrix_at(t)),
                max_step=min(longest, self.problem.max_step or np.inf),
                first_step=min(first, end - t) if np.isfinite(first) else None,
            )
            solver.lu, solver.solve_lu = factorise, lambda factors, b: factors.solve(b)
            while solver.status == "running":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sp.SparseEfficiencyWarning)
                    message = solver.step()
                if solver.status == "failed":
                    raise ConvergenceError(
                        f"{self.name} failed at t = {solver.t}: {message} Raise rtol (now {self.problem.rtol:g}) or use "
                        "method='auto'"
                    )
                self.error += self._share(solver)
                left = (self.problem.allowed - self.error) * max(
                    solver.h_abs / self.problem.duration, SMALLEST_SHARE
                )
                tighter = min(1.0, max(left, 0.0) / max(self._share(solver, rtol, atol), 1e-300))
                solver.rtol, solver.atol = (
                    max(tighter * rtol, _TIGHTEST),
                    max(tighter * atol, _TIGHTEST * scale),
                )
                self._read_outputs(solver)
            t, x = float(solver.t), solver.y

    def _share(self, solver: Any, rtol: float = 0.0, atol: float = 0.0) -> float:
        """The error that a step is accepted with, as a trace norm: below this in every component, by a low-order estimate."""
        allowed = (atol or solver.atol) + (rtol or solver.rtol) * np.abs(solver.y)
        return _LOWER_ORDER * self.generator.trace_norm(allowed)

    def _read_outputs(self, solver: Any) -> None:
        """Record the outputs that the last step has passed."""
        inside = self.times[self.done :] <= solver.t
        if inside.any():
            dense = solver.dense_output()
            for t in self.times[self.done :][inside]:
                self.x = solver.y if t == solver.t else dense(t)
                self.record_state(self.x)

    def _slope(self, t: float, x: np.ndarray) -> np.ndarray:
        self.applications += 1
        return self.generator.apply(x, np.empty_like(x), t)


class BackwardDifferences(Implicit):
    """SciPy's BDF."""

    name = "bdf"
    _scheme: Any = BDF
