"""Simulated records of detectors, with the score of each: states and their derivatives on one record, side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["CountingRecords", "HomodyneRecords", "Monitor"]

# Smaller matrices are dense: their products cost less than the call of a sparse one.
_DENSE = 100
# Norm of the generator times a Taylor step, and the most terms of its series.
_SPAN, _TERMS = 2.0, 60
_EPS = np.finfo(float).eps
# Halvings that locate a jump in a step.
_HALVINGS = 55
# Records on which a step is tried out, difference of scores allowed there, root mean square, and how often steps are halved.
_TRIALS, _STEP_ERROR, _MOST_HALVINGS = 32, 0.1, 14


@dataclass
class Monitor:
    """A generator, what detectors read, and the derivatives of both by one parameter, on real unknowns.

    Attributes
    ----------
    generator, change : csr_array (n, n)
        L and its derivative.
    readings, changes : list of csr_array (n, n)
        For counting the J, for homodyne detection the maps S rho + rho S^+, and their derivatives.
    trace : float64 array (n,)
        The vector t with Tr rho = t . x.
    """

    generator: sp.csr_array
    change: sp.csr_array
    readings: Sequence[sp.csr_array]
    changes: Sequence[sp.csr_array]
    trace: np.ndarray


class _Records(ABC):
    """Records of one kind.

    Parameters
    ----------
    monitor : Monitor
        The system.
    times : float64 array (T,)
        Where scores are read.
    dt : float, optional
        Time step, where there is one.
    """

    def __init__(self, monitor: Monitor, times: np.ndarray, dt: float | None) -> None:
        self.times, self.trace, self.dt = times, monitor.trace, dt
        self.stats: dict[str, Any] = {}
        self.readings = [_quick(m) for m in monitor.readings]
        self.changes = [_quick(m) if m.nnz else None for m in monitor.changes]
        self._prepare(monitor)

    @abstractmethod
    def _prepare(self, monitor: Monitor) -> None:
        """Make the matrices that a step needs."""

    @abstractmethod
    def scores(self, x0: np.ndarray, y0: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Scores (records, times) of some records from a state and its derivative."""

    def _read(self, k: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the reading k makes of states and their derivatives."""
        image, change = self.readings[k] @ x, self.changes[k]
        return image, self.readings[k] @ y + (0.0 if change is None else change @ x)

    def _normalised(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """States of trace one; the score stays what it is."""
        size = self.trace @ x
        return x / size, y / size


class CountingRecords(_Records):
    """Times of jumps. Between them a Taylor series gives the state at every time of a step, and so the time of a jump."""

    def _prepare(self, monitor: Monitor) -> None:
        quiet = sp.csr_array(monitor.generator - sum(monitor.readings, sp.csr_array(monitor.generator.shape)))
        change = sp.csr_array(monitor.change - sum(monitor.changes, sp.csr_array(monitor.change.shape)))
        self.rate = max(float(abs(quiet).sum(axis=0).max()), 1e-300)
        self.quiet, self.change = _quick(quiet), _quick(change)

    def scores(self, x0: np.ndarray, y0: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `_Records.scores`."""
        x, y = (np.repeat(v[:, None], count, axis=1) for v in (x0, y0))
        # Probability that no jump has come since the last one, and the one at which the next comes.
        survival, threshold = np.ones(count), rng.random(count)
        found = np.zeros((count, self.times.size))
        found[:, 0] = self.trace @ y
        for k, (start, end) in enumerate(pairwise(self.times), start=1):
            steps = max(1, int(np.ceil((end - start) * self.rate / _SPAN)))
            for _ in range(steps if end > start else 0):
                self._step(x, y, survival, threshold, (end - start) / steps, rng)
            found[:, k] = self.trace @ y
        return found

    def _step(
        self,
        x: np.ndarray,
        y: np.ndarray,
        survival: np.ndarray,
        threshold: np.ndarray,
        h: float,
        rng: np.random.Generator,
    ) -> None:
        """Move all records by a time h, jump by jump, in place."""
        moving = np.arange(survival.size)
        left = np.full(moving.size, h)
        while moving.size:
            xs, ys = self._series(x[:, moving], y[:, moving], left)
            traces = np.array([self.trace @ term for term in xs])
            ends = survival[moving] * traces.sum(axis=0)
            jumps = ends < threshold[moving]
            fraction = np.ones(moving.size)
            if jumps.any():
                fraction[jumps] = _crossing(traces[:, jumps], (threshold / survival)[moving[jumps]])
            new_x, new_y = _evaluated(xs, fraction), _evaluated(ys, fraction)
            survival[moving] *= self.trace @ new_x
            x[:, moving], y[:, moving] = self._normalised(new_x, new_y)
            left = (left * (1.0 - fraction))[jumps]
            moving = moving[jumps]
            if moving.size:
                self._jump(x, y, moving, rng)
                survival[moving], threshold[moving] = 1.0, rng.random(moving.size)

    def _series(
        self, x: np.ndarray, y: np.ndarray, h: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Terms of the Taylor series of states and derivatives over a time h, without jumps."""
        xs, ys = [x], [y]
        for k in range(1, _TERMS):
            x, y = (self.quiet @ x) * (h / k), (self.quiet @ y + self.change @ x) * (h / k)
            xs.append(x)
            ys.append(y)
            if np.abs(x).max() <= _EPS and np.abs(y).max() <= _EPS * max(1.0, np.abs(ys[0]).max()):
                break
        return xs, ys

    def _jump(self, x: np.ndarray, y: np.ndarray, moving: np.ndarray, rng: np.random.Generator) -> None:
        images = [self._read(k, x[:, moving], y[:, moving]) for k in range(len(self.readings))]
        rates = np.cumsum([np.maximum(self.trace @ image, 0.0) for image, _ in images], axis=0)
        drawn = rng.random(moving.size) * rates[-1]
        which = np.minimum((drawn[None, :] >= rates).sum(axis=0), len(images) - 1)
        for k, (image, change) in enumerate(images):
            own = which == k
            if own.any():
                x[:, moving[own]], y[:, moving[own]] = self._normalised(image[:, own], change[:, own])


class HomodyneRecords(_Records):
    r"""Homodyne currents, by steps of weak order 2 (S. Ninomiya and N. Victoir, Appl. Math. Finance 15, 107 (2008)).

    In Stratonovich's sense dx = G x dt + N x o dY with :math:`G = L - \frac12\sum N^2`, and the same differentiated, on one
    record dY = m dt + dW, m = Tr(N x): half a step of what does not depend on dW, the noises, half a step.
    """

    def _prepare(self, monitor: Monitor) -> None:
        G, change = monitor.generator, monitor.change
        for N, dN in zip(monitor.readings, monitor.changes, strict=True):
            G = G - 0.5 * (N @ N)
            change = change - 0.5 * (N @ dN + dN @ N)
        self.rate = max(float(abs(sp.csr_array(G)).sum(axis=0).max()), 1e-300)
        self.G, self.change = _quick(sp.csr_array(G)), _quick(sp.csr_array(change))

    def scores(self, x0: np.ndarray, y0: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `_Records.scores`."""
        if not self.stats:
            self._calibrate(x0, y0)
        return self._run(x0, y0, count, rng)

    def _calibrate(self, x0: np.ndarray, y0: np.ndarray) -> None:
        """Halve the step until scores differ little from those of twice the step on the same noise."""
        given, error = self.dt is not None, np.inf
        self.dt = self.dt or min(1.0 / self.rate, float(np.diff(self.times).max(initial=0.0)) or 1.0)
        for _ in range(_MOST_HALVINGS):
            fine, coarse = (
                self._run(x0, y0, _TRIALS, np.random.default_rng(1), coarsened) for coarsened in (False, True)
            )
            size = np.sqrt(np.mean(fine**2, axis=0)).max(initial=0.0)
            error = float(np.sqrt(np.mean((fine - coarse) ** 2, axis=0)).max(initial=0.0) / (size or 1.0))
            if given or error <= _STEP_ERROR:
                break
            self.dt /= 2.0
        self.stats = {"dt": self.dt, "step error": error}

    def _run(
        self, x0: np.ndarray, y0: np.ndarray, count: int, rng: np.random.Generator, coarsened: bool = False
    ) -> np.ndarray:
        x, y = (np.repeat(v[:, None], count, axis=1) for v in (x0, y0))
        found = np.zeros((count, self.times.size))
        found[:, 0] = self.trace @ y
        for k, (start, end) in enumerate(pairwise(self.times), start=1):
            if end > start:
                steps = 2 * max(1, int(np.ceil((end - start) / (2.0 * float(self.dt or 1.0)) * (1 - 1e-12))))
                h = (end - start) / steps
                for _ in range(steps // 2):
                    dW = np.sqrt(h) * rng.standard_normal((2, len(self.readings), count))
                    forward = rng.random((2, count)) < 0.5
                    if coarsened:
                        x, y = self._step(x, y, 2.0 * h, dW.sum(axis=0), forward[0])
                    else:
                        x, y = self._step(x, y, h, dW[0], forward[0])
                        x, y = self._step(x, y, h, dW[1], forward[1])
            found[:, k] = self.trace @ y
        return found

    def _step(
        self, x: np.ndarray, y: np.ndarray, h: float, dW: np.ndarray, forward: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A step; the noises come in their order or in the other one, as drawn for each record."""
        x, y = self._drifted(x, y, 0.5 * h)
        order = range(len(dW))
        for records, noises in ((forward, order), (~forward, reversed(order))):
            if records.any():
                some_x, some_y = x[:, records], y[:, records]
                for k in noises:
                    some_x, some_y = self._kicked(k, some_x, some_y, dW[k, records])
                x[:, records], y[:, records] = some_x, some_y
        return self._drifted(x, y, 0.5 * h)

    def _slope(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dx, dy = self.G @ x, self.G @ y + self.change @ x
        weight = self.trace @ x
        for k in range(len(self.readings)):
            image, change = self._read(k, x, y)
            mean = (self.trace @ image) / weight
            dx, dy = dx + mean * image, dy + mean * change
        return dx, dy

    def _drifted(self, x: np.ndarray, y: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
        """A classical Runge-Kutta step of what does not depend on the noise."""
        a, p = self._slope(x, y)
        b, q = self._slope(x + 0.5 * h * a, y + 0.5 * h * p)
        c, r = self._slope(x + 0.5 * h * b, y + 0.5 * h * q)
        d, s = self._slope(x + h * c, y + h * r)
        return self._normalised(x + h / 6 * (a + 2 * b + 2 * c + d), y + h / 6 * (p + 2 * q + 2 * r + s))

    def _kicked(self, k: int, x: np.ndarray, y: np.ndarray, dW: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """exp(N dW) on states, and its derivative on their derivatives."""
        total_x, total_y = x.copy(), y.copy()
        for n in range(1, _TERMS):
            image, change = self._read(k, x, y)
            x, y = image * (dW / n), change * (dW / n)
            total_x += x
            total_y += y
            if np.abs(x).max() <= _EPS and np.abs(y).max() <= _EPS * max(1.0, np.abs(total_y).max()):
                break
        return self._normalised(total_x, total_y)


def _crossing(traces: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Where the falling polynomials with these coefficients (terms, records) reach a level, as parts of the step."""
    low, high = np.zeros(level.size), np.ones(level.size)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = _evaluated(list(traces), middle) >= level
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high


def _evaluated(terms: Sequence[np.ndarray], at: np.ndarray) -> np.ndarray:
    """Sum of terms times powers of `at`, by Horner's rule."""
    total = terms[-1]
    for term in terms[-2::-1]:
        total = total * at + term
    return total


def _quick(matrix: sp.csr_array) -> Any:
    return matrix.toarray() if matrix.shape[0] <= _DENSE else matrix
