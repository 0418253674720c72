"""What all integrators share: where they start, which outputs are wanted, and where these are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp


class NoConvergenceError(RuntimeError):
    """An integrator cannot reach the accuracy asked for; another one may."""


class Evolution(ABC):
    r"""The solution of :math:`\dot x = L(t) x` at given times, as expectation values and, where wanted, states.

    Parameters
    ----------
    generator : Generator or BlockGenerator
        L on the reduced basis.
    x0 : float64 array (n,)
        The state at the first time.
    times : float64 array (T,)
        Output times, not decreasing.
    observables : csr_array (m, n)
        Rows o with the expectation values o . x.
    rtol, atol : float
        Accuracy of the state at the last time, relative to its norm and absolute.
    on_state : callable, optional
        Called as on_state(i, x) at every output time; without it only expectation values are kept.
    on_progress : callable, optional
        Called with the number of outputs done so far.
    max_step : float
        Longest step; 0 means no limit.

    Attributes
    ----------
    values : float64 array (T, m)
        Expectation values.
    done : int
        How many output times are finished; less than T after an interruption.
    applications : int
        Applications of the generator so far.
    x : float64 array (n,)
        The state at the last finished time.
    """

    name: str

    def __init__(
        self,
        generator: Any,
        x0: np.ndarray,
        times: np.ndarray,
        observables: sp.csr_array,
        rtol: float = 1e-6,
        atol: float = 1e-8,
        on_state: Callable[[int, np.ndarray], None] | None = None,
        on_progress: Callable[[int], Any] | None = None,
        max_step: float = 0.0,
    ) -> None:
        self.generator = generator
        self.x = x0
        self.times = times
        self.observables = observables
        self.rtol = rtol
        self.atol = atol
        self.on_state = on_state
        self.on_progress = on_progress
        self.max_step = max_step
        self.values = np.zeros((times.size, observables.shape[0]))
        self.done = 0
        self.applications = 0

    @property
    def duration(self) -> float:
        """Time from the first to the last output."""
        return float(self.times[-1] - self.times[0])

    def conserved_trace(self) -> np.ndarray:
        """The vector t with Tr rho = t . x, or zeros where unknowns were dropped so that those left do not keep it."""
        trace, matrix = self.generator.trace, self.generator.matrix
        change = np.abs(trace @ matrix).max(initial=0.0)
        return trace if change <= 1e-12 * np.abs(matrix.data).max(initial=0.0) else np.zeros_like(trace)

    @abstractmethod
    def run(self) -> None:
        """Fill in the outputs."""

    def cost(self) -> float:
        """What the run will take, about, in units of one multiplication of an application."""
        return np.inf

    def record_state(self, x: np.ndarray) -> None:
        """Keep the outputs of the next output time, at which the state is x."""
        self.values[self.done] = (self.observables @ x).real
        if self.on_state is not None:
            self.on_state(self.done, x)
        self._advance(1)

    def record_values(self, block: np.ndarray) -> None:
        """Keep the expectation values of the next output times, one row each."""
        self.values[self.done : self.done + len(block)] = block
        self._advance(len(block))

    def _advance(self, outputs: int) -> None:
        self.done += outputs
        if self.on_progress is not None:
            self.on_progress(self.done)
