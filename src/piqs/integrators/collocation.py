r"""Small problems that depend on time, in few long steps: collocation at Gauss points, of degree 16.

In a step the solution is a polynomial :math:`y` whose slope is right, :math:`\dot y = L(t)\, y`, at the Gauss points; its
slopes there solve one dense linear system. How far :math:`\dot y` is from :math:`L(t)\, y` at other times bounds the error,
:math:`\int |\dot y - L y|\, dt`, since a Lindblad equation brings states closer together. It is looked at between all Gauss
points and at both ends. A step needs 33 values of each coefficient and is some eight times as long as one of order 8: where
there are few unknowns, nothing else counts. Coefficients that are not smooth, such as splines through many points, go to
another method.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev

from piqs.integrators.base import Problem
from piqs.integrators.runge_kutta import Explicit
from piqs.integrators.stepping import GivenUp, Stepping, looked_at
from piqs.liouville import AssembledGenerator

# Gauss points in a step, and most unknowns.
_DEGREE, _LARGEST = 16, 9
# Longest step times the largest rate, about, and what a step costs beside the linear system, in multiplications.
_REACH, _COST_OF_STEP = 6.0, 3e5
# Where coefficients are smooth the error falls as this power of the length of a step at least (and as the 17th in the end).
_SMOOTH = 8


def _polynomials(u: np.ndarray) -> np.ndarray:
    """The Chebyshev polynomials of 2 u - 1, one row for each u."""
    return np.cos(np.arccos(2.0 * u - 1.0)[:, None] * np.arange(_DEGREE + 1))


def _of_slopes() -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev coefficients, from slopes at the nodes, of the slope and of what it adds up to from the start."""
    slope = np.zeros((_DEGREE + 1, _DEGREE))
    slope[:-1] = np.linalg.inv(_polynomials(_NODES)[:, :-1])
    return slope, 0.5 * chebyshev.chebint(slope[:-1], lbnd=-1.0)


_NODES = 0.5 * (np.polynomial.legendre.leggauss(_DEGREE)[0] + 1.0)
_SLOPE, _SUM = _of_slopes()
# Where the defect is looked at.
_BETWEEN = np.concatenate([[0.0], 0.5 * (_NODES[1:] + _NODES[:-1]), [1.0]])
_ALL_TIMES = np.concatenate([_NODES, _BETWEEN])
# The slopes there, and what they add up to there, at the nodes and at the end.
_SLOPE_BETWEEN, _SUM_BETWEEN = _polynomials(_BETWEEN) @ _SLOPE, _polynomials(_BETWEEN) @ _SUM
_SUM_AT_NODES, _SUM_AT_END = _polynomials(_NODES) @ _SUM, _SUM.sum(axis=0)


class Collocation(Stepping):
    """Gauss collocation of degree 16 (see the module)."""

    name = "collocation"
    matrix_free = False
    generator: AssembledGenerator
    power, slopes = _DEGREE + 1.0, _DEGREE
    ends_at_outputs = False
    successor = Explicit

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs the matrices of a generator that depends on time, on few unknowns."""
        generator = problem.generator
        if generator.kind != "assembled" or generator.constant:
            return "it needs the matrices of a generator that depends on time"
        return (
            None
            if generator.n <= _LARGEST
            else f"it needs at most {_LARGEST} unknowns, there are {generator.n}"
        )

    def cost(self) -> float:
        """Steps of some six over the largest rate, each with one dense solution."""
        rate = self.generator.largest_rate(looked_at(self.problem))
        stretches = self.problem.stretches
        steps = 4.0 * max(1, len(stretches)) + rate * self.problem.duration / _REACH
        return steps * ((_DEGREE * self.generator.n) ** 3 / 3.0 + _COST_OF_STEP)

    def _start(self, t: float) -> float:
        n = self.generator.n
        self._dense = np.array([m.toarray().ravel() for m in self.generator.matrices])
        self._ones = np.arange(_DEGREE * n)
        # The last two steps tried, and their errors.
        self._tried = ((0.0, 0.0), (0.0, 0.0))
        rate = self.generator.largest_rate(looked_at(self.problem))
        return min(self.problem.duration, _REACH / rate) if rate > 0.0 else self.problem.duration

    def _shorten(self, t: float, h: float, again: bool) -> None:
        (before, much), (now, less) = self._tried
        if again and self.fallback is not None and less > much * (now / before) ** _SMOOTH:
            # The coefficients are not smooth: the error fell little when the step was made shorter.
            raise GivenUp(t, self.fallback)

    def _try(self, t: float, h: float) -> float:
        n, x = self.generator.n, self._x
        matrices = (self.generator.factors(t + h * _ALL_TIMES) @ self._dense).reshape(-1, n, n)
        at_nodes, between = matrices[:_DEGREE], matrices[_DEGREE:]
        # k_i - h L_i sum_j a_ij k_j = L_i x
        system = (-h * _SUM_AT_NODES)[:, None, :, None] * at_nodes[:, :, None, :]
        system = system.reshape(_DEGREE * n, _DEGREE * n)
        system[self._ones, self._ones] += 1.0
        k = self._vectors[2:]
        k[:] = np.linalg.solve(system, (at_nodes @ x).ravel()).reshape(_DEGREE, n)
        self._new[:] = x + h * (_SUM_AT_END @ k)
        self.applications += 1
        states = x + h * (_SUM_BETWEEN @ k)
        defects = _SLOPE_BETWEEN @ k - (between @ states[:, :, None])[:, :, 0]
        # The norm of the largest of all in each place.
        error = h * self.generator.trace_norm(np.abs(defects).max(axis=0))
        self._tried = (self._tried[1], (h, error))
        return error

    def _between(self, t: float, h: float) -> float:
        """Nothing: the bound holds at all times."""
        return 0.0

    def _weights(self, h: float, part: np.ndarray) -> np.ndarray:
        weights = np.zeros((part.size, 2 + _DEGREE))
        weights[:, 0] = 1.0
        weights[:, 2:] = h * (_polynomials(part) @ _SUM)
        return weights
