"""Steady-state averages from long trajectories against the steady state of the master equation."""

import warnings

import numpy as np
import pytest
import qutip

import piqs

KEEP = {"keep_runs_results": True}


def telegraph(rate, length, ntraj=6, seeds=1, points=4001, state=None):
    """An emitter that is thrown up and down: mean 0, variance 1, correlation time 1/(2 rate)."""
    up, down = np.sqrt(rate) * qutip.sigmap(), np.sqrt(rate) * qutip.sigmam()
    times = np.linspace(0, length, points)
    return piqs.mcsolve(
        0 * up,
        qutip.basis(2, 0) if state is None else state,
        times,
        [up, down],
        [qutip.sigmaz()],
        ntraj=ntraj,
        seeds=seeds,
        options=KEEP,
    )


def test_mean_error_and_correlation_time_of_a_telegraph():
    average = piqs.time_averages(telegraph(1.0, 1000))[0]
    assert abs(average.mean) < 4 * average.error
    # int_0^inf exp(-2 t) dt = 1/2; error^2 = 2 tau / (trajectories * length)
    assert average.correlation_time == pytest.approx(0.5, rel=0.4)
    assert average.error == pytest.approx(np.sqrt(2 * 0.5 / (6 * 800)), rel=0.5)
    assert average.samples == pytest.approx(1 / average.error**2, rel=0.1)


def test_a_driven_ensemble_against_its_steady_state():
    N = 6
    ensemble = piqs.Dicke(
        N, hamiltonian=piqs.jspin(N, "x"), emission=0.5, collective_emission=0.5, pumping=0.2
    )
    e_ops = {"jz": piqs.jspin(N, "z"), "jy": piqs.jspin(N, "y")}
    rho = ensemble.steadystate()
    result = ensemble.mcsolve(
        piqs.excited_ket(N), np.linspace(0, 300, 1501), e_ops, ntraj=4, seeds=2, options=KEEP
    )
    for key, average in piqs.time_averages(result).items():
        assert average.error < 0.1
        assert abs(average.mean - qutip.expect(e_ops[key], rho)) < 4 * average.error


def test_what_cannot_be_trusted_warns():
    with pytest.warns(UserWarning, match="bistable"):
        piqs.time_averages(telegraph(1e-4, 200, 12, 4, 400, qutip.qeye(2) / 2), start=0)
    decay = piqs.Dicke(50, emission=0.3).mcsolve(
        (25, 25), np.linspace(0, 10, 400), ["jz"], ntraj=20, seeds=1, options=KEEP
    )
    with pytest.warns(UserWarning, match="start later"):
        piqs.time_averages(decay, start=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        piqs.time_averages(telegraph(1.0, 1000))


def test_bad_arguments():
    result = telegraph(1.0, 10, points=40)
    with pytest.raises(ValueError, match="at least 32 times"):
        piqs.time_averages(result, start=9)
    result = piqs.mcsolve(
        qutip.sigmax(), qutip.basis(2, 0), [0, 1], [qutip.sigmam()], [qutip.sigmaz()], ntraj=2
    )
    with pytest.raises(ValueError, match="keep_runs_results"):
        piqs.time_averages(result)
