"""Wave-function trajectories against brute force, closed forms, QuTiP's master equation, and themselves."""

import os
import signal

import numpy as np
import pytest
import qutip
from scipy.integrate import quad
from scipy.stats import kstest

import piqs
from trajectory_checks import assert_within_errors

ACCURATE = {"atol": 1e-10, "rtol": 1e-8}
RATES = {
    "emission": 0.3,
    "dephasing": 0.5,
    "pumping": 0.2,
    "collective_emission": 0.4,
    "collective_dephasing": 0.3,
    "collective_pumping": 0.1,
}


def full_space_averages(N, drive, times):
    """Six rates and a drive on 2^N, emitter by emitter: <J_z>, <J_y>, <J_+ J_->."""

    def on(n, op):
        return qutip.tensor([op if k == n else qutip.qeye(2) for k in range(N)])

    lower = [on(n, qutip.sigmam()) for n in range(N)]
    sz = [on(n, 0.5 * qutip.sigmaz()) for n in range(N)]
    jm, jz = sum(lower), sum(sz)
    jx = 0.5 * (jm + jm.dag())
    jumps = [np.sqrt(RATES["emission"]) * op for op in lower]
    jumps += [np.sqrt(RATES["dephasing"]) * op for op in sz]
    jumps += [np.sqrt(RATES["pumping"]) * op.dag() for op in lower]
    jumps += [np.sqrt(RATES["collective_emission"]) * jm, np.sqrt(RATES["collective_dephasing"]) * jz]
    jumps += [np.sqrt(RATES["collective_pumping"]) * jm.dag()]
    jy = -0.5j * (jm.dag() - jm)
    start = qutip.tensor([qutip.basis(2, 0)] * N)
    return qutip.mesolve(
        drive * jx, start, times, jumps, e_ops=[jz, jy, jm.dag() * jm], options=ACCURATE
    ).expect


@pytest.mark.parametrize("N", [2, 4])
def test_six_rates_and_a_drive_against_brute_force(N):
    times = np.linspace(0, 2, 5)
    ensemble = piqs.Dicke(N, hamiltonian=1.5 * piqs.jspin(N, "x"), **RATES)
    e_ops = [piqs.jspin(N, "z"), piqs.jspin(N, "y"), piqs.jspin(N, "+") @ piqs.jspin(N, "-")]
    result = piqs.mcsolve(ensemble, piqs.excited_ket(N), times, e_ops=e_ops, ntraj=600, seeds=1)
    assert result.stats["method"] == "wave_function"
    assert_within_errors(result, full_space_averages(N, 1.5, times))


def test_twenty_driven_emitters_against_the_density_matrix():
    N, times = 20, np.linspace(0, 1, 5)
    ensemble = piqs.Dicke(N, hamiltonian=3 * piqs.jspin(N, "x"), **{k: v / 4 for k, v in RATES.items()})
    e_ops = [piqs.jspin(N, "z"), piqs.jspin(N, "y"), piqs.jspin(N, "+") @ piqs.jspin(N, "-")]
    exact = ensemble.mesolve(piqs.excited(N), times, e_ops).expect
    result = piqs.mcsolve(ensemble, piqs.excited_ket(N), times, e_ops=e_ops, ntraj=300, seeds=2)
    assert_within_errors(result, exact, floor=1e-5)  # the solver's default tolerance is 1e-6


def test_coherent_state_under_independent_noise():
    """No Hamiltonian, but coherence: <J_x> = (N/2) exp(-(gamma + gamma_phi) t/2), inversion exp(-gamma t)."""
    N, gamma, dephasing, times = 6, 1.0, 0.5, np.linspace(0, 1, 4)
    ensemble = piqs.Dicke(N, emission=gamma, dephasing=dephasing)
    e_ops = [piqs.jspin(N, "x"), piqs.jspin(N, "z")]
    result = piqs.mcsolve(ensemble, piqs.css_ket(N), times, e_ops=e_ops, ntraj=400, seeds=2)
    assert result.stats["method"] == "wave_function"
    exact = [N / 2 * np.exp(-(gamma + dephasing) * times / 2), N / 2 * (np.exp(-gamma * times) - 1)]
    assert_within_errors(result, exact)


def test_emitters_in_a_cavity():
    N, photons, times = 2, 4, np.linspace(0, 3, 4)
    a = qutip.tensor(qutip.destroy(photons), qutip.qeye(4))
    jm = qutip.tensor(qutip.qeye(photons), piqs.jspin(N, "-"))
    H = 1.2 * (a.dag() * jm + a * jm.dag())
    local = piqs.Dicke(N, emission=0.3, dephasing=0.4).jump_operators()
    jumps = [np.sqrt(0.5) * a] + [qutip.tensor(qutip.qeye(photons), K) for K in local]
    start = qutip.tensor(qutip.basis(photons, 0), piqs.excited_ket(N))
    e_ops = {"photons": a.dag() * a, "intensity": jm.dag() * jm}
    full_jumps = [np.sqrt(0.5) * qutip.tensor(qutip.destroy(photons), qutip.qeye(2), qutip.qeye(2))]
    lower = [
        qutip.tensor(qutip.qeye(photons), qutip.sigmam(), qutip.qeye(2)),
        qutip.tensor(qutip.qeye(photons), qutip.qeye(2), qutip.sigmam()),
    ]
    b = full_jumps[0] / np.sqrt(0.5)
    S = sum(lower)
    full_jumps += [np.sqrt(0.3) * s for s in lower]
    full_jumps += [np.sqrt(0.4) * 0.5 * (s.dag() * s - s * s.dag()) for s in lower]
    exact = qutip.mesolve(
        1.2 * (b.dag() * S + b * S.dag()),
        qutip.tensor(qutip.basis(photons, 0), qutip.basis(2, 0), qutip.basis(2, 0)),
        times,
        full_jumps,
        e_ops=[b.dag() * b, S.dag() * S],
        options=ACCURATE,
    ).expect
    result = piqs.mcsolve(H, start, times, jumps, e_ops, ntraj=500, seeds=3)
    assert_within_errors(result, exact)
    assert list(result.e_data) == ["photons", "intensity"]


def test_only_connected_kets_are_held():
    """The cavity conserves excitations: the components of H_eff are far smaller than the space."""
    from piqs.equations import read
    from piqs.trajectories.averages import Averages
    from piqs.trajectories.initial import read_state
    from piqs.trajectories.sampler import Keep
    from piqs.trajectories.unravelling import unravel
    from piqs.trajectories.wave_function import WaveFunctions

    N, photons = 4, 5
    a = qutip.tensor(qutip.destroy(photons), qutip.qeye(9))
    jm = qutip.tensor(qutip.qeye(photons), piqs.jspin(N, "-"))
    times = np.array([0.0, 1.0])
    equation = read(a.dag() * jm + a * jm.dag(), [a, jm], None, times)
    start = read_state(qutip.tensor(qutip.basis(photons, 0), piqs.excited_ket(N)), equation)
    nothing = Averages(None, equation, times)
    sampler = WaveFunctions(unravel(equation), start, nothing, times, 1e-9, Keep())
    sizes = np.diff(sampler.problem.bounds)
    # of 45 kets those of the ladder j = 2 with four excitations or fewer, one component for each number
    assert sorted(sizes) == [1, 2, 3, 4, 5]


def test_waiting_time_of_one_emitter_is_exponential():
    gamma = 0.7
    sm = qutip.sigmam()
    options = {"method": "wave_function"}
    result = piqs.mcsolve(
        0 * sm, qutip.basis(2, 0), [0, 100], [np.sqrt(gamma) * sm], ntraj=800, seeds=4, options=options
    )
    first = np.array([when[0] for when in result.col_times])
    assert kstest(first, "expon", args=(0, 1 / gamma)).pvalue > 1e-3
    assert all(len(when) == 1 for when in result.col_times)


def no_jump_probability(t, rabi, gamma):
    """Driven emitter from its ground state: 1 - integral of gamma rabi^2/L^2 exp(-gamma s/2) sin^2(L s/2)."""
    L = np.sqrt(rabi**2 - gamma**2 / 4)
    density = lambda s: gamma * (rabi / L) ** 2 * np.exp(-gamma * s / 2) * np.sin(L * s / 2) ** 2  # noqa: E731
    return 1 - quad(density, 0, t, epsabs=1e-13, limit=200)[0]


def test_jump_times_against_the_closed_form_of_the_norm():
    """The first jump comes exactly when the squared norm has fallen to the first random number."""
    rabi, gamma = 2.0, 0.8
    jump = np.sqrt(gamma) * qutip.sigmam()
    seeds = [np.random.SeedSequence(k) for k in range(12)]
    result = piqs.mcsolve(
        rabi / 2 * qutip.sigmax(), qutip.basis(2, 1), [0, 60], [jump], ntraj=12, seeds=seeds
    )
    for when, seed in zip(result.col_times, seeds, strict=True):
        threshold = 1 - np.random.Generator(np.random.PCG64(seed)).random()
        # the default step tolerance is 1e-9, over tens of steps
        assert no_jump_probability(when[0], rabi, gamma) == pytest.approx(threshold, abs=1e-7)


def test_chain_and_wave_function_agree():
    N, times = 3, np.linspace(0, 2, 4)
    ensemble = piqs.Dicke(N, **RATES)
    jumps, jz = ensemble.jump_operators(), piqs.jspin(N, "z")
    runs = [
        piqs.mcsolve(jz, piqs.excited(N), times, jumps, [jz], ntraj=800, seeds=6, options={"method": method})
        for method in ("jump_chain", "wave_function")
    ]
    error = np.hypot(runs[0].sem_expect[0], runs[1].sem_expect[0])
    assert (abs(runs[0].expect[0] - runs[1].expect[0]) <= 4 * error + 1e-9).all()


@pytest.mark.parametrize("kind", ["function", "array", "decay"])
def test_time_dependent_hamiltonian_and_jump(kind):
    times = np.linspace(0, 3, 31)
    sx, sz, sm = qutip.sigmax(), qutip.sigmaz(), qutip.sigmam()
    c_ops, args = [np.sqrt(0.5) * sm], None
    if kind == "function":
        H, args = [0.3 * sz, [sx, lambda t, w: np.cos(w * t) ** 2]], {"w": 2.0}
    elif kind == "array":
        H = [0.3 * sz, [sx, np.exp(-(times**2))]]
    else:
        H = 0.4 * sx
        c_ops = [[[sm, lambda t: np.sqrt(0.5) * np.exp(-t / 2 + 0.3j * t)]], 0.2 * sz]
    exact = qutip.mesolve(
        H, qutip.basis(2, 1), times, c_ops, e_ops=[sz, sx], args=args, options=ACCURATE
    ).expect
    result = piqs.mcsolve(H, qutip.basis(2, 1), times, c_ops, [sz, sx], ntraj=600, seeds=7, args=args)
    # at early times jumps are so rare that 600 trajectories may show none, and no error
    assert_within_errors(result, exact, since=10)


def test_time_dependent_drive_alone_is_integrated_to_tolerance():
    """Jumps too rare to happen: the trajectory is the Schroedinger equation, step function included."""
    times = np.linspace(0, 2, 9)
    pulse = lambda t: 1.0 if t < 0.7 else -0.5  # noqa: E731
    H = [[0.5 * qutip.sigmax(), pulse]]
    result = piqs.mcsolve(
        H, qutip.basis(2, 0), times, [1e-7 * qutip.sigmam()], [qutip.sigmaz()], ntraj=1, seeds=1
    )
    area = np.where(times < 0.7, times, 0.7 - 0.5 * (times - 0.7))
    # the step is located to 1e-8 of the interval
    np.testing.assert_allclose(result.expect[0], np.cos(area), atol=1e-7)


def test_mixed_initial_states():
    N, times = 4, [0.0, 0.8]
    rho = 0.3 * piqs.excited(N) + 0.3 * piqs.ghz(N) + 0.4 * piqs.thermal(N, 2.0)
    ensemble = piqs.Dicke(N, hamiltonian=piqs.jspin(N, "x"), emission=0.5)
    e_ops = [piqs.jspin(N, "z"), piqs.jspin(N, "y")]
    exact = qutip.mesolve(
        ensemble.hamiltonian, rho, times, ensemble.jump_operators(), e_ops=e_ops, options=ACCURATE
    ).expect
    result = piqs.mcsolve(ensemble, rho, times, e_ops=e_ops, ntraj=800, seeds=8)
    assert_within_errors(result, exact)


def test_states_functions_and_runs():
    """Averaged states give the averaged expectation values; functions of the state see the same kets."""
    H, jump = qutip.sigmax(), qutip.sigmam()
    times = np.linspace(0, 1, 3)
    e_ops = {"z": qutip.sigmaz(), "f": lambda t, psi: t * qutip.expect(qutip.sigmaz(), psi)}
    options = {"store_states": True, "keep_runs_results": True}
    result = piqs.mcsolve(H, qutip.basis(2, 0), times, [jump], e_ops, ntraj=40, seeds=9, options=options)
    assert result.runs_expect[0].shape == (40, 3)
    np.testing.assert_allclose(result.expect[0], result.runs_expect[0])
    np.testing.assert_allclose(result.runs_e_data["f"], times * result.runs_e_data["z"], atol=1e-12)
    from_states = qutip.expect(qutip.sigmaz(), result.average_states)
    np.testing.assert_allclose(from_states, result.average_expect[0], atol=1e-12)
    assert len(result.runs_states) == 40
    assert result.runs_states[3][2].dims == [[2], [1]]
    assert result.runs_final_states[3] == result.runs_states[3][2]
    assert result.final_state[3].norm() == pytest.approx(1, abs=1e-12)
    by_default = piqs.mcsolve(H, qutip.basis(2, 0), times, [jump], ntraj=4, seeds=9)
    assert len(by_default.states) == 3
    assert by_default.expect == []


def test_same_seed_same_record_on_one_and_four_workers():
    N = 4
    ensemble = piqs.Dicke(N, hamiltonian=piqs.jspin(N, "x"), **RATES)
    runs = [
        piqs.mcsolve(
            ensemble,
            piqs.excited_ket(N),
            np.linspace(0, 2, 4),
            e_ops=[piqs.jspin(N, "z")],
            ntraj=70,
            seeds=seeds,
            options={"num_cpus": workers, "keep_runs_results": True},
        )
        for workers, seeds in ((1, 12), (4, 12), (2, None))
    ]
    again = piqs.mcsolve(
        ensemble,
        piqs.excited_ket(N),
        np.linspace(0, 2, 4),
        e_ops=[piqs.jspin(N, "z")],
        ntraj=70,
        seeds=runs[0].seeds,
        options={"map": "serial", "keep_runs_results": True},
    )
    for other in (runs[1], again):
        np.testing.assert_array_equal(runs[0].runs_expect[0], other.runs_expect[0])
        assert runs[0].collapse == other.collapse
        np.testing.assert_array_equal(runs[0].expect[0], other.expect[0])
    assert runs[0].collapse != runs[2].collapse


def test_target_tolerance_stops_early_or_warns():
    arguments = (0 * qutip.sigmaz(), qutip.basis(2, 0), [0, 0.5, 1.0], [qutip.sigmam()], [qutip.sigmaz()])
    result = piqs.mcsolve(*arguments, ntraj=5000, seeds=10, target_tol=0.05)
    assert result.stats["end_condition"] == "target tolerance reached"
    assert result.num_trajectories < 5000
    assert np.max(result.sem_expect[0]) <= 0.05
    with pytest.warns(UserWarning, match="target_tol not reached.*about .* are needed"):
        result = piqs.mcsolve(*arguments, ntraj=50, seeds=10, target_tol=(0.01, 0.0))
    assert result.stats["end_condition"] == "ntraj reached"
    # without a jump all trajectories are equal: an error of zero that says nothing
    rare = (arguments[0], arguments[1], [0, 1e-6], *arguments[3:])
    with pytest.warns(UserWarning, match="10 jumps in all are needed"):
        assert piqs.mcsolve(*rare, ntraj=50, seeds=10, target_tol=0.1).num_trajectories == 50


def test_timeout_returns_what_there_is():
    result = piqs.mcsolve(
        qutip.sigmax(), qutip.basis(2, 0), [0, 200.0], [qutip.sigmam()], ntraj=10**6, seeds=1, timeout=0.2
    )
    assert result.stats["end_condition"] == "timeout"
    assert 0 < result.num_trajectories < 10**6


def test_standard_errors_the_sample_cannot_support_warn():
    arguments = (0 * qutip.sigmaz(), qutip.basis(2, 0), [0, 0.01], [qutip.sigmam()], [qutip.sigmaz()])
    with pytest.warns(UserWarning, match="one trajectory has no standard error"):
        assert np.isnan(piqs.mcsolve(*arguments, ntraj=1, seeds=1).sem_expect[0]).all()
    few = piqs.mcsolve(*arguments, ntraj=300, seeds=1)
    assert 0 < sum(map(len, few.col_times)) < 10
    none = piqs.mcsolve(*arguments, ntraj=3, seeds=1)
    assert sum(map(len, none.col_times)) == 0
    for result in (few, none):
        with pytest.warns(UserWarning, match="cannot be trusted"):
            _ = result.sem_expect


SZ, SM, UP = qutip.sigmaz(), qutip.sigmam(), qutip.basis(2, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"H": qutip.liouvillian(SZ)},
        {"H": lambda t: SZ},
        {"c_ops": [[[SM, lambda t: t], [SZ, lambda t: t]]]},
    ],
)
def test_what_only_qutip_solves_is_handed_over(change):
    arguments = {"H": SZ, "state": UP, "tlist": [0.0, 1.0], "c_ops": [SM], "e_ops": [SZ], "ntraj": 4}
    result = piqs.mcsolve(**{**arguments, **change}, options={"progress_bar": ""})
    assert "QuTiP" in result.stats["solver"]
    assert result.num_trajectories == 4


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"H": SM}, ValueError, "H must be Hermitian"),
        ({"H": [SZ, [SM, lambda t: t]]}, ValueError, "must be Hermitian"),
        ({"H": None}, TypeError, "H must be a Qobj"),
        ({"ntraj": 0}, ValueError, "ntraj must be at least 1"),
        ({"ntraj": -3}, ValueError, "ntraj must be at least 1"),
        ({"ntraj": 2.5}, TypeError, "ntraj must be an integer"),
        ({"state": 0 * UP}, ValueError, "norm 1, got 0"),
        ({"state": 2 * UP}, ValueError, "norm 1, got 2"),
        ({"state": qutip.basis(3, 0)}, ValueError, "on dims"),
        ({"state": np.array([1, 0])}, TypeError, "must be a Qobj"),
        ({"state": 0.5 * UP.proj()}, ValueError, "trace 1"),
        ({"state": SM + 0.5}, ValueError, "Hermitian"),
        ({"state": SZ + 0.5}, ValueError, "positive"),
        ({"state": [(UP, 0.4)]}, ValueError, "add up to 1"),
        ({"tlist": [1.0, 0.0]}, ValueError, "must not decrease"),
        ({"tlist": [0.0, np.nan]}, ValueError, "finite"),
        ({"c_ops": [qutip.destroy(3)]}, ValueError, "dims"),
        ({"c_ops": [np.nan * SM]}, ValueError, "finite"),
        ({"e_ops": [qutip.qeye(3)]}, ValueError, "has dims"),
        ({"e_ops": ["jz"]}, TypeError, "need one ensemble"),
        ({"options": {"nstep": 3}}, KeyError, "not options"),
        ({"options": {"method": "euler"}}, ValueError, "must be one of"),
        ({"options": {"rtol": 0}}, ValueError, "rtol"),
        ({"options": {"progress_bar": "yes"}}, ValueError, "must be one of"),
        ({"H": piqs.Dicke(1, emission=1.0), "c_ops": SM}, ValueError, "must stay empty"),
        ({"options": {"num_cpus": 0}}, ValueError, "num_cpus"),
        ({"seeds": [1, 2]}, ValueError, "one seed per trajectory"),
        ({"seeds": -1}, TypeError, "seeds must be"),
        ({"timeout": 0}, ValueError, "timeout"),
        ({"target_tol": -0.1}, ValueError, "target_tol must be positive"),
        ({"target_tol": 0.1, "e_ops": []}, ValueError, "needs e_ops"),
        ({"H": qutip.sigmax(), "options": {"method": "jump_chain"}}, ValueError, "has coherence"),
        (
            {"H": [SZ, [SZ, lambda t: 1 / (1 - t) if t != 1 else np.inf]]},
            ValueError,
            "must be finite|too fast",
        ),
    ],
)
def test_bad_arguments(change, error, message):
    arguments = {"H": SZ, "state": UP, "tlist": [0.0, 1.0], "c_ops": [SM], "e_ops": [SZ], "ntraj": 4}
    with pytest.raises(error, match=message):
        piqs.mcsolve(**{**arguments, **change})


def test_a_failed_batch_does_not_lose_the_others():
    calls = []

    def fails_late(t, psi):
        calls.append(t)
        if len(calls) > 20:
            raise ArithmeticError("too late")
        return 0.0

    with pytest.raises(piqs.TrajectoryError, match=r"10 of 64 trajectories.*too late") as caught:
        piqs.mcsolve(SZ, UP, [0.0, 1.0], [SM], fails_late, ntraj=64, seeds=1, options={"map": "serial"})
    assert caught.value.result.num_trajectories == 10
    assert caught.value.result.expect[0].shape == (2,)


def dies(j, m):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_dask_cluster_gives_what_threads_give(tmp_path):
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    ensemble = piqs.Dicke(6, **RATES)
    arguments = (ensemble, (3, 3), [0.0, 0.5, 1.0])
    keywords = {"e_ops": ["jz"], "ntraj": 64, "seeds": 5}
    local = piqs.mcsolve(*arguments, **keywords)
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "dashboard_address": ":0",
        "local_directory": tmp_path,
    }
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        remote = piqs.mcsolve(*arguments, **keywords, client=client)
        by_address = piqs.mcsolve(*arguments, **keywords, client=cluster.scheduler_address)
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 0}),
            pytest.raises(piqs.TrajectoryError, match="Dask workers died"),
        ):
            piqs.mcsolve(*arguments, e_ops=[dies], ntraj=64, client=client)
    for other in (remote, by_address):
        np.testing.assert_array_equal(local.expect[0], other.expect[0])
        np.testing.assert_array_equal(local.photocurrent, other.photocurrent)
