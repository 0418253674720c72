"""The numbers of every figure at reduced size against independent references, and what the paper says of them."""

from math import comb

import numpy as np
import pytest
import qutip
import qutip.piqs

from brute_force import collective, dissipator, ladder_operators, on_site, to_full
from piqs.figures import load

SIGMA = {"emission": qutip.sigmam(), "pumping": qutip.sigmap(), "dephasing": qutip.sigmaz() / 2}
# What QuTiP's solvers are asked for below; the comparisons allow ten times as much.
TIGHT = {"atol": 1e-11, "rtol": 1e-10, "nsteps": 100_000}


def uncoupled(N, H, **rates):
    """The Liouvillian on 2^N states, by QuTiP tensor products."""
    c_ops = []
    for name, rate in rates.items():
        kind = name.removeprefix("collective_")
        parts = [qutip.Qobj(on_site(N, n, SIGMA[kind])) for n in range(N)]
        c_ops += [np.sqrt(rate) * c for c in ([sum(parts)] if name != kind else parts)]
    return qutip.liouvillian(qutip.Qobj(H), c_ops)


def spin(N, op):
    """A collective spin operator on 2^N states."""
    sigma = {"x": qutip.sigmax() / 2, "y": qutip.sigmay() / 2, "z": qutip.sigmaz() / 2, "-": qutip.sigmam()}
    return qutip.Qobj(collective(N, sigma[op]))


def full_state(N, rho):
    """A state in the Dicke basis on 2^N states."""
    return qutip.Qobj(to_full(N, rho.full()))


def test_figure_2_blocks_and_states():
    N = 6
    data = load(2).data(N=N)
    sizes = [len(elements) for elements, _ in ladder_operators(N)]
    assert data["structure"]["row"].size == sum(size**2 for size in sizes) == 84
    # the steady state is a product: every emitter excited with probability 1/1.3
    excited = 1 / 1.3
    weights = [comb(N, k) * excited**k * (1 - excited) ** (N - k) for k in range(N + 1)]
    steady = data["steady state"]
    for k, weight in enumerate(weights):
        assert steady["population"][steady["m"] == k - N / 2].sum() == pytest.approx(weight, abs=1e-10)
    for name, j, m in (
        ("fully excited", 3, 3),
        ("ground", 3, -3),
        ("superradiant", 3, 0),
        ("subradiant", 0, 0),
    ):
        state = data[name]
        assert state["population"].sum() == 1
        assert state["population"][(state["j"] == j) & (state["m"] == m)] == 1


def test_figure_3_coherent_states_are_binomial_and_ghz_has_four_elements():
    data = load(3).data(N=6)
    amplitude = np.sqrt([comb(6, k) / 2**6 for k in range(7)])
    sign = (-1.0) ** np.arange(7)
    for name, vector in (("CSS", amplitude), ("antisymmetric CSS", sign * amplitude)):
        elements = data[name]
        row, column = ((3 - elements[key]).astype(int) for key in ("m", "m'"))
        expected = np.outer(vector, vector)[row, column]
        assert elements["value"].size == 49
        assert np.allclose(elements["value"], expected, atol=1e-14)
    corners = set(zip(data["GHZ"]["m"].tolist(), data["GHZ"]["m'"].tolist(), strict=True))
    assert corners == {(3, 3), (3, -3), (-3, 3), (-3, -3)}
    assert np.allclose(data["GHZ"]["value"], 0.5, atol=1e-14)


def test_figure_4_rates_are_those_of_the_full_space():
    N, j, m = 4, 1, 0
    rates = {"emission": 1.0, "dephasing": 0.7, "pumping": 0.4}
    shared = {"collective_emission": 0.3, "collective_dephasing": 0.6, "collective_pumping": 0.2}
    data = load(4).data(N, j, m, **rates, **shared)
    ladders = ladder_operators(N)

    def state(j, m):
        elements, copies = ladders[int(N / 2 - j)]
        projector = elements[int(j - m)][int(j - m)]
        return projector / copies, projector

    def flow(rho):
        jumps = [np.sqrt(r) * on_site(N, n, SIGMA[k]) for k, r in rates.items() for n in range(N)]
        jumps += [np.sqrt(r) * collective(N, SIGMA[k.removeprefix("collective_")]) for k, r in shared.items()]
        return sum(dissipator(jump, rho) for jump in jumps)

    here, projector = state(j, m)
    for x, y, rate in zip(*(data["into"][c] for c in ("j", "m", "rate")), strict=True):
        assert rate == pytest.approx(np.trace(projector @ flow(state(x, y)[0])).real, abs=1e-12)
    *_, total = data["out of"]["rate"]
    assert total == pytest.approx(-np.trace(projector @ flow(here)).real, abs=1e-12)
    # |1,0> of four emitters has all eight neighbours but |1 +- 1, ...> beyond the triangle: |0,+-1> do not exist
    assert sorted(data["into"]["number"]) == [2, 3, 5, 6, 7, 8]
    # each process alone: its rates out of the state add to the total
    assert sum(data[name]["rate"].sum() for name in load(4).PROCESSES) == pytest.approx(total, abs=1e-12)
    assert data["collective_dephasing"]["rate"].size == 0


@pytest.mark.parametrize(("name", "keywords"), [("5", {}), ("6", {}), ("performance", {"compare": False})])
def test_timings_stop_at_the_time_limit(name, keywords):
    data = load(name).data(points=3, limit=0.0, **keywords)
    for columns in data.series.values():
        assert columns["N"].tolist() == [2]
        assert columns["solve"][0] > 0


def test_figures_5_and_6_solve_the_problem_of_the_caption():
    module = load(5)
    assert module.rates() == {
        "emission": 0.1,
        "dephasing": 0.1,
        "pumping": 0.1,
        "collective_emission": 0.01,
        "collective_dephasing": 0.01,
        "collective_pumping": 0.01,
    }
    time = module.times(10, 1000)
    assert time.size == 1000
    assert time[-1] == pytest.approx(4 * np.log(10) / (10 * 0.01))
    assert load(6).times is module.times


def test_figure_7_is_the_brute_force_solution():
    N = 4
    data = load(7).data(N=N, points=6)
    module = load(7)
    delay = np.log(N) / N
    time = data["GHZ"]["time"]
    jz, jm = spin(N, "z"), spin(N, "-")
    liouvillian = uncoupled(N, jz, collective_emission=1.0, dephasing=1.0)
    starts = {
        "excited": module.excited(N),
        "superradiant": module.superradiant(N),
        "antisymmetric CSS": module.css(N, 1 / np.sqrt(2), -1 / np.sqrt(2)),
        "subradiant": module.dicke(N, 0, 0),
        "GHZ": module.ghz(N),
    }
    for name, rho0 in starts.items():
        result = qutip.mesolve(
            liouvillian, full_state(N, rho0), time * delay, e_ops=[jz, jm.dag() @ jm], options=TIGHT
        )
        # 1e-6: the default accuracy of the solver under test
        assert np.allclose(data[name]["inversion"], result.expect[0] / (N / 2), atol=1e-6)
        assert np.allclose(data[name]["intensity"], result.expect[1] / (N / 2 * (N / 2 + 1)), atol=1e-6)


def test_figure_7_says_what_the_paper_says():
    data = load(7).data(points=201)
    peak = {name: columns["time"][columns["intensity"].argmax()] for name, columns in data.series.items()}
    # the GHZ state has a delayed peak of half the height, at the same time as the excited state
    assert peak["GHZ"] == pytest.approx(peak["excited"], abs=0.1)
    assert 0.8 < peak["excited"] < 1.3
    # the other symmetric states emit at once, the relative phase of the coherent states is of no consequence
    assert peak["superradiant"] == peak["CSS"] == 0
    assert np.allclose(data["CSS"]["intensity"], data["antisymmetric CSS"]["intensity"], atol=1e-6)
    # |0,0> does not emit but for what dephasing feeds into it, and it hardly decays
    assert data["subradiant"]["intensity"].max() < 0.03
    assert data["subradiant"]["inversion"][-1] > -0.3


@pytest.mark.parametrize("with_losses", [False, True])
def test_figure_8_is_the_brute_force_steady_state(with_losses):
    N, pumping = 4, 3.0
    rates = {"collective_emission": 1.0, "pumping": pumping, "emission": pumping * with_losses}
    rho = qutip.steadystate(uncoupled(N, spin(N, "z"), **rates))
    jm = spin(N, "-")
    expected = qutip.expect(jm.dag() @ jm, rho)
    assert load(8).steady_intensity(N, pumping, 1.0, with_losses) == pytest.approx(expected, abs=1e-9)


def test_figure_8_detailed_balance_removes_the_resonance():
    data = load(8).data(sizes=(20,), points=21)
    plain, lossy = data["N = 20"]["intensity"], data["N = 20, losses = pumping"]["intensity"]
    top = plain.argmax()
    assert 0 < top < 20
    assert plain[top] > 2 * plain[-1]
    assert np.all(np.diff(lossy) > 0)  # no maximum
    # far above, every emitter is excited; or, with losses, half of them at random
    unit = 20 / 2 * (20 / 2 + 1)
    assert plain[-1] == pytest.approx(20 / unit, rel=0.02)
    assert lossy[-1] == pytest.approx(10 / unit, rel=0.02)


def test_figure_9_is_the_brute_force_solution():
    N = 4
    data = load(9).data(N=N, j=1, points=5)
    jx, jy, jz, jm = (spin(N, op) for op in ("x", "y", "z", "-"))
    H = -1j * (jm.dag() @ jm.dag() - jm @ jm)
    for kind in ("emission", "collective_emission"):
        liouvillian = uncoupled(N, H, **{kind: 0.2})
        label = kind.replace("_", " ") if "collective" in kind else "local emission"
        for j in (2, 1):
            rho0 = full_state(N, load(9).dicke(N, j, j))
            time = data[f"|{j},{j}>, {label}"]["time"]
            x, y, z, yy = qutip.mesolve(
                liouvillian, rho0, time / N, e_ops=[jx, jy, jz, jy @ jy], options=TIGHT
            ).expect
            expected = N * (yy - y**2) / (z**2 + x**2)
            # 1e-6 relative: the default accuracy of the solver under test, over a mean spin that shrinks
            assert np.allclose(data[f"|{j},{j}>, {label}"]["xi2"], expected, rtol=2e-5)


def test_figure_9_the_state_squeezed_longest_under_local_emission():
    """The caption says |14,14>; what it says of it, and what is printed, is |12,12>."""
    module = load(9)
    durations = {}
    for j in (11, 12, 13, 14):
        data = module.data(j=j, points=501)
        columns = data[f"|{j},{j}>, local emission"]
        begin = columns["time"][np.flatnonzero(columns["xi2"] < 1)[0]]
        durations[j] = module.squeezed_until(columns["time"], columns["xi2"]) - begin
    assert max(durations, key=durations.get) == 12
    excited = data["|25,25>, local emission"]
    until = module.squeezed_until(excited["time"], excited["xi2"])
    # "about 30 percent longer than |N/2,N/2>"
    assert durations[12] / until == pytest.approx(1.27, abs=0.01)
    # local emission harms less than collective emission, against the text
    assert until > module.squeezed_until(excited["time"], data["|25,25>, collective emission"]["xi2"])


def test_figure_10_is_the_brute_force_steady_state():
    N, photons = 2, 6
    parameters = {"N": N, "photons": photons, "coupling": 1.0, "points": 9}
    data = load(10).data(**parameters, processes={"local emission": {"emission": 0.1}})
    one = qutip.qeye(photons)
    a = qutip.tensor(qutip.destroy(photons), qutip.qeye(2**N))
    jx, jz = (qutip.tensor(one, spin(N, op)) for op in "xz")
    H = jz + a.dag() @ a + 1.0 / np.sqrt(N) * (a + a.dag()) @ jx
    sites = [qutip.Qobj(on_site(N, n, SIGMA[k])) for k in ("emission", "dephasing") for n in range(N)]
    c_ops = [a] + [
        np.sqrt(rate) * qutip.tensor(one, c) for rate, c in zip([0.1] * N + [0.01] * N, sites, strict=True)
    ]
    cavity = qutip.steadystate(H, c_ops).ptrace(0)
    axis = np.linspace(-6, 6, 9)
    expected = qutip.wigner(cavity, axis, axis).ravel()
    assert np.allclose(data["local emission"]["wigner"], expected, atol=1e-8)


def test_figure_10_local_emission_restores_the_two_lobes_and_local_pumping_does_not():
    module = load(10)
    processes = {
        "dephasing alone": {},
        **{k: module.PROCESSES[k] for k in ("local pumping", "local emission")},
    }
    data = module.data(N=4, photons=14, points=61, processes=processes)
    height = {
        name: columns["wigner"][columns["wigner"].size // 2] / columns["wigner"].max()
        for name, columns in data.series.items()
    }
    assert height["dephasing alone"] == pytest.approx(1, abs=1e-12)  # one lobe at the origin
    assert height["local pumping"] == pytest.approx(1, abs=1e-12)
    assert height["local emission"] < 0.7  # a saddle between two


def test_figure_10_holds_as_many_photons_as_its_authors_found():
    # <a^+ a> printed in "Open Dicke Model", cell 32 (examples/piqs-open-dicke-model.ipynb of qutip/qutip-notebooks),
    # from rates in single precision
    module = load(10)
    name = "local emission and collective emission"
    data = module.data(N=6, photons=16, x_max=10, points=201, processes={name: module.PROCESSES[name]})
    x, p, wigner = (data[name][key] for key in ("x", "p", "wigner"))
    photons = np.sum((x**2 + p**2) / 2 * wigner) * 0.1**2 - 0.5
    assert photons == pytest.approx(2.374561580715676, abs=1e-6)


def test_figure_11_is_the_brute_force_solution():
    N = 4
    data = load(11).data(N=N, dephasing=(0.0, 0.5), t_max=6, points=7)
    jx, jy, jz = (spin(N, op) for op in "xyz")
    J2 = jx @ jx + jy @ jy + jz @ jz
    rho0 = full_state(N, load(11).excited(N))
    for rate in (0.0, 0.5):
        liouvillian = uncoupled(N, jx, collective_emission=1 / N, dephasing=rate)
        result = qutip.mesolve(liouvillian, rho0, np.linspace(0, 6, 7), e_ops=[jz, J2], options=TIGHT)
        columns = data[f"dephasing {rate:g}"]
        assert np.allclose(columns["inversion"], result.expect[0] / (N / 2), atol=1e-6)
        assert np.allclose(columns["J2"], result.expect[1] / (N / 2 * (N / 2 + 1)), atol=1e-6)


def test_figure_11_local_dephasing_kills_the_oscillations():
    data = load(11).data(N=12, t_max=40, points=201)

    def late_swing(rate):
        return np.ptp(data[f"dephasing {rate:g}"]["inversion"][100:])

    swings = [late_swing(rate) for rate in (0, 0.01, 0.1, 1)]
    assert swings == sorted(swings, reverse=True)
    assert swings[0] > 0.25
    assert swings[-1] < 0.01
    assert np.allclose(data["dephasing 0"]["J2"], 1, atol=1e-6)
    assert data["dephasing 1"]["J2"][-1] < 0.4


def final_inversion(N_1, N_2):
    """<J_z^(1)>/(N_1/2) after the common channel at zero temperature, from Clebsch-Gordan coefficients.

    The total spin J keeps its weight and falls to |J,-J>, where the projection theorem gives <J_z^(1)>.
    """
    a, b = N_1 / 2, N_2 / 2
    total = 0.0
    for J in np.arange(b - a, a + b + 1):
        weight = qutip.clebsch(a, b, J, -a, b, b - a) ** 2
        if J:
            total -= weight * J * (J * (J + 1) + a * (a + 1) - b * (b + 1)) / (2 * J * (J + 1))
    return total / a


def test_figure_12_common_channel_alone_has_the_closed_form():
    data = load(12).data(sizes=(2, 6), t_max=60, points=11)
    final = data["common channel alone"]["inversion 1"][-1]
    # 1e-6: the default accuracy of the solver under test
    assert final == pytest.approx(final_inversion(2, 6), abs=1e-6)


def test_figure_12_only_the_common_channel_alone_leaves_the_first_ensemble_excited():
    data = load(12).data(t_max=500, points=41)
    final = {name: columns["inversion 1"][-1] for name, columns in data.series.items()}
    assert final["common channel alone"] > 0.6
    assert all(value < -0.95 for name, value in final.items() if name != "common channel alone")


def test_negative_temperature_agrees_in_both_treatments_and_with_the_closed_form():
    data = load("negative-temperature").data(
        sizes=(2, 5), occupations=(0.0, 0.5), points=21, partners=(1, 3, 8)
    )
    for n in ("0", "0.5"):
        first, second = data[f"n = {n}, jmat"], data[f"n = {n}, Dicke"]
        for column in ("inversion 1", "inversion 2"):
            assert np.allclose(first[column], second[column], atol=1e-6)
    for name in ("common bath alone", "collective"):
        collective, dicke = data[f"{name}, jmat"], data[name]
        for column in ("inversion 1", "inversion 2"):
            assert np.allclose(collective[column], dicke[column], atol=1e-6)
    expected = [final_inversion(1, N) for N in (1, 3, 8)]
    assert np.allclose(data["n = 0, final"]["inversion 1"], expected, atol=1e-6)
    assert np.all(np.diff(data["n = 0.5, final"]["inversion 1"]) > 0)


def test_large_superradiance_approaches_mean_field():
    module = load("large-superradiance")
    peak = module.data(sizes=(5, 40), pumping=(0.3, 0.5, 0.7, 1.0, 1.5, 3.0))["peak"]

    def brute_force(x):
        rho = qutip.steadystate(uncoupled(5, spin(5, "z"), collective_emission=1.0, pumping=5 * x))
        return qutip.expect(spin(5, "-").dag() @ spin(5, "-"), rho) / 25

    x, height = peak["pumping"][0], peak["intensity"][0]
    assert height == pytest.approx(brute_force(x), abs=1e-9)
    assert height > max(brute_force(0.97 * x), brute_force(1.03 * x))
    assert abs(peak["pumping"][1] - 0.5) < 0.1 < abs(peak["pumping"][0] - 0.5)
    assert abs(peak["intensity"][1] - 0.125) < 0.01 < abs(peak["intensity"][0] - 0.125)


def test_bursts_are_the_brute_force_solution():
    N = 4
    module = load("bursts")
    data = module.data(sizes=(N,), points=6)[f"N = {N}"]
    jz, jm = spin(N, "z"), spin(N, "-")
    liouvillian = uncoupled(N, jz, **module.RATES)
    time = data["time"] * np.log(N) / N
    rho0 = full_state(N, module.excited(N))
    result = qutip.mesolve(liouvillian, rho0, time, e_ops=[jz, jm.dag() @ jm], options=TIGHT)
    assert np.allclose(data["inversion"], result.expect[0] / (N / 2), atol=1e-6)
    assert np.allclose(data["intensity"], result.expect[1] / (N / 2 * (N / 2 + 1)), atol=1e-6)


@pytest.mark.parametrize("N", [5, 12])
def test_time_crystal_eigenvalues_are_those_of_the_dense_liouvillian(N):
    jump = np.sqrt(1 / N) * qutip.jmat(N / 2, "-")
    values = np.linalg.eigvals(qutip.liouvillian(qutip.jmat(N / 2, "x"), [jump]).full())
    values = values[np.argsort(-values.real)][1:]
    gap, mode = load("time-crystal").slowest_modes(N)
    assert gap == pytest.approx(values[0], abs=1e-10)
    oscillating = values[values.imag > 0.4][0]
    assert mode == pytest.approx(oscillating, abs=1e-10)


def test_time_crystal_oscillations_live_longer_with_N():
    data = load("time-crystal").data(sizes=(6, 24), gap_sizes=(8, 16), points=201)
    swing = [np.ptp(data[f"N = {N}"]["inversion"][150:]) for N in (6, 24)]
    assert swing[1] > 2 * swing[0]
    gap = data["gap"]
    assert gap["gap"][0] / gap["gap"][1] == pytest.approx(2, rel=0.1)  # closes as 1/N
    assert np.allclose(gap["frequency"], np.sqrt(0.75), atol=0.03)  # mean field


def test_every_default_of_the_paper_is_a_parameter_of_the_csv(tmp_path):
    data = load(7).data(N=4, points=3)
    data.write_csv(tmp_path / "fig.csv", "A title", "abc")
    lines = (tmp_path / "fig.csv").read_text().splitlines()
    assert lines[0] == "# A title"
    assert "# parameter N = 4" in lines
    assert "# column inversion in units of N/2" in lines
    header, *rows = [line.split(",") for line in lines if not line.startswith("#")]
    assert header == ["series", "time", "inversion", "intensity"]
    assert len(rows) == 6 * 3
    assert rows[0][0] == "excited"
    assert float(rows[1][3]) == data["excited"]["intensity"][1]


def test_figure_13_is_the_brute_force_solution():
    N, photons, g = 2, 3, 0.2
    data = load(13).data(N=N, coupling=g, t_max=12, points=7, frequencies=31)
    a = qutip.tensor(qutip.qeye(2**N), qutip.destroy(photons))
    jx, jz = (qutip.tensor(spin(N, op), qutip.qeye(photons)) for op in "xz")
    H = jz + a.dag() @ a + g * (a + a.dag()) @ jx
    sites = [qutip.tensor(qutip.Qobj(on_site(N, n, qutip.sigmam())), qutip.qeye(photons)) for n in range(N)]
    c_ops = [0.1 * c for c in [a, *sites]]
    rho0 = qutip.tensor(qutip.basis(2**N, 2**N - 1), qutip.basis(photons, 0)).proj()
    energies, states = H.eigenstates()
    in_ground_state = qutip.expect(a.dag() @ a, states[0])
    time, frequency = np.linspace(0, 12 / g, 7), np.linspace(0.6, 1.4, 31)

    def photon_number(jumps):
        return (
            qutip.mesolve(H, rho0, time, jumps, e_ops=[a.dag() @ a], options=TIGHT).expect[0]
            - in_ground_state
        )

    assert np.allclose(data["ordinary, photons"]["photons"], photon_number(c_ops), atol=1e-5)
    power = qutip.spectrum(H, frequency, c_ops, a.dag(), a)
    # QuTiP's spectrum keeps what it finds to 1e-6
    assert np.allclose(data["ordinary, spectrum"]["spectrum"], power, atol=1e-6)
    steady = qutip.expect(a.dag() @ a, qutip.steadystate(H, c_ops)) - in_ground_state
    assert data["ordinary, photons"]["steady"][0] == pytest.approx(steady, abs=1e-8)
    # Eq. 32 with the sum over n written out, between all pairs of the eigenstates on 2^N: the copies of j = 0 have one
    # energy, but nothing leads there from j = 1 and back
    couplings = [a + a.dag()]
    couplings += [
        qutip.tensor(qutip.Qobj(on_site(N, n, qutip.sigmax() / 2)), qutip.qeye(photons)) for n in range(N)
    ]
    jumps = []
    for r, s in zip(*np.triu_indices(energies.size, 1), strict=True):
        rate = sum(0.01 * abs(X.matrix_element(states[r].dag(), states[s])) ** 2 for X in couplings)
        if rate > 1e-14 and energies[s] - energies[r] > 1e-9:
            jumps.append(np.sqrt(rate) * states[r] @ states[s].dag())
    assert np.allclose(data["dressed, photons"]["photons"], photon_number(jumps), atol=1e-5)


def test_figure_13_only_the_ordinary_equation_emits_in_the_steady_state():
    data = load(13).data(points=301, t_max=150, frequencies=301)
    lines = data["ordinary, spectrum"]
    assert lines["spectrum"].max() > 1
    # tails of the absorption lines at negative frequencies are all that the ground state has
    assert np.abs(data["dressed, spectrum"]["spectrum"]).max() < 1e-4 * lines["spectrum"].max()
    assert data["dressed, photons"]["steady"][0] == pytest.approx(0, abs=1e-12)
    assert abs(data["dressed, photons"]["photons"][-1]) < 1e-4
    assert data["ordinary, photons"]["photons"][-1] == pytest.approx(0.00688, abs=1e-5)
    assert float(data.parameters["edge"]) < 0.01
    # two of its peaks stand near the polaritons
    for polariton in 1 - np.sqrt(10) * 0.05, 1 + np.sqrt(10) * 0.05:
        near = np.abs(lines["frequency"] - polariton) < 0.03
        assert lines["spectrum"][near].max() > 50 * np.median(lines["spectrum"])


def test_figure_13_as_printed_has_two_photon_states_and_sigma_x():
    """The numbers read off the printed figure: 0.00625, and peaks of 1.2 and 1.05."""
    data = load(13).data(photons=2, operator=qutip.sigmax(), points=51)
    assert data["ordinary, photons"]["steady"][0] == pytest.approx(0.00624, abs=2e-5)
    power, frequency = data["ordinary, spectrum"]["spectrum"], data["ordinary, spectrum"]["frequency"]
    assert power[frequency < 1].max() == pytest.approx(1.25, abs=0.05)
    assert power[frequency > 1].max() == pytest.approx(1.05, abs=0.05)
