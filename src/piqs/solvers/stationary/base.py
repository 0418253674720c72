"""What the methods for steady states share: the problem, the answer, and how a method presents itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from piqs.errors import NotUniqueError
from piqs.linear.two_level import blocks_of_kets
from piqs.liouville import AssembledGenerator, Lindbladian

# Costs are in multiplications of a sparse LU (0.4 ns on the machine of benchmarks/results.md). One that waits for an index
# and its element takes as long as so many, one of a factor kept in panels as long as so many.
FROM_MEMORY, FROM_PANELS = 5.0, 3.0


@dataclass(frozen=True)
class Problem:
    """A steady state to be found.

    Attributes
    ----------
    generator : AssembledGenerator
        The reduced generator L.
    lindbladian : Lindbladian
        The generator before reduction.
    x0 : float64 array (n,) or None
        The initial state whose limit is wanted; None for the steady state of all.
    tol : float
        Residual allowed, |L x| / scale.
    on_progress : callable, optional
        Called with the part of the digits asked for that the residual has.
    """

    generator: AssembledGenerator
    lindbladian: Lindbladian
    x0: np.ndarray | None
    tol: float
    on_progress: Callable[[float], Any] | None = None

    def report(self, residual: float) -> None:
        """Say how small the residual |L x| / scale has become."""
        if self.on_progress is not None:
            smallest = max(residual, self.tol)
            self.on_progress(np.log(min(smallest, 1.0)) / np.log(min(self.tol, 0.5)))

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return self.generator.n

    @property
    def matrix(self) -> sp.csr_array:
        """L as one matrix."""
        return self.generator.matrix

    @property
    def trace(self) -> np.ndarray:
        """The vector t with Tr rho = t . x."""
        return self.generator.trace

    @cached_property
    def scale(self) -> float:
        """The largest rate: what residuals are compared with."""
        return float(abs(self.matrix.data).max(initial=0.0)) or 1.0

    @cached_property
    def sets(self) -> np.ndarray:
        """For each unknown the number of its set of kets, between which there is no coherence."""
        return blocks_of_kets(self.generator.keys, self.generator.n_kets)

    @cached_property
    def exchange(self) -> float:
        """How much of the generator (in the Frobenius norm) leads from one set of kets to another."""
        elements = self.matrix.tocoo()
        row, column = elements.coords
        between = elements.data[self.sets[row] != self.sets[column]]
        return float(np.linalg.norm(between) / np.linalg.norm(elements.data))

    @property
    def mixed(self) -> np.ndarray:
        """The maximally mixed state."""
        return self.trace / self.trace.sum()

    def traceless(self, size: float) -> np.ndarray:
        """A random Hermitian matrix of trace zero and this norm, as much of it in the populations as in the coherences."""
        x = np.random.default_rng(1).standard_normal(self.n)
        populations = self.trace != 0.0
        for part in (populations, ~populations):
            if part.any():
                x[part] /= np.linalg.norm(x[part])
        x -= self.trace * (self.trace @ x) / self.trace.sum()
        return x * (size / np.linalg.norm(x))


@dataclass(frozen=True)
class Answer:
    """A null vector, not yet checked.

    Attributes
    ----------
    x : float64 array (n,)
        The vector; its trace need not be 1.
    condition : float
        About the norm of the inverse of L / scale on traceless matrices: how much the residual enters the error.
    operations : float
        What it took, in the unit of `Method.cost`.
    details : dict
        What to report of the method's work.
    """

    x: np.ndarray
    condition: float
    operations: float
    details: dict[str, Any] = field(default_factory=dict)


class Method(ABC):
    """A method for steady states of one problem."""

    name: ClassVar[str]

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def unsuitable(self) -> str | None:
        """Why the method cannot solve the problem, or None."""
        return None

    @abstractmethod
    def cost(self) -> float:
        """What it is expected to take, in multiplications of a sparse LU."""

    @abstractmethod
    def solve(self) -> Answer:
        """The steady state.

        Raises
        ------
        SteadyStateError
            If there are several (a NotUniqueError), or it was not reached.
        """


def several(reason: str) -> NotUniqueError:
    """The error for more than one steady state."""
    return NotUniqueError(
        f"the steady state is not unique: {reason} (collective noise alone conserves j, for one). Pass rho0 to get the "
        "limit of one initial state, or add the noise that is missing"
    )
