"""Which method finds a steady state, and the checks that every answer must pass."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs._resources import one_blas_thread
from piqs.errors import IllConditionedWarning, NotUniqueError, SteadyStateError
from piqs.liouville import AssembledGenerator
from piqs.solvers.stationary.base import Answer, Method, Problem, several
from piqs.solvers.stationary.direct import Direct, leaving
from piqs.solvers.stationary.evolution import Evolution
from piqs.solvers.stationary.iterative import Iterative
from piqs.solvers.stationary.two_level import TwoLevelMethod

METHODS: dict[str, type[Method]] = {
    method.name: method for method in (Direct, TwoLevelMethod, Iterative, Evolution)
}

# Unknowns up to which the LU costs nothing: it comes first, and checks the iterations for uniqueness.
_CHEAP_FACTORS = 3000
# An error estimate above this is worth a warning, and no eigenvalue of a state may be below minus ten times the estimate.
_WORTH_A_WARNING, _NEGATIVE = 1e-5, 10.0
# Eigenvalues of larger sets of kets are not asked for.
_LARGEST_SET = 400


def solve(problem: Problem, method: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The steady state of trace 1, and how it was found.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    method : str
        Name in the registry, or "auto": the method expected to need the fewest multiplications, then the next.

    Returns
    -------
    x : float64 array (n,)
        The state.
    info : dict
        Method, unknowns, residual, condition, error estimate, operations, what was considered, and the method's own figures.

    Raises
    ------
    SteadyStateError
        If there are several steady states or none was reached; a NotUniqueError in the first case.
    ValueError
        If the method asked for does not apply.
    """
    info: dict[str, Any] = {"unknowns": problem.n}
    if problem.generator.nnz == 0:
        if problem.x0 is None and problem.n > 1:
            raise several("nothing changes in time")
        info.update(
            {"method": "direct", "residual": 0.0, "condition": 0.0, "error estimate": 0.0, "operations": 0.0}
        )
        return (problem.mixed if problem.x0 is None else problem.x0), info
    classes = closed_classes(problem.generator)
    if problem.x0 is None and classes > 1:
        raise several(f"the populations fall into {classes} closed sets that never exchange weight")
    if method == "auto":
        return _cheapest(problem, info)
    candidate = METHODS[method](problem)
    if (reason := candidate.unsuitable()) is not None:
        raise ValueError(f"method {method!r} does not apply: {reason}; use 'auto'")
    info["considered"] = {method: "asked for"}
    if problem.x0 is None and method != "direct" and problem.n <= _CHEAP_FACTORS:
        # Of several steady states an iteration finds the one its start belongs to: the factors tell.
        Direct(problem).solve()
    return _checked(problem, method, candidate.solve(), info)


def _cheapest(problem: Problem, info: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
    """The methods in the order of their costs, until one succeeds."""
    considered: dict[str, float | str] = {}
    ranked: list[tuple[float, Method]] = []
    for name, kind in METHODS.items():
        candidate = kind(problem)
        if (reason := candidate.unsuitable()) is not None:
            considered[name] = reason
            continue
        cost = considered[name] = candidate.cost()
        ranked.append((cost, candidate))
    if problem.n > _CHEAP_FACTORS:
        ranked.sort(key=lambda pair: pair[0])
    info["considered"] = considered
    failures = []
    for _, candidate in ranked:
        try:
            return _checked(problem, candidate.name, candidate.solve(), info)
        except NotUniqueError:
            if problem.x0 is None:
                raise
        except (SteadyStateError, MemoryError) as failure:
            failures.append(str(failure))
    raise SteadyStateError(
        "; then ".join(failures) or "no method found the limit of rho0; evolve it with mesolve"
    )


def _checked(
    problem: Problem, method: str, answer: Answer, info: dict[str, Any]
) -> tuple[np.ndarray, dict[str, Any]]:
    """The answer with trace 1, if its residual is as small as asked for and it is a state."""
    total = float(problem.trace @ answer.x)
    if not np.isfinite(total) or total == 0.0:
        raise several("the solution has no trace")
    x = answer.x / total
    residual = float(np.linalg.norm(problem.matrix @ x)) / problem.scale
    if not residual <= problem.tol:
        raise SteadyStateError(
            f"method {method!r} reached a residual of {residual:.2g}, not {problem.tol:.2g}; raise tol or try another of "
            f"{tuple(METHODS)}"
        )
    error = max(residual, np.finfo(float).eps) * answer.condition
    lowest = _lowest_eigenvalue(problem.generator, x, -max(_NEGATIVE * error, problem.tol))
    if lowest is not None:
        raise several(f"the solution is no state, since it has the eigenvalue {lowest:.2g}")
    if error > _WORTH_A_WARNING:
        warnings.warn(
            f"the steady state is nearly degenerate: a residual of {residual:.1g} leaves an error of about {error:.1g} "
            f"(condition {answer.condition:.1g}); pass rho0, or evolve to the times of interest with mesolve",
            IllConditionedWarning,
            stacklevel=6,
        )
    info.update(method=method, residual=residual, condition=answer.condition, **answer.details)
    info.update({"error estimate": error, "operations": answer.operations})
    return x, info


@one_blas_thread()
def _lowest_eigenvalue(generator: AssembledGenerator, x: np.ndarray, bound: float) -> float | None:
    """An eigenvalue of a state below a negative bound, or None; of large sets of kets only populations are looked at."""
    rho = generator.unpack(x)
    lowest = float(rho.diagonal().real.min())
    if lowest < bound:
        return lowest
    count, label = sp.csgraph.connected_components(abs(rho), directed=False)
    order = np.argsort(label, kind="stable")
    rho = sp.csr_array(rho[order][:, order])
    cuts = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=count))])
    for start, stop in pairwise(cuts):
        if 1 < stop - start <= _LARGEST_SET:
            block = rho[start:stop, start:stop].toarray()
            try:
                # A tenth of the time that eigenvalues take.
                np.linalg.cholesky(block - bound * np.eye(stop - start))
            except np.linalg.LinAlgError:
                lowest = float(np.linalg.eigvalsh(block)[0])
                if lowest < bound:
                    return lowest
    return None


def closed_classes(generator: AssembledGenerator) -> int:
    """Number of sets of elements with populations that weight enters but never leaves."""
    _, label = sp.csgraph.connected_components(generator.matrix, directed=True, connection="strong")
    populations = generator.populations
    staying = populations[~leaving(generator.matrix)[populations]]
    return int(np.unique(label[staying]).size)
