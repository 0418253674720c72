"""Superradiance of three-level emitters with two ground states, under collective and local decay."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool, evolution

LEVELS = ("e", "g1", "g2")
# Collective and local rates of both transitions.
CHANNELS = {"g1": (1.0, 0.3), "g2": (0.7, 0.5)}
TIMES = np.linspace(0, 2, 101)


def numbers(N: int, result: Any) -> np.ndarray:
    """Mean populations of the three levels of one emitter."""
    return np.real(np.array(result.expect)) / N


def problem(N: int) -> tuple:
    """The problem in terms of this package."""
    import piqs

    atoms = piqs.Ensemble(N, LEVELS)
    for ground, (collective, local) in CHANNELS.items():
        atoms.collective(f"e->{ground}", collective)
        atoms.local(f"e->{ground}", local)
    counts = [atoms.number(level) for level in LEVELS]
    return 0.4 * atoms.number("e"), atoms.all_in("e").proj(), TIMES, atoms.jump_operators(), counts


def product_space(N: int) -> tuple:
    """H, psi0, collapse operators and observables on all 3^N states, from QuTiP's tensor products."""
    from qutip import basis, qeye, tensor

    def on_sites(op: Any) -> list[Any]:
        return [tensor([op if k == n else qeye(3) for k in range(N)]) for n in range(N)]

    kets = [basis(3, k) for k in range(3)]
    counts = [sum(on_sites(ket.proj())) for ket in kets]
    c_ops = []
    for ket, (collective, local) in zip(kets[1:], CHANNELS.values(), strict=True):
        lowering = on_sites(ket * kets[0].dag())
        c_ops += [np.sqrt(collective) * sum(lowering), *(np.sqrt(local) * op for op in lowering)]
    return 0.4 * counts[0], tensor([kets[0]] * N), c_ops, counts


def qutip_mesolve(N: int, **options: Any) -> Any:
    """`qutip.mesolve` on all 3^N states."""
    import qutip

    H, psi0, c_ops, counts = product_space(N)
    return qutip.mesolve(H, psi0, TIMES, c_ops, e_ops=counts, options={"progress_bar": "", **options})


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    return numbers(N, qutip_mesolve(N, rtol=1e-11, atol=1e-13, nsteps=10**7))


OURS, REFERENCE = evolution(problem, numbers, (3, 5, 20, 30), (3, 10))

CASES = (
    Case(
        "three-levels",
        "Three-level superradiance",
        "levels e, g1, g2; collective decay 1 and 0.7 and local decay 0.3 and 0.5 on e->g1 and e->g2, H = 0.4 N_e, all in e; "
        "the three populations at 101 times up to 2. A permutation-invariant state has binom(N + 8, N) elements, 48,903,492 at "
        "N = 30; the unknowns are those that are reached from the initial state",
        "populations of an emitter, largest over all levels and times",
        OURS,
        (
            Tool(
                "qutip mesolve on 3^N states",
                "qutip",
                qutip_mesolve,
                lambda N, r: Answer(numbers(N, r), dict(r.stats)),
                (3, 5),
                (3,),
            ),
        ),
        REFERENCE,
        all_states,
        3,
        problem,
    ),
)
