r"""Ellipses around the numerical range of a generator, and Faber series on them.

The unit circle is mapped onto an ellipse of centre c and semi-axes a (real) and b (imaginary) by

.. math:: \psi(w) = c + \frac{a+b}{2} w + \frac{a-b}{2} \frac1w, \qquad
          e^{\tau\psi(w)} = \sum_{k=-\infty}^\infty c_k(\tau)\, w^k .

Chebyshev's series is the case b = 0 or a = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg as la
from scipy.fft import hfft, next_fast_len

from piqs.liouville import Generator

_EPS = np.finfo(float).eps
# Where nothing moves, the ellipse is that of this rate: its inverse must be a number.
_SLOWEST = 1e-200
_LANCZOS_STEPS = 15
# Largest exponent by which the part of the ellipse right of the imaginary axis may amplify rounding within a step.
_AMPLIFICATION = 4.0
# Longest step in units of the ellipse's capacity: longer ones save no more than a few per cent.
_LONGEST_STEP = 400.0
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

    @property
    def recurrence(self) -> tuple[float, float, float]:
        """Scale, shift and delta of the polynomials' recurrence, as the kernels take them."""
        return 1.0 / self.capacity, self.centre, 0.5 * (self.real - self.imaginary) / self.capacity

    def polynomials_at_zero(self, order: int) -> np.ndarray:
        """F_0(0), F_1(0), ... by the recurrence that the expansion uses, with its rounding."""
        scale, shift, delta = self.recurrence
        first = -shift * scale
        values = [1.0, first, first * first - 2.0 * delta]
        while len(values) < order:
            values.append(first * values[-1] - delta * values[-2])
        return np.array(values[:order])


def ellipse(generator: Generator) -> Ellipse:
    """Ellipse with the semi-axes of the numerical range, from the extreme eigenvalues of (L + L^T)/2 and
    (L - L^T)/2; it is kept with the generator."""
    if generator.known_ellipse is not None:
        return generator.known_ellipse
    low, high = _extremes(generator, 1.0)
    _, imaginary = _extremes(generator, -1.0)
    high = max(high, 0.0)
    size = max(high - low, imaginary, _SLOWEST)
    found = Ellipse(0.5 * (low + high), 0.5 * (high - low) + _EPS * size, imaginary + _EPS * size)
    generator.known_ellipse = found
    return found


def _extremes(generator: Generator, sign: float) -> tuple[float, float]:
    """Bounds on the spectrum of the symmetric (sign 1) or i times the antisymmetric (-1) part, by Lanczos."""
    v = generator.random()
    if v.size == 0:
        # Nothing that the observables depend on is ever reached.
        return 0.0, 0.0
    v /= np.sqrt(generator.dot(v, v))
    before = np.zeros_like(v)
    alpha: list[float] = []
    beta: list[float] = [0.0]
    for _ in range(min(_LANCZOS_STEPS, v.size)):
        w = generator.half_sum(sign, v)
        alpha.append(generator.dot(w, v) if sign > 0 else 0.0)
        w -= alpha[-1] * v + sign * beta[-1] * before
        beta.append(float(np.sqrt(generator.dot(w, w))))
        if beta[-1] <= 1e-14 * max(beta + [abs(a) for a in alpha]):
            beta[-1] = 0.0
            break
        before, v = v, w / beta[-1]
    values, vectors = la.eigh_tridiagonal(np.array(alpha), np.array(beta[1:-1]))
    error = beta[-1] * np.abs(vectors[-1])
    return float(values[0] - error[0]), float(values[-1] + error[-1])
