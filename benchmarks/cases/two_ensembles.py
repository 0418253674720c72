"""Two ensembles that emit through one common channel (the paper's Fig. 12a, with local emission)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool, evolution
from benchmarks.cases import brute_force


def sizes_of(N: int) -> tuple[int, int]:
    """A quarter of the emitters, in the ground state, and the rest, excited."""
    return N // 4, N - N // 4


def times(N: int) -> np.ndarray:
    """Output times, up to 30 delay times t_D = ln N / N."""
    return np.linspace(0, 30 * np.log(N) / N, 1001)


def inversions(N: int, result: Any) -> np.ndarray:
    """<J_z>/(N_i/2) of both ensembles."""
    return np.array([np.real(jz) / (n / 2) for jz, n in zip(result.expect, sizes_of(N), strict=True)])


def problem(N: int) -> tuple:
    """The problem in terms of this package."""
    from qutip import qeye, tensor

    import piqs

    first, second = sizes_of(N)
    one, two = (qeye(piqs.jspin(n, "z").dims[0]) for n in (first, second))
    jz = [tensor(piqs.jspin(first, "z"), two), tensor(one, piqs.jspin(second, "z"))]
    common = tensor(piqs.jspin(first, "-"), two) + tensor(one, piqs.jspin(second, "-"))
    c_ops = [common]
    c_ops += [tensor(jump, two) for jump in piqs.Dicke(first, emission=1.0).jump_operators()]
    c_ops += [tensor(one, jump) for jump in piqs.Dicke(second, emission=1.0).jump_operators()]
    return jz[0] + jz[1], tensor(piqs.ground(first), piqs.excited(second)), times(N), c_ops, jz


def qutip_mesolve(N: int) -> Any:
    """`qutip.mesolve` on a `super_tensor` of Liouvillians of `qutip.piqs`, as the paper does it."""
    import qutip
    from qutip import piqs, qeye, super_tensor, tensor, to_super

    first, second = sizes_of(N)
    one, two = (qeye(piqs.num_dicke_states(n)) for n in (first, second))
    noise = [piqs.Dicke(n, piqs.jspin(n, "z"), emission=1.0).liouvillian() for n in (first, second)]
    common = tensor(piqs.jspin(first, "-"), two) + tensor(one, piqs.jspin(second, "-"))
    liouvillian = (
        super_tensor(noise[0], to_super(two))
        + super_tensor(to_super(one), noise[1])
        + qutip.lindblad_dissipator(common)
    )
    jz = [tensor(piqs.jspin(first, "z"), two), tensor(one, piqs.jspin(second, "z"))]
    rho0 = tensor(piqs.ground(first), piqs.excited(second))
    return qutip.mesolve(liouvillian, rho0, times(N), e_ops=jz)


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    from qutip import basis, tensor

    first, second = sizes_of(N)
    site = brute_force.spins(N)
    jz = [sum(site["z"][:first]), sum(site["z"][first:])]
    c_ops = [sum(site["-"]), *brute_force.noise(N, emission=1.0)]
    psi0 = tensor([basis(2, 1)] * first + [basis(2, 0)] * second)
    values = brute_force.expect(jz[0] + jz[1], psi0, times(N), c_ops, jz)
    return values / np.array([[first / 2], [second / 2]])


OURS, REFERENCE = evolution(problem, inversions, (20, 40), (8,))

CASES = (
    Case(
        "two-ensembles",
        "Two ensembles, one channel (Fig. 12a)",
        "N/4 emitters in the ground state, 3N/4 excited, common emission 1 and local emission 1, H = J_z; <J_z> of both at "
        "1,001 times up to 30 ln N / N",
        "<J_z>/(N_i/2), largest over both ensembles and all times",
        OURS,
        (
            Tool(
                "qutip.piqs mesolve",
                "qutip.piqs",
                qutip_mesolve,
                lambda N, r: Answer(inversions(N, r), dict(r.stats)),
                (8, 20),
                (8,),
            ),
        ),
        REFERENCE,
        all_states,
        4,
        problem,
    ),
)
