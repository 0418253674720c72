"""Boundary time crystal: a driven ensemble, where every coherence within a ladder takes part."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool, evolution
from benchmarks.cases import brute_force

TIMES = np.linspace(0, 40, 1000)


def inversion(N: int, result: Any) -> np.ndarray:
    """<J_z>/(N/2) at all times."""
    return np.real(result.expect[0]) / (N / 2)


def problem(N: int) -> tuple:
    """The problem in terms of this package."""
    import piqs

    noise = piqs.Dicke(N, collective_emission=1 / N, dephasing=0.01)
    return piqs.jspin(N, "x"), piqs.excited(N), TIMES, noise.jump_operators(), [piqs.jspin(N, "z")]


def qutip_mesolve(N: int) -> Any:
    """`qutip.mesolve` on the Liouvillian of `qutip.piqs`."""
    import qutip
    from qutip import piqs

    ensemble = piqs.Dicke(N, piqs.jspin(N, "x"), collective_emission=1 / N, dephasing=0.01)
    return qutip.mesolve(ensemble.liouvillian(), piqs.excited(N), TIMES, e_ops=[piqs.jspin(N, "z")])


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    site = brute_force.spins(N)
    c_ops = brute_force.noise(N, collective_emission=1 / N, dephasing=0.01)
    drive = (sum(site["+"]) + sum(site["-"])) / 2
    return brute_force.expect(drive, brute_force.all_up(N), TIMES, c_ops, [sum(site["z"])])[0] / (N / 2)


OURS, REFERENCE = evolution(problem, inversion, (10, 50, 100), (10, 50))

CASES = (
    Case(
        "time-crystal",
        "Boundary time crystal",
        "H = J_x, collective emission 1/N, local dephasing 0.01, from the excited state; <J_z> at 1,000 times up to 40",
        "<J_z>/(N/2), largest over all times",
        OURS,
        (
            Tool(
                "qutip.piqs mesolve",
                "qutip.piqs",
                qutip_mesolve,
                lambda N, r: Answer(inversion(N, r), dict(r.stats)),
                (10, 20, 40),
                (10,),
            ),
        ),
        REFERENCE,
        all_states,
        3,
        problem,
        scaling=(20, 40, 200),
    ),
)
