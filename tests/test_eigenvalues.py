"""The Liouvillian's spectrum against dense diagonalisation on 2^N, collective spins, and closed forms."""

import numpy as np
import pytest
import qutip
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment

import brute_force
from piqs import Dicke, jspin, liouvillian_eigenvalues, liouvillian_gap, liouvillian_modes
from piqs.errors import ConvergenceError, IllConditionedWarning
from piqs.linear import arnoldi as rightmost
from piqs.linear import eigenvalue_error
from piqs.linear.eigenvalue_error import eigenvalue_errors
from piqs.liouville import AssembledGenerator
from piqs.solvers import eigenmodes as eigenvalues


def time_crystal(N, dephasing):
    return jspin(N, "x"), Dicke(N, dephasing=dephasing, collective_emission=1 / N).jump_operators()


def matched(found, expected, tolerance):
    """Each eigenvalue has a partner: the assignment with the smallest sum of distances."""
    distance = np.abs(found[:, None] - np.asarray(expected)[None, :])
    row, column = linear_sum_assignment(distance)
    return found.size == len(expected) and distance[row, column].max() < tolerance


def invariant_spectrum(N, H, jumps):
    """Eigenvalues of the full generator on the permutation-invariant operators of 2^N."""
    basis = [E for elements, _ in brute_force.ladder_operators(N) for row in elements for E in row]
    basis = np.array([E.ravel() / np.linalg.norm(E) for E in basis])
    image = []
    for vector in basis:
        E = vector.reshape(2**N, 2**N)
        image.append((-1j * (H @ E - E @ H) + sum(brute_force.dissipator(A, E) for A in jumps)).ravel())
    return np.linalg.eigvals(basis.conj() @ np.array(image).T)


def test_all_eigenvalues_are_those_on_all_emitters():
    N = 4
    rates = {"emission": 0.3, "dephasing": 0.5, "pumping": 0.2, "collective_emission": 0.4}
    sm, sz = qutip.sigmam(), qutip.sigmaz() / 2
    jumps = [np.sqrt(0.4) * brute_force.collective(N, sm)]
    for n in range(N):
        jumps += [np.sqrt(0.3) * brute_force.on_site(N, n, sm), np.sqrt(0.5) * brute_force.on_site(N, n, sz)]
        jumps.append(np.sqrt(0.2) * brute_force.on_site(N, n, sm.dag()))
    H = 0.7 * brute_force.collective(N, qutip.sigmax() / 2) + 0.2 * brute_force.collective(N, sz)
    found = liouvillian_eigenvalues(
        0.7 * jspin(N, "x") + 0.2 * jspin(N, "z"), Dicke(N, **rates).jump_operators(), N=N
    )
    expected = invariant_spectrum(N, H, jumps)
    assert matched(found, expected, 1e-11)
    assert np.all(np.diff(found.real) < 1e-10)
    gap = -np.sort(expected.real)[-2]
    np.testing.assert_allclose(
        liouvillian_gap(0.7 * jspin(N, "x") + 0.2 * jspin(N, "z"), Dicke(N, **rates).jump_operators(), N=N),
        gap,
        atol=1e-11,
    )


@pytest.mark.parametrize("N", [2, 5, 8])
def test_time_crystal_gap_against_dense_diagonalisation(N):
    """QuTiP's own generator, dense, its elements between different j left out (it is accurate to 1e-6)."""
    H, c_ops = time_crystal(N, 0.3)
    L = (
        qutip.liouvillian(H) + qutip.piqs.Dicke(N, dephasing=0.3, collective_emission=1 / N).lindbladian()
    ).full()
    j = np.concatenate([np.full(int(2 * j + 1), j) for j in np.arange(N / 2, -0.1, -1)])
    same = (j[:, None] == j[None, :]).ravel()
    values = np.linalg.eigvals(L[np.ix_(same, same)])
    assert liouvillian_gap(H, c_ops, N=N) == pytest.approx(-np.sort(values.real)[-2], abs=2e-6)


def test_without_local_noise_ladders_are_collective_spins():
    N = 8
    H, c_ops = time_crystal(N, 0.0)
    expected = []
    for j in range(N // 2 + 1):
        if j == 0:
            expected.append(np.zeros(1))
            continue
        L = qutip.liouvillian(qutip.jmat(j, "x"), [qutip.jmat(j, "-") / np.sqrt(N)])
        expected.append(np.linalg.eigvals(L.full()))
    found = liouvillian_eigenvalues(H, c_ops, N=N)
    # the spectrum is defective in places, where rounding moves eigenvalues by its root
    assert matched(found, np.concatenate(expected), 1e-6)
    assert np.sum(np.abs(found) < 1e-10) == N // 2 + 1
    spin = -np.sort(np.concatenate([values.real[np.abs(values) > 1e-9] for values in expected]))[-1]
    assert liouvillian_gap(H, c_ops, N=N) == pytest.approx(spin, abs=1e-9)
    # and the largest ladder by itself, which knows nothing of Dicke states
    alone = liouvillian_eigenvalues(qutip.jmat(4, "x"), [qutip.jmat(4, "-") / np.sqrt(N)], N=(None,))
    assert matched(alone, expected[-1], 1e-6)


@pytest.mark.parametrize("N", [3, 6])
def test_one_steady_state_for_each_ladder(N):
    c_ops = Dicke(
        N, collective_emission=1.0, collective_pumping=0.3, collective_dephasing=0.2
    ).jump_operators()
    values = liouvillian_eigenvalues(jspin(N, "z"), c_ops, N=N)
    assert np.sum(np.abs(values) < 1e-12 * N**2) == N // 2 + 1
    nearest = liouvillian_eigenvalues(jspin(N, "z"), c_ops, k=N // 2 + 2, which="SM", N=N)
    assert np.sum(np.abs(nearest) < 1e-12 * N**2) == N // 2 + 1


def test_one_atom():
    """0, -gamma, and -gamma/2 +- i omega."""
    values = liouvillian_eigenvalues(1.5 * qutip.sigmaz(), [np.sqrt(0.4) * qutip.sigmam()])
    np.testing.assert_allclose(values, [0, -0.2 - 3j, -0.2 + 3j, -0.4], atol=1e-14)
    nearest = liouvillian_eigenvalues(1.5 * qutip.sigmaz(), [np.sqrt(0.4) * qutip.sigmam()], k=2, which="SM")
    np.testing.assert_allclose(nearest, [0, -0.4], atol=1e-14)
    assert liouvillian_gap(1.5 * qutip.sigmaz()) == 0  # the coherence turns for ever
    with pytest.raises(ValueError, match="nothing moves"):
        liouvillian_gap(0 * qutip.sigmaz())


def test_damped_cavity():
    """-(kappa/2)(m + n) + i omega (m - n): exact in the truncated space too, for the generator is triangular."""
    kappa, omega, n = 0.3, 2.0, 6
    a = qutip.destroy(n)
    values = liouvillian_eigenvalues(omega * a.dag() * a, [np.sqrt(kappa) * a], N=(None,))
    p, q = np.meshgrid(np.arange(n), np.arange(n))
    expected = (-0.5 * kappa * (p + q) + 1j * omega * (p - q)).ravel()
    assert matched(values, expected, 1e-12)


def test_composite_system():
    """N = 2 and a cavity of two levels, against the invariant operators of 2^N times those of the cavity."""
    a = qutip.destroy(2)
    H = qutip.tensor(jspin(2, "x"), a + a.dag()) + qutip.tensor(jspin(2, "z"), qutip.qeye(2))
    c_ops = [qutip.tensor(c, qutip.qeye(2)) for c in Dicke(2, emission=0.7).jump_operators()]
    c_ops.append(qutip.tensor(qutip.qeye(4), a))
    found = liouvillian_eigenvalues(H, c_ops, N=(2, None))
    basis = []
    for elements, _ in brute_force.ladder_operators(2):
        for row in elements:
            for E in row:
                for i in range(2):
                    for k in range(2):
                        basis.append(np.kron(E, np.outer(np.eye(2)[i], np.eye(2)[k])).ravel())
    basis = np.array(basis)
    basis /= np.linalg.norm(basis, axis=1)[:, None]
    full_H = np.kron(brute_force.collective(2, qutip.sigmax() / 2), (a + a.dag()).full())
    full_H = full_H + np.kron(brute_force.collective(2, qutip.sigmaz() / 2), np.eye(2))
    jumps = [np.sqrt(0.7) * np.kron(brute_force.on_site(2, n, qutip.sigmam()), np.eye(2)) for n in range(2)]
    jumps.append(np.kron(np.eye(4), a.full()))
    image = []
    for vector in basis:
        X = vector.reshape(8, 8)
        image.append(
            (-1j * (full_H @ X - X @ full_H) + sum(brute_force.dissipator(A, X) for A in jumps)).ravel()
        )
    expected = np.linalg.eigvals(basis.conj() @ np.array(image).T)
    assert found.size == 40
    assert matched(found, expected, 1e-10)


def test_superoperator_gives_the_same():
    N = 3
    H, c_ops = time_crystal(N, 0.5)
    L = Dicke(N, hamiltonian=H, dephasing=0.5, collective_emission=1 / N).liouvillian()
    assert matched(liouvillian_eigenvalues(L, N=N), liouvillian_eigenvalues(H, c_ops, N=N), 1e-12)


@pytest.mark.parametrize("dephasing", [1.0, 0.05])
def test_arnoldi_finds_the_slowest(monkeypatch, dephasing):
    N = 12
    H, c_ops = time_crystal(N, dephasing)
    dense = liouvillian_eigenvalues(H, c_ops, N=N)
    monkeypatch.setattr(eigenvalues, "_DENSE", 30)
    few = liouvillian_eigenvalues(H, c_ops, k=7, N=N)
    np.testing.assert_allclose(few, dense[:7], atol=1e-9)
    nearest = liouvillian_eigenvalues(H, c_ops, k=7, which="SM", N=N)
    np.testing.assert_allclose(np.abs(nearest), np.sort(np.abs(dense))[:7], atol=1e-9)


def test_arnoldi_says_when_it_fails(monkeypatch):
    monkeypatch.setattr(rightmost, "_RESIDUAL", 0.0)
    monkeypatch.setattr(rightmost, "_ATTEMPTS", 2)
    wide = sp.csr_array(sp.diags_array(-np.linspace(1, 2, 400)) + sp.diags_array(np.ones(399), offsets=1))
    wide = AssembledGenerator(20, np.arange(400), [wide], [None])
    with pytest.raises(rightmost.ConvergenceError, match="too close together"):
        rightmost.rightmost(wide, 3)


def test_modes_are_eigenoperators():
    N = 3
    H, c_ops = time_crystal(N, 0.4)
    values, modes = liouvillian_modes(H, c_ops, k=8, N=N)
    L = qutip.liouvillian(H, c_ops)
    for value, mode in zip(values, modes, strict=True):
        image = qutip.vector_to_operator(L * qutip.operator_to_vector(mode))
        assert np.linalg.norm((image - value * mode).full()) < 1e-10
        assert mode.isherm == (value.imag == 0)
    steady = modes[0]
    assert abs(steady.tr() - 1) < 1e-12
    assert steady.eigenenergies()[0] > 0
    rank = np.linalg.matrix_rank(np.array([mode.full().ravel() for mode in modes]), tol=1e-8)
    assert rank == 8


def test_steady_modes_of_all_ladders():
    N = 4
    values, modes = liouvillian_modes(
        jspin(N, "z"), Dicke(N, collective_emission=1.0).jump_operators(), k=3, N=N
    )
    assert np.all(np.abs(values) < 1e-12)
    dark = {int(np.argmax(mode.diag().real)) for mode in modes}
    assert dark == {4, 7, 8}  # |2,-2>, |1,-1>, |0,0>
    for mode in modes:
        np.testing.assert_allclose(np.sort(mode.eigenenergies())[-1], 1, atol=1e-12)


def test_bad_input():
    H, c_ops = time_crystal(4, 0.5)
    with pytest.warns(UserWarning, match="Pass N"):
        liouvillian_eigenvalues(H, c_ops, k=2)
    with pytest.raises(ValueError, match="which must be one of"):
        liouvillian_eigenvalues(H, c_ops, which="LM", N=4)
    for k in (0, 36, 2.5, True):
        with pytest.raises(ValueError, match="k must be a whole number from 1 to 35"):
            liouvillian_eigenvalues(H, c_ops, k=k, N=4)
    with pytest.raises(ValueError, match="N = 5 emitters have 12 Dicke kets"):
        liouvillian_eigenvalues(H, c_ops, N=5)
    with pytest.raises(ValueError, match="one entry for each of the 1 subsystems"):
        liouvillian_eigenvalues(H, c_ops, N=(4, None))
    with pytest.raises(ValueError, match="couple them"):
        liouvillian_eigenvalues(qutip.rand_herm(9, seed=1), [], N=4)
    with pytest.raises(ValueError, match="constant in time"):
        liouvillian_gap([H, [H, lambda t: t]], c_ops, N=4)
    with pytest.raises(TypeError, match="dims"):
        liouvillian_gap(H, [jspin(3, "-")], N=4)


@pytest.mark.parametrize("which", ["LR", "SM"])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 8])
def test_no_slow_eigenvalue_of_a_chain_is_missed(k, which):
    # five driven atoms in a row: 1,024 coupled unknowns
    N = 5
    one = [qutip.qeye(2)] * N

    def site(op, n):
        return qutip.tensor([op if m == n else one[m] for m in range(N)])

    rates = ((qutip.sigmam(), 1.0), (qutip.sigmap(), 0.5), (qutip.sigmaz() / 2, 1.0))
    c_ops = [np.sqrt(r) * site(op, n) for n in range(N) for op, r in rates]
    H = sum(0.3 * site(qutip.sigmaz(), n) @ site(qutip.sigmaz(), n + 1) for n in range(N - 1))
    H = H + 0.5 * sum(site(qutip.sigmax(), n) for n in range(N))
    if not CHAIN:
        CHAIN.append(np.linalg.eigvals(qutip.liouvillian(H, c_ops).full()))
        assert liouvillian_gap(H, c_ops) == pytest.approx(1.35189296, abs=1e-8)
    order = np.argsort(-CHAIN[0].real if which == "LR" else np.abs(CHAIN[0]))
    exact = CHAIN[0][order][:k]
    found = liouvillian_eigenvalues(H, c_ops, k=k, which=which)
    assert np.abs(np.sort(found.real) - np.sort(exact.real)).max() < 1e-10


CHAIN: list = []


@pytest.mark.parametrize("seed", range(6))
def test_what_is_not_certain_is_an_error(seed, monkeypatch):
    # many eigenvalues in one place, conjugate pairs, gaps of all sizes: Arnoldi's method is right or says that it is not certain
    monkeypatch.setattr("piqs.solvers.eigenmodes._DENSE", 20)
    rng = np.random.default_rng(seed)
    n = 7
    H = qutip.rand_herm(n, seed=seed) * 10.0 ** rng.integers(-3, 3)
    c_ops = [qutip.rand_dm(n, seed=seed + 10), 10.0 ** rng.integers(-3, 2) * qutip.destroy(n)]
    exact = np.linalg.eigvals(qutip.liouvillian(H, c_ops).full())
    exact = exact[np.argsort(-exact.real)]
    for k in (2, 4, 7):
        try:
            found = liouvillian_eigenvalues(H, c_ops, k=k)
        except ConvergenceError as error:
            message = str(error)
            found = None
        if found is None:
            assert "not certain" in message
        else:
            assert np.abs(np.sort(found.real) - np.sort(exact[:k].real)).max() < 1e-8 * np.abs(exact).max()


def estimates_hold(found, errors, exact, largest=1e5):
    """Estimates are no lower than a third of the distances, and no higher than rounding allows."""
    row, column = linear_sum_assignment(np.abs(found[:, None] - exact[None, :]))
    off = np.abs(found[row] - exact[column])
    return np.all(off <= 3 * errors[row] + 1e-15) and errors.max() < largest


def test_error_estimates_of_all_eigenvalues():
    N = 4
    H, c_ops = time_crystal(N, 0.3)
    values, info = liouvillian_eigenvalues(H, c_ops, N=N, info=True)
    assert values.shape == info["error estimate"].shape == info["condition"].shape
    assert info["error estimate"].max() < 1e-12
    assert info["condition"].min() >= 1 - 1e-12


@pytest.mark.parametrize("distance", [0.0, 1e-10, 1e-4])
def test_an_exceptional_point_is_uncertain_by_the_root_of_rounding(distance):
    # A driven atom: eigenvalues -3 gamma/4 +- sqrt(gamma^2/16 - Omega^2), equal where Omega = gamma/4.
    omega = 0.25 + distance
    sm = qutip.sigmam()
    values, info = liouvillian_eigenvalues(0.5 * omega * qutip.sigmax(), [sm], info=True)
    root = np.sqrt(complex((0.25 - omega) * (0.25 + omega)))
    exact = np.array([0, -0.5, -0.75 + root, -0.75 - root])
    assert estimates_hold(values, info["error estimate"], exact)
    assert info["error estimate"].max() < 1e-6


def test_estimates_of_a_few_eigenvalues_come_from_left_and_right_vectors():
    # A large Jordan-like chain beside its dense answer: nearly parallel vectors, in a rotated basis.
    n, rng = 420, np.random.default_rng(3)
    base = (
        np.diag(-np.linspace(0.1, 5, n))
        + np.diag(np.full(n - 1, 0.02), 1)
        + np.diag(np.full(n - 1, 1e-3), -1)
    )
    order = rng.permutation(n)
    matrix = sp.csr_array(base[order][:, order])
    exact = np.linalg.eigvals(base)
    exact = exact[np.argsort(-exact.real)][:6]
    errors, conditions = eigenvalue_errors(matrix, exact)
    dense = np.abs(eigenvalue_error._from_all(base, exact)[1])
    assert np.all(conditions < 30 * dense)
    assert np.all(conditions > dense / 30)
    assert np.all(errors < 1e-9)
    moved = exact + 1e-6
    assert np.all(eigenvalue_errors(matrix, moved)[0] >= 0.9e-6)


def test_a_gap_below_the_rounding_of_fast_rates_is_a_warning():
    def jump(i, j, rate):
        m = np.zeros((5, 5))
        m[i, j] = np.sqrt(rate)
        return qutip.Qobj(m)

    c_ops = [
        jump(1, 0, 1e6),
        jump(0, 1, 7e5),
        jump(3, 2, 3e5),
        jump(2, 3, 1e5),
        jump(2, 1, 1e-5),
        jump(0, 3, 2e-5),
    ]
    with pytest.warns(IllConditionedWarning, match="uncertain"):
        gap, info = liouvillian_gap(0 * c_ops[0], c_ops, info=True)
    exact = 1e-5 * 1e6 / 1.7e6 + 2e-5 * 3 / 4
    assert abs(gap - exact) <= 3 * info["error estimate"]
    assert info["error estimate"] < 1e-7


def test_a_gap_by_arnoldi_has_an_error_estimate():
    H, c_ops = time_crystal(14, 0.2)
    gap, info = liouvillian_gap(H, c_ops, N=14, info=True)
    assert info["unknowns"] > 500
    values = liouvillian_eigenvalues(H, c_ops, N=14)
    exact = -np.sort(values.real)[-2]
    assert abs(gap - exact) < 3 * info["error estimate"] + 1e-12
    assert info["error estimate"] < 1e-8
