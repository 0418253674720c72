"""Periodic states against closed forms, long evolution, the dense map of a period, and each other."""

import numpy as np
import pytest
import qutip
import scipy.linalg as la

import piqs
from piqs import Dicke, excited, floquet_steadystate, jspin

SM = qutip.sigmam()


def rotating(w, detuning, rabi):
    """An atom in a drive that rotates with w."""
    return [
        0.5 * (w + detuning) * qutip.sigmaz(),
        [SM.dag(), lambda t: 0.5 * rabi * np.exp(-1j * w * t)],
        [SM, lambda t: 0.5 * rabi * np.exp(1j * w * t)],
    ]


@pytest.mark.parametrize("method", ["harmonic balance", "map"])
def test_rotating_drive(method):
    w, detuning, rabi = 5.0, 0.7, 1.4
    state = floquet_steadystate(rotating(w, detuning, rabi), [SM], 2 * np.pi / w, method=method)
    assert state.method == method
    # optical Bloch equations in the rotating frame
    s = 0.5 * rabi**2 / (detuning**2 + 0.25)
    assert state.expect(qutip.sigmaz()) == pytest.approx(-1 / (1 + s), abs=1e-9)
    assert state.expect(qutip.sigmaz(), [0.1, 0.9, 0.4]) == pytest.approx([-1 / (1 + s)] * 3, abs=1e-9)
    dipole = state.harmonics(SM, 3)  # <sigma_-> rotates with exp(-i w t): no harmonic of positive frequency
    assert np.abs(dipole).max() < 1e-9
    assert abs(state.harmonics(SM.dag(), 2)[1]) == pytest.approx(np.sqrt(s / 2) / (1 + s), abs=1e-9)


def driven(N, depth=0.8, w=2.0):
    H = [jspin(N, "x"), [jspin(N, "z"), lambda t: depth * np.cos(w * t)]]
    return Dicke(N, H, emission=0.3, dephasing=0.2, collective_emission=1.0 / N), 2 * np.pi / w


@pytest.mark.parametrize("N", [2, 6])
def test_both_routes_and_long_evolution(N):
    model, period = driven(N)
    balance, by_map = (
        floquet_steadystate(model, None, period, method=m) for m in ("harmonic balance", "map")
    )
    times = np.array([0.0, 0.3, 1.1, 2.9])
    late = 40 * period
    run = model.mesolve(
        excited(N),
        np.concatenate([[0], late + times]),
        [jspin(N, "z")],
        options={"rtol": 1e-11, "atol": 1e-13},
    )
    for state in (balance, by_map):
        assert state.expect(jspin(N, "z"), times) == pytest.approx(run.expect[0][1:], abs=1e-8)
        assert state.state(1.1).tr() == pytest.approx(1, abs=1e-10)
        assert np.abs((state.state(0.3) - state.state(0.3 + period)).full()).max() < 1e-10
    assert balance.harmonics(jspin(N, "x"), 4) == pytest.approx(by_map.harmonics(jspin(N, "x"), 4), abs=1e-8)


def test_multipliers_against_the_dense_map():
    model, period = driven(2)
    state = floquet_steadystate(model, None, period)
    L = qutip.QobjEvo([model.liouvillian(damping=False)(0.0) * 0]) + model.liouvillian(damping=False)
    P = qutip.propagator(L, period, options={"rtol": 1e-11, "atol": 1e-13, "nsteps": 100000}).full()
    exact = la.eigvals(P)
    found = state.multipliers(5)
    assert found[0] == pytest.approx(1, abs=1e-9)
    for value in found:
        assert np.abs(exact - value).min() < 1e-7
    assert np.all(np.diff(np.abs(found)) <= 1e-10)


def test_kicks_take_the_map():
    # short rectangular kicks, which have no few harmonics
    N, period = 4, 2.0
    kick = lambda t: 4.0 * ((t % period) < 0.25)  # noqa: E731
    model = Dicke(N, [0.2 * jspin(N, "z"), [jspin(N, "x"), kick]], emission=0.3, dephasing=0.1)
    state = floquet_steadystate(model, None, period)
    assert state.method == "map"
    constant = [0.2 * jspin(N, "z") + 4.0 * jspin(N, "x"), 0.2 * jspin(N, "z")]
    jumps = Dicke(N, emission=0.3, dephasing=0.1).jump_operators()
    rho = excited(N)
    for _ in range(60):
        rho = piqs.mesolve(constant[0], rho, [0, 0.25], jumps, options={"rtol": 1e-11, "atol": 1e-13}).states[
            -1
        ]
        rho = piqs.mesolve(constant[1], rho, [0, 1.75], jumps, options={"rtol": 1e-11, "atol": 1e-13}).states[
            -1
        ]
    assert np.abs((state.state(0.0) - rho).full()).max() < 1e-7


def test_correlations_around_the_periodic_state():
    w, rabi = 5.0, 1.4
    state = floquet_steadystate(rotating(w, 0.0, rabi), [SM], 2 * np.pi / w)
    tau = np.linspace(0, 3, 7)
    frame = piqs.correlation_2op_1t(0.5 * rabi * qutip.sigmax(), None, tau, [SM], SM.dag(), SM)
    assert state.correlation(SM.dag(), SM, tau, phases=4) == pytest.approx(
        np.exp(1j * w * tau) * frame, abs=1e-7
    )


def test_spectrum_around_the_periodic_state():
    # in the frame of the drive: the Mollow triplet, moved by the frequency of the drive
    w, rabi = 5.0, 1.4
    state = floquet_steadystate(rotating(w, 0.0, rabi), [SM], 2 * np.pi / w)
    detunings = np.array([-2.0, -1.4, 0.0, 0.3, 1.4])
    frame = piqs.spectrum(0.5 * rabi * qutip.sigmax(), detunings, [SM], SM.dag(), SM)
    assert state.spectrum(w + detunings, SM.dag(), SM, phases=4) == pytest.approx(frame, abs=1e-5)


def test_bad_input():
    model, period = driven(2)
    with pytest.raises(ValueError, match="period must be positive"):
        floquet_steadystate(model, None, -1.0)
    with pytest.raises(ValueError, match="period must be positive"):
        floquet_steadystate(model)
    with pytest.raises(ValueError, match="is not one of H"):
        floquet_steadystate(model, None, 0.7 * period)
    with pytest.raises(ValueError, match="FloquetBasis"):
        floquet_steadystate(rotating(1, 0, 1), None, 2 * np.pi)
    with pytest.raises(ValueError, match="harmonic"):
        floquet_steadystate(
            [[jspin(2, "x"), lambda t: 1.0 * (t % 1 < 0.5)]], [jspin(2, "-")], 1.0, method="harmonic balance"
        )
    conserving = [[jspin(2, "z"), lambda t: np.cos(2 * np.pi * t)]]
    with pytest.raises(piqs.SteadyStateError):
        floquet_steadystate(conserving, [jspin(2, "z")], 1.0)
    with pytest.raises(ValueError, match="k must be"):
        floquet_steadystate(model, None, period).multipliers(0)
