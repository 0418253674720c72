r"""Evolution by Faber polynomials: :math:`e^{\tau L} x = \sum_k c_k(\tau) F_k(L) x` on an ellipse around the spectrum.

The unit circle is mapped onto an ellipse of centre c and semi-axes a (real) and b (imaginary) by

.. math:: \psi(w) = c + \frac{a+b}{2} w + \frac{a-b}{2} \frac1w, \qquad
          e^{\tau\psi(w)} = \sum_{k=-\infty}^\infty c_k(\tau)\, w^k .

Chebyshev's series is the case b = 0 or a = 0. Long steps cost about (a+b) applications of L per unit time where the
motion is oscillatory and the square root of that where it is dissipative. Any number of output times inside of a step
costs no applications: of expectation values only the moments :math:`o\cdot F_k(L)x` of each observable are needed, and the
states are the product of the matrix of coefficients with that of the polynomials.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import dgemm

from piqs._kernels.apply import TINY
from piqs._resources import threads_for
from piqs.integrators.base import Integrator, Problem
from piqs.linear.ellipse import Ellipse

_EPS = np.finfo(float).eps
# Outputs that share a step, and the numbers in the Fourier transforms made at once for them (16 MB): both bound memory.
_MOST_OUTPUTS, _LARGEST_TRANSFORM = 4096, 1 << 20
# What one step costs beside its applications, and the coefficients of one output for each unit of the capacity times the
# step, in multiplications; they are the same for every whole step where outputs are evenly spaced.
_COST_OF_STEP, _COST_OF_OUTPUT = 5e4, 100.0
# The same of one unknown of one state for each coefficient: a dense product is that much cheaper than an application.
_COST_OF_STATE = 0.05
# Steps tried, as parts of the longest one.
_PARTS = (1.0, 0.5, 0.25, 0.125)
# Polynomials kept at a time where states are summed, and numbers in the states of one step (64 MB).
_POLYNOMIALS, _LARGEST_STATES = 48, 1 << 23
# Polynomials that grow by more than this call for a larger ellipse instead of a longer series.
_MOST_GROWTH = 1e5


class Faber(Integrator):
    """Evolution by Faber polynomials (see the module)."""

    name = "faber"
    options = frozenset({"rtol", "atol", "max_step"})
    worth_asking = 4e6

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.duration = problem.duration
        self._accuracy = problem.relative_accuracy
        gaps = np.diff(self.times)
        self._even = bool(np.allclose(gaps, gaps[:1], rtol=1e-9, atol=0.0))
        self._adopt(problem.ellipse.enlarged())

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs a generator that is constant in time."""
        return None if problem.generator.constant else "it needs a generator that is constant in time"

    def _adopt(self, new: Ellipse) -> None:
        """Use this ellipse from now on."""
        self.ellipse = new
        # By how much the polynomials outgrow the bound that holds when the ellipse holds the numerical range.
        self.growth = 1.0
        self._known: dict[tuple[float, ...], np.ndarray] = {}
        longest = min(new.step, self.problem.max_step or np.inf)
        self.step = longest
        if self.duration > 0.0:
            # Short steps need more applications, long ones more coefficients for each output.
            steps = min(longest, self.duration) * np.array(_PARTS)
            self.step = float(steps[np.argmin([self._work(step) for step in steps])])

    def _work(self, step: float) -> float:
        """Multiplications that steps of this length take in all."""
        applications = self._coefficients(np.array([step])).shape[1]
        steps = self.duration / step
        if self.on_state is not None:
            steps = max(steps, self.times.size / self._most_outputs)
        tables = min(2.0, steps) if self._even else steps
        work = applications * (self.generator.nnz + 4.0 * self.generator.n) + _COST_OF_STEP
        work *= steps
        work += tables * self.times.size / steps * _COST_OF_OUTPUT * self.ellipse.capacity * step
        if self.on_state is not None:
            work += self.times.size * applications * _COST_OF_STATE * self.generator.size
        return work

    @property
    def _most_outputs(self) -> int:
        """Outputs that may share a step."""
        if self.on_state is None:
            return _MOST_OUTPUTS
        return min(_MOST_OUTPUTS, max(1, _LARGEST_STATES // max(self.generator.size, 1)))

    def cost(self) -> float:
        if self.duration == 0.0:
            return 0.0
        return self._work(min(self.step, self.duration))

    @property
    def tolerance(self) -> float:
        """Part of the accuracy asked for that one step may spend, relative to the norm of the state.

        A hundredth, because an observable weighs a state's many components up to the square root of their number.
        """
        steps = max(1.0, self.duration / self.step)
        return max(0.01 * self._accuracy / steps, _EPS)

    def _coefficients(self, offsets: np.ndarray) -> np.ndarray:
        """Coefficients for outputs at these times into a step, cut where the rest is below tolerance."""
        key = (*np.round(offsets / offsets[-1], 12), float(np.format_float_scientific(offsets[-1], 12)))
        if key not in self._known:
            last = self.ellipse.coefficients(offsets[-1:])[0]
            rest = np.cumsum(np.abs(last[::-1]))[::-1]
            # Below its own rounding the transform holds nothing but noise.
            noise = 4.0 * _EPS * max(1.0, np.abs(last).max())
            above = np.flatnonzero(rest > max(self.tolerance / self.growth, noise * np.sqrt(rest.size)))
            # One term that counts and two that show that nothing is left out, at least.
            order = min(last.size, max(3, (int(above[-1]) if above.size else 0) + 2))
            table = np.zeros((offsets.size, order))
            rows = max(1, _LARGEST_TRANSFORM // last.size)
            for start in range(0, offsets.size, rows):
                block = self.ellipse.coefficients(offsets[start : start + rows])[:, :order]
                table[start : start + rows, : block.shape[1]] = block
            if len(self._known) >= 16:
                self._known.clear()
            # Zero is an eigenvalue, that of the trace: a polynomial that is not 1 there changes the trace in every step.
            self._known[key] = table / (table @ self.ellipse.polynomials_at_zero(order))[:, None]
        return self._known[key]

    def run(self) -> None:
        """Advance step by step; several output times share a step."""
        if self.generator.nnz == 0:
            for _ in self.times:
                self.record_state(self.x)
            return
        advance = self._values if self.on_state is None else self._states
        t = self.times[0]
        self.record_state(self.x)
        with threads_for(self.generator.nnz) as threads:
            while self.done < self.times.size:
                upcoming = self.times[self.done :]
                if upcoming[0] == t:
                    self.record_state(self.x)
                    continue
                offsets = self._offsets(upcoming - t)
                reached = offsets.size if offsets[-1] >= upcoming[0] - t else 0
                if advance(threads, self._coefficients(offsets), reached):
                    t = upcoming[reached - 1] if reached else t + offsets[-1]

    def _offsets(self, ahead: np.ndarray) -> np.ndarray:
        """Output times to reach in one step, counted from its start; a part of the way if the next one is too far."""
        if ahead[0] > self.step:
            return ahead[:1] / np.ceil(ahead[0] / self.step)
        return ahead[: min(int(np.searchsorted(ahead, self.step, side="right")), self._most_outputs)]

    def _values(self, threads: int, coefficients: np.ndarray, reached: int) -> bool:
        """Step to the last of some times and record expectation values at those reached; False after adapting to a failure."""
        y, previous, total = (np.empty_like(self.x) for _ in range(3))
        moments, norms = self.generator.faber_series(
            self.ellipse.recurrence, coefficients[-1], (self.x, y, previous, total), self.observables, threads
        )
        if not (self._converged(coefficients[-1], norms) and self._held(total)):
            return False
        self.x = total
        self.record_values(coefficients[:reached] @ moments)
        return True

    def _states(self, threads: int, coefficients: np.ndarray, reached: int) -> bool:
        """The same for whole states."""
        size, order = self.x.size, coefficients.shape[1]
        block = np.zeros((2 + min(order, _POLYNOMIALS), size), dtype=self.x.dtype)
        states = np.zeros((len(coefficients), size), dtype=self.x.dtype)
        norms = np.zeros(order)
        block[1] = np.where(np.abs(self.x) >= TINY, self.x, 0.0)
        norms[0] = np.linalg.norm(block[1])
        _add(coefficients[:, :1], block[1:2], states)
        for first in range(1, order, _POLYNOMIALS):
            rows = block[: 2 + min(_POLYNOMIALS, order - first)]
            new = slice(first, first + len(rows) - 2)
            norms[new] = self.generator.faber_polynomials(self.ellipse.recurrence, first - 2, rows, threads)[
                2:
            ]
            _add(coefficients[:, new], rows[2:], states)
            block[:2] = rows[-2:]
        if not (self._converged(coefficients[-1], norms) and self._held(states[-1])):
            return False
        self.x = states[-1]
        self.record_states(states[:reached])
        return True

    def _held(self, x: np.ndarray) -> bool:
        """Whether a step may end in this state: always, where all elements are kept."""
        return True

    def _converged(self, weights: np.ndarray, norms: np.ndarray) -> bool:
        """Whether a series was long enough; if so its error is counted, else the next one is made to be."""
        self.applications += weights.size - 1
        sizes = np.abs(weights) * norms
        rounding = _EPS * sizes.max()
        left_out = sizes[-2:].max()
        allowed = max(10.0 * self.tolerance, 100.0 * _EPS) * norms[0]
        if (
            not np.isfinite(rounding)
            or rounding > allowed
            or (left_out > allowed and self.growth > _MOST_GROWTH)
        ):
            self._adopt(self.ellipse.enlarged())
        elif left_out > allowed:
            self.growth *= max(10.0, left_out / allowed)
            self._known.clear()
        else:
            # What is left out is about as large as the last terms.
            of_norm = self.generator.trace_norm(self.x) / max(norms[0], 1e-300)
            self.error += (sizes[-2:].sum() + rounding) * of_norm
            return True
        return False


def _add(weights: np.ndarray, rows: np.ndarray, sums: np.ndarray) -> None:
    """sums += weights @ rows, in place, for real weights."""
    rows, sums = rows.view(np.float64), sums.view(np.float64)
    dgemm(1.0, rows.T, weights.T, beta=1.0, c=sums.T, overwrite_c=True)
