"""What a benchmark case is: a question, the tools that answer it, and the answer it is checked against.

Every tool runs in a process of its own, so the case files import a tool only inside of the functions that use it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Options of the run that all others are compared with.
CONVERGED = {"rtol": 1e-12, "atol": 1e-14}


@dataclass(frozen=True)
class Answer:
    """Numbers that every tool must agree on, and what else the tool says about its run."""

    values: np.ndarray
    stats: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tool:
    """A way to answer the question of a case.

    Parameters
    ----------
    name : str
        As printed.
    package : str
        What is imported before the clock starts.
    solve : callable
        solve(N), which is timed: the whole way from the parameters to the result.
    read : callable
        read(N, result) gives the Answer; not timed.
    sizes, quick : tuple of int
        The N to run by default and with --quick, ascending.
    limit : float
        Seconds after which a run is given up, unless --time-limit says otherwise.
    threads : int, optional
        Threads of BLAS and Numba, where not as many as there are cores.
    """

    name: str
    package: str
    solve: Callable[[int], Any]
    read: Callable[[int, Any], Answer]
    sizes: tuple[int, ...]
    quick: tuple[int, ...] = ()
    limit: float = 80.0
    threads: int | None = None


@dataclass(frozen=True)
class Case:
    """A question asked of several tools.

    Parameters
    ----------
    name, title : str
        Name for --only, and a heading.
    model : str
        The problem with all of its parameters, in one or two sentences.
    compared : str
        What the errors are of.
    ours : Tool
        This package; runs at its own sizes and at those of all peers.
    peers : tuple of Tool
        The others.
    reference : callable
        reference(N) gives the values that all are compared with.
    brute_force : callable
        brute_force(N) gives the same values from all 2^N states, built without this package.
    smallest : int
        The N for brute force, and for the call that loads the compiled kernels.
    problem : callable, optional
        problem(N) gives (H, rho0, tlist, c_ops, e_ops), for evolutions.
    scaling : tuple of int
        Further N at which this package is run for the scaling curves.
    """

    name: str
    title: str
    model: str
    compared: str
    ours: Tool
    peers: tuple[Tool, ...]
    reference: Callable[[int], np.ndarray]
    brute_force: Callable[[int], np.ndarray]
    smallest: int
    problem: Callable[[int], tuple] | None = None
    scaling: tuple[int, ...] = ()

    def tool(self, name: str) -> Tool:
        """The tool of this name."""
        return next(tool for tool in (self.ours, *self.peers) if tool.name == name)


def evolution(
    problem: Callable[[int], tuple],
    values: Callable[[int, Any], np.ndarray],
    sizes: tuple[int, ...],
    quick: tuple[int, ...],
) -> tuple[Tool, Callable[[int], np.ndarray]]:
    """`piqs.mesolve` with default options as a Tool, and its converged run as the reference."""

    def solve(N: int, **options: Any) -> Any:
        import piqs

        return piqs.mesolve(*problem(N), options=options)

    def read(N: int, result: Any) -> Answer:
        return Answer(values(N, result), dict(result.stats))

    ours = Tool("piqs", "piqs", solve, read, sizes, quick, limit=200.0)
    return ours, lambda N: values(N, solve(N, **CONVERGED))
