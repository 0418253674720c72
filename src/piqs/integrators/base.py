"""What all integrators share: the problem, which options they honour, when they apply, and where outputs are kept."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from piqs.errors import AccuracyWarning, ConvergenceError
from piqs.integrators.pieces import Piece, pieces
from piqs.integrators.stretches import Stretch, stretches
from piqs.linear.ellipse import Ellipse, ellipse
from piqs.liouville import AssembledGenerator, Generator

# The trace of a state is held where it is no smaller than this part of its norm: that of C rho A may be rounding.
_HELD = 0.1
# An error estimate of so many times what is allowed is worth a warning, unless it is rounding: this part of the state, and so
# many eps |L| t, which no method can do without, up to a limit.
_MARGIN, _ROUNDING, _ROUNDINGS, _MOST_ROUNDING = 2.0, 1e-11, 4.0 * np.finfo(float).eps, 1e-9
# Rows of observables with so many elements are kept dense: a sparse product takes microseconds before it begins.
_DENSE_ROWS = 1 << 14


@dataclass
class Problem:
    r"""The solution of :math:`\dot x = L(t) x` is wanted at given times, as expectation values or states.

    Parameters
    ----------
    generator : Generator
        L.
    x0 : array (size,)
        The state at the first time.
    times : float64 array (T,)
        Output times, not decreasing.
    observables : csr_array (m, size)
        Rows o with the expectation values Re o . x.
    rtol, atol : float
        Error allowed: atol + rtol times the trace norm of the state.
    max_step : float
        Longest step; 0 means no limit.
    on_state : callable, optional
        Called as on_state(i, x) at every output time; without it only expectation values are kept.
    on_progress : callable, optional
        Called with the number of outputs done so far.
    """

    generator: Generator
    x0: np.ndarray
    times: np.ndarray
    observables: sp.csr_array
    rtol: float = 1e-6
    atol: float = 1e-8
    max_step: float = 0.0
    on_state: Callable[[int, np.ndarray], None] | None = None
    on_progress: Callable[[int], Any] | None = None

    @property
    def duration(self) -> float:
        """Time from the first to the last output."""
        return float(self.times[-1] - self.times[0])

    @cached_property
    def allowed(self) -> float:
        """The error allowed, as a trace norm; that of the first state is taken at its lower bound, exact for a state."""
        trace = abs(float(np.real(self.generator.trace @ self.x0)))
        return self.atol + self.rtol * max(trace, np.sqrt(self.generator.dot(self.x0, self.x0)))

    @cached_property
    def stretches(self) -> list[Stretch]:
        """Where coefficients change, see ``piqs.integrators.stretches``."""
        return stretches(self.generator.coefficients, self.times)

    @cached_property
    def pieces(self) -> list[Piece] | None:
        """Where coefficients jump, None where they change without jumps, see ``piqs.integrators.pieces``."""
        return pieces(self.generator.coefficients, self.times)

    @cached_property
    def relative_accuracy(self) -> float:
        """The error allowed, relative to the norm of the state at the first time."""
        norm = np.sqrt(self.generator.dot(self.x0, self.x0))
        return self.rtol + (self.atol / norm if norm > self.atol else 0.0)

    @cached_property
    def ellipse(self) -> Ellipse:
        """Around the numerical range of a constant generator: what costs are predicted from."""
        return ellipse(self.generator)


class Integrator(ABC):
    """A method that solves a `Problem`.

    A subclass declares its name, the options it honours, when it applies and what it costs, and fills in `run`; a line in
    ``piqs.integrators.registry`` makes it known.

    Attributes
    ----------
    values : float64 array (T, m)
        Expectation values.
    done : int
        How many output times are finished; less than T after an interruption.
    applications : int
        Applications of the generator (or solves with its factors) so far.
    x : array (size,)
        The state at the last finished time.
    error : float
        Estimate of the largest error of the states so far, as a trace norm: an expectation value is off by no more than
        this times the largest eigenvalue of its observable.
    fallback : type of Integrator or None
        What goes on from where this one does not converge; None makes that an error.
    """

    name: ClassVar[str]
    # Which of the options rtol, atol and max_step it honours.
    options: ClassVar[frozenset[str]] = frozenset({"rtol", "atol"})
    # Whether "auto" may take it.
    automatic: ClassVar[bool] = True
    # Whether it works from applications alone, so that the generator need not be stored.
    matrix_free: ClassVar[bool] = True
    # Whether it works on a generator that is stored.
    assembled: ClassVar[bool] = True
    # It is not asked for its cost where another method has been found to cost less than this (in multiplications).
    worth_asking: ClassVar[float] = 0.0
    # The fallback where no other method was asked for its cost.
    successor: ClassVar[type[Integrator] | None] = None

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.generator = problem.generator
        self.times = problem.times
        self.observables = problem.observables
        self.on_state = problem.on_state
        self.x = problem.x0
        self.values = np.zeros((problem.times.size, problem.observables.shape[0]))
        self.done = 0
        self.applications = 0
        self.error = 0.0
        self.fallback: type[Integrator] | None = None
        self._successor: Integrator | None = None

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """Why the method does not apply to a problem, as "it needs ..."; None where it does."""
        return None

    @abstractmethod
    def cost(self) -> float:
        """What the run will take, about, in units of one multiplication of an application; infinite where unknown."""

    @abstractmethod
    def run(self) -> None:
        """Fill in the outputs."""

    def solve(self) -> None:
        """Fill in the outputs, and hold the error estimate against what is allowed.

        Raises
        ------
        ConvergenceError
            If an output is not finite.

        Warns
        -----
        AccuracyWarning
            If the error estimate exceeds what rtol and atol allow, with both and what to do.
        """
        self.run()
        remedy = "shorten the times, raise rtol, or compare with another options['method']"
        if not (np.all(np.isfinite(self.values)) and np.isfinite(self.error)):
            raise ConvergenceError(f"method {self.used!r} gave numbers that are not finite; {remedy}")
        allowed = self.problem.allowed
        rounding = _ROUNDINGS * self.generator.largest_rate(self.times[[0, -1]]) * self.problem.duration
        floor = (_ROUNDING + min(rounding, _MOST_ROUNDING)) * self.generator.trace_norm(self.problem.x0)
        if self.error > _MARGIN * allowed + floor:
            warnings.warn(
                f"method {self.used!r} estimates an error of {self.error:.1e} where rtol and atol allow {allowed:.1e} (trace "
                f"norms); where rates times the duration are large that may be rounding. Remedy: {remedy}",
                AccuracyWarning,
                stacklevel=3,
            )

    @property
    def used(self) -> str:
        """The method, and the one that went on where it did not converge."""
        return self.name if self._successor is None else f"{self.name}, {self._successor.used}"

    def _hand_over(self, t: float, successor: type[Integrator]) -> None:
        """Let another integrator go on from the state at time t."""
        first, on_state = self.done - 1, self.on_state
        problem = replace(
            self.problem,
            x0=self.x,
            times=np.concatenate([[t], self.times[self.done :]]),
            # Its first output is where it starts.
            on_state=None if on_state is None else lambda i, x: on_state(first + i, x) if i else None,
            on_progress=None,
        )
        problem.stretches = [stretch for stretch in self.problem.stretches if stretch[0] > t]
        rest = successor(problem)
        rest.fallback = rest.successor
        rest.run()
        self._successor = rest
        self.applications += rest.applications
        self.x = rest.x
        self.error += rest.error
        self.record_values(rest.values[1:])

    def record_state(self, x: np.ndarray) -> None:
        """Keep the outputs of the next output time, at which the state is x."""
        self.values[self.done] = (self._rows @ x).real
        if self.on_state is not None:
            self.on_state(self.done, x)
        self._advance(1)

    @cached_property
    def _rows(self) -> sp.csr_array | np.ndarray:
        """The observables, dense where that is faster."""
        return (
            self.observables.toarray()
            if self.values.shape[1] * self.x.size <= _DENSE_ROWS
            else self.observables
        )

    def record_states(self, states: np.ndarray) -> None:
        """Keep the outputs of the next output times, at which the states are the rows of an array."""
        if self.values.shape[1] and len(states):
            self.values[self.done : self.done + len(states)] = (self._rows @ states.T).real.T
        if self.on_state is None:
            self._advance(len(states))
            return
        for state in states:
            self.on_state(self.done, state)
            self._advance(1)

    def record_values(self, block: np.ndarray) -> None:
        """Keep the expectation values of the next output times, one row each."""
        self.values[self.done : self.done + len(block)] = block
        self._advance(len(block))

    def _advance(self, outputs: int) -> None:
        self.done += outputs
        if self.problem.on_progress is not None:
            self.problem.on_progress(self.done)


class OnMatrix(Integrator):
    """A method that reads the stored matrix of a constant generator."""

    generator: AssembledGenerator
    matrix_free = False

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs the stored matrix of a generator that is constant in time."""
        if problem.generator.kind != "assembled":
            return "it needs the matrix of the generator, which is not stored"
        return None if problem.generator.constant else "it needs a generator that is constant in time"

    @cached_property
    def conserved_trace(self) -> np.ndarray | None:
        """The vector t with Tr rho = t . x, where the evolution keeps it: not if unknowns were dropped on which it depends."""
        return self.generator.trace if self.generator.keeps_trace else None

    @cached_property
    def trace_held(self) -> float | None:
        """The trace that every state must have; None where it is not kept, or so small that it says nothing."""
        if self.conserved_trace is None:
            return None
        whole = float(self.conserved_trace @ self.problem.x0)
        norm = float(np.sqrt(self.generator.dot(self.problem.x0, self.problem.x0)))
        return whole if abs(whole) > _HELD * norm else None
