"""Steady states against closed forms, QuTiP on the whole space and one another; several of them are never passed over."""

from math import comb

import numpy as np
import pytest
import qutip
from scipy.linalg import null_space

import brute_force as bf
import piqs
from piqs import Dicke, jspin, steadystate
from piqs.errors import SteadyStateError

METHODS = ["auto", "direct", "iterative", "evolution"]


@pytest.mark.parametrize("method", METHODS)
def test_thermal_state_over_all_j(method):
    # each emitter is excited with p = pumping/(pumping + emission); a level (j, m) holds d_N^j p^k (1-p)^(N-k)
    N, emission, pumping = 8, 1.0, 0.4
    p = pumping / (emission + pumping)
    system = Dicke(N, 3.0 * jspin(N, "z"), emission=emission, pumping=pumping, dephasing=0.2)
    rho, info = system.steadystate(method=method, info=True)
    exact = []
    for k in range(N // 2 + 1):
        j = N / 2 - k
        degeneracy = comb(N, k) - (comb(N, k - 1) if k else 0)
        for m in np.arange(j, -j - 1, -1):
            up = round(N / 2 + m)
            exact.append(degeneracy * p**up * (1 - p) ** (N - up))
    assert np.abs(rho.full() - np.diag(exact)).max() < (1e-12 if method in ("auto", "direct") else 1e-8)
    assert info["residual"] <= 1e-10
    assert info["method"] in METHODS[1:]
    assert info["unknowns"] == 25


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("drive", [0.3, 4.0])
def test_cooperative_resonance_fluorescence(method, drive):
    # H = w J_x and gamma D[J_-] is gamma D[C] with C = J_- + i w/gamma, so rho ~ C^-1 (C^-1)^+ (Puri and Lawande,
    # Phys. Lett. A 72, 200 (1979))
    spin, gamma = 3, 0.7
    C = qutip.jmat(spin, "-").full() + 1j * drive / gamma * np.eye(2 * spin + 1)
    exact = np.linalg.inv(C) @ np.linalg.inv(C).conj().T
    exact /= np.trace(exact)
    rho = steadystate(drive * qutip.jmat(spin, "x"), [np.sqrt(gamma) * qutip.jmat(spin, "-")], method=method)
    # the gap is about 0.1 gamma, so that a residual of 1e-10 leaves an error of about 1e-9
    assert np.abs(rho.full() - exact).max() < 1e-8
    # the same in the symmetric ladder of an ensemble, which has many steady states without rho0
    N = 2 * spin
    atoms = Dicke(N, drive * jspin(N, "x"), collective_emission=gamma)
    if method == "iterative":
        return
    rho = atoms.steadystate(piqs.ground(N), method=method)
    assert np.abs(rho.full()[: N + 1, : N + 1] - exact).max() < 1e-8
    with pytest.raises(SteadyStateError, match="rho0"):
        atoms.steadystate(method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("N", [1, 2, 3])
def test_all_rates_and_drive(N, method):
    rates = [0.7, 1.1, 0.4, 0.5, 0.3, 0.2]
    ops = [qutip.sigmam(), qutip.sigmaz() / 2, qutip.sigmap()]
    c_ops = [np.sqrt(g) * bf.on_site(N, n, op) for g, op in zip(rates, ops, strict=False) for n in range(N)]
    c_ops += [np.sqrt(g) * bf.collective(N, op) for g, op in zip(rates[3:], ops, strict=True)]
    H = bf.collective(N, 0.6 * qutip.sigmax() + 0.5 * qutip.sigmaz())
    L = qutip.liouvillian(qutip.Qobj(H), [qutip.Qobj(c) for c in c_ops]).full()
    (vector,) = null_space(L, rcond=1e-10).T
    full = vector.reshape(2**N, 2**N, order="F")
    exact = bf.to_dicke(N, full / np.trace(full))
    system = Dicke(N, 1.2 * jspin(N, "x") + jspin(N, "z"), *rates)
    assert np.abs(system.steadystate(method=method).full() - exact).max() < 1e-9
    if method != "iterative":
        ours = steadystate(
            system.liouvillian(damping=False) if N == 1 else system.liouvillian(), method=method
        )
        assert np.abs(ours.full() - exact).max() < 1e-9


def test_driven_cavity_against_qutip():
    n = 8
    a = qutip.destroy(n)
    H = 0.3 * a.dag() * a + 0.4 * (a + a.dag()) + 0.2 * a.dag() ** 2 * a**2
    c_ops = [a, 0.2 * a.dag() * a]
    theirs = qutip.steadystate(H, c_ops)
    for method in METHODS:
        rho = steadystate(H, c_ops, method=method)
        assert rho.dims == [[n], [n]]
        assert np.abs((rho - theirs).full()).max() < 1e-9
        assert abs(rho.tr() - 1) < 1e-12
        assert rho.isherm


def test_ensemble_in_a_cavity():
    system = piqs.Composite(
        Dicke(2, jspin(2, "z"), emission=0.2, dephasing=0.1), piqs.Mode(6, 1.0, 1.0), threshold=1
    )
    a = system.embed(1, qutip.destroy(6))
    system.interaction = 0.6 * (a + a.dag()) @ system.embed(0, jspin(2, "x"))
    states = [system.steadystate(method=method) for method in ("direct", "iterative", "evolution")]
    # QuTiP cannot be given the whole Liouvillian, which is singular; its operators can be evolved instead
    later = qutip.mesolve(
        system.hamiltonian, states[0], [0, 5.0], system.jump_operators(),
        options={"atol": 1e-12, "rtol": 1e-11, "nsteps": 10**5, "progress_bar": ""},
    ).states[-1]  # fmt: skip
    assert np.abs((later - states[0]).full()).max() < 1e-9
    for rho in states[1:]:
        assert np.abs((rho - states[0]).full()).max() < 1e-8


def test_superradiance_has_positive_populations():
    N = 40
    rho = Dicke(N, pumping=N / 2, collective_emission=1.0).steadystate()
    assert rho.diag().min() > -1e-15
    assert abs(rho.tr() - 1) < 1e-12
    light = qutip.expect(jspin(N, "+") @ jspin(N, "-"), rho)
    # d<J_z>/dt = 0: what is pumped is emitted
    assert light == pytest.approx(N / 2 * (N / 2 - qutip.expect(jspin(N, "z"), rho)), rel=1e-10)
    assert light > 0.1 * N**2


@pytest.mark.parametrize("ratio", [1e-9, 1e-6, 1e6])
def test_rates_of_very_different_size(ratio):
    # a slow rate is not taken for none
    rho = Dicke(3, emission=1.0, pumping=ratio).steadystate()
    assert qutip.expect(jspin(3, "z"), rho) / 3 + 0.5 == pytest.approx(ratio / (1 + ratio), rel=1e-6)


# ---- several steady states, or none ----

LAMBDA = [qutip.projection(3, 0, 2), qutip.projection(3, 1, 2)]
BRIGHT = (qutip.projection(3, 2, 0) + qutip.projection(3, 2, 1)) / np.sqrt(2)
PAIR = qutip.tensor(qutip.sigmam(), qutip.qeye(2)) + qutip.tensor(qutip.qeye(2), qutip.sigmam())
SEVERAL = {
    "collective emission conserves j": (
        0 * jspin(4, "z"),
        Dicke(4, collective_emission=1.0).jump_operators(),
    ),
    "driven, but all noise collective": (jspin(3, "x"), Dicke(3, collective_emission=1.0).jump_operators()),
    "no noise": (qutip.sigmaz(), []),
    "nothing at all": (0 * qutip.qeye(2), []),
    "pure dephasing": (qutip.sigmaz(), [qutip.sigmaz()]),
    "dephasing along the drive": (qutip.sigmax(), [qutip.sigmax()]),
    "two ground states": (qutip.projection(3, 2, 2), LAMBDA),
    "two kets that nothing touches": (0 * qutip.qeye(4), [qutip.projection(4, 0, 1)]),
    "dark singlet": (0 * PAIR, [PAIR]),
    "driven pair with a dark singlet": (PAIR + PAIR.dag(), [PAIR]),
    "parity": (qutip.num(4), [qutip.destroy(4) ** 2]),
    "conserved coherence": (
        qutip.tensor(qutip.qeye(2), qutip.sigmax()),
        [qutip.tensor(qutip.qeye(2), qutip.sigmam())],
    ),
    "noise along x on one of two": (
        qutip.tensor(qutip.qeye(2), qutip.sigmax()),
        [qutip.tensor(qutip.qeye(2), qutip.sigmam()), qutip.tensor(qutip.sigmax(), qutip.qeye(2))],
    ),
}


@pytest.mark.parametrize("method", ["auto", "direct"])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_steady_states_are_an_error(name, method):
    H, c_ops = SEVERAL[name]
    L = qutip.liouvillian(H, c_ops).full()
    assert null_space(L, rcond=1e-10).shape[1] > 1
    with pytest.raises(SteadyStateError, match="rho0"):
        steadystate(H, c_ops, method=method)
    with pytest.raises(SteadyStateError, match="rho0"):
        steadystate(qutip.liouvillian(H, c_ops), method=method)


@pytest.mark.parametrize("method", ["iterative", "evolution"])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_steady_states_are_an_error_of_the_iterative_methods_too(name, method):
    H, c_ops = SEVERAL[name]
    with pytest.raises(SteadyStateError):
        steadystate(H, c_ops, method=method)


def test_local_noise_along_x_conserves_a_coherence_of_many_emitters():
    # sum_n D[sigma_x,n] leaves J_x alone; 36 kets
    N = 10
    c_ops = piqs.local_jumps(N, qutip.sigmax())
    with pytest.raises(SteadyStateError, match="rho0"):
        steadystate(0 * jspin(N, "x"), c_ops)


@pytest.mark.parametrize("method", ["auto", "direct", "evolution"])
def test_limit_of_a_given_state(method):
    N = 4
    atoms = Dicke(N, collective_emission=1.0)
    for j in (0, 1, 2):
        rho = atoms.steadystate(piqs.dicke(N, j, 0), method=method)
        assert np.abs((rho - piqs.dicke(N, j, -j)).full()).max() < 1e-9
    mixture = 0.25 * piqs.dicke(N, 2, 2) + 0.75 * piqs.dicke(N, 1, 0)
    limit = 0.25 * piqs.dicke(N, 2, -2) + 0.75 * piqs.dicke(N, 1, -1)
    assert np.abs((atoms.steadystate(mixture, method=method) - limit).full()).max() < 1e-9
    # N = 2 in |eg>: half of it is the dark singlet
    half = 0.5 * piqs.dicke(2, 1, 0) + 0.5 * piqs.dicke(2, 0, 0)
    rho = Dicke(2, collective_emission=1.0).steadystate(half, method=method)
    assert rho.diag() == pytest.approx([0, 0, 0.5, 0.5], abs=1e-9)


def test_coherent_limits():
    # an excited state that decays into a superposition: its coherence stays for ever
    plus = (qutip.basis(3, 0) + qutip.basis(3, 1)).unit()
    rho = steadystate(0 * qutip.qeye(3), [BRIGHT.dag()], qutip.basis(3, 2))
    assert np.abs((rho - plus.proj()).full()).max() < 1e-9
    # |0> is half bright, half dark, and neither has a way out when nothing drives
    rho = steadystate(0 * qutip.qeye(3), [BRIGHT.dag()], qutip.basis(3, 0))
    assert np.abs((rho - qutip.basis(3, 0).proj()).full()).max() < 1e-9
    # pure dephasing of |+> leaves the mixture
    ket = (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()
    rho = steadystate(qutip.sigmaz(), [qutip.sigmaz()], ket)
    assert np.abs(rho.full() - np.eye(2) / 2).max() < 1e-9
    # and keeps |+> where it dephases along x
    rho = steadystate(0 * qutip.sigmax(), [qutip.sigmax()], ket)
    assert np.abs((rho - ket.proj()).full()).max() < 1e-9


@pytest.mark.parametrize("method", ["auto", "direct", "evolution"])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_state_that_oscillates_for_ever_has_no_limit(method, noise):
    # a spin that precesses undamped, beside another that decays
    H = qutip.tensor(qutip.sigmax(), qutip.qeye(2))
    c_ops = [np.sqrt(noise) * qutip.tensor(qutip.qeye(2), qutip.sigmam())] if noise else []
    with pytest.raises(SteadyStateError):
        steadystate(H, c_ops, qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 0)), method=method)


def spins_with_a_common_channel(j, detuning, pumping):
    """Two driven spins whose jumps keep the total spin, unless their drives differ."""
    size = int(2 * j + 1)
    both = {
        k: [
            qutip.tensor(qutip.jmat(j, k), qutip.qeye(size)),
            qutip.tensor(qutip.qeye(size), qutip.jmat(j, k)),
        ]
        for k in "x+-"
    }
    H = both["x"][0] + (1 + detuning) * both["x"][1]
    return H, [sum(both["-"]), np.sqrt(pumping) * sum(both["+"])]


@pytest.mark.parametrize("method", ["auto", "direct", "iterative", "evolution"])
def test_a_second_steady_state_among_the_coherences(method):
    # one of each total spin 0 to 8, which no population alone can tell apart; 3,321 unknowns
    H, c_ops = spins_with_a_common_channel(4, 0.0, 0.6)
    with pytest.raises(SteadyStateError):
        steadystate(H, c_ops, method=method)


def test_large_problems_have_one_answer():
    H, c_ops = spins_with_a_common_channel(4, 0.3, 0.6)
    exact = steadystate(H, c_ops, method="direct")
    for method in ("iterative", "evolution"):
        rho = steadystate(H, c_ops, method=method)
        # the gap is 1e-3 of the largest rate, which leaves this much of the residual 1e-10
        assert np.abs((rho - exact).full()).max() < 1e-7


def test_iterations_reach_residuals_close_to_rounding():
    # GCROT's own residual drifts away from the true one below 1e-12 here: 7 atoms and 14 photons above threshold
    N, n_fock = 7, 14
    light, a = qutip.qeye(n_fock), qutip.tensor(qutip.destroy(n_fock), qutip.qeye(piqs.num_dicke_states(N)))
    spins = Dicke(N, emission=0.1, dephasing=0.01)
    jx, jz = (qutip.tensor(light, jspin(N, k)) for k in "xz")
    H = jz + a.dag() @ a + 2.0 / np.sqrt(N) * jx @ (a + a.dag())
    c_ops = [a, *(qutip.tensor(light, jump) for jump in spins.jump_operators())]
    rho, info = steadystate(H, c_ops, method="iterative", tol=2e-13, info=True)
    assert info["iterations"] < 500
    scale = float(np.abs(H.full()).max())
    change = -1j * (H @ rho - rho @ H) + sum(
        c @ rho @ c.dag() - 0.5 * (c.dag() @ c @ rho + rho @ c.dag() @ c) for c in c_ops
    )
    assert change.norm("fro") < 1e-12 * scale


def test_undamped_motion_among_many_unknowns():
    # one spin precesses undamped, the other, of 17 states, is driven and damped: 595 unknowns, one zero eigenvalue
    j = 8
    drives = qutip.tensor(qutip.sigmax(), qutip.qeye(17)) + qutip.tensor(qutip.qeye(2), qutip.jmat(j, "x"))
    c_ops = [qutip.tensor(qutip.qeye(2), qutip.jmat(j, "-"))]
    start = qutip.tensor(qutip.basis(2, 0), qutip.spin_state(j, j))
    with pytest.raises(SteadyStateError, match="oscillate for ever"):
        steadystate(drives, c_ops, start, method="direct")


def test_dark_state():
    # two lasers on a Lambda system: the one state that does not couple to them
    H = 0.8 * (BRIGHT + BRIGHT.dag())
    dark = (qutip.basis(3, 0) - qutip.basis(3, 1)).unit()
    for method in ("auto", "direct", "evolution"):
        rho = steadystate(H, LAMBDA, method=method)
        assert np.abs((rho - dark.proj()).full()).max() < 1e-8


def test_kets_that_hold_nothing():
    # a ladder that only goes down, and one that climbs: the other end must not serve as pivot
    for op, end in ((qutip.destroy(6), 0), (qutip.create(6), 5)):
        for method in ("auto", "direct", "evolution"):
            rho = steadystate(qutip.num(6), [op], method=method)
            assert np.abs((rho - qutip.fock_dm(6, end)).full()).max() < 1e-9


def test_failure_to_converge_names_the_residual():
    n = 12
    a = qutip.destroy(n)
    with pytest.raises(SteadyStateError, match=r"residual of .*e-"):
        steadystate(a + a.dag() + 0.3 * a.dag() ** 2 * a**2, [0.3 * a], method="direct", tol=1e-30)


def test_info():
    _, info = Dicke(2, jspin(2, "x"), emission=1.0).steadystate(method="iterative", info=True)
    assert info["method"] == "iterative"
    assert info["residual"] <= 1e-10
    assert info["iterations"] >= 1


@pytest.mark.parametrize(("drive", "N"), [(0.0, 8), (1.3, 8), (1.3, 3)])
def test_the_estimate_of_an_iterative_solution_is_the_response_to_its_own_residual(drive, N):
    """A random source answers half as much as what the iteration leaves, which lies where convergence is slow."""
    H = drive * jspin(N, "x") + 0.3 * jspin(N, "z")
    system = Dicke(N, H, emission=5.0, dephasing=0.1, collective_pumping=0.2)
    found, info = system.steadystate(method="iterative", tol=1e-5, info=True)
    error = np.linalg.norm((found - system.steadystate(method="direct")).full())
    assert error <= 1.2 * info["error estimate"] + 1e-14
