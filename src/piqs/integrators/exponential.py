r"""Evolution of small problems by dense exponentials: one :math:`e^{\Delta t L}` for each spacing of the outputs.

All outputs of one spacing follow by doubling, :math:`[x_1 \ldots x_{2m}] = [X, P^m X]` with :math:`X = [x_1 \ldots x_m]`,
so that a thousand of them cost ten products. The exponential is accurate to rounding (A. H. Al-Mohy and N. J. Higham,
SIAM J. Matrix Anal. Appl. 31, 970 (2009)).
"""

from __future__ import annotations

import numpy as np

from piqs._interrupts import dense
from piqs._resources import one_blas_thread
from piqs.integrators.base import OnMatrix
from piqs.linear.dense import exponential

# Outputs propagated at once, which bounds memory.
_BLOCK = 1024
_EPS = np.finfo(float).eps
# Spacings are the same that differ by this many roundings of the times they lie between.
_SAME = 4.0
# Multiplications of a dense product that take as long as one of a sparse application, and of one exponential's set-up.
_DENSE, _SET_UP = 8.0, 4e5


class Exponential(OnMatrix):
    """Evolution by dense exponentials (see the module)."""

    name = "exponential"
    worth_asking = 1.0

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
        trace = self.conserved_trace
        whole = float(trace @ self.x)
        self.record_state(self.x)
        # Rounding of exp(tL) is eps |L| t.
        self.error = _EPS * (10.0 + self.generator.largest_rate(self.times) * self.problem.duration)
        spacing, propagator = np.nan, matrix
        while self.done < self.times.size:
            ahead, rounding = self._spacings(self.done - 1, self.done + _BLOCK)
            other = np.flatnonzero(np.abs(ahead - ahead[0]) > np.maximum(rounding, rounding[0]))
            count = int(other[0]) if other.size else ahead.size
            if not abs(ahead[0] - spacing) <= rounding[0]:
                spacing = float(ahead[:count].mean())
                propagator = dense(exponential, spacing * matrix)
            states = self._powers(propagator, count)
            if whole:
                # Rounding changes the trace by eps |L| t.
                states *= whole / (trace @ states)
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
