r"""What the steps of an explicit method lose where splines go over from one polynomial to the next.

There the derivative of order d of a coefficient jumps by some :math:`J`. A Runge-Kutta step of length h over the knot, a part
:math:`\tau` of it from its start, is off by

.. math:: J\, h^{d+1} \Big| \sum_i b_i \frac{(c_i - \tau)_+^d}{d!} - \frac{(1-\tau)^{d+1}}{(d+1)!} \Big|\, \|L_j x\| ,

whatever its order, and its embedded estimate does not tell. Where knots are dense and jumps alike, these errors cancel within a
step. So steps are so short that the sum is little, or end at the knots.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from scipy.integrate import DOP853

from piqs.equations.coefficients import knots_of
from piqs.liouville import AssembledGenerator
from piqs.liouville.terms import values_of

# Derivatives that may jump, the part of what a step may lose that is for them, and the part of the sum without signs that counts:
# stages within the step have errors of their own.
_DERIVATIVES, _SHARE, _UNSIGNED = np.arange(1, 4), 0.5, 0.05
# Steps are made shorter so many times before they end at the next knot.
_TRIES = 8
_FACTORIALS = np.array([factorial(d) for d in _DERIVATIVES])


def _off(part: np.ndarray) -> np.ndarray:
    """The factor of J h^(d+1) |L x|, one row for each place of a knot, one column for each derivative."""
    after = np.maximum(DOP853.C[: DOP853.n_stages] - part[:, None], 0.0)
    sums = (after[..., None] ** _DERIVATIVES).transpose(0, 2, 1) @ DOP853.B
    return sums / _FACTORIALS - (1.0 - part[:, None]) ** (_DERIVATIVES + 1) / (
        _FACTORIALS * (_DERIVATIVES + 1)
    )


# Its root mean square over all places.
_MEAN = np.sqrt(np.mean(np.square(_off((np.arange(200) + 0.5) / 200)), axis=0))


class Kinks:
    """The knots of a generator's coefficients.

    Parameters
    ----------
    generator : Generator
        L.
    start, end : float
        The knots between these times count.
    """

    def __init__(self, generator: AssembledGenerator, start: float, end: float) -> None:
        self.generator, self.duration = generator, end - start
        self._kinks: list[tuple[int, np.ndarray, np.ndarray]] = []
        for number, f in enumerate(generator.coefficients):
            knots = knots_of(f)
            knots = knots[(knots > start) & (knots < end)]
            if f is not None and knots.size:
                self._kinks.append((number, knots, _jumps(f, np.concatenate([[start], knots, [end]]))))
        times = knots_of(*generator.coefficients)
        self._times = times[(times > start) & (times < end)]

    def start(self, x: np.ndarray) -> None:
        """Take the state at the beginning of a step."""
        generator = self.generator
        self._sizes = [
            float(generator.trace_norm(generator.matrices[number] @ x)) for number, _, _ in self._kinks
        ]

    def error(self, t: float, end: float) -> float:
        """What a step loses, about, as a trace norm."""
        powers = (end - t) ** (_DERIVATIVES + 1.0)
        lost = 0.0
        for (_, knots, jumps), size in zip(self._kinks, self._sizes, strict=True):
            first, last = knots.searchsorted(t, side="right"), knots.searchsorted(end, side="left")
            if last > first:
                own = jumps[first:last] * powers
                signed = abs(float(np.sum(own * _off((knots[first:last] - t) / (end - t)))))
                lost += size * (signed + _UNSIGNED * float(np.abs(own).sum(axis=0) @ _MEAN))
        return lost

    def reach(self, t: float, h: float, allowed: float) -> float:
        """Where a step of at most a length h from t has to end, given what may be lost over the whole duration."""
        first = self._times.searchsorted(t, side="right")
        if first == self._times.size or self._times[first] >= t + h:
            return np.inf
        for tried in range(_TRIES):
            ratio = self.error(t, t + h) / (_SHARE * allowed * h / self.duration)
            if ratio <= 1.0:
                return t + h if tried else np.inf
            # As many knots fewer, and the power of the third derivative.
            h *= max(0.3, 0.9 * ratio ** (-1.0 / 4.0))
            if first + 1 == self._times.size or self._times[first + 1] >= t + h:
                break
        return float(self._times[first])


def _jumps(f: object, edges: np.ndarray) -> np.ndarray:
    """By how much the derivatives of a piecewise smooth function jump at all edges but the first and the last.

    In each piece they are those of the cubic polynomial through four values.
    """
    lengths = np.diff(edges)[:, None]
    nodes = 0.5 - 0.5 * np.cos((np.arange(4) + 0.5) * np.pi / 4)
    values = values_of(f, (edges[:-1, None] + lengths * nodes).ravel()).reshape(-1, 4)  # type: ignore[arg-type]
    powers = values @ np.linalg.inv(np.vander(nodes, increasing=True)).T
    at_left = np.array([factorial(d) * powers[:, d] for d in _DERIVATIVES]).T
    at_right = np.array(
        [sum(factorial(k) / factorial(k - d) * powers[:, k] for k in range(d, 4)) for d in _DERIVATIVES]
    ).T
    scale = lengths**_DERIVATIVES
    return (at_left / scale)[1:] - (at_right / scale)[:-1]
