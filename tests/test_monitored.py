"""Continuous detection: order of the scheme, averages against the master equation, records, closed forms."""

import numpy as np
import pytest
import qutip
from scipy.linalg import expm
from scipy.sparse import csr_array

import piqs
from piqs.trajectories.diffusion import Diffusion, ket_mean, squared_norm
from trajectory_checks import assert_within_errors

SX, SZ, SM, UP = qutip.sigmax(), qutip.sigmaz(), qutip.sigmam(), qutip.basis(2, 0)
ACCURATE = {"atol": 1e-10, "rtol": 1e-8}
TIMES = np.linspace(0, 1, 4)


def averaged_step(H, noises, rho_ket, h, nodes=24):
    """The density matrix after one step, averaged over the noise by Gauss-Hermite quadrature."""
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    grid = np.meshgrid(*[z] * len(noises), indexing="ij")
    weights = np.prod(np.meshgrid(*[w] * len(noises), indexing="ij"), axis=0).ravel()
    dW = np.sqrt(h) * np.array([axis.ravel() for axis in grid])
    G = -1j * H
    for S in noises:
        G = G - 0.5 * (S.conj().T @ S) - 0.5 * (S @ S)
    flow = Diffusion([(csr_array(G), None)], [csr_array(S) for S in noises], squared_norm, ket_mean)
    total = 0
    for forward in (True, False):
        y = np.repeat(rho_ket[:, None].astype(complex), weights.size, axis=1)
        y = flow.step(0.0, h, y, dW, np.full(weights.size, forward))
        total = total + 0.5 * (y * weights) @ y.conj().T
    return total


@pytest.mark.parametrize("detectors", [1, 2])
def test_one_step_misses_the_master_equation_at_third_order(detectors):
    """Weak order 2: the averaged error of one step falls by 8 where the step is halved, for operators that do not commute."""
    H = 0.7 * SX.full() + 0.2 * SZ.full()
    noises = [SM.full(), 0.6 * SX.full()][:detectors]
    ket = np.array([0.8, 0.6j])
    rho = np.outer(ket, ket.conj())
    one = np.eye(2)
    L = -1j * (np.kron(H, one) - np.kron(one, H.T))
    for S in noises:
        c = S.conj().T @ S
        L = L + np.kron(S, S.conj()) - 0.5 * (np.kron(c, one) + np.kron(one, c.T))
    errors = []
    for h in (0.02, 0.01, 0.005):
        exact = (expm(L * h) @ rho.ravel()).reshape(2, 2)
        errors.append(abs(averaged_step(H, noises, ket, h) - exact).max())
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert errors[0] < 1e-3
    assert (orders > 2.75).all()


@pytest.mark.parametrize("heterodyne", [False, True])
@pytest.mark.parametrize("kets", [False, True])
def test_averages_are_those_of_the_master_equation(kets, heterodyne):
    exact = qutip.mesolve(0.7 * SX, UP, TIMES, [SM, 0.5 * SZ], e_ops=[SZ, SM], options=ACCURATE).expect
    options = {"dt": 0.02}
    if kets:
        result = piqs.ssesolve(
            0.7 * SX, UP, TIMES, [SM, 0.5 * SZ], heterodyne, [SZ, SM], ntraj=256, seeds=1, options=options
        )
    else:
        result = piqs.smesolve(
            0.7 * SX, UP, TIMES, [0.5 * SZ], [SM], heterodyne, [SZ, SM], ntraj=256, seeds=2, options=options
        )
    assert_within_errors(result, exact, floor=1e-3)
    assert result.solver == ("ssesolve" if kets else "smesolve")


def test_light_that_is_not_detected_acts_as_jumps():
    """Six rates, one of them detected with half efficiency: averages of the density matrix."""
    N = 4
    ensemble = piqs.Dicke(
        N, hamiltonian=piqs.jspin(N, "x"), emission=0.4, pumping=0.2, dephasing=0.3, collective_emission=0.3
    )
    e_ops = [piqs.jspin(N, "z"), piqs.jspin(N, "y")]
    exact = ensemble.mesolve(piqs.excited(N), TIMES, e_ops).expect
    result = piqs.ssesolve(
        ensemble,
        piqs.excited_ket(N),
        TIMES,
        {"collective_emission": 0.5},
        e_ops=e_ops,
        ntraj=256,
        seeds=3,
        options={"dt": 0.02},
    )
    assert_within_errors(result, exact, floor=3e-3)
    assert result.channels[-1] == "collective_emission"
    assert result.jumps > 100


def test_records_are_signal_and_noise():
    """Coherent light of amplitude alpha: the record is 2 Re(alpha) plus noise; both quadratures where heterodyne."""
    a = qutip.destroy(12)
    alpha, kappa = 0.6 + 0.4j, 1.0
    # drive and detuning-free loss that keep |alpha> as it is: H = i (E a^+ - E^* a), E = kappa alpha / 2
    H = 0.5j * kappa * (alpha * a.dag() - np.conj(alpha) * a)
    start = qutip.coherent(12, alpha)
    options = {"store_measurement": "end", "dt": 0.05}
    for heterodyne in (False, True):
        result = piqs.ssesolve(
            H, start, [0, 0.5, 1.0], [a], heterodyne, [a], ntraj=64, seeds=1, options=options
        )
        np.testing.assert_allclose(result.expect[0], alpha, atol=2e-3)
        records, noise = np.array(result.measurement), np.array(result.dW)
        if heterodyne:
            assert records.shape == (64, 1, 2, 2)
            signal = records - np.sqrt(2) * noise / 0.5
            np.testing.assert_allclose(signal[:, 0, 1], 2 * alpha.imag, atol=0.05)
            signal = signal[:, 0, 0]
        else:
            assert records.shape == (64, 1, 2)
            signal = (records - noise / 0.5)[:, 0]
        np.testing.assert_allclose(signal, 2 * alpha.real, atol=0.05)
        assert noise.std() == pytest.approx(np.sqrt(0.5), rel=0.15)
        assert np.array(result.wiener_process).shape[-1] == 3


def test_monitoring_jz_squeezes_it():
    """QND measurement of a Gaussian state: Var J_z(t) = V / (1 + 4 kappa t V) in every single run, V = N/4."""
    N, kappa, t = 40, 1.0, 0.1
    jz = piqs.jspin(N, "z")
    ensemble = piqs.Dicke(N, collective_dephasing=kappa)

    def variance(_, psi):
        mean = qutip.expect(jz, psi)
        return qutip.expect(jz**2, psi) - mean**2

    options = {"keep_runs_results": True, "dt": 0.005}
    result = piqs.ssesolve(
        ensemble,
        piqs.css_ket(N),
        [0, t / 2, t],
        {"collective_dephasing": 1.0},
        e_ops=[variance, jz],
        ntraj=64,
        seeds=2,
        options=options,
    )
    for k, s in enumerate((0, t / 2, t)):
        expected = N / 4 / (1 + 4 * kappa * s * N / 4)
        # a coherent state is Gaussian up to 1/N
        np.testing.assert_allclose(result.runs_expect[0][:, k], expected, rtol=0.15)
        assert result.average_expect[0][k] == pytest.approx(expected, rel=0.03)
    # what the variance loses, the means of single runs show
    total = result.average_expect[0][-1] + result.std_expect[1][-1] ** 2
    assert total == pytest.approx(N / 4, rel=0.3)


def test_step_is_chosen_and_reported():
    result = piqs.ssesolve(SX, UP, [0, 1.0], [SM], e_ops=[SZ], ntraj=4, seeds=1)
    assert result.stats["step error"] <= 0.2
    assert result.stats["dt"] < 1
    again = piqs.ssesolve(SX, UP, [0, 1.0], [SM], e_ops=[SZ], ntraj=4, seeds=1)
    np.testing.assert_array_equal(result.expect[0], again.expect[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: piqs.ssesolve(SX, UP, [0, 1], [], e_ops=[SZ]), ValueError, "must name what is detected"),
        (
            lambda: piqs.ssesolve(piqs.Dicke(2, emission=1.0), piqs.excited_ket(2), [0, 1], {"loss": 1.0}),
            ValueError,
            "among the channels",
        ),
        (
            lambda: piqs.ssesolve(
                piqs.Dicke(2, emission=1.0), piqs.excited_ket(2), [0, 1], {"emission": 2.0}
            ),
            ValueError,
            "between 0 and 1",
        ),
        (lambda: piqs.ssesolve(SX, UP.proj() / 2 + 0.25, [0, 1], [SM]), ValueError, "one ket"),
        (lambda: piqs.ssesolve(SX, UP, [0, 1], [[SM, lambda t: t]]), ValueError, "constant noise"),
        (lambda: piqs.ssesolve(SX, UP, [0, 1], [SM], options={"dt": -1}), ValueError, "dt"),
        (lambda: piqs.ssesolve(SX, UP, [0, 1], [SM], options={"frame": "fixed"}), KeyError, "frame"),
        (
            lambda: piqs.smesolve(SX, UP, [0, 1], [], [SM], options={"store_states": True}),
            ValueError,
            "keeps no states",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
