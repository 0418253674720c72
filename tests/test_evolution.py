"""Every integrator against every system with a known state, at several tolerances."""

import numpy as np
import pytest
import qutip

import piqs
import systems

TOLERANCES = [1e-4, 1e-6, 1e-9, 1e-12]


def check(system, method, rtol, margin=1.0, rounding=2e-13):
    """Errors of states and expectation values are within `margin` times the tolerance, or rounding."""
    options = {"method": method, "rtol": rtol, "atol": 0.01 * rtol}
    problem = (system.H, system.rho0, system.times, system.c_ops)
    by_state = piqs.mesolve(*problem, options=options)
    by_value = piqs.mesolve(*problem, e_ops=system.e_ops, options=options)
    if method != "auto":
        assert by_state.stats["method"] == by_value.stats["method"] == method
    assert by_state.times == by_value.times == list(system.times)
    for t, state in zip(system.times, by_state.states, strict=True):
        exact = system.state(t)
        rho = qutip.ket2dm(state) if state.isket else state
        # a state's Frobenius norm is at most 1
        assert np.linalg.norm(rho.full() - exact) <= margin * rtol + rounding
        assert abs(rho.tr() - 1) <= margin * rtol + rounding
        assert rho.isherm
    for op, values, exact in zip(system.e_ops, by_value.expect, system.expect(), strict=True):
        # |Tr(O dX)| <= |O|_F |dX|_F
        size = max(1.0, np.linalg.norm(op.full()))
        assert np.abs(values - exact).max() <= (margin * rtol + rounding) * size
        assert np.iscomplexobj(values) == (not op.isherm)


def named(system):
    return system.name


@pytest.mark.parametrize("rtol", TOLERANCES)
@pytest.mark.parametrize("method", ["auto", "faber", "rational", "exponential"])
@pytest.mark.parametrize("system", systems.CONSTANT, ids=named)
def test_constant_generators(system, method, rtol):
    # rounding of exp(-iHt) is eps |H| t, and as much again where each step is a solve and a product
    check(system, method, rtol, rounding=4e-12 if system.name == "large detuning" else 2e-13)


@pytest.mark.parametrize("rtol", TOLERANCES)
@pytest.mark.parametrize("system", systems.TIME_DEPENDENT, ids=named)
def test_time_dependent_generators(system, rtol):
    check(system, "auto", rtol)


@pytest.mark.parametrize("rtol", [1e-5, 1e-9])
@pytest.mark.parametrize("system", systems.CONSTANT + systems.TIME_DEPENDENT, ids=named)
def test_explicit_pair(system, rtol):
    if system.name != "large detuning":  # thousands of steps
        check(system, "dop853", rtol)


@pytest.mark.parametrize(
    "system",
    [
        systems.superradiant_pair(),
        systems.independent_emitters(),
        systems.switched_decay(),
        systems.chirped_loss(),
    ],
    ids=named,
)
@pytest.mark.parametrize(("method", "rtol"), [("radau", 1e-5), ("bdf", 1e-4)])
def test_implicit_methods(system, method, rtol):
    check(system, method, rtol)


@pytest.mark.slow
@pytest.mark.parametrize("system", systems.CONSTANT, ids=named)
@pytest.mark.parametrize(("method", "rtol"), [("dop853", 1e-12), ("radau", 1e-4), ("bdf", 1e-4)])
def test_every_method_on_every_system(system, method, rtol):
    # BDF is not A-stable at high order: its error on undamped motion is a few times the tolerance
    check(system, method, rtol, margin=10 if method == "bdf" else 1)


@pytest.mark.parametrize(
    ("method", "rtol"),
    [("auto", 1e-6), ("auto", 1e-12), ("rational", 1e-9), ("radau", 1e-4), ("bdf", 1e-4)],
)
def test_rates_a_million_apart(method, rtol):
    # rounding of exp(tL) is eps |L| t, with |L| t = 1e6
    check(systems.STIFF, method, rtol, rounding=2e-10)


@pytest.mark.parametrize("method", ["faber", "rational", "exponential", "dop853", "radau", "bdf"])
@pytest.mark.parametrize("times", [[1.5], [0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.5, 1.0, 1.0]])
def test_repeated_times_and_no_duration(method, times):
    system = systems.superradiant_pair()
    options = {"method": method, "rtol": 1e-5}
    problem = (system.H, system.rho0, times, system.c_ops)
    result = piqs.mesolve(*problem, system.e_ops, options=options | {"store_states": True})
    values = piqs.mesolve(*problem, system.e_ops, options=options)
    assert result.times == values.times == times
    for k, t in enumerate(times):
        exact = system.state(t - times[0])
        assert np.abs(result.states[k].full() - exact).max() < 1e-5
        for op, series in zip(system.e_ops, values.expect, strict=True):
            assert series[k] == pytest.approx(np.trace(op.full() @ exact), abs=3e-5)


@pytest.mark.parametrize("method", ["faber", "rational", "exponential", "dop853"])
def test_clustered_and_scattered_outputs(method):
    system = systems.independent_emitters()
    times = np.sort(np.concatenate([[0], 10.0 ** np.linspace(-9, 1, 41), 1 + 1e-13 * np.arange(5)]))
    result = piqs.mesolve(
        system.H, system.rho0, times, system.c_ops, system.e_ops, options={"method": method, "rtol": 1e-9}
    )
    for op, series in zip(system.e_ops, result.expect, strict=True):
        exact = [np.trace(op.full() @ system.state(t)) for t in times]
        assert np.abs(series - np.array(exact)).max() < 1e-8


def test_max_step_is_kept():
    # a pulse of width 0.01 at t = 5 flips a spin that nothing else moves: invisible to long steps
    width, s = 0.01, piqs.jspin(1, "x")
    area = [[np.pi * s, lambda t: np.exp(-(((t - 5) / width) ** 2)) / (width * np.sqrt(np.pi))]]
    result = piqs.mesolve(
        area, piqs.excited(1), [0, 10], e_ops=[piqs.jspin(1, "z")], options={"max_step": 0.02}
    )
    assert result.expect[0][-1] == pytest.approx(-0.5, abs=1e-5)


@pytest.mark.parametrize("method", ["auto", "faber", "rational", "exponential"])
def test_trace_and_positivity_over_long_times(method):
    # a thousand lifetimes and 10^4 oscillations with all six rates
    N = 4
    atoms = piqs.Dicke(N, 10.0 * piqs.jspin(N, "x"), 0.3, 0.2, 0.1, 0.5, 0.4, 0.3)
    times = np.linspace(0, 1000, 6)
    result = atoms.mesolve(piqs.css(N), times, options={"method": method})
    for rho in result.states:
        assert abs(rho.tr() - 1) < 1e-12
        assert np.linalg.eigvalsh(rho.full()).min() > -1e-12
    final = atoms.steadystate()
    assert np.abs((result.states[-1] - final).full()).max() < 1e-9


def test_undamped_motion_over_long_times():
    # 10^4 periods; rounding of a phase is eps |L| t, with |L| = 2 pi N
    N, periods = 10, 1e4
    rounding = 20 * np.finfo(float).eps * 2 * np.pi * N * periods
    H = 2 * np.pi * piqs.jspin(N, "x")
    result = piqs.mesolve(H, piqs.excited(N), [0, periods], options={"rtol": 1e-12})
    assert abs(result.states[-1].tr() - 1) < 1e-11
    assert abs(result.states[-1].purity() - 1) < rounding
    assert np.abs((result.states[-1] - piqs.excited(N)).full()).max() < rounding


def test_steps_far_from_zero_sum_up_to_the_times():
    # rounding of t + h, 1e-11 here, was made in every step: 4e-10 in all
    t = 1e5 + np.array([0.0, 40.0, 100.0])
    H = 2.0 * qutip.sigmax()
    options = {"method": "dop853", "rtol": 1e-12}
    run = piqs.mesolve(H, qutip.basis(2, 0), t, [], [qutip.sigmaz()], options=options)
    assert run.expect[0] == pytest.approx(np.cos(4.0 * (t - t[0])), abs=1e-12)


def test_nothing_decays_into_subnormal_numbers():
    # each operation on one takes fifty times as long; exp(-t) passes through them at t = 708 to 745
    N = 4
    atoms = piqs.Dicke(N, piqs.jspin(N, "z"), emission=1.0)
    result = atoms.mesolve(piqs.css(N), np.linspace(0, 1600, 81), options={"method": "faber"})
    for rho in result.states:
        size = np.abs(rho.full())
        assert size[size > 0].min() > 1e-300


@pytest.mark.parametrize("method", ["exponential", "auto"])
def test_spacings_are_compared_where_they_are(method):
    # a last time far away says nothing of the first ones
    options = {"method": method}
    atom = piqs.Dicke(1, emission=1.0)
    times = np.array([0, 1e-3, 3e-3, 0.5, 1e13, 1e15])
    result = atom.mesolve(piqs.excited(1), times, [piqs.jspin(1, "z")], options=options)
    assert np.abs(result.expect[0] + 0.5 - np.exp(-times)).max() < 1e-12


@pytest.mark.parametrize("duration", [1e-298, 1e-20, 1e-9])
def test_hardly_anything_happens(duration):
    # a series of one term has none that shows how small the rest is
    H, plus = qutip.sigmaz(), (qutip.basis(2, 0) + qutip.basis(2, 1)).unit().proj()
    result = piqs.mesolve(
        H, plus, [0, duration], [qutip.sigmam()], [qutip.sigmax()], options={"method": "faber"}
    )
    assert result.stats["applications"] < 10
    assert result.expect[0] == pytest.approx([1, 1], abs=1e-8)


@pytest.mark.parametrize("outputs", [11, 301])
def test_states_cost_no_more_applications_than_expectation_values(outputs):
    N, photons = 3, 6
    system = piqs.Composite(
        piqs.Dicke(N, piqs.jspin(N, "z"), emission=0.1, dephasing=0.05),
        piqs.Mode(photons, 1.0, 1.0),
        threshold=1,
    )
    a = system.embed(1, qutip.destroy(photons))
    system.interaction = 0.8 * (a + a.dag()) @ system.embed(0, piqs.jspin(N, "x"))
    times, number = np.linspace(0, 20, outputs), a.dag() @ a
    rho0 = qutip.tensor(piqs.excited(N), qutip.fock_dm(photons, 0))
    options = {"method": "faber", "rtol": 1e-9}
    by_value = system.mesolve(rho0, times, [number], options=options)
    by_state = system.mesolve(rho0, times, options=options)
    assert by_state.stats["applications"] <= by_value.stats["applications"]
    assert by_state.stats["error estimate"] == pytest.approx(by_value.stats["error estimate"])
    assert np.abs(qutip.expect(number, by_state.states) - by_value.expect[0]).max() < 1e-12


def test_outputs_inside_of_a_step_are_interpolated():
    # sigma_z of a qubit with detuning cos(2t) and losses, from the equator; the coherence has a closed form
    H, plus = [[qutip.sigmaz(), lambda t: np.cos(2 * t)]], (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()
    few, many = np.linspace(0, 8, 3), np.linspace(0, 8, 1001)
    for rtol in (1e-5, 1e-8, 1e-11):
        options = {"method": "dop853", "rtol": rtol, "atol": 0.01 * rtol}
        problem = {"c_ops": [0.5 * qutip.sigmam()], "e_ops": [qutip.sigmax()], "options": options}
        sparse, dense = (piqs.mesolve(H, plus, times, **problem) for times in (few, many))
        exact = np.cos(np.sin(2 * many)) * np.exp(-0.125 * many)
        error = np.abs(dense.expect[0] - exact).max()
        assert error < rtol + 1e-13
        assert error <= dense.stats["error estimate"] + 1e-13
        assert dense.stats["applications"] < 1.5 * sparse.stats["applications"]


def test_coefficients_that_jump_at_the_outputs():
    times = np.linspace(0, 10, 101)
    pulse = np.random.default_rng(0).uniform(-1, 1, times.size)
    step = qutip.coefficient(pulse, tlist=times, order=0)
    result = piqs.mesolve([[qutip.sigmax(), step]], qutip.basis(2, 0).proj(), times, e_ops=[qutip.sigmaz()])
    angle = np.concatenate([[0.0], np.cumsum(0.1 * pulse[:-1])])
    assert np.abs(result.expect[0] - np.cos(2 * angle)).max() < 1e-6
