"""SciPy's implicit integrators, for stiff generators that depend on time."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.integrate import BDF, Radau

from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, Problem
from piqs.integrators.stepping import SMALLEST_SHARE
from piqs.linear.factors import factorise
from piqs.liouville import AssembledGenerator

# Part of the tolerance that a step of SciPy's may spend at most, and the smallest relative tolerance of theirs that is reached.
_MARGIN, _TIGHTEST = 0.01, 2e-13
# By how much SciPy's estimates of a step's error, which are of a lower order, are too large at least.
_LOWER_ORDER = 0.1
# Steps at a tolerance of 1e-6 and for each stretch of the coefficients, as measured on driven ensembles, and what one takes: the
# factors, for each element of theirs, and beside them, in multiplications.
_STEPS, _STEPS_IN_STRETCH, _FACTORISATION, _COST_OF_STEP = 350.0, 20.0, 40.0, 1e6


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
        """Some hundred steps, if nothing but what is fast bounds the steps of other methods."""
        steps = _STEPS * (1e-6 / max(self.problem.relative_accuracy, _TIGHTEST)) ** 0.2
        steps += _STEPS_IN_STRETCH * len(self.problem.stretches)
        n = self.generator.n
        fill = 6.0 * n * np.log2(n + 2.0) if self.generator.populations.size == n else n**1.7
        return float(steps * (_FACTORISATION * fill + _COST_OF_STEP))

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
