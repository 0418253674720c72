"""Which generator and which integrator solve a problem, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from piqs.integrators.base import Integrator, Problem
from piqs.integrators.registry import METHODS
from piqs.liouville import Generator, Lindbladian, MatrixFreeGenerator, matrix_free, reduce
from piqs.liouville.assembled import TooManyUnknowns
from piqs.liouville.basis import coordinates

# Beyond this many unknowns a generator that is not stored is faster, where there is one (measured on driven ensembles).
LARGEST_ASSEMBLED = 300_000


@dataclass(frozen=True)
class Choice:
    """An integrator, and what was considered in choosing it.

    Attributes
    ----------
    integrator : Integrator
        Ready to run.
    considered : dict
        For each method its predicted cost, in multiplications, or why it has none.
    """

    integrator: Integrator
    considered: dict[str, float | str]


def generator_for(
    method: str, lindbladian: Lindbladian, rho: sp.csr_array, observables: np.ndarray | None = None
) -> Generator:
    """The assembled generator, or where it would be large and method and structure allow, one that is never stored.

    Parameters
    ----------
    method : str
        Name in the registry, or "auto".
    lindbladian : Lindbladian
        The generator before reduction.
    rho : csr_array (n, n)
        Initial state.
    observables : int64 array, optional
        Keys of the elements that the observables read; by default the whole state is wanted.
    """
    seeds = coordinates(rho)[0]
    if (
        method != "auto"
        and not METHODS[method].assembled
        and MatrixFreeGenerator.unsuitable(lindbladian, rho, observables) is None
    ):
        return MatrixFreeGenerator(lindbladian, rho, observables)
    if method != "auto" and not METHODS[method].matrix_free:
        return reduce(lindbladian, seeds, observables)
    try:
        return reduce(lindbladian, seeds, observables, most_unknowns=LARGEST_ASSEMBLED)
    except TooManyUnknowns:
        if MatrixFreeGenerator.unsuitable(lindbladian, rho, observables) is None:
            return matrix_free(lindbladian, rho, observables)
        return reduce(lindbladian, seeds, observables)


def choose(method: str, problem: Problem) -> Choice:
    """The integrator asked for, or the one that is expected to need the fewest operations.

    Parameters
    ----------
    method : str
        Name in the registry, or "auto".
    problem : Problem
        What is to be solved.

    Raises
    ------
    ValueError
        If the method asked for does not apply, or cannot honour max_step; the message says which methods can.
    """
    if method != "auto":
        integrator = METHODS[method]
        if (reason := _refusal(integrator, problem)) is not None:
            raise ValueError(f"options['method'] = {method!r} does not apply: {reason}; use 'auto'")
        return Choice(integrator(problem), {method: "asked for"})
    considered: dict[str, float | str] = {}
    ranked: list[tuple[float, Integrator]] = []
    for name, kind in METHODS.items():
        if not kind.automatic:
            considered[name] = "taken only where it is asked for"
        elif ranked and ranked[0][0] < kind.worth_asking:
            considered[name] = f"not asked, since {ranked[0][1].name} is cheap enough"
        elif (reason := _refusal(kind, problem)) is not None:
            considered[name] = reason
        else:
            candidate = kind(problem)
            cost = considered[name] = float(candidate.cost())
            ranked.append((cost, candidate))
            ranked.sort(key=lambda pair: pair[0])
    best = ranked[0][1]
    best.fallback = following = type(ranked[1][1]) if len(ranked) > 1 else best.successor
    if following is not None and not following.automatic and _refusal(following, problem) is None:
        cost = following(problem).cost()
        considered[following.name] = (
            f"goes on, for {cost:.1g}, where stability alone bounds steps of {best.name}"
        )
    return Choice(best, considered)


def _refusal(kind: type[Integrator], problem: Problem) -> str | None:
    """Why a method cannot solve a problem as it was asked to."""
    if problem.max_step > 0.0 and "max_step" not in kind.options:
        able = [name for name, other in METHODS.items() if "max_step" in other.options]
        return f"it makes no steps that options['max_step'] could bound; methods that do are {able}"
    return kind.unsuitable(problem)
