r"""Evolution by Faber polynomials: :math:`e^{\tau L} x = \sum_k c_k(\tau) F_k(L) x` on an ellipse around the spectrum.

The unit circle is mapped onto an ellipse of centre c and semi-axes a (real) and b (imaginary) by

.. math:: \psi(w) = c + \frac{a+b}{2} w + \frac{a-b}{2} \frac1w, \qquad
          e^{\tau\psi(w)} = \sum_{k=-\infty}^\infty c_k(\tau)\, w^k .

Chebyshev's series is the case b = 0 or a = 0. Long steps cost about (a+b) applications of L per unit time where the
motion is oscillatory and the square root of that where it is dissipative. Any number of output times inside of a step
costs nothing but scalars: only the moments :math:`o\cdot F_k(L)x` of each observable are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg as la
from scipy.fft import hfft, next_fast_len

from piqs.integrators.application import FromMatrix, MatrixFree, application
from piqs.integrators.base import Evolution
from piqs.linear.threads import RowCuts, row_cuts

_EPS = np.finfo(float).eps
# Where nothing moves, the ellipse is that of this rate: its inverse must be a number.
_SLOWEST = 1e-200
_LANCZOS_STEPS = 15
# Largest exponent by which the part of the ellipse right of the imaginary axis may amplify rounding within a step.
_AMPLIFICATION = 4.0
# Longest step in units of the ellipse's capacity: longer ones save no more than a few per cent.
_LONGEST_STEP = 400.0
# Outputs that share a step, and the numbers in the Fourier transforms made at once for them (16 MB): both bound memory.
_MOST_OUTPUTS, _LARGEST_TRANSFORM = 4096, 1 << 20
# What one step costs beside its applications, and the coefficients of one output for each unit of the capacity times the
# step, in multiplications; they are the same for every whole step where outputs are evenly spaced.
_COST_OF_STEP, _COST_OF_OUTPUT = 5e4, 100.0
# Steps tried, as parts of the longest one.
_PARTS = (1.0, 0.5, 0.25, 0.125)
# Polynomials that grow by more than this call for a larger ellipse instead of a longer series.
_MOST_GROWTH = 1e5
# An ellipse with the semi-axes of the numerical range does not hold all of the range: enlarge it by this factor, and
# again whenever the polynomials are seen to grow.
_ENLARGEMENT = 1.1
# Most of it goes to the left, where the exponential is small, so that steps may be longer (a fifth fewer applications).
_LEFTWARD = 0.8


@dataclass(frozen=True)
class Ellipse:
    """Centre and semi-axes of an ellipse that holds the numerical range of a real matrix."""

    centre: float
    real: float
    imaginary: float

    @property
    def capacity(self) -> float:
        """Mean of the semi-axes: the growth rate of the Faber polynomials."""
        return 0.5 * (self.real + self.imaginary)

    @property
    def flat(self) -> bool:
        """Whether gains and losses are balanced, so that states spread instead of running down the ladders as a wave."""
        return self.imaginary < 0.25 * self.real

    @property
    def step(self) -> float:
        """Longest step that loses no more digits than the constants above allow."""
        step = _LONGEST_STEP / self.capacity
        right = self.centre + self.real
        # A flat ellipse needs only the square root of its capacity in terms, so that longer steps pay.
        step *= max(1.0, self.real / (10.0 * self.imaginary + 1e-300)) if self.real > self.imaginary else 1.0
        return min(step, _AMPLIFICATION / right) if right > 0 else step

    def enlarged(self, factor: float = _ENLARGEMENT) -> Ellipse:
        """The same ellipse with wider axes; the larger axis grows no faster than the smaller one needs."""
        extra = (factor - 1.0) * min(self.real, self.imaginary)
        floor = 1e-3 * max(self.real, self.imaginary)
        extra = max(extra, floor)
        # A flat ellipse leaves the range no room on the right.
        leftward = 0.0 if self.flat else _LEFTWARD * extra
        return Ellipse(self.centre - leftward, self.real + extra, factor * self.imaginary + floor)

    def coefficients(self, times: np.ndarray) -> np.ndarray:
        """The c_k of all times (one row each), by a Fourier transform on the unit circle; rows end at rounding."""
        points = 2 * next_fast_len(int(2.4 * self.capacity * float(np.max(times))) + 64)
        angle = 2.0 * np.pi * np.arange(points // 2 + 1) / points
        boundary = self.centre + self.real * np.cos(angle) + 1j * self.imaginary * np.sin(angle)
        step = times[-1] - times[-2] if times.size > 1 else 0.0
        if times.size > 1 and np.allclose(np.diff(times), step, rtol=1e-11, atol=0.0):
            # Evenly spaced outputs: powers of one exponential instead of an exponential each.
            factors = np.tile(np.exp(step * boundary), (times.size, 1))
            factors[0] = np.exp(times[0] * boundary)
            values = np.multiply.accumulate(factors, out=factors)
        else:
            values = np.exp(np.outer(times, boundary))
        # psi(w*) = psi(w)*, so half of the circle and a real transform suffice; negative powers are left out.
        return hfft(values, n=points, axis=1)[:, : points // 2] / points

    def polynomials_at_zero(self, order: int) -> np.ndarray:
        """F_0(0), F_1(0), ... by the recurrence that the expansion uses, with its rounding."""
        first, delta = -self.centre / self.capacity, 0.5 * (self.real - self.imaginary) / self.capacity
        values = [1.0, first, first * first - 2.0 * delta]
        while len(values) < order:
            values.append(first * values[-1] - delta * values[-2])
        return np.array(values[:order])


def ellipse(apply: FromMatrix | MatrixFree) -> Ellipse:
    """Ellipse with the semi-axes of the numerical range, from the extreme eigenvalues of (L + L^T)/2 and (L - L^T)/2."""
    low, high = _extremes(apply, 1.0)
    _, imaginary = _extremes(apply, -1.0)
    high = max(high, 0.0)
    size = max(high - low, imaginary, _SLOWEST)
    return Ellipse(0.5 * (low + high), 0.5 * (high - low) + _EPS * size, imaginary + _EPS * size)


def _extremes(apply: FromMatrix | MatrixFree, sign: float) -> tuple[float, float]:
    """Bounds on the spectrum of the symmetric (sign 1) or i times the antisymmetric (-1) part, by Lanczos."""
    v = apply.random()
    if v.size == 0:
        # Nothing that the observables depend on is ever reached.
        return 0.0, 0.0
    v /= np.sqrt(apply.dot(v, v))
    before = np.zeros_like(v)
    alpha: list[float] = []
    beta: list[float] = [0.0]
    for _ in range(min(_LANCZOS_STEPS, v.size)):
        w = apply.half_sum(sign, v)
        alpha.append(apply.dot(w, v) if sign > 0 else 0.0)
        w -= alpha[-1] * v + sign * beta[-1] * before
        beta.append(float(np.sqrt(apply.dot(w, w))))
        if beta[-1] <= 1e-14 * max(beta + [abs(a) for a in alpha]):
            beta[-1] = 0.0
            break
        before, v = v, w / beta[-1]
    values, vectors = la.eigh_tridiagonal(np.array(alpha), np.array(beta[1:-1]))
    error = beta[-1] * np.abs(vectors[-1])
    return float(values[0] - error[0]), float(values[-1] + error[-1])


class Faber(Evolution):
    """Evolution by Faber polynomials (see the module)."""

    name = "faber"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.apply = application(self.generator)
        gaps = np.diff(self.times)
        self._even = bool(np.allclose(gaps, gaps[:1], rtol=1e-9, atol=0.0))
        self._adopt(ellipse(self.apply).enlarged())

    def _adopt(self, new: Ellipse) -> None:
        """Use this ellipse from now on."""
        self.ellipse = new
        # By how much the polynomials outgrow the bound that holds when the ellipse holds the numerical range.
        self.growth = 1.0
        self._known: dict[tuple[float, ...], np.ndarray] = {}
        longest = min(new.step, self.max_step or np.inf)
        self.step = longest
        if self.on_state is None and self.duration > 0.0:
            # Short steps need more applications, long ones the coefficients of more outputs.
            steps = min(longest, self.duration) * np.array(_PARTS)
            self.step = float(steps[np.argmin([self._work(step) for step in steps])])

    def _work(self, step: float) -> float:
        """Multiplications that steps of this length take in all."""
        applications = self._coefficients(np.array([step])).shape[1]
        steps = self.duration / step
        tables = min(2.0, steps) if self._even else steps
        outputs = 0.0 if self.on_state is not None else tables * self.times.size / steps
        work = applications * (self.generator.nnz + 4.0 * self.generator.n) + _COST_OF_STEP
        return steps * work + outputs * _COST_OF_OUTPUT * self.ellipse.capacity * step

    def cost(self) -> float:
        if self.duration == 0.0:
            return 0.0
        step = min(self.step, self.duration)
        if self.on_state is not None:
            step = min(step, self.duration / (self.times.size - 1))
        return self._work(step)

    @property
    def tolerance(self) -> float:
        """Part of the accuracy asked for that one step may spend.

        A hundredth of rtol, because an observable weighs a state's many components up to the square root of their number.
        """
        steps = max(1.0, self.duration / self.step)
        return max(0.01 * self.rtol / steps, _EPS)

    def _coefficients(self, offsets: np.ndarray) -> np.ndarray:
        """Coefficients for outputs at these times into a step, cut where the rest is below tolerance."""
        key = (*np.round(offsets / offsets[-1], 12), float(np.format_float_scientific(offsets[-1], 12)))
        if key not in self._known:
            last = self.ellipse.coefficients(offsets[-1:])[0]
            rest = np.cumsum(np.abs(last[::-1]))[::-1]
            # Below its own rounding the transform holds nothing but noise.
            noise = 4.0 * _EPS * max(1.0, np.abs(last).max())
            above = np.flatnonzero(rest > max(self.tolerance / self.growth, noise * np.sqrt(rest.size)))
            order = min(last.size, (int(above[-1]) if above.size else 0) + 2)
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
        """Advance step by step; several output times share a step where no states are wanted."""
        x = self.x.copy()
        y, previous, total = np.empty_like(x), np.empty_like(x), np.empty_like(x)
        t = self.times[0]
        self.record_state(x)
        with row_cuts(self.apply.work) as cuts:
            while self.done < self.times.size:
                upcoming = self.times[self.done :]
                if upcoming[0] == t:
                    self.record_state(x)
                    continue
                offsets = self._offsets(upcoming - t)
                coefficients = self._coefficients(offsets)
                moments = self._expand(cuts, coefficients[-1], x, y, previous, total)
                if moments is None:
                    continue
                x, total = total, x
                if offsets[-1] < upcoming[0] - t:
                    t += offsets[-1]
                    continue
                t = upcoming[offsets.size - 1]
                self.x = x
                if self.on_state is None:
                    self.record_values(coefficients @ moments)
                else:
                    self.record_state(x)
        self.x = x

    def _offsets(self, ahead: np.ndarray) -> np.ndarray:
        """Output times to reach in one step, counted from its start; a part of the way if the next one is too far."""
        if ahead[0] > self.step:
            return ahead[:1] / np.ceil(ahead[0] / self.step)
        if self.on_state is not None:
            return ahead[:1]
        return ahead[: min(int(np.searchsorted(ahead, self.step, side="right")), _MOST_OUTPUTS)]

    def _expand(
        self,
        cuts: RowCuts,
        weights: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        previous: np.ndarray,
        total: np.ndarray,
    ) -> np.ndarray | None:
        """Sum the series into `total`; the moments of the observables, or None after adapting to a failure."""
        e = self.ellipse
        polynomials = (1.0 / e.capacity, e.centre, 0.5 * (e.real - e.imaginary) / e.capacity)
        with cuts.timed(weights.size) as rows:
            moments, norms = self.apply.expansion(
                rows, polynomials, weights, (x, y, previous, total), self.observables
            )
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
            self._adopt(e.enlarged())
        elif left_out > allowed:
            self.growth *= max(10.0, left_out / allowed)
            self._known.clear()
        else:
            return moments
        return None
