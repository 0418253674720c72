"""The dressed-state master equation against spectral projectors on 2^N x cavity, and its limits."""

import itertools

import numpy as np
import pytest
import qutip

import brute_force
from piqs import Dicke, dressed_equation, jspin, num_dicke_states, spectrum, steadystate

N, PHOTONS = 3, 3
EMISSION, COLLECTIVE, DEPHASING, LOSS = 0.3, 0.2, 0.15, 0.4


def light_matter(g, n=N, photons=PHOTONS):
    nds = num_dicke_states(n)
    a, one = qutip.destroy(photons), qutip.qeye(nds)
    cavity = qutip.tensor(one, a.dag() * a)
    spins = qutip.tensor(jspin(n, "z"), qutip.qeye(photons))
    return cavity + spins + 2 * g * qutip.tensor(jspin(n, "x"), a + a.dag())


def full_light_matter(g, n=N):
    a = qutip.destroy(PHOTONS).full()
    one, spins = np.eye(PHOTONS), np.eye(2**n)
    jz = brute_force.collective(n, 0.5 * qutip.sigmaz())
    jx = brute_force.collective(n, 0.5 * qutip.sigmax())
    return np.kron(spins, a.conj().T @ a) + np.kron(jz, one) + 2 * g * np.kron(jx, a + a.conj().T)


def generator(H, jumps, rho):
    return -1j * (H @ rho - rho @ H) + sum(brute_force.dissipator(A, rho) for A in jumps)


def with_cavity(convert, rho, spins, n=N):
    """Apply a conversion of the ensemble's basis to every photon block of rho."""
    blocks = rho.reshape(spins, PHOTONS, spins, PHOTONS)
    out = [[convert(n, blocks[:, p, :, q]) for q in range(PHOTONS)] for p in range(PHOTONS)]
    out = np.array(out).transpose(2, 0, 3, 1)
    return out.reshape(out.shape[0] * PHOTONS, -1)


def spectral_jumps(H, A, rate, secular):
    """sqrt(rate) A between the eigenspaces of H, from their projectors: no eigenvector is chosen within any of them."""
    values, vectors = np.linalg.eigh(H)
    starts = [0, *(np.flatnonzero(np.diff(values) > 1e-8) + 1), values.size]
    spaces = [vectors[:, a:b] for a, b in itertools.pairwise(starts)]
    energy = [values[a] for a in starts[:-1]]
    parts = {}
    for (r, p), (s, q) in itertools.product(enumerate(spaces), repeat=2):
        frequency = energy[s] - energy[r] if r != s else 0.0
        key = {True: round(frequency, 7) + 0.0, False: 0.0, "pairs": (r, s) if r != s else 0.0}[secular]
        if rate(frequency) > 0:
            jump = np.sqrt(rate(frequency)) * p @ (p.conj().T @ A @ q) @ q.conj().T
            parts[key] = parts.get(key, 0) + jump
    return list(parts.values())


TILTED = np.array([[0.3, 0.2 - 0.5j], [0.9 + 0.1j, -0.4]])
OPERATORS = {"x": qutip.sigmax().full() / 2, "-": qutip.sigmam().full(), "tilted": TILTED}


@pytest.mark.parametrize("secular", [True, False, "pairs"])
@pytest.mark.parametrize(
    ("n", "operator", "temperature", "density"),
    [(2, "x", 0.0, None), (3, "-", 0.0, None), (2, "tilted", 0.7, None), (3, "x", 0.4, lambda w: w**2)],
)
def test_generator_is_the_one_on_all_emitters(n, operator, temperature, density, secular):
    """Eqs. 32 to 34 and their extensions with all six rates, on 2^N x cavity, where the sum over n is written out."""
    rates = {
        "emission": EMISSION,
        "collective_emission": COLLECTIVE,
        "dephasing": DEPHASING,
        "collective_dephasing": 0.1,
        "pumping": 0.25,
        "collective_pumping": 0.05,
    }
    g, nds = 0.23, num_dicke_states(n)
    equation = dressed_equation(
        light_matter(g, n),
        Dicke(n, **rates),
        LOSS,
        operator=operator if operator != "tilted" else TILTED,
        temperature=temperature,
        spectral_density=density,
        secular=secular,
    )
    rng = np.random.default_rng(5)
    blocks = np.array([[brute_force.random_blocks(n, rng) for _ in range(PHOTONS)] for _ in range(PHOTONS)])
    rho = blocks.transpose(2, 0, 3, 1).reshape(nds * PHOTONS, nds * PHOTONS)

    def occupation(w):
        return 1 / np.expm1(w / temperature) if temperature else 0.0

    def strength(w):
        return density(w) if density else 1.0

    def down(gamma):
        return lambda w: gamma * strength(w) * (1 + occupation(w)) if w > 1e-8 else 0.0

    def up(gamma, pumping=0.0):
        return lambda w: strength(-w) * (gamma * occupation(-w) + pumping) if w < -1e-8 else 0.0

    one, a = np.eye(PHOTONS), qutip.destroy(PHOTONS).full()
    X, x = np.kron(np.eye(2**n), a + a.conj().T), OPERATORS[operator]
    couplings = [(X, down(LOSS)), (X, up(LOSS))]
    for prefix, spins in (
        ("", lambda op: [brute_force.on_site(n, k, op) for k in range(n)]),
        ("collective_", lambda op: [brute_force.collective(n, op)]),
    ):
        loss, gain, white = (rates[prefix + name] for name in ("emission", "pumping", "dephasing"))
        couplings += [(np.kron(op, one), down(loss)) for op in spins(x)]
        couplings += [(np.kron(op, one), up(loss, gain)) for op in spins(x.conj().T)]
        couplings += [
            (np.kron(op, one), lambda w, rate=white: rate) for op in spins(qutip.sigmaz().full() / 2)
        ]
    H = full_light_matter(g, n)
    jumps = [A for op, rate in couplings for A in spectral_jumps(H, op, rate, secular)]
    full = generator(H, jumps, with_cavity(brute_force.to_full, rho, nds, n))
    expected = with_cavity(brute_force.to_dicke, full, 2**n, n)

    dressed = equation.to_dressed(qutip.Qobj(rho, dims=[[nds, PHOTONS]] * 2))
    tolerance = 1e-12 * np.abs(expected).max()
    ours = qutip.vector_to_operator(equation.liouvillian() * qutip.operator_to_vector(dressed))
    np.testing.assert_allclose(equation.to_product(ours).full(), expected, atol=tolerance)
    jumps = [c.full() for c in equation.jump_operators()]
    ours = qutip.Qobj(generator(equation.hamiltonian.full(), jumps, dressed.full()))
    np.testing.assert_allclose(equation.to_product(ours).full(), expected, atol=tolerance)


@pytest.mark.parametrize("operator", ["x", "-", TILTED])
def test_thermal_state_is_steady(operator):
    """Detailed balance: at temperature T the equation leaves exp(-H/T) as it is, whatever couples to the bath."""
    T, ensemble = 0.6, Dicke(N, emission=EMISSION, collective_emission=COLLECTIVE)
    equation = dressed_equation(light_matter(0.3), ensemble, LOSS, operator=operator, temperature=T)
    assert not equation.joint_jumps
    spin = sum(qutip.tensor(jspin(N, op), qutip.qeye(PHOTONS)) ** 2 for op in "xyz")
    j_squared = np.real(equation.to_dressed(spin).diag())
    # in the Dicke basis a ket stands for all its copies: 1 for j = 3/2, 2 for j = 1/2
    thermal = np.exp(-equation.energies / T) * np.where(j_squared > 1, 1, 2)
    flow = equation.rates @ thermal - equation.rates.sum(axis=0) * thermal
    np.testing.assert_allclose(flow, 0, atol=1e-13 * thermal.max())


def test_rates_are_half_the_overlap_of_eq_34():
    """Eq. 34, r and s in the order in which it holds: sum_n |<r|J_-,n|s>|^2 = <r| L(|s><s|) |r> / 2, L_A = 2 D[A]."""
    ensemble = Dicke(N, emission=1.0)
    equation = dressed_equation(light_matter(0.3), ensemble, operator="-", secular="pairs")
    jumps = [qutip.tensor(c, qutip.qeye(PHOTONS)) for c in ensemble.jump_operators()]
    L = qutip.liouvillian(None, jumps)
    for s in range(equation.energies.size):
        ket = qutip.basis(equation.energies.size, s)
        moved = qutip.vector_to_operator(L * qutip.operator_to_vector(equation.to_product(ket.proj())))
        overlaps = np.real(equation.to_dressed(moved).diag())
        np.testing.assert_allclose(equation.rates[:, [s]].toarray().ravel()[:s], overlaps[:s], atol=1e-14)


def test_near_degenerate_frequencies_act_together_within_the_width():
    H = light_matter(1e-3)  # the levels of the uncoupled system split by about 1e-3
    apart = dressed_equation(H, Dicke(N, emission=1.0), LOSS)
    joined = dressed_equation(H, Dicke(N, emission=1.0), LOSS, width=0.1)
    together = dressed_equation(H, Dicke(N, emission=1.0), LOSS, secular=False)
    assert apart.rates.nnz > 50
    # what remains apart are the counter-rotating transitions, first order in g
    assert joined.rates.data.sum() < 1e-5
    difference = (joined.liouvillian() - together.liouvillian()).full()
    np.testing.assert_allclose(difference, 0, atol=3e-3)


def test_ten_emitters_and_twenty_photons():
    """720 dressed states: 71,000 rates, and a superoperator with hardly more elements than the density matrix."""
    equation = dressed_equation(light_matter(0.05, 10, 20), Dicke(10, emission=0.01), 0.01, secular="pairs")
    L = equation.liouvillian()
    assert L.to("csr").data.as_scipy().nnz < 1.2 * 720**2
    rho = steadystate(equation)
    assert qutip.expect(qutip.basis(720, 0).proj(), rho) == pytest.approx(1, abs=1e-12)
    with pytest.raises(MemoryError, match="pass the equation itself"):
        equation.jump_operators()


@pytest.mark.parametrize("secular", [True, False])
def test_ground_state_is_dark_and_steady(secular):
    H = light_matter(0.4)
    equation = dressed_equation(H, Dicke(N, emission=1.0, collective_emission=0.3), 0.7, secular=secular)
    size = equation.energies.size
    ground = qutip.basis(size, 0)
    assert max((c * ground).norm() for c in equation.jump_operators()) == 0
    L = qutip.liouvillian(equation.hamiltonian, equation.jump_operators())
    assert np.abs((L * qutip.operator_to_vector(ground.proj())).full()).max() < 1e-14
    a = qutip.tensor(qutip.qeye(num_dicke_states(N)), qutip.destroy(PHOTONS))
    X = equation.positive_frequency(a + a.dag())
    assert qutip.expect(X.dag() * X, ground) == 0
    # the photons of the ground state are virtual, and the ordinary equation would emit them
    assert qutip.expect(equation.to_dressed(a.dag() * a), ground) > 0.1


def test_steady_state_and_spectrum_of_the_dark():
    """What Fig. 13 of the paper says, at N = 3: the ordinary equation shines in its steady state, the dressed one does not."""
    H, ensemble = light_matter(0.2), Dicke(N, emission=0.05)
    a = qutip.tensor(qutip.qeye(num_dicke_states(N)), qutip.destroy(PHOTONS))
    equation = dressed_equation(H, ensemble, 0.05)
    rho = steadystate(equation)
    np.testing.assert_allclose(rho.full(), qutip.basis(rho.shape[0], 0).proj().full(), atol=1e-13)
    X = equation.positive_frequency(a + a.dag())
    w = np.linspace(0, 2, 81)
    dark = spectrum(equation, w, None, X.dag(), X)
    np.testing.assert_allclose(dark, 0, atol=1e-12)
    ordinary = [qutip.tensor(c, qutip.qeye(PHOTONS)) for c in ensemble.jump_operators()] + [np.sqrt(0.05) * a]
    assert spectrum(H, w, ordinary, a.dag(), a).max() > 0.01


def test_tends_to_the_ordinary_equation():
    ensemble = Dicke(N, emission=EMISSION, collective_emission=COLLECTIVE, dephasing=DEPHASING)
    a = qutip.tensor(qutip.qeye(ensemble.nds), qutip.destroy(PHOTONS))
    ordinary = [qutip.tensor(c, qutip.qeye(PHOTONS)) for c in ensemble.jump_operators()] + [np.sqrt(LOSS) * a]
    rho = brute_force.random_blocks(N, np.random.default_rng(2), state=True)
    rho = qutip.tensor(qutip.Qobj(rho), qutip.rand_dm(PHOTONS, seed=3))
    distance = []
    for g in (1e-2, 1e-3, 0.0):
        H = light_matter(g)
        equation = dressed_equation(H, ensemble, LOSS, operator=qutip.sigmax(), secular=False)
        dressed = equation.to_dressed(rho).full()
        ours = generator(equation.hamiltonian.full(), [c.full() for c in equation.jump_operators()], dressed)
        expected = generator(H.full(), [c.full() for c in ordinary], rho.full())
        distance.append(np.abs(equation.to_product(qutip.Qobj(ours)).full() - expected).max())
    assert distance[2] < 1e-13
    assert distance[1] == pytest.approx(distance[0] / 10, rel=0.05)  # first order in g
    # without coupling all transitions of one bath share one frequency, and the secular equation is the ordinary one too
    equation = dressed_equation(light_matter(0.0), ensemble, LOSS, operator=qutip.sigmax())
    dressed = equation.to_dressed(rho).full()
    ours = generator(equation.hamiltonian.full(), [c.full() for c in equation.jump_operators()], dressed)
    np.testing.assert_allclose(equation.to_product(qutip.Qobj(ours)).full(), expected, atol=1e-13)


def test_rates_of_the_paper_for_one_emitter():
    """Jumps |r><s| with W_rs = kappa |<r|a + a^+|s>|^2 + gamma |<r|J_x|s>|^2 (Eq. 32), from QuTiP's eigenstates."""
    H = light_matter(0.2, n=1)
    equation = dressed_equation(H, Dicke(1, emission=EMISSION), LOSS)
    values, states = H.eigenstates()
    x = qutip.tensor(qutip.qeye(2), qutip.destroy(PHOTONS) + qutip.create(PHOTONS))
    sx = qutip.tensor(qutip.sigmax() / 2, qutip.qeye(PHOTONS))
    expected = np.zeros((values.size, values.size))
    for j in range(values.size):
        for k in range(j + 1, values.size):
            expected[j, k] = LOSS * abs(x.matrix_element(states[j], states[k])) ** 2
            expected[j, k] += EMISSION * abs(sx.matrix_element(states[j], states[k])) ** 2
    np.testing.assert_allclose(equation.rates.toarray(), expected, atol=1e-14)
    np.testing.assert_allclose(equation.energies, values, atol=1e-13)


def test_bases_go_back_and_forth():
    equation = dressed_equation(light_matter(0.3), Dicke(N, emission=1.0))
    rho = qutip.rand_dm([num_dicke_states(N), PHOTONS], seed=1)
    ket = qutip.rand_ket([num_dicke_states(N), PHOTONS], seed=1)
    for state in (rho, ket):
        back = equation.to_product(equation.to_dressed(state))
        assert back.dims[0] == state.dims[0]
        np.testing.assert_allclose(back.full(), state.full(), atol=1e-14)


def test_bad_input():
    H = light_matter(0.1)
    ensemble = Dicke(N, emission=1.0)
    for keywords, message in (
        ({"operator": "y"}, "operator must be 'x', '-'"),
        ({"operator": np.eye(3)}, "operator must be a 2x2"),
        ({"temperature": -1.0}, "temperature must be >= 0"),
        ({"spectral_density": lambda w: -w}, "spectral_density must be finite and >= 0"),
        ({"secular": "all"}, "secular must be True, False or 'pairs'"),
        ({"width": 0.1, "secular": False}, "width needs secular=True"),
        ({"width": -0.1}, "width must be >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            dressed_equation(H, ensemble, **keywords)
    with pytest.raises(ValueError, match=r"H must have dims \[\[6, n_cavity\]"):
        dressed_equation(H.permute([1, 0]), ensemble)
    with pytest.raises(ValueError, match="H must have dims"):
        dressed_equation(jspin(N, "z"), ensemble)
    with pytest.raises(ValueError, match="Hermitian"):
        dressed_equation(H + 0.1j * H, ensemble)
    with pytest.raises(TypeError, match="H must be a Qobj"):
        dressed_equation(H.full(), ensemble)
    with pytest.raises(TypeError, match="ensemble must be"):
        dressed_equation(H, N)
    with pytest.raises(ValueError, match="cavity_loss"):
        dressed_equation(H, ensemble, -1.0)
    with pytest.raises(ValueError, match="emission"):
        dressed_equation(H, Dicke(N, emission=-1.0, allow_negative_rates=True))
    equation = dressed_equation(H, ensemble)
    with pytest.raises(ValueError, match="operator must be"):
        equation.to_dressed(jspin(N, "z"))
    with pytest.raises(TypeError, match="operator must be"):
        equation.to_dressed(np.eye(18))
    with pytest.raises(ValueError, match="operator must be"):
        equation.to_product(H)
