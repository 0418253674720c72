"""What `mcsolve` keeps and returns: states by blocks, weights, results of QuTiP's kind, and what Ctrl-C leaves."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import qutip

import piqs
from trajectory_checks import assert_within_errors

ACCURATE = {"atol": 1e-10, "rtol": 1e-8}
SX, SZ, SM, UP = qutip.sigmax(), qutip.sigmaz(), qutip.sigmam(), qutip.basis(2, 0)
TIMES = np.linspace(0, 2, 5)


def test_a_state_that_nothing_moves_is_no_division_by_zero():
    """H_eff vanishes on the ground state: a Taylor series of scale zero."""
    H, jump = 0 * SZ, [[SM, lambda t: np.sqrt(1 - np.exp(-t))]]
    exact = qutip.mesolve(H, UP, [0, 1, 2], jump, e_ops=[SZ], options=ACCURATE).expect
    result = piqs.mcsolve(H, UP, [0, 1, 2], jump, e_ops=[SZ], ntraj=400, seeds=1)
    assert_within_errors(result, exact)


@pytest.mark.parametrize("state", [UP, 0.3 * UP.proj() + 0.7 * qutip.basis(2, 1).proj()])
def test_without_jumps_kets_follow_the_schroedinger_equation(state):
    exact = qutip.mesolve(0.7 * SX, state, TIMES, e_ops=[SZ, SM], options=ACCURATE).expect
    result = piqs.mcsolve(0.7 * SX, state, TIMES, [], e_ops=[SZ, SM], options={"store_states": True})
    assert result.num_trajectories == 0
    assert sum(result.deterministic_weights) == pytest.approx(1, abs=1e-14)
    for mine, theirs in zip(result.expect, exact, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-7)
    np.testing.assert_allclose(qutip.expect(SZ, result.states), result.expect[0], atol=1e-12)
    np.testing.assert_array_equal(result.sem_expect[0], 0)


@pytest.mark.parametrize("mixed", [False, True])
def test_improved_sampling_is_unbiased_and_sharper(mixed):
    state = 0.2 * UP.proj() + 0.8 * (UP + qutip.basis(2, 1)).unit().proj() if mixed else UP
    exact = qutip.mesolve(0.3 * SZ, state, TIMES, [0.3 * SM], e_ops=[SZ, SX], options=ACCURATE).expect
    options = [{"improved_sampling": flag, "method": "wave_function"} for flag in (False, True)]
    runs = [
        piqs.mcsolve(0.3 * SZ, state, TIMES, [0.3 * SM], e_ops=[SZ, SX], ntraj=400, seeds=2, options=given)
        for given in options
    ]
    weights = [*runs[1].runs_weights, *runs[1].deterministic_weights]
    assert sum(weights) == pytest.approx(1, abs=1e-12)
    assert all(len(when) > 0 for when in runs[1].col_times)
    assert_within_errors(runs[1], exact, since=1, floor=1e-8)
    assert runs[1].sem_expect[0][-1] < 0.5 * runs[0].sem_expect[0][-1]


def test_mixed_initial_states_are_allotted_by_weight():
    """As QuTiP does: the averages at the first time are exact, whatever the number of trajectories."""
    state = 0.3 * UP.proj() + 0.7 * qutip.basis(2, 1).proj()
    for ntraj in (2, 10, 13):
        result = piqs.mcsolve(0.5 * SX, state, [0, 1], [SM], ntraj=ntraj, seeds=1)
        assert result.states[0] == state
        assert sum(result.ntraj_per_initial_state) == ntraj
        assert len(result.initial_states) == 2
        assert sum(result.runs_weights) == pytest.approx(1, abs=1e-14)
    one = piqs.mcsolve(0.5 * SX, state, [0, 1], [SM], ntraj=1, seeds=1)
    assert one.ntraj_per_initial_state is None


def test_averaged_states_are_block_diagonal_in_j_and_right():
    """N = 4 driven: blocks of 5, 3 and 1 kets, 35 elements a time where the dense matrix has 81."""
    N, times = 4, [0.0, 0.7]
    ensemble = piqs.Dicke(N, hamiltonian=2 * piqs.jspin(N, "x"), emission=0.6, dephasing=0.4)
    result = piqs.mcsolve(ensemble, piqs.excited_ket(N), times, ntraj=2000, seeds=3)
    assert result._blocks.offsets[-1] == 35
    exact = ensemble.mesolve(piqs.excited(N), times).states[-1].full()
    averaged = result.average_states[-1].full()
    assert np.trace(averaged) == pytest.approx(1, abs=1e-12)
    # 2,000 trajectories: an element has an error of at most 0.5/sqrt(2000)
    assert abs(averaged - exact).max() < 4 * 0.5 / np.sqrt(2000)
    kept = piqs.mcsolve(
        ensemble, piqs.excited_ket(N), times, ntraj=8, seeds=3, options={"keep_runs_results": True}
    )
    mean = sum(run[-1].proj() for run in kept.runs_states) / 8
    assert abs((mean - kept.average_states[-1]).full()).max() < 1e-14


def test_coherence_between_components_is_in_the_averaged_states():
    """A coherent superposition of components of H_eff stays one block through every jump."""
    a = qutip.destroy(5)
    start = qutip.coherent(5, 0.8).unit()
    exact = qutip.mesolve(a.dag() * a, start, [0, 0.5], [a], options=ACCURATE).states[-1].full()
    averaged = piqs.mcsolve(a.dag() * a, start, [0, 0.5], [a], ntraj=2000, seeds=4).states[-1].full()
    assert abs(averaged - exact).max() < 4 * 0.5 / np.sqrt(2000)
    assert abs(averaged[0, 1]) > 0.1


def test_states_that_do_not_fit_are_refused_before_the_run(monkeypatch):
    monkeypatch.setattr("piqs._resources.NEGLIGIBLE", 0)
    monkeypatch.setattr("piqs._resources.available_bytes", lambda: 1e4)
    ensemble = piqs.Dicke(10, hamiltonian=piqs.jspin(10, "x"), emission=0.1)
    for options in ({}, {"keep_runs_results": True}):
        with pytest.raises(MemoryError, match="Pass e_ops, fewer times"):
            piqs.mcsolve(ensemble, piqs.excited_ket(10), np.linspace(0, 1, 101), options=options)


def test_coherence_between_two_j_is_refused():
    ensemble = piqs.Dicke(2, hamiltonian=piqs.jspin(2, "x"), emission=0.1)
    crossing = (qutip.basis(4, 0) + qutip.basis(4, 3)).unit()
    for state in (crossing, crossing.proj()):
        with pytest.raises(ValueError, match="two j"):
            piqs.mcsolve(ensemble, state, [0, 1], e_ops=[piqs.jspin(2, "z")])


def test_channels_have_names():
    result = piqs.mcsolve(
        piqs.Dicke(3, hamiltonian=piqs.jspin(3, "x"), emission=0.3, collective_pumping=0.2),
        piqs.excited_ket(3),
        [0, 3],
        ntraj=50,
        seeds=5,
    )
    assert result.channels == ["emission, j-1", "emission, j", "emission, j+1", "collective_pumping"]
    assert len(piqs.waiting_times(result, "emission")) > 0


def test_the_result_is_one_of_qutips():
    state = 0.25 * UP.proj() + 0.75 * qutip.basis(2, 1).proj()
    options = {"store_states": True, "keep_runs_results": True}
    one, two = (
        piqs.mcsolve(SX, state, TIMES, [SM], e_ops={"z": SZ}, ntraj=n, seeds=n, options=options)
        for n in (10, 30)
    )
    assert isinstance(one, qutip.solver.multitrajresult.McResult)
    assert one.stats["num_collapse"] == one.num_c_ops == 1
    assert len(one.trajectories) == 10
    np.testing.assert_array_equal(one.trajectories[3].e_data["z"], one.runs_e_data["z"][3])
    last = one.steady_state(2)
    assert abs((last - (one.average_states[-1] + one.average_states[-2]) / 2).full()).max() < 1e-14
    for p, share in ((None, 0.25), (0.6, 0.6)):
        both = one.merge(two, p)
        mixed = share * one.average_expect[0] + (1 - share) * two.average_expect[0]
        np.testing.assert_allclose(both.average_expect[0], mixed, atol=1e-14)
        states = share * one.average_states[2] + (1 - share) * two.average_states[2]
        assert abs((both.average_states[2] - states).full()).max() < 1e-14
        assert both.num_trajectories == 40
        assert sum(both.runs_weights) == pytest.approx(1, abs=1e-12)
    together = one + two
    whole = np.concatenate([one.runs_expect[0], two.runs_expect[0]])
    mean = np.average(whole, axis=0, weights=together.runs_weights)
    spread = np.average((whole - mean) ** 2, axis=0, weights=together.runs_weights)
    np.testing.assert_allclose(together.std_expect[0], np.sqrt(spread), atol=1e-12)
    with pytest.raises(ValueError, match="other times"):
        one.merge(piqs.mcsolve(SX, UP, [0, 1], [SM], e_ops={"z": SZ}, ntraj=2))


def test_plots_of_a_result():
    import matplotlib.pyplot as plt

    result = piqs.mcsolve(
        SX, UP, TIMES, [SM], e_ops={"z": SZ}, ntraj=20, seeds=1, options={"keep_runs_results": True}
    )
    _, axes = result.plot_expect(show_trajectories=3)
    assert [line.get_label() for line in axes.get_lines()][-1] == "z (avg)"
    _, axes = result.plot_photocurrent()
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), result.photocurrent[0])
    plt.close("all")


def test_options_of_qutip_without_effect_are_named():
    with pytest.warns(UserWarning, match=r"'norm_tol', \"method='adams'\".*have no effect"):
        result = piqs.mcsolve(
            SX, UP, [0, 1], [SM], e_ops=[SZ], ntraj=3, options={"norm_tol": 1e-3, "method": "adams"}
        )
    assert result.num_trajectories == 3
    one, two = (
        piqs.mcsolve(SX, UP, [0, 9], [SM], ntraj=3, seeds=1, options={"bitgenerator": bits})
        for bits in ("MT19937", None)
    )
    assert one.collapse != two.collapse


def interrupt_after(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    return time.monotonic() + seconds


def long_runs():
    """Calls that take minutes: many trajectories, one long trajectory, and a long walk."""
    N = 40
    driven = piqs.Dicke(N, hamiltonian=N * piqs.jspin(N, "x"), emission=1.0, pumping=1.0)
    start = piqs.excited_ket(N)
    e_ops = [piqs.jspin(N, "z")]
    walk = piqs.Dicke(10**6, emission=1.0, pumping=1.0)
    return {
        "many": lambda: piqs.mcsolve(driven, start, [0, 1.0], e_ops=e_ops, ntraj=10**5, seeds=1),
        "one": lambda: piqs.mcsolve(driven, start, [0, 1e5], e_ops=e_ops, ntraj=1, seeds=1),
        "walk": lambda: piqs.mcsolve(walk, (500000, 0), [0, 1e6], e_ops=["jz"], ntraj=1, seeds=1),
    }


@pytest.mark.parametrize("kind", ["many", "one", "walk"])
def test_ctrl_c_is_heard_within_a_second_and_keeps_what_is_finished(kind):
    run = long_runs()[kind]
    piqs.mcsolve(SX, UP, [0, 1], [SM], e_ops=[SZ], ntraj=2)  # compiled
    piqs.mcsolve(piqs.Dicke(3, emission=1.0), (1.5, 1.5), [0, 1], e_ops=["jz"], ntraj=2)
    sent = interrupt_after(1.0)
    with pytest.raises(KeyboardInterrupt) as caught:
        run()
    assert time.monotonic() - sent < 30  # a second on an idle machine; minutes if it is not heard
    result = caught.value.result
    assert result.stats["end_condition"] == "interrupted"
    assert result.num_trajectories == len(result.seeds) == len(result.runs_weights)
    if kind == "many":
        assert 0 < result.num_trajectories < 10**5
        assert np.isfinite(result.expect[0]).all()


def test_a_process_ends_after_ctrl_c():
    """No thread is left computing."""
    script = (
        "import piqs, qutip, threading, os, signal\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "piqs.mcsolve(qutip.sigmax(), qutip.basis(2, 0), [0, 1e9], [qutip.sigmam()], e_ops=[], ntraj=4)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert "KeyboardInterrupt" in done.stderr
