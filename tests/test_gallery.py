"""The models of Table II against numbers of a solver that knows no Dicke states, and against laws."""

import importlib

import numpy as np
import pytest
import qutip

import piqs
from piqs import gallery
from piqs.figures import load

# of the reference numbers, which are given to this many digits
EXACT = 2e-7


def steady(model, *names):
    """Expectation values in the steady state, by the names of operators."""
    if isinstance(model, piqs.Composite):
        model.threshold = 1.0  # the number of photon states is part of these models
    N = model.N if isinstance(model, piqs.Dicke) else model.atoms.N
    a = (
        qutip.destroy(2)
        if isinstance(model, piqs.Dicke)
        else model.embed("cavity", qutip.destroy(model.dims[1]))
    )

    def operator(name):
        if name == "photons":
            return a.dag() @ a
        spin = piqs.jspin(N, "+") @ piqs.jspin(N, "-") if name == "+-" else piqs.jspin(N, name)
        return spin if isinstance(model, piqs.Dicke) else model.embed("atoms", spin)

    rho = model.steadystate()
    return [np.real(qutip.expect(operator(name), rho)) for name in names]


STEADY = [
    ("optical_bistability", ("z", "+-"), (-9.615459, 7.381510)),
    ("steady_superradiance", ("z", "+-"), (4.731618, 52.683821)),
    ("spin_synchronization", ("z", "+-"), (4.631077, 51.373690)),
    ("lasing", ("photons", "z"), (1.2421855, 0.7656260)),
    ("photon_antibunching", ("photons", "z"), (0.5240757, 2.3198624)),
    ("driven_subradiance", ("photons", "z"), (0.0764788, -0.3983016)),
    ("spaser", ("photons", "z"), (0.7066976, 0.7911254)),
    ("generalized_dicke", ("photons", "z"), (0.3398814, -0.2201762)),
    ("driven_dicke", ("photons", "z", "x"), (0.6464315, -0.6261147, -0.8185137)),
]


@pytest.mark.parametrize(("name", "names", "expected"), STEADY, ids=[row[0] for row in STEADY])
def test_steady_states_of_table_2(name, names, expected):
    values = steady(getattr(gallery, name)(), *names)
    # the reference has six or seven decimals
    assert np.allclose(values, expected, rtol=EXACT, atol=6e-7)


def test_collective_jumps_and_mean_field():
    module = importlib.import_module("piqs.gallery.jumps")
    roots = module.mean_field(1.5, 3.4, 10.0, 1.0)
    assert np.allclose(roots, [0.061663, 0.243110, 0.375227], atol=1e-6)
    model = gallery.collective_jumps(16)
    (z,) = steady(model, "z")
    assert (z + 8) / 16 == pytest.approx(0.175568, abs=1e-6)
    assert model.liouvillian_gap() == pytest.approx(0.0553504, abs=1e-7)


def test_xy_bistability():
    model = gallery.xy_bistability(8)
    (z,) = steady(model, "z")
    assert (z + 4) / 8 == pytest.approx(0.275666, abs=1e-6)
    assert model.liouvillian_gap() == pytest.approx(0.256601, abs=1e-6)


def test_the_two_bistable_rows_are_one_problem():
    """-w_xy (J_x^2 + J_y^2) and w_xy J_z^2 differ by J^2: V n(n-1)/(2(N-1)) with V = 2 w_xy (N-1)."""
    N, exchange, frequency = 6, 0.7, -1.1
    xy = gallery.xy_bistability(N, 1.3, frequency, exchange)
    # J_z = n - N/2
    detuning = frequency + exchange * (N - 1)
    jumps = gallery.collective_jumps(N, 1.3, detuning, 2 * exchange * (N - 1))
    assert np.allclose(xy.steadystate().full(), jumps.steadystate().full(), atol=1e-12)


def test_depolarizing_noise_has_its_law():
    columns = load("depolarizing-noise").data(N=20, t_max=0.4, points=5)
    assert np.allclose(columns["local"]["J2"], columns["law"]["J2"], atol=1e-7)
    assert columns["local"]["J2"][1] * 110 == pytest.approx(92.779422, abs=1e-5)
    assert np.allclose(columns["collective"]["J2"], 1, atol=1e-7)


def test_ghz_states_have_their_law():
    columns = load("decaying-ghz").data(sizes=(3, 6), t_max=1.0, points=11)
    for series in columns.series.values():
        assert np.allclose(series["negativity"], series["law"], atol=1e-7)
    assert columns["N = 6"]["negativity"][1] == pytest.approx(0.370409, abs=1e-6)
    # with loss and gain the coherence decays at N times half the sum of the rates
    rho = gallery.decaying_ghz(4, 0.3, 0.2, 0.1).mesolve(piqs.ghz(4), [0.0, 0.5]).states[-1]
    assert abs(rho[0, 4]) == pytest.approx(0.5 * np.exp(-4 * 0.6 * 0.5 / 2), abs=1e-7)


def test_three_level_laser_as_published():
    module = importlib.import_module("piqs.gallery.three_levels")
    system = module.three_level_laser()
    rho0 = system.state(atoms=system.atoms.all_in("1"), cavity=qutip.basis(2, 1))
    photons, excitations = system.mesolve(rho0, [0.0, 5.0], e_ops=module.observables(system)).expect
    assert photons[-1] == pytest.approx(0.816390, abs=1e-6)
    assert excitations[-1] == pytest.approx(1.352768, abs=1e-6)


def test_entanglement_witness():
    jx, jy, jz = piqs.jspin(10)
    result = gallery.entanglement_witness().mesolve(piqs.ground(10), [0.0, 0.3], e_ops=[jz, jy @ jy, jx @ jx])
    assert np.allclose([values[-1] for values in result.expect], [-4.473303, 5.797333, 2.5], atol=1e-6)
    curve = load("entanglement-witness").data(N=6, points=9)["in time"]
    assert np.all(curve["bound"] <= curve["fisher"] + 1e-8)
    assert curve["bound"].max() > 6  # more than any separable state has


def test_ramsey_fringes_outlive_one_emitter():
    module = importlib.import_module("piqs.gallery.ramsey")
    assert module.fringe_decay(20, 10.0, 1.0, 0.0) == pytest.approx(1.660491, abs=1e-5)


def test_emission_in_time():
    light = piqs.jspin(2, "+") @ piqs.jspin(2, "-")
    result = gallery.superradiant_emission(2).mesolve(
        piqs.excited(2), [0.0, 0.7], e_ops=[piqs.jspin(2, "z"), light]
    )
    assert np.allclose([values[-1] for values in result.expect], [-0.0607781, 1.1306566], atol=1e-7)
    light = piqs.jspin(20, "+") @ piqs.jspin(20, "-")
    result = gallery.superfluorescence().mesolve(piqs.excited(20), [0.0, 0.05, 0.1], e_ops=[light])
    assert np.allclose(result.expect[0][1:], [34.662837, 39.048308], atol=1e-5)


def test_emitted_light_is_the_energy_lost():
    for columns in load("superradiant-emission").data(N=4, points=401).series.values():
        lost = -np.gradient(columns["inversion"] * 2, columns["time"])
        assert np.allclose(columns["light"][1:-1] * 4, lost[1:-1], atol=2e-3)


def test_synchronised_pairs():
    module = importlib.import_module("piqs.gallery.synchronization")
    rho = gallery.spin_synchronization().steadystate()
    assert qutip.expect(module.pair_correlation(20), rho) == pytest.approx(0.0966911, abs=1e-7)


def test_cooling_by_dephasing():
    module = importlib.import_module("piqs.gallery.cooling")
    result = gallery.cavity_cooling().mesolve(module.mixed(10), [0.0, 10.0], e_ops=[piqs.jspin(10, "z")])
    assert result.expect[0][-1] == pytest.approx(-2.888574, abs=1e-5)
    law = -5 * (1 - np.exp(-0.1 * 1.2 * 10)) / 1.2
    assert law == pytest.approx(-2.911691, abs=1e-6)
    # without dephasing it stops far above the law
    columns = load("cavity-cooling").data(points=13)
    assert columns["no dephasing"]["inversion"][-1] > columns["independent"]["inversion"][-1] + 0.3


def test_superradiant_transition_as_published():
    """The example of P. Kirton's `permutations`: H = w_0 2 J_z with w_0 = 1, D[sigma_z] at 0.1."""
    model = gallery.superradiant_transition(8, 10, 0.9, frequency=2.0)
    model.threshold = 1.0
    a, jz = model.embed("cavity", qutip.num(10)), model.embed("atoms", piqs.jspin(8, "z"))
    result = model.mesolve(
        model.state(atoms=piqs.ground(8), cavity=qutip.basis(10, 0)), [0.0, 5.0], e_ops=[a, jz]
    )
    assert np.allclose([values[-1] for values in result.expect], [1.1463845, -3.0073567], atol=2e-6)
    threshold = importlib.import_module("piqs.gallery.transition").threshold
    assert threshold(emission=0.2) == pytest.approx(0.561805, abs=1e-6)
    assert threshold(emission=0.2, dephasing=0.4) == pytest.approx(0.583631, abs=1e-6)


def test_local_depolarisation_costs_less_squeezing_than_collective():
    columns = load("two-axis-squeezing").data(N=10, points=61)
    best = {name: series["xi2"].min() for name, series in columns.series.items()}
    assert best["no noise"] < best["local"] < best["collective"] < 1


def test_antibunched_light():
    columns = load("photon-antibunching").data(points=81)
    assert columns["coherence"]["g2"][0] == pytest.approx(0, abs=1e-9)
    frequency, power = columns["spectrum"]["frequency"], columns["spectrum"]["power"]
    middle = power.size // 2
    assert power.argmax() == middle
    # far narrower than the line of the mode, whose half width is 4
    assert np.interp(power[middle] / 2, power[: middle + 1], frequency[: middle + 1]) > -0.4
    # side lines where the dipole of the emitters splits the states of the mode
    splitting = 2 * 40 * np.sqrt(columns.parameters["dipole"])
    outside = frequency > 14
    side = frequency[outside][power[outside].argmax()]
    assert side == pytest.approx(splitting, rel=0.25)


def test_names():
    with pytest.raises(AttributeError, match="has no attribute 'maser'; its models are"):
        getattr(gallery, "maser")  # noqa: B009
    for name, module in gallery.MODELS.items():
        assert callable(getattr(gallery, name.replace("-", "_")))
        assert importlib.import_module(f"piqs.gallery.{module}").TITLE
