"""The evolution of what does not move: a generator without elements."""

from __future__ import annotations

from piqs.integrators.base import Integrator, Problem


class Still(Integrator):
    """The initial state at all times."""

    name = "still"

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs a generator that is zero."""
        return None if problem.generator.nnz == 0 else "it needs a generator that is zero"

    def cost(self) -> float:
        """Nothing."""
        return 0.0

    def run(self) -> None:
        """Record the initial state at every time."""
        for _ in self.times:
            self.record_state(self.x)
