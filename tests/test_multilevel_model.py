"""Ensembles of emitters with d levels against the full d^N space, `Dicke`, and closed forms."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import qutip
import scipy.sparse as sp
from scipy.linalg import expm

import piqs
import product_space as ps
from piqs import Composite, Dicke, Ensemble, Mode

LEVELS = ("a", "b", "c")
SYSTEMS = {
    "Lambda": [("a->b", 1.0, 0.3), ("a->c", 0.7, 0.5)],
    "V": [("a->c", 1.0, 0.4), ("b->c", 0.8, 0.2)],
    "ladder": [("a->b", 1.0, 0.3), ("b->c", 0.6, 0.2)],
}


def build(N, system, drive=0.0):
    atoms = Ensemble(N, levels=LEVELS)
    atoms.hamiltonian = (
        0.4 * atoms.number("a") + 0.1 * atoms.number("b") + drive * atoms.op("a->b", hermitian=True)
    )
    for arrow, collective, local in SYSTEMS[system]:
        atoms.collective(arrow, collective)
        atoms.local(arrow, local)
    atoms.dephasing("a", 0.25)
    return atoms


def test_own_modes_are_counted_once():
    atoms = Ensemble(2, levels=("e", "g"), mode=Mode(3, frequency=0.7))
    atoms.hamiltonian = 0.5 * atoms.number("e")
    atoms.hamiltonian += 0.25 * atoms.number("g")
    quanta = atoms.one_body(qutip.tensor(qutip.qeye(2), qutip.num(3)))
    expected = (0.5 * atoms.number("e") + 0.25 * atoms.number("g") + 0.7 * quanta).full()
    assert abs(atoms.equation().hamiltonian.constant.toarray() - expected).max() < 1e-14
    system = Composite(atoms, Mode(2))
    assert abs(system.hamiltonian.full() - np.kron(expected, np.eye(2))).max() < 1e-14


def full_space(atoms):
    """Liouvillian of an ensemble in the d^N space, from what its channels do to one emitter."""
    d, N = atoms.d, atoms.N
    H = sp.csr_array(atoms.to_uncoupled(atoms.hamiltonian, "operator").full())
    jumps = []
    for channel in atoms.channels:
        x = math.sqrt(channel.rate) * channel.one_body.matrix
        jumps += (
            [ps.collective(d, N, x)]
            if channel.one_body.collective
            else [ps.on_site(d, N, n, x) for n in range(N)]
        )
    return ps.liouvillian(H, jumps)


def mean(op, rho):
    return np.trace(op @ rho)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("drive", [0.0, 0.6])
@pytest.mark.parametrize("N", [3, pytest.param(4, marks=pytest.mark.slow)])
def test_evolution_is_that_of_the_full_space(system, drive, N):
    times, size = [0.0, 0.4, 1.3], 3**N
    atoms = build(N, system, drive)
    L = full_space(atoms)
    start = atoms.product([0.8, 0.6j, 0.0])
    rho = atoms.to_uncoupled(start).full().reshape(-1, order="F")
    result = atoms.mesolve(start, times, [atoms.number(s) for s in LEVELS] + [atoms.op("a->b")])
    states = atoms.mesolve(start, times).states
    numbers = [ps.collective(3, N, ps.unit(3, k, k)).toarray() for k in range(3)] + [
        ps.collective(3, N, ps.unit(3, 1, 0)).toarray()
    ]
    for n, t in enumerate(times):
        exact = sp.linalg.expm_multiply(L * t, rho).reshape(size, size, order="F")
        for values, number in zip(result.expect, numbers, strict=True):
            assert abs(values[n] - mean(number, exact)) < 1e-8
        assert abs(atoms.to_uncoupled(states[n]).full() - exact).max() < 1e-8


def test_steady_state_is_that_of_the_full_space():
    atoms = build(3, "Lambda")
    atoms.local("b->a", 0.9)
    atoms.local([[0, 0, 1], [0, 0.5j, 0], [0, 1, 0]], 0.6)
    L = full_space(atoms).toarray()
    _, _, v = np.linalg.svd(L)
    rho = v[-1].conj().reshape(27, 27, order="F")
    rho /= np.trace(rho)
    assert abs(atoms.to_uncoupled(atoms.steadystate()).full() - rho).max() < 1e-10


@pytest.mark.parametrize("pair", [("a", "b"), ("a", "c"), ("b", "c")])
@pytest.mark.parametrize("N", [8, pytest.param(20, marks=pytest.mark.slow)])
def test_two_levels_of_three_are_the_dicke_model(pair, N):
    up, down = pair
    atoms = Ensemble(N, levels=LEVELS)
    atoms.hamiltonian = 0.5 * (atoms.number(up) - atoms.number(down)) + 0.3 * atoms.op(
        f"{up}->{down}", hermitian=True
    )
    atoms.collective(f"{up}->{down}", 0.2)
    atoms.local(f"{up}->{down}", 0.5)
    z = np.zeros(3)
    z[[LEVELS.index(up), LEVELS.index(down)]] = 0.5, -0.5
    atoms.local(np.diag(z), 0.4)
    pairs = Dicke(
        N,
        piqs.jspin(N, "z") + 0.6 * piqs.jspin(N, "x"),
        emission=0.5,
        dephasing=0.4,
        collective_emission=0.2,
    )
    times = np.linspace(0, 2, 9)
    ours = atoms.mesolve(atoms.all_in(up), times, [atoms.number(up), atoms.op(f"{up}->{down}")])
    jz, jm = piqs.jspin(N, "z"), piqs.jspin(N, "-")
    theirs = pairs.mesolve(piqs.excited(N), times, [jz, jm])
    assert np.allclose(ours.expect[0], theirs.expect[0] + N / 2, rtol=0, atol=1e-7)
    assert np.allclose(ours.expect[1], theirs.expect[1], rtol=0, atol=1e-7)
    assert ours.stats["unknowns"] == theirs.stats["unknowns"]


def test_two_levels_are_dicke():
    N = 6
    ours = Ensemble(N, levels=("e", "g"))
    ours.hamiltonian = ours.number("e") + 0.2 * ours.op("e->g", hermitian=True)
    ours.local("e->g", 0.3)
    ours.collective("e->g", 0.1)
    ours.local(0.5 * qutip.sigmaz(), 0.2)
    dicke = Dicke(
        N, piqs.jspin(N, "z") + 0.4 * piqs.jspin(N, "x"), emission=0.3, collective_emission=0.1, dephasing=0.2
    )
    for mine, other in zip(sorted_jumps(ours), sorted_jumps(dicke), strict=True):
        assert abs(mine - other).max() < 1e-14
    assert abs((ours.steadystate() - dicke.steadystate()).full()).max() < 1e-12
    assert (ours.all_in("e").proj() - piqs.excited(N)).norm() < 1e-14
    assert (ours.ghz().proj() - piqs.ghz(N)).norm() < 1e-14
    assert (
        ours.product([0.6, 0.8j]).proj() - piqs.css(N, x=0.6, y=0.8j, coordinates="cartesian")
    ).norm() < 1e-13
    assert (ours.thermal(np.diag([1.0, 0.0]), 0.7) - piqs.thermal(N, temperature=0.7)).norm() < 1e-13
    assert isinstance(ours.space, piqs.DickeSpace)


def sorted_jumps(model):
    return sorted(
        (jump.full() for jump in model.jump_operators()), key=lambda a: tuple(np.round(np.abs(a).ravel(), 9))
    )


def test_local_decay_of_twenty_emitters_is_exponential():
    atoms = Ensemble(20, levels=LEVELS)
    atoms.local("a->b", 0.5)
    atoms.local("b->c", 0.2)
    t = np.linspace(0, 4, 9)
    result = atoms.mesolve(
        atoms.all_in("a"), t, [atoms.number(s) for s in LEVELS], options={"rtol": 1e-12, "atol": 1e-13}
    )
    a = np.exp(-0.5 * t)
    b = 0.5 / (0.2 - 0.5) * (np.exp(-0.5 * t) - np.exp(-0.2 * t))
    for values, exact in zip(result.expect, (a, b, 1 - a - b), strict=True):
        assert np.allclose(values, 20 * exact, rtol=0, atol=1e-9)


def test_local_noise_keeps_unequal_emitters_independent():
    """Two in one state, one in another: the mean over orders of the products of their own evolutions."""
    rng = np.random.default_rng(2)
    atoms = Ensemble(3, levels=3)
    h, x = ps.random_matrix(rng, 3), ps.random_matrix(rng, 3)
    atoms.hamiltonian = atoms.one_body(h + h.conj().T)
    atoms.local(x, 0.5)
    s, r = ps.random_state(rng, 3), ps.random_state(rng, 3)
    L = ps.liouvillian(sp.csr_array(h + h.conj().T), [math.sqrt(0.5) * x]).toarray()
    later = [(expm(0.6 * L) @ a.reshape(-1, order="F")).reshape(3, 3, order="F") for a in (s, s, r)]
    final = atoms.mesolve(
        atoms.product([(s, 2), (r, 1)]), [0.0, 0.6], options={"rtol": 1e-12, "atol": 1e-13}
    ).states[-1]
    assert abs(atoms.to_uncoupled(final).full() - ps.symmetrised(later)).max() < 1e-11


@pytest.mark.parametrize("N", [2, 3])
def test_three_level_tavis_cummings_model_is_that_of_the_full_space(N):
    """Lossy cavity on one transition, laser on the other, local decay and dephasing."""
    atoms = Ensemble(N, levels=("e", "g1", "g2"))
    atoms.local("e->g1", 0.2)
    atoms.dephasing("e", 0.3)
    atoms.hamiltonian = 0.3 * atoms.op("g2->e", hermitian=True)
    system = Composite(atoms=atoms, cavity=Mode(3, frequency=0.1, loss=0.7))
    a = qutip.destroy(3)
    exchange = system.embed("atoms", atoms.op("g1->e")) * system.embed("cavity", a)
    system.interaction = 0.6 * (exchange + exchange.dag())
    rho0 = system.state(atoms=atoms.product({"g2": N}), cavity=qutip.basis(3, 0))
    number, photons = system.embed("atoms", atoms.number("e")), system.embed("cavity", a.dag() * a)
    with pytest.warns(piqs.TruncationWarning):
        ours = system.mesolve(rho0, [0.0, 0.5, 1.5], [number, photons])

    d, size = 3, 3**N
    one, photon = sp.eye_array(size), sp.csr_array(a.full())
    E = {key: ps.collective(d, N, ps.unit(d, *key)) for key in [(0, 0), (0, 1), (1, 0), (0, 2), (2, 0)]}
    H = 0.3 * sp.kron(E[0, 2] + E[2, 0], sp.eye_array(3)) + 0.1 * sp.kron(one, photon.T @ photon)
    H = H + 0.6 * (sp.kron(E[0, 1], photon) + sp.kron(E[1, 0], photon.T))
    sites = [(0.2, ps.unit(d, 1, 0)), (0.3, ps.unit(d, 0, 0))]
    jumps = [
        math.sqrt(g) * sp.kron(ps.on_site(d, N, n, x), sp.eye_array(3)) for g, x in sites for n in range(N)
    ]
    L = ps.liouvillian(H, [*jumps, math.sqrt(0.7) * sp.kron(one, photon)])
    start = np.zeros((3 * size,) * 2)
    start[3 * size - 3, 3 * size - 3] = 1.0
    for n, t in enumerate([0.0, 0.5, 1.5]):
        rho = sp.linalg.expm_multiply(L * t, start.reshape(-1, order="F")).reshape(start.shape, order="F")
        assert abs(ours.expect[0][n] - np.trace(sp.kron(E[0, 0], sp.eye_array(3)) @ rho)) < 1e-8
        assert abs(ours.expect[1][n] - np.trace(sp.kron(one, photon.T @ photon) @ rho)) < 1e-8


def test_pumped_three_level_emitters_in_a_cavity_as_published():
    """The three-level example of P. Kirton's `permutations`: oscillators cut off at three levels, two emitters, one photon."""
    atoms = Ensemble(2, levels=3)
    b, a = qutip.destroy(3), qutip.destroy(2)
    atoms.local(b.dag(), 0.05)
    system = Composite(atoms=atoms, cavity=Mode(2, frequency=1.0, loss=0.05), threshold=1)
    exchange = system.embed("atoms", atoms.one_body(b)) * system.embed("cavity", a.dag())
    system.interaction = 0.2 * (exchange + exchange.dag())
    observables = [
        system.embed("cavity", a.dag() * a),
        system.embed("atoms", atoms.one_body(b.dag() * b)) / 2,
    ]
    result = system.mesolve(system.state(atoms.all_in("1"), qutip.basis(2, 1)), [0.0, 5.0], observables)
    assert result.expect[0][-1] == pytest.approx(0.816390, abs=1e-6)
    assert result.expect[1][-1] == pytest.approx(1.352768, abs=1e-6)


def test_ensembles_of_different_levels_side_by_side():
    """Two three-level and two two-level emitters that share a channel, each with noise of its own."""
    three, two = Ensemble(2, levels=LEVELS), Ensemble(2, levels=("e", "g"))
    three.local("b->c", 0.4)
    three.hamiltonian = 0.3 * three.op("a->c", hermitian=True)
    two.local("e->g", 0.2)
    system = Composite(three=three, two=two)
    system.common_jumps = [system.common(0.8, three.op("a->b"), two.op("e->g"))]
    rho0 = system.state(three=three.all_in("a"), two=two.product({"e": 1, "g": 1}))
    numbers = [system.embed("three", three.number("b")), system.embed("two", two.number("e"))]
    result = system.mesolve(rho0, [0.0, 0.9], numbers)

    one3, one2 = sp.eye_array(9), sp.eye_array(4)
    up, down = ps.unit(2, 0, 0), ps.unit(2, 1, 0)
    jumps = [math.sqrt(0.4) * sp.kron(ps.on_site(3, 2, n, ps.unit(3, 2, 1)), one2) for n in range(2)]
    jumps += [math.sqrt(0.2) * sp.kron(one3, ps.on_site(2, 2, n, down)) for n in range(2)]
    shared = sp.kron(ps.collective(3, 2, ps.unit(3, 1, 0)), one2) + sp.kron(one3, ps.collective(2, 2, down))
    L = ps.liouvillian(
        sp.csr_array(0.3 * sp.kron(ps.collective(3, 2, ps.unit(3, 2, 0) + ps.unit(3, 0, 2)), one2)),
        [*jumps, math.sqrt(0.8) * shared],
    )
    start = np.kron(np.kron(ps.unit(3, 0, 0), ps.unit(3, 0, 0)), ps.symmetrised([up, np.eye(2) - up]))
    rho = sp.linalg.expm_multiply(L * 0.9, start.reshape(-1, order="F")).reshape(36, 36, order="F")
    exact = [sp.kron(ps.collective(3, 2, ps.unit(3, 1, 1)), one2), sp.kron(one3, ps.collective(2, 2, up))]
    for values, op in zip(result.expect, exact, strict=True):
        assert values[-1] == pytest.approx(np.trace(op @ rho).real, abs=1e-8)


def test_rates_and_hamiltonian_that_depend_on_time():
    N = 2
    atoms = Ensemble(N, levels=LEVELS)
    atoms.hamiltonian = [
        0.3 * atoms.number("a"),
        [atoms.op("b->c", hermitian=True), lambda t: math.cos(2 * t)],
    ]
    atoms.local("a->b", lambda t: 0.5 * math.exp(-t), name="decay")
    atoms.collective("a->c", lambda t: 0.2 + 0.1 * math.sin(t))
    times = np.linspace(0, 2, 5)
    result = atoms.mesolve(
        atoms.all_in("a"),
        times,
        [atoms.number("b"), atoms.number("c")],
        options={"rtol": 1e-10, "atol": 1e-12},
    )
    full = [
        qutip.Qobj(ps.collective(3, N, x).toarray())
        for x in (ps.unit(3, 0, 0), ps.unit(3, 1, 2) + ps.unit(3, 2, 1))
    ]
    jumps = [
        [
            [
                qutip.Qobj(ps.on_site(3, N, n, ps.unit(3, 1, 0)).toarray()),
                lambda t: math.sqrt(0.5) * math.exp(-t / 2),
            ]
        ]
        for n in range(N)
    ]
    jumps.append(
        [
            [
                qutip.Qobj(ps.collective(3, N, ps.unit(3, 2, 0)).toarray()),
                lambda t: math.sqrt(0.2 + 0.1 * math.sin(t)),
            ]
        ]
    )
    jumps = [qutip.QobjEvo(jump) for jump in jumps]
    numbers = [qutip.Qobj(ps.collective(3, N, ps.unit(3, k, k)).toarray()) for k in (1, 2)]
    H = [0.3 * full[0], [full[1], lambda t: math.cos(2 * t)]]
    exact = qutip.mesolve(
        H, qutip.basis(9, 0), times, jumps, e_ops=numbers, options={"rtol": 1e-11, "atol": 1e-12}
    )
    for ours, theirs in zip(result.expect, exact.expect, strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-8)


def test_trajectories_agree_with_the_master_equation():
    atoms = build(4, "Lambda", drive=0.3)
    times = [0.0, 0.5, 1.0]
    exact = atoms.mesolve(atoms.all_in("a"), times, [atoms.number("b")])
    jumps = atoms.jump_operators()
    result = piqs.mcsolve(
        atoms.hamiltonian, atoms.all_in("a"), times, jumps, [atoms.number("b")], ntraj=400, seeds=3
    )
    deviation = abs(np.asarray(result.average_expect[0]) - exact.expect[0])
    assert np.all(deviation <= 4 * np.asarray(result.std_expect[0]) / math.sqrt(400) + 1e-9)


def test_correlated_noise_is_the_double_sum():
    atoms = Ensemble(2, levels=LEVELS)
    gamma = np.array([[1.0, 0.4j], [-0.4j, 0.5]])
    atoms.correlated(["a->b", "a->c"], gamma)
    rng = np.random.default_rng(1)
    rho = ps.random_invariant(rng, 3, 2)
    x = [ps.unit(3, 1, 0), ps.unit(3, 2, 0)]
    expected = 0
    for n in range(2):
        sites = [ps.on_site(3, 2, n, op).toarray() for op in x]
        for a in range(2):
            for b in range(2):
                A, B = sites[a], sites[b].T
                expected = expected + gamma[a, b] * (A @ rho @ B - 0.5 * (B @ A @ rho + rho @ B @ A))
    small = atoms.from_uncoupled(qutip.Qobj(rho)).full()
    ours = sum(ps.dissipator(K.full(), small) for K in atoms.jump_operators())
    assert abs(ours - atoms.from_uncoupled(qutip.Qobj(expected)).full()).max() < 1e-14
    assert [channel.name for channel in atoms.channels] == ["correlated 0", "correlated 1"]


def test_gap_and_spectrum_know_that_irreps_have_no_coherence():
    atoms = build(2, "Lambda")
    atoms.local("b->a", 0.5)
    atoms.local("c->a", 0.5)
    full = np.linalg.eigvals(full_space(atoms).toarray())
    ours = atoms.liouvillian_eigenvalues()
    assert len(ours) == math.comb(2 + 8, 2)
    assert all(abs(full - value).min() < 1e-9 for value in ours)
    frequencies = np.linspace(-2, 2, 5)
    S = atoms.spectrum(frequencies, atoms.op("a->b").dag(), atoms.op("a->b"))
    theirs = qutip.spectrum(
        qutip.Qobj(atoms.to_uncoupled(atoms.hamiltonian, "operator").full()),
        frequencies,
        [
            math.sqrt(c.rate) * qutip.Qobj(k.toarray())
            for c in atoms.channels
            for k in (
                [ps.collective(3, 2, c.one_body.matrix)]
                if c.one_body.collective
                else [ps.on_site(3, 2, n, c.one_body.matrix) for n in range(2)]
            )
        ],
        qutip.Qobj(ps.collective(3, 2, ps.unit(3, 0, 1)).toarray()),
        qutip.Qobj(ps.collective(3, 2, ps.unit(3, 1, 0)).toarray()),
    )
    assert np.allclose(S, theirs, rtol=1e-8, atol=1e-10)


def test_collective_noise_alone_stays_in_the_symmetric_irrep():
    numbers = []
    for symmetric in (False, True):
        atoms = Ensemble(12, levels=LEVELS, symmetric=symmetric)
        atoms.collective("a->b", 1.0)
        atoms.collective("a->c", 0.7)
        result = atoms.mesolve(atoms.all_in("a"), [0.0, 0.3, 1.0], [atoms.number(s) for s in LEVELS])
        assert result.stats["unknowns"] == math.comb(14, 2)
        numbers.append(result.expect)
    assert np.allclose(*numbers, rtol=0, atol=1e-9)


def test_photons_choose_a_ground_state_like_balls_of_an_urn():
    """Equal collective rates: every way to share the atoms is equally likely in the end, whatever the rate."""
    urn = Ensemble(30, levels=("e", "g1", "g2"), symmetric=True)
    urn.collective("e->g1", 0.7)
    urn.collective("e->g2", 0.7)
    final = (
        urn.mesolve(urn.all_in("e"), [0.0, 40.0], options={"rtol": 1e-12, "atol": 1e-14}).states[-1].diag()
    )
    settled = urn.kets.occupations[:, 0] == 0
    assert np.allclose(final[settled], 1 / 31, rtol=1e-8)
    assert np.all(final[~settled] < 1e-10)


def test_branching_of_ten_atoms_is_that_of_their_photons():
    """Rates 1 and 1/2: the numbers in the two ground states by the chain of the photons, in exact fractions."""
    shares = {(0, 0): Fraction(1)}
    for _ in range(10):
        grown = dict.fromkeys([(a + 1, b) for a, b in shares] + [(a, b + 1) for a, b in shares], Fraction(0))
        for (a, b), weight in shares.items():
            first, second = Fraction(a + 1), Fraction(b + 1, 2)
            grown[a + 1, b] += weight * first / (first + second)
            grown[a, b + 1] += weight * second / (first + second)
        shares = grown
    exact = float(sum(a * weight for (a, _), weight in shares.items()))
    atoms = Ensemble(10, levels=("e", "g1", "g2"))
    atoms.collective("e->g1", 1.0)
    atoms.collective("e->g2", 0.5)
    for method in ("exponential", "uniformization", "faber"):
        options = {"method": method, "rtol": 1e-10, "atol": 1e-12}
        result = atoms.mesolve(atoms.all_in("e"), [0.0, 8.0], [atoms.number("g1")], options=options)
        assert result.expect[0][-1] == pytest.approx(exact, abs=1e-9)


def test_a_thousand_three_level_emitters_in_the_symmetric_irrep():
    atoms = Ensemble(1000, levels=LEVELS, symmetric=True)
    assert atoms.kets.size == math.comb(1002, 2)
    psi = np.array([0.6, 0.48, 0.64])
    state = atoms.product(psi)
    assert abs(state.norm() - 1) < 1e-12
    assert abs(qutip.expect(atoms.number("b"), state) - 1000 * 0.48**2) < 1e-8
    assert abs(qutip.expect(atoms.op("a->c"), state) - 1000 * 0.6 * 0.64) < 1e-8


def molecules(N, n_fock=2):
    """Molecules with a displaced, damped vibration, driven, under collective and local decay."""
    atoms = Ensemble(
        N, levels=("e", "g"), mode=Mode(n_fock, frequency=1.0, loss=0.3, occupation=0.1), threshold=1
    )
    b = qutip.destroy(n_fock)
    displaced = qutip.tensor(qutip.basis(2, 0).proj(), b + b.dag())
    atoms.hamiltonian = (
        0.2 * atoms.number("e") + 0.7 * atoms.one_body(displaced) + 0.4 * atoms.op("e->g", hermitian=True)
    )
    atoms.collective("e->g", 0.5)
    atoms.local("e->g", 0.2)
    return atoms


@pytest.mark.parametrize(("N", "n_fock"), [(2, 2), (2, 3), (3, 2)])
def test_molecules_with_a_vibration_are_those_of_the_full_space(N, n_fock):
    atoms = molecules(N, n_fock)
    b = qutip.destroy(n_fock)
    one, electron, lower = (
        qutip.qeye([2, n_fock]),
        qutip.basis(2, 0).proj(),
        qutip.basis(2, 1) * qutip.basis(2, 0).dag(),
    )

    def on(n, op):
        return qutip.tensor([op if k == n else one for k in range(N)])

    h = qutip.tensor(electron, 0.2 + 0.7 * (b + b.dag())) + qutip.tensor(qutip.qeye(2), b.dag() * b)
    h += 0.4 * qutip.tensor(lower + lower.dag(), qutip.qeye(n_fock))
    lower, damping = qutip.tensor(lower, qutip.qeye(n_fock)), qutip.tensor(qutip.qeye(2), b)
    H = sum(on(n, h) for n in range(N))
    jumps = [math.sqrt(0.5) * sum(on(n, lower) for n in range(N))]
    jumps += [
        math.sqrt(g) * on(n, x)
        for n in range(N)
        for g, x in ((0.2, lower), (0.33, damping), (0.03, damping.dag()))
    ]
    L = ps.liouvillian(sp.csr_array(H.full()), [jump.full() for jump in jumps])
    start = qutip.tensor([qutip.basis([2, n_fock], [0, 0])] * N).proj().full()
    rho = sp.linalg.expm_multiply(L * 0.8, start.reshape(-1, order="F")).reshape(start.shape, order="F")
    final = atoms.mesolve(atoms.all_in("e"), [0.0, 0.8], options={"rtol": 1e-11, "atol": 1e-12}).states[-1]
    ours = atoms.to_uncoupled(final)
    assert ours.dims == H.dims
    assert abs(ours.full() - rho).max() < 1e-10
    pair = atoms.reduced(final, 1)
    assert pair.dims == [[2, n_fock]] * 2
    assert abs(pair.full() - qutip.Qobj(rho, dims=H.dims).ptrace([0, 1]).full()).max() < 1e-10


def test_highest_state_of_a_vibration_warns():
    atoms = molecules(2)
    atoms.threshold = 1e-4
    with pytest.warns(piqs.TruncationWarning, match="mode"):
        atoms.mesolve(atoms.all_in("e"), [0.0, 1.0], [atoms.number("e")])


def test_unknowns_of_vibrating_molecules():
    atoms = Ensemble(3, levels=("e", "g"), mode=Mode(3, frequency=1.0, loss=0.3), threshold=1)
    b = qutip.destroy(3)
    atoms.hamiltonian = atoms.one_body(qutip.tensor(qutip.basis(2, 0).proj(), b + b.dag()))
    atoms.collective("e->g")
    atoms.local("e->g", 0.1)
    assert piqs.num_multilevel_elements(3, 6) == 8436
    assert atoms.mesolve(atoms.all_in("e"), [0.0, 0.1], [atoms.number("e")]).stats["unknowns"] <= 2598


@pytest.mark.parametrize(("d", "N"), [(2, 5), (3, 4), (4, 3)])
def test_reduced_states_entropy_and_purity(d, N):
    rng = np.random.default_rng(d)
    atoms = Ensemble(N, levels=d)
    full = qutip.Qobj(ps.random_invariant(rng, d, N), dims=[[d] * N] * 2)
    rho = atoms.from_uncoupled(full)
    for k in range(1, N + 1):
        ours = atoms.reduced(rho, k)
        assert ours.dims == [[d] * k] * 2
        assert abs(ours.full() - full.ptrace(list(range(k))).full()).max() < 1e-13
    assert abs(atoms.entropy(rho) - qutip.entropy_vn(full)) < 1e-12
    assert abs(atoms.purity(rho) - (full * full).tr().real) < 1e-14
    smaller = Ensemble(N - 1, levels=d)
    assert (
        abs(
            smaller.to_uncoupled(atoms.remove_emitter(rho)).full() - full.ptrace(list(range(N - 1))).full()
        ).max()
        < 1e-13
    )


def test_thermal_states_and_mixtures():
    rng = np.random.default_rng(4)
    atoms = Ensemble(4, levels=3)
    h = ps.random_matrix(rng, 3)
    h = h + h.conj().T
    sigma = expm(-h / 0.8)
    sigma /= np.trace(sigma)
    rho = atoms.thermal(h, 0.8)
    assert abs(atoms.reduced(rho).full() - sigma).max() < 1e-13
    assert abs(atoms.reduced(rho, 2).full() - np.kron(sigma, sigma)).max() < 1e-13
    assert abs(atoms.entropy(rho) - 4 * qutip.entropy_vn(qutip.Qobj(sigma))) < 1e-12
    mixed = atoms.thermal(h, np.inf)
    assert abs(atoms.entropy(mixed) - 4 * math.log(3)) < 1e-12
    ground = np.linalg.eigh(h)[1][:, 0]
    assert abs(atoms.reduced(atoms.thermal(h, 0)).full() - np.outer(ground, ground.conj())).max() < 1e-12
    big = Ensemble(20, levels=3).thermal(np.diag([1.0, 0.3, 0.0]), 0.5)
    assert abs(big.tr() - 1) < 1e-12


def test_symmetric_irrep_has_reduced_states():
    for N, k in ((30, 1), (30, 2), (5, 3)):
        atoms = Ensemble(N, levels=3, symmetric=True)
        psi = np.array([0.6, 0.48j, 0.64])
        expected = psi
        for _ in range(k - 1):
            expected = np.kron(expected, psi)
        assert (
            abs(atoms.reduced(atoms.product(psi), k).full() - np.outer(expected, expected.conj())).max()
            < 1e-12
        )


def test_explain_names_the_representations():
    atoms = build(6, "Lambda")
    text = str(atoms.explain(atoms.all_in("a")))
    assert "7 irreps" in text
    assert "119 kets" in text
    assert "139" in text


def test_states_that_are_wrong():
    atoms = Ensemble(4, levels=("e", "g1", "g2"))
    for call in (
        lambda: atoms.all_in("x"),
        lambda: atoms.dicke(e=5),
        lambda: atoms.dicke(e=-1, g1=5),
        lambda: atoms.dicke(e=1.5, g1=2.5),
        lambda: atoms.product({"e": 3}),
        lambda: atoms.product([1.0, 1.0, 0.0]),
        lambda: atoms.product([1.0, 0.0]),
        lambda: atoms.product(np.eye(3)),
        lambda: atoms.product(np.diag([2.0, -1.0, 0.0])),
        lambda: atoms.product([np.nan, 1.0, 0.0]),
        lambda: atoms.ghz("e", "e"),
        lambda: atoms.thermal(np.diag([1.0, 0.0, 0.0]), -1.0),
        lambda: atoms.thermal(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0.0]]), 1.0),
        lambda: atoms.reduced(atoms.all_in("e"), 5),
        lambda: atoms.reduced(atoms.all_in("e"), 0),
        lambda: Ensemble(1, levels=3).remove_emitter(Ensemble(1, levels=3).all_in("0")),
        lambda: atoms.to_uncoupled(qutip.qeye(38), "operator"),
        lambda: atoms.from_uncoupled(qutip.qeye(80)),
        lambda: atoms.entropy(2 * atoms.all_in("e").proj()),
        lambda: atoms.mesolve((atoms.all_in("e") + qutip.basis(39, 20)).unit(), [0, 1]),
    ):
        with pytest.raises(ValueError, match=r"\S"):
            call()
    with pytest.raises(ValueError, match="irreps"):
        atoms.mesolve((atoms.all_in("e") + qutip.basis(39, 38)).unit(), [0, 1])
    with pytest.raises(ValueError, match="symmetric=True"):
        Ensemble(4, levels=3, symmetric=True).thermal(np.eye(3), 1.0)


def test_ensembles_that_are_wrong():
    for wrong in (1, 0, -3, 2.5, ("e",), ("e", "e"), ("e", ""), ("a->b", "c"), ("e", 3)):
        with pytest.raises((ValueError, TypeError), match="levels"):
            Ensemble(3, levels=wrong)
    with pytest.raises(ValueError, match="N must"):
        Ensemble(0, levels=3)
    with pytest.raises(MemoryError, match="kets"):
        Ensemble(10**4, levels=4)
    with pytest.raises(TypeError, match="mode"):
        Ensemble(3, mode=3)
    with pytest.raises(ValueError, match="dims"):
        Ensemble(3, levels=3, hamiltonian=qutip.sigmax())
    crossing = np.zeros((19, 19))
    crossing[0, 18] = crossing[18, 0] = 1.0
    with pytest.raises(ValueError, match="irreps"):
        Ensemble(3, levels=3, hamiltonian=qutip.Qobj(crossing))


def test_ensembles_are_pickled_and_shown():
    atoms = build(3, "Lambda")
    again = pickle.loads(pickle.dumps(atoms))
    numbers = [m.mesolve(m.all_in("a"), [0.0, 0.5], [m.number("b")]).expect[0] for m in (atoms, again)]
    assert np.array_equal(*numbers)
    assert r"|{\rm b}\rangle\langle{\rm a}|_n" in atoms._repr_latex_()
    assert "19 kets in 3 irreps, 5 channels" in repr(atoms)


def test_hamiltonians_of_every_kind_are_accepted():
    atoms = Ensemble(2, levels=3)
    n, drive = atoms.number("0"), atoms.op("0->1", hermitian=True)
    times = np.linspace(0, 1, 21)
    numbers = []
    for H, args in (
        ([n, [drive, lambda t, w: np.cos(w * t)]], {"w": 2.0}),
        ([n, [drive, np.cos(2 * times)]], None),
        (qutip.QobjEvo([n, [drive, lambda t: np.cos(2 * t)]]), None),
    ):
        atoms.hamiltonian = H
        numbers.append(atoms.mesolve(atoms.all_in("0"), times, [n], args=args).expect[0])
    assert np.allclose(numbers[0], numbers[2], atol=1e-8)
    assert np.allclose(numbers[0], numbers[1], atol=1e-4)  # interpolated between the times


def test_ket_whose_density_matrix_does_not_fit_is_refused():
    atoms = Ensemble(1000, levels=3, symmetric=True)
    with pytest.raises(MemoryError, match="mcsolve"):
        atoms.mesolve(atoms.product([0.6, 0.48, 0.64]), [0, 1])


def test_channels_that_are_wrong():
    atoms = Ensemble(3, levels=("e", "g1", "g2"))
    for jump, rate, error in (
        ("e->x", 1.0, "levels"),
        ("e", 1.0, "a->b"),
        (np.eye(2), 1.0, "3 x 3"),
        (np.full((3, 3), np.nan), 1.0, "finite"),
        ("e->g1", -1.0, "rate"),
        ("e->g1", np.nan, "rate"),
        ("e->g1", [1.0, 2.0, 3.0], "rate"),
        ("e->g1", 1j, "rate"),
    ):
        for add in (atoms.local, atoms.collective):
            with pytest.raises((ValueError, TypeError), match=error):
                add(jump, rate)
    assert atoms.channels == []
    atoms.local("e->g1", name="decay")
    with pytest.raises(ValueError, match="decay"):
        atoms.local("e->g2", name="decay")
    for matrix, error in (
        (np.eye(3), "2 x 2"),
        ([[1, 2], [2, 1]], "negative"),
        ([[1, 1], [0, 1]], "Hermitian"),
        ([[np.nan, 0], [0, 1]], "finite"),
    ):
        with pytest.raises(ValueError, match=error):
            atoms.correlated(["e->g1", "e->g2"], matrix)
    with pytest.raises(ValueError, match="symmetric"):
        Ensemble(3, levels=3, symmetric=True).local("0->1")
    names = [
        channel.name
        for channel in (
            atoms.local("e->g1"),
            atoms.local("e->g1"),
            atoms.dephasing("e"),
            atoms.dephasing("e"),
        )
    ]
    assert names == ["local e->g1", "local e->g1 (2)", "dephasing e", "dephasing e (2)"]
