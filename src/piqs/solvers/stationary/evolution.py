"""Steady states as limits: evolution over times that double, until nothing changes any more."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from piqs.errors import SteadyStateError
from piqs.integrators.base import Problem as EvolutionProblem
from piqs.integrators.faber import Faber
from piqs.solvers.stationary.base import FROM_MEMORY, Answer, Method, several

_MOST_APPLICATIONS = 200_000
# What is added to a start must shrink to this part; the logarithm of it times the slowest time is the time it takes.
_SAME = 1e-2
# Two starts, the doublings, and gaps smaller than any loss: what it took in place of this, in the median of benchmarks.calibrate.
_SLOWER = 24.0


class Evolution(Method):
    """Faber series from the initial state, or from the mixed one and from what is added to it."""

    name = "evolution"

    def cost(self) -> float:
        """As if the slowest rate were the smallest loss of a population."""
        problem = self.problem
        loss = -problem.matrix.diagonal()[problem.generator.populations]
        slowest = float(loss[loss > 1e-12 * problem.scale].min(initial=problem.scale))
        digits = -np.log(problem.tol)
        return self._operations(_SLOWER * digits * problem.scale / slowest)

    def _operations(self, applications: float) -> float:
        return FROM_MEMORY * applications * (self.problem.generator.nnz + 6 * self.problem.n)

    def solve(self) -> Answer:
        """Where the initial state goes; without one, where every state goes."""
        problem = self.problem
        start = problem.mixed if problem.x0 is None else problem.x0
        x, time, applications = self._limit(start, 10.0 / problem.scale)
        if problem.x0 is None:
            # Any other start must end in the same state: what is added to it must vanish.
            added = problem.traceless(float(np.linalg.norm(x)))
            left, time, more = self._limit(added, time, may_vanish=True)
            if np.linalg.norm(left) > _SAME * np.linalg.norm(x):
                raise several("evolutions from two starts end in different states")
            applications += more
        condition = problem.scale * time / -np.log(_SAME)
        return Answer(x, condition, self._operations(applications), {"applications": applications})

    def _limit(self, x: np.ndarray, span: float, may_vanish: bool = False) -> tuple[np.ndarray, float, int]:
        """Where x goes, or what is left when it has shrunk to nothing; the last time span and the applications it took."""
        problem = self.problem
        whole = float(np.linalg.norm(x))
        none = sp.csr_array((0, x.size))
        applications = 0
        residual = np.inf
        while applications < _MOST_APPLICATIONS:
            rtol = max(0.1 * problem.tol, 1e-13)
            step = Faber(EvolutionProblem(problem.generator, x, np.array([0.0, span]), none, rtol, atol=0.0))
            step.run()
            x = step.x
            applications += step.applications
            residual = float(np.linalg.norm(problem.matrix @ x)) / problem.scale
            problem.report(residual)
            left = float(np.linalg.norm(x)) / whole if may_vanish else 1.0
            if residual <= problem.tol * left or left < _SAME:
                return x, span, applications
            span *= 2.0
        raise SteadyStateError(
            f"evolution reached a residual of {residual:.2g}, not {problem.tol:.2g}, after {applications} applications; the "
            "state may oscillate for ever, or the gap be very small: raise tol, or use method 'direct'"
        )
