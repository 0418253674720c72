"""Steady-state superradiance: local pumping against collective emission."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool
from benchmarks.cases import brute_force
from benchmarks.cases.steady_states import block_row_lu, residual


def model(N: int) -> tuple[Any, list[Any]]:
    """H and jump operators of this package."""
    import piqs

    return piqs.jspin(N, "z"), piqs.Dicke(N, pumping=float(N), collective_emission=1.0).jump_operators()


def solve(N: int) -> Any:
    """`piqs.steadystate`."""
    import piqs

    return piqs.steadystate(*model(N))


def observed(N: int, rho: Any) -> np.ndarray:
    """<J_z>/(N/2) and <J_+J_-> over its largest possible value."""
    from qutip import expect

    import piqs

    jz, jp, jm = (piqs.jspin(N, op) for op in ("z", "+", "-"))
    return np.array([expect(jz, rho) / (N / 2), expect(jp @ jm, rho) / (N / 2 * (N / 2 + 1))])


def read(N: int, rho: Any) -> Answer:
    """Values and residual; Dicke kets have the same order in all tools."""
    return Answer(observed(N, rho), {"residual": residual(*model(N), rho)})


def converged(N: int) -> np.ndarray:
    """The direct solver, held to a residual of 1e-13."""
    import piqs

    return observed(N, piqs.steadystate(*model(N), method="direct", tol=1e-13))


def qutip_liouvillian(N: int) -> Any:
    """The Liouvillian of `qutip.piqs`."""
    from qutip import piqs

    return piqs.Dicke(N, piqs.jspin(N, "z"), pumping=float(N), collective_emission=1.0).liouvillian()


def qutip_steadystate(N: int) -> Any:
    """`qutip.steadystate`."""
    import qutip

    return qutip.steadystate(qutip_liouvillian(N))


def expert(N: int) -> Any:
    """The block rows and SciPy's sparse LU."""
    from qutip import piqs

    return block_row_lu(qutip_liouvillian(N), piqs.block_matrix(N).toarray().astype(bool))


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    from qutip import expect, steadystate

    site = brute_force.spins(N)
    jz, jp, jm = (sum(site[q]) for q in "z+-")
    rho = steadystate(jz, brute_force.noise(N, pumping=float(N), collective_emission=1.0))
    return np.array([expect(jz, rho) / (N / 2), expect(jp @ jm, rho) / (N / 2 * (N / 2 + 1))])


CASES = (
    Case(
        "steady-superradiance",
        "Steady-state superradiance",
        "H = J_z, local pumping N, collective emission 1; the steady density matrix",
        "<J_z>/(N/2) and <J_+J_->/[N/2 (N/2+1)], against the same direct solver; the residual is taken apart from it, from "
        "products of the matrices over the kets",
        Tool("piqs", "piqs", solve, read, (10, 60, 300, 1000), (10, 60)),
        (
            Tool("qutip steadystate", "qutip.piqs", qutip_steadystate, read, (10, 20), (10,), 20.0),
            Tool("qutip.piqs + block-row LU", "qutip.piqs", expert, read, (10, 20, 40, 60), (10,), 20.0),
        ),
        converged,
        all_states,
        3,
    ),
)
