"""Tavis-Cummings model with loss and dephasing: the example that pibs comes with (tutorials/example.py of pibs)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool, evolution
from benchmarks.cases import brute_force

# Frequencies of the emitters and of the cavity, collective coupling, rates of cavity and emitters, tilt of the spins.
W0, WC, RABI, KAPPA, EMISSION, DEPHASING, ANGLE = 0.35, 0.0, 0.4, 0.01, 0.001, 0.0075, 0.25 * np.pi
END, STEPS = 200.0, 1000
TIMES = np.linspace(0, END, STEPS + 1)


def observed(N: int, result: Any) -> np.ndarray:
    """photons over N and the excitation of one emitter."""
    photons, jz = (np.real(values) for values in result.expect)
    return np.array([photons / N, jz / N + 0.5])


def problem(N: int) -> tuple:
    """The problem in terms of this package."""
    from qutip import basis, destroy, ket2dm, qeye, tensor

    import piqs

    jz, jm = piqs.jspin(N, "z"), piqs.jspin(N, "-")
    light, spins = qeye(N + 1), qeye(jz.dims[0])
    a, jz, jm = tensor(destroy(N + 1), spins), tensor(light, jz), tensor(light, jm)
    H = WC * a.dag() @ a + W0 * jz + RABI / np.sqrt(N) * (a.dag() @ jm + a @ jm.dag())
    # pibs damps with D[sigma_z], which is four times D[sigma_z/2].
    jumps = piqs.Dicke(N, emission=EMISSION, dephasing=4 * DEPHASING).jump_operators()
    c_ops = [np.sqrt(KAPPA) * a, *(tensor(light, jump) for jump in jumps)]
    spin_state = piqs.css(N, np.cos(ANGLE / 2), -1j * np.sin(ANGLE / 2))
    return H, tensor(ket2dm(basis(N + 1, 0)), spin_state), TIMES, c_ops, [a.dag() @ a, jz]


def pibs_example(N: int) -> np.ndarray:
    """The example of pibs, with its tolerances and chunks, without its store of earlier results."""
    import pibs
    from scipy.sparse import csr_matrix

    indices = pibs.Indices(N, N + 1, debug=True, save=False)
    half = ANGLE / 2
    turn = np.array([[np.cos(half), -1j * np.sin(half)], [-1j * np.sin(half), np.cos(half)]])
    spin = csr_matrix(turn @ pibs.basis(2, 0) @ turn.conj().T)
    rho = pibs.Rho(pibs.basis(N + 1, 0), spin, indices, max_nrs=1)
    model = pibs.Models(
        WC, W0, RABI / np.sqrt(N), KAPPA, DEPHASING, EMISSION, indices, debug=True, save=False
    )
    model.setup_L_Tavis_Cummings()
    photons = pibs.create(N + 1) @ pibs.destroy(N + 1)
    excitation = pibs.tensor(pibs.qeye(N + 1), pibs.sigmap() @ pibs.sigmam())
    run = pibs.TimeEvolve(rho, model, END, END / STEPS, atol=1e-12, rtol=1e-12, nsteps=1000)
    run.time_evolve_chunk_parallel([photons, excitation], chunksize=200)
    return np.real(np.array(run.result.expect))


def all_states(N: int) -> np.ndarray:
    """Brute force: the cavity and 2^N states, with the loss and dephasing of each emitter."""
    from qutip import basis, destroy, qeye, sigmaz, tensor

    light, emitters = qeye(N + 1), qeye([2] * N)
    a = tensor(destroy(N + 1), emitters)
    site = {key: [tensor(light, op) for op in ops] for key, ops in brute_force.spins(N).items()}
    jm, jz = sum(site["-"]), sum(site["z"])
    H = WC * a.dag() @ a + W0 * jz + RABI / np.sqrt(N) * (a.dag() @ jm + a @ jm.dag())
    c_ops = [np.sqrt(KAPPA) * a, *(np.sqrt(EMISSION) * op for op in site["-"])]
    c_ops += [np.sqrt(DEPHASING) * tensor(light, op) for op in brute_force.site_operators(N, sigmaz())]
    one = np.cos(ANGLE / 2) * basis(2, 0) - 1j * np.sin(ANGLE / 2) * basis(2, 1)
    psi0 = tensor([basis(N + 1, 0)] + [one] * N)
    photons, inversion = brute_force.expect(H, psi0, TIMES, c_ops, [a.dag() @ a, jz])
    return np.array([photons / N, inversion / N + 0.5])


OURS, REFERENCE = evolution(problem, observed, (10, 20, 30), (6,))

CASES = (
    Case(
        "tavis-cummings",
        "Tavis-Cummings model with loss (the example of pibs)",
        f"N emitters (frequency {W0}), N + 1 photon states (frequency {WC:g}), coupling {RABI}/sqrt(N), cavity loss {KAPPA}, "
        f"local emission {EMISSION} and dephasing D[sigma_z] {DEPHASING}, every spin tilted by pi/4; photons and the "
        "excitation of one emitter at 1,001 times up to 200",
        "photons over N and the excitation of one emitter, largest over both and all times",
        OURS,
        (
            Tool(
                "pibs",
                "pibs",
                pibs_example,
                lambda N, values: Answer(values / np.array([[N], [1.0]])),
                (10, 20),
                (3,),
                110.0,
                # It spreads its work over as many processes as there are cores.
                threads=1,
            ),
        ),
        REFERENCE,
        all_states,
        3,
        problem,
        scaling=(5, 7, 14),
    ),
)
