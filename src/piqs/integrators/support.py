r"""Evolution of the elements of a state that are occupied, in ranges that move with it.

Of a density matrix in blocks, each step keeps the elements above a threshold and those that they reach within the step. What a
step leaves out at its beginning and what flows out over the edge, :math:`P_\perp L y`, is the defect of the state y that is
followed. The evolution contracts the trace norm, so that the error is no larger than

.. math:: \sum \| P_\perp y \|_1 + \int_0^t \| P_\perp L\, y(s) \|_1\, ds ,

which is held within what is allowed by moving the threshold. The integral is taken from both ends of each step: over each edge
the flow grows or falls within a step, and their sum is more than either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from piqs.integrators.base import Problem
from piqs.integrators.faber import Faber
from piqs.linear.ellipse import Ellipse
from piqs.liouville import MatrixFreeGenerator
from piqs.liouville.support import left_out, moved, occupied, rows_on, within_reach

# The threshold in units of what a step may lose: at first, and beyond these limits elements are added or taken away beside those
# that a front reaches, of which there are so many at first and at least.
_FIRST, _LOW, _HIGH = 0.1, 1e-4, 1e-2
_MARGIN, _LEAST = 4, 1
# The part of what a step may lose that the next one aims at, by how much the threshold changes at most, and the loss in the same
# units that makes the next step half as long.
_AIM, _DOWN, _UP, _FAR = 0.1, 0.03, 1.5, 100.0
# Polynomials of a step beyond its length times the capacity, about: what the length of steps is chosen from.
_MORE_POLYNOMIALS = 25.0
# Where more than this part of all elements is occupied, all are kept.
_MOST = 0.5
# Elements of the largest block that are occupied and reached, as a multiple of its dimension, about, on driven ensembles of
# 200 and 300; "auto" relies on that from a state that occupies no larger a part of all elements than this.
_OCCUPIED, _NARROW = 25.0, 0.02


class Support(Faber):
    """Faber polynomials on the occupied elements (see the module)."""

    name = "support"
    assembled = False
    generator: MatrixFreeGenerator

    def __init__(self, problem: Problem) -> None:
        self._whole, self._all = cast(MatrixFreeGenerator, problem.generator), False
        super().__init__(problem)
        self._threshold, self._margin = _FIRST * self._share(self.step), _MARGIN

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs blocks on which the generator is applied without being stored."""
        if not (isinstance(problem.generator, MatrixFreeGenerator) and problem.generator.by_rows):
            return "it needs blocks on which the generator is applied without being stored, as driven ensembles have"
        return None

    def _adopt(self, new: Ellipse) -> None:
        super()._adopt(new)
        self._longest = self._best = self.step
        if self._all:
            return
        hop = 2.0 * float(np.abs(self._whole.strips.g_values).max(initial=0.0))
        width = float(np.sqrt(np.diff(self._whole.bounds).max()))
        self.step = self._best = min(
            self.step, np.sqrt(_MORE_POLYNOMIALS / new.capacity * width / (4.0 * hop))
        )

    def cost(self) -> float:
        """That of all elements times the part that is occupied, as counted on spin coherent states that move."""
        occupies = np.count_nonzero(np.abs(self.x) > self._threshold) / max(self._whole.size, 1)
        part = min(1.0, _OCCUPIED / int(np.diff(self._whole.bounds).max())) if occupies < _NARROW else 1.0
        return super().cost() * part

    @property
    def tolerance(self) -> float:
        """A tenth of Faber's, so that most of what is allowed is left for what leaves the elements kept."""
        return max(0.1 * super().tolerance, np.finfo(float).eps)

    def run(self) -> None:
        """Step by step as Faber's; outputs are of the whole state."""
        self._wanted = self.observables
        try:
            super().run()
        finally:
            self.x = moved(self.x, self.generator, self._whole)
            self.generator, self.observables = self._whole, self._wanted

    def record_state(self, x: np.ndarray) -> None:
        """Keep the outputs of the next output time."""
        super().record_state(moved(x, self.generator, self._whole))

    def record_states(self, states: np.ndarray) -> None:
        """Keep the outputs of the next output times."""
        for state in states:
            self.record_state(state)

    def _share(self, length: float) -> float:
        """Trace norm that a step of this length may lose."""
        return 0.5 * self.problem.allowed * length / max(self.duration, length)

    def _offsets(self, ahead: np.ndarray) -> np.ndarray:
        offsets = super()._offsets(ahead)
        self._length = float(offsets[-1])
        return offsets

    def _values(self, threads: int, coefficients: np.ndarray, reached: int) -> bool:
        return self._within(super()._values, threads, coefficients, reached)

    def _states(self, threads: int, coefficients: np.ndarray, reached: int) -> bool:
        return self._within(super()._states, threads, coefficients, reached)

    def _within(
        self, advance: Callable[..., bool], threads: int, coefficients: np.ndarray, reached: int
    ) -> bool:
        """Make a step on the elements that it occupies; False where it has to be made again."""
        before = self.generator, self.x, self.observables, self.error
        self._enter()
        if advance(threads, coefficients, reached):
            return True
        self.generator, self.x, self.observables, self.error = before
        return False

    def _enter(self) -> None:
        """Go over to the elements that the next step occupies."""
        share = self._share(self._length)
        new, cut = self._whole, 0.0
        while not self._all:
            ranges = occupied(self.generator, self.x, self._threshold)
            new = self._whole.on(*within_reach(self._whole, ranges, self._length, self._margin))
            if new.n > _MOST * self._whole.n:
                new, self._all, self.step = self._whole, True, self._longest
            cut = left_out(self.x, self.generator, new)
            if cut <= _AIM * share:
                break
            self._threshold *= max(_DOWN, 0.3 * _AIM * share / cut)
        self.x, self.generator = moved(self.x, self.generator, new), new
        self.observables = rows_on(self._wanted, self._whole, new)
        self._lost = cut + self._length * self._flow(self.x)

    def _flow(self, x: np.ndarray) -> float:
        """Trace norm, at most, of what flows out of the elements kept, per unit time."""
        if self.generator is self._whole:
            return 0.0
        kept = np.where(self.generator.high > self.generator.low, self.generator.low, self._whole.n_kets)
        last = np.minimum(self.generator.high, np.arange(self._whole.n_kets) + 1)
        beyond = self._whole.on(*within_reach(self._whole, (kept, last), 0.0, 1))
        y = moved(x, self.generator, beyond)
        return left_out(beyond.apply(y, np.empty_like(y)), beyond, self.generator)

    def _held(self, x: np.ndarray) -> bool:
        """Whether what a step has lost is within its share; threshold and margin of the next one follow from it."""
        share = self._share(self._length)
        lost = self._lost + self._length * self._flow(x)
        ratio = max(lost / share, 1e-300)
        self._threshold *= float(np.clip((_AIM / ratio) ** 0.5, _DOWN, _UP))
        if ratio > 1.0:
            self._margin += 1
            if ratio > _FAR:
                self.step *= 0.5
            return False
        if self._threshold < _LOW * share:
            self._margin += 1
        elif self._threshold > _HIGH * share:
            self._margin = max(_LEAST, self._margin - 1)
        self.step = self._longest if self._all else min(self._best, 1.5 * self.step)
        self.error += lost
        return True
