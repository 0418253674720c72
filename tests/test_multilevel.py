"""Kets, operators and states of emitters with d levels, against exact counts, identities and the full d^N space."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.linalg import expm

import product_space as ps
from piqs.operators.jumps import collective_matrix, local_jumps
from piqs.operators.multilevel import LevelOperators, TwoLevelOperators, level_operators
from piqs.operators.removal import Removal
from piqs.spaces.dicke import num_dicke_states, quantum_numbers, state_degeneracy
from piqs.spaces.multilevel import MultilevelSpace
from piqs.spaces.young import (
    irrep_dimension,
    irrep_multiplicity,
    num_irreps,
    num_multilevel_elements,
    num_multilevel_kets,
    young_diagrams,
)
from piqs.states import multilevel as states

SIZES = [(1, 4), (2, 1), (2, 30), (3, 1), (3, 20), (4, 8), (6, 3), (8, 3)]
LARGE = pytest.param(3, 30, marks=pytest.mark.slow)
BRUTE_FORCE = [(2, 4), (2, 5), (3, 2), (3, 3), (3, 4), (4, 2), (4, 3), (5, 2)]


@pytest.mark.parametrize(("d", "N"), SIZES)
def test_counts_are_exact(d, N):
    kets = MultilevelSpace(N, d)
    dimensions = [irrep_dimension(nu) for nu in kets.diagrams]
    copies = [irrep_multiplicity(nu) for nu in kets.diagrams]
    assert kets.size == num_multilevel_kets(N, d) == sum(dimensions)
    assert len(kets.diagrams) == num_irreps(N, d)
    assert np.diff(kets.offsets).tolist() == dimensions
    assert num_multilevel_elements(N, d) == math.comb(N + d * d - 1, N) == sum(x * x for x in dimensions)
    assert sum(x * f for x, f in zip(dimensions, copies, strict=True)) == d**N
    assert np.array_equal(kets.index(kets.patterns), np.arange(kets.size))
    assert np.all(kets.occupations.sum(axis=1) == N)
    pi, w = kets.corners
    assert np.allclose(w.sum(axis=1), N, rtol=0, atol=1e-12 * N)
    assert np.allclose(pi.sum(axis=1), d, rtol=0, atol=1e-12 * d)


def sector(space):
    return space.representations["equal occupations, real"]


def test_counts_of_the_table():
    assert [num_multilevel_kets(N, 3) for N in (2, 10, 20, 40)] == [9, 630, 9009, 180642]
    assert [num_multilevel_kets(N, 4) for N in (2, 10, 20)] == [16, 6512, 408408]
    assert [sector(MultilevelSpace(N, 3)) for N in (2, 5, 10, 20)] == [9, 78, 861, 17094]
    assert sector(MultilevelSpace(8, 4)) == 3689
    assert [num_irreps(N, 4) for N in (20, 50)] == [108, 1154]
    assert num_multilevel_elements(300, 3) == math.comb(308, 8)


def test_two_levels_are_the_dicke_kets():
    for N in (1, 2, 7, 12):
        kets, (j, m) = MultilevelSpace(N, 2), quantum_numbers(N)
        assert kets.size == num_dicke_states(N)
        assert np.array_equal((kets.diagrams[:, 0] - kets.diagrams[:, 1])[kets.irrep] / 2, j)
        assert np.array_equal((kets.occupations[:, 0] - kets.occupations[:, 1]) / 2, m)
        assert [irrep_multiplicity(nu) for nu in kets.diagrams] == [
            state_degeneracy(N, N / 2 - k) for k in range(N // 2 + 1)
        ]


@pytest.mark.parametrize(("d", "N"), [*SIZES[2:], LARGE])
def test_coefficients_are_orthonormal_complete_and_intertwine(d, N):
    kets = MultilevelSpace(N, d)
    large, small = LevelOperators(kets), LevelOperators(kets.smaller()) if N > 1 else None
    C = {(j, k): large.removal.matrix(j, k) for j in range(d) for k in range(d)}
    w = kets.corners[1][kets.irrep]
    for k in range(d):
        for q in range(d):
            exact = sp.diags_array((k == q) * (w[:, k] > 0).astype(float))
            assert abs(sum(C[j, k].T @ C[j, q] for j in range(d)) - exact).max() < 1e-14
    one = sp.eye_array(large.removal.small_size)
    for i in range(d):
        for j in range(d):
            assert abs(sum(C[i, k] @ C[j, k].T for k in range(d)) - (i == j) * one).max() < 1e-14
    if small:
        x = np.random.default_rng(d).normal(size=(d, d))
        E, F = large.collective(x), small.collective(x)
        for j in range(d):
            for k in range(d):
                change = C[j, k] @ E - F @ C[j, k] - sum(x[j, b] * C[b, k] for b in range(d))
                assert abs(change).max() < 4e-15 * N * np.abs(x).sum()


def gelfand_tsetlin(kets, s):
    """E_{s,s+1} by the formula of Gelfand and Tsetlin, s = 1 ... d-1: the route that knows nothing of the coefficients."""
    E = np.zeros((kets.size, kets.size))
    place = {tuple(pattern): n for n, pattern in enumerate(kets.patterns)}
    rows = {r: [kets.column(r, a) for a in range(r)] for r in range(1, kets.d + 1)}
    for n, pattern in enumerate(kets.patterns):
        values = {r: [int(pattern[c]) - a for a, c in enumerate(rows[r])] for r in rows}
        for a in range(s):
            target = pattern.copy()
            target[rows[s][a]] += 1
            if tuple(target) in place:
                here = values[s][a]
                top = math.prod(x - here for x in values[s + 1]) * math.prod(
                    x - here - 1 for x in values.get(s - 1, [])
                )
                others = [x - here for b, x in enumerate(values[s]) if b != a]
                E[place[tuple(target)], n] = math.sqrt(abs(top / math.prod(x * (x - 1) for x in others)))
    return E


@pytest.mark.parametrize(("d", "N"), [(2, 9), (3, 6), (4, 4), (6, 3)])
def test_collective_operators_are_those_of_gelfand_and_tsetlin(d, N):
    kets = MultilevelSpace(N, d)
    operators = LevelOperators(kets)
    E = {(i, i): operators.collective(ps.unit(d, i, i)).toarray() for i in range(d)}
    for i in range(d - 1):
        E[i, i + 1] = gelfand_tsetlin(kets, i + 1)
        E[i + 1, i] = E[i, i + 1].T
    for gap in range(2, d):
        for i in range(d - gap):
            E[i, i + gap] = E[i, i + 1] @ E[i + 1, i + gap] - E[i + 1, i + gap] @ E[i, i + 1]
            E[i + gap, i] = E[i, i + gap].T
    for (i, j), expected in E.items():
        ours = operators.collective(ps.unit(d, i, j))
        assert abs(ours.toarray() - expected).max() < 1e-14 * N
        assert np.count_nonzero(abs(expected) > 1e-12) == ours.nnz  # no entry is left over from rounding


@pytest.mark.parametrize(("d", "N"), BRUTE_FORCE)
def test_conversion_takes_collective_operators_to_themselves(d, N):
    """The words in these operators are all that is permutation invariant: the conversion is right for every one."""
    kets = MultilevelSpace(N, d)
    x = ps.random_matrix(np.random.default_rng(N), d)
    full, ours = ps.collective(d, N, x).toarray(), LevelOperators(kets).collective(x)
    assert abs(states.to_product_space(kets, ours, state=False) - full).max() < 1e-12
    assert abs(states.from_product_space(kets, full, state=False) - ours.toarray()).max() < 1e-12


@pytest.mark.parametrize(("d", "N"), BRUTE_FORCE)
@pytest.mark.parametrize("kind", ["complex with a trace", "traceless", "arrow", "projector"])
def test_lindbladian_is_that_of_the_product_space(d, N, kind):
    rng = np.random.default_rng(10 * d + N)
    kets = MultilevelSpace(N, d)
    operators = LevelOperators(kets)
    x = ps.random_matrix(rng, d)
    x = {
        "complex with a trace": x,
        "traceless": x - np.trace(x) / d * np.eye(d),
        "arrow": ps.unit(d, d - 1, 0),
        "projector": ps.unit(d, 1, 1),
    }[kind]
    y, h = ps.random_matrix(rng, d), rng.normal(size=(d, d))
    rho = ps.random_invariant(rng, d, N)
    H = ps.collective(d, N, h + h.T).toarray()
    after = (
        ps.local_noise(d, N, x, rho)
        + ps.dissipator(ps.collective(d, N, y).toarray(), rho)
        - 1j * (H @ H @ rho - rho @ H @ H)
    )
    small = states.from_product_space(kets, rho)
    E = operators.collective(h + h.T).toarray()
    jumps = [K.toarray() for K in operators.local(x)] + [operators.collective(y).toarray()]
    ours = sum(ps.dissipator(K, small) for K in jumps) - 1j * (E @ E @ small - small @ E @ E)
    expected = states.from_product_space(kets, after)
    assert len(jumps) <= d * d
    assert np.linalg.norm(ours - expected) < 1e-13 * np.linalg.norm(expected)
    assert abs(np.trace(ours)) < 1e-12 * np.linalg.norm(expected)


@pytest.mark.parametrize(
    ("d", "N"),
    [
        (3, 12),
        (4, 6),
        pytest.param(3, 30, marks=pytest.mark.slow),
        pytest.param(4, 8, marks=pytest.mark.slow),
    ],
)
def test_jumps_keep_the_trace_at_large_sizes(d, N):
    rng = np.random.default_rng(N)
    operators = LevelOperators(MultilevelSpace(N, d))
    x = ps.random_matrix(rng, d)
    x -= np.trace(x) / d * np.eye(d)
    jumps = operators.local(x)
    assert len(jumps) == d * d - 1
    total = sum(K.conj().T @ K for K in jumps)
    expected = operators.collective(x.conj().T @ x)
    assert abs(total - expected).max() < 2e-15 * N * np.linalg.norm(x) ** 2


@pytest.mark.parametrize("N", [1, 2, 7, 20])
def test_general_operators_at_two_levels_are_the_closed_forms(N):
    rng = np.random.default_rng(N)
    kets = MultilevelSpace(N, 2)
    general = LevelOperators(kets)
    assert isinstance(level_operators(kets), TwoLevelOperators)
    rho = rng.normal(size=(kets.size,) * 2) * (kets.irrep[:, None] == kets.irrep)
    for x in (
        ps.unit(2, 1, 0),
        ps.unit(2, 0, 1),
        np.diag([0.5, -0.5]),
        ps.random_matrix(rng, 2),
        ps.unit(2, 0, 0),
    ):
        assert abs(general.collective(x) - collective_matrix(N, x)).max() < 1e-13
        ours, closed = ([K.toarray() for K in general.local(x)], [K.full() for K in local_jumps(N, x)])
        change = [sum(ps.dissipator(K, rho) for K in jumps) for jumps in (ours, closed)]
        assert abs(change[0] - change[1]).max() < 1e-13 * max(1, abs(change[1]).max())
        assert all(
            abs(abs(a) - abs(b.toarray())).max() < 1e-13
            for a, b in zip(ours, _sorted(TwoLevelOperators(kets).local(x), ours), strict=True)
        )


def _sorted(candidates, jumps):
    """The candidates in the order of the jumps with the same entries."""
    return [min(candidates, key=lambda K, J=J: abs(abs(K.toarray()) - abs(J)).max()) for J in jumps]


@pytest.mark.slow
def test_emission_of_a_thousand_two_level_emitters():
    kets = MultilevelSpace(1000, 2)
    x = ps.unit(2, 1, 0)
    ours = LevelOperators(kets).local(x)
    closed = TwoLevelOperators(kets).local(x)
    for K in ours:
        assert min(abs(abs(K) - abs(J)).max() for J in closed) < 1e-12
    assert abs(LevelOperators(kets).collective(x) - collective_matrix(1000, x)).max() < 1e-11


def test_symmetric_irrep_alone():
    kets = MultilevelSpace(40, 3, [[40, 0, 0]])
    assert kets.size == math.comb(42, 2)
    operators = level_operators(kets)
    for i in range(3):
        for j in range(3):
            if i != j:
                n = kets.occupations
                E = operators.collective(ps.unit(3, i, j)).tocoo()
                assert np.array_equal(
                    n[E.row] - n[E.col],
                    np.tile(np.eye(3, dtype=int)[i] - np.eye(3, dtype=int)[j], (E.nnz, 1)),
                )
                assert np.allclose(E.data, np.sqrt(n[E.col, j] * (n[E.col, i] + 1.0)), rtol=1e-14)
    with pytest.raises(ValueError, match="leads out of"):
        operators.local(ps.unit(3, 1, 0))


@pytest.mark.parametrize(("d", "N"), [(2, 6), (3, 4), (4, 3)])
def test_product_states(d, N):
    rng = np.random.default_rng(d)
    kets = MultilevelSpace(N, d)
    sigma, tau = ps.random_state(rng, d), ps.random_state(rng, d)
    p = rng.dirichlet(np.ones(d))
    cases = [
        ([(sigma, N)], [sigma] * N),
        ([(np.diag(p), N)], [np.diag(p)] * N),
        ([(sigma, 1), (tau, N - 1)], [sigma] + [tau] * (N - 1)),
        ([(np.diag(p), N - 1), (tau, 1)], [np.diag(p)] * (N - 1) + [tau]),
    ]
    for given, matrices in cases:
        ours = states.product_state(kets, given)
        assert abs(states.to_product_space(kets, ours) - ps.symmetrised(matrices)).max() < 1e-15
        assert abs(ours.trace() - 1) < 1e-14
    n = np.bincount(np.arange(N) % d, minlength=d)
    mixed = sp.diags_array(states.mixed_occupation(kets, n))
    species = ps.symmetrised([ps.unit(d, k % d, k % d) for k in range(N)])
    assert abs(states.to_product_space(kets, mixed) - species).max() < 1e-15


@pytest.mark.parametrize(("d", "N"), [(2, 7), (3, 5), (4, 4)])
def test_pure_product_states(d, N):
    rng = np.random.default_rng(d)
    kets = MultilevelSpace(N, d)
    psi = rng.normal(size=d) + 1j * rng.normal(size=d)
    psi /= np.linalg.norm(psi)
    v = np.zeros(kets.size, dtype=complex)
    v[kets.symmetric] = states.product_amplitudes(kets, psi)
    assert (
        abs(states.product_state(kets, [(np.outer(psi, psi.conj()), N)]) - np.outer(v, v.conj())).max()
        < 1e-14
    )
    for n in np.unique(kets.occupations, axis=0):
        place = states.occupation_index(kets, n)
        assert kets.irrep[place] == 0
        assert np.array_equal(kets.occupations[place], n)


def test_product_state_of_low_rank_occupies_no_irrep_with_more_rows():
    rng = np.random.default_rng(3)
    kets = MultilevelSpace(6, 3)
    a = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
    sigma = a @ a.conj().T / np.linalg.norm(a) ** 2
    populations = states.product_state(kets, [(sigma, 6)]).diagonal().real
    inside = kets.diagrams[kets.irrep, 2] == 0
    assert abs(populations[inside].sum() - 1) < 1e-14
    assert np.all(populations[~inside] < 1e-15)


@pytest.mark.parametrize(("d", "N"), [(2, 6), (3, 4), (4, 3)])
def test_adding_and_removing_an_emitter(d, N):
    rng = np.random.default_rng(d)
    kets = MultilevelSpace(N, d)
    full, sigma = ps.random_invariant(rng, d, N), ps.random_state(rng, d)
    rho = sp.csr_array(states.from_product_space(kets, full))
    removed = states.remove_emitter(Removal(kets), rho)
    expected = np.trace(full.reshape(d ** (N - 1), d, d ** (N - 1), d), axis1=1, axis2=3)
    assert abs(states.to_product_space(kets.smaller(), removed) - expected).max() < 1e-15
    larger = MultilevelSpace(N + 1, d)
    added = states.add_emitter(Removal(larger), rho, sigma)
    again = states.remove_emitter(Removal(larger), added)
    once = states.add_emitter(Removal(kets), removed, sigma)
    assert abs(added.trace() - 1) < 1e-14
    # removing one of N + 1 emitters at random takes the new one in one of N + 1 cases
    assert abs(again - (rho + N * once) / (N + 1)).max() < 1e-15


def test_local_noise_alone_keeps_product_states():
    rng = np.random.default_rng(5)
    d, N, t = 3, 4, 0.7
    kets = MultilevelSpace(N, d)
    operators = LevelOperators(kets)
    h, x, sigma = ps.random_matrix(rng, d), ps.random_matrix(rng, d), ps.random_state(rng, d)
    h = h + h.conj().T
    one = expm(ps.liouvillian(sp.csr_array(h), [x]).toarray() * t) @ sigma.reshape(-1, order="F")
    L = ps.liouvillian(operators.collective(h), operators.local(x))
    start = states.product_state(kets, [(sigma, N)]).toarray().reshape(-1, order="F")
    after = sp.linalg.expm_multiply(L * t, start).reshape(kets.size, kets.size, order="F")
    expected = states.product_state(kets, [(one.reshape(d, d, order="F"), N)])
    assert abs(after - expected.toarray()).max() < 1e-13


def test_coefficients_that_do_not_fit_are_refused(monkeypatch):
    kets = MultilevelSpace(12, 3)
    monkeypatch.setattr("piqs._resources.NEGLIGIBLE", 0)
    monkeypatch.setattr("piqs._resources.available_bytes", lambda: 5e5)
    with pytest.raises(MemoryError, match="coefficients"):
        Removal(kets)


def test_bad_input():
    for wrong in ([[2, 1, 0]], [[1, 3, 0]], [[4, 0]], [[5, -1, 0]], [4, 0, 0], [[4.0, 0, 0]], []):
        with pytest.raises(ValueError, match="diagrams"):
            MultilevelSpace(4, 3, wrong)
    with pytest.raises(ValueError, match="N must be"):
        MultilevelSpace(0, 3)
    with pytest.raises(TypeError, match="d must be"):
        MultilevelSpace(3, "3")
    with pytest.raises(MemoryError, match="kets"):
        MultilevelSpace(10**4, 4)
    with pytest.raises(ValueError, match="do not increase"):
        irrep_dimension([1, 2])
    assert young_diagrams(1, 1).tolist() == [[1]]
    kets = MultilevelSpace(2, 3)
    lopsided = np.kron(ps.unit(3, 0, 0), np.eye(3)) / 3
    with pytest.raises(ValueError, match="exchanged"):
        states.from_product_space(kets, lopsided)
