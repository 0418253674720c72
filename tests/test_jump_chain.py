"""The jump chain against rate equations, closed forms of the burst, and exact sums of rates."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.stats import gumbel_r, kstest

import piqs
from piqs._kernels.dicke_amplitudes import squared_amplitude
from piqs._kernels.jump_chain import triangle_rates
from trajectory_checks import assert_within_errors

RATES = {
    "emission": 0.6,
    "dephasing": 0.8,
    "pumping": 0.3,
    "collective_emission": 0.2,
    "collective_dephasing": 0.5,
    "collective_pumping": 0.1,
}


def rate_equation(jumps, p0, times):
    """Populations from dp/dt = W p with W made of the squared elements of the jump operators."""
    W = sum(abs(jump.full()) ** 2 for jump in jumps)
    W -= np.diag(W.sum(axis=0))
    return np.array([expm(W * t) @ p0 for t in times])


@given(N=st.integers(1, 10**6), data=st.data())
@settings(max_examples=60, deadline=None)
def test_rates_of_a_local_channel_add_up(N, data):
    """sum_D K_D^+ K_D = sum_n X_n^+ X_n: N/2 + m excited emitters emit, N/2 - m are pumped, N/4 dephase."""
    k = data.draw(st.integers(0, N // 2))
    j = N / 2 - k
    m = j - data.draw(st.integers(0, round(2 * j)))
    for q, exact in ((-1, N / 2 + m), (1, N / 2 - m), (0, N / 4)):
        total = sum(squared_amplitude(q, D, N, j, m) for D in (-1, 0, 1))
        assert total == pytest.approx(exact, rel=1e-13, abs=1e-9)


@given(N=st.integers(1, 9), rates=st.lists(st.floats(0.01, 10), min_size=6, max_size=6))
@settings(max_examples=15, deadline=None)
def test_rates_of_the_walk_are_the_squares_of_the_jump_operators(N, rates):
    ensemble = piqs.Dicke(N, **dict(zip(RATES, rates, strict=True)))
    j, m = piqs.quantum_numbers(N)
    present = [k for k in range(12) if k >= 9 or k % 3 == 1 or N > 1]
    jumps = [abs(jump.full()) ** 2 for jump in ensemble.jump_operators()]
    assert len(present) == len(jumps)
    for ket in range(j.size):
        walked = np.zeros(12)
        triangle_rates.py_func(float(N), np.array(rates), j[ket], m[ket], walked)
        for channel, squares in zip(present, jumps, strict=True):
            D, q = (channel % 3 - 1, channel // 3 - 1) if channel < 9 else (0, channel - 10)
            expected = np.zeros(j.size)
            if walked[channel] > 0:
                expected[piqs.ket_index(N, j[ket] + D, m[ket] + q)] = walked[channel]
            np.testing.assert_allclose(squares[:, ket], expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("N", [2, 5, 20])
def test_six_rates_against_the_rate_equation(N):
    ensemble = piqs.Dicke(N, **RATES)
    jumps = ensemble.jump_operators()
    times = np.linspace(0, 2, 5)
    e_ops = [piqs.jspin(N, "z"), piqs.jspin(N, "+") @ piqs.jspin(N, "-")]
    p0 = np.zeros(jumps[0].shape[0])
    p0[0] = 1
    populations = rate_equation(jumps, p0, times)
    exact = [populations @ op.diag().real for op in e_ops]
    options = {"ntraj": 1000, "seeds": 3}
    on_triangle = piqs.mcsolve(ensemble, (N / 2, N / 2), times, e_ops=["jz", "jpjm"], **options)
    on_table = piqs.mcsolve(0 * e_ops[0], piqs.excited_ket(N), times, jumps, e_ops, **options)
    for result in (on_triangle, on_table):
        assert result.stats["method"] == "jump_chain"
        assert_within_errors(result, exact)


def test_photocurrents_of_thinned_and_recorded_jumps_agree_with_the_rates():
    """Jumps that change nothing are averaged, not simulated, unless the record is wanted: same currents."""
    N, times = 6, np.linspace(0, 1, 3)
    ensemble = piqs.Dicke(N, **RATES)
    jumps = ensemble.jump_operators()
    fine = np.linspace(0, 1, 401)
    p0 = np.zeros(jumps[0].shape[0])
    p0[0] = 1
    populations = rate_equation(jumps, p0, fine)
    rates = np.array([(abs(jump.full()) ** 2).sum(axis=0) for jump in jumps])
    ntraj = 2000
    thinned = piqs.mcsolve(ensemble, (N / 2, N / 2), times, e_ops=["j"], ntraj=ntraj, seeds=5)
    recorded = piqs.mcsolve(
        ensemble, (N / 2, N / 2), times, e_ops=["j"], ntraj=ntraj, seeds=6, options={"store_jumps": True}
    )
    for k in range(len(jumps)):
        current = populations @ rates[k]
        for half, window in enumerate((slice(0, 201), slice(200, 401))):
            exact = np.trapezoid(current[window], fine[window]) / 0.5
            # counts in a window have at least Poisson noise; twice that covers the bunching of this problem
            error = 4 * 2 * np.sqrt(exact / 0.5 / ntraj)
            assert thinned.photocurrent[k][half] == pytest.approx(exact, abs=error)
            assert recorded.photocurrent[k][half] == pytest.approx(exact, abs=error)
    on_table = piqs.mcsolve(
        0 * piqs.jspin(N, "z"),
        piqs.excited_ket(N),
        times,
        jumps,
        [piqs.jspin(N, "z")],
        ntraj,
        seeds=7,
        options={"store_jumps": False},
    )
    # the silent channels, averaged along the walk, hold less noise than counts would
    for k in (4, 10):
        assert on_table.photocurrent[k] == pytest.approx(thinned.photocurrent[k], rel=0.05)
    with pytest.raises(AttributeError, match="store_jumps"):
        _ = on_table.collapse
    runs = np.mean(recorded.runs_photocurrent, axis=0)
    np.testing.assert_allclose(runs, recorded.photocurrent, atol=1e-12)
    with pytest.raises(AttributeError, match="store_jumps"):
        _ = thinned.col_times


def test_collective_noise_keeps_j_and_dephasing_alone_keeps_m():
    collective = piqs.Dicke(30, collective_emission=1.0, collective_pumping=0.5)
    times = [0.0, 0.5]
    assert piqs.mcsolve(collective, (7, 3), times, e_ops=["j"], ntraj=40, seeds=1).std_expect[0].max() == 0
    dephasing = piqs.Dicke(30, dephasing=1.0)
    result = piqs.mcsolve(dephasing, (7, 3), times, e_ops=["jz", "j"], ntraj=40, seeds=1)
    assert result.std_expect[0].max() == 0
    assert result.std_expect[1][-1] > 0


def test_burst_delay_at_large_N():
    """Half the photons are out after ln(N/xi)/N, xi exponential: mean (ln N + 0.577)/N, a Gumbel law.

    The mean-field delay ln N / N of the paper, with its quantum fluctuations.
    """
    N, ntraj = 20_000, 300
    ensemble = piqs.Dicke(N, collective_emission=1.0)
    times = np.linspace(0, 4 * np.log(N) / N, 3)
    result = piqs.mcsolve(
        ensemble, (N / 2, N / 2), times, e_ops=["jz"], ntraj=ntraj, seeds=11, options={"store_jumps": True}
    )
    delays = np.array([when[N // 2 - 1] for when in result.col_times])
    emitted = np.arange(N // 2)
    waits = 1 / ((N - emitted) * (emitted + 1.0))  # exact mean time between jumps
    error = np.sqrt((waits**2).sum() / ntraj)
    assert delays.mean() == pytest.approx(waits.sum(), abs=4 * error)
    assert delays.mean() * N == pytest.approx(np.log(N) + np.euler_gamma, abs=4 * error * N)
    # terms of order ln(N)/N are left out of the limiting law: far below what 300 delays resolve
    assert kstest(delays * N - np.log(N), gumbel_r.cdf).pvalue > 1e-3


def test_a_million_emitters():
    N = 1_000_000
    ensemble = piqs.Dicke(N, **dict.fromkeys(RATES, 1.0))
    times = [0.0, 0.5 / N]
    result = piqs.mcsolve(ensemble, (N / 2, N / 2), times, e_ops={"m": "jz"}, ntraj=500, seeds=2)
    # Near the top collective emission loses N (n + 1), n = j - m, collective pumping regains N n, local
    # emission loses N: 2 N t in all
    lost = N / 2 - result.average_e_data["m"][-1]
    assert lost == pytest.approx(1.0, abs=4 * result.sem_e_data["m"][-1])


def test_mixture_of_initial_states_is_sampled_by_weight():
    ensemble = piqs.Dicke(10, dephasing=1e-9)
    state = [((5, 5), 0.25), ((3, -1), 0.75)]
    result = piqs.mcsolve(ensemble, state, [0.0, 1.0], e_ops=["jz", "j"], ntraj=1000, seeds=4)
    error = 4 * np.sqrt(0.25 * 0.75 / 1000)
    assert result.expect[0][0] == pytest.approx(0.25 * 5 - 0.75, abs=6 * error)
    assert result.expect[1][0] == pytest.approx(0.25 * 5 + 0.75 * 3, abs=2 * error)


def test_functions_and_operators_of_j_and_m():
    N = 4
    ensemble = piqs.Dicke(N, emission=1.0, hamiltonian=2.0 * piqs.jspin(N, "z"))
    e_ops = {"f": lambda j, m: j * m, "op": piqs.jspin(N, "z"), "name": "jz", "phase": lambda j, m: 1j * m}
    result = piqs.mcsolve(ensemble, piqs.excited(N), [0.0, 0.3], e_ops=e_ops, ntraj=50, seeds=4)
    assert list(result.e_data) == list(e_ops)
    assert result.e_data["f"][0] == 4.0
    np.testing.assert_array_equal(result.e_data["op"], result.e_data["name"])
    np.testing.assert_allclose(result.e_data["phase"], 1j * result.e_data["name"])


def test_names_and_quantum_numbers_serve_coherent_ensembles_too():
    N, times = 4, [0.0, 0.4]
    ensemble = piqs.Dicke(N, hamiltonian=piqs.jspin(N, "x"), emission=0.5)
    named = ensemble.mcsolve([((2, 1), 1.0)], times, {"m": "jz", "light": "jpjm"}, ntraj=20, seeds=3)
    assert named.stats["method"] == "wave_function"
    jp = piqs.jspin(N, "+")
    operators = {"m": piqs.jspin(N, "z"), "light": jp @ jp.dag()}
    same = ensemble.mcsolve(piqs.dicke_ket(N, 2, 1), times, operators, ntraj=20, seeds=3)
    for key in operators:
        np.testing.assert_allclose(named.e_data[key], same.e_data[key], atol=1e-12)
    exact = ensemble.mesolve(piqs.dicke(N, 2, 1), times, list(operators.values())).expect
    assert_within_errors(named, exact, floor=1e-5)


def test_same_seed_same_walk_on_one_and_four_workers():
    ensemble = piqs.Dicke(50, **RATES)
    runs = [
        piqs.mcsolve(
            ensemble,
            (25, 25),
            np.linspace(0, 1, 5),
            e_ops=["jz"],
            ntraj=100,
            seeds=8,
            options={"num_cpus": workers, "store_jumps": True, "keep_runs_results": True},
        )
        for workers in (1, 4)
    ]
    np.testing.assert_array_equal(runs[0].runs_expect[0], runs[1].runs_expect[0])
    for one, four in zip(runs[0].col_times, runs[1].col_times, strict=True):
        np.testing.assert_array_equal(one, four)
    np.testing.assert_array_equal(runs[0].photocurrent, runs[1].photocurrent)


@pytest.mark.parametrize(
    ("state", "options", "error", "message"),
    [
        ((5.5, 0.5), {}, ValueError, "does not exist"),
        ((6, 0), {}, ValueError, "does not exist"),
        ((5, 0.3), {}, ValueError, "multiple of 1/2"),
        ([((5, 5), 0.5)], {}, ValueError, "add up to 1"),
        ([((5, 5), -1.0)], {}, ValueError, "must be >= 0"),
        ((5, 5), {"e_ops": None}, ValueError, "e_ops must name"),
        ((5, 5), {"e_ops": ["jx"]}, ValueError, "must be one of"),
        ((5, 5), {"e_ops": [qutip.qeye(3)]}, ValueError, "on the Dicke kets"),
        ((5, 5), {"c_ops": [qutip.qeye(3)]}, ValueError, "must stay empty"),
        ((5, 5), {"options": {"store_states": True}}, ValueError, "need kets"),
    ],
)
def test_bad_arguments(state, options, error, message):
    arguments = {"e_ops": ["jz"], "ntraj": 2, **options}
    with pytest.raises(error, match=message):
        piqs.mcsolve(piqs.Dicke(10, emission=1.0), state, [0.0, 1.0], **arguments)


def test_an_ensemble_without_noise_stays_where_it_is():
    result = piqs.mcsolve(piqs.Dicke(10), (5, 4), [0.0, 1.0], e_ops=["jz"])
    np.testing.assert_allclose(result.expect[0], [4.0, 4.0])
    assert result.channels == []
