"""Adaptive integrators for generators that depend on time: explicit of order 8, and SciPy's implicit ones."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.integrate import BDF, DOP853, Radau

from piqs._kernels import apply as kernels
from piqs._resources import threads_for
from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, Problem
from piqs.linear.factors import Factors
from piqs.liouville import AssembledGenerator

# Step control of Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.4.
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0
_EPS = np.finfo(float).eps
# Smallest part of the tolerance that a step may spend, and rounding of a step in units of eps times the trace norm.
_SMALLEST_SHARE, _ROUNDINGS = 1e-4, 2.0
# Longest stable step times the largest rate, about.
_STABLE = 6.0


class Explicit(Integrator):
    """The 8(5,3) pair of Dormand and Prince with SciPy's tableau; stage sums are made in compiled code."""

    name = "dop853"
    options = frozenset({"rtol", "atol", "max_step"})
    # Any other method is better where the generator is constant.
    worth_asking = np.inf

    def cost(self) -> float:
        """Steps are bounded by stability: about six over the largest rate."""
        times = self.times[[0, self.times.size // 2, -1]]
        rate = self.generator.largest_rate(times)
        stages = DOP853.n_stages
        steps = 1.0 + rate * self.problem.duration / _STABLE
        return stages * steps * (self.generator.nnz + 0.5 * stages * self.generator.n)

    def run(self) -> None:
        """Step from output to output, as long a step as the tolerance allows and the coefficients' changes ask for."""
        n, dtype, stages = self.generator.size, self.generator.dtype, DOP853.n_stages
        self._k = np.empty((stages + 1, n), dtype=dtype)
        x, t, h = self.x.copy(), float(self.times[0]), 0.0
        new, scratch = np.empty(n, dtype=dtype), np.empty(n, dtype=dtype)
        self.record_state(x)
        ahead = iter(self.problem.stretches)
        edge, longest = t, np.inf
        with threads_for(self.generator.nnz) as threads:
            while self.done < self.times.size:
                target = self.times[self.done]
                if target == t:
                    self.record_state(x)
                    continue
                if h == 0.0:
                    self._slope(threads, t, x, self._k[0])
                    h = self._first_step(x)
                if edge <= t:
                    edge, first, longest = next(ahead)
                    h = min(h, first)
                h = min(h, longest, self.problem.max_step or np.inf)
                end = min(target, edge)
                last = t + 1.0001 * h >= end
                step = end - t if last else h
                error, allowed = self._try(threads, t, step, x, new, scratch)
                if error < allowed:
                    x, new = new, x
                    t = end if last else t + step
                    self._k[0] = self._k[stages]
                    self.x = x
                    self.error += error
                    if t == target:
                        self.record_state(x)
                    # A step cut short by an output says nothing against the longer one.
                    factor = min(_GROW, _SAFETY * max(error / allowed, 1e-14) ** (-1 / 8))
                    h = max(h, factor * step) if last else factor * step
                else:
                    h = step * max(_SHRINK, _SAFETY * (error / allowed) ** (-1 / 8))
                    if t + h == t:
                        raise ConvergenceError(
                            f"the step fell below rounding at t = {t}; the coefficients may be singular there"
                        )

    def _slope(self, threads: int, t: float, x: np.ndarray, out: np.ndarray) -> None:
        self.generator.apply(x, out, t, threads)
        self.applications += 1

    def _norm(self, x: np.ndarray) -> float:
        return float(np.sqrt(self.generator.dot(x, x)))

    def _first_step(self, x: np.ndarray) -> float:
        """A step over which the state changes by a hundredth (Hairer et al., II.4)."""
        slope = self._norm(self._k[0])
        duration = max(self.problem.duration, np.finfo(float).tiny)
        return min(duration, 0.01 * self._norm(x) / slope) if slope > 0 else 0.01 * duration

    def _try(
        self, threads: int, t: float, h: float, x: np.ndarray, new: np.ndarray, scratch: np.ndarray
    ) -> tuple[float, float]:
        """Make one step into `new`; its error as a trace norm, and the error it may have."""
        k = self._k
        for s in range(1, DOP853.n_stages):
            _combine(x, k, DOP853.A[s, :s], h, scratch)
            self._slope(threads, t + DOP853.C[s] * h, scratch, k[s])
        _combine(x, k, DOP853.B, h, new)
        self._slope(threads, t + h, new, k[DOP853.n_stages])
        zero = np.zeros_like(scratch)
        _combine(zero, k, DOP853.E5, h, scratch)
        five, size = self._norm(scratch), self.generator.trace_norm(scratch)
        _combine(zero, k, DOP853.E3, h, scratch)
        three = self._norm(scratch)
        error = 0.0 if five == 0.0 else size * five / np.sqrt(five**2 + 0.01 * three**2)
        share = max(h / max(self.problem.duration, h), _SMALLEST_SHARE)
        rounding = _ROUNDINGS * _EPS * self.generator.trace_norm(x)
        return error, 0.5 * self.problem.allowed * share + rounding


def _combine(x: np.ndarray, k: np.ndarray, weights: np.ndarray, h: float, out: np.ndarray) -> None:
    """out = x + h sum_i weights[i] k[i]; complex numbers as pairs of real ones."""
    kernels.combine(x.view(np.float64), k.view(np.float64), weights, h, out.view(np.float64))


# Part of the tolerance that SciPy's steps may spend, and the smallest relative tolerance of theirs that is reached.
_MARGIN, _TIGHTEST = 0.01, 2e-13
# By how much SciPy's estimates of a step's error are too large, at least.
_LOWER_ORDER = 0.1


class Implicit(Integrator):
    """SciPy's Radau (order 5) or BDF with sparse Jacobians, for stiff problems of moderate size."""

    name = "radau"
    options = frozenset({"rtol", "atol", "max_step"})
    automatic = False
    matrix_free = False
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
            solver.lu, solver.solve_lu = Factors, Factors.solve
            while solver.status == "running":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sp.SparseEfficiencyWarning)
                    message = solver.step()
                if solver.status == "failed":
                    raise ConvergenceError(
                        f"{self.name} failed at t = {solver.t}: {message} Raise rtol (now {self.problem.rtol:g}) or use "
                        "method='auto'"
                    )
                # A step is accepted whose error is below this in every component, by an estimate of a lower order.
                allowed = atol + rtol * np.abs(solver.y)
                self.error += _LOWER_ORDER * self.generator.trace_norm(allowed)
                self._read_outputs(solver)
            t, x = float(solver.t), solver.y

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
