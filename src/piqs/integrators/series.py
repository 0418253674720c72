r"""Small problems that depend on time, all steps at once: power series in time.

In a step the coefficients are polynomials through their values at 8 Chebyshev nodes, and the propagator from the middle of the
step is a power series, whose terms follow one from the other: :math:`(m + 1) Y_{m+1} = \sum_j L_j Y_{m-j}`. All steps are made
together, by products of many small matrices. How far the slope of the solution is from :math:`L(t)\, y`, with the coefficients
as they are, is looked at between all nodes and at both ends; it bounds the error, :math:`\int |\dot y - L y|\, dt`, since a
Lindblad equation brings states closer together. Steps in which it is too large are cut into shorter ones. None goes over a knot
of a spline, so that every spline is exact.
"""

from __future__ import annotations

import numpy as np

from piqs.equations.coefficients import knots_of
from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, Problem
from piqs.integrators.runge_kutta import Explicit
from piqs.integrators.stepping import SHORTEST, SMALLEST_SHARE
from piqs.liouville import AssembledGenerator

# Values of a coefficient that a step reads, and most unknowns.
_NODES, _LARGEST = 8, 16
# Length of a step times the largest rate in it, about, and most terms of the series.
_REACH, _TERMS = 4.0, 40
# Rate times half the length of a step beyond which so many terms are too few.
_TOO_LONG = 10.0
# Steps made together, times the number of unknowns, and how many times as many, and more, they may become before the
# coefficients count as not smooth.
_AT_ONCE, _FINER, _MORE = 1024, 8, 128
# After so many steps together, none of which changes the slope by more than allowed over its length, the problem counts as stiff.
_WATCHED = 40
# Steps whose error is beyond so many times what is allowed are cut into four, others into two.
_FAR = 100.0
# Rounding of a step in units of eps times its size, and outputs that are read at once.
_ROUNDINGS, _EPS, _READ_AT_ONCE = 8.0, np.finfo(float).eps, 4096
# What a step costs beside its products of matrices, and what all of them do, in multiplications.
_COST_OF_STEP, _COST = 2e4, 5e5

# The nodes on [-1, 1], from values there to coefficients of powers, and where the defect is looked at: up to the ends, where
# coefficients jump that have been found to.
_U = -np.cos((np.arange(_NODES) + 0.5) * np.pi / _NODES)
_POWERS = np.linalg.inv(np.vander(_U, increasing=True))
_BETWEEN = -np.cos(np.arange(_NODES + 1) * np.pi / _NODES)
_LOOKS = np.concatenate([_U, _BETWEEN])


class Series(Integrator):
    """Power series of the propagators of all steps at once (see the module)."""

    name = "series"
    options = frozenset({"rtol", "atol", "max_step"})
    matrix_free = False
    successor = Explicit
    generator: AssembledGenerator

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs the matrices of a generator that depends on time, on few unknowns."""
        generator = problem.generator
        if generator.kind != "assembled" or generator.constant:
            return "it needs the matrices of a generator that depends on time"
        if generator.n > _LARGEST:
            return f"it needs at most {_LARGEST} unknowns, there are {generator.n}"
        return None

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._ends, self._counts = self._cells()

    def cost(self) -> float:
        """A step for each of some four over the rate in it, and for each cell of a spline."""
        products = 0.5 * _TERMS * _NODES * float(self.generator.n) ** 3
        return _COST + float(self._counts.sum()) * (_COST_OF_STEP + products)

    def _cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Times that no step goes over, where coefficients change or splines have knots, and numbers of steps between them."""
        generator, problem = self.generator, self.problem
        start, last = problem.times[[0, -1]].tolist()
        knots = knots_of(*generator.coefficients)
        knots = knots[(start < knots) & (knots < last)]
        stretches = np.array([end for end, _, _ in problem.stretches] or [last])
        ends = np.array(sorted({start, last, *stretches.tolist(), *knots.tolist()}))
        lengths, middles = np.diff(ends), 0.5 * (ends[1:] + ends[:-1])
        rates = np.abs(generator.factors(np.concatenate([ends, middles]))) @ generator.rates
        rate = np.maximum(np.maximum(rates[: lengths.size], rates[1 : ends.size]), rates[ends.size :])
        longest = np.array([h for _, _, h in problem.stretches] or [np.inf])[stretches.searchsorted(middles)]
        longest = np.minimum(longest, problem.max_step or np.inf)
        return ends, np.ceil(np.maximum(np.maximum(lengths * rate / _REACH, lengths / longest), 1.0))

    def run(self) -> None:
        """Make the steps, some hundreds together, and read the outputs off them."""
        self._dense = np.array([m.toarray() for m in self.generator.matrices])
        at_start = self.times.searchsorted(self.times[0], side="right")
        self.record_states(np.repeat(self.x[None], at_start, axis=0))
        first_of_cell = np.concatenate([[0.0], np.cumsum(self._counts)])
        first, at_once = 0.0, max(_AT_ONCE // self.generator.n, 1)
        while self.done < self.times.size:
            number = np.arange(first, min(first + at_once, first_of_cell[-1]) + 1.0)
            cell = np.minimum(first_of_cell.searchsorted(number, side="right") - 1, self._counts.size - 1)
            part = (number - first_of_cell[cell]) / self._counts[cell]
            edges = (1.0 - part) * self._ends[cell] + part * self._ends[cell + 1]
            first = number[-1]
            if not self._make(edges):
                return

    def _make(self, edges: np.ndarray) -> bool:
        """Make the steps between some times, and shorter ones where it must be; whether no other method goes on instead."""
        most = _FINER * edges.size + _MORE
        steps = _Steps(self.generator, self._dense, edges, self.problem.allowed)
        while True:
            shortest = SHORTEST * np.spacing(np.abs(edges[:-1]))
            lengths = np.diff(edges)
            # A jump is known to the rounding of its time only: the step across it may spend the whole tolerance.
            share = np.maximum(lengths / self.problem.duration, SMALLEST_SHARE)
            share = np.where(lengths <= shortest, 1.0, share)
            states, series, errors, moved = steps.solve(self.x)
            rounding = _ROUNDINGS * _EPS * (1.0 + steps.sizes) * self.generator.trace_norm(states[:-1])
            ratio = errors / (0.5 * self.problem.allowed * share + rounding)
            failed = ~(ratio < 1.0)
            if not failed.any():
                break
            end = int(failed.argmax())
            if np.any(failed & (lengths <= shortest)):
                raise ConvergenceError(
                    f"the step fell below rounding at t = {edges[end]}; the coefficients may be singular there"
                )
            if failed.size > most and self.fallback is not None:
                self._keep(edges[: end + 1], states[: end + 1], series[:end], errors + rounding)
                self._hand_over(float(edges[end]), self.fallback)
                return False
            parts = np.where(failed, np.where(ratio < _FAR, 2, 4), 1)
            edges = steps.cut(parts)
        self._keep(edges, states, series, errors + rounding)
        still = edges.size > _WATCHED and bool(np.all(moved < self.problem.allowed))
        if still and self.fallback is not None and self.done < self.times.size:
            self._hand_over(float(edges[-1]), self.fallback)
            return False
        return True

    def _keep(self, edges: np.ndarray, states: np.ndarray, series: np.ndarray, errors: np.ndarray) -> None:
        """Record the outputs in some steps, given their edges, the states there, and the series in each."""
        self.applications += len(series)
        self.error += float(errors[: len(series)].sum())
        self.x = states[-1]
        last = int(self.times.searchsorted(edges[-1], side="right"))
        while self.done < last:
            times = self.times[self.done : min(last, self.done + _READ_AT_ONCE)]
            step = edges[1:].searchsorted(times)
            u = (2.0 * times - edges[step] - edges[step + 1]) / (edges[step + 1] - edges[step])
            self.record_states((np.vander(u, series.shape[1])[:, None] @ series[step])[:, 0])


class _Steps:
    """Steps made together: their coefficients and the series of their propagators.

    Parameters
    ----------
    generator : AssembledGenerator
        L.
    dense : array (terms, n, n)
        Its matrices.
    edges : float64 array (K + 1,)
        Where the steps begin and end.
    allowed : float
        Size of terms of the series that count.

    Attributes
    ----------
    sizes : float64 array (K,)
        Rate times half the length of each step.
    """

    def __init__(
        self, generator: AssembledGenerator, dense: np.ndarray, edges: np.ndarray, allowed: float
    ) -> None:
        self.generator, self.dense, self.edges = generator, dense, edges
        self._terms, self._smallest = 0, 1e-3 * SMALLEST_SHARE * allowed
        self._values, self._series, self.sizes = self._expanded(edges[:-1], edges[1:])

    def cut(self, parts: np.ndarray) -> np.ndarray:
        """Cut each step into so many, and return the edges."""
        old, lengths = self.edges, np.diff(self.edges)
        begin = np.repeat(np.cumsum(parts) - parts, parts)
        starts = np.repeat(old[:-1], parts) + (np.arange(begin.size) - begin) * np.repeat(
            lengths / parts, parts
        )
        self.edges = np.append(starts, old[-1])
        new = np.repeat(parts > 1, parts)
        found = self._expanded(starts[new], self.edges[1:][new])
        merged = []
        for kept, fresh in zip((self._values, self._series, self.sizes), found, strict=True):
            both = np.empty((new.size, *kept.shape[1:]))
            both[~new], both[new] = kept[parts == 1], fresh
            merged.append(both)
        self._values, self._series, self.sizes = merged
        return self.edges

    def _expanded(self, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients where the defect is looked at, series of the propagators from the middle of the step, highest power first,
        and sizes."""
        count, n = starts.size, len(self.dense[0])
        half, middle = 0.5 * (ends - starts), 0.5 * (ends + starts)
        times = (middle[:, None] + half[:, None] * _LOOKS).clip(starts[:, None], ends[:, None])
        values = self.generator.factors(times.ravel()).reshape(count, _LOOKS.size, -1)
        powers = (half[:, None, None] * (_POWERS @ values[:, :_NODES])) @ self.dense.reshape(-1, n * n)
        powers = powers.reshape(count, _NODES, n, n)
        sizes = np.abs(powers).sum(axis=2).max(axis=2).sum(axis=1)
        # Steps that are far too long are not begun.
        powers[sizes > _TOO_LONG] = 0.0
        if not self._terms:
            term, largest = 1.0, min(float(sizes.max()), _TOO_LONG)
            while self._terms < _TERMS and (term > self._smallest or self._terms < _NODES):
                self._terms += 1
                term *= largest / self._terms
        rows = powers.transpose(0, 2, 1, 3).reshape(count, n, -1)
        series = np.zeros((count, (self._terms + _NODES) * n, n))
        series[:, self._terms * n : (self._terms + 1) * n] = np.eye(n)
        for m in range(self._terms):
            low = (self._terms - m) * n
            series[:, low - n : low] = rows @ series[:, low : low + _NODES * n] / (m + 1.0)
        return values[:, _NODES:], series[:, : (self._terms + 1) * n].reshape(count, -1, n, n), sizes

    def solve(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """States at all edges; for each step the series of the solution, a bound on the error as a trace norm, and what the slope
        changes by, times the length."""
        count, n = self.sizes.size, x.size
        alternating = (-1.0) ** np.arange(self._terms, -1, -1)
        back = np.linalg.inv(np.tensordot(self._series, alternating, (1, 0)))
        whole = self._series.sum(axis=1) @ back
        states = np.empty((count + 1, n))
        states[0] = x
        for k, propagator in enumerate(whole):
            np.dot(propagator, states[k], out=states[k + 1])
        middles = back @ states[:-1, :, None]
        series = (self._series.reshape(count, -1, n) @ middles).reshape(count, -1, n)
        half = 0.5 * np.diff(self.edges)[:, None, None]
        weights = np.vander(_BETWEEN, self._terms + 1)
        slopes = (weights[:, 1:] * np.arange(self._terms, 0, -1)) @ series[:, :-1] / half
        applied = ((weights @ series) @ self.dense.reshape(-1, n).T).reshape(count, _BETWEEN.size, -1, n)
        defects = slopes - (self._values[:, :, None] @ applied)[:, :, 0]
        # The norm of the largest of all in each place.
        errors = 2.0 * half[:, 0, 0] * self.generator.trace_norm(np.abs(defects).max(axis=1))
        moved = 2.0 * half[:, 0, 0] * np.linalg.norm(slopes[:, -1] - slopes[:, 0], axis=1)
        return states, series, errors, moved
