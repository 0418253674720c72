"""Distributions on the sphere against sums of Clebsch-Gordan coefficients, closed forms, and their integrals."""

import numpy as np
import pytest
import qutip
from qutip import Qobj
from scipy.special import eval_legendre, gammaln

import piqs
from tests.brute_force import random_blocks

FUNCTIONS = {0: piqs.spin_wigner, -1: piqs.spin_husimi, 1: piqs.spin_p}


def random_state(N, seed=0):
    return Qobj(random_blocks(N, np.random.default_rng(seed + 10 * N), state=True))


def sphere(n):
    """Points and weights of an integral over the sphere that is exact to degree 2n - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    phi = 2 * np.pi * np.arange(2 * n) / (2 * n)
    theta, azimuth = np.meshgrid(np.arccos(nodes), phi)
    return theta, azimuth, np.broadcast_to(weights * np.pi / n, theta.shape)


def kernel(j, s, theta, phi):
    """The Stratonovich-Weyl kernel: diagonal along z, from QuTiP's Clebsch-Gordan coefficients, rotated by exponentials."""
    m = j - np.arange(round(2 * j) + 1)
    diagonal = np.zeros(m.size)
    for k in range(m.size):
        C = np.array([qutip.clebsch(j, k, j, x, 0, x) for x in m])
        diagonal += (2 * k + 1) / (2 * j + 1) * C * C[0] ** -float(s)
    if j == 0:
        return np.ones((1, 1))
    _, Jy, Jz = qutip.jmat(j)
    turn = (-1j * phi * Jz).expm() * (-1j * theta * Jy).expm()
    return (turn * Qobj(np.diag(diagonal), dims=turn.dims) * turn.dag()).full()


@pytest.mark.parametrize("N", [1, 2, 5, 6])
@pytest.mark.parametrize("s", [-1, 0, 1])
def test_random_states_against_the_kernel(N, s):
    rho = random_state(N)
    rng = np.random.default_rng(1)
    theta, phi = np.arccos(rng.uniform(-1, 1, (2, 3))), rng.uniform(-np.pi, np.pi, (2, 3))
    found, ladders = FUNCTIONS[s](rho, theta, phi), FUNCTIONS[s](rho, theta, phi, by_ladder=True)
    total = np.zeros(theta.shape)
    for j, block in zip(piqs.j_vals(N)[::-1], piqs.dicke_blocks(rho), strict=True):
        expected = np.vectorize(lambda t, p, j=j, b=block: np.trace(b @ kernel(j, s, t, p)).real)(theta, phi)
        assert np.allclose(ladders[j], expected, atol=1e-12 * max(1, abs(expected).max()))
        total += expected
    assert np.allclose(found, total, atol=1e-12 * max(1, abs(total).max()))


@pytest.mark.parametrize("s", [-1, 0, 1])
def test_each_ladder_integrates_to_its_weight(s):
    N = 7
    rho = random_state(N, 3)
    theta, phi, weights = sphere(N + 1)
    found = FUNCTIONS[s](rho, theta, phi, by_ladder=True)
    for j, p in zip(*piqs.ladder_populations(rho), strict=True):
        assert (2 * j + 1) / (4 * np.pi) * np.sum(found[j] * weights) == pytest.approx(p, abs=1e-13)


@pytest.mark.parametrize("j", [0.5, 1.5, 4, 40])
def test_wigner_functions_multiply_to_overlaps(j):
    # Tr rho sigma = (2j+1)/4pi int W W, and the same of Q with P
    N = round(2 * j)
    rng = np.random.default_rng(N)
    kets = []
    for _ in range(2):
        ket = np.zeros(piqs.num_dicke_states(N), dtype=complex)
        ket[: N + 1] = rng.normal(size=N + 1) + 1j * rng.normal(size=N + 1)
        kets.append(Qobj(ket).unit())
    theta, phi, weights = sphere(N + 1)
    first, second = (piqs.spin_wigner(ket, theta, phi) for ket in kets)
    overlap = abs(kets[0].overlap(kets[1])) ** 2
    assert (N + 1) / (4 * np.pi) * np.sum(first * second * weights) == pytest.approx(overlap, abs=1e-12)
    if j < 5:
        Q, P = piqs.spin_husimi(kets[0], theta, phi), piqs.spin_p(kets[1], theta, phi)
        assert (N + 1) / (4 * np.pi) * np.sum(Q * P * weights) == pytest.approx(overlap, abs=1e-11)


def test_spin_up():
    assert piqs.spin_wigner(piqs.excited(1), 0, 0) == pytest.approx((1 + np.sqrt(3)) / 2, abs=1e-14)
    assert piqs.spin_wigner(piqs.excited(1), np.pi, 0) == pytest.approx((1 - np.sqrt(3)) / 2, abs=1e-14)
    assert piqs.spin_husimi(piqs.excited(1), np.pi / 3, 0) == pytest.approx(0.75, abs=1e-14)
    assert piqs.spin_p(piqs.excited(1), np.pi, 0) == pytest.approx(-1, abs=1e-14)


def test_against_qutips_functions_of_one_spin():
    N = 6
    ket = piqs.css_ket(N, 0.6, 0.8j) + 0.3 * piqs.excited_ket(N)
    ket = ket.unit()
    spin = Qobj(ket.full()[: N + 1])
    theta, phi = np.linspace(0, np.pi, 7), np.linspace(-np.pi, np.pi, 5)
    theirs, THETA, PHI = qutip.spin_wigner(spin.proj(), theta, phi)
    ours = piqs.spin_wigner(ket, theta, phi)
    assert ours.shape == theirs.shape == (5, 7)
    # QuTiP's is normalised by sqrt(4 pi/(2j+1)) int W = 1
    assert np.allclose(ours, np.sqrt(4 * np.pi / (N + 1)) * theirs, atol=1e-12)
    assert np.allclose(piqs.spin_wigner(ket, THETA, PHI), ours, atol=1e-14)
    assert np.allclose(piqs.spin_husimi(ket, theta, phi), qutip.spin_q_function(spin.proj(), theta, phi)[0])


@pytest.mark.parametrize("N", [20, 201, pytest.param(1000, marks=pytest.mark.slow)])
def test_wigner_functions_of_large_spins(N):
    # |j,j> at the poles: sums of (2k+1)/(2j+1) <jj;k0|jj>, all positive at the north pole
    k = np.arange(N + 1)
    log_c = 0.5 * np.log(N + 1) + gammaln(N + 1) - 0.5 * (gammaln(N - k + 1) + gammaln(N + k + 2))
    terms = (2 * k + 1) / (N + 1) * np.exp(log_c)
    pole, equator, south = piqs.spin_wigner(
        piqs.excited_ket(N), np.array([0, np.pi / 2, np.pi]), np.array([0.3])
    )[0]
    assert pole == pytest.approx(terms.sum(), rel=1e-10)
    assert south == pytest.approx((terms * (-1.0) ** k).sum(), abs=1e-11)
    assert equator == pytest.approx((terms * eval_legendre(k, 0.0)).sum(), abs=1e-11)
    # in the plane that the sphere becomes, W = 2 at the middle of a coherent state
    assert pole == pytest.approx(2, abs=3 / N)
    # a coherent state anywhere is the same, seen from its own pole
    state = piqs.css_ket(N, 1.1, 0.4, coordinates="polar")
    found = piqs.spin_wigner(state, np.array([1.1, 1.13]), np.array([0.4]))[0]
    expected = [terms.sum(), (terms * eval_legendre(k, np.cos(0.03))).sum()]
    assert np.allclose(found, expected, rtol=0, atol=1e-10)
    if N % 2 == 0:
        # |j,0>: odd multipoles vanish; the integral over the sphere is one
        theta, phi, weights = sphere(N // 2 + 1)
        W = piqs.spin_wigner(piqs.superradiant(N), theta[:1], phi[:1])[0]
        assert (N + 1) / 2 * np.sum(W * weights[0]) * (N // 2 + 1) / np.pi == pytest.approx(1, abs=1e-11)
        # opposite coherent states interfere with N periods on the equator, by T_NN Y_NN alone
        crest, trough = piqs.spin_wigner(piqs.ghz_ket(N), np.array([np.pi / 2]), np.array([0.0, np.pi / N]))[
            :, 0
        ]
        peak = 2 * np.sqrt(4 * np.pi / (N + 1))
        peak *= np.exp(
            0.5 * (gammaln(2 * N + 2) - np.log(4 * np.pi) - 2 * gammaln(N + 1) - 2 * N * np.log(2))
        )
        assert crest - trough == pytest.approx(peak, rel=1e-10)


@pytest.mark.parametrize("N", [10, 300, 1000])
def test_husimi_functions_of_large_spins(N):
    theta = np.linspace(0, np.pi, 9)
    Q = piqs.spin_husimi(piqs.css_ket(N, 0.7, -1.0, coordinates="polar"), theta, np.array([-1.0]))[0]
    assert np.allclose(Q, np.cos((theta - 0.7) / 2) ** (2 * N), atol=1e-12)
    m = N // 4
    log_binomial = gammaln(N + 1) - gammaln(N / 2 - m + 1) - gammaln(N / 2 + m + 1)
    expected = np.exp(log_binomial) * np.cos(theta / 2) ** (N + 2 * m) * np.sin(theta / 2) ** (N - 2 * m)
    assert np.allclose(
        piqs.spin_husimi(piqs.dicke(N, N / 2, m), theta, np.array([0.0]))[0], expected, atol=1e-12
    )


def test_p_functions():
    # a coherent state has all multipoles up to 2j with weight one: sum of (2k+1)/(2j+1) P_k
    for N in (3, 40, 1000):
        k = np.arange(N + 1)
        expected = [(2 * k + 1) @ eval_legendre(k, np.cos(t)) / (N + 1) for t in (0.0, 0.01, 1.0)]
        found = piqs.spin_p(piqs.excited_ket(N), np.array([0.0, 0.01, 1.0]), np.array([0.0]))[0]
        assert np.allclose(found, expected, rtol=1e-10, atol=1e-10)
    assert piqs.spin_p(piqs.css(3), np.pi / 2, 0) == pytest.approx(4, abs=1e-12)
    mixed = piqs.spin_p(piqs.thermal(6, temperature=np.inf), 0.3, 0.2, by_ladder=True)
    for j, p in zip(*piqs.ladder_populations(piqs.thermal(6, temperature=np.inf)), strict=True):
        assert mixed[j] == pytest.approx(p / (2 * j + 1), abs=1e-13)
    with pytest.raises(ValueError, match="not exact enough for its P function on the ladder j = 100"):
        piqs.spin_p(piqs.css_ket(200), 0.3, 0.2)


@pytest.mark.parametrize("N", [1, 2, 10, 40])
def test_wehrl_entropy(N):
    assert piqs.wehrl_entropy(piqs.css(N, 0.6, 0.8j)) == pytest.approx(N / (N + 1), abs=1e-8)
    mixed = piqs.thermal(N, temperature=np.inf)
    assert piqs.wehrl_entropy(mixed) == pytest.approx(N * np.log(2), abs=1e-11)
    assert piqs.wehrl_entropy(random_state(min(N, 6))) > piqs.entropy_vn_dicke(random_state(min(N, 6)))


def test_bad_angles_are_named():
    for function in FUNCTIONS.values():
        with pytest.raises(ValueError, match=r"theta must lie between 0 and 3\.14159"):
            function(piqs.css(3), -0.1, 0)
        with pytest.raises(
            ValueError, match=r"phi must lie between -6.28319 and 6.28319 \(radians\), got 180"
        ):
            function(piqs.css(3), 0.1, 180)
        with pytest.raises(ValueError, match="theta must lie"):
            function(piqs.css(3), np.nan, 0)
        with pytest.raises(TypeError, match="phi must hold real numbers"):
            function(piqs.css(3), 0.1, 1j)
        with pytest.raises(ValueError, match="fit each other"):
            function(piqs.css(3), np.zeros((2, 3)), np.zeros((2, 2)))
        with pytest.raises(ValueError, match="must be the state of one ensemble"):
            function(qutip.tensor(piqs.css(3), qutip.fock_dm(3, 0)), 0, 0)
