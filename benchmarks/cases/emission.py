"""All six rates at once, from three initial states (the problem of the paper's Fig. 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool, evolution
from benchmarks.cases import brute_force

RATES: dict[str, Any] = {
    "emission": 0.1,
    "dephasing": 0.1,
    "pumping": 0.1,
    "collective_emission": 0.01,
    "collective_dephasing": 0.01,
    "collective_pumping": 0.01,
}
STATES = {"excited": "the excited state", "css": "the coherent state along x", "ghz": "the GHZ state"}


def times(N: int) -> np.ndarray:
    """Output times; up to four times the delay of the superradiant burst."""
    return np.linspace(0, 4 * np.log(N) / (0.01 * N), 1000)


def observables(state: str, jspin: Callable[[str], Any]) -> list[Any]:
    """J_z; also J_+J_- from the states whose <J_z> is zero at all times, these rates being symmetric."""
    jz = jspin("z")
    return [jz] if state == "excited" else [jz, jspin("+") @ jspin("-")]


def scaled(N: int, values: Any) -> np.ndarray:
    """<J_z>/(N/2), and <J_+J_-> over its largest value where it is asked for."""
    scale = np.array([N / 2, N / 2 * (N / 2 + 1)])
    return np.real(np.array(values)) / scale[: len(values), None]


def qutip_mesolve(state: str, sizes: tuple[int, ...], quick: tuple[int, ...]) -> Tool:
    """`qutip.mesolve` on the Liouvillian of `qutip.piqs`."""

    def solve(N: int) -> Any:
        import qutip
        from qutip import piqs

        e_ops = observables(state, lambda op: piqs.jspin(N, op))
        liouvillian = piqs.Dicke(N, e_ops[0], **RATES).liouvillian()
        return qutip.mesolve(liouvillian, getattr(piqs, state)(N), times(N), e_ops=e_ops)

    def read(N: int, result: Any) -> Answer:
        return Answer(scaled(N, result.expect), dict(result.stats))

    return Tool("qutip.piqs mesolve", "qutip.piqs", solve, read, sizes, quick)


def qutip_pisolve(sizes: tuple[int, ...], quick: tuple[int, ...]) -> Tool:
    """`pisolve` of `qutip.piqs`, which integrates the populations but stores every state."""

    def solve(N: int) -> Any:
        from qutip import expect, piqs

        jz = piqs.jspin(N, "z")
        result = piqs.Dicke(N, jz, **RATES).pisolve(piqs.excited(N), times(N))
        return expect(jz, result.states)

    def read(N: int, jz: Any) -> Answer:
        return Answer(scaled(N, [jz]))

    return Tool("qutip.piqs pisolve", "qutip.piqs", solve, read, sizes, quick)


def case(
    name: str,
    title: str,
    state: str,
    sizes: tuple[int, ...],
    quick: tuple[int, ...],
    peers: tuple[Tool, ...],
    scaling: tuple[int, ...] = (),
) -> Case:
    """The problem from one initial state."""

    def problem(N: int) -> tuple:
        import piqs

        e_ops = observables(state, lambda op: piqs.jspin(N, op))
        c_ops = piqs.Dicke(N, **RATES).jump_operators()
        return e_ops[0], getattr(piqs, state)(N), times(N), c_ops, e_ops

    def all_states(N: int) -> np.ndarray:
        from qutip import basis, tensor

        up, down = basis(2, 0), basis(2, 1)
        kets = {
            "excited": tensor([up] * N),
            "css": tensor([(up + down).unit()] * N),
            "ghz": (tensor([up] * N) + tensor([down] * N)).unit(),
        }
        site = brute_force.spins(N)
        e_ops = observables(state, lambda op: sum(site[op]))
        return scaled(
            N, brute_force.expect(e_ops[0], kets[state], times(N), brute_force.noise(N, **RATES), e_ops)
        )

    ours, reference = evolution(problem, lambda N, result: scaled(N, result.expect), sizes, quick)
    names = " and ".join(("<J_z>", "<J_+J_->")[: 1 if state == "excited" else 2])
    return Case(
        name=name,
        title=title,
        model=f"H = J_z, local emission, dephasing and pumping 0.1, collective ones 0.01, from {STATES[state]}; {names} at "
        "1,000 times up to 4 ln N / (0.01 N)",
        compared=f"{names} over the largest possible values, largest over all times",
        ours=ours,
        peers=peers,
        reference=reference,
        brute_force=all_states,
        smallest=3,
        problem=problem,
        scaling=scaling,
    )


CASES = (
    case(
        "emission",
        "All six rates (Fig. 6)",
        "excited",
        (10, 100, 300, 1000),
        (10, 100),
        (
            qutip_mesolve("excited", (10, 30, 50), (10,)),
            qutip_pisolve((10, 30, 50), (10,)),
        ),
        scaling=(200, 500),
    ),
    case(
        "emission-css",
        "All six rates from a coherent spin state",
        "css",
        (100, 300),
        (),
        (qutip_mesolve("css", (10, 20), ()),),
    ),
    case(
        "emission-ghz",
        "All six rates from the GHZ state",
        "ghz",
        (100, 300),
        (),
        (qutip_mesolve("ghz", (10, 20), ()),),
    ),
)
