"""Operators in named factors, and trajectories on moving windows and in moving frames."""

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import fsolve

import piqs
from piqs import Composite, Dicke, Mode, ModeFactors, SpinFactors
from piqs.trajectories.window import Window
from trajectory_checks import assert_within_errors

# On one worker: half a minute of compilation is not spent twice.
pytestmark = pytest.mark.xdist_group("windows")

ATOMS, CAVITY = SpinFactors("atoms"), ModeFactors("cavity")
RATES = {
    "emission": 0.3,
    "dephasing": 0.4,
    "pumping": 0.2,
    "collective_emission": 0.05,
    "collective_pumping": 0.02,
}
TIMES = np.linspace(0, 2, 5)


def cavity_model(N, n_fock, coupling=0.5):
    system = Composite(atoms=Dicke(N, **RATES), cavity=Mode(n_fock, frequency=0.7, loss=0.5, occupation=0.2))
    system.interaction = (
        0.3 * ATOMS.jz
        + coupling * (ATOMS.jp * CAVITY.a + ATOMS.jm * CAVITY.ad)
        + 0.2 * (ATOMS.jm * CAVITY.a + ATOMS.jp * CAVITY.ad)
        + 0.4 * (CAVITY.a + CAVITY.ad)
    )
    return system


def test_sums_of_products_are_the_matrices_they_say():
    N, n = 3, 4
    spaces = {"atoms": piqs.DickeSpace(N), "cavity": piqs.FockSpace(n)}
    jp, jm, jz, jx, jy = (
        qutip.tensor(piqs.jspin(N, name), qutip.qeye(n)) for name in ("+", "-", "z", "x", "y")
    )
    a = qutip.tensor(qutip.qeye(6), qutip.destroy(n))
    cases = [
        (ATOMS.jx, jx),
        (ATOMS.jy, jy),
        (2 - 3j * ATOMS.jp * CAVITY.a, 2 - 3j * jp * a),
        ((ATOMS.jz + CAVITY.n) ** 2, (jz + a.dag() * a) ** 2),
        (CAVITY.a * ATOMS.jm * ATOMS.jp / 2 - ATOMS.jz, a * jm * jp / 2 - jz),
    ]
    for mine, theirs in cases:
        assert abs((mine.qobj(spaces) - theirs).full()).max() < 1e-13
        assert abs((mine.dag().qobj(spaces) - theirs.dag()).full()).max() < 1e-13
    assert (ATOMS.jp * CAVITY.a).terms == (CAVITY.a * ATOMS.jp).terms
    assert repr(0.1 * ATOMS.jp * CAVITY.a) == "OperatorSum(0.1 atoms.jp cavity.a)"
    with pytest.raises(ValueError, match="does not exist"):
        ModeFactors("atoms").a.qobj(spaces)


def assert_same_record(system, kets, start, e_ops, frame, conserved):
    """Jump for jump what the matrices give, and the averages to what is left out."""
    options = {"keep_runs_results": True}
    matrices = piqs.mcsolve(
        system,
        system.state(*kets),
        TIMES,
        e_ops=[system.build(op) for op in e_ops],
        ntraj=8,
        seeds=3,
        options=options,
    )
    windows = piqs.mcsolve(
        system, start, TIMES, e_ops=e_ops, ntraj=8, seeds=3, options={**options, "frame": frame}
    )
    assert windows.channels == matrices.channels
    assert windows.stats["frame"] == ("fixed" if frame == "auto" else frame)
    assert windows.stats["conserved"] == conserved
    assert sum(map(len, windows.col_times)) > 20
    for one, two in zip(windows.collapse, matrices.collapse, strict=True):
        assert [k for _, k in one] == [k for _, k in two]
        np.testing.assert_allclose([t for t, _ in one], [t for t, _ in two], atol=1e-6)
    for one, two in zip(windows.runs_expect, matrices.runs_expect, strict=True):
        # what is left out is bounded in norm; the cut-off of the Fock states leaves out less
        np.testing.assert_allclose(one, two, atol=max(1e-6, 2 * windows.stats.get("left out", 0.0)))
        np.testing.assert_allclose(one, two, atol=2e-5)


@pytest.mark.parametrize("frame", ["fixed", "moving"])
@pytest.mark.parametrize("tilted", [False, True])
def test_same_seed_same_record_with_and_without_windows(frame, tilted):
    """All rates, counter-rotating terms and a drive; from a Dicke state and from coherent ones."""
    N, n_fock = 5, 26
    kets = (piqs.excited_ket(N), qutip.basis(n_fock, 1))
    start = {"atoms": ("dicke", N / 2, N / 2), "cavity": ("fock", 1)}
    if tilted:
        kets = (
            piqs.css_ket(N, 2.0, 0.4, coordinates="polar"),
            qutip.coherent(n_fock, 0.6 - 0.3j, method="analytic"),
        )
        start = {"atoms": ("css", 2.0, 0.4), "cavity": ("coherent", 0.6 - 0.3j)}
    e_ops = [ATOMS.jz, CAVITY.n, CAVITY.a, ATOMS.jp * CAVITY.a]
    assert_same_record(cavity_model(N, n_fock), kets, start, e_ops, frame, "")


@pytest.mark.parametrize("sign", [1, -1])
def test_rows_of_a_conserved_sum(sign):
    """Exchange conserves m + n, counter-rotating terms alone m - n: rows of the window evolve by themselves."""
    N, n_fock = 6, 26
    system = Composite(atoms=Dicke(N, **RATES), cavity=Mode(n_fock, frequency=0.7, loss=0.5, occupation=0.2))
    term = (ATOMS.jp if sign > 0 else ATOMS.jm) * CAVITY.a
    system.interaction = [0.3 * ATOMS.jz + 0.3 * (term + term.dag())]
    kets = (piqs.css_ket(N, 1.0, 0.4, coordinates="polar"), qutip.basis(n_fock, 0))
    e_ops = [ATOMS.jz, CAVITY.n, CAVITY.a, ATOMS.jm]
    conserved = "atoms + cavity" if sign > 0 else "atoms - cavity"
    assert_same_record(system, kets, {"atoms": ("css", 1.0, 0.4)}, e_ops, "auto", conserved)


@pytest.mark.parametrize("frame", ["fixed", "moving"])
@pytest.mark.parametrize(("N", "n_fock"), [(2, 8), (5, 12), (20, 26)])
def test_averages_on_windows_against_the_density_matrix(N, n_fock, frame):
    system = Composite(atoms=Dicke(N, emission=0.2, dephasing=0.2), cavity=Mode(n_fock, loss=0.5))
    exchange = 0.8 / np.sqrt(N) * ATOMS.jp * CAVITY.a
    system.interaction = 0.1 * ATOMS.jz + exchange + exchange.dag()
    e_ops = [ATOMS.jz, CAVITY.n, ATOMS.jp * ATOMS.jm]
    rho0 = system.state(piqs.excited(N), qutip.fock_dm(n_fock, 0))
    exact = system.mesolve(rho0, TIMES, [system.build(op) for op in e_ops]).expect
    start = {"atoms": ("dicke", N / 2, N / 2)}
    result = piqs.mcsolve(system, start, TIMES, e_ops=e_ops, ntraj=150, seeds=1, options={"frame": frame})
    assert result.stats["method"] == "windows"
    assert_within_errors(result, exact, floor=1e-4)


def dicke_model(N):
    """Superradiant: the coupling is above its critical value 0.47."""
    system = Composite(atoms=Dicke(N, emission=0.01), cavity=Mode(2, frequency=0.8, loss=0.5))
    system.interaction = ATOMS.jz + 0.6 / np.sqrt(N) * (ATOMS.jp + ATOMS.jm) * (CAVITY.a + CAVITY.ad)
    return system


def test_a_hundred_thousand_emitters_in_the_superradiant_phase():
    """Mean field, from a tilted spin, within a percent: its fluctuations are 1/sqrt(N)."""
    N, theta = 100_000, np.pi - 0.5
    times = np.array([0.0, 0.4, 0.8])
    result = piqs.mcsolve(
        dicke_model(N), {"atoms": ("css", theta, 0.0)}, times, e_ops=[CAVITY.n, ATOMS.jz], ntraj=1, seeds=1
    )
    assert result.stats["frame"] == "moving"
    assert result.stats["left out"] < 1e-3

    def slope(t, y):
        a, s, z = y
        x = 2 * a.real
        return [
            -(0.8j + 0.25) * a - 1.2j * s.real,
            -(1j + 0.005) * s + 1.2j * x * z,
            (0.6j * x * (s - np.conj(s))).real - 0.01 * (z + 0.5),
        ]

    y0 = np.array([0, np.sin(theta) / 2, np.cos(theta) / 2], dtype=complex)
    mean = solve_ivp(slope, times[[0, -1]], y0, t_eval=times, rtol=1e-9, atol=1e-11).y
    np.testing.assert_allclose(result.expect[0] / N, abs(mean[0]) ** 2, rtol=0.02)
    np.testing.assert_allclose(result.expect[1] / N, mean[2].real, rtol=2e-3)


def test_the_same_on_any_number_of_workers():
    start = {"atoms": ("css", 2.0, 0.0)}
    runs = [
        piqs.mcsolve(
            dicke_model(50),
            start,
            TIMES,
            e_ops=[CAVITY.n],
            ntraj=6,
            seeds=1,
            options={"num_cpus": cpus, "keep_runs_results": True},
        )
        for cpus in (1, 3)
    ]
    assert np.array_equal(runs[0].runs_expect[0], runs[1].runs_expect[0])
    assert all(np.array_equal(a, b) for a, b in zip(runs[0].col_times, runs[1].col_times, strict=True))


def atoms_and_cavity(conserved):
    system = Composite(atoms=Dicke(4, **RATES), cavity=Mode(24, loss=0.5))
    system.interaction = 0.3 * ATOMS.jz + 0.4 * (ATOMS.jp * CAVITY.a + ATOMS.jm * CAVITY.ad)
    if not conserved:
        system.interaction = system.interaction + 0.3 * (CAVITY.a + CAVITY.ad)
    return system, {"atoms": ("css", 1.0, 0.4)}


def cavity_and_two_ensembles():
    other = SpinFactors("other")
    system = Composite(cavity=Mode(10, loss=0.6), other=Dicke(3, pumping=0.4), atoms=Dicke(2, emission=0.3))
    exchange = 0.4 * CAVITY.a * (ATOMS.jp + 0.5 * other.jp)
    system.interaction = exchange + exchange.dag()
    return system, {"atoms": ("dicke", 1, 1), "other": ("css", 0.8, 0.0)}


def cavity_first(sign):
    """The ensemble lies along the columns of a window whose rows are sums."""
    system = Composite(cavity=Mode(16, loss=0.5), atoms=Dicke(3, emission=0.4, pumping=0.3, dephasing=0.2))
    exchange = 0.5 * (ATOMS.jp if sign > 0 else ATOMS.jm) * CAVITY.a
    system.interaction = exchange + exchange.dag() + 0.2 * ATOMS.jz
    return system, {"atoms": ("dicke", 1.5, -0.5), "cavity": ("fock", 1)}


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize(
    "case",
    [
        lambda: atoms_and_cavity(True),
        lambda: atoms_and_cavity(False),
        lambda: cavity_first(1),
        lambda: cavity_first(-1),
        cavity_and_two_ensembles,
    ],
)
def test_kets_on_windows_are_those_of_matrices(case, every):
    """Up to a phase; on ladders of all j, in the order of the parts."""
    system, start = case()
    kets = {
        "css": lambda part, theta, phi: piqs.css_ket(part.N, theta, phi, coordinates="polar"),
        "dicke": lambda part, j, m: qutip.basis(part.space.size, piqs.ket_index(part.N, j, m)),
        "fock": lambda part, n: qutip.basis(part.space.size, n),
    }
    given = {"cavity": ("fock", 0), **start}
    ket = system.state(*(kets[given[name][0]](part, *given[name][1:]) for name, part in system.parts.items()))
    keywords = {"ntraj": 8, "seeds": 3, "options": {"keep_runs_results": every, "store_states": True}}
    windows, matrices = (piqs.mcsolve(system, state, TIMES, **keywords) for state in (start, ket))
    assert windows.stats["method"] == "windows"
    assert sum(map(len, windows.col_times)) > 10
    for one, two in zip(windows.average_states, matrices.average_states, strict=True):
        assert one.dims == two.dims
        assert abs((one - two).full()).max() < 1e-5
    if every:
        for mine, theirs in zip(windows.runs_states, matrices.runs_states, strict=True):
            assert all(
                abs(a.overlap(b)) == pytest.approx(1, abs=1e-8) for a, b in zip(mine, theirs, strict=True)
            )
        last = piqs.mcsolve(
            system,
            start,
            TIMES,
            ntraj=8,
            seeds=3,
            e_ops=[],
            options={"store_final_state": True, "store_states": False},
        )
        assert abs((last.average_final_state - windows.average_final_state).full()).max() < 1e-14


def test_kets_that_do_not_fit_are_refused():
    system = Composite(atoms=Dicke(2), cavity=Mode(3))
    with pytest.raises(piqs.TrajectoryError, match="give the Mode more Fock states"):
        piqs.mcsolve(system, {"cavity": ("fock", 5)}, [0, 1], ntraj=1)
    system = Composite(atoms=Dicke(1_000_000, emission=1.0), cavity=Mode(3))
    with pytest.raises(MemoryError, match="store_states"):
        piqs.mcsolve(system, {}, [0, 1], ntraj=1)


@pytest.mark.slow
@pytest.mark.parametrize("frame", ["fixed", "moving"])
def test_dask_cluster_gives_what_one_thread_gives(frame, tmp_path):
    distributed = pytest.importorskip("distributed")
    system, start = cavity_model(5, 12), {"atoms": ("css", 2.0, 0.4), "cavity": ("coherent", 0.6)}
    keywords = {"e_ops": [ATOMS.jz, CAVITY.n], "ntraj": 40, "seeds": 5}
    options = {"keep_runs_results": True, "frame": frame}
    alone = piqs.mcsolve(system, start, TIMES, **keywords, options={**options, "map": "serial"})
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0", local_directory=tmp_path
    )
    with cluster, distributed.Client(cluster) as client:
        remote = piqs.mcsolve(system, start, TIMES, **keywords, options=options, client=client)
    assert remote.collapse == alone.collapse
    assert sum(map(len, alone.col_times)) > 100
    np.testing.assert_array_equal(remote.runs_expect, alone.runs_expect)
    assert remote.stats["left out"] == alone.stats["left out"]


def test_coherent_states_of_parts():
    N, theta, phi = 9, 0.7, 0.3
    system = Composite(atoms=Dicke(N), cavity=Mode(40))
    e_ops = [ATOMS.jx, ATOMS.jy, ATOMS.jz, CAVITY.a, CAVITY.n, "atoms.j"]
    start = {"atoms": ("css", theta, phi), "cavity": ("coherent", 1.5 - 1j)}
    css = piqs.css_ket(N, theta, phi, coordinates="polar")
    spins = [qutip.expect(piqs.jspin(N, axis), css) for axis in "xyz"]
    for frame in ("fixed", "moving"):
        result = piqs.mcsolve(system, start, [0.0, 1.0], e_ops=e_ops, ntraj=1, options={"frame": frame})
        values = [complex(x[0]) for x in result.expect]
        np.testing.assert_allclose(values, [*spins, 1.5 - 1j, 3.25, N / 2], atol=1e-9)


def test_two_ensembles_and_a_drive_that_depends_on_time():
    """Three parts, the Hamiltonian a function of time, against matrices with the same seeds."""
    other = SpinFactors("other")
    system = Composite(atoms=Dicke(2, emission=0.3), other=Dicke(3, pumping=0.4), cavity=Mode(12, loss=0.6))
    exchange = 0.4 * CAVITY.a * (ATOMS.jp + 0.5 * other.jp)
    drive = lambda t: 0.5 * np.cos(3 * t)  # noqa: E731
    system.interaction = [exchange + exchange.dag(), [CAVITY.a + CAVITY.ad, drive]]
    system.add_channel("shared", 0.2, ATOMS.jm + other.jm)
    e_ops = [ATOMS.jz, other.jz, CAVITY.n]
    kets = (piqs.excited_ket(2), qutip.basis(6, 3))
    matrices = piqs.mcsolve(
        system,
        system.state(*kets, qutip.basis(12, 0)),
        TIMES,
        e_ops=[system.build(op) for op in e_ops],
        ntraj=4,
        seeds=5,
        options={"keep_runs_results": True},
    )
    windows = piqs.mcsolve(
        system,
        {"atoms": ("dicke", 1, 1)},
        TIMES,
        e_ops=e_ops,
        ntraj=4,
        seeds=5,
        options={"keep_runs_results": True},
    )
    assert windows.channels == matrices.channels
    for one, two in zip(windows.runs_expect, matrices.runs_expect, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_hundred_thousand_emitters_are_an_oscillator():
    """Dicke model, N = 100,000, normal phase: two coupled oscillators (Holstein, Primakoff), up to 1/N."""
    N, w0, w, g = 100_000, 1.0, 0.8, 0.3
    system = Composite(atoms=Dicke(N), cavity=Mode(2, frequency=w))
    system.interaction = w0 * ATOMS.jz + g / np.sqrt(N) * (ATOMS.jp + ATOMS.jm) * (CAVITY.a + CAVITY.ad)
    times = [0.0, 1.0, 2.5]
    result = piqs.mcsolve(system, {}, times, e_ops=[CAVITY.n, ATOMS.jz + N / 2], ntraj=1)
    # d/dt (a, a+, b, b+) of H = w a+a + w0 b+b + g (a + a+)(b + b+)
    M = -1j * np.array([[w, 0, g, g], [0, -w, -g, -g], [g, g, w0, 0], [-g, -g, 0, -w0]])
    for t, photons, excited in zip(times, *result.expect, strict=True):
        U = expm(M * t)
        # from the vacuum only <a a+> = <b b+> = 1
        assert photons == pytest.approx(abs(U[0, 1]) ** 2 + abs(U[0, 3]) ** 2, abs=2e-5)
        assert excited == pytest.approx(abs(U[2, 1]) ** 2 + abs(U[2, 3]) ** 2, abs=2e-5)
    assert result.stats["left out"] < 1e-2


def test_a_driven_lossy_mode_is_a_displaced_vacuum():
    """alpha(t) = -i eps (1 - exp(-kappa t/2)) / (kappa/2): 10^4 photons in a frame of ten Fock states."""
    kappa, eps = 1.0, 100.0
    system = Composite(cavity=Mode(2, loss=kappa))
    system.interaction = eps * (CAVITY.a + CAVITY.ad)
    times = np.array([0.0, 0.1, 0.3])
    result = piqs.mcsolve(
        system, {}, times, e_ops=[CAVITY.a, CAVITY.n], ntraj=1, seeds=1, options={"frame": "moving"}
    )
    alpha = -1j * eps * (1 - np.exp(-kappa * times / 2)) / (kappa / 2)
    np.testing.assert_allclose(result.expect[0], alpha, atol=1e-4)
    np.testing.assert_allclose(result.expect[1], abs(alpha) ** 2, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"state": {"atom": ("dicke", 1, 1)}}, ValueError, "the parts are"),
        ({"state": {"atoms": ("fock", 1)}}, ValueError, "begins with one of"),
        ({"state": {"atoms": ("dicke", 1, 2)}}, ValueError, "no ket with j = 1"),
        ({"state": {"cavity": ("fock", 0.5)}}, ValueError, "whole number"),
        ({"e_ops": [qutip.sigmaz()]}, TypeError, "must be an OperatorSum"),
        ({"e_ops": ["cavity.j"]}, TypeError, "must be an OperatorSum"),
        ({"options": {"improved_sampling": True}}, ValueError, "improved_sampling"),
        ({"options": {"store_states": True, "frame": "moving"}}, ValueError, "keeps no states"),
        ({"options": {"frame": "rotating"}}, ValueError, "must be one of"),
        ({"options": {"cutoff": 1.0}}, ValueError, "cutoff"),
        ({"H": Dicke(2, emission=1.0)}, TypeError, "needs a Composite"),
        ({"c_ops": [qutip.sigmaz()]}, ValueError, "add_channel"),
    ],
)
def test_bad_arguments(change, error, message):
    arguments = {"H": cavity_model(2, 4), "state": {}, "tlist": [0, 1], "e_ops": [ATOMS.jz], "ntraj": 2}
    with pytest.raises(error, match=message):
        piqs.mcsolve(**{**arguments, **change})


def test_what_has_no_factors_is_refused():
    system = cavity_model(2, 4)
    system.interaction = system.build(ATOMS.jz)
    with pytest.raises(ValueError, match="must be an OperatorSum"):
        piqs.mcsolve(system, {}, [0, 1], e_ops=[ATOMS.jz])
    system = Composite(atoms=Dicke(2, hamiltonian=piqs.jspin(2, "z")))
    with pytest.raises(ValueError, match="is a matrix"):
        piqs.mcsolve(system, {}, [0, 1], e_ops=[ATOMS.jz])


def test_three_levels_run_on_matrices():
    """In a cavity, from a ket; a dictionary of product states is refused, with what to do."""
    times = np.linspace(0, 2, 3)
    emitters = piqs.Ensemble(3, ["g", "e", "r"])
    emitters.hamiltonian = 0.3 * emitters.op("e->r", hermitian=True)
    emitters.local("e->g", 0.5)
    emitters.local(np.diag([1.0, 0.0, -1.0]), 0.4)
    emitters.collective("r->e", 0.2)
    system = Composite(emitters=emitters, cavity=Mode(5, loss=0.4))
    a = system.embed("cavity", qutip.destroy(5))
    exchange = 0.5 * system.embed("emitters", emitters.op("g->e")) * a
    system.interaction = exchange + exchange.dag()
    e_ops = [system.embed("emitters", emitters.number(level)) for level in "ger"] + [a.dag() * a]
    start = system.state(emitters.all_in("r"), qutip.basis(5, 0))
    exact = system.mesolve(start, times, e_ops=e_ops).expect
    assert_within_errors(system.mcsolve(start, times, e_ops=e_ops, ntraj=200, seeds=1), exact)
    system.interaction = CAVITY.n
    with pytest.raises(
        ValueError, match=r"'emitters' is of type Ensemble.*trajectories then run on matrices"
    ):
        piqs.mcsolve(system, {}, times, e_ops=[CAVITY.n])


def test_dark_states_are_left_behind():
    """After the last photon nothing can happen any more; how the rate changed before the jump must not set the step."""
    N = 8
    system = Composite(atoms=Dicke(N), cavity=Mode(N + 2, loss=0.3))
    atoms, cavity = SpinFactors("atoms"), ModeFactors("cavity")
    exchange = atoms.jp * cavity.a / np.sqrt(N)
    system.interaction = exchange + exchange.dag()
    times = np.linspace(0, 150, 151)
    top = {"atoms": ("dicke", N / 2, N / 2)}
    runs = piqs.mcsolve(system, top, times, e_ops=[cavity.n], ntraj=100, seeds=1)
    assert {len(clicks) for clicks in runs.col_times} == {N}
    assert runs.expect[0][-1] == 0.0


def superradiant_laser(N, kappa, n_fock=2, pumping=1.0):
    """In its strongest light: N times the emission rate into the cavity, 4 g^2 / kappa, is twice the pumping."""
    system = Composite(atoms=Dicke(N, pumping=pumping), cavity=Mode(n_fock, loss=kappa))
    exchange = np.sqrt(kappa * pumping / (2 * N)) * ATOMS.jp * CAVITY.a
    system.interaction = exchange + exchange.dag()
    return system


def second_cumulants(N, kappa, pumping=1.0):
    """Photons, inversion and <J_+ J_-> of the laser's steady state, where third cumulants are left out."""
    g = np.sqrt(kappa * pumping / (2 * N))

    def slopes(y):
        photons, z, flow, pairs = y
        gain = (1 + z) / 2 + (N - 1) * pairs + photons * z
        return [
            2 * g * N * flow - kappa * photons,
            pumping * (1 - z) - 4 * g * flow,
            g * gain - (kappa + pumping) / 2 * flow,
            2 * g * z * flow - pumping * pairs,
        ]

    photons, z, _, pairs = fsolve(slopes, [N / (4 * kappa), 0.5, pumping / (8 * g), 0.125], xtol=1e-12)
    return photons, N * z / 2, N * (1 + z) / 2 + N * (N - 1) * pairs


def assert_steady(result, expected):
    averages = piqs.time_averages(result, 10.0)
    for average, value in zip(averages.values(), expected, strict=True):
        assert abs(average.mean - value) < 4 * average.error < 0.1 * abs(value)


def laser_on_windows(N, kappa, duration, e_ops):
    options = {"keep_runs_results": True, "cutoff": 1e-14, "store_jumps": False}
    start = {
        "atoms": ("dicke", round(np.sqrt(3 / 16) * N), N // 4),
        "cavity": ("fock", round(N / (4 * kappa))),
    }
    times = np.linspace(0, duration, 1201)
    return superradiant_laser(N, kappa).mcsolve(start, times, e_ops=e_ops, ntraj=2, seeds=4, options=options)


def test_a_superradiant_laser_in_its_steady_state_against_the_density_matrix():
    N, kappa, e_ops = 10, 4.0, [CAVITY.n, ATOMS.jz, ATOMS.jp * ATOMS.jm]
    system = superradiant_laser(N, kappa, n_fock=14)
    rho = system.steadystate()
    assert_steady(
        laser_on_windows(N, kappa, 600.0, e_ops), [qutip.expect(system.build(op), rho) for op in e_ops]
    )


def test_a_superradiant_laser_against_cumulants(monkeypatch):
    """Photons leave a coherent state where it is: its window stays, too, and is fitted rarely."""
    fits, fit = [], Window.fit
    monkeypatch.setattr(Window, "fit", lambda window: (fits.append(1), fit(window))[1])
    N, kappa, e_ops = 400, 10.0, [CAVITY.n, ATOMS.jz, ATOMS.jp * ATOMS.jm]
    result = laser_on_windows(N, kappa, 170.0, e_ops)
    assert_steady(result, second_cumulants(N, kappa))
    assert len(fits) < 2 * 170 * N / 2 / 50
    assert result.stats["left out"] < 1e-2
