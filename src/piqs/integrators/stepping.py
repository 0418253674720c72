"""Steps as long as the tolerance allows and the changes of coefficients ask for: what adaptive integrators share."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from piqs._resources import threads_for
from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, Problem

# Step control of Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.4.
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0
_EPS = np.finfo(float).eps
# Smallest part of the tolerance that a step may spend, and rounding of a step in units of eps times the trace norm.
SMALLEST_SHARE, _ROUNDINGS = 1e-4, 2.0
# No step is tried again that is this short, in units of the spacing of numbers.
SHORTEST = 4.0
# States that are read off a step at once, which bounds memory.
_AT_ONCE = 16
# Stretches at which generators are looked at to predict a cost, at most.
_LOOKED_AT = 8


class GivenUp(Exception):
    """Raised with the time that was reached and the integrator that is to go on from there."""


class Stepping(Integrator):
    """An integrator whose steps go beyond outputs, which are read off a polynomial in each step.

    A subclass makes one step (`_try`), and knows the error of what is read off (`_between`) and how to do that (`_weights`).
    It works in the rows of `_vectors`: the state before the step, the state after it, and its slopes.
    """

    options = frozenset({"rtol", "atol", "max_step"})
    # The error of a step grows as this power of its length.
    power: ClassVar[float]
    # Rows of slopes, and by how much the estimate of a step's error may fall short of it.
    slopes: ClassVar[int]
    short: ClassVar[float] = 1.0
    # Whether the step after one that failed ends at an output, where coefficients often jump.
    ends_at_outputs: ClassVar[bool] = True

    @abstractmethod
    def _start(self, t: float) -> float:
        """Get ready at the first time; the length of the first step."""

    @abstractmethod
    def _try(self, t: float, h: float) -> float:
        """Make one step from `_x` into `_new`; an estimate of its error as a trace norm."""

    @abstractmethod
    def _between(self, t: float, h: float) -> float:
        """The error of what is read off the step that was tried, beyond that of the step, as a trace norm."""

    @abstractmethod
    def _weights(self, h: float, part: np.ndarray) -> np.ndarray:
        """What the `_vectors` enter the states with, at these parts of the step that was tried, one row each."""

    def _reach(self, t: float, h: float) -> float:
        """Where a step of at most a length h from t has to end, if it has to."""
        return np.inf

    def _beyond(self, t: float, after: float) -> float:
        """The error of a step that its estimate does not tell, as a trace norm."""
        return 0.0

    def _accept(self, t: float, h: float) -> None:
        """Called once a step of length h to the time t is accepted."""

    def _shorten(self, t: float, h: float, again: bool) -> None:
        """Called once a step from t has failed (again, if the one before it did), with the length of the next one."""

    def run(self) -> None:
        """Take one step after the other, and read the outputs off them; where the method gives up, let another one go on."""
        try:
            self._run()
        except GivenUp as given_up:
            self.x = self._x.copy()
            self._hand_over(*given_up.args)

    def _run(self) -> None:
        self._vectors = np.zeros((2 + self.slopes, self.generator.size), dtype=self.generator.dtype)
        self._x, self._new = self._vectors[:2]
        self._x[:] = self.x
        t = float(self.times[0])
        self._spent, self._rounding = 0.0, _ROUNDINGS * _EPS * self.generator.trace_norm(self._x)
        while self.done < self.times.size and self.times[self.done] == t:
            self.record_state(self.x)
        if self.done == self.times.size:
            return
        ahead = iter(self.problem.stretches)
        edge, longest, failed = t, np.inf, False
        duration = max(self.problem.duration, np.finfo(float).tiny)
        with threads_for(self.generator.nnz) as self._threads:
            h = self._start(t)
            while self.done < self.times.size:
                if edge <= t:
                    edge, first, longest = next(ahead)
                    h = min(h, first)
                h = min(h, longest, self.problem.max_step or np.inf)
                end = min(edge, float(self.times[self.done])) if failed and self.ends_at_outputs else edge
                end = min(end, self._reach(t, h))
                last = t + 1.0001 * h >= end
                # Steps sum up to the times reached, to the last digit: rounding of t + h adds up far from zero.
                after = end if last else max(t + h, float(np.nextafter(t, np.inf)))
                step, shortest = after - t, SHORTEST * float(np.spacing(abs(t)))
                error = self._try(t, step)
                # A jump is known to the rounding of its time only: the step across it may spend the whole tolerance.
                share = 1.0 if step <= shortest else max(step / max(duration, step), SMALLEST_SHARE)
                ratio = float(error / (0.5 * self.problem.allowed * share + self._rounding))
                if ratio < 1.0:
                    ratio = max(ratio, self._record(t, after, error))
                again, failed = failed, ratio >= 1.0
                if not failed:
                    t = after
                    self._x[:] = self._new
                    self._accept(t, step)
                    self._rounding = _ROUNDINGS * _EPS * self.generator.trace_norm(self._x)
                    # A step cut short says nothing against the longer one.
                    factor = min(_GROW, _SAFETY * max(ratio, 1e-14) ** (-1.0 / self.power))
                    h = max(h, factor * step) if last else factor * step
                else:
                    if step <= shortest:
                        raise ConvergenceError(
                            f"the step fell below rounding at t = {t}; the coefficients may be singular there"
                        )
                    h = step * max(_SHRINK, _SAFETY * ratio ** (-1.0 / self.power))
                    self._shorten(t, h, again)

    def _record(self, t: float, after: float, error: float) -> float:
        """Keep the outputs in a step that succeeded; the error of the polynomial over that allowed, and nothing if above 1."""
        ahead = self.times[self.done :]
        inside = ahead[: ahead.searchsorted(after, side="left")]
        between = ratio = 0.0
        if inside.size:
            between = self._between(t, after - t)
            # Half of what the steps may spend in all: it does not add up.
            ratio = float(between / (0.5 * self.problem.allowed + self._rounding))
            if ratio >= 1.0:
                return ratio
        self._spent += self.short * error + self._beyond(t, after) + self._rounding
        self.error = max(self.error, self._spent + between)
        if inside.size:
            self._record_between(self._weights(after - t, (inside - t) / (after - t)))
        while self.done < self.times.size and self.times[self.done] == after:
            self.x = self._new.copy()
            self.record_state(self.x)
        return ratio

    def _record_between(self, weights: np.ndarray) -> None:
        """Keep the outputs at times within a step; of expectation values no state is made."""
        self.x = weights[-1] @ self._vectors
        if self.on_state is None:
            self.record_values(weights @ (self._rows @ self._vectors.T).real.T)
            return
        for start in range(0, len(weights), _AT_ONCE):
            self.record_states(weights[start : start + _AT_ONCE] @ self._vectors)


def looked_at(problem: Problem) -> np.ndarray:
    """Some times by which costs are predicted: the ends and middles of the stretches."""
    ends = np.array([problem.times[0], *(end for end, _, _ in problem.stretches)])
    every = max(1, ends.size // _LOOKED_AT)
    return np.unique(np.concatenate([ends[::every], 0.5 * (ends[1:] + ends[:-1])[::every]]))
