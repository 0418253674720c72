"""Reduced states, negativity, entropies and distances against 2^N brute force and closed forms."""

import numpy as np
import pytest
import qutip
from qutip import Qobj
from scipy.special import comb

import piqs
from tests.brute_force import random_blocks, to_dicke, to_full

CUTS = [(N, k) for N in range(2, 7) for k in range(1, N)]


def random_state(N, seed=0):
    return Qobj(random_blocks(N, np.random.default_rng(seed + 10 * N), state=True))


def entangled_state(N, seed=0):
    """Mostly one random symmetric ket, so that its partial transposes are negative."""
    rng = np.random.default_rng(seed + N)
    ket = np.zeros(piqs.num_dicke_states(N), dtype=complex)
    ket[: N + 1] = rng.normal(size=N + 1) + 1j * rng.normal(size=N + 1)
    return 0.8 * Qobj(ket).unit().proj() + 0.2 * random_state(N, seed)


def full_qobj(rho):
    N = piqs.num_tls(rho.shape[0])
    return Qobj(to_full(N, rho.full()), dims=[[2] * N, [2] * N])


def entropy(p):
    p = p[p > 1e-15]
    return -np.sum(p * np.log(p))


@pytest.mark.parametrize(("N", "k"), CUTS)
def test_reduced_states(N, k):
    rho = random_state(N)
    full = full_qobj(rho)
    expected = to_dicke(k, full.ptrace(list(range(k))).full())
    found = piqs.reduced_state(rho, k)
    assert found.dims == [[piqs.num_dicke_states(k)]] * 2
    assert np.allclose(found.full(), expected, atol=1e-14)
    # any k of them
    assert np.allclose(expected, to_dicke(k, full.ptrace(list(range(N - k, N))).full()), atol=1e-14)


def test_reduced_states_of_known_states():
    N = 100
    assert np.allclose(
        piqs.reduced_state(piqs.css_ket(N, 0.6, 0.8j), 10).full(), piqs.css(10, 0.6, 0.8j).full(), atol=1e-13
    )
    assert np.allclose(
        piqs.reduced_state(piqs.thermal(N, temperature=0.8), 7).full(),
        piqs.thermal(7, temperature=0.8).full(),
        atol=1e-13,
    )
    # |N/2, m> with e excited emitters leaves i of k excited with the hypergeometric probability
    e, k = 37, 6
    found = piqs.reduced_state(piqs.dicke(N, N / 2, e - N / 2), k).diag()[: k + 1]
    i = np.arange(k, -1, -1)
    assert np.allclose(found, comb(e, i) * comb(N - e, k - i) / comb(N, k), atol=1e-13)
    # <J^2> = 0 gives two emitters the singlet weight 1/4 + 3/(4(N-1))
    pair = piqs.reduced_state(piqs.dicke(N, 0, 0), 2).diag()
    assert pair[3] == pytest.approx(1 / 4 + 3 / (4 * (N - 1)), abs=1e-13)


@pytest.mark.parametrize("N", [2, 3, 5])
def test_pair_correlations(N):
    rho = random_state(N)
    pair = full_qobj(rho).ptrace([0, 1])
    pauli = [qutip.sigmax(), qutip.sigmay(), qutip.sigmaz()]
    single, double = piqs.pair_correlations(rho)
    assert np.allclose(
        single, [qutip.expect(qutip.tensor(s, qutip.qeye(2)), pair) for s in pauli], atol=1e-14
    )
    assert np.allclose(
        double, [[qutip.expect(qutip.tensor(a, b), pair) for b in pauli] for a in pauli], atol=1e-13
    )


@pytest.mark.parametrize("N", [1, 2, 5, 6])
def test_distributions_over_ladders_and_projections(N):
    rho = random_state(N)
    j, p = piqs.ladder_populations(rho)
    assert np.array_equal(j, piqs.j_vals(N)[::-1])
    assert np.allclose(p, [np.trace(block).real for block in piqs.dicke_blocks(rho)], atol=1e-15)
    full = full_qobj(rho)
    for axis, sigma in (("z", qutip.sigmaz()), ("x", qutip.sigmax()), ("y", qutip.sigmay())):
        J = sum(qutip.tensor([sigma / 2 if i == n else qutip.qeye(2) for i in range(N)]) for n in range(N))
        values, vectors = J.eigenstates()
        weights = np.array([qutip.expect(full, v) for v in vectors])
        m, found = piqs.spin_projections(rho, axis)
        assert np.allclose(found, [weights[np.abs(values - x) < 1e-8].sum() for x in m], atol=1e-13)


@pytest.mark.parametrize(("N", "k"), CUTS)
@pytest.mark.parametrize("make", [random_state, entangled_state])
def test_negativity_of_random_states(N, k, make):
    rho = make(N)
    full = full_qobj(rho)
    mask = [n < k for n in range(N)]
    values = np.linalg.eigvalsh(qutip.partial_transpose(full, mask).full())
    expected = (np.abs(values).sum() - 1) / 2
    assert piqs.negativity(rho, k) == pytest.approx(expected, abs=1e-12)
    assert piqs.log_negativity(rho, k) == pytest.approx(np.log2(np.abs(values).sum()), abs=1e-11)


def test_random_states_that_conserve_something():
    # blocks that fall apart: diagonal in m, and of one parity
    N, rng = 6, np.random.default_rng(3)
    m = piqs.quantum_numbers(N)[1]
    parity = (np.subtract.outer(m, m) % 2 == 0).astype(float)
    for rho in (
        Qobj(np.diag(rng.dirichlet(np.full(m.size, 0.1)))),
        Qobj(entangled_state(N, 4).full() * parity),
        piqs.dicke(N, 2, 0),
        piqs.dicke(N, 0, 0),
    ):
        for k in range(1, N):
            values = np.linalg.eigvalsh(
                qutip.partial_transpose(full_qobj(rho), [n < k for n in range(N)]).full()
            )
            assert piqs.negativity(rho, k) == pytest.approx((np.abs(values).sum() - 1) / 2, abs=1e-12)


@pytest.mark.parametrize(("N", "k"), [(4, 2), (30, 11), (100, 50)])
def test_negativity_of_pure_states(N, k):
    assert piqs.negativity(piqs.ghz_ket(N), k) == pytest.approx(0.5, abs=1e-12)
    assert piqs.negativity(piqs.css_ket(N, 0.6, 0.8j), k) == pytest.approx(0, abs=1e-12)
    # the W state: Schmidt coefficients sqrt(k/N), sqrt(1 - k/N)
    w = piqs.dicke_ket(N, N / 2, 1 - N / 2)
    assert piqs.negativity(w, k) == pytest.approx(np.sqrt(k * (N - k)) / N, abs=1e-12)
    assert piqs.cut_entropy(w, k) == pytest.approx(entropy(np.array([k / N, 1 - k / N])), abs=1e-12)
    assert piqs.mutual_information(w, k) == pytest.approx(2 * piqs.cut_entropy(w, k), abs=1e-12)
    # |N/2, 0>: hypergeometric Schmidt coefficients
    e = N // 2
    i = np.arange(max(0, k - e), min(k, e) + 1)
    p = comb(k, i) * comb(N - k, e - i) / comb(N, e)
    assert piqs.negativity(piqs.superradiant(N), k) == pytest.approx(
        (np.sqrt(p).sum() ** 2 - 1) / 2, abs=1e-11
    )


def test_negativity_of_a_mixture_of_ghz_and_noise():
    # p GHZ + (1-p) of all excited or all down: only the coherence p/2 between |e..e> and |g..g> is transposed
    N, p = 40, 0.3
    rho = p * piqs.ghz(N) + (1 - p) * (piqs.excited(N) + piqs.ground(N)) / 2
    assert piqs.negativity(rho, 13) == pytest.approx(p / 2, abs=1e-12)


@pytest.mark.parametrize("N", [2, 3, 6])
@pytest.mark.parametrize("make", [random_state, entangled_state])
def test_concurrence(N, make):
    rho = make(N)
    assert piqs.concurrence(rho) == pytest.approx(
        qutip.concurrence(full_qobj(rho).ptrace([0, N - 1])), abs=1e-8
    )  # QuTiP takes roots of eigenvalues that are zero up to 1e-16


@pytest.mark.parametrize("N", [2, 10, 100])
def test_concurrence_of_known_states(N):
    assert piqs.concurrence(piqs.dicke(N, N / 2, 1 - N / 2)) == pytest.approx(2 / N, abs=1e-13)
    assert piqs.concurrence(piqs.css_ket(N, 0.6, 0.8)) == pytest.approx(0, abs=1e-7)
    assert piqs.concurrence(piqs.ghz(N)) == pytest.approx(1 if N == 2 else 0, abs=1e-12)
    m = N // 2 - 1  # X. Wang and K. Molmer (2002), Eq. (25)
    expected = (N**2 - 4 * m**2 - np.sqrt((N**2 - 4 * m**2) * ((N - 2) ** 2 - 4 * m**2))) / (2 * N * (N - 1))
    assert piqs.concurrence(piqs.dicke(N, N / 2, m)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("N", "k"), CUTS)
def test_entropies_of_cuts(N, k):
    rho = random_state(N)
    full = full_qobj(rho)
    parts = [full.ptrace(list(range(k))), full.ptrace(list(range(k, N))), full]
    S = [entropy(np.linalg.eigvalsh(part.full())) for part in parts]
    assert piqs.cut_entropy(rho, k) == pytest.approx(S[0], abs=1e-12)
    assert piqs.cut_entropy(rho, k, base=2) == pytest.approx(S[0] / np.log(2), abs=1e-12)
    assert piqs.mutual_information(rho, k) == pytest.approx(S[0] + S[1] - S[2], abs=1e-12)
    assert piqs.cut_entropy(rho, N) == pytest.approx(piqs.entropy_vn_dicke(rho), abs=1e-12)


@pytest.mark.parametrize("N", [1, 2, 3, 5])
def test_distances(N):
    rho, sigma = random_state(N, 1), entangled_state(N, 2)
    full = [full_qobj(state) for state in (rho, sigma)]
    assert piqs.fidelity(rho, sigma) == pytest.approx(qutip.fidelity(*full), abs=1e-7)  # roots of eigenvalues
    difference = np.linalg.eigvalsh((full[0] - full[1]).full())
    assert piqs.trace_distance(rho, sigma) == pytest.approx(np.abs(difference).sum() / 2, abs=1e-13)
    p, v = np.linalg.eigh(full[0].full())
    q, w = np.linalg.eigh(full[1].full())
    overlap = np.abs(v.conj().T @ w) ** 2
    expected = -entropy(p) - np.sum(p[:, None] * overlap * np.log(q))
    assert piqs.relative_entropy(rho, sigma) == pytest.approx(expected, abs=1e-11)
    assert piqs.fidelity(rho, rho) == pytest.approx(1, abs=1e-12)
    assert piqs.trace_distance(rho, rho) == 0
    assert piqs.relative_entropy(rho, rho) == pytest.approx(0, abs=1e-12)


def test_distances_of_known_states():
    N = 60
    a, b = piqs.css_ket(N, 1, 0), piqs.css_ket(N, np.cos(0.1), np.sin(0.1))
    overlap = np.cos(0.1) ** N
    assert piqs.fidelity(a, b) == pytest.approx(overlap, abs=1e-13)
    assert piqs.trace_distance(a, b) == pytest.approx(np.sqrt(1 - overlap**2), abs=1e-12)
    assert piqs.relative_entropy(a, b) == np.inf
    # two products of N mixed emitters: N times the relative entropy of one
    hot, cold = piqs.thermal(N, temperature=2.0), piqs.thermal(N, temperature=0.5)
    p, q = [np.array([np.exp(-1 / (2 * T)), np.exp(1 / (2 * T))]) for T in (2.0, 0.5)]
    p, q = p / p.sum(), q / q.sum()
    assert piqs.relative_entropy(hot, cold) == pytest.approx(N * np.sum(p * np.log(p / q)), rel=1e-11)
    assert piqs.fidelity(hot, cold) == pytest.approx(np.sum(np.sqrt(p * q)) ** N, rel=1e-10)


def test_states_of_composites_and_of_emitters_with_three_levels():
    # the same formulas on any space: against the product of all emitters and the mode
    rng = np.random.default_rng(5)
    system = piqs.Composite(atoms=piqs.Dicke(3), cavity=piqs.Mode(3))
    levels = piqs.Ensemble(3, levels=3)

    def expanded_composite(rho):
        parts = rho.full().reshape(6, 3, 6, 3)
        return sum(
            np.kron(to_full(3, parts[:, a, :, b]), np.eye(3)[:, [a]] @ np.eye(3)[[b]])
            for a in range(3)
            for b in range(3)
        )

    def random(space):
        matrix = rng.normal(size=(space.size, space.size)) + 1j * rng.normal(size=(space.size, space.size))
        if space.blocks is not None:
            matrix = matrix * np.equal.outer(space.blocks, space.blocks)
        matrix = matrix @ matrix.conj().T
        return Qobj(matrix / np.trace(matrix), dims=space.operator_dims)

    number = qutip.num(3)
    composite_generator = system.embed("atoms", piqs.jspin(3, "x")) + system.embed("cavity", number)
    cases = [
        (system.space, expanded_composite, composite_generator, None),
        (levels.space, lambda rho: levels.to_uncoupled(rho).full(), levels.number("1"), None),
    ]
    full_x = sum(
        qutip.tensor([qutip.sigmax() / 2 if i == n else qutip.qeye(2) for i in range(3)]) for n in range(3)
    ).full()
    generators = [
        np.kron(full_x, np.eye(3)) + np.kron(np.eye(8), number.full()),
        levels.to_uncoupled(levels.number("1"), "operator").full(),
    ]
    for (space, expand, generator, _), A in zip(cases, generators, strict=True):
        rho, sigma = random(space), random(space)
        first, second = (Qobj(expand(state)) for state in (rho, sigma))
        assert piqs.purity(rho, space) == pytest.approx(first.purity(), abs=1e-13)
        assert piqs.entropy(rho, space=space) == pytest.approx(
            entropy(np.linalg.eigvalsh(first.full())), abs=1e-12
        )
        assert piqs.fidelity(rho, sigma, space) == pytest.approx(qutip.fidelity(first, second), abs=1e-7)
        assert piqs.trace_distance(rho, sigma, space) == pytest.approx(
            qutip.tracedist(first, second), abs=1e-12
        )
        assert piqs.relative_entropy(rho, sigma, space=space) == pytest.approx(
            qutip.entropy_relative(first, second), abs=1e-9
        )
        p, v = np.linalg.eigh(first.full())
        elements = np.abs(v.conj().T @ A @ v) ** 2
        total = np.add.outer(p, p)
        weight = np.divide(np.subtract.outer(p, p) ** 2, total, out=np.zeros_like(total), where=total > 1e-12)
        assert piqs.quantum_fisher_information(rho, generator, space) == pytest.approx(
            2 * np.sum(weight * elements), abs=1e-11
        )
    with pytest.raises(ValueError, match="must have the dims"):
        piqs.purity(piqs.css(3), system.space)
    with pytest.raises(TypeError, match="generator must be a Qobj"):
        piqs.quantum_fisher_information(rho, "x", levels.space)
    with pytest.raises(ValueError, match="N = 4 emitters, got N = 3"):
        piqs.purity(piqs.css(3), piqs.DickeSpace(4))
