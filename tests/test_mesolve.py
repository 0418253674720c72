"""`mesolve` against QuTiP on the whole space, and its results as QuTiP code uses them."""

import multiprocessing
import pickle
import threading
import tracemalloc

import numpy as np
import pytest
import qutip

import brute_force as bf
import piqs
from piqs import Dicke, css, css_ket, excited, ghz, jspin, mesolve

TIGHT = {"rtol": 1e-11, "atol": 1e-13}
LOCAL = {"emission": qutip.sigmam(), "dephasing": qutip.sigmaz() / 2, "pumping": qutip.sigmap()}
RATES = {"emission": 0.7, "dephasing": 1.1, "pumping": 0.4} | {
    "collective_emission": 0.5,
    "collective_dephasing": 0.3,
    "collective_pumping": 0.2,
}


def on_all(N, rates):
    """Collapse operators of the whole space."""
    c_ops = [np.sqrt(rates.get(a, 0)) * bf.on_site(N, n, op) for a, op in LOCAL.items() for n in range(N)]
    c_ops += [np.sqrt(rates.get(f"collective_{a}", 0)) * bf.collective(N, op) for a, op in LOCAL.items()]
    return [qutip.Qobj(c) for c in c_ops if c.any()]


def spin(N, axis):
    return qutip.Qobj(
        bf.collective(N, {"x": qutip.sigmax(), "y": qutip.sigmay(), "z": qutip.sigmaz()}[axis] / 2)
    )


def qutip_states(N, H, rates, rho, times, args=None):
    """Blocks in the Dicke basis at all times, solved on 2^N by QuTiP."""
    options = {"method": "vern9", "atol": 1e-12, "rtol": 1e-11, "progress_bar": "", "nsteps": 100_000}
    full = qutip.Qobj(bf.to_full(N, rho))
    result = qutip.mesolve(H, full, times, on_all(N, rates), args=args, options=options)
    return [bf.to_dicke(N, state.full()) for state in result.states]


@pytest.mark.parametrize("N", [1, 2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_all_rates_and_drive_from_random_states(N):
    rng = np.random.default_rng(N)
    rho = bf.random_blocks(N, rng, state=True)
    times = np.array([0.3, 0.5, 1.4])
    exact = qutip_states(
        N, 1.3 * spin(N, "x") + 2 * spin(N, "z") + 0.4 * spin(N, "y") ** 2, RATES, rho, times
    )
    H = 1.3 * jspin(N, "x") + 2 * jspin(N, "z") + 0.4 * jspin(N, "y") ** 2
    system = Dicke(N, H, **RATES)
    result = system.mesolve(qutip.Qobj(rho), times, options=TIGHT)
    for ours, theirs in zip(result.states, exact, strict=True):
        # QuTiP's own error is about 1e-10
        assert np.abs(ours.full() - theirs).max() < 1e-9
    # the same from the collapse operators, from the Liouvillian, and from observables alone
    e_ops = {axis: jspin(N, axis) for axis in ("x", "y", "z", "-")}
    for values in (
        mesolve(H, qutip.Qobj(rho), times, system.jump_operators(), e_ops, options=TIGHT),
        mesolve(system.liouvillian(), qutip.Qobj(rho), times, e_ops=e_ops, options=TIGHT),
        mesolve(H, qutip.Qobj(rho), times, [system.lindbladian()], e_ops, options=TIGHT),
    ):
        for axis, op in e_ops.items():
            theirs = [np.trace(op.full() @ state) for state in exact]
            assert np.abs(values.e_data[axis] - np.array(theirs)).max() < 1e-9 * N


@pytest.mark.parametrize("channel", RATES)
def test_one_channel_at_a_time(channel):
    N, rates = 3, {channel: RATES[channel]}
    rho = bf.random_blocks(N, np.random.default_rng(7), state=True)
    exact = qutip_states(N, spin(N, "x"), rates, rho, [0, 1.0])
    ours = Dicke(N, jspin(N, "x"), **rates).mesolve(qutip.Qobj(rho), [0, 1.0], options=TIGHT).states[-1]
    assert np.abs(ours.full() - exact[-1]).max() < 1e-9


@pytest.mark.slow
def test_five_emitters():
    N = 5
    rho = css_ket(N, 1.0, 0.5, coordinates="polar").proj().full()
    exact = qutip_states(N, spin(N, "x"), RATES, rho, [0, 0.4])
    ours = Dicke(N, jspin(N, "x"), **RATES).mesolve(qutip.Qobj(rho), [0, 0.4], options=TIGHT).states[-1]
    assert np.abs(ours.full() - exact[-1]).max() < 1e-9


@pytest.mark.parametrize("style", ["function", "function with args", "array", "QobjEvo"])
def test_time_dependent_drive(style):
    N, w, times = 2, 3.0, np.linspace(0, 1.5, 200)
    rho = bf.random_blocks(N, np.random.default_rng(3), state=True)

    def listed(x, z):
        if style == "function":
            return [z, [x, lambda t: np.cos(w * t)]], None
        if style == "function with args":
            return [z, [x, lambda t, w: np.cos(w * t)]], {"w": w}
        if style == "array":
            return [z, [x, np.cos(w * times)]], None
        return qutip.QobjEvo([z, [x, lambda t, w: np.cos(w * t)]], args={"w": w}), None

    H, args = listed(spin(N, "x"), spin(N, "z"))
    if style == "array":
        H = qutip.QobjEvo(H, tlist=times)
    exact = qutip_states(N, H, RATES, rho, [0, 0.7, 1.5], args)[1:]
    H, args = listed(jspin(N, "x"), jspin(N, "z"))
    if style == "array":
        H = qutip.QobjEvo(H, tlist=times)
    c_ops = Dicke(N, **RATES).jump_operators()
    result = mesolve(H, qutip.Qobj(rho), [0, 0.7, 1.5], c_ops, args=args, options=TIGHT)
    # a spline's third derivative jumps at its knots, which both integrators see at their own steps
    tolerance = 1e-7 if style == "array" else 1e-9
    for ours, theirs in zip(result.states[1:], exact, strict=True):
        assert np.abs(ours.full() - theirs).max() < tolerance


def jaynes_cummings(n=7, g=1.3, kappa=0.6, gamma=0.2):
    sm, a = qutip.tensor(qutip.sigmam(), qutip.qeye(n)), qutip.tensor(qutip.qeye(2), qutip.destroy(n))
    H = 2.0 * a.dag() * a + 2.5 * sm.dag() * sm + g * (a.dag() * sm + a * sm.dag()) + 0.3 * (a + a.dag())
    start = qutip.tensor((qutip.basis(2, 0) + 1j * qutip.basis(2, 1)).unit(), qutip.coherent(n, 0.6j))
    return H, start, [np.sqrt(kappa) * a, np.sqrt(gamma) * sm], [a.dag() * a, sm, a]


def test_jaynes_cummings():
    H, start, c_ops, e_ops = jaynes_cummings()
    times = np.linspace(1.0, 4.0, 7)
    theirs = qutip.mesolve(
        H, start, times, c_ops, e_ops=e_ops,
        options={"atol": 1e-12, "rtol": 1e-11, "nsteps": 10**5, "store_states": True, "progress_bar": ""},
    )  # fmt: skip
    ours = mesolve(H, start, times, c_ops, e_ops, options=TIGHT | {"store_states": True})
    for a, b in zip(ours.expect, theirs.expect, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.abs(np.asarray(a) - np.asarray(b)).max() < 1e-9
    for a, b in zip(ours.states, theirs.states, strict=True):
        assert a.dims == b.dims == [[2, 7], [2, 7]]
        assert np.abs((a - b).full()).max() < 1e-9
        assert np.abs((a.ptrace(1) - b.ptrace(1)).full()).max() < 1e-9
    assert list(ours.times) == list(theirs.times)
    # and through QuTiP's superoperator, alone and with collapse operators as superoperators
    L = mesolve(qutip.liouvillian(H, c_ops), start, times, e_ops=e_ops, options=TIGHT)
    assert np.abs(np.array(L.expect) - np.array(ours.expect)).max() < 1e-10


def test_ensemble_cavity_superoperator_of_the_paper():
    # super_tensor(Dicke Liouvillian, cavity Liouvillian) with an interaction, as in the paper's cavity example
    N, n = 2, 4
    atoms, a = Dicke(N, emission=0.4, dephasing=0.3), qutip.destroy(n)
    L = qutip.super_tensor(atoms.liouvillian(), qutip.to_super(qutip.qeye(n)))
    L += qutip.super_tensor(qutip.to_super(qutip.qeye(4)), qutip.liouvillian(0 * a, [a]))
    exchange = qutip.tensor(jspin(N, "+"), a)
    L += qutip.liouvillian(exchange + exchange.dag())
    start = qutip.tensor(excited(N), qutip.fock_dm(n, 0))
    light = qutip.tensor(qutip.qeye(4), a.dag() * a)
    ours = mesolve(L, start, [0, 0.5, 1.0], e_ops=[light], options=TIGHT)
    sites = [qutip.tensor(qutip.Qobj(bf.on_site(N, k, qutip.sigmam())), qutip.qeye(n)) for k in range(N)]
    photon = qutip.tensor(qutip.qeye(4), a)
    H = sum((s.dag() * photon + s * photon.dag() for s in sites), 0)
    c_ops = (
        [photon]
        + [np.sqrt(0.4) * s for s in sites]
        + [np.sqrt(0.3) / 2 * (2 * s.dag() * s - 1) for s in sites]
    )
    start = qutip.tensor(qutip.Qobj(bf.to_full(N, excited(N).full())), qutip.fock_dm(n, 0))
    theirs = qutip.mesolve(
        H, start, [0, 0.5, 1.0], c_ops, e_ops=[photon.dag() * photon],
        options={"atol": 1e-12, "rtol": 1e-11, "progress_bar": ""},
    )  # fmt: skip
    assert np.abs(ours.expect[0] - theirs.expect[0]).max() < 1e-9


# ---- results as QuTiP code uses them ----


def decay(e_ops=None, times=(0.0, 0.5, 1.0), rho0=None, **options):
    return Dicke(4, emission=1.0).mesolve(css(4) if rho0 is None else rho0, times, e_ops, options=options)


def test_observables_by_position_and_by_name():
    jz, jm = jspin(4, "z"), jspin(4, "-")
    by_position = decay([jz, jm])
    by_name = decay({"light": jm, "inversion": jz})
    assert list(by_position.e_data) == [0, 1]
    assert list(by_name.e_data) == ["light", "inversion"]
    assert np.array_equal(by_name.e_data["inversion"], by_position.expect[0])
    assert np.array_equal(by_name.expect[0], by_position.expect[1])
    assert np.isrealobj(by_position.expect[0])
    assert np.iscomplexobj(by_position.expect[1])
    assert decay(jz).expect[0] == pytest.approx(by_position.expect[0], abs=1e-7)
    assert isinstance(by_position.expect, list)
    assert by_position.states == []
    assert by_position.final_state is None


def test_value_does_not_depend_on_what_else_is_asked_for():
    # a coherence that is real throughout is still reported as the complex value of a non-Hermitian operator
    jm = jspin(4, "-")
    alone, beside = decay([jm]), decay([jm, jspin(4, "y")], store_states=True)
    assert np.iscomplexobj(alone.expect[0])
    # both within the default tolerance
    assert np.abs(alone.expect[0] - beside.expect[0]).max() < 1e-6
    assert np.abs(alone.expect[0] - 2 * np.exp(-0.5 * np.array(alone.times))).max() < 1e-6


def test_callables_and_time_dependent_observables():
    w, jz, jp = 3.0, jspin(4, "z"), jspin(4, "+")
    seen = []

    def purity(t, state):
        seen.append(t)
        assert isinstance(state, qutip.Qobj)
        return state.purity()

    turning = qutip.QobjEvo([[jp, lambda t: np.exp(1j * w * t)]])
    hermitian = qutip.QobjEvo([jz, [jz, lambda t: t]])
    result = decay([purity, turning, hermitian, jz, jp], store_states=True)
    assert seen == [0.0, 0.5, 1.0]
    t = np.array(result.times)
    assert result.expect[0] == pytest.approx([state.purity() for state in result.states], abs=1e-12)
    assert np.abs(result.expect[1] - np.exp(1j * w * t) * result.expect[4]).max() < 1e-12
    assert np.isrealobj(result.expect[2])
    assert np.abs(result.expect[2] - (1 + t) * result.expect[3]).max() < 1e-12
    only = decay({"purity": purity})
    assert only.e_data["purity"] == pytest.approx(result.expect[0], abs=1e-6)
    assert only.states == []


def test_which_states_are_kept():
    jz = jspin(4, "z")
    assert len(decay().states) == 3
    assert len(decay([]).states) == 3
    assert len(decay([jz], store_states=True).states) == 3
    assert decay(store_states=False, store_final_state=True).states == []
    final = decay([jz], store_final_state=True)
    assert final.states == []
    assert np.abs((final.final_state - decay().states[-1]).full()).max() < 1e-6
    assert decay().final_state == decay().states[-1]
    nothing = decay(store_states=False)
    assert nothing.states == []
    assert nothing.final_state is None


def test_kets_projectors_and_mixtures_start_alike():
    ket = qutip.basis(9, 0)
    assert np.allclose(
        decay([jspin(4, "z")], rho0=ket).expect, decay([jspin(4, "z")], rho0=ket.proj()).expect
    )
    bell = piqs.dicke(4, 2, 0)
    assert decay(rho0=bell).states[0] == bell


def test_times_need_not_start_at_zero():
    jz = jspin(4, "z")
    early, late = decay([jz], times=[0, 1, 1, 3]), decay([jz], times=[-5, -4, -4, -2])
    assert early.expect[0] == pytest.approx(late.expect[0], abs=1e-7)
    assert late.times == [-5, -4, -4, -2]
    assert decay([jz], times=(2.5,)).expect[0] == pytest.approx([0.0], abs=1e-14)
    H = [[jspin(4, "x"), lambda t: t]]
    turned = mesolve(H, excited(4), [1.0, 2.0], e_ops=[jz])
    assert turned.expect[0][-1] == pytest.approx(2 * np.cos(1.5), abs=1e-6)


def test_stats_options_and_printing(capsys):
    result = decay([jspin(4, "z")])
    stats = result.stats
    assert stats["unknowns"] == 9
    assert stats["method"] in ("exponential", "faber", "rational", "uniformization")
    assert stats["applications"] > 0
    assert stats["run time"] >= 0
    assert result.options["rtol"] == 1e-6
    assert "mesolve" in str(result)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("bar", ["text", "enhanced", True])
def test_progress_bars(bar, capsys):
    decay([jspin(4, "z")], times=np.linspace(0, 1, 101), progress_bar=bar)
    assert "Total run time" in capsys.readouterr().out


def test_options_of_qutip_scripts():
    # names of QuTiP's that have no counterpart are taken without complaint, unknown ones are not
    values = decay([jspin(4, "z")], nsteps=5000, max_step=0.1, method="adams", order=12, progress_bar=None)
    assert values.expect[0][-1] == pytest.approx(-2 * (1 - np.exp(-1)), abs=1e-6)
    for method in ("vern7", "vern9", "dop853", "bdf", "lsoda", "krylov", "diag"):
        assert decay([jspin(4, "z")], method=method).expect[0][-1] == pytest.approx(
            -2 * (1 - np.exp(-1)), abs=1e-5
        )


def test_results_can_be_pickled():
    result = decay([jspin(4, "z")], store_states=True)
    copy = pickle.loads(pickle.dumps(result))
    assert np.array_equal(copy.expect[0], result.expect[0])
    assert copy.states[1] == result.states[1]


def test_input_is_left_alone():
    rho0, jz = css(4), jspin(4, "z")
    before = rho0.copy(), jz.copy()
    options = {"rtol": 1e-7}
    Dicke(4, jz, emission=1.0).mesolve(rho0, [0, 1], [jz], options=options)
    assert (rho0, jz) == before
    assert options == {"rtol": 1e-7}


# ---- memory, interruption, threads ----


def time_crystal(N):
    system = Dicke(N, jspin(N, "x"), collective_emission=1 / N, dephasing=0.01)
    return system, excited(N), jspin(N, "z")


@pytest.mark.parametrize("method", ["faber", "dop853"])
def test_expectation_values_do_not_keep_states(method):
    system, start, jz = time_crystal(32)
    c_ops, H = system.jump_operators(), system.hamiltonian
    options = {"method": method, "rtol": 1e-4}
    mesolve(H, start, [0, 0.1], c_ops, [jz], options=options)
    times = np.linspace(0, 0.2, 800)
    tracemalloc.start()
    result = mesolve(H, start, times, c_ops, [jz], options=options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 800 states would take 20 MB
    assert peak < 0.5 * 8 * result.stats["unknowns"] * times.size
    assert len(result.expect[0]) == times.size


def test_many_outputs_of_a_small_problem_do_not_cost_a_table_of_them():
    H, times = 50.0 * jspin(4, "x"), np.linspace(0, 10, 40_000)
    options = {"method": "faber", "rtol": 1e-9}
    mesolve(H, excited(4), [0, 0.1], e_ops=[jspin(4, "z")], options=options)
    tracemalloc.start()
    result = mesolve(H, excited(4), times, e_ops=[jspin(4, "z")], options=options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.abs(result.expect[0] - 2 * np.cos(50 * times)).max() < 1e-8
    assert peak < 120e6


def interrupting():
    """A coefficient that interrupts the evolution at t = 1, which follows a look at some 600 times."""
    calls = []

    def f(t):
        calls.append(t)
        if 1.0 < t < 1.1 and len(calls) > 700:
            raise KeyboardInterrupt
        return 1.0

    return f


def test_coefficients_are_evaluated_within_the_times_only():
    def pulse(t):
        assert -1 <= t <= 0.5
        return np.sqrt(0.5 - t)

    jz, x = jspin(2, "z"), jspin(2, "x")
    c_ops = [[jspin(2, "-"), pulse]]
    result = mesolve([jz, [x, pulse]], excited(2), [-1, 0.0, 0.5], c_ops, [qutip.QobjEvo([[jz, pulse]])])
    assert result.expect[0][-1] == 0


def test_hermitian_part_with_a_coefficient_that_turns_complex_unseen():
    # real but for a short while: never taken for real in silence
    def f(t):
        return 1j if 0.4001 < t < 0.4003 else 1.0

    with pytest.raises(ValueError, match="must be Hermitian"):
        mesolve([[jspin(2, "x"), f]], excited(2), [0, 1.0], options={"max_step": 1e-4, "rtol": 1e-3})


@pytest.mark.parametrize("centre", [0.4, 2.05, 8.5])
def test_complex_coefficients_wherever_their_support_lies(centre):
    # exp(i w t) in a short window turns the spin about an axis that moves in the plane: in the frame that follows it the
    # angle is what the window is wide, times the coupling
    def f(t):
        return np.exp(3j * t) if abs(t - centre) < 0.05 else 0.0

    sp = qutip.sigmap()
    H = [-1.5 * qutip.sigmaz(), [sp, f], [sp.dag(), lambda t: np.conj(f(t))]]
    times = [0, centre - 0.05, centre + 0.05, 10.0]
    result = mesolve(
        H, qutip.basis(2, 0), times, [], [qutip.sigmaz()], options={"rtol": 1e-10, "max_step": 0.01}
    )
    assert result.expect[0] == pytest.approx([1, 1, np.cos(0.2), np.cos(0.2)], abs=1e-7)


def test_collapse_operator_with_a_coefficient_that_turns_complex_unseen():
    def f(t):
        return 1j if 0.4001 < t < 0.4003 else 1.0

    # |1 + f|^2 is 4 but for a ten-thousandth of the time
    jump = qutip.QobjEvo([jspin(2, "-"), [jspin(2, "-"), f]])
    options = {"max_step": 1e-4, "rtol": 1e-8}
    got = mesolve(0 * jspin(2, "x"), excited(2), [0, 0.5], [jump], [jspin(2, "z")], options=options).expect[
        0
    ][-1]
    exact = mesolve(0 * jspin(2, "x"), excited(2), [0, 0.5], [2 * jspin(2, "-")], [jspin(2, "z")]).expect[0][
        -1
    ]
    assert got == pytest.approx(exact, abs=1e-3)
    assert got != pytest.approx(exact, abs=1e-7)


def test_interruption_leaves_the_results_so_far():
    jz = jspin(4, "z")
    times = np.linspace(0, 2, 21)
    whole = Dicke(4, jspin(4, "x"), emission=1.0).mesolve(css(4), times, [jz])
    with pytest.raises(KeyboardInterrupt) as caught:
        mesolve(
            [[jspin(4, "x"), interrupting()]], css(4), times, Dicke(4, emission=1.0).jump_operators(),
            {"jz": jz}, options={"store_states": True, "max_step": 0.05},
        )  # fmt: skip
    result = caught.value.result
    done = len(result.times)
    assert 8 <= done <= 12
    assert result.times == list(times[:done])
    assert len(result.states) == done
    assert result.e_data["jz"] == pytest.approx(whole.expect[0][:done], abs=1e-6)
    assert result.stats["end_condition"] == "interrupted"


def test_interruption_within_an_observable():
    calls = []

    def stop(t, state):
        if t > 0.65:
            raise KeyboardInterrupt
        calls.append(t)
        return state.tr()

    with pytest.raises(KeyboardInterrupt) as caught:
        decay([stop, jspin(4, "z")], times=np.linspace(0, 1, 11), store_final_state=True)
    result = caught.value.result
    assert len(result.times) == len(calls) == 7
    assert [len(series) for series in result.expect] == [7, 7]
    assert abs(result.final_state.tr() - 1) < 1e-9


def test_an_error_in_an_observable_is_passed_on():
    def broken(t, state):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        decay([broken])


def test_several_threads_at_once():
    # generators beyond 10^5 nonzeros run in parallel; two at once must not end the process
    system, start, jz = time_crystal(32)
    times = np.linspace(0, 0.5, 5)
    expected = system.mesolve(start, times, [jz]).expect[0]
    found = [None] * 4

    def work(k):
        found[k] = system.mesolve(start, times, [jz]).expect[0]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for values in found:
        assert values == pytest.approx(expected, abs=1e-12)


def _in_child(times):
    system, start, jz = time_crystal(32)
    return system.mesolve(start, times, [jz]).expect[0]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_after_a_fork():
    # Numba's thread pools do not survive a fork: a child must not wait for threads that no longer exist
    times = np.linspace(0, 0.5, 5)
    expected = _in_child(times)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        values = pool.apply_async(_in_child, (times,)).get(timeout=60)
    assert values == pytest.approx(expected, abs=1e-12)


def test_ghz_coherence_under_emission():
    # <J_+^N> of N independent emitters decays as exp(-N gamma t / 2); nothing else of the state is needed
    N = 6
    op = jspin(N, "+") ** N
    result = Dicke(N, emission=1.0).mesolve(ghz(N), [0, 1.0], [op])
    assert result.stats["unknowns"] <= 2
    assert result.expect[0][1] / result.expect[0][0] == pytest.approx(np.exp(-N / 2), abs=1e-6)
