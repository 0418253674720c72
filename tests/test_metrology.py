"""Fisher information, squeezing and witnesses against 2^N brute force and closed forms."""

import numpy as np
import pytest
import qutip
from qutip import Qobj

import piqs
from piqs.measures.witnesses import smallest_variance
from tests.brute_force import collective, random_blocks, to_full

AXIS = np.array([0.3, -0.5, 0.8])
SPIN = {"x": qutip.sigmax() / 2, "y": qutip.sigmay() / 2, "z": qutip.sigmaz() / 2}


def random_state(N, seed=0, rank=None):
    return Qobj(random_blocks(N, np.random.default_rng(seed + 10 * N), state=True))


def full_spin(N):
    return [collective(N, SPIN[a].full()) for a in "xyz"]


def full_fisher(rho, A, B=None):
    """2 sum (p_i - p_j)^2/(p_i + p_j) Re <i|A|j><j|B|i>, element by element."""
    B = A if B is None else B
    p, v = np.linalg.eigh(rho)
    A, B = v.conj().T @ A @ v, v.conj().T @ B @ v
    total = 0.0
    for i in range(len(p)):
        for j in range(len(p)):
            if p[i] + p[j] > 1e-13:
                total += 2 * (p[i] - p[j]) ** 2 / (p[i] + p[j]) * (A[i, j] * B[j, i]).real
    return total


@pytest.mark.parametrize("N", [1, 2, 3, 5, 6])
def test_fisher_information_of_random_states(N):
    rho = random_state(N)
    full, spin = to_full(N, rho.full()), full_spin(N)
    for axis, J in zip("xyz", spin, strict=True):
        assert piqs.quantum_fisher_information(rho, axis) == pytest.approx(full_fisher(full, J), abs=1e-11)
        assert piqs.quantum_fisher_information(rho, piqs.jspin(N, axis)) == pytest.approx(
            full_fisher(full, J), abs=1e-11
        )
    tilted = sum(c * J for c, J in zip(AXIS / np.linalg.norm(AXIS), spin, strict=True))
    assert piqs.quantum_fisher_information(rho, AXIS) == pytest.approx(full_fisher(full, tilted), abs=1e-11)
    twist = piqs.jspin(N, "z") @ piqs.jspin(N, "z") + piqs.jspin(N, "x")
    assert piqs.quantum_fisher_information(rho, twist) == pytest.approx(
        full_fisher(full, spin[2] @ spin[2] + spin[0]), abs=1e-10
    )
    matrix = [[full_fisher(full, A, B) for B in spin] for A in spin]
    assert np.allclose(piqs.qfi_matrix(rho), matrix, atol=1e-11)
    axis, fisher = piqs.optimal_axis(rho)
    assert fisher == pytest.approx(piqs.quantum_fisher_information(rho, axis), abs=1e-11)
    assert fisher == pytest.approx(np.linalg.eigvalsh(matrix)[-1], abs=1e-11)


@pytest.mark.parametrize("N", [2, 9, 40])
def test_fisher_information_of_known_states(N):
    for axis in ("x", "y", "z"):
        assert piqs.quantum_fisher_information(piqs.dicke(N, N / 2, N / 2 - 1), axis) == pytest.approx(
            {"z": 0}.get(axis, 2 * (N / 2 * (N / 2 + 1) - (N / 2 - 1) ** 2)), abs=1e-9
        )
        assert piqs.quantum_fisher_information(piqs.thermal(N, temperature=np.inf), axis) == pytest.approx(
            0, abs=1e-12
        )
    assert piqs.quantum_fisher_information(piqs.ghz(N)) == pytest.approx(N**2, abs=1e-9)
    assert piqs.quantum_fisher_information(piqs.css_ket(N)) == pytest.approx(N, abs=1e-10)
    # a product of N emitters in one mixed state, r = tanh(w/2T): N r^2
    mixed = piqs.thermal(N, temperature=0.7)
    assert piqs.quantum_fisher_information(mixed, "x") == pytest.approx(N * np.tanh(1 / 1.4) ** 2, rel=1e-10)


@pytest.mark.parametrize("N", [2, 3, 5])
def test_classical_fisher_information(N):
    rho = random_state(N)
    full, spin = to_full(N, rho.full()), full_spin(N)

    def probabilities(direction, generator, phase):
        U = (-1j * phase * Qobj(generator)).expm().full()
        values, vectors = np.linalg.eigh(direction)
        p = np.diag(vectors.conj().T @ U @ full @ U.conj().T @ vectors).real
        return np.array([p[np.abs(values - m) < 1e-8].sum() for m in N / 2 - np.arange(N + 1)])

    for direction, generator in (("y", "z"), ("z", "x"), ("x", "z")):
        D, G = spin["xyz".index(direction)], spin["xyz".index(generator)]
        slope = (probabilities(D, G, 1e-5) - probabilities(D, G, -1e-5)) / 2e-5
        expected = np.sum(slope**2 / probabilities(D, G, 0))
        found = piqs.fisher_information(rho, direction, generator)
        assert found == pytest.approx(expected, rel=1e-7)  # a central difference in the phase
        assert found <= piqs.quantum_fisher_information(rho, generator) + 1e-12
    m = piqs.quantum_numbers(N)[1]
    effects = [Qobj(np.diag((m == value).astype(float))) for value in np.unique(m)]
    assert piqs.fisher_information(rho, effects, "x") == pytest.approx(
        piqs.fisher_information(rho, "z", "x"), rel=1e-12
    )
    assert piqs.fisher_information(rho, [0, 0, -1], "x") == pytest.approx(
        piqs.fisher_information(rho, "z", "x"), rel=1e-12
    )


@pytest.mark.parametrize("N", [1, 2, 4, 6])
@pytest.mark.parametrize("axis", ["z", "x", AXIS])
def test_multiple_quantum_coherence(N, axis):
    rho = random_state(N)
    full, spin = to_full(N, rho.full()), full_spin(N)
    n = (
        dict(zip("xyz", np.eye(3), strict=True)).get(axis)
        if isinstance(axis, str)
        else AXIS / np.linalg.norm(AXIS)
    )
    J = sum(c * S for c, S in zip(n, spin, strict=True))
    values, vectors = np.linalg.eigh(J)
    rotated = np.abs(vectors.conj().T @ full @ vectors) ** 2
    order = np.rint(np.subtract.outer(values, values)).astype(int)
    expected = [rotated[order == q].sum() for q in range(-N, N + 1)]
    orders, intensities = piqs.multiple_quantum_coherence(rho, axis)
    assert np.array_equal(orders, np.arange(-N, N + 1))
    assert np.allclose(intensities, expected, atol=1e-14)
    assert intensities.sum() == pytest.approx(piqs.purity_dicke(rho), abs=1e-14)
    assert piqs.coherence_bound(rho, axis) <= piqs.quantum_fisher_information(rho, axis) + 1e-12


def test_the_coherence_bound_is_tight_for_pure_states():
    for ket in (piqs.css_ket(12, 0.6, 0.8j), piqs.ghz_ket(12), piqs.dicke_ket(12, 6, 2)):
        for axis in ("x", "z"):
            assert piqs.coherence_bound(ket, axis) == pytest.approx(
                piqs.quantum_fisher_information(ket, axis), abs=1e-10
            )


@pytest.mark.parametrize("N", [2, 3, 6])
def test_squeezing_of_random_states_is_the_least_of_all_directions(N):
    rho = random_state(N, 3)
    full, spin = to_full(N, rho.full()), full_spin(N)
    mean = np.array([np.trace(full @ J).real for J in spin])
    n1 = np.cross(mean, [0.3, 0.1, 0.9])
    n1 /= np.linalg.norm(n1)
    n2 = np.cross(mean, n1) / np.linalg.norm(mean)

    def variance(axis):
        J = sum(c * S for c, S in zip(axis, spin, strict=True))
        return np.trace(full @ J @ J).real - np.trace(full @ J).real ** 2

    angles = np.linspace(0, np.pi, 20001)
    v = np.array([variance(n1), variance(n2), variance((n1 + n2) / np.sqrt(2))])
    covariance = v[2] - (v[0] + v[1]) / 2
    scan = v[0] * np.cos(angles) ** 2 + v[1] * np.sin(angles) ** 2 + covariance * np.sin(2 * angles)
    found = piqs.squeezing_parameters(rho)
    assert found.variance == pytest.approx(scan.min(), rel=1e-6)  # the grid of angles
    assert found.variance == pytest.approx(variance(found.axis), abs=1e-12)
    assert found.wineland == pytest.approx(N * found.variance / (mean @ mean), rel=1e-12)
    assert found.kitagawa_ueda == pytest.approx(4 * found.variance / N, rel=1e-12)
    assert np.allclose(found.mean_spin, mean, atol=1e-13)
    assert abs(found.axis @ mean) < 1e-12
    assert piqs.squeezing_decibels(rho) == pytest.approx(10 * np.log10(found.wineland))


def test_squeezing_angle_of_one_axis_twisting():
    # M. Kitagawa and M. Ueda, Phys. Rev. A 47, 5138 (1993): delta = arctan(B/A)/2 from the z axis, in the yz plane
    N, mu = 20, 0.15
    m = N / 2 - np.arange(N + 1)
    ket = piqs.css_ket(N).full().ravel()
    ket[: N + 1] *= np.exp(-0.5j * mu * m**2)
    A = 1 - np.cos(mu) ** (N - 2)
    B = 4 * np.sin(mu / 2) * np.cos(mu / 2) ** (N - 2)
    found = piqs.squeezing_parameters(Qobj(ket))
    delta = np.arctan2(B, A) / 2
    expected = np.array([0, -np.sin(delta), np.cos(delta)])
    assert abs(found.axis @ expected) == pytest.approx(1, abs=1e-10)
    # n1 is y and n2 is -z for a mean spin along x
    assert found.axis == pytest.approx(
        np.cos(found.angle) * np.eye(3)[1] - np.sin(found.angle) * np.eye(3)[2], abs=1e-10
    )


def test_entanglement_depth_from_the_fisher_information():
    N = 12
    assert piqs.entanglement_depth(piqs.ghz(N)) == N
    assert piqs.entanglement_depth(piqs.css(N, 0.6, 0.8)) == 1
    assert piqs.entanglement_depth(piqs.thermal(N, temperature=np.inf)) == 1
    # a twin Fock state: N(N+2)/2 = 84; groups of at most 7 reach 7^2 + 5^2 = 74, of 8 reach 80, of 9 reach 90
    assert piqs.entanglement_depth(piqs.superradiant(N)) == 9


def test_smallest_variance_of_a_spin():
    for x in (0.1, 0.5, 0.9, 0.99):
        assert smallest_variance(0.5, x) == pytest.approx(x**2 / 2)
        # Sorensen and Molmer, below their Eq. (4)
        assert smallest_variance(1.0, x) == pytest.approx((1 - np.sqrt(1 - x**2)) / 2, abs=1e-7)
    rng = np.random.default_rng(1)
    for J in (1.5, 2.0):  # no state of the spin is below
        spin = [S.full() for S in qutip.jmat(J)]
        for _ in range(25):
            ground = np.linalg.eigh(
                spin[2] @ spin[2] - rng.uniform(0, 1) * spin[2] - rng.exponential(1) * spin[0]
            )[1][:, 0]
            mean = [np.vdot(ground, S @ ground).real for S in spin]
            variance = np.vdot(ground, spin[2] @ spin[2] @ ground).real - mean[2] ** 2
            assert variance / J >= smallest_variance(J, abs(mean[0]) / J) - 1e-7


def test_entanglement_depth_from_squeezing():
    N = 12
    assert piqs.entanglement_depth(piqs.css(N), "squeezing") == 1
    assert piqs.entanglement_depth(piqs.superradiant(N), "squeezing") == 1  # no mean spin
    # the ground state of a whole ensemble of spin J = N/2: all of it is entangled
    Jz, Jx = piqs.jspin(N, "z"), piqs.jspin(N, "x")
    symmetric = (Jz @ Jz - 2 * Jx).full()[: N + 1, : N + 1]
    ket = np.zeros(piqs.num_dicke_states(N))
    ket[: N + 1] = np.linalg.eigh(symmetric)[1][:, 0].real
    assert piqs.entanglement_depth(Qobj(ket), "squeezing") == N
    # pairs in that state, mixed over all pairings by permutation symmetry, need no more than pairs
    pair = np.linalg.eigh((piqs.jspin(2, "z") ** 2 - 0.5 * piqs.jspin(2, "x")).full()[:3, :3])[1][:, 0]
    assert piqs.entanglement_depth(pairs_of(pair.real), "squeezing") == 2


def pairs_of(triplet):
    """Six emitters in three pairs of one symmetric state each, averaged over permutations."""
    from tests.brute_force import to_dicke

    r = np.sqrt(0.5)
    one = np.array([[1, 0, 0], [0, r, 0], [0, r, 0], [0, 0, 1]]) @ triplet
    ket = np.kron(np.kron(one, one), one)
    return Qobj(to_dicke(6, np.outer(ket, ket.conj())))


@pytest.mark.parametrize("N", [2, 3, 6])
def test_spin_squeezing_inequalities_of_random_states(N):
    rho = random_state(N, 7)
    full, spin = to_full(N, rho.full()), full_spin(N)
    mean = np.array([np.trace(full @ J).real for J in spin])
    C = np.array([[np.trace(full @ (A @ B + B @ A)).real / 2 for B in spin] for A in spin])
    var = C - np.outer(mean, mean)
    rng = np.random.default_rng(2)
    found = piqs.spin_squeezing_inequalities(rho)
    assert found["length"].violation == pytest.approx(np.trace(C) - N * (N + 2) / 4, abs=1e-11)
    assert found["singlet"].violation == pytest.approx(N / 2 - np.trace(var), abs=1e-11)
    for axes in [np.linalg.qr(rng.normal(size=(3, 3)))[0].T for _ in range(300)]:
        k, other, m = axes
        dicke = k @ C @ k + other @ C @ other - N / 2 - (N - 1) * (m @ var @ m)
        planar = m @ C @ m + N * (N - 2) / 4 - (N - 1) * (k @ var @ k + other @ var @ other)
        assert dicke <= found["dicke"].violation + 1e-11
        assert planar <= found["planar"].violation + 1e-11
    m = found["dicke"].axis
    dicke = np.trace(C) - m @ C @ m - N / 2 - (N - 1) * (m @ var @ m)
    assert dicke == pytest.approx(found["dicke"].violation, abs=1e-11)
    m = found["planar"].axis
    planar = m @ C @ m + N * (N - 2) / 4 - (N - 1) * (np.trace(var) - m @ var @ m)
    assert planar == pytest.approx(found["planar"].violation, abs=1e-11)


def test_which_inequality_is_violated():
    def violated(rho):
        return {name for name, found in piqs.spin_squeezing_inequalities(rho).items() if found.violated}

    for separable in (
        piqs.css(40),
        piqs.css(7, 0.6, 0.8j),
        piqs.thermal(8, temperature=np.inf),
        piqs.excited(100),
    ):
        assert violated(separable) == set()
    assert violated(piqs.dicke(8, 0, 0)) == {"singlet", "planar"}  # of singlets
    assert violated(piqs.superradiant(8)) == {"dicke"}
    assert violated(piqs.dicke(3, 1.5, 0.5)) == {"dicke"}  # the W state


@pytest.mark.parametrize(
    "measure",
    [
        piqs.quantum_fisher_information,
        piqs.qfi_matrix,
        piqs.optimal_axis,
        lambda rho: piqs.fisher_information(rho, "y"),
        piqs.multiple_quantum_coherence,
        piqs.squeezing_parameters,
        piqs.spin_squeezing,
        piqs.entanglement_depth,
        piqs.spin_squeezing_inequalities,
        piqs.pair_correlations,
        piqs.ladder_populations,
        piqs.spin_projections,
        piqs.concurrence,
        lambda rho: piqs.reduced_state(rho, 1),
        lambda rho: piqs.negativity(rho, 1),
        lambda rho: piqs.cut_entropy(rho, 1),
        lambda rho: piqs.mutual_information(rho, 1),
        lambda rho: piqs.fidelity(rho, piqs.excited(3)),
        lambda rho: piqs.trace_distance(piqs.excited(3), rho),
        lambda rho: piqs.relative_entropy(rho, piqs.excited(3)),
    ],
)
def test_what_is_no_state_is_refused(measure):
    crossing = np.diag([0.25, 0.25, 0.25, 0, 0.25, 0]).astype(complex)
    crossing[0, 4] = crossing[4, 0] = 0.1
    negative = np.diag([1.5, -0.5, 0, 0, 0, 0])
    hidden = piqs.excited(3).full()
    hidden[0, 1] = hidden[1, 0] = 0.9  # eigenvalues of both signs
    for state, message in (
        (Qobj(crossing), "block diagonal in j"),
        (Qobj(negative), "no negative population"),
        (Qobj(hidden), "no negative eigenvalue"),
        (2 * piqs.excited(3), "trace 1"),
        (piqs.jspin(3, "z"), "trace 1"),
        (piqs.jspin(3, "+"), "Hermitian"),
        (Qobj(np.eye(5) / 5), "n_DS"),
        (np.nan * piqs.excited(3), "NaN"),
        (2 * piqs.excited_ket(3), "normalised"),
        (
            piqs.dicke_ket(3, 0.5, 0.5) / np.sqrt(2) + piqs.excited_ket(3) / np.sqrt(2),
            "coherence between two j",
        ),
        (piqs.excited_ket(3).dag(), "ket or a density matrix"),
        (piqs.excited(3, basis="uncoupled"), "uncoupled_to_dicke"),
        (
            qutip.tensor(piqs.excited(3), qutip.fock_dm(5, 0)),
            r"`\w+.ptrace\(0\)` keeps part 0 \(6 kets: N = 3",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            measure(state)
    with pytest.raises(TypeError, match="Qobj"):
        measure(piqs.excited(3).full())


def test_other_bad_input_is_named():
    rho = piqs.css(3)
    for call, message in (
        (lambda: piqs.quantum_fisher_information(rho, piqs.jspin(4, "z")), "N = 3 emitters"),
        (lambda: piqs.quantum_fisher_information(rho, piqs.jspin(3, "+")), "generator must be Hermitian"),
        (lambda: piqs.quantum_fisher_information(rho, "w"), "generator must be one of"),
        (lambda: piqs.quantum_fisher_information(rho, [0, 0, 0]), "other than zero"),
        (lambda: piqs.fisher_information(rho, [piqs.jspin(3, "z")]), "positive operator"),
        (lambda: piqs.fisher_information(rho, [piqs.excited(3)]), "sum to the identity"),
        (lambda: piqs.entanglement_depth(rho, "wineland"), "witness must be one of"),
        (lambda: piqs.reduced_state(rho, 4), "at most N = 3"),
        (lambda: piqs.reduced_state(rho, 0), "at least 1"),
        (lambda: piqs.negativity(rho, 3), "at least one emitter on the other side"),
        (lambda: piqs.cut_entropy(rho, 1, base=1), "base must be larger than 1"),
        (lambda: piqs.fidelity(rho, piqs.css(4)), "same number of emitters"),
        (lambda: piqs.pair_correlations(piqs.css(1)), "at least two emitters"),
        (lambda: piqs.concurrence(piqs.css(1)), "at least two emitters"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
