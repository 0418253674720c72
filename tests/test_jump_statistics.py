"""Waiting times, counts and correlations from trajectories against closed forms and the regression theorem."""

import numpy as np
import pytest
import qutip

import piqs

RABI, GAMMA = 2.0, 1.0
JUMP = np.sqrt(GAMMA) * qutip.sigmam()
DRIVE = RABI / 2 * qutip.sigmax()


@pytest.fixture(scope="module")
def fluorescence():
    """One driven emitter for 400 lifetimes: some 100 trajectories of 170 photons."""
    return piqs.mcsolve(DRIVE, qutip.basis(2, 1), [0.0, 400.0], [JUMP], ntraj=100, seeds=1)


def test_waiting_times_of_resonance_fluorescence(fluorescence):
    """w(tau) = gamma rabi^2/L^2 exp(-gamma tau/2) sin^2(L tau/2), L^2 = rabi^2 - gamma^2/4.

    Carmichael, Singh, Vyas, Rice, Phys. Rev. A 39, 1200 (1989).
    """
    L = np.sqrt(RABI**2 - GAMMA**2 / 4)
    edges = np.linspace(0, 6, 25)
    density, error = piqs.waiting_time_distribution(fluorescence, edges)
    fine = np.linspace(0, 6, 2401)
    w = GAMMA * (RABI / L) ** 2 * np.exp(-GAMMA * fine / 2) * np.sin(L * fine / 2) ** 2
    exact = np.array([np.trapezoid(w[100 * k : 100 * k + 101], dx=fine[1]) for k in range(24)]) / 0.25
    assert (abs(density - exact) < 4 * error + 1e-5).all()
    mean = (GAMMA**2 + 2 * RABI**2) / (GAMMA * RABI**2)  # inverse of the steady-state photon rate
    waits = piqs.waiting_times(fluorescence)
    # a record of 400 loses the last, cut-off wait: a bias of one part in 100
    assert waits.mean() == pytest.approx(mean, abs=4 * waits.std() / np.sqrt(waits.size) + 0.01 * mean)


def test_antibunching_of_resonance_fluorescence(fluorescence):
    """g2(tau) = 1 - exp(-3 gamma tau/4) (cos(nu tau) + 3 gamma/(4 nu) sin(nu tau)), nu^2 = rabi^2 - gamma^2/16."""
    nu = np.sqrt(RABI**2 - GAMMA**2 / 16)
    edges = np.linspace(0, 5, 21)
    g2, error = piqs.g2_from_records(fluorescence, edges, start=20.0)
    tau = np.linspace(0, 5, 2001)
    exact = 1 - np.exp(-0.75 * GAMMA * tau) * (np.cos(nu * tau) + 0.75 * GAMMA / nu * np.sin(nu * tau))
    exact = np.array([np.trapezoid(exact[100 * k : 100 * k + 101], dx=tau[1]) for k in range(20)]) / 0.25
    assert (abs(g2 - exact) < 4 * error).all()
    assert g2[0] < 0.2 < 1 < g2[5]


def test_photon_counts_of_resonance_fluorescence(fluorescence):
    """Long-time Mandel Q = -6 rabi^2 gamma^2/(gamma^2 + 2 rabi^2)^2: fewer fluctuations than Poisson.

    R. J. Cook, Phys. Rev. A 23, 1243 (1981).
    """
    counts = piqs.count_statistics(fluorescence, start=20.0)
    rate = GAMMA * RABI**2 / (GAMMA**2 + 2 * RABI**2)
    assert counts.mean == pytest.approx(380 * rate, abs=4 * counts.mean_error)
    Q = -6 * RABI**2 * GAMMA**2 / (GAMMA**2 + 2 * RABI**2) ** 2
    assert counts.fano - 1 == pytest.approx(Q, abs=4 * counts.fano_error)


def test_channels_by_number_and_by_name():
    ensemble = piqs.Dicke(4, emission=1.0, pumping=1.0, collective_emission=0.5)
    result = piqs.mcsolve(
        ensemble, (2, 2), [0, 5], e_ops=["jz"], ntraj=20, seeds=1, options={"store_jumps": True}
    )
    assert result.channels[0] == "emission, j-1"
    local, one = piqs.jump_times(result, "emission"), piqs.jump_times(result, [0, 1, 2])
    assert [len(t) for t in local] == [len(t) for t in one]
    everything = sum(len(t) for t in piqs.jump_times(result))
    parts = ["emission", "pumping", "collective_emission"]
    assert sum(len(t) for name in parts for t in piqs.jump_times(result, name)) == everything


def test_two_time_correlation_against_the_regression_theorem():
    """Driven emitters with local decay, before the steady state: both orders, and an operator with a mean."""
    N, t, delays = 2, 0.7, np.linspace(0, 2, 5)
    ensemble = piqs.Dicke(N, hamiltonian=piqs.jspin(N, "x"), emission=0.5, dephasing=0.3)
    jp, jm = piqs.jspin(N, "+"), piqs.jspin(N, "-")
    rho = qutip.mesolve(
        ensemble.hamiltonian,
        piqs.excited(N),
        [0, t],
        ensemble.jump_operators(),
        options={"store_states": True, "atol": 1e-10, "rtol": 1e-8},
    ).states[-1]
    for A, B in ((jp, jm), (jm, piqs.jspin(N, "z"))):
        later = qutip.mesolve(
            ensemble.hamiltonian,
            B * rho,
            delays,
            ensemble.jump_operators(),
            e_ops=[A],
            options={"atol": 1e-10, "rtol": 1e-8},
        )
        value, error = piqs.correlation_mc(
            ensemble, piqs.excited_ket(N), t, delays, (), A, B, ntraj=400, seeds=2
        )
        assert (abs(value - np.array(later.expect[0])) < 4 * error + 1e-9).all()
        assert error.max() < 0.1


def test_same_seed_same_correlation():
    arguments = (DRIVE, qutip.basis(2, 0), 0.5, [0.0, 1.0], [JUMP], JUMP.dag(), JUMP)
    seed = np.random.SeedSequence(5)
    one, four = (
        piqs.correlation_mc(*arguments, ntraj=40, seeds=seed, options={"num_cpus": n})[0] for n in (1, 4)
    )
    np.testing.assert_array_equal(one, four)


def test_too_few_events_warn():
    few = piqs.mcsolve(DRIVE, qutip.basis(2, 1), [0.0, 10.0], [JUMP], ntraj=3, seeds=1)
    with pytest.warns(UserWarning, match="fewer than 10 events"):
        piqs.waiting_time_distribution(few, np.linspace(0, 5, 50))
    with pytest.warns(UserWarning, match="fewer than 10 events"):
        piqs.g2_from_records(few, np.linspace(0, 5, 50))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: piqs.jump_times(r, 3), "channels must be among"),
        (lambda r: piqs.jump_times(r, "absorption"), "channels must be among"),
        (lambda r: piqs.waiting_time_distribution(r, [1, 1]), "increasing"),
        (lambda r: piqs.waiting_time_distribution(r, [-1, 1]), "increasing"),
        (lambda r: piqs.waiting_time_distribution(r, [0, 500]), "shorter than the record"),
        (lambda r: piqs.g2_from_records(r, [0, 1], start=1e4), "start must lie"),
        (lambda r: piqs.count_statistics(r, 5, 4), "window"),
        (lambda r: piqs.correlation_mc(DRIVE, qutip.basis(2, 0), -1, [0], [JUMP], JUMP, JUMP), "negative"),
        (lambda r: piqs.correlation_mc(DRIVE, qutip.basis(2, 0), 1, [-1], [JUMP], JUMP, JUMP), "negative"),
    ],
)
def test_bad_arguments(fluorescence, call, message):
    with pytest.raises(ValueError, match=message):
        call(fluorescence)
