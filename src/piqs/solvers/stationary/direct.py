"""Steady states by sparse LU, with the second smallest singular value of the generator, which says how certain they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs._interrupts import dense
from piqs.errors import ConvergenceError, SteadyStateError
from piqs.linear.arnoldi import rightmost
from piqs.linear.factors import factorise
from piqs.linear.ordering import multiplications, predicted_fill
from piqs.solvers.stationary.base import FROM_MEMORY, Answer, Method, several

# Blocks up to this size are diagonalised densely.
_SMALL = 300
# Beyond this condition the LU cannot tell a second null vector from a slow one: up to so many unknowns an SVD decides.
_DOUBTFUL, _LARGEST_SVD = 1e10, 1500
# Singular values below this many roundings are zero, times the root of the number of unknowns.
_ROUNDINGS = 4.0
# Steps of the power method on the inverse and its transpose.
_POWER_STEPS = 3


class Direct(Method):
    """Sparse LU with one population set to 1, in each part of the generator that exchanges nothing with the rest."""

    name = "direct"

    @cached_property
    def _fill(self) -> float:
        return predicted_fill(self.problem.matrix)

    def cost(self) -> float:
        """The LU, and some solves for the state and its condition."""
        return _operations(self._fill, self.problem.n)

    def solve(self) -> Answer:
        """The null vector, or the sum of those of all parts, weighted with the trace of the initial state in each."""
        problem = self.problem
        count, label = sp.csgraph.connected_components(problem.matrix, directed=True, connection="weak")
        x, condition, operations = np.zeros(problem.n), 0.0, 0.0
        for part in range(count):
            inside = np.flatnonzero(label == part) if count > 1 else np.arange(problem.n)
            block = problem.matrix if count == 1 else sp.csr_array(problem.matrix[inside][:, inside])
            x[inside], worse, fill = self._limit(block, inside)
            condition = max(condition, worse)
            operations += _operations(fill, inside.size)
        return Answer(x, condition, operations)

    def _limit(self, block: sp.csr_array, inside: np.ndarray) -> tuple[np.ndarray, float, int]:
        """The steady state of one part, its condition, and the elements of the factors."""
        problem, trace = self.problem, self.problem.trace[inside]
        start = None if problem.x0 is None else problem.x0[inside]
        if not trace.any():
            if start is not None and start.any():
                _must_decay(block, problem.scale)
            return np.zeros(inside.size), 0.0, 0
        weight = 1.0 if start is None else float(trace @ start)
        if start is not None:
            self._must_not_oscillate(inside)
        try:
            x, condition, fill = _null_vector(block, trace, problem.scale)
        except SteadyStateError:
            if start is None or inside.size > _LARGEST_SVD:
                raise
            return _limit_of(block, start, problem.scale), 0.0, inside.size**2
        return weight * x, condition, fill

    def _must_not_oscillate(self, inside: np.ndarray) -> None:
        """A given state has no limit where an eigenvalue is imaginary; rates between populations have none."""
        problem = self.problem
        if problem.trace[inside].all():
            return
        if inside.size <= _SMALL:
            values = np.linalg.eigvals(problem.matrix[inside][:, inside].toarray())
        else:
            mask = np.zeros(problem.n, dtype=bool)
            mask[inside] = True
            try:
                values = rightmost(problem.generator.restricted(mask, closed_forward=True), 2)
            except ConvergenceError:
                # Many slow eigenvalues close to zero, which is where they should be.
                return
        if np.any((values.real > -1e-12 * problem.scale) & (np.abs(values.imag) > 1e-9 * problem.scale)):
            raise SteadyStateError(
                "rho0 may oscillate for ever, so that it has no steady state; add the noise that damps it, or try "
                "method='evolution' if rho0 does not excite the undamped motion"
            )


def _must_decay(block: sp.csr_array, scale: float) -> None:
    """Coherences without populations must vanish for a limit to exist."""
    if block.shape[0] <= _SMALL:
        top = float(np.linalg.eigvals(block.toarray()).real.max())
    else:
        top = float(sla.eigs(block, k=1, which="LR", return_eigenvectors=False).real.max())
    if top > -1e-12 * scale:
        raise SteadyStateError(
            "coherences of rho0 never decay, so that it has no steady state; add the noise that damps them, or start "
            "without them"
        )


def _operations(fill: float, n: int) -> float:
    """The LU, and some solves for the state and its condition."""
    return multiplications(fill, n) + 8 * FROM_MEMORY * fill


def _null_vector(block: sp.csr_array, trace: np.ndarray, scale: float) -> tuple[np.ndarray, float, int]:
    """The null vector of trace 1 of a block, its condition, and the elements of the factors.

    One population is set to 1 and its row and column dropped, which keeps the sign structure and the sparsity. Where
    that population happens to vanish in the steady state, the trace takes the place of one equation instead.
    """
    n = trace.size
    if n == 1:
        return np.ones(1), 0.0, 1
    pivot = _likely_population(block, trace)
    others = np.delete(np.arange(n), pivot)

    def embedded(solve: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        def inverse(b: np.ndarray) -> np.ndarray:
            x = np.zeros(n)
            x[others] = solve(b[others])
            return x

        return inverse

    unit = np.zeros(n)
    unit[pivot] = 1.0
    for attempt in ("without the pivot", "with the trace"):
        try:
            if attempt == "without the pivot":
                lu = factorise(block[others][:, others])
                inverse, transposed = embedded(lu.solve), embedded(lu.solve_transposed)
                x = unit + inverse(-(block @ unit))
                x -= inverse(block @ x)
            else:
                lu = factorise(_with_row(block, pivot, scale * trace))
                inverse, transposed = lu.solve, lu.solve_transposed
                x = inverse(scale * unit)
        except RuntimeError:
            continue
        total = float(trace @ x)
        if np.isfinite(total) and total != 0.0:
            condition = _condition(block, trace, x / total, inverse, transposed, scale)
            if condition < np.inf:
                return x / total, condition, lu.nnz
    raise several("the generator has a second zero eigenvalue")


def _condition(
    block: sp.csr_array,
    trace: np.ndarray,
    x: np.ndarray,
    inverse: Callable[[np.ndarray], np.ndarray],
    transposed: Callable[[np.ndarray], np.ndarray],
    scale: float,
) -> float:
    """About the norm of the inverse of the block / scale on traceless vectors; infinite where there is none.

    The power method on the inverse ends in the vector z that the block changes least. What it makes of z is looked at
    itself: factors with a small pivot say little of their own.
    """
    z = np.random.default_rng(1).standard_normal(trace.size)
    for _ in range(_POWER_STEPS):
        z = inverse(z / np.linalg.norm(z))
        z -= x * float(trace @ z)
        size = float(np.linalg.norm(z))
        if not np.isfinite(size):
            return np.inf
        if size == 0.0:
            return 0.0
        last, image = z, float(np.linalg.norm(block @ z)) / size
        z = transposed(z - trace * float(x @ z))
    condition = scale / max(image, np.finfo(float).tiny)
    if condition > _DOUBTFUL:
        if trace.size <= _LARGEST_SVD:
            values = dense(np.linalg.svd, block.toarray(), compute_uv=False)
            condition = float(scale / max(values[-2], np.finfo(float).tiny))
        if condition > 1.0 / _rounding(trace.size):
            return np.inf
    return max(condition, scale * float(np.linalg.norm(last)))


def _rounding(n: int) -> float:
    """Singular values below this part of the largest are zero."""
    return float(_ROUNDINGS * np.sqrt(n) * np.finfo(float).eps)


def _limit_of(block: sp.csr_array, start: np.ndarray, scale: float) -> np.ndarray:
    """The limit of a state where there are several: its projection on the null space along the range.

    The left null vectors are the conserved quantities, whose values in the initial state fix the limit.
    """
    left, values, right = dense(np.linalg.svd, block.toarray())
    null = values <= _rounding(start.size) * max(float(values[0]), np.finfo(float).tiny)
    conserved, states = left[:, null], right[null].T
    return states @ np.linalg.solve(conserved.T @ states, conserved.T @ start)


def _likely_population(block: sp.csr_array, trace: np.ndarray) -> int:
    """A population the steady state occupies: in a set that weight never leaves, the largest after some short steps."""
    populations = np.flatnonzero(trace)
    closed = populations[~leaving(block)[populations]]
    rate = float(np.abs(block.diagonal()).max()) or 1.0
    x = trace / trace.sum()
    for _ in range(30):
        x = x + (block @ x) / rate
    candidates = closed if closed.size else populations
    return int(candidates[np.argmax(x[candidates])])


def leaving(matrix: sp.csr_array) -> np.ndarray:
    """Mask of the elements whose strongly connected set weight leaves for good."""
    count, label = sp.csgraph.connected_components(matrix, directed=True, connection="strong")
    row, column = matrix.tocoo().coords
    leaves = np.zeros(count, dtype=bool)
    leaves[label[column[label[row] != label[column]]]] = True
    return leaves[label]


def _with_row(matrix: sp.csr_array, row: int, values: np.ndarray) -> sp.csr_array:
    """The matrix with one row replaced."""
    new = sp.csr_array(values[None, :])
    parts = [matrix[:row], new, matrix[row + 1 :]]
    return sp.csr_array(sp.vstack([part for part in parts if part.shape[0]], format="csr"))
