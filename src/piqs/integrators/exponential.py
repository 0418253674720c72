r"""Evolution of small problems by dense exponentials: one :math:`e^{\Delta t L}` for each spacing of the outputs.

All outputs of one spacing follow by doubling, :math:`[x_1 \ldots x_{2m}] = [X, P^m X]` with :math:`X = [x_1 \ldots x_m]`,
so that a thousand of them cost ten products. The exponential is accurate to rounding (A. H. Al-Mohy and N. J. Higham,
SIAM J. Matrix Anal. Appl. 31, 970 (2009)).

Rounding is at most eps |L| t. Where that is not small enough, it is measured: as what changes if every element of L is off by
one rounding and the exponential is put together from other parts. In stiff problems, whose fast part has died out, that is
far less.
"""

from __future__ import annotations

import numpy as np

from piqs._interrupts import dense
from piqs._resources import one_blas_thread
from piqs.integrators.base import OnMatrix, Problem
from piqs.linear.dense import exponential

# Outputs propagated at once, which bounds memory.
_BLOCK = 1024
_EPS = np.finfo(float).eps
# Spacings are the same that differ by this many roundings of the times they lie between.
_SAME = 4.0
# Most unknowns: the exponential of so many takes minutes.
_LARGEST = 4000
# The bound on rounding suffices below this part of the tolerance. One measurement may fall short of the largest by this factor.
_NEGLIGIBLE, _CHANCE = 0.1, 3.0
# Multiplications of a dense product that take as long as one of a sparse application, and of one exponential's set-up.
_DENSE, _SET_UP = 8.0, 4e5


class Exponential(OnMatrix):
    """Evolution by dense exponentials (see the module)."""

    name = "exponential"
    worth_asking = 1.0

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs a stored, constant generator on few unknowns."""
        if (reason := super().unsuitable(problem)) is not None:
            return reason
        n = problem.generator.n
        return f"it needs at most {_LARGEST:,} unknowns, there are {n:,}" if n > _LARGEST else None

    def cost(self) -> float:
        n = float(self.generator.n)
        gaps, rounding = self._spacings(0, self.times.size)
        spacings = 1 + np.count_nonzero(np.abs(np.diff(gaps)) > rounding[1:]) if gaps.size else 0
        return spacings * (_SET_UP + 20.0 * n**3 / _DENSE) + self.times.size * n**2 / _DENSE

    def _spacings(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Spacings of some output times, and how much of each is rounding of the times."""
        times = self.times[first:last]
        return np.diff(times), _SAME * _EPS * np.abs(times[1:])

    @one_blas_thread()
    def run(self) -> None:
        """Propagate the outputs of one spacing after the other."""
        matrix = self.generator.matrix.toarray()
        trace, whole = self.conserved_trace, self.trace_held
        self.record_state(self.x)
        bound = _EPS * (10.0 + self.generator.largest_rate(self.times) * self.problem.duration)
        measured = bound > _NEGLIGIBLE * self.problem.allowed
        self.error = 10.0 * _EPS if measured else bound
        spacing, propagator, other = np.nan, matrix, matrix
        while self.done < self.times.size:
            ahead, rounding = self._spacings(self.done - 1, self.done + _BLOCK)
            changes = np.flatnonzero(np.abs(ahead - ahead[0]) > np.maximum(rounding, rounding[0]))
            count = int(changes[0]) if changes.size else ahead.size
            if not abs(ahead[0] - spacing) <= rounding[0]:
                spacing = float(ahead[:count].mean())
                propagator = dense(exponential, spacing * matrix, trace=trace)
                if measured:
                    other = dense(_put_together_otherwise, spacing * matrix, trace=trace)
            states = self._powers(propagator, count)
            if trace is not None and whole is not None:
                # Rounding changes the trace by eps |L| t.
                states *= whole / (trace @ states)
            if measured:
                others = other @ np.column_stack([self.x, states[:, :-1]])
                if trace is not None and whole is not None:
                    others *= whole / (trace @ others)
                steps = sum(self.generator.trace_norm(step) for step in (others - states).T)
                self.error = min(bound, self.error + _CHANCE * steps)
            self.record_states(states.T)
            self.x = states[:, -1].copy()

    def _powers(self, propagator: np.ndarray, count: int) -> np.ndarray:
        """The next states, as columns."""
        states = (propagator @ self.x)[:, None]
        while states.shape[1] < count:
            self.applications += 1
            states = np.hstack([states, propagator @ states])
            propagator = dense(_square, propagator)
        return states[:, :count]


def _square(matrix: np.ndarray) -> np.ndarray:
    return matrix @ matrix


def _put_together_otherwise(matrix: np.ndarray, trace: np.ndarray | None) -> np.ndarray:
    """The exponential with every element off by a rounding, as the cube of that of a third."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=matrix.shape)
    root = exponential(matrix * (1.0 + _EPS * signs) / 3.0, trace)
    return root @ root @ root
