"""Counting statistics against closed forms, renewal theory and brute force on 2^N."""

import numpy as np
import pytest
import qutip
import scipy.linalg as la
from scipy.stats import binom, poisson

import piqs
from exact_counting import cumulants, network
from piqs import AccuracyWarning, Composite, Dicke, Mode, counting_statistics, excited, jspin

SM = qutip.sigmam()


def resonance_fluorescence(rabi):
    return counting_statistics(0.5 * rabi * qutip.sigmax(), [SM], counted=0)


@pytest.mark.parametrize("rabi", [0.3, 1.0, 7.0])
def test_mandel_s_formula(rabi):
    stats = resonance_fluorescence(rabi)
    rate = rabi**2 / (1 + 2 * rabi**2)
    fano = (
        1 - 6 * rabi**2 / (1 + 2 * rabi**2) ** 2
    )  # L. Mandel, Opt. Lett. 4, 205 (1979), on resonance, gamma = 1
    assert stats.cumulants[0] == pytest.approx(rate, rel=1e-13)
    assert stats.fano == pytest.approx(fano, rel=1e-12)
    # after a long time Q is that of the cumulants, but for a correction that falls as 1/t
    assert stats.mandel_q(4000.0) == pytest.approx(fano - 1, abs=3e-3)


def test_waiting_times_of_resonance_fluorescence():
    # H. Carmichael et al., Phys. Rev. A 39, 1200 (1989): w = gamma Omega^2 exp(-gamma t/2) (1 - cos(2 mu t))/(2 mu)^2 * 2
    rabi, tau = 3.0, np.linspace(0, 5, 21)
    mu = np.sqrt(rabi**2 - 0.25)
    exact = rabi**2 * np.exp(-tau / 2) * (1 - np.cos(mu * tau)) / (2 * mu**2)
    assert resonance_fluorescence(rabi).waiting_time(tau) == pytest.approx(exact, abs=1e-11)


def test_a_cavity_that_leaks_a_coherent_field_counts_poissonian():
    # driven to |alpha|^2 = 4 f^2 / kappa^2, cut off far above
    f, kappa, n = 0.4, 1.0, 24
    a = qutip.destroy(n)
    cavity = Composite(cavity=Mode(n, loss=kappa))
    cavity.interaction = f * (a + a.dag())
    stats = counting_statistics(cavity, counted="cavity.loss")
    rate = kappa * 4 * f**2 / kappa**2
    assert stats.cumulants == pytest.approx([rate] * 4, rel=1e-10)
    assert stats.scgf([-1.0, 0.7]) == pytest.approx(rate * np.expm1([-1.0, 0.7]), rel=1e-8)
    current = 2 * rate
    assert stats.rate_function(current) == pytest.approx(current * np.log(2) - current + rate, rel=1e-8)
    assert stats.rate_function(rate) == pytest.approx(0, abs=1e-10)
    p = stats.distribution(qutip.coherent_dm(n, -2j * f / kappa, method="analytic").unit(), 3.0)
    assert p.p[:12] == pytest.approx(poisson(3.0 * rate).pmf(np.arange(12)), abs=1e-9)
    assert p.p.sum() == pytest.approx(1, abs=1e-10)
    assert p.error < 1e-10


@pytest.mark.parametrize("N", [1, 5, 30])
def test_independent_decay_is_binomial(N):
    stats = counting_statistics(Dicke(N, emission=1.0), counted="emission")
    times = np.array([0.3, 1.5])
    found = stats.distribution(excited(N), times)
    for p, t in zip(found.p, times, strict=True):
        assert p[: N + 1] == pytest.approx(binom(N, 1 - np.exp(-t)).pmf(np.arange(N + 1)), abs=1e-10)
    mean, variance = stats.moments(excited(N), times)
    q = 1 - np.exp(-times)
    assert mean == pytest.approx(N * q, rel=1e-10)
    assert variance == pytest.approx(N * q * (1 - q), rel=1e-8)
    assert stats.mandel_q(times, excited(N)) == pytest.approx(-q, rel=1e-8)


def brute_force(N, rates, H, counted):
    """The tilted generator on 2^N as a function of s, its jumps one by one."""
    spins = [qutip.tensor([qutip.sigmam() if k == n else qutip.qeye(2) for k in range(N)]) for n in range(N)]
    jumps = {
        "emission": [np.sqrt(rates["emission"]) * s for s in spins],
        "pumping": [np.sqrt(rates["pumping"]) * s.dag() for s in spins],
        "collective_emission": [np.sqrt(rates["collective_emission"]) * sum(spins)],
    }
    x = 0.5 * sum(s + s.dag() for s in spins)
    L = qutip.liouvillian(H * x, [c for group in jumps.values() for c in group]).full()
    sprepost = [
        (w, sum(qutip.sprepost(c, c.dag()).full() for c in jumps[name])) for name, w in counted.items()
    ]
    return lambda s: L + sum(np.expm1(s * w) * J for w, J in sprepost)


@pytest.mark.parametrize(
    "counted", [{"emission": 1}, {"collective_emission": 1}, {"emission": 1, "pumping": -1}]
)
def test_channels_apart_against_brute_force(counted):
    N, rates = 3, {"emission": 0.4, "pumping": 0.3, "collective_emission": 0.6}
    stats = counting_statistics(Dicke(N, 0.8 * jspin(N, "x"), **rates), counted=counted)
    tilted = brute_force(N, rates, 0.8, counted)
    top = lambda s: la.eigvals(tilted(s)).real.max()  # noqa: E731
    fields = np.array([-1.2, -0.3, 0.4, 1.1])
    assert stats.scgf(fields) == pytest.approx([top(s) for s in fields], rel=1e-10, abs=1e-12)
    # derivatives at s = 0 by central differences of order 8 on brute force
    h = 0.05
    points = np.array([top(k * h) for k in range(-4, 5)])
    first = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280]) @ points / h
    second = (
        np.array([-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560])
        @ points
        / h**2
    )
    assert stats.cumulants[:2] == pytest.approx([first, second], abs=1e-8)


def test_jumps_that_leave_kets_as_they_are_are_counted():
    # dephasing by sigma_z/2 clicks at random at a quarter of its rate for each emitter, whatever the state
    N, rate = 30, 0.8
    model = Dicke(N, 0.4 * jspin(N, "x"), emission=0.5, dephasing=rate)
    stats = counting_statistics(model, counted="dephasing")
    assert stats.cumulants == pytest.approx([N * rate / 4] * 4, rel=1e-8)
    assert stats.moments(excited(N), 2.0) == pytest.approx([2 * N * rate / 4] * 2, rel=1e-9)
    one = counting_statistics(Dicke(1, emission=0.5, dephasing=rate), counted="dephasing")
    n, p, _ = one.distribution(excited(1), 3.0)
    assert p == pytest.approx(poisson.pmf(n, 3 * rate / 4), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_any_jumps_against_the_dense_tilted_generator(seed):
    # jumps that are not Hermitian nor without diagonal, complex H, weights of both signs
    rng = np.random.default_rng(seed)
    n = 2 + seed % 3
    random = lambda: rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))  # noqa: E731
    H = random()
    H = H + H.conj().T
    jumps = [0.6 * random(), np.diag(np.diag(random())), 0.5 * random()]
    counted, one = {0: 1.0, 1: 2.0, 2: -1.0}, np.eye(n)
    both = lambda A, B: np.kron(B.T, A)  # noqa: E731
    L = -1j * (both(H, one) - both(one, H))
    for K in jumps:
        product = K.conj().T @ K
        L = L + both(K, K.conj().T) - 0.5 * (both(product, one) + both(one, product))

    def tilted(s):
        return L + sum((np.exp(s * w) - 1) * both(jumps[k], jumps[k].conj().T) for k, w in counted.items())

    # derivatives at zero by Cauchy's integral
    radius, points = 0.05, 32
    values = []
    for k in range(points):
        eigenvalues = la.eigvals(tilted(radius * np.exp(2j * np.pi * k / points)))
        values.append(eigenvalues[np.argmin(np.abs(eigenvalues))])
    series = np.fft.fft(values) / points
    exact = [(series[k] / radius**k).real * [1, 1, 2, 6, 24][k] for k in range(1, 5)]
    stats = counting_statistics(qutip.Qobj(H), [qutip.Qobj(K) for K in jumps], counted=counted)
    assert stats.cumulants == pytest.approx(exact, rel=1e-8, abs=1e-8)
    assert stats.scgf(0.3) == pytest.approx(la.eigvals(tilted(0.3)).real.max(), rel=1e-9)


def test_cumulants_are_derivatives_of_the_generating_function():
    N = 20
    stats = counting_statistics(Dicke(N, jspin(N, "x"), collective_emission=2 / N, dephasing=0.1), counted=0)
    h = 0.02
    lam = stats.scgf(h * np.arange(-4, 5))
    third = (
        np.array([-7 / 240, 3 / 10, -169 / 120, 61 / 30, 0, -61 / 30, 169 / 120, -3 / 10, 7 / 240])
        @ lam
        / h**3
    )
    fourth = (
        np.array([7 / 240, -2 / 5, 169 / 60, -122 / 15, 91 / 8, -122 / 15, 169 / 60, -2 / 5, 7 / 240])
        @ lam
        / h**4
    )
    # differences lose what rounding of lambda leaves: 1e-13 / h^4
    assert stats.cumulants[2] == pytest.approx(third, rel=1e-5)
    assert stats.cumulants[3] == pytest.approx(fourth, rel=1e-4)


def test_counts_of_a_burst_agree_with_trajectories():
    N = 12
    model = Dicke(N, emission=0.5, collective_emission=1.0)
    stats = counting_statistics(model, counted="collective_emission")
    mean, variance = stats.moments(excited(N), 2.0)
    p = stats.distribution(excited(N), 2.0)
    assert p.n @ p.p == pytest.approx(mean, rel=1e-9)
    assert (p.n - mean) ** 2 @ p.p == pytest.approx(variance, rel=1e-8)
    runs = piqs.mcsolve(
        model, excited(N), [0, 2.0], e_ops=[jspin(N, "z")], ntraj=600, seeds=2, options={"store_jumps": True}
    )
    column = [k for k, name in enumerate(runs.channels) if "collective" in str(name)]
    counts = np.array([np.isin(which, column).sum() for which in runs.col_which])
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / 600))


def of_network(size, rates, counted):
    jumps = [
        np.sqrt(rate) * qutip.basis(size, to) * qutip.basis(size, origin).dag()
        for (to, origin), rate in rates.items()
    ]
    places = [list(rates).index(jump) for jump in counted]
    return counting_statistics(0 * qutip.num(size), jumps, counted=places)


def honest(errors, estimates, rounding):
    """At least a third of the error; at most a thousand times it, or rounding."""
    errors, estimates, rounding = np.broadcast_arrays(errors, estimates, rounding)
    assert np.all(errors <= 3 * estimates + 1e-3 * rounding)
    assert np.all(estimates <= np.maximum(1000 * errors, 100 * rounding))


@pytest.mark.parametrize("slow", [1.0, 1e-3, 1e-6])
@pytest.mark.parametrize("structure", ["ring", "two pairs"])
def test_error_estimates_of_cumulants_against_exact_arithmetic(slow, structure):
    # in two pairs of states linked by a slow rate k, cumulant n grows as k^(1-n): so does what rounding does to it
    rates, counted = {
        "ring": ({(1, 0): 1.0, (2, 1): 0.3, (3, 2): slow, (0, 3): 0.7, (0, 1): 0.2}, [(1, 0), (3, 2)]),
        "two pairs": (
            {(1, 0): 1.0, (0, 1): 0.3, (3, 2): 0.6, (2, 3): 0.7, (2, 1): 0.3 * slow, (1, 2): 0.5 * slow},
            [(1, 0)],
        ),
    }[structure]
    stats = of_network(4, rates, counted)
    exact = np.array(cumulants(*network(4, rates, counted), [1] * 4, 4), dtype=float)
    condition = stats.stats["condition"]
    errors = np.abs(stats.cumulants - exact)
    honest(
        errors,
        stats.stats["error estimate"],
        1e-15 * np.abs(exact) * (condition if structure == "two pairs" else 10),
    )
    assert stats.stats["error estimate"] == pytest.approx(0, abs=1e-8 * np.abs(exact).max())


def test_uncertain_cumulants_are_a_warning():
    rates = {(1, 0): 1.0, (0, 1): 0.3, (3, 2): 0.6, (2, 3): 0.7, (2, 1): 3e-10, (1, 2): 5e-10}
    stats = of_network(4, rates, [(1, 0)])
    with pytest.warns(AccuracyWarning, match="the cumulant .* second steady state that is near"):
        found = stats.cumulants
    exact = np.array(cumulants(*network(4, rates, [(1, 0)]), [1] * 4, 4), dtype=float)
    honest(
        np.abs(found - exact), stats.stats["error estimate"], 1e-15 * np.abs(exact) * stats.stats["condition"]
    )


@pytest.mark.parametrize("slow", [1.0, 1e-4, 1e-8])
def test_error_estimates_of_generating_functions(slow):
    # an emitter that is pumped slowly: 2 lambda = -(a + b) + sqrt((a + b)^2 + 4ab (e^s - 1)), put so that nothing cancels
    stats = counting_statistics(0 * qutip.sigmaz(), [SM, np.sqrt(slow) * SM.dag()], counted=0)
    s = np.array([-2.0, -1e-3, 1e-6, 0.5])
    grown, total = 4 * slow * np.expm1(s), 1 + slow
    exact = grown / (2 * (total + np.sqrt(total**2 + grown)))
    found, info = stats.scgf(s, info=True)
    honest(np.abs(found - exact), info["error estimate"], 1e-16 + 1e-15 * np.abs(exact))


@pytest.mark.parametrize("rabi", [0.2, 1.0, 5.0])
def test_rate_function_of_resonance_fluorescence(rabi):
    # e^s is a cubic in lambda, det(L_s - lambda) = 0: the Legendre transform has a closed form with lambda as its parameter
    stats = resonance_fluorescence(rabi)
    darkest = max(x.real for x in np.roots([1, 1.5, rabi**2 + 0.5, rabi**2 / 2]) if abs(x.imag) < 1e-9)
    lam = np.concatenate([darkest * np.array([1 - 1e-9, 0.9, 0.3, 1e-2, 1e-5]), [0, 1e-7, 1e-3, 1, 30, 1e4]])
    z = 1 + 2 * lam * (lam**2 + 1.5 * lam + 0.5 + rabi**2) / rabi**2
    current = z * rabi**2 / (2 * (3 * lam**2 + 3 * lam + 0.5 + rabi**2))
    exact = np.log(z) * current - lam
    found, info = stats.rate_function(current, info=True)
    honest(np.abs(found - exact), info["error estimate"], 1e-14 + 1e-15 * np.abs(exact))
    # no jump at all: the slowest decay without jumps; and fewer than none
    silence, info = stats.rate_function([0.0, -0.1], info=True)
    honest(abs(silence[0] + darkest), info["error estimate"][0], 1e-14)
    assert silence[1] == np.inf
    assert stats.rate_function(current[7]) == found[7]


@pytest.mark.parametrize(("N", "weight"), [(1, 1e-3), (1, 1.0), (1, 50.0), (1, -2.0), (40, 0.5)])
def test_rate_function_of_independent_emitters(N, weight):
    # N times that of one emitter that is pumped, whatever a jump counts; 441 unknowns where N = 40
    stats = counting_statistics(Dicke(N, emission=1.0, pumping=0.2), counted={"emission": weight})
    # for more emitters larger fields are refused: nothing tells the eigenvalue from others that rounding makes
    s = np.array([-3.0, -0.4, 0.0, 0.7, 4.0]) if N == 1 else np.array([-0.4, 0.7])
    root = np.sqrt(0.8**2 + 0.8 * np.exp(s))
    exact = N * (s * 0.2 * np.exp(s) / root - (root - 1.2) / 2)
    found, info = stats.rate_function(weight * N * 0.2 * np.exp(s) / root, info=True)
    honest(np.abs(found - exact), info["error estimate"], 1e-13 * N)
    assert stats.rate_function(0.0) == pytest.approx(0.2 * N, rel=1e-11)


def test_rate_function_of_counts_that_cancel():
    # ups and downs take turns: their difference never leaves -1, 0, 1
    stats = counting_statistics(Dicke(1, emission=1.0, pumping=0.2), counted={"emission": 1, "pumping": -1})
    found, info = stats.rate_function([0.0, 0.1, -0.1], info=True)
    assert found == pytest.approx([0.0, np.inf, np.inf], abs=1e-14)
    assert info["error estimate"][0] < 1e-13


def test_uncertain_rate_functions_are_a_warning():
    # beside a pair of states that is 1e11 times as fast few digits are left of what is counted
    rates = {(1, 0): 1e11, (0, 1): 1e11, (2, 1): 1.0, (0, 2): 1.0}
    stats = of_network(3, rates, [(0, 2)])
    current = np.array([0.2, 0.5])
    message = "the rate function .* may be off"
    with pytest.warns(piqs.IllConditionedWarning), pytest.warns(AccuracyWarning, match=message):
        found, info = stats.rate_function(current, info=True)
    # waiting times of rates 1/2 and 1: 4 lambda = (1 + 8 e^s)^(1/2) - 3
    z = 4 * current**2 + np.sqrt(16 * current**4 + current**2)
    exact = np.log(z) * current - (np.sqrt(1 + 8 * z) - 3) / 4
    honest(np.abs(found - exact), info["error estimate"], 1e-15 * 1e11)


@pytest.mark.parametrize("N", [10, 40])
def test_generating_functions_far_from_normal(N):
    # elements of the eigenvectors of N independent emitters span as many orders of magnitude as there are emitters
    stats = counting_statistics(Dicke(N, emission=1.0, pumping=0.2), counted="emission")
    s = np.array([-3.0, 0.7, 1.0])
    found, info = stats.scgf(s, info=True)
    honest(np.abs(found / N - (np.sqrt(0.64 + 0.8 * np.exp(s)) - 1.2) / 2), info["error estimate"] / N, 1e-12)
    if N == 40:
        with pytest.raises(piqs.ConvergenceError, match="smaller"):
            stats.scgf(8.0)


def test_error_estimates_at_finite_times():
    N, times = 30, np.array([0.1, 0.7, 2.5])
    stats = counting_statistics(Dicke(N, emission=1.0), counted="emission")
    q = 1 - np.exp(-times)
    mean, variance, info = stats.moments(excited(N), times, info=True)
    for found, exact, estimate in zip(
        (mean, variance), (N * q, N * q * (1 - q)), info["error estimate"], strict=True
    ):
        honest(np.abs(found - exact).max(), estimate, 1e-11 * N)
    found, info = stats.mandel_q(times, excited(N), info=True)
    honest(np.abs(found + q), info["error estimate"], 1e-11 * N)
    counts = stats.distribution(excited(N), times)
    exact = [binom(N, p).pmf(counts.n) for p in q]
    honest(np.abs(counts.p - exact).max(), counts.error, 1e-10)
    # resonance fluorescence, H. Carmichael et al., Phys. Rev. A 39, 1200 (1989)
    rabi, tau = 3.0, np.linspace(0, 5, 21)
    mu = np.sqrt(rabi**2 - 0.25)
    exact = rabi**2 * np.exp(-tau / 2) * (1 - np.cos(mu * tau)) / (2 * mu**2)
    found, info = resonance_fluorescence(rabi).waiting_time(tau, info=True)
    honest(np.abs(found - exact).max(), info["error estimate"], 1e-12)


def test_bad_input():
    model = Dicke(2, jspin(2, "x"), emission=1.0)
    with pytest.raises(ValueError, match="counted must be channels"):
        counting_statistics(model, counted="photons")
    with pytest.raises(ValueError, match="counted must be channels"):
        counting_statistics(model, counted=3)
    with pytest.raises(ValueError, match="order must be"):
        counting_statistics(model, order=0)
    with pytest.raises(ValueError, match="no jumps to count"):
        counting_statistics(jspin(2, "x"))
    with pytest.raises(ValueError, match="constant in time"):
        counting_statistics([[jspin(2, "x"), lambda t: np.cos(t)]], [jspin(2, "-")])
    with pytest.raises(piqs.SteadyStateError):
        _ = counting_statistics(Dicke(2, collective_emission=1.0)).cumulants
    stats = counting_statistics(model, counted={"emission": 0.5})
    with pytest.raises(ValueError, match="whole numbers"):
        stats.distribution(excited(2), 1.0)
    with pytest.raises(ValueError, match="not be negative"):
        stats.moments(excited(2), -1.0)
    with pytest.raises(ValueError, match="finite"):
        stats.scgf(np.nan)
    with pytest.raises(ValueError, match="current must be finite"):
        stats.rate_function([1.0, np.inf])


def test_distribution_of_counts_of_several_units():
    # Jumps that count 7 reach every seventh count; at long times the range leaves out zero.
    H, c = 0.5 * qutip.sigmax(), [qutip.sigmam()]
    rho0 = qutip.basis(2, 1) * qutip.basis(2, 1).dag()
    one = counting_statistics(H, c, counted={0: 1}).distribution(rho0, [3.0, 150.0])
    stats = counting_statistics(H, c, counted={0: 7})
    seven = stats.distribution(rho0, [3.0, 150.0])
    assert np.array_equal(seven.n, 7 * one.n)
    assert np.abs(seven.p - one.p).max() < 1e-12
    mean, variance = stats.moments(rho0, [3.0, 150.0])
    assert np.allclose(seven.p.sum(axis=1), 1.0, atol=1e-12)
    assert np.allclose(seven.p @ seven.n, mean, rtol=1e-10)
    assert np.allclose(seven.p @ seven.n**2 - mean**2, variance, rtol=1e-8)
    late = counting_statistics(H, c).distribution(rho0, 400.0)
    assert late.n[0] > 0
    assert abs(late.p.sum() - 1.0) < 1e-12


def test_jumps_that_count_nothing_are_no_waiting_times_and_no_fano_factor():
    N = 6
    model = Dicke(N, jspin(N, "x"), collective_emission=0.4, emission=0.2)
    some = counting_statistics(model, counted={"emission": 2, "collective_emission": 0}).waiting_time(
        [0.3, 1.0]
    )
    assert np.array_equal(some, counting_statistics(model, counted="emission").waiting_time([0.3, 1.0]))
    with pytest.raises(ValueError, match="mean rate of zero"):
        _ = counting_statistics(Dicke(4, emission=1.0)).fano
    balanced = counting_statistics(
        0 * qutip.sigmaz(), [qutip.sigmam(), qutip.sigmap()], counted={0: 1, 1: -1}
    )
    with pytest.raises(ValueError, match="mean rate of zero"):
        _ = balanced.fano
