"""Rational Krylov spaces are as good at the first output as at the last, and say how good."""

import numpy as np
import pytest
import qutip
import scipy.linalg as la

from piqs import Dicke, css, excited, jspin, mesolve


@pytest.mark.parametrize(
    "times",
    [
        [0, 1, 1e6],
        [0, 0.01, 0.1, 1, 2, 1e6],
        np.linspace(0, 100, 1001),
        np.concatenate([[0], np.logspace(-3, 4, 15)]),
    ],
    ids=["two", "few", "many", "logarithmic"],
)
@pytest.mark.parametrize("rtol", [1e-6, 1e-10])
def test_early_outputs(times, rtol):
    # independent decay: <J_z> = N (exp(-t) - 1/2)
    N, times = 50, np.asarray(times, dtype=float)
    options = {"method": "rational", "rtol": rtol}
    result = Dicke(N, emission=1.0).mesolve(excited(N), times, [jspin(N, "z")], options=options)
    error = np.abs(result.expect[0] - N * (np.exp(-times) - 0.5)).max() / (N / 2)
    assert error <= 1.01 * rtol
    # a thousand roundings of the state
    assert error <= 3 * result.stats["error estimate"] + 1e-12
    # rounding of exp(tL) is eps |L| t
    assert result.stats["error estimate"] <= 1.1 * rtol + np.finfo(float).eps * N * times[-1]


def test_a_burst_before_the_transient_is_over():
    # the first output lies 1/1000 of the way, in the middle of a superradiant burst
    N, times = 60, np.linspace(0, 100, 1001)
    atoms = Dicke(
        N,
        emission=1,
        pumping=0.5,
        dephasing=0.5,
        collective_emission=1,
        collective_dephasing=0.3,
        collective_pumping=0.1,
    )
    intensity = jspin(N, "+") @ jspin(N, "-")
    rational = atoms.mesolve(excited(N), times, [intensity], options={"method": "rational"})
    steps = atoms.mesolve(excited(N), times[:9], [intensity], options={"method": "uniformization"})
    scale = N * (N / 2 + 1) / 2
    assert np.abs(rational.expect[0][:9] - steps.expect[0]).max() < 1e-6 * scale


def test_outputs_far_earlier_than_the_last_one():
    times = np.concatenate([[0], np.logspace(-9, 7, 81)])
    atoms = Dicke(2, emission=1e6, pumping=1e-5)
    result = atoms.mesolve(excited(2), times, [jspin(2, "z")], options={"method": "rational"})
    mean = (1e-5 - 1e6) / (1e-5 + 1e6)
    exact = mean + (1 - mean) * np.exp(-(1e6 + 1e-5) * times)
    assert np.abs(result.expect[0] - exact).max() < 1e-6


def test_fast_rates_within_a_long_window():
    """A pole for the whole time resolves a rate k to eps gamma k^2, which the estimate knows or a shorter window avoids."""
    up, down, out = 0.002, 4e5, 1.3e5
    kets = [qutip.basis(3, k) for k in range(3)]
    observed = [ket.proj() for ket in kets]
    jumps = [
        np.sqrt(rate) * kets[end] * kets[start].dag()
        for start, end, rate in ((0, 1, up), (1, 0, down), (0, 2, out))
    ]
    populations = np.array([[-up - out, down, 0], [up, -down, 0], [out, 0, 0]])
    times = np.concatenate([[0], 2e3 * np.logspace(-9, 0, 10)])
    exact = np.array([la.expm(t * populations)[:, 0] for t in times]).T
    for rtol in (1e-6, 1e-10):
        options = {"method": "rational", "rtol": rtol}
        result = mesolve(0 * kets[0].proj(), kets[0].proj(), times, jumps, observed, options=options)
        error = np.abs(np.array(result.expect) - exact).max()
        assert error <= rtol
        assert error <= 3 * result.stats["error estimate"] + 1e-13


@pytest.mark.parametrize(("N", "detuning"), [(12, 100.0), (16, 30.0)])
def test_coherences_that_turn_many_times_before_the_first_output(N, detuning):
    """In the frame that turns with J_z nothing turns: the noise is the same in both."""
    rates = {"emission": 0.1, "collective_emission": 1.0}
    times = np.linspace(0, 20, 21)
    still = Dicke(N, **rates).mesolve(
        css(N), times, options={"method": "faber", "rtol": 1e-10, "atol": 1e-12}
    )
    turning = Dicke(N, detuning * jspin(N, "z"), **rates).mesolve(
        css(N), times, options={"method": "rational"}
    )
    m = np.real(jspin(N, "z").diag())
    for t, here, there in zip(times, turning.states, still.states, strict=True):
        expected = there.full() * np.exp(-1j * detuning * t * (m[:, None] - m[None, :]))
        assert np.linalg.norm(here.full() - expected) < 1e-6  # rtol; spaces accepted unjudged gave 1e-4


def test_a_state_that_has_decayed_below_all_numbers():
    atoms = Dicke(3, 10 * jspin(3, "z"), emission=0.01, collective_emission=0.003)
    times = [0.0, 1.0, 1e5, 2e5, 1e10]
    decay = atoms.mesolve(css(3), times, [jspin(3, "-")], options={"method": "rational"}).expect[0]
    assert abs(decay[1]) > 1.0
    assert np.all(abs(decay[2:]) < 1e-8)  # atol


@pytest.mark.parametrize("detuning", [1.0, 6.0])
def test_a_slow_oscillation_that_turns_faster_than_the_pole(detuning):
    """Its frequency hides among fast rates, while it decays so slowly that it is still there at the first output."""
    rates = {"pumping": 0.06, "collective_emission": 0.045, "collective_dephasing": 0.0015}
    atoms = Dicke(5, jspin(5, "x") + detuning * jspin(5, "z"), **rates)
    times = [0.0, 120.0, 240.0]
    for rtol in (1e-5, 1e-8):
        options = {"method": "rational", "rtol": rtol, "atol": 1e-10}
        result = atoms.mesolve(excited(5), times, options=options)
        matrix = atoms.liouvillian().full()
        start = qutip.operator_to_vector(excited(5)).full().ravel()
        for t, state in zip(times, result.states, strict=True):
            exact = (la.expm(t * matrix) @ start).reshape(state.shape, order="F")
            assert np.abs(state.full() - exact).max() <= rtol  # was 1.5e-5 at any tolerance


def test_few_unknowns_take_few_windows_however_long_they_turn():
    """A space that holds everything hides nothing, so that windows may grow past what the pole resolves."""
    H, c_ops = 5.0 * qutip.sigmax() + qutip.sigmaz(), [1e-3 * qutip.sigmam()]
    times = [0.0, 1.0, 3e5]
    found, exact = (
        mesolve(
            H, qutip.fock_dm(2, 0), times, c_ops, [qutip.sigmaz()], options={"method": method, "rtol": 1e-5}
        )
        for method in ("rational", "exponential")
    )
    assert found.stats["applications"] < 500
    assert np.abs(found.expect[0] - exact.expect[0]).max() < 1e-5
