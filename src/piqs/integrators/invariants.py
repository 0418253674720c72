"""What every state keeps, looked at while it evolves: its trace, and populations that are not negative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from piqs.errors import ConvergenceError
from piqs.integrators.base import Problem

# A violation is an error beyond so many times the error allowed, and beyond so much of the trace at any tolerance.
_MARGIN, _ROUNDING = 10.0, 1e-9


class Invariants:
    """Checks of the states of one problem.

    Parameters
    ----------
    problem : Problem
        What is solved; its first state is what the others are compared with.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        generator = problem.generator
        self._places = generator.populations
        self._trace = float(np.real(generator.trace @ problem.x0)) if generator.closed_forward else None
        self._lowest = min(0.0, float(np.real(problem.x0[self._places]).min(initial=0.0)))

    def each(self, on_state: Callable[[int, np.ndarray], None]) -> Callable[[int, np.ndarray], None]:
        """The same function of a state, called after the state has been checked."""

        def checked(i: int, x: np.ndarray) -> None:
            self.check(x, float(self.problem.times[i]))
            on_state(i, x)

        return checked

    def check(self, x: np.ndarray, t: float, estimate: float = 0.0) -> None:
        """Refuse a state that has another trace than the first, or a population below zero.

        Raises
        ------
        ConvergenceError
            With the violation, and what to do.
        """
        allowed = _MARGIN * (self.problem.allowed + estimate) + _ROUNDING
        populations = x[self._places].real
        change = 0.0 if self._trace is None else abs(float(np.add.reduce(populations)) - self._trace)
        below = self._lowest - float(np.minimum.reduce(populations, initial=0.0))
        if change <= allowed and below <= allowed:
            return
        for what, size in (("the trace changed by", change), ("a population fell below zero by", below)):
            if not size <= allowed:
                raise ConvergenceError(
                    f"at t = {t:.6g} {what} {size:.2g}, more than the tolerance allows: the method failed on this problem. "
                    "Lower rtol, or take another options['method']"
                )
