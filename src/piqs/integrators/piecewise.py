"""Evolution under piecewise constant coefficients: each piece by a method for generators that do not depend on time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from piqs.integrators.base import Integrator, Problem
from piqs.integrators.pieces import Piece
from piqs.liouville import AssembledGenerator

__all__ = ["Piecewise", "scheduled"]

_EPS = np.finfo(float).eps
# Pieces whose costs are asked for; the others are taken to cost as much.
_ASKED = 8


def scheduled(
    generator: AssembledGenerator, pieces: Sequence[Piece]
) -> list[tuple[float, AssembledGenerator]]:
    """The end of each piece and the constant generator in it, one object for all pieces that are alike."""
    known: dict[tuple[float, ...], AssembledGenerator] = {}
    for _, values in pieces:
        if values not in known:
            known[values] = generator.frozen(values)
    return [(end, known[values]) for end, values in pieces]


class _Part(NamedTuple):
    """A piece as a problem of its own: its constant generator, its first time, its outputs and its end, its tolerance."""

    generator: AssembledGenerator
    times: np.ndarray
    outputs: int
    share: float


class Piecewise(Integrator):
    """Evolution from one jump of the coefficients to the next (see the module).

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    known : list of (end, generator), optional
        The pieces, where they are known already; they may go on beyond the last output.
    """

    name = "piecewise"
    matrix_free = False
    generator: AssembledGenerator

    def __init__(
        self, problem: Problem, known: Sequence[tuple[float, AssembledGenerator]] | None = None
    ) -> None:
        super().__init__(problem)
        self._known = known

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs stored matrices with piecewise constant coefficients."""
        if problem.generator.kind != "assembled":
            return "it needs the matrices of the generator, which are not stored"
        if problem.generator.constant or problem.pieces is None:
            return "it needs coefficients that are piecewise constant"
        return None

    @cached_property
    def _parts(self) -> list[_Part]:
        pieces = self._known or scheduled(self.generator, self.problem.pieces or [])
        # Half of the tolerance goes by the length of a piece, half by their number.
        duration = max(self.problem.duration, np.finfo(float).tiny)
        found: list[_Part] = []
        start, first = float(self.times[0]), 0
        for end, generator in pieces:
            upto = int(np.searchsorted(self.times, end, side="right"))
            inside = self.times[first:upto]
            end = float(self.times[-1]) if upto == self.times.size else end
            share = 0.5 * (end - start) / duration + 0.5 / len(pieces)
            times = np.concatenate([[start], inside, [end]])
            found.append(_Part(generator, times, inside.size, share))
            start, first = end, upto
            if upto == self.times.size:
                break
        return found

    def _integrator(self, part: _Part) -> tuple[Integrator, float]:
        """The method for one piece, from the state so far, and its cost."""
        from piqs.integrators.choose import choose  # which knows this method too

        whole = self.problem
        rtol = max(part.share * whole.rtol, _EPS)
        problem = Problem(part.generator, self.x, part.times, self.observables, rtol, part.share * whole.atol)
        if self.on_state is not None:
            problem.on_state = self._within(part.outputs)
        choice = choose("auto", problem)
        return choice.integrator, min(c for c in choice.considered.values() if isinstance(c, float))

    def cost(self) -> float:
        """The sum of the costs of the pieces, each by the cheapest method."""
        asked = self._parts[:: max(1, len(self._parts) // _ASKED)]
        return sum(self._integrator(part)[1] for part in asked) * len(self._parts) / len(asked)

    def run(self) -> None:
        """Solve one piece after the other."""
        for part in self._parts:
            integrator, _ = self._integrator(part)
            try:
                integrator.run()
            finally:
                self.applications += integrator.applications
                self.error += integrator.error
                if self.on_state is None:
                    finished = min(part.outputs, max(integrator.done - 1, 0))
                    self.record_values(integrator.values[1 : 1 + finished])
            self.x = integrator.x

    def _within(self, outputs: int) -> Callable[[int, np.ndarray], None]:
        """Records those states of a piece that are outputs."""

        def on_state(i: int, x: np.ndarray) -> None:
            if 0 < i <= outputs:
                self.record_state(x)

        return on_state
