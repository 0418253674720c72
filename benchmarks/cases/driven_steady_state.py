"""Steady state of a driven ensemble: every coherence within a ladder takes part, and local noise mixes the ladders."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool
from benchmarks.cases import brute_force
from benchmarks.cases.steady_states import residual


def rates(N: int) -> dict[str, float]:
    """The noise."""
    return {"collective_emission": 2 / N, "emission": 0.1, "dephasing": 0.1}


def model(N: int) -> Any:
    """The ensemble."""
    import piqs

    return piqs.Dicke(N, piqs.jspin(N, "x"), **rates(N))


def solve(N: int, **options: Any) -> tuple[Any, dict[str, Any]]:
    """`piqs.steadystate`."""
    import piqs

    return piqs.steadystate(model(N), info=True, **options)


def observed(N: int, rho: Any) -> np.ndarray:
    """<J_z>/(N/2) and <J_+J_-> over its largest possible value."""
    from qutip import expect

    import piqs

    jz, jp, jm = (piqs.jspin(N, op) for op in ("z", "+", "-"))
    return np.array([expect(jz, rho) / (N / 2), expect(jp @ jm, rho) / (N / 2 * (N / 2 + 1))])


def read(N: int, result: tuple[Any, dict[str, Any]]) -> Answer:
    """Values, how they were found, and the residual."""
    rho, info = result
    ensemble = model(N)
    checked = residual(ensemble.hamiltonian, ensemble.jump_operators(), rho)
    return Answer(observed(N, rho), {**info, "residual": checked})


def converged(N: int) -> np.ndarray:
    """A residual of 1e-12; up to N = 60 by the direct solver, which shares nothing with sweeps over the ladders."""
    return observed(N, solve(N, method="direct" if N <= 60 else "two-level", tol=1e-12)[0])


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    from qutip import expect, steadystate

    site = brute_force.spins(N)
    jz, jp, jm = (sum(site[q]) for q in "z+-")
    rho = steadystate((jp + jm) / 2, brute_force.noise(N, **rates(N)))
    return np.array([expect(jz, rho) / (N / 2), expect(jp @ jm, rho) / (N / 2 * (N / 2 + 1))])


CASES = (
    Case(
        "driven-steady-state",
        "Steady state of a driven ensemble",
        "H = J_x, collective emission 2/N, local emission and dephasing 0.1; the steady density matrix",
        "<J_z>/(N/2) and <J_+J_->/[N/2 (N/2+1)], up to N = 60 against the sparse LU of the whole; the residual is taken apart "
        "from it, from products of the matrices over the kets",
        Tool("piqs", "piqs", solve, read, (10, 60, 100, 200), (10, 60)),
        (),
        converged,
        all_states,
        3,
    ),
)
