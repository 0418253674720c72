"""Steady states by sweeps over sets of kets between which there is no coherence, and a balance of their weights."""

from __future__ import annotations

import numpy as np

from piqs.errors import SteadyStateError
from piqs.linear.ordering import multiplications
from piqs.linear.two_level import StalledError, TwoLevel, predicted_block_fill
from piqs.solvers.stationary.base import FROM_MEMORY, FROM_PANELS, Answer, Method, several

# The iteration goes on to this part of the residual allowed: a digit or two cost little beside the factors.
_FURTHER = 1e-2
_ROUNDING = 8 * np.finfo(float).eps
# A second steady state leaves this part of a random source, over the root of the unknowns, without a solution.
_SOURCE = 0.05
# What the interpreter takes of each block and of each sweep, in multiplications.
_CALL = 1e6
# Iterations: these, one for each block, fewer where they exchange less than that, and those for what they exchange within their
# size (fitted to the problems of benchmarks.calibrate).
_ITERATIONS, _STRONG, _EXCHANGED = 8.0, 0.06, 5.5
# What was seen of the inverse is a lower bound of its norm.
_DOUBLE = 2.0


class TwoLevelMethod(Method):
    """GMRES preconditioned by block Gauss-Seidel and the balance of weights of ``piqs.linear.two_level``."""

    name = "two-level"

    def unsuitable(self) -> str | None:
        """Why there are no blocks to sweep over."""
        if self.problem.x0 is not None:
            return "it finds the unique steady state, not the limit of rho0"
        sizes = np.bincount(self.problem.sets)
        if sizes.size == 1:
            return "all kets have coherence with one another"
        if sizes.size > self.problem.n // 4:
            return "most kets have no coherence with any other"
        return None

    def cost(self) -> float:
        """LUs of the blocks, and sweeps: their number grows with that of the blocks, and with what these exchange."""
        sizes = np.bincount(self.problem.sets)
        fill = predicted_block_fill(self.problem.matrix, self.problem.sets)
        exchange, mean = self.problem.exchange, self.problem.n / sizes.size
        iterations = _ITERATIONS + sizes.size * min(1.0, exchange / _STRONG) ** 0.4
        iterations += _EXCHANGED * exchange**2 * np.sqrt(mean)
        return self._operations(fill, round(2 * iterations))

    def _operations(self, fill: float, solves: int) -> float:
        """LUs of the blocks, two sweeps for each application and the orthogonalisation of what it gives."""
        problem = self.problem
        sweep = FROM_PANELS * fill + FROM_MEMORY * (problem.generator.nnz + 10.0 * problem.n)
        calls = _CALL * (solves + int(self.problem.sets.max()))
        return multiplications(fill, problem.n) + solves * sweep + calls

    def solve(self) -> Answer:
        """The null vector, and from the solution for a random source whether there is another."""
        problem = self.problem
        try:
            levels = TwoLevel(problem.matrix, problem.trace, self.problem.sets)
        except RuntimeError as singular:
            raise SteadyStateError(
                "method 'two-level' needs weight to leave every set of kets between which there are coherences, and some set "
                "keeps it; use 'direct' or 'evolution'"
            ) from singular
        try:
            goal = max(_FURTHER * problem.tol, _ROUNDING) * problem.scale
            found = levels.null_vector(goal, lambda size: problem.report(size / problem.scale))
        except StalledError as stalled:
            raise SteadyStateError(f"method 'two-level': {stalled}; use 'direct' or 'evolution'") from stalled
        rtol = _SOURCE / np.sqrt(problem.n)
        response = levels.response(problem.traceless(1.0), rtol)
        if not response.residual <= rtol:
            raise several("a source without trace has no response")
        seen = max(found.condition, response.condition, float(np.linalg.norm(response.x)))
        operations = self._operations(levels.nnz, levels.solves)
        details = {"iterations": levels.solves // 2, "blocks": levels.count, "fill": levels.nnz}
        return Answer(found.x, _DOUBLE * problem.scale * seen, operations, details)
