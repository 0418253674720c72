"""An adaptive integrator for generators that depend on time: explicit, of order 8.

Where a problem is stiff its steps are bounded by the fastest rate however slowly the state moves. That shows while it runs: the
steps are as long as is stable, and the slope changes by less in one than the tolerance allows. Then an implicit method goes on,
if that is expected to take less than the steps that are left.
"""

from __future__ import annotations

from functools import cached_property
from math import hypot, sqrt
from typing import cast

import numpy as np
from scipy.integrate import DOP853

from piqs.integrators.implicit import Implicit
from piqs.integrators.kinks import Kinks
from piqs.integrators.stepping import GivenUp, Stepping, looked_at
from piqs.liouville import AssembledGenerator

# The estimate of a step's error falls short of it by up to this, as measured on small problems.
_SHORT = 3.0
# Longest stable step times the largest rate, about, and what a step costs beside its stages, in multiplications.
_STABLE, _COST_OF_STEP = 6.0, 2e5
# A problem is stiff after so many steps in a row of this length times the largest rate that change nothing by more than allowed.
_WATCHED, _AS_LONG_AS_STABLE = 40, 2.0

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
    successor = Implicit
    power, slopes, short = 8.0, _SLOPES, _SHORT

    def cost(self) -> float:
        """Steps are bounded by stability: about six over the largest rate."""
        return (1.0 + self._rate * self.problem.duration / _STABLE) * self._cost_of_step

    @cached_property
    def _rate(self) -> float:
        return self.generator.largest_rate(looked_at(self.problem))

    @property
    def _cost_of_step(self) -> float:
        return _STAGES * (self.generator.nnz + 0.5 * _STAGES * self.generator.n) + _COST_OF_STEP

    def _start(self, t: float) -> float:
        """A step over which the state changes by a hundredth (Hairer et al., II.4)."""
        self._k, self._scratch = self._vectors[2:], np.empty_like(self._x)
        # Steps in a row whose length stability alone bounds.
        self._bounded = 0
        self._kinks = Kinks(cast(AssembledGenerator, self.generator), t, float(self.times[-1]))
        self._kinks.start(self._x)
        self.generator.apply(self._x, self._k[0], t, self._threads)
        self.applications += 1
        slope = self._norm(self._k[0])
        duration = self.problem.duration
        return min(duration, 0.01 * self._norm(self._x) / slope) if slope > 0 else 0.01 * duration

    def _accept(self, t: float, h: float) -> None:
        moved = h * self._norm(self._k[_STAGES] - self._k[0])
        self._k[0] = self._k[_STAGES]
        self._kinks.start(self._x)
        stable = h * self._rate > _AS_LONG_AS_STABLE and moved < self.problem.allowed
        self._bounded = self._bounded + 1 if stable else 0
        if self._bounded == _WATCHED:
            self._bounded = 0
            left = (self.times[-1] - t) / h * self._cost_of_step
            other = self.fallback
            if other and other.unsuitable(self.problem) is None and other(self.problem).cost() < left:
                raise GivenUp(t, other)

    def _reach(self, t: float, h: float) -> float:
        return self._kinks.reach(t, h, self.problem.allowed)

    def _beyond(self, t: float, after: float) -> float:
        return self._kinks.error(t, after)

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
