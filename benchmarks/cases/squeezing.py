"""Spin squeezing by two-axis twisting under local emission (the paper's Fig. 9)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool, evolution
from benchmarks.cases import brute_force

TIMES = np.linspace(0, 0.2, 1001)


def moments(N: int, result: Any) -> np.ndarray:
    """<J_x>, <J_y>, <J_z> and <J_y^2>, over N/2 and N^2/4."""
    scale = np.array([[N / 2], [N / 2], [N / 2], [N**2 / 4]])
    return np.real(np.array(result.expect)) / scale


def twisting(jp: Any, jm: Any) -> Any:
    """H = -i (J_+^2 - J_-^2)."""
    return -1j * (jp @ jp - jm @ jm)


def problem(N: int) -> tuple:
    """The problem in terms of this package."""
    import piqs

    jx, jy, jz = piqs.jspin(N)
    H = twisting(piqs.jspin(N, "+"), piqs.jspin(N, "-"))
    c_ops = piqs.Dicke(N, emission=0.2).jump_operators()
    return H, piqs.excited(N), TIMES, c_ops, [jx, jy, jz, jy @ jy]


def qutip_mesolve(N: int) -> Any:
    """`qutip.mesolve` on the Liouvillian of `qutip.piqs`."""
    import qutip
    from qutip import piqs

    jx, jy, jz = piqs.jspin(N)
    H = twisting(piqs.jspin(N, "+"), piqs.jspin(N, "-"))
    liouvillian = piqs.Dicke(N, H, emission=0.2).liouvillian()
    return qutip.mesolve(liouvillian, piqs.excited(N), TIMES, e_ops=[jx, jy, jz, jy @ jy])


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    site = brute_force.spins(N)
    jp, jm, jz = sum(site["+"]), sum(site["-"]), sum(site["z"])
    jx, jy = (jp + jm) / 2, (jp - jm) / 2j
    e_ops = [jx, jy, jz, jy @ jy]
    values = brute_force.expect(
        twisting(jp, jm), brute_force.all_up(N), TIMES, brute_force.noise(N, emission=0.2), e_ops
    )
    return values / np.array([[N / 2], [N / 2], [N / 2], [N**2 / 4]])


OURS, REFERENCE = evolution(problem, moments, (10, 50, 100), (10, 50))

CASES = (
    Case(
        "squeezing",
        "Two-axis twisting (Fig. 9)",
        "H = -i (J_+^2 - J_-^2), local emission 0.2, from the excited state; <J_x>, <J_y>, <J_z>, <J_y^2> at 1,001 times up "
        "to 0.2",
        "these moments over N/2 and N^2/4, largest over all times",
        OURS,
        (
            Tool(
                "qutip.piqs mesolve",
                "qutip.piqs",
                qutip_mesolve,
                lambda N, r: Answer(moments(N, r), dict(r.stats)),
                (10, 20, 50),
                (10,),
            ),
        ),
        REFERENCE,
        all_states,
        3,
        problem,
    ),
)
