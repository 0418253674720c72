"""Open Dicke model in its superradiant phase: ensemble and cavity (the paper's Fig. 10b)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool
from benchmarks.cases import brute_force
from benchmarks.cases.steady_states import block_row_lu, residual

COUPLING, KAPPA, EMISSION, DEPHASING = 2.0, 1.0, 0.1, 0.01


def photons(N: int) -> int:
    """Photon states kept."""
    return 2 * N


def hamiltonian(N: int, a: Any, jx: Any, jz: Any) -> Any:
    """H = J_z + a^+ a + 2/sqrt(N) J_x (a + a^+)."""
    return jz + a.dag() @ a + COUPLING / np.sqrt(N) * jx @ (a + a.dag())


def model(N: int) -> tuple[Any, list[Any]]:
    """H and jump operators of this package."""
    from qutip import destroy, qeye, tensor

    import piqs

    jx, _, jz = piqs.jspin(N)
    light, spins = qeye(photons(N)), qeye(jz.dims[0])
    a = tensor(destroy(photons(N)), spins)
    jumps = piqs.Dicke(N, emission=EMISSION, dephasing=DEPHASING).jump_operators()
    c_ops = [np.sqrt(KAPPA) * a, *(tensor(light, jump) for jump in jumps)]
    return hamiltonian(N, a, tensor(light, jx), tensor(light, jz)), c_ops


def solve(N: int) -> Any:
    """`piqs.steadystate`."""
    import piqs

    return piqs.steadystate(*model(N))


def observed(N: int, rho: Any) -> np.ndarray:
    """photons over N and <J_z>/(N/2)."""
    from qutip import expect, num

    import piqs

    return np.array(
        [expect(num(photons(N)), rho.ptrace(0)) / N, expect(piqs.jspin(N, "z"), rho.ptrace(1)) / (N / 2)]
    )


def read(N: int, rho: Any) -> Answer:
    """Values and residual; Dicke kets have the same order in all tools."""
    return Answer(observed(N, rho), {"residual": residual(*model(N), rho)})


def converged(N: int) -> np.ndarray:
    """The same solver, held to a residual a hundred times smaller."""
    import piqs

    return observed(N, piqs.steadystate(*model(N), tol=1e-12))


def qutip_liouvillian(N: int) -> Any:
    """Liouvillian of `qutip.piqs` with a cavity by `super_tensor`, as the paper does it."""
    import qutip
    from qutip import destroy, liouvillian, piqs, qeye, super_tensor, tensor, to_super

    jx, _, jz = piqs.jspin(N)
    light, spins = qeye(photons(N)), qeye(piqs.num_dicke_states(N))
    a = tensor(destroy(photons(N)), spins)
    noise = piqs.Dicke(N, emission=EMISSION, dephasing=DEPHASING).liouvillian()
    H = hamiltonian(N, a, tensor(light, jx), tensor(light, jz))
    return liouvillian(H) + super_tensor(to_super(light), noise) + KAPPA * qutip.lindblad_dissipator(a)


def qutip_steadystate(N: int) -> Any:
    """`qutip.steadystate`."""
    import qutip

    return qutip.steadystate(qutip_liouvillian(N))


def expert(N: int) -> Any:
    """The block rows and SciPy's sparse LU."""
    from qutip import piqs

    inside = np.kron(np.ones((photons(N),) * 2, dtype=bool), piqs.block_matrix(N).toarray().astype(bool))
    return block_row_lu(qutip_liouvillian(N), inside)


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    from qutip import destroy, expect, qeye, steadystate, tensor

    light, emitters = qeye(photons(N)), qeye([2] * N)
    a = tensor(destroy(photons(N)), emitters)
    site = brute_force.spins(N)
    jx, jz = (tensor(light, op) for op in ((sum(site["+"]) + sum(site["-"])) / 2, sum(site["z"])))
    jumps = brute_force.noise(N, emission=EMISSION, dephasing=DEPHASING)
    c_ops = [np.sqrt(KAPPA) * a, *(tensor(light, jump) for jump in jumps)]
    rho = steadystate(hamiltonian(N, a, jx, jz), c_ops)
    return np.array([expect(a.dag() @ a, rho) / N, expect(jz, rho) / (N / 2)])


CASES = (
    Case(
        "open-dicke",
        "Open Dicke model (Fig. 10b)",
        "N emitters, 2N photon states, H = J_z + a^+a + 2/sqrt(N) J_x (a + a^+), cavity loss 1, local emission 0.1, local "
        "dephasing 0.01; the steady density matrix",
        "photons over N and <J_z>/(N/2), against the same solver held to a residual of 1e-12; the residual is taken apart "
        "from it, from products of the matrices over the kets",
        Tool("piqs", "piqs", solve, read, (4, 10), (4,)),
        (
            Tool("qutip steadystate", "qutip.piqs", qutip_steadystate, read, (2, 4, 10), (2,), 20.0),
            Tool("qutip.piqs + block-row LU", "qutip.piqs", expert, read, (2, 4, 10), (4,), 20.0),
        ),
        converged,
        all_states,
        2,
    ),
)
