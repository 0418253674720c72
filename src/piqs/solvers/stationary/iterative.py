"""Steady states by GMRES with recycling, preconditioned with the part of the generator that makes no jumps."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._resources import one_blas_thread
from piqs.errors import SteadyStateError
from piqs.linear.no_jump import drift_of, no_jump_inverse
from piqs.solvers.stationary.base import FROM_MEMORY, Answer, Method

# Krylov vectors of one cycle of GCROT, those it hands on, and cycles between two looks at the true residual.
_KRYLOV, _RECYCLED, _CYCLES = 120, 20, 5
# By how much the residual may fall in between, by how much it must, and the most looks.
_DIGITS, _PROGRESS, _MOST_RESTARTS = 1e-11, 0.5, 10
# A second steady state leaves this part of a random source, over the root of the unknowns, without a solution.
_SOURCE = 0.05
# The error is found to this part of itself, about.
_RESPONSE = 1e-3
# Applications it takes, about, and those for each inverse part of the generator that jumps between sets of kets: the
# preconditioner knows what remains (fitted to the problems of benchmarks.calibrate).
_APPLICATIONS, _WITHOUT_JUMPS = 130.0, 30.0
# An orthogonalisation streams through half of the Krylov vectors on average; a dense product takes this part of a
# multiplication of a sparse LU.
_STREAMED, _DENSE = 3.0, 0.5


class Iterative(Method):
    """GCROT on the generator with the trace fixed, preconditioned with its no-jump part."""

    name = "iterative"

    def unsuitable(self) -> str | None:
        """Why it does not apply: a given state."""
        return None if self.problem.x0 is None else "it finds the unique steady state, not the limit of rho0"

    @cached_property
    def _drift(self) -> sp.csc_array:
        return drift_of(self.problem.lindbladian, self.problem.generator)

    def cost(self) -> float:
        """More applications the less the generator jumps."""
        return self._operations(_APPLICATIONS + _WITHOUT_JUMPS / max(self.problem.exchange, 1e-3))

    def _operations(self, applications: float) -> float:
        """Applications, with the dense products of the preconditioner and the orthogonalisation."""
        problem = self.problem
        _, label = sp.csgraph.connected_components(abs(self._drift), directed=False)
        kets = np.bincount(label).astype(float)
        dense = 16.0 * float(np.sum(kets**3))
        step = FROM_MEMORY * problem.generator.nnz + _STREAMED * _KRYLOV * problem.n + _DENSE * dense
        return applications * step

    @one_blas_thread()
    def solve(self) -> Answer:
        """The null vector, and from the solution for a random source whether there is another."""
        problem = self.problem
        matrix, trace = problem.matrix, problem.trace
        source = problem.scale * problem.mixed
        apply_inverse = no_jump_inverse(self._drift, problem.generator)
        steps = 0

        def apply(x: np.ndarray) -> np.ndarray:
            nonlocal steps
            steps += 1
            return apply_inverse(matrix @ x + source * (trace @ x))

        operator = sla.LinearOperator(matrix.shape, matvec=apply, dtype=float)
        recycled: list[tuple[np.ndarray, np.ndarray]] = []

        def solve(b: np.ndarray, guess: np.ndarray, rtol: float) -> tuple[np.ndarray, float]:
            # The residual that GCROT updates drifts away from the true one, from which it is started again.
            right_side = apply_inverse(b)
            whole = float(np.linalg.norm(right_side))
            x, best, before = guess, guess, np.inf
            for _ in range(_MOST_RESTARTS):
                rest = right_side - apply(x)
                size = float(np.linalg.norm(rest)) / whole
                problem.report(size)
                if not size < before:
                    return best, before
                if not rtol < size < _PROGRESS * before:
                    break
                best = x
                x = x + sla.gcrotmk(
                    operator, rest, rtol=max(_DIGITS, rtol / size), atol=0.0, m=_KRYLOV, k=_RECYCLED, CU=recycled, maxiter=_CYCLES
                )[0]  # fmt: skip
                before = size
            return x, size

        x, _ = solve(source, problem.mixed, 0.1 * problem.tol)
        residual = float(np.linalg.norm(matrix @ x)) / problem.scale
        if not residual <= problem.tol * abs(float(trace @ x)):
            raise SteadyStateError(
                f"method 'iterative' reached a residual of {residual:.2g}, not {problem.tol:.2g}, in {steps} applications; "
                "raise tol, or use 'direct' or 'evolution'"
            )
        # Where there is a second steady state, a source that would lead from one to the other has no response; one that was not
        # found proves nothing.
        rtol = _SOURCE / np.sqrt(problem.n)
        response, left = solve(problem.traceless(problem.scale), np.zeros(problem.n), rtol)
        if not left <= 2.0 * rtol:
            raise SteadyStateError(
                f"method 'iterative' found a state, but not whether it is the only one: its check stopped at a residual of "
                f"{left:.2g}, not {rtol:.2g}. There may be several steady states; use 'direct' or 'evolution', or pass rho0"
            )
        condition = float(np.linalg.norm(response))
        if residual > 0.0:
            # What is left may be worse than a random source: its own response is the error.
            recycled.clear()  # what helped the other right-hand sides may lead this one astray
            error, _ = solve(matrix @ x / residual, np.zeros(problem.n), _RESPONSE)
            condition = max(condition, float(np.linalg.norm(error)))
        return Answer(x, condition, self._operations(steps), {"iterations": steps})
